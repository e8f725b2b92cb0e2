#!/usr/bin/env bash
# Judges `tcpstall analyze` by captures with known truth: every folder below DIR (see lab.sh), from the end of the
# data's sender (a), from the receiver's (b), or from both.
#
#   judge.sh DIR [PATTERN [ENDS]]     ENDS: of "a b ab", default "a b"; TCPSTALL names the program
# Prints FOLDER END GRADE EXPECTED FOUND (verdict.jq tells the grades). Exit status 1: something is missed, wrong, a
# false alarm or a lie.
set -u
here=$(cd "$(dirname "$0")" && pwd)
dir=${1:?usage: judge.sh DIR [PATTERN [ENDS]]} pattern=${2:-.} ends=${3:-a b}
tcpstall=${TCPSTALL:-$here/../../build/release/tcpstall} bad=0 total=0
for folder in "$dir"/*/; do
  name=$(basename "$folder")
  [[ $name =~ $pattern ]] && [ -s "$folder/truth.json" ] && jq -e .confirmed "$folder/truth.json" >/dev/null || continue
  for end in $ends; do
    files=("$folder/$end.pcap"); [ "$end" = ab ] && files=("$folder/a.pcap" "$folder/b.pcap")
    total=$((total + 1))
    timeout 60 "$tcpstall" analyze --json "${files[@]}" >"$folder/$end.json" 2>"$folder/$end.err"; status=$?
    if [ $status -gt 1 ]; then verdict="wrong	exit status $status: $(head -n 1 "$folder/$end.err")"
    else verdict=$(jq -r --slurpfile truth "$folder/truth.json" --arg vantage "$end" -f "$here/verdict.jq" "$folder/$end.json" 2>&1); fi
    expected=$(jq -r '.expect | "\(.location)/\(.cause) \(.severity)"' "$folder/truth.json")
    grade=${verdict%%	*}
    case $grade in exact|place|listed|quiet|blind) ;; *) bad=$((bad + 1));; esac
    printf '%-28s %-2s %-7s expected %s | %s\n' "$name" "$end" "$grade" "$expected" "${verdict#*	}"
  done
done
echo "$bad of $total judgements are bad"
[ $bad = 0 ]
