#!/usr/bin/env bash
# Live replays: replay.sh CASE TCPSTALL. Exit status 77: not possible here (said why).
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
case=$1 tcpstall=$2 samples=$root/samples
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() { echo "$case: $*" >&2; exit 1; }
skip() { echo "skipped: $*" >&2; exit 77; }

unshare -n true 2>/dev/null || unshare -Un true 2>/dev/null || skip "namespaces are not allowed here"
[ -r /dev/net/tun ] && [ -w /dev/net/tun ] || skip "/dev/net/tun is not accessible"
command -v jq >/dev/null || skip "no jq"

# A busy machine may stall by itself: up to three tries.
comes_back() { # TRACE LOCATION CAUSE
  local try
  for try in 1 2 3; do
    "$tcpstall" replay "$1" --control --json >"$work/json" 2>"$work/err"
    [ $? = 2 ] && { grep -q "tbf" "$work/err" && skip "no tbf in this kernel"; fail "$(cat "$work/err")"; }
    jq -e --arg location "$2" --arg cause "$3" '.verdict == "reproduced" and .recorded.location == $location and .recorded.cause == $cause
      and (.runs[0] | .location_same and .cause_same and .duration_close) and .control_clean' "$work/json" >/dev/null && return 0
    echo "try $try: $(jq -c '[.verdict, .runs[0].difference, .control.difference]' "$work/json")" >&2
  done
  fail "it does not come back: $(cat "$work/json")"
}

status() { # EXPECTED ARGUMENT...
  local expected=$1 got; shift
  "$tcpstall" replay "$@" >"$work/out" 2>&1; got=$?
  [ $got = "$expected" ] || fail "replay $*: exit status $got, not $expected: $(cat "$work/out")"
}

# Processes that a replay has left behind: namespaces have no name, and live as long as these.
mark=replay-test-$$
left_behind() { [ -n "$(grep -lzx "REPLAY_TEST=$mark" /proc/[0-9]*/environ 2>/dev/null)" ]; }
nothing_left() {
  local try
  for try in 1 2 3 4 5 6 7 8 9 10; do
    left_behind || return 0
    sleep 0.3
  done
  fail "processes are left behind"
}

case $case in
  zero-window) comes_back "$samples/zero-window.pcapng" receiver-app zero-window;;
  path-hold) comes_back "$samples/path-hold.pcapng" forward-path path-hold;;
  ack-loss) comes_back "$samples/ack-loss.pcapng" reverse-path ack-loss;;
  app-idle) comes_back "$samples/app-idle.pcapng" sender-app app-idle;;
  nagle) comes_back "$samples/nagle-delayed-ack.pcapng" sender-tcp nagle-delayed-ack;;
  window-scale) comes_back "$samples/window-scale-rewritten.pcapng" reverse-path window-scale-rewritten;;
  first-seed)
    comes_back "$samples/2003-tap-stall/report.txt" sender-queue tx-queue-hold
    status 1 "$samples/2003-tap-stall/report.txt" --control
    grep -q 'this refutes that "the ACK was' "$work/out" || fail "it does not say what is refuted: $(cat "$work/out")";;
  nothing)
    status 0 "$samples/healthy.pcapng"
    grep -q "Nothing to reproduce" "$work/out" || fail "$(cat "$work/out")"
    status 2 "$samples/README.md"
    status 2 --scenario "$samples/README.md"
    status 2 --as teleport "$samples/path-hold.pcapng";;
  host) # what a host does to itself: its input drops what arrives, its accept queue is full
    comes_back "$samples/local-drop-input.pcapng" receiver-tcp local-drop-input
    comes_back "$samples/listen-overflow.pcapng" receiver-app listen-overflow;;
  paws) comes_back "$samples/paws-drop.pcapng" receiver-tcp paws-drop;;
  not-reproduced) # a firewall for what leaves is not replayed: it does not come back, and what differed is said
    status 3 "$samples/local-drop-output.pcapng"
    grep -q "^NOT REPRODUCED (0 of 1 runs): ." "$work/out" || fail "$(cat "$work/out")"
    status 1 "$samples/local-drop-output.pcapng" --expect stall
    status 0 "$samples/local-drop-output.pcapng" --expect clean;;
  minimize) # five impairments, of which one causes the stall
    status 1 --scenario "$root/tests/replay/five.scenario" -w "$work/five.pcapng"
    status 1 "$work/five.pcapng" --minimize
    sed -n '/^MINIMIZED/,$p' "$work/out" >"$work/smallest"
    [ "$(grep -c '^ab \(drop\|hold\|reorder\)\|^ba \(drop\|hold\|reorder\)' "$work/smallest")" = 1 ] ||
      fail "more than one is left: $(cat "$work/smallest")"
    grep -q '^ab drop bytes=19' "$work/smallest" || fail "the wrong one is left: $(cat "$work/smallest")"
    sed -n '/^# Made/,$p' "$work/smallest" >"$work/smallest.scenario"
    status 1 --scenario "$work/smallest.scenario";;
  killed) # whatever way it ends, nothing is left
    for pause in 0.05 0.2 0.5 1 1.5; do
      REPLAY_TEST=$mark "$tcpstall" replay "$samples/path-hold.pcapng" >/dev/null 2>&1 & pid=$!
      sleep $pause
      [ $pause != 1 ] || left_behind || fail "the test does not see what it looks for"
      kill -9 $pid 2>/dev/null
      wait $pid 2>/dev/null
    done
    nothing_left;;
  fifty) # in a row, each third one killed at some moment, each third one interrupted
    for ((i = 0; i < 50; i++)); do
      REPLAY_TEST=$mark "$tcpstall" replay --scenario "$root/tests/replay/pause.scenario" >"$work/out" 2>&1 & pid=$!
      case $((i % 3)) in
        1) sleep 0.$((RANDOM % 9))5; kill -9 $pid 2>/dev/null;;
        2) sleep 0.$((RANDOM % 9))5; kill -TERM $pid 2>/dev/null;;
      esac
      wait $pid 2>/dev/null; status=$?
      [ $((i % 3)) != 0 ] || [ $status = 1 ] || [ $status = 3 ] || fail "run $i: status $status: $(cat "$work/out")"
    done
    nothing_left;;
  *) echo "no such case: $case" >&2; exit 2;;
esac
