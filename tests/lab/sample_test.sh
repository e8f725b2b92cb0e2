#!/usr/bin/env bash
# One test of a sample: the report on samples/NAME.pcapng against the truth beside it.
#
#   sample_test.sh NAME TCPSTALL
#   sample_test.sh --readme TCPSTALL      the table of samples/README.md is today's
#   sample_test.sh --complete TCPSTALL    every cause of docs/causes.md has a sample, whose effect was confirmed
# What falls short for a known reason is in shortfalls.txt (level "sample"). Exit status 77: skipped, said why.
set -u
here=$(cd "$(dirname "$0")" && pwd)
samples=$here/../../samples
name=${1:?usage: sample_test.sh NAME TCPSTALL} tcpstall=${2:?usage: sample_test.sh NAME TCPSTALL}
command -v jq >/dev/null || { echo "skipped: no jq"; exit 77; }

if [ "$name" = --readme ]; then
  diff <(sed '1,/^<!-- table:begin/d; /^<!-- table:end/,$d' "$samples/README.md") <(TCPSTALL=$tcpstall "$here/samples" --print) &&
    exit 0
  echo "samples/README.md is not what the program prints: tests/lab/samples --readme"
  exit 1
fi

# What the two ends disagree about (from mss-rewritten to payload-altered) is fact, not cause; `unknown` is neither.
if [ "$name" = --complete ]; then
  missing=$(sed -n '/^| code /,/^$/s/^| `\([a-z-]*\)` .*/\1/p' "$here/../../docs/causes.md" | sed '/^mss-rewritten/,/^payload-altered/d; /^unknown/d' |
    while read -r cause; do
      jq -e '.confirmed and (.confirmed_by | length) > 0' "$samples/$cause.json" >/dev/null 2>&1 && [ -s "$samples/$cause.pcapng" ] ||
        echo "$cause: no sample, or not confirmed"
    done
    find "$samples" -maxdepth 1 -name '*.pcapng' -size +64k -printf '%f: too large for a sample\n')
  [ -z "$missing" ] && exit 0
  echo "$missing"; exit 1
fi

report=$(mktemp) || exit 2
trap 'rm -f "$report"' EXIT
"$tcpstall" analyze --json "$samples/$name.pcapng" >"$report"
[ $? -le 1 ] || exit 1
judged=$(jq -c --slurpfile truth "$samples/$name.json" --arg level "$(jq -r 'if .ends == ["a"] then "a" else "ab" end' "$samples/$name.json")" -f "$here/verdict.jq" "$report") || exit 1
jq -r '"\(.grade): expected \(.expected.location)/\(.expected.cause), found: \(.findings)"' <<<"$judged"
case $(jq -r .grade <<<"$judged") in
  exact|place|quiet) exit 0;;
  listed|nothing) grep -q "^sample $name " "$here/shortfalls.txt" && exit 0;;
esac
exit 1
