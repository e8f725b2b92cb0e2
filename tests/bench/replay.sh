#!/usr/bin/env bash
# How true to its times a recording is played onto a TAP device, beside tcpreplay, in one run on this machine.
#
#   tests/bench/replay.sh [BUILD-FOLDER [SECONDS [ROUNDS]]]       (build/release, 3, 3)
#
# A recording of numbered frames at irregular times, 1000 a second on average, is played by each program onto a device of
# its own in a new namespace, where tcpdump captures it; the capture's times are compared with the recording's
# (replay_gaps.c). Of tcpreplay's ways to wait each has a row. Then the rate: as fast as each goes. Rows are medians of
# the rounds. Nothing here is a test: no figure makes it fail.
set -u
cd "$(dirname "$0")/../.." || exit 2
build=${1:-build/release} seconds=${2:-3} rounds=${3:-3}
build=$(cd "$build" && pwd) || exit 2
tcpstall=${TCPSTALL:-$build/tcpstall} gaps=$build/bench/replay_gaps
PATH=$PATH:/usr/sbin:/sbin
for tool in unshare ip tcpdump tcpreplay; do
  command -v $tool >/dev/null || { echo "skipped: no $tool"; exit 77; }
done
for program in "$tcpstall" "$gaps"; do
  [ -x "$program" ] || { echo "skipped: $program is not built"; exit 77; }
done

# Everything below happens in namespaces of our own; when this shell ends, the kernel ends what ran in them.
if [ -z "${REPLAY_BENCH_INSIDE:-}" ]; then
  mapping=; [ "$(id -u)" = 0 ] || mapping="-U --map-current-user --keep-caps"
  unshare $mapping -mnp --fork --mount-proc true 2>/dev/null || { echo "skipped: no namespaces here"; exit 77; }
  [ -w /dev/net/tun ] || { echo "skipped: /dev/net/tun is not accessible"; exit 77; }
  REPLAY_BENCH_INSIDE=1 exec unshare $mapping -mnp --fork --kill-child --mount-proc bash "$0" "$build" "$seconds" "$rounds"
fi

work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1 2>/dev/null
as_root=; [ "$(id -u)" != 0 ] || as_root="-Z root"
number=0

wait_for() { # FILE PATTERN
  local i
  for ((i = 0; i < 250; i++)); do grep -q "$2" "$1" 2>/dev/null && return 0; sleep 0.02; done
  echo "no '$2' in $1" >&2; exit 1
}

capture() { # DEVICE
  tcpdump -i "$1" -n $as_root --time-stamp-precision=nano -B 65536 -s 96 -w "$work/seen.pcap" udp 2>"$work/dump" &
  pid_dump=$!
  wait_for "$work/dump" "listening on"
}

end_capture() {
  sleep 1.2 # a block of the capture's ring is handed over after a second
  kill $pid_dump && wait $pid_dump
  grep -q "^0 packets dropped by kernel" "$work/dump" || sed 's/^/capture: /' "$work/dump" >&2
}

device() { # makes a device that takes what leaves it
  number=$((number + 1)) name=bench$number
  : >"$work/ready"
  "$gaps" device $name >"$work/ready" &
  pid_device=$!
  wait_for "$work/ready" ready
  ip link set $name txqueuelen 5000
}

other() { # RECORDING ROW OPTION...
  local recording=$1 row=$2; shift 2
  device
  capture $name
  tcpreplay -i $name -q "$@" "$recording" >"$work/said" 2>&1 || cat "$work/said" >&2
  end_capture
  "$gaps" compare "$recording" "$work/seen.pcap" "$row" >>"$work/rows"
  kill $pid_device; wait $pid_device 2>/dev/null
}

ours() { # RECORDING ROW OPTION...
  local recording=$1 row=$2 status; shift 2
  number=$((number + 1)) name=bench$number
  ip tuntap add $name mode tap # so that the capture outlives the program
  ip link set $name txqueuelen 5000 up
  capture $name
  "$tcpstall" replay --as wire --tap $name "$@" "$recording" >"$work/said" 2>&1
  status=$?
  [ $status = 0 ] || { echo "tcpstall: exit status $status" >&2; cat "$work/said" >&2; }
  sed -n 's/^late: /  by its own measure: /p' "$work/said" | sed "s/^/$row:/" >>"$work/own"
  end_capture
  "$gaps" compare "$recording" "$work/seen.pcap" "$row" >>"$work/rows"
  ip link del $name
}

median() { sort -g | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

table() { # COLUMN...: one line for each name, in the order of their first rows
  local row column
  cut -f1 "$work/rows" | awk '!seen[$0]++' | while read -r row; do
    printf '| %s | %s |' "$row" "$(awk -F'\t' -v r="$row" '$1 == r { n += $2; of += $3 } END { print n " of " of }' "$work/rows")"
    for column in "$@"; do
      printf ' %s |' "$(awk -F'\t' -v r="$row" -v c=$column '$1 == r { v = $c; if (c == 4 && v < 0) v = -v; print v }' "$work/rows" | median)"
    done
    echo
  done
}

echo "Load: $(cut -d' ' -f1-3 /proc/loadavg), processors: $(nproc), kernel $(uname -r), $(tcpreplay --version 2>&1 | sed -n 's/^tcpreplay version: \([^ ]*\).*/tcpreplay \1/p'); $rounds rounds of $seconds s"
echo
"$gaps" make "$work/timed.pcap" $((seconds * 1000)) 1000 200 || exit 2
"$gaps" make "$work/fast.pcap" 200000 0 200 || exit 2
for ((round = 0; round < rounds; round++)); do
  ours "$work/timed.pcap" "tcpstall replay --as wire, frames leave" --local 10.9.0.1
  ours "$work/timed.pcap" "tcpstall replay --as wire, frames arrive"
  other "$work/timed.pcap" "tcpreplay"
  for timer in nano gtod select; do [ -n "${QUICK:-}" ] || other "$work/timed.pcap" "tcpreplay -K --timer=$timer" -K --timer=$timer; done
done
echo "| played by | frames missing | drift, us | gap error p50, us | p99, us | max, us |"
echo "|---|---:|---:|---:|---:|---:|"
table 4 5 6 7
echo
sort -u "$work/own"
echo
echo "As fast as it goes, 200,000 frames of 200 bytes:"
echo
: >"$work/rows"
for ((round = 0; round < rounds; round++)); do
  ours "$work/fast.pcap" "tcpstall replay --as wire --speed max, frames leave" --speed max --local 10.9.0.1
  ours "$work/fast.pcap" "tcpstall replay --as wire --speed max, frames arrive" --speed max
  other "$work/fast.pcap" "tcpreplay -K --topspeed" -K --topspeed
done
echo "| played by | frames missing | frames/s |"
echo "|---|---:|---:|"
table 8
