#!/usr/bin/env bash
# Judges `tcpstall analyze` by runs with known truth: every folder below DIR (see lab.sh), at each evidence level:
# a (the end of the data's sender alone), b (the receiver's alone), ab (both), sockets (both, with the socket samples of
# a recording made by the program itself, recording.pcapng; runs without one are left out, and one that lacks frames that
# other captures have is bad).
#
#   judge.sh DIR [PATTERN [LEVELS]]     LEVELS: of "a b ab sockets", default all; TCPSTALL names the program
# Prints RUN LEVEL GRADE EXPECTED | FOUND (verdict.jq tells the grades), and writes DIR/judgements.jsonl. Exit status 1:
# something is missed, wrong, a false alarm or a lie.
set -u
here=$(cd "$(dirname "$0")" && pwd)
dir=${1:?usage: judge.sh DIR [PATTERN [LEVELS]]} pattern=${2:-.} levels=${3:-a b ab sockets}
tcpstall=${TCPSTALL:-$here/../../build/release/tcpstall} bad=0 total=0
: >"$dir/judgements.jsonl"

judge() { # FOLDER LEVEL FILE...: one line of JSON
  local folder=$1 level=$2 status; shift 2
  timeout 60 "$tcpstall" analyze --json "$@" >"$folder/$level.json" 2>"$folder/$level.err"; status=$?
  if [ $status -gt 1 ]; then
    jq -c --arg why "exit status $status: $(head -n 1 "$folder/$level.err")" \
      '{grade: "wrong", expected: .expect, found: {location: "none", cause: "none", confidence: "none", severity: "none"},
        alarms: 0, proven: 0, lies: 0, findings: $why}' "$folder/truth.json"
  else
    jq -c --slurpfile truth "$folder/truth.json" --arg level "$level" -f "$here/verdict.jq" "$folder/$level.json"
  fi
}

for folder in "$dir"/*/; do
  name=$(basename "$folder")
  [[ $name =~ $pattern ]] || continue
  jq -e .confirmed "$folder/truth.json" >/dev/null 2>&1 || continue
  for level in $levels; do
    case $level in
      ab) files=("$folder/a.pcap" "$folder/b.pcap" --lossless=all);; # a run with drops is not confirmed
      sockets) files=("$folder/recording.pcapng");;
      *) files=("$folder/$level.pcap");;
    esac
    [ -s "${files[0]}" ] || continue
    total=$((total + 1))
    if [ "$level$(jq -r .recording "$folder/truth.json")" = socketsdiffers ]; then
      echo "$name: the recording is not complete: $(paste -sd ' ' "$folder/recording.compared")"
      bad=$((bad + 1)); continue
    fi
    line=$(judge "$folder" "$level" "${files[@]}")
    jq -c --arg run "$name" --arg level "$level" --slurpfile truth "$folder/truth.json" \
      '{run: $run, scenario: $truth[0].scenario, level: $level} + .' <<<"$line" >>"$dir/judgements.jsonl"
    case $(jq -r .grade <<<"$line") in exact|place|listed|quiet|blind|nothing) ;; *) bad=$((bad + 1));; esac
    jq -r --arg run "$name" --arg level "$level" '[($run + " " * 30)[:30], ($level + "     ")[:7], (.grade + "       ")[:7],
      "expected \(.expected.location)/\(.expected.cause) \(.expected.severity) |", .findings] | join(" ")' <<<"$line"
  done
done
echo "$bad of $total judgements are bad"
[ $bad = 0 ]
