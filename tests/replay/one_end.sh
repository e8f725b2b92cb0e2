#!/usr/bin/env bash
# Replays with one live end, or none: one_end.sh CASE TCPSTALL. Exit status 77: not possible here (said why).
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
case=$1 tcpstall=$2 samples=$root/samples
PATH=$PATH:/usr/sbin:/sbin
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() { echo "$case: $*" >&2; exit 1; }
skip() { echo "skipped: $*" >&2; exit 77; }

unshare -n true 2>/dev/null || unshare -Un true 2>/dev/null || skip "namespaces are not allowed here"
[ -r /dev/net/tun ] && [ -w /dev/net/tun ] || skip "/dev/net/tun is not accessible"
command -v jq >/dev/null || skip "no jq"

# A busy machine may stall by itself: up to three tries.
comes_back() { # WAY TRACE CAUSE [OPTION]...: CAUSE as the live end tells it
  local way=$1 trace=$2 cause=$3 try; shift 3
  for try in 1 2 3; do
    "$tcpstall" replay --as "$way" "$trace" "$@" --json >"$work/json" 2>"$work/err"
    [ $? = 2 ] && fail "$(cat "$work/err")"
    jq -e --arg cause "$cause" '.verdict == "reproduced" and .recorded.cause == $cause and (.runs[0] | .location_same and .cause_same)
      and (has("control_clean") | not) or .verdict == "reproduced" and .control_clean' "$work/json" >/dev/null && return 0
    echo "try $try: $(jq -c '[.verdict, .recorded.cause, .runs[0].difference, .control.difference]' "$work/json")" >&2
  done
  fail "it does not come back: $(cat "$work/json")"
}

plays() { # ARGUMENT...: wire, as JSON
  "$tcpstall" replay --as wire --json "$@" >"$work/json" 2>"$work/err" || fail "wire $*: $(cat "$work/err" "$work/json")"
}
told() { jq -e "$1" "$work/json" >/dev/null || fail "not so: $1: $(cat "$work/json")"; }

# Processes that a replay has left behind: namespaces have no name, and live as long as these.
mark=replay-test-$$
left_behind() { grep -lzx "REPLAY_TEST=$mark" /proc/[0-9]*/environ 2>/dev/null; }
nothing_left() {
  local try
  for try in 1 2 3 4 5 6 7 8 9 10; do
    left_behind >"$work/left" || return 0
    sleep 0.3
  done
  fail "left behind: $(cat "$work/left")"
}
some_killed() { # WAY NUMBER: at any moment, by SIGKILL and SIGTERM
  local i pid
  for ((i = 0; i < $2; i++)); do
    REPLAY_TEST=$mark "$tcpstall" replay --as "$1" "$samples/path-hold.pcapng" >/dev/null 2>&1 & pid=$!
    sleep $((RANDOM % 2)).$((RANDOM % 10))
    kill -s "$([ $((i % 2)) = 0 ] && echo KILL || echo TERM)" $pid 2>/dev/null
    wait $pid 2>/dev/null
  done
}

case $case in
  peer-zero-window) comes_back peer "$samples/zero-window.pcapng" zero-window --control;;
  peer-ack-hold) comes_back peer "$samples/ack-hold.pcapng" ack-hold --control;;
  peer-rto-backoff) comes_back peer "$samples/rto-backoff.pcapng" rto-backoff --control;;
  peer-slow-reader) comes_back peer "$samples/slow-reader.pcapng" zero-window --control;;
  sender-paws) comes_back sender "$samples/paws-drop.pcapng" paws-drop --control;;
  sender-zero-window) comes_back sender "$samples/zero-window.pcapng" zero-window --control;;
  sender-delayed-ack) comes_back sender "$samples/delayed-ack.pcapng" delayed-ack;;
  evidence) # what the sender's own queue did is not in what the peer answered
    "$tcpstall" replay --as peer "$samples/tx-queue-hold.pcapng" >"$work/out" 2>&1
    [ $? = 3 ] || fail "$(cat "$work/out")"
    grep -q "the cause is local to the sender" "$work/out" || fail "that is not said: $(cat "$work/out")";;
  again) # a live run's recording has one end, and is a trace as any other
    "$tcpstall" replay --as peer "$samples/zero-window.pcapng" -w "$work/live.pcapng" >"$work/out" 2>&1
    [ $? = 1 ] || fail "$(cat "$work/out")"
    "$tcpstall" replay --at client "$work/live.pcapng" >"$work/out" 2>&1
    [ $? = 1 ] || fail "again: $(cat "$work/out")"
    grep -q "Replayed as peer" "$work/out" || fail "not as peer: $(cat "$work/out")";;
  wire) # both ends in step: each frame leaves one device and arrives at the other, nothing is dropped
    plays --speed 20 "$samples/zero-window.pcapng"
    told '.frames == (.ends | map(.arrived + .left) | add) and (.ends | length) == 2'
    told '.ends[0].left == .ends[1].arrived and .ends[1].left == .ends[0].arrived and (.ends | all(.dropped == 0 and .refused == 0))'
    told '.lateness_us.p50 < 1000 and (.played_s - .recorded_s / 20 | fabs) < 0.05'
    plays --speed max --end B "$samples/zero-window.pcapng"
    told '(.ends | length) == 1 and .ends[0].end == "B" and .frames > 0'
    plays --speed max "$samples/2003-tap-stall/report.txt"
    told '.ends | length > 1 and all(.headed > 0 and .dropped == 0)'
    gzip -c "$samples/zero-window.pcapng" | "$tcpstall" replay --as wire --speed max --json - >"$work/json" 2>/dev/null || fail "from a pipe"
    told '(.ends | length) == 2'
    for wrong in "--end C" "--end 1" "--speed 0" "--speed fast" "--tap" "--tap a --tap b --tap c" "--local nowhere"; do
      # shellcheck disable=SC2086 # words
      "$tcpstall" replay --as wire "$samples/zero-window.pcapng" $wrong >/dev/null 2>&1
      [ $? = 2 ] || fail "$wrong is accepted"
    done;;
  wire-device) # a device of the user's, in a namespace of the user's: what is played is what tcpdump sees there
    for tool in unshare ip tcpdump; do command -v $tool >/dev/null || skip "no $tool"; done
    mapping=; [ "$(id -u)" = 0 ] || mapping="-U --map-current-user --keep-caps"
    unshare $mapping -n true 2>/dev/null || skip "namespaces are not allowed here"
    as_root=; [ "$(id -u)" != 0 ] || as_root="-Z root"
    export tcpstall samples work as_root
    # shellcheck disable=SC2016 # for the inner shell
    timeout 60 unshare $mapping -n bash -c '
      sysctl -qw net.ipv6.conf.default.disable_ipv6=1 2>/dev/null
      ip tuntap add mine mode tap && ip link set mine up || exit 77
      tcpdump -i mine -n $as_root -B 8192 -w "$work/seen.pcap" tcp 2>"$work/dump" & pid=$!
      until grep -q "listening on" "$work/dump"; do sleep 0.05; done
      "$tcpstall" replay --as wire --end A --speed 10 --tap mine "$samples/zero-window.pcapng" >"$work/out" 2>&1 || exit 1
      sleep 1.2
      kill $pid; wait $pid
      ip link show mine >/dev/null' || { status=$?; [ $status = 77 ] && skip "no TAP device can be made"; fail "$(cat "$work/out" "$work/dump")"; }
    [ "$("$tcpstall" replay --as wire --speed max --end A --json "$samples/zero-window.pcapng" 2>/dev/null | jq .frames)" = \
      "$(tcpdump -nr "$work/seen.pcap" 2>/dev/null | wc -l)" ] || fail "frames are missing"
    "$tcpstall" analyze --at client --json "$work/seen.pcap" >"$work/json"
    told '[.connections[].findings[].cause] | index("zero-window") != null';;
  killed) # whatever way it ends, nothing is left
    some_killed peer 4
    some_killed sender 3
    some_killed wire 3
    nothing_left;;
  fifty) # the same, 50 times in a row; not part of ctest
    some_killed peer 20
    some_killed sender 15
    some_killed wire 15
    nothing_left;;
  *) echo "no such case: $case" >&2; exit 2;;
esac
