#!/usr/bin/env bash
# How fast the path emulator carries frames, and how late, on this machine and at this load.
#
#   tests/bench/path.sh [BUILD-FOLDER [SECONDS]]       (build/release, 3)
#
# iperf3 runs between two namespaces, joined by tcpstall-pathemu, frame by frame and with offload. Nothing here is a
# test: no figure makes it fail. What a processor could do is computed from the time that the emulator used, so that
# it says something on a busy machine too; that time includes the receiving kernel's work for each frame.
set -u
cd "$(dirname "$0")/../.." || exit 2
build=${1:-build/release} seconds=${2:-3}
build=$(cd "$build" && pwd) || exit 2
emulator=$build/tests/tcpstall-pathemu
PATH=$PATH:/usr/sbin:/sbin
for tool in unshare nsenter ip ss iperf3 jq; do
  command -v $tool >/dev/null || { echo "skipped: no $tool"; exit 77; }
done
[ -x "$emulator" ] || { echo "skipped: $emulator is not built"; exit 77; }

# Everything below happens in namespaces of our own; when this shell ends, the kernel ends what ran in them.
if [ -z "${PATH_BENCH_INSIDE:-}" ]; then
  mapping=; [ "$(id -u)" = 0 ] || mapping=-r
  unshare $mapping -mnp --fork --mount-proc true 2>/dev/null || { echo "skipped: no namespaces here"; exit 77; }
  [ -w /dev/net/tun ] || { echo "skipped: /dev/net/tun is not accessible"; exit 77; }
  PATH_BENCH_INSIDE=1 exec unshare $mapping -mnp --fork --kill-child --mount-proc bash "$0" "$build" "$seconds"
fi

work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
unshare -n sleep 100000 &
far=$!
until [ "$(readlink /proc/$far/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.01; done
b() { nsenter -t $far -n "$@"; }
ip link set lo up
b ip link set lo up
# So that TCP's own windows are not what limits a transfer with a delay.
for name in rmem wmem; do
  sysctl -qw "net.ipv4.tcp_$name=4096 131072 67108864"
  b sysctl -qw "net.ipv4.tcp_$name=4096 131072 67108864"
done

start() { # [RULE]...
  local rule rules=()
  for rule in "$@"; do rules+=(--rule "$rule"); done
  : >"$work/ready"
  "$emulator" --a $$ --b $far --log "$work/log" "${rules[@]}" >"$work/ready" 2>"$work/trouble" &
  pid=$!
  until grep -q ready "$work/ready"; do
    kill -0 $pid 2>/dev/null || { cat "$work/trouble"; exit 77; }
    sleep 0.01
  done
  ip link set tap0 address 02:00:00:00:00:0a
  b ip link set tap0 address 02:00:00:00:00:0b
  ip addr add 10.9.0.1/24 dev tap0
  b ip addr add 10.9.0.2/24 dev tap0
  ip neigh replace 10.9.0.2 lladdr 02:00:00:00:00:0b dev tap0 nud permanent
  b ip neigh replace 10.9.0.1 lladdr 02:00:00:00:00:0a dev tap0 nud permanent
}

stop() {
  kill $pid
  wait $pid
}

iperf() { # [OPTION]...: prints Gbit/s received
  b iperf3 -s -1 -p 5201 >/dev/null 2>&1 &
  local server=$!
  until b ss -Hltn sport = 5201 | grep -q .; do sleep 0.02; done
  iperf3 -J -c 10.9.0.2 -p 5201 -t "$seconds" "$@" | jq '.end.sum_received.bits_per_second / 1e9'
  wait $server
}

row() { # TITLE GBIT
  jq -r --arg title "$1" --argjson gbit "${2:-0}" 'select(.act == "stop") |
    [$title, ($gbit * 100 | round / 100), (.bytes_out.ab * 8 / .cpu_ns * 100 | round / 100),
     ((.lateness.p50_ns, .lateness.p99_ns, .lateness.max_ns) / 1000 | round),
     .ring_drops.ab + .ring_drops.ba, .write_failures.ab + .write_failures.ba] |
    "| \(.[0]) | \(.[1]) | \(.[2]) | \(.[3]) / \(.[4]) / \(.[5]) | \(.[6]) | \(.[7]) |"' "$work/log"
}

transfer() { # TITLE [RULE]...
  local title=$1 gbit
  shift
  start "$@"
  gbit=$(iperf -C cubic)
  stop
  row "$title" "$gbit"
}

paced() { # TITLE RATE [RULE]...: small load, for the timing
  local title=$1 rate=$2 gbit
  shift 2
  start "$@"
  gbit=$(iperf -u -l 1400 -b "$rate")
  stop
  row "$title" "$gbit"
}

echo "Load: $(cut -d' ' -f1-3 /proc/loadavg), processors: $(nproc), kernel $(uname -r), $seconds s each"
echo
echo "| path | Gbit/s | Gbit per second of processor time | late p50 / p99 / max, us | ring drops | write failures |"
echo "|---|---:|---:|---:|---:|---:|"
transfer "frame by frame"
transfer "frame by frame, 10 ms there and back" "both delay 10ms"
transfer "the same, eight rules" "both delay 10ms" "ab drop byte=5 copies=9" "ab drop bytes=10..20 copies=9" \
  "ab drop kind=syn nth=9" "both ttl add=-3 log=first" "both wscale 9 kind=rst" "ab drop from=byte:ab:1000GB" "both reorder 3 prob=0"
transfer "offload" "offload on"
transfer "offload, 10 ms there and back" "offload on" "both delay 10ms"
paced "100 Mbit/s of UDP, 20 ms" 100M "both delay 20ms"
paced "100 Mbit/s of UDP, rate 200 Mbit/s, 20 ms" 100M "both delay 20ms" "both rate 200mbit"
echo
echo "The engine alone, nanoseconds a frame of 1514 bytes (a third of 66):"
echo
loop=$build/bench/path_loop
[ -x "$loop" ] || exit 0
echo "| rules | ns |"
echo "|---|---:|"
echo "| none | $("$loop" 2000000) |"
echo "| 10 ms, 10,000 frames on their way | $("$loop" 2000000 "both delay 10ms") |"
echo "| eight that look at each frame | $("$loop" 2000000 "ab drop byte=5" "ab drop byte=10" "ab drop byte=5 from=1s" \
  "ab drop byte=10 from=byte:ab:900000000" "ab drop byte=5 from=idle:1s" "ab drop byte=10 kind=syn" \
  "ab drop byte=5 nth=5" "ab drop byte=10") |"
