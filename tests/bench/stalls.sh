#!/usr/bin/env bash
# How late stalls are told where many streams stop at once: both ends of a link with thousands of connections are watched, and
# some of the connections stand still from one moment on.
#
#   tests/bench/stalls.sh [BUILD-FOLDER [STALLS [CONNECTIONS [PACKETS-PER-SECOND]]]]     (build/release, 40, 1000, 20000)
#
# Late is the time from the threshold (200 ms after the last progress) to the line that tells it: of the first word, whose it
# may be, and of the verdict of both ends. Nothing here is a test: no figure makes it fail.
set -u
cd "$(dirname "$0")/../.." || exit 2
build=${1:-build/release} stalls=${2:-40} connections=${3:-1000} rate=${4:-20000}
build=$(cd "$build" && pwd) || exit 2
PATH=$PATH:/usr/sbin:/sbin
for tool in unshare ip jq; do
  command -v $tool >/dev/null || { echo "skipped: no $tool"; exit 77; }
done
[ -x "$build/bench/tcp_flood" ] || { echo "skipped: $build/bench/tcp_flood is not built"; exit 77; }
if [ -z "${STALLS_BENCH_INSIDE:-}" ]; then
  mapping=; [ "$(id -u)" = 0 ] || mapping=-r
  unshare $mapping -mnp --fork --mount-proc true 2>/dev/null || { echo "skipped: no namespaces here"; exit 77; }
  STALLS_BENCH_INSIDE=1 exec unshare $mapping -mnp --fork --kill-child --mount-proc bash "$0" "$build" "$stalls" "$connections" "$rate"
fi

work=$(mktemp -d -p "${BENCH_DIR:-${TMPDIR:-/tmp}}") || exit 2
chmod 777 "$work"
trap 'rm -rf "$work"' EXIT
ip link set lo up
ip link add near type veth peer name far
for device in near far; do sysctl -qw net.ipv6.conf.$device.disable_ipv6=1 2>/dev/null; done
ip link set near up && ip link set far up

"$build/tcpstall" capture -q -i near -i far --until-stall --rearm --json --no-samples -w "$work/stall.pcapng" >"$work/told" 2>"$work/said" &
capture=$!
sleep 1
"$build/bench/tcp_flood" near far "$connections" "$rate" 10 "$stalls" 5 3 >"$work/flood"
sleep 1
cpu=$(for pid in $(pgrep -P $capture); do awk '{ print $1 / 1e6 }' /proc/"$pid"/schedstat; done | sort -n | tail -n 1)
kill -INT $capture
wait $capture
echo "$stalls of $connections connections stopped, $(cut -d' ' -f2 "$work/flood") packets a second, load $(cut -d' ' -f1 /proc/loadavg), ${cpu%.*} ms of processor time of who analyses"
late() { # WHAT
  sort -n | awk -v what="$1" '{ t[n++] = $1 } END { if (n) printf "  %s: %d, median %.2f s late, 90 %% within %.2f s, last %.2f s\n", what, n, t[int(n / 2)], t[int(n * 0.9)], t[n - 1]
    else printf "  %s: none\n", what }'
}
told='select(.connection.findings[0].kind == "stall") | . as $e | .connection.findings[0] | select(.duration_s < 2.9)'
jq -r "select(.connection.findings[0].state == \"open\") | $told | (\$e.time_s - .start_s - 0.2)" "$work/told" | late 'first word'
jq -r "select(.connection.evidence_level != \"one-end\" and .connection.findings[0].state != \"closed\") | $told | \"\(\$e.connection.id) \(\$e.time_s - .start_s - 0.2)\"" "$work/told" |
  sort -k1,1 -k2,2n | awk '!seen[$1]++ { print $2 }' | late 'verdict of both ends'
[ -z "${SHOW:-}" ] || { cat "$work/said"; head -n 3 "$work/told"; }
