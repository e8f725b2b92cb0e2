#!/usr/bin/env bash
# A kick (cli/kick.h) wakes up a queue that holds segments back, in a namespace of the test's own: the stall of 2003 with tbf
# in the queue's place, ended by one packet. The capture shows the packet, and the analysis says who sent it.
#
#   kick.sh TCPSTALL      SEND_KICK names the program that sends; exit status 0, 1, 77 not possible here (said why)
set -u
program=${1:?usage: kick.sh TCPSTALL}
: "${SEND_KICK:?the program that sends kicks}"
here=$(cd "$(dirname "$0")" && pwd)
PATH=$PATH:/usr/sbin:/sbin
# shellcheck source=space_lib.sh
. "$here/space_lib.sh"

[ "${2:-}" = inside ] || enter "$here/kick.sh" tc iperf3 jq tshark ss

cd "$3" || exit 2
trap end_all EXIT

host far
ip link set lo up
ip link add near gso_max_segs 1 type veth peer name far netns $far 2>/dev/null || skip "no veth"
ip addr add 10.9.0.1/24 dev near && ip link set near up
there ip addr add 10.9.0.2/24 dev far && there ip link set far up
ip -6 addr add fd00:9::1/64 dev near nodad 2>/dev/null && there ip -6 addr add fd00:9::2/64 dev far nodad 2>/dev/null
mac() { "${@:2}" ip -j link show "$1" | jq -r '.[0].address'; }
near_mac=$(mac near) far_mac=$(mac far there)
# Any other packet would kick the queue as well.
ip neigh replace 10.9.0.2 lladdr "$far_mac" dev near nud permanent
there ip neigh replace 10.9.0.1 lladdr "$near_mac" dev far nud permanent
tc qdisc replace dev near root tbf rate 10gbit burst 1mb limit 10mb 2>/dev/null || skip "no tbf"

# 1. What is sent: each kind, through the queue, with its mark; a reply comes where one should.
"$program" capture -q -i near -w kinds.pcapng --duration 2s 2>err &
capture=$!
processes+=("$capture")
sleep 0.7
kick() { "$SEND_KICK" "$@" >>sent 2>&1 || wrong "send_kick $*: $(tail -n 1 sent)"; }
kick near echo 10.9.0.1 10.9.0.2 "$near_mac" "$far_mac"
kick near arp 10.9.0.1 10.9.0.2
kick near echo fd00:9::1 fd00:9::2 "$near_mac" "$far_mac"
kick near arp fd00:9::1 fd00:9::2 "$near_mac" "$far_mac"
kick near arp fd00:9::1 fd00:9::2
wait $capture || wrong "1: $(cat err)"
[ "$(grep -c '^sent 1 ' sent)" = 5 ] || wrong "1: $(cat sent)"
seen() { tshark -r "$1" -Y "$2" 2>/dev/null | wc -l; }
[ "$(seen kinds.pcapng 'icmp.type == 8 && icmp contains "tcpstall --kick 1"')" = 1 ] || wrong "1: no echo request"
[ "$(seen kinds.pcapng 'icmp.type == 0')" = 1 ] || wrong "1: no echo reply"
[ "$(seen kinds.pcapng 'icmpv6.type == 128 && icmpv6 contains "tcpstall --kick 1"')" = 1 ] || wrong "1: no ICMPv6 echo request"
[ "$(seen kinds.pcapng 'icmpv6.type == 129')" = 1 ] || wrong "1: no ICMPv6 echo reply"
[ "$(seen kinds.pcapng 'arp.opcode == 1 && frame contains "tcpstall --kick"')" = 1 ] || wrong "1: no ARP request"
[ "$(seen kinds.pcapng 'arp.opcode == 2')" = 1 ] || wrong "1: no ARP reply"
[ "$(seen kinds.pcapng 'icmpv6.type == 135 && icmpv6 contains "tcpstall --kick"')" = 2 ] || wrong "1: no neighbour solicitations"
[ "$(seen kinds.pcapng 'icmpv6.type == 136 && ipv6.src == fd00:9::2')" = 2 ] || wrong "1: no neighbour advertisements"

# 2. Never more often than allowed.
"$SEND_KICK" near echo 10.9.0.1 10.9.0.2 "$near_mac" "$far_mac" 300 20 100 400 >sent 2>&1
[ "$(cut -d' ' -f1,2 sent | tr '\n' ',')" = "sent 1,not yet,not yet,sent 2," ] || wrong "2: $(cat sent)"

# 3. An interface that goes away is told, and found again when it comes back; through a tun goes the packet alone.
if ip tuntap add mode tun name tun0 2>/dev/null; then
  ip addr add 10.8.0.1/24 dev tun0
  ip link set tun0 up
  (sleep 0.2; ip link del tun0; sleep 0.6; ip tuntap add mode tun name tun0; ip link set tun0 up) &
  "$SEND_KICK" tun0 echo 10.8.0.1 10.8.0.2 100 500 700 >sent 2>&1
  wait $!
  { [ "$(wc -l <sent)" = 3 ] && sed -n 2p sent | grep -q '^failed: tun0: ' && sed -n 3p sent | grep -q '^sent 2 '; } ||
    wrong "3: $(cat sent)"
fi
"$SEND_KICK" nosuch echo 10.9.0.1 10.9.0.2 >sent 2>&1 && wrong "3: a kick through no interface"

# 4. The stall of 2003: held by a queue that nobody runs, until the kick goes through it.
"$program" capture -i near -w stall.pcapng 2>err &
capture=$!
processes+=("$capture")
until grep -q Ctrl-C err; do
  kill -0 $capture 2>/dev/null || { cat err; exit 1; }
  sleep 0.02
done
sysctl -qw net.ipv6.conf.near.disable_ipv6=1 2>/dev/null
there sysctl -qw net.ipv6.conf.far.disable_ipv6=1 2>/dev/null
there iperf3 -s -1 >/dev/null &
processes+=("$!")
until there ss -ltnH 2>/dev/null | grep -q :5201; do sleep 0.05; done
iperf3 -c 10.9.0.2 -b 1M -l 1000 -t 5 >/dev/null &
client=$!
processes+=("$client")
sleep 1.3
tc qdisc change dev near root tbf rate 8bit burst 2kb limit 10mb # holds
sleep 0.3
tc qdisc change dev near root tbf rate 10gbit burst 1mb limit 10mb # and forgets to go on
sleep 1.5
held=$(tc -s -j qdisc show dev near | jq '.[0].qlen // .[0].backlog')
[ "$held" -gt 0 ] || wrong "4: nothing is held any more"
"$SEND_KICK" near echo 10.9.0.1 10.9.0.2 "$near_mac" "$far_mac" >sent 2>&1
sleep 0.2
left=$(tc -s -j qdisc show dev near | jq '.[0].qlen // .[0].backlog')
[ "$left" = 0 ] || wrong "4: $left packets are held after the kick: $(cat sent)"
wait $client
kill -INT $capture
wait $capture || wrong "4: status $?: $(cat err)"
# The first segment behind the kick: within 50 ms.
kick_s=$(tshark -r stall.pcapng -Y 'icmp.type == 8' -T fields -e frame.time_epoch 2>/dev/null | head -n 1)
moved_ms=$(tshark -r stall.pcapng -Y "tcp.dstport == 5201 && tcp.len > 0 && frame.time_epoch >= $kick_s" -T fields -e frame.time_epoch 2>/dev/null |
  head -n 1 | awk -v kick="$kick_s" '{ printf "%.3f", ($1 - kick) * 1000 }')
awk -v ms="${moved_ms:-1000}" 'BEGIN { exit !(ms < 50) }' || wrong "4: the stream moved on ${moved_ms:-never} ms after the kick"
"$program" analyze --json stall.pcapng 2>err >report.json
jq -e '[.connections[].findings[] | select(.duration_s > 1.5 and .duration_s < 2.5 and .cause == "tx-queue-hold")][0]
       | .ended_by == "kick"' report.json >/dev/null ||
  wrong "4: the analysis does not say that the kick ended it: $(jq -c '[.connections[].findings[] | {duration_s, cause, ended_by, summary}]' report.json) $(cat err)"
echo "the stream moved on ${moved_ms:-?} ms after the kick"
exit $status
