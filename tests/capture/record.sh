#!/usr/bin/env bash
# `tcpstall capture` on real interfaces of two network namespaces of its own making, against the interfaces' own
# counters and against what tshark and tcpdump find in the file.
#
#   record.sh TCPSTALL      exit status 0, 1, 77 not possible here (said why)
set -u
program=${1:?usage: record.sh TCPSTALL}
here=$(cd "$(dirname "$0")" && pwd)
PATH=$PATH:/usr/sbin:/sbin
# shellcheck source=space_lib.sh
. "$here/space_lib.sh"

if [ "${2:-}" != inside ]; then
  for tool in unshare nsenter ip ping jq tshark tcpdump; do
    command -v $tool >/dev/null || skip "no $tool"
  done
  unshare -Urnm true 2>/dev/null || skip "no user namespaces"
  work=$(mktemp -d) || exit 2
  trap 'rm -rf "$work"' EXIT
  unshare -Urnm bash "$0" "$program" inside "$work"
  status=$?
  # tcpdump gives up its rights, which it cannot in there, and then cannot open the file: that is ours only
  if [ -e "$work/first.pcapng" ]; then
    expected=$(cat "$work/first.count")
    found=$(tcpdump -nr - <"$work/first.pcapng" 2>/dev/null | wc -l)
    [ "$found" = "$expected" ] || { echo "tcpdump finds $found packets, not $expected"; status=1; }
  fi
  exit $status
fi

work=$3
cd "$work" || exit 2
capture=
pinging=
trap 'end_all; [ -z "$pinging" ] || kill $pinging; [ -z "$capture" ] || kill -9 $capture 2>/dev/null' EXIT
host far
ip link set lo up
ip link add near type veth peer name far netns $far 2>/dev/null || skip "no veth"
sysctl -qw net.ipv6.conf.near.disable_ipv6=1 2>/dev/null
there sysctl -qw net.ipv6.conf.far.disable_ipv6=1 2>/dev/null
ip addr add 10.9.0.1/24 dev near && ip link set near up
there ip addr add 10.9.0.2/24 dev far && there ip link set far up
far_mac=$(there ip -j link show far | jq -r '.[0].address')
ip neigh replace 10.9.0.9 lladdr "$far_mac" dev near nud permanent # nobody's address: taken, and not answered

# start ARGUMENT...: captures in the background, and waits until it does.
start() {
  : >err # of the one before
  "$program" capture "$@" 2>err &
  capture=$!
  until grep -q Ctrl-C err; do
    kill -0 $capture 2>/dev/null || { wrong "did not start: $(cat err)"; return 1; }
    sleep 0.01
  done
}
# stop SIGNAL STATUS
stop() {
  local got
  kill -"$1" $capture
  wait $capture
  got=$?
  [ $got = "$2" ] || wrong "status $got instead of $2 after $1: $(cat err)"
  capture=
}
counters() { # packets: near in, near out, far in, far out
  local stats='.[0].stats64 | "\(.rx.packets) \(.tx.packets)"'
  echo "$(ip -s -j link show near | jq -r "$stats") $(there ip -s -j link show far | jq -r "$stats")"
}
burst() { # N datagrams at once
  exec 3<>/dev/udp/10.9.0.9/9
  dd if=/dev/zero bs=1000 count="$1" >&3 2>/dev/null
  exec 3>&-
}
in_file() { # FILE: packets by interface and direction, in the order of counters
  tshark -r "$1" -T fields -e frame.interface_id -e frame.packet_flags_direction 2>/dev/null |
    awk '{ n[$1, $2]++ } END { for (i = 0; i < 2; i++) printf "%d %d ", n[i, "0x00000001"], n[i, "0x00000002"] }' | sed 's/ $//'
}
difference() { # A B: B - A, word by word
  paste <(tr ' ' '\n' <<<"$1") <(tr ' ' '\n' <<<"$2") | awk '{ printf "%s%d", (NR > 1 ? " " : ""), $2 - $1 }'
}
packets() { tshark -r "$1" 2>/dev/null | wc -l; }
ordered() { # FILE: its times never go back
  tshark -r "$1" -T fields -e frame.time_delta 2>/dev/null | grep -c '^-'
}

# 1. Every packet of both ends, in and out, from the first one to a burst that the signal follows at once.
for round in INT TERM HUP; do
  start -i near -i far@$far -w burst.pcapng || break
  before=$(counters)
  ping -q -c 2 -i 0.01 10.9.0.2 >/dev/null || wrong "no answer from the other namespace"
  burst 3000
  stop $round 0
  expected=$(difference "$before" "$(counters)")
  found=$(in_file burst.pcapng)
  [ "$found" = "$expected" ] || wrong "1 ($round): in the file $found, the interfaces count $expected: $(cat err)"
  [ "$(ordered burst.pcapng)" = 0 ] || wrong "1 ($round): not in the order of time"
done
cp burst.pcapng first.pcapng
packets first.pcapng >first.count
[ "$(stat -c %a burst.pcapng)" = 600 ] || wrong "1: the file's mode is $(stat -c %a burst.pcapng)"
names=$(tshark -r burst.pcapng -T fields -e frame.interface_name -e frame.interface_description 2>/dev/null | sort -u | tr '\t\n' '= ')
[ "$names" = "far@$far=B near=A " ] || wrong "1: interfaces: $names"
"$program" analyze --json burst.pcapng 2>err | jq -e '.captures | length == 1 and .[0].dropped == 0' >/dev/null ||
  wrong "1: analyze: $(cat err)"

# 2. What ends it by itself, to the packet; a filter.
ping -q -i 0.01 10.9.0.2 >/dev/null &
pinging=$!
"$program" capture -i near -w packets.pcapng --packets 7 icmp 2>err || wrong "2: --packets: $(cat err)"
[ "$(packets packets.pcapng)" = 7 ] || wrong "2: $(packets packets.pcapng) packets, not 7"
"$program" capture -i near -w size.pcapng --size 1K --no-samples icmp 2>err || wrong "2: --size: $(cat err)"
size=$(stat -c %s size.pcapng)
{ [ "$size" -ge 1024 ] && [ "$size" -lt 1600 ]; } || wrong "2: a file of $size bytes for --size 1K"
"$program" capture -q -i near -w duration.pcapng --duration 300ms 2>err || wrong "2: --duration: $(cat err)"
[ -s err ] && wrong "2: --quiet: $(cat err)"
start -i near -w filter.pcapng --filter 'udp port 9' || exit 1
burst 50
stop INT 0
[ "$(packets filter.pcapng)" = 50 ] || wrong "2: $(packets filter.pcapng) of 50 packets passed the filter"

# 3. Into a pipe that is read, and into one that nobody reads any more.
found=$("$program" capture -i near -w - --packets 10 icmp 2>err | tshark -r - 2>/dev/null | wc -l)
[ "$found" = 10 ] || wrong "3: $found of 10 packets through the pipe: $(cat err)"
timeout 20 "$program" capture -i near -w - 2>err | head -c 10 >/dev/null
{ [ "${PIPESTATUS[0]}" = 2 ] && grep -q "Broken pipe" err; } || wrong "3: a closed pipe: $(cat err)"
kill $pinging
wait $pinging 2>/dev/null
pinging=

# 4. The disk is full: said, and what is there is whole.
mkdir full
if mount -t tmpfs -o size=256k none full 2>/dev/null; then
  start -i near -w full/full.pcapng --duration 5s || exit 1
  burst 400
  wait $capture
  got=$?
  capture=
  { [ $got = 2 ] && grep -q "No space left" err; } || wrong "4: status $got: $(cat err)"
  there=$(packets full/full.pcapng)
  grep -q ": $there packets and" err || wrong "4: $there packets in the file, but it says: $(cat err)"
  grep -q "the $there packets that were written until then are readable, [1-9][0-9]* that were captured are not in it" err ||
    wrong "4: what is missing is not told: $(cat err)"
  [ "$there" -gt 20 ] || wrong "4: only $there packets before the disk was full"
  # A block has no more than one of these and a sample of 5 kB at the end.
  [ "$(stat -c %s full/full.pcapng)" -gt 240000 ] || wrong "4: only $(stat -c %s full/full.pcapng) of 262144 bytes are used"
  tshark -r full/full.pcapng 2>&1 >/dev/null | grep -q "cut short" && wrong "4: the file ends within a block"
  umount full
fi

# 5. Killed outright, the file holds what was written before.
for _ in 1 2 3; do
  start -i near -i far@$far -w killed.pcapng || break
  burst 500
  sleep 0.2
  burst 2000
  kill -KILL $capture
  wait $capture 2>/dev/null
  capture=
  [ "$(packets killed.pcapng)" -ge 1000 ] || wrong "5: $(packets killed.pcapng) of 1000 packets after kill -9"
done

# 6. An interface goes away: it is said, the other end goes on, and when it comes back it is recorded again.
add_first() { ip link add first type veth peer name second && ip link set second up && ip addr add 10.8.0.1/24 dev first && ip link set first up; }
by_end() { tshark -r lost.pcapng -Y "frame.interface_id == $1 && udp.dstport == 9" 2>/dev/null | wc -l; }
await() { # TEXT in what it says
  for ((i = 0; i < 300; i++)); do
    grep -q "$1" err && return
    sleep 0.02
  done
  wrong "6: not said: $1: $(cat err)"
}
add_first
start -i first -i near -w lost.pcapng || exit 1
ip link del first
await "end A: first went away .*waiting"
burst 100
stop INT 2
grep -q "end A: first is not there any more" err || wrong "6: the loss is not told: $(cat err)"
[ "$(by_end 1)" = 100 ] || wrong "6: the other end is not whole: $(by_end 1)"
grep -qa "first was lost: nothing is known" lost.pcapng || wrong "6: the loss is not in the file"

add_first
start -i first -i near -w lost.pcapng || exit 1
for round in 1 2 3; do
  ip link del first
  for ((i = 0; i < 300; i++)); do
    [ "$(grep -c "end A: first went away" err)" -ge $round ] && break
    sleep 0.02
  done
  add_first
  for ((i = 0; i < 300; i++)); do
    [ "$(grep -c "end A: first is back" err)" -ge $round ] && break
    sleep 0.02
  done
  ip neigh replace 10.8.0.9 lladdr 02:00:00:00:00:09 dev first nud permanent
  (exec 3<>/dev/udp/10.8.0.9/9 && dd if=/dev/zero bs=1000 count=40 >&3 2>/dev/null)
done
stop INT 0
[ "$(by_end 0)" = 120 ] || wrong "6: $(by_end 0) of 120 packets after the interface came back: $(cat err)"
grep -qa "first was away for" lost.pcapng || wrong "6: the gap is not in the file"

# Down for a moment and up again is such a time as well, though libpcap does not tell.
start -i first -i near -w lost.pcapng || exit 1
ip link set first down
sleep 0.6
ip link set first up
await "end A: first went away (it is down)"
await "end A: first is back after 0\.[3-9]"
ip neigh replace 10.8.0.9 lladdr 02:00:00:00:00:09 dev first nud permanent
(exec 3<>/dev/udp/10.8.0.9/9 && dd if=/dev/zero bs=1000 count=40 >&3 2>/dev/null)
stop INT 0
[ "$(by_end 0)" = 40 ] || wrong "6: $(by_end 0) of 40 packets after the interface was up again: $(cat err)"
grep -qa "first was away for 0\.[3-9]" lost.pcapng || wrong "6: the time when it was down is not in the file"
ip link del first

# A namespace that is made anew under its name is found again; nobody keeps the old one.
mount -t tmpfs none /run 2>/dev/null && mkdir -p /run/netns
add_called() {
  ip netns add called && ip link add first type veth peer name second netns called && ip link set first up &&
    ip netns exec called ip link set second up && ip netns exec called ip addr add 10.8.0.1/24 dev second &&
    ip netns exec called ip neigh replace 10.8.0.9 lladdr 02:00:00:00:00:09 dev second nud permanent
}
if add_called 2>/dev/null; then
  start -i second@called -i near -w lost.pcapng || exit 1
  for round in 1 2; do
    ip netns del called
    for ((i = 0; i < 300; i++)); do
      [ "$(grep -c "end A: second went away (its network namespace is gone)" err)" -ge $round ] && break
      sleep 0.02
    done
    for ((i = 0; i < 300; i++)); do
      ip link show first >/dev/null 2>&1 || break
      sleep 0.02
    done
    add_called || wrong "6: the old namespace is still there: $(cat err)"
    for ((i = 0; i < 300; i++)); do
      [ "$(grep -c "end A: second is back" err)" -ge $round ] && break
      sleep 0.02
    done
    ip netns exec called bash -c 'exec 3<>/dev/udp/10.8.0.9/9 && dd if=/dev/zero bs=1000 count=40 >&3 2>/dev/null'
  done
  stop INT 0
  [ "$(by_end 0)" = 80 ] || wrong "6: $(by_end 0) of 80 packets after the namespace came back: $(cat err)"
  ip netns del called
fi

# 7. Nothing to capture is trouble, and leaves no file.
for arguments in "-i nosuch" "-i lo@nosuch" "-i near tcp prot 80"; do
  # shellcheck disable=SC2086 # words
  "$program" capture -w none.pcapng $arguments 2>err && wrong "7: $arguments: status 0"
  [ -e none.pcapng ] && wrong "7: $arguments: left a file"
  [ "$(wc -l <err)" = 1 ] || wrong "7: $arguments: $(cat err)"
done
exit $status
