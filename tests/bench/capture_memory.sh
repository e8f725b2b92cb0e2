#!/usr/bin/env bash
# What memory `tcpstall capture` has while it records for long under load: its own of all its processes, and what they share.
#
#   tests/bench/capture_memory.sh [BUILD-FOLDER [SECONDS [RATE [OPTION...]]]]      (build/release, 300, 20000 packets a second)
#
# Both ends of a veth, into a ring of files. Prints a line every SECONDS/15, and at the end by how much its own memory grew since
# a fifth of the time had passed. Options are for capture: `--until-stall` for the flight recorder. Exit status 1 if it grew by more than 2 MiB.
set -u
cd "$(dirname "$0")/../.." || exit 2
build=${1:-build/release} seconds=${2:-300} rate=${3:-20000}
build=$(cd "$build" && pwd) || exit 2
shift $(($# < 3 ? $# : 3))
PATH=$PATH:/usr/sbin:/sbin
for tool in unshare ip jq pgrep; do command -v $tool >/dev/null || { echo "skipped: no $tool"; exit 77; }; done
[ -x "$build/bench/flood" ] || { echo "skipped: $build/bench/flood is not built"; exit 77; }
if [ -z "${CAPTURE_BENCH_INSIDE:-}" ]; then
  mapping=; [ "$(id -u)" = 0 ] || mapping=-r
  unshare $mapping -mnp --fork --mount-proc true 2>/dev/null || { echo "skipped: no namespaces here"; exit 77; }
  CAPTURE_BENCH_INSIDE=1 exec unshare $mapping -mnp --fork --kill-child --mount-proc bash "$0" "$build" "$seconds" "$rate" "$@"
fi

work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
ip link set lo up
ip link add near type veth peer name far
for device in near far; do sysctl -qw net.ipv6.conf.$device.disable_ipv6=1 2>/dev/null; done
ip addr add 10.9.0.1/24 dev near && ip link set near up && ip link set far up
ip neigh replace 10.9.0.9 lladdr 02:00:00:00:00:09 dev near nud permanent
ring=(--ring-size 50M --ring-count 2)
[ $# = 0 ] || ring=("$@")
"$build/tcpstall" capture -i near -i far -w "$work/trace.pcapng" "${ring[@]}" 2>"$work/said" &
capture=$!
until grep -q "Ctrl-C" "$work/said"; do kill -0 $capture || { cat "$work/said"; exit 2; }; sleep 0.05; done
"$build/bench/flood" 10.9.0.9 9 200 "$rate" "$seconds" >"$work/sent" &

# KiB of all its processes: not shared; shared (each process counts it).
memory() {
  local pid
  for pid in $capture $(pgrep -P $capture); do cat "/proc/$pid/status"; done 2>/dev/null |
    awk '/^VmRSS:/ { all += $2 } /^RssShmem:/ { shared += $2 } END { print all - shared, shared }'
}
base=0 own=0
for ((i = 1; i <= 15; i++)); do
  sleep "$(awk -v s="$seconds" 'BEGIN { print s / 15.2 }')"
  read -r own shared < <(memory)
  [ $i = 3 ] && base=$own
  printf '%4d s  own %7d KiB  shared queues %7d KiB\n' $((i * seconds / 15)) "$own" "$shared"
done
kill -INT $capture
wait $capture
cat "$work/said"
echo "sent: $(cat "$work/sent" 2>/dev/null); its own memory grew by $((own - base)) KiB since a fifth of the time"
[ $((own - base)) -le 2048 ]
