#!/usr/bin/env bash
# The stall of 2003, live, under the flight recorder: two hosts, a tunnel of TAPs between them, a queue that holds
# segments and forgets to go on. The stall is told within a second of its threshold, with what the kernel's sockets
# say; what came before it is saved; a kick ends it, and everybody says so. Before that, what is healthy: nothing is told.
#
#   flight.sh TCPSTALL      PATHEMU makes the tunnel, LAB_ENDPOINT is an application, PRINT_SAMPLES prints samples;
#                           exit status 0, 1, 77 not possible here (said why)
# shellcheck disable=SC2154 # near, far and talking come from tunnel_lib.sh
set -u
program=${1:?usage: flight.sh TCPSTALL}
: "${PATHEMU:?the path between two TAPs}" "${LAB_ENDPOINT:?the application}" "${PRINT_SAMPLES:?the program that prints samples}"
here=$(cd "$(dirname "$0")" && pwd)
PATH=$PATH:/usr/sbin:/sbin
# shellcheck source=space_lib.sh
. "$here/space_lib.sh"

[ "${2:-}" = inside ] || enter "$here/flight.sh" tc jq tshark ss

cd "$3" || exit 2
# shellcheck source=tunnel_lib.sh
. "$here/tunnel_lib.sh"
trap end_all EXIT
tunnel

record() { # OPTION...
  "$program" capture -i "tap0@$near" -i "tap0@$far" "$@" >out 2>err &
  capture=$!
  processes+=("$capture")
  until grep -q Ctrl-C err; do
    kill -0 $capture 2>/dev/null || { cat err; exit 1; }
    sleep 0.02
  done
}
json() { jq -s "$1" out; }

# ---- 1. nothing is wrong: nothing is told ----

record --until-stall --json -w healthy.pcapng
serve readall
talk write:6000000:65536:2 # a transfer
one=$talking
serve nodelay=1 repeat:12 read:36 write:36 end readall
talk nodelay=1 repeat:12 write:36 read:36 sleep:450 end # somebody types
two=$talking
serve readall
talk write:40000:1448:60 sleep:1500 write:2000 # small writes, a pause, and on
wait $one $two $talking
kill -INT $capture
wait $capture || wrong "1: status $?: $(tail -n 3 err)"
# A busy machine may have held what nobody wanted to be held: the tunnel's own log and the drops tell.
if [ -s out ]; then
  wrong "1: told of what is healthy: $(json '[.[] | .connection.findings[0].summary][0]')"
fi
grep -q "nothing was recorded" err || wrong "1: $(tail -n 3 err)"
[ "$(tshark -r healthy.pcapng 2>/dev/null | wc -l)" = 0 ] || wrong "1: something was recorded"

# ---- 2. the stall ----

# shellcheck disable=SC2016 # the command's shell is to see these
record --until-stall --before 10s --after 2s --kick --json --on-stall \
  'echo "$TCPSTALL_EVENT $TCPSTALL_LOCATION $TCPSTALL_CAUSE $TCPSTALL_ENDED_BY $TCPSTALL_FILE" >>commands' -w stall.pcapng
serve readall
talk tos=8 write:120000000:32768:10
sleep 11
hold_queue
for ((i = 0; i < 200; i++)); do # it ends by itself, when all is saved
  kill -0 $capture 2>/dev/null || break
  sleep 0.1
done
kill -0 $capture 2>/dev/null && wrong "2: it does not end"
wait $capture || wrong "2: status $?"
[ -s out ] || { wrong "2: nothing was told: $(tail -n 5 err)"; exit $status; }

# Told in time, with the verdict: 0.2 s and one more behind its beginning.
late=$(json '[.[] | select(.connection.findings[0].cause == "tx-queue-hold") | .time_s - .connection.findings[0].start_s][0] // 99')
jq -ne "$late < 1.2" >/dev/null || wrong "2: told $late s after its beginning: $(cat err)"
finding() { json "[.[] | .connection | select(.findings[0].state == \"$1\") | .evidence_level + \" \" + (.findings[0] | \"\(.location) \(.cause) \(.confidence) \(.ended_by)\")][0]"; }
[ "$(finding closed)" = '"with-sockets sender-queue tx-queue-hold proven kick"' ] || wrong "2: closed as $(finding closed)"
[ "$(json '[.[].connection.findings[0].id] | unique | length')" = 1 ] || wrong "2: several findings: $(cat err)"
grep -q "stall 1 .*: 10.9.0.1:.* sender-queue, tx-queue-hold" err || wrong "2: no line: $(cat err)"
grep -q "stall 1 closed: .*ended by kick" err || wrong "2: no line of its end: $(cat err)"
printf 'detected\nsaved\n' | diff - <(cut -d' ' -f1 commands) || wrong "2: the commands differ"
[ "$(tail -n 1 commands)" = "saved sender-queue tx-queue-hold kick stall.pcapng" ] || wrong "2: $(tail -n 1 commands)"

# Saved, with the 10 s before it; the file alone says the same; the kick is in it; the samples prove the hold.
started=$(json '[.[] | .connection.findings[0].start_s][0]')
first=$(tshark -r stall.pcapng -c 1 -T fields -e frame.time_epoch 2>/dev/null)
jq -ne "$started - $first >= 9.7 and $started - $first < 12" >/dev/null || wrong "2: begins $first, the stall $started"
verdict=$("$program" analyze --json stall.pcapng |
  jq -r '[.connections[].findings[] | select(.severity == "problem" and .kind == "stall")] | "\(length) \(.[0] | "\(.location) \(.cause) \(.confidence) \(.ended_by)")"')
[ "$verdict" = "1 sender-queue tx-queue-hold proven kick" ] || wrong "2: analyze says $verdict"
[ "$(tshark -r stall.pcapng -Y 'icmp.type == 8 && icmp contains "tcpstall --kick"' 2>/dev/null | wc -l)" = 2 ] ||
  wrong "2: the kick is not in the file at both ends"
held=$("$PRINT_SAMPLES" stall.pcapng | grep -c 'socket .*unacked=[1-9].*wmem_alloc=[1-9]')
[ "$held" -ge 100 ] || wrong "2: $held samples show what is held"
# Evidence names frames of this file: the kick's.
number=$(json '[.[] | select(.connection.findings[0].state == "closed") | .connection.findings[0].evidence[] | select(.fact | test("kick|ICMP echo")) | .frame][0]')
tshark -r stall.pcapng -Y "frame.number == ${number:-0}" 2>/dev/null | grep -q ICMP || wrong "2: frame $number is not the kick"
exit $status
