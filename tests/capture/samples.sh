#!/usr/bin/env bash
# The samples in a recording of two network namespaces: a queue that holds segments back, seen by the kernel of the
# sender; a reader that does not read, seen by the receiver's. tshark finds the same frames with and without them.
#
#   samples.sh TCPSTALL      PRINT_SAMPLES names the program; exit status 0, 1, 77 not possible here (said why)
set -u
program=${1:?usage: samples.sh TCPSTALL}
: "${PRINT_SAMPLES:?the program that prints samples}"
here=$(cd "$(dirname "$0")" && pwd)
PATH=$PATH:/usr/sbin:/sbin
# shellcheck source=space_lib.sh
. "$here/space_lib.sh"

[ "${2:-}" = inside ] || enter "$here/samples.sh" tc iperf3 jq tshark editcap

cd "$3" || exit 2
trap end_all EXIT

host far
ip link add near gso_max_segs 1 type veth peer name far netns $far 2>/dev/null || skip "no veth"
sysctl -qw net.ipv6.conf.near.disable_ipv6=1 2>/dev/null
there sysctl -qw net.ipv6.conf.far.disable_ipv6=1 2>/dev/null
ip addr add 10.9.0.1/24 dev near && ip link set near up
there ip addr add 10.9.0.2/24 dev far && there ip link set far up
tc qdisc replace dev near root tbf rate 10gbit burst 1mb limit 10mb 2>/dev/null || skip "no tbf"

"$program" capture -i near -i far@$far -w trace.pcapng 2>err &
capture=$!
processes+=("$capture")
until grep -q Ctrl-C err; do
  kill -0 $capture 2>/dev/null || { cat err; exit 1; }
  sleep 0.02
done
there iperf3 -s -1 >/dev/null &
server=$!
processes+=("$server")
until there ss -ltnH 2>/dev/null | grep -q :5201; do sleep 0.05; done
iperf3 -c 10.9.0.2 -b 1M -l 1000 -t 3 >/dev/null &
client=$!
processes+=("$client")
sleep 1.3
tc qdisc change dev near root tbf rate 8bit burst 2kb limit 10mb # holds
sleep 1
tc qdisc change dev near root tbf rate 10gbit burst 1mb limit 10mb
wait $client
kill -STOP $server 2>/dev/null
kill -INT $capture
wait $capture || wrong "status $?: $(cat err)"
kill -CONT $server 2>/dev/null

"$PRINT_SAMPLES" trace.pcapng >samples || wrong "the trace cannot be read"
count() { grep -cE "$1" samples; }
[ "$(count '^[01] [0-9]+ after=[0-9]+ headerbyte_order=(little|big) machine=[^ ]+ kernel=Linux [^ ]+ hz=[1-9][0-9]* boot_id=[^ ]+')" = 2 ] ||
  wrong "no header for each end"
for kind in "0 .* socket " "1 .* socket " "0 .* qdisc kind=tbf" "0 .* link-stat rx=[1-9]" "1 .* link-stat" \
  "0 .* neighbour dst=10.9.0.2" "1 .* neighbour dst=10.9.0.1" "0 .* netstat.*TCPTimeouts="; do
  [ "$(count "^$kind")" -ge 3 ] || wrong "no samples: $kind"
done
held=$(count '^0 .* socket .*dst=10.9.0.2:5201 .* unacked=[1-9][0-9]* wmem_alloc=[1-9]')
[ "$held" -ge 200 ] || wrong "the hold of a second was sampled $held times"
[ "$(count '^0 .* qdisc kind=tbf qlen=[1-9]')" -ge 200 ] || wrong "the queue's backlog is not in the samples"
[ "$(count '^0 .* socket .* backoff=[1-9].* total_retrans=0')" -ge 1 ] || wrong "no refused retransmission in the samples"
grep -qE '^0 total .* damaged=0 missing=0 announced=1 ended=1' samples || wrong "$(grep total samples)"
awk '$1 != "0" && $1 != "1" || $2 !~ /^[0-9]+$/ { next } $3 ~ /^after=/ { n = substr($3, 7) + 0; if (n < last) bad = 1; last = n } END { exit bad }' samples ||
  wrong "the samples are not in the order of the file"

# Both ends are namespaces of this host: one clock, and nothing to be fitted.
"$program" analyze --json trace.pcapng 2>err >report.json
[ "$(jq -c '[.clocks[] | [.from, .to, .source, .offset_ns, .uncertainty_ns]]' report.json)" = '[["A","B","one-host",0,1000]]' ] ||
  wrong "one host's clock: $(jq -c .clocks report.json) $(cat err)"
"$program" analyze trace.pcapng | tr '\n' ' ' | grep -q "B's clock is A's: both were captured on one host" || wrong "the report does not say that it is one clock"

# Frame numbers are those of the packets alone, and what drops the samples leaves their announcement.
frames=$(awk '$2 == "total" { sub("frames=", "", $3); n += $3 } END { print n }' samples)
[ "$(tshark -r trace.pcapng -T fields -e frame.number 2>/dev/null | tail -n 1)" = "$frames" ] || wrong "tshark counts other frames than $frames"
editcap trace.pcapng dropped.pcapng 2>/dev/null
"$PRINT_SAMPLES" dropped.pcapng | grep -qE '^0 total .* announced=1 ended=0' || wrong "missing samples are not noticed"
"$program" capture -i near -w none.pcapng --no-samples --duration 200ms 2>err || wrong "--no-samples: $(cat err)"
"$PRINT_SAMPLES" none.pcapng | grep -qE '^0 total .* samples=0 damaged=0 missing=0 announced=0 ended=0' || wrong "--no-samples: there are some"
exit $status
