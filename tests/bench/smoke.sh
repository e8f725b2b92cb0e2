#!/usr/bin/env bash
# smoke.sh GENERATE TCPSTALL: small ones of the bench's captures are made and analysed. Nothing is timed.
set -euo pipefail
generate=$1 tcpstall=$2
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT

fail() { echo "$*" >&2 && exit 1; }

# check MODE PACKETS CONNECTIONS
check() {
  local capture=$directory/$1.pcap status=0
  "$generate" "$1" "$capture" --packets "$2" --connections "$3" >"$directory/facts"
  "$tcpstall" analyze --json "$capture" >"$directory/report.json" || status=$?
  [ $status -le 1 ] || fail "$1: exit status $status"
  local packets connections
  packets=$(sed -n 's/^packets=\([0-9]*\).*/\1/p' "$directory/facts")
  grep -qE "\"frames\": ?$packets\b" "$directory/report.json" || fail "$1: the report does not count $packets frames"
  connections=$(grep -oE '"role_source"' "$directory/report.json" | wc -l)
  [ "$1" = synflood ] || [ "$connections" = "$3" ] || fail "$1: $connections connections in the report instead of $3"
  # The same twice is the same: threads must not show.
  "$tcpstall" analyze --json "$capture" >"$directory/again.json" || [ $? -le 1 ]
  cmp -s "$directory/report.json" "$directory/again.json" || fail "$1: a second run says something else"
}

check mixed 20000 50
check idle 1 300
check synflood 20000 1
