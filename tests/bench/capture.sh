#!/usr/bin/env bash
# What captures lose, and what they cost, side by side at rising rates on a veth: tcpdump and dumpcap as they are and with a
# large buffer, and tcpstall capture.
#
#   tests/bench/capture.sh [BUILD-FOLDER [SECONDS [RATE...]]]       (build/release, 3, 20000 to 400000 packets a second)
#
# All write to files of the same folder (BENCH_DIR, default TMPDIR). Each rate is one round: the programs take turns, so
# that a busy moment of the machine hits them alike only over several rounds (ROUNDS, default 1). BYTES is the size of
# their contents (200). Nothing here is a test: no figure makes it fail.
set -u
cd "$(dirname "$0")/../.." || exit 2
build=${1:-build/release} seconds=${2:-3}
build=$(cd "$build" && pwd) || exit 2
shift $(($# < 2 ? $# : 2))
[ $# -gt 0 ] || set -- 20000 50000 100000 200000 400000
PATH=$PATH:/usr/sbin:/sbin
for tool in unshare ip jq tcpdump dumpcap capinfos; do
  command -v $tool >/dev/null || { echo "skipped: no $tool"; exit 77; }
done
[ -x "$build/bench/flood" ] || { echo "skipped: $build/bench/flood is not built"; exit 77; }
if [ -z "${CAPTURE_BENCH_INSIDE:-}" ]; then
  mapping=; [ "$(id -u)" = 0 ] || mapping=-r
  unshare $mapping -mnp --fork --mount-proc true 2>/dev/null || { echo "skipped: no namespaces here"; exit 77; }
  CAPTURE_BENCH_INSIDE=1 exec unshare $mapping -mnp --fork --kill-child --mount-proc bash "$0" "$build" "$seconds" "$@"
fi

work=$(mktemp -d -p "${BENCH_DIR:-${TMPDIR:-/tmp}}") || exit 2
chmod 777 "$work" # tcpdump gives its rights up before it writes
trap 'rm -rf "$work"' EXIT
ip link set lo up
ip link add near type veth peer name far
for device in near far; do sysctl -qw net.ipv6.conf.$device.disable_ipv6=1 2>/dev/null; done
ip addr add 10.9.0.1/24 dev near && ip link set near up && ip link set far up
ip neigh replace 10.9.0.9 lladdr 02:00:00:00:00:09 dev near nud permanent

names=(tcpdump tcpdump-64M dumpcap dumpcap-64M tcpstall)
run() { # NAME FILE
  case $1 in
    tcpdump) exec tcpdump -i near -w "$2" ;;
    tcpdump-64M) exec tcpdump -i near -B 65536 -w "$2" ;;
    dumpcap) exec dumpcap -q -i near -w "$2" ;;
    dumpcap-64M) exec dumpcap -q -i near -B 64 -w "$2" ;;
    tcpstall) exec "$build/tcpstall" capture -i near -w "$2" ;;
  esac
}
# Seconds of processor time of all that was waited for, and of their children.
children() { # FILE
  times >"$1"
}
seconds_in() { sed -n 2p "$1" | tr 'ms' '  ' | awk '{ print $1 * 60 + $2 + $3 * 60 + $4 }'; }

one() { # NAME RATE
  local file=$work/trace sent rate found
  rm -f "$file"
  run "$1" "$file" >"$work/said" 2>&1 &
  local pid=$!
  until grep -qisE "listening|Ctrl-C|Capturing" "$work/said"; do kill -0 $pid 2>/dev/null || { cat "$work/said" >&2; return; }; sleep 0.02; done
  sleep 0.3
  read -r sent rate < <("$build/bench/flood" 10.9.0.9 9 "${BYTES:-200}" "$2" "$seconds")
  sleep 1.5 # tcpdump does not empty the kernel's buffer at the end
  children "$work/before"
  kill -INT $pid
  wait $pid
  children "$work/after"
  found=$(capinfos -TMrc "$file" 2>/dev/null | awk '{ print $NF }')
  awk -v name="$1" -v sent="$sent" -v rate="$rate" -v found="${found:-0}" -v cpu="$(echo "$(seconds_in "$work/after") $(seconds_in "$work/before")" | awk '{ print $1 - $2 }')" 'BEGIN {
    printf "%-12s %9d packets/s %10d sent %10d in the file %8.3f %% lost %8.2f us of processor time each\n", name, rate, sent, found, 100 * (sent - found) / sent, 1e6 * cpu / sent }'
}

for rate in "$@"; do
  for ((round = 0; round < ${ROUNDS:-1}; round++)); do
    for name in "${names[@]}"; do one "$name" "$rate"; done
  done
  echo
done
