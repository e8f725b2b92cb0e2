#!/usr/bin/env bash
# One test of the lab: makes the traffic of a line of matrix.txt and lets the analyzer judge it from either end.
#
#   test.sh NAME TCPSTALL      LAB_BIN names the folder of lab_endpoint and tcpstall-pathemu
# Exit status 0 rightly judged, 1 not, 77 not possible here or not brought about (a busy machine): said why.
set -u
here=$(cd "$(dirname "$0")" && pwd)
name=${1:?usage: test.sh NAME TCPSTALL} tcpstall=${2:?usage: test.sh NAME TCPSTALL}
command -v jq >/dev/null || { echo "skipped: no jq"; exit 77; }
read -r _ scenario keys < <(grep -h "^$name " "$here"/*matrix.txt) || { echo "$name is not in matrix.txt"; exit 2; }
export TCPSTALL=$tcpstall
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
for _ in 1 2 3; do
  # shellcheck disable=SC2086
  "$here/run.sh" "$scenario" "$out/$name" $keys
  status=$?
  [ $status = 1 ] || break
done
[ $status = 1 ] && { echo "skipped: three times not brought about as intended"; exit 77; }
[ $status = 0 ] || exit $status
"$here/judge.sh" "$out"
