#!/usr/bin/env bash
# What the dashboard's processes hold in memory, and how it grows: thousands of connections, each of which lives for some
# seconds and is followed by another one.
#
#   tests/bench/live_memory.sh [BUILD-FOLDER [MINUTES [CONNECTIONS [PACKETS-PER-SECOND]]]]     (build/release, 10, 5000, 50000)
#
# Prints a line a minute. Nothing here is a test: no figure makes it fail.
set -u
cd "$(dirname "$0")/../.." || exit 2
build=${1:-build/release} minutes=${2:-10} connections=${3:-5000} rate=${4:-50000}
build=$(cd "$build" && pwd) || exit 2
PATH=$PATH:/usr/sbin:/sbin
for tool in unshare ip pgrep; do
  command -v $tool >/dev/null || { echo "skipped: no $tool"; exit 77; }
done
[ -x "$build/bench/terminal" ] || { echo "skipped: $build/bench/terminal is not built"; exit 77; }
if [ -z "${LIVE_BENCH_INSIDE:-}" ]; then
  mapping=; [ "$(id -u)" = 0 ] || mapping=-r
  unshare $mapping -mnp --fork --mount-proc true 2>/dev/null || { echo "skipped: no namespaces here"; exit 77; }
  LIVE_BENCH_INSIDE=1 exec unshare $mapping -mnp --fork --kill-child --mount-proc bash "$0" "$build" "$minutes" "$connections" "$rate"
fi

work=$(mktemp -d -p "${BENCH_DIR:-${TMPDIR:-/tmp}}") || exit 2
trap 'rm -rf "$work"' EXIT
export LC_ALL=C.UTF-8
ip link set lo up
ip link add near type veth peer name far
for device in near far; do sysctl -qw net.ipv6.conf.$device.disable_ipv6=1 2>/dev/null; done
ip link set near up && ip link set far up

TCP_FLOOD_LIFE=${LIFE:-500} "$build/bench/tcp_flood" near far "$connections" "$rate" $((minutes * 60 + 30)) >"$work/flood" 2>&1 &
flood=$!
"$build/bench/terminal" 40 120 $((minutes * 60 + 5)) 3 0 "$build/tcpstall" live -i near -i far 3>"$work/report" 2>"$work/said" &
driver=$!
until grep -q '^pid' "$work/report"; do sleep 0.1; done
program=$(awk '/^pid/ { print $2 }' "$work/report")
resident() { awk '/^VmRSS|^RssAnon|^RssShmem/ { printf " %s %.1f MiB", tolower(substr($1, 1, length($1) - 1)), $2 / 1024 }' /proc/"$1"/status; }
for ((minute = 0; minute <= minutes; minute++)); do
  sleep $((minute == 0 ? 2 : 60))
  analyst=$(pgrep -P "$program" | sort -n | tail -n 1)
  printf '%2d min: analysing:%s; screen:%s; packets so far: %s\n' "$minute" "$(resident "$analyst")" \
    "$(resident "$(pgrep -P "$program" -f tcpstall-screen || pgrep -P "$program" -x tcpstall-screen)" 2>/dev/null)" \
    "$(awk '$1 == "near:" { print $3 + $11 }' /proc/net/dev)"
done
wait $driver
kill $flood 2>/dev/null
grep -E '^(key|ended)' "$work/report"
cat "$work/said" | tail -n 3
