#!/usr/bin/env bash
# One test of a sample: the report on samples/NAME.pcapng against the truth beside it.
#
#   sample_test.sh NAME TCPSTALL       or: sample_test.sh --readme TCPSTALL (the table of samples/README.md is today's)
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

report=$(mktemp) || exit 2
trap 'rm -f "$report"' EXIT
"$tcpstall" analyze --json "$samples/$name.pcapng" >"$report"
[ $? -le 1 ] || exit 1
judged=$(jq -c --slurpfile truth "$samples/$name.json" --arg level ab -f "$here/verdict.jq" "$report") || exit 1
jq -r '"\(.grade): expected \(.expected.location)/\(.expected.cause), found: \(.findings)"' <<<"$judged"
case $(jq -r .grade <<<"$judged") in
  exact|place|quiet) exit 0;;
  listed|nothing) grep -q "^sample $name " "$here/shortfalls.txt" && exit 0;;
esac
exit 1
