#!/usr/bin/env bash
# The dashboard under load: thousands of connections on a link, the real program on a terminal of its own, and what that costs.
#
#   tests/bench/live.sh [BUILD-FOLDER [SECONDS [CONNECTIONS [PACKETS-PER-SECOND]]]]     (build/release, 20, 5000, 100000)
#
# ENDS is how many ends of the link are watched (1; 2 sees every packet twice). KEYS: how many keys are pressed (40). DEAF: so
# many seconds the terminal reads nothing at the end (0). STALLS="N AT FOR": so many connections stand still then. SHOW=1
# prints what the program says at its end; PERF=FILE writes a profile of the process that analyses.
# Nothing here is a test: no figure makes it fail.
set -u
cd "$(dirname "$0")/../.." || exit 2
build=${1:-build/release} seconds=${2:-20} connections=${3:-5000} rate=${4:-100000}
build=$(cd "$build" && pwd) || exit 2
PATH=$PATH:/usr/sbin:/sbin
for tool in unshare ip pgrep; do
  command -v $tool >/dev/null || { echo "skipped: no $tool"; exit 77; }
done
for program in tcp_flood terminal; do
  [ -x "$build/bench/$program" ] || { echo "skipped: $build/bench/$program is not built"; exit 77; }
done
if [ -z "${LIVE_BENCH_INSIDE:-}" ]; then
  mapping=; [ "$(id -u)" = 0 ] || mapping=-r
  unshare $mapping -mnp --fork --mount-proc true 2>/dev/null || { echo "skipped: no namespaces here"; exit 77; }
  LIVE_BENCH_INSIDE=1 exec unshare $mapping -mnp --fork --kill-child --mount-proc bash "$0" "$build" "$seconds" "$connections" "$rate"
fi

work=$(mktemp -d -p "${BENCH_DIR:-${TMPDIR:-/tmp}}") || exit 2
trap 'rm -rf "$work"' EXIT
export LC_ALL=C.UTF-8
ip link set lo up
ip link add near type veth peer name far
for device in near far; do sysctl -qw net.ipv6.conf.$device.disable_ipv6=1 2>/dev/null; done
ip link set near up && ip link set far up
ends=(-i near)
[ "${ENDS:-1}" = 1 ] || ends+=(-i far)

# Processor time so far of each thread, as the scheduler counts it: PID NAME TID MS
processor() {
  local pid task
  for pid in $program $(pgrep -P "$program"); do
    for task in /proc/"$pid"/task/*; do
      echo "$pid $(cat "$task/comm") ${task##*/} $(awk '{ printf "%d", $1 / 1000000 }' "$task/schedstat")"
    done
  done 2>/dev/null
}
packets() { awk '$1 == "near:" { print $3 + $11 }' /proc/net/dev; }
memory() { awk '/VmRSS|VmHWM/ { print $1, $2 }' /proc/"$1"/status; }

keys=${KEYS:-40}
warm=$((seconds / 4 + 2))
"$build/bench/tcp_flood" near far "$connections" "$rate" $((2 * seconds + 2 * warm + 40)) ${STALLS:-} >"$work/flood" 2>&1 &
flood=$!
"$build/bench/terminal" 40 120 "$warm" "$keys" "${DEAF:-0}" "$build/tcpstall" live "${ends[@]}" ${LIVE_OPTIONS:-} \
  3>"$work/report" 2>"$work/said" &
driver=$!
until grep -q '^warm' "$work/report"; do kill -0 $driver 2>/dev/null || { cat "$work/report" "$work/said"; exit 2; }; sleep 0.1; done
program=$(awk '/^pid/ { print $2 }' "$work/report")
processor >"$work/before"
begun=$(date +%s%N)
sent=$(packets)
if [ -n "${PERF:-}" ]; then
  worker=$(pgrep -P "$program" | tail -n 1)
  perf record -q -g -p "$worker" -o "$PERF" -- sleep 5 >/dev/null 2>&1 &
fi
until grep -q '^keys' "$work/report"; do kill -0 $driver 2>/dev/null || break; sleep 0.1; done
processor >"$work/after"
passed=$((($(date +%s%N) - begun) / 1000000))
now=$(packets)
for pid in $program $(pgrep -P "$program"); do echo "$pid $(memory "$pid" 2>/dev/null | paste -sd' ')"; done >"$work/memory"
until grep -q '^heard' "$work/report"; do kill -0 $driver 2>/dev/null || break; sleep 0.1; done
wait $driver

# The same analysis without a screen.
analyst() { awk '{ printf "%d", $1 / 1000000 }' /proc/"$1"/schedstat; }
"$build/tcpstall" capture -q "${ends[@]}" --until-stall --rearm --on=abort -w "$work/none.pcapng" 2>/dev/null &
plain=$!
sleep "$warm"
worker=$(pgrep -P $plain | sort -n | tail -n 1)
before=$(analyst "$worker") begun=$(date +%s%N)
sleep "$seconds"
unseen=$(awk -v ms=$(($(analyst "$worker") - before)) -v ns=$(($(date +%s%N) - begun)) 'BEGIN { printf "%.1f", ms * 1e8 / ns }')
kill -INT $plain
wait $plain
kill $flood 2>/dev/null

echo "$connections connections, ${ENDS:-1} end(s), $(((now - sent) * 1000 / (passed > 0 ? passed : 1))) packets a second for $passed ms, load $(cut -d' ' -f1 /proc/loadavg)"
sort "$work/before" >"$work/b" && sort "$work/after" >"$work/a"
join -j 3 <(sort -k3,3 "$work/b") <(sort -k3,3 "$work/a") | awk -v passed="$passed" '{ printf "  process %s thread %s %-16s %6.1f %% of a core\n", $2, $1, $3, 100 * ($7 - $4) / passed }'
echo "  who analyses takes $unseen % of a core where there is no screen"
sed 's/^/  memory of /' "$work/memory"
awk '/^key / { if ($2 == "none") none++; else t[n++] = $2 } /^bytes/ { drawn = $0 } /^ended/ { ended = $2 } END {
  for (i = 0; i < n; i++) for (j = i + 1; j < n; j++) if (t[j] < t[i]) { x = t[i]; t[i] = t[j]; t[j] = x }
  printf "  keys: %d answered, median %.1f ms, 90 %% within %.1f ms, slowest %.1f ms, %d not answered; drawn: %s; ended %s\n",
    n, t[int(n / 2)], t[int(n * 0.9)], t[n - 1], none, drawn, ended }' "$work/report"
if grep -q dropped "$work/said"; then grep dropped "$work/said" | sed 's/^/  /'; else echo "  no packet was dropped"; fi
[ -z "${SHOW:-}" ] || cat "$work/said" "$work/flood"
