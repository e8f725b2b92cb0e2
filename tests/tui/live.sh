#!/usr/bin/env bash
# The dashboard while it happens, in a real terminal: a tunnel, a transfer, and the stall of 2003 made on purpose. It
# appears within a second of its threshold with the right place; a kick from the keyboard ends it; so do signals and a
# tunnel that goes away end the dashboard, cleanly.
#
#   live.sh TCPSTALL      PATHEMU makes the tunnel, LAB_ENDPOINT is an application; exit status 0, 1, 77 (said why)
# shellcheck disable=SC2154 # near, far and talking come from tunnel_lib.sh
set -u
program=${1:?usage: live.sh TCPSTALL}
: "${PATHEMU:?the path between two TAPs}" "${LAB_ENDPOINT:?the application}"
here=$(cd "$(dirname "$0")" && pwd)
PATH=$PATH:/usr/sbin:/sbin
# shellcheck source=live_lib.sh
. "$here/live_lib.sh"
[ "${2:-}" = inside ] || enter "$here/live.sh" pgrep

cd "$3" || exit 2
# shellcheck source=../capture/tunnel_lib.sh
. "$here/../capture/tunnel_lib.sh"
trap 'tm kill-server 2>/dev/null; end_all' EXIT
tunnel
# shellcheck disable=SC2034 # for start()
ends="-i tap0@$near -i tap0@$far"

# ---- a transfer, a stall, a kick ----

start -w saved.pcapng
serve readall
talk tos=8 write:60000000:8192:20
seen '10\.9\.0\.1:.*moving' || wrong "no transfer on the screen: $(screen)"
sleep 3
hold_queue
seen 'sender-queue' 10000 || wrong "the stall is not on the screen: $(screen)"
echo "sender-queue on the screen $took ms after the queue was slowed and restored"
keys Enter
seen 'held by sender-queue' || wrong "no place in the connection view: $(screen)"
seen 'both-ends|with-sockets' || wrong "not both ends: $(screen | head -n 3)"
keys 3
seen 'took' || wrong "no ladder: $(screen)"
keys 2 k
seen 'send one ping' || wrong "a kick, and no question: $(screen | tail -n 3)"
keys y
seen 'moving' || wrong "the kick did not end it: $(screen)"
keys 4
seen 'kick' || wrong "nobody says that the kick ended it: $(screen)"
keys w
seen 'packets written to tcpstall-connection-1.pcapng, [1-9][0-9]* of them with comments' ||
  wrong "the connection was not written: $(screen | tail -n 3)"
keys R
seen 'REC saved.pcapng' || wrong "nobody says that it records: $(screen | head -n 1)"
sleep 1
keys R
gone 'REC saved.pcapng' || wrong "nobody says that it does not record any more: $(screen | head -n 1)"
keys Space
seen 'PAUSED' || wrong "nobody says that the screen stands still: $(screen | head -n 1)"
keys Space
gone 'PAUSED' || wrong 'it stands still'
keys q
ended 0
kill "$talking" 2>/dev/null
[ -s saved.pcapng ] || wrong 'nothing was recorded'
"$program" analyze --json --no-progress tcpstall-connection-1.pcapng >written.json 2>err || [ $? = 1 ] ||
  wrong "what w wrote cannot be read: $(cat err)"
grep -q '"cause":"tx-queue-hold"' written.json || wrong "what w wrote does not show the stall: $(head -c 500 written.json)"
grep -aq 'tcpstall problem' tcpstall-connection-1.pcapng || wrong 'what w wrote holds no verdict'

# ---- ends ----

for signal in TERM HUP INT; do
  start
  kill -$signal "$(cat pid)"
  ended 0 "SIG$signal"
done
# a process that crashes, whichever
start
kill -SEGV "$(analyst)"
ended 2 'a crash of who analyses'
grep -q 'the process that writes was ended by signal 11' err || wrong "nobody says what crashed: $(cat err)"
for signal in SEGV KILL; do
  start
  kill -$signal "$(cat pid)"
  ended $((128 + $(kill -l $signal))) "SIG$signal of the program"
  [ -z "$(pgrep -f "live $ends")" ] || sleep 12
done
start
kill -KILL "$(pgrep -P "$(cat pid)" -x tcpstall-screen)"
ended 0 'a crash of who shows'
# a terminal that takes nothing: who sits there has stopped it, and nothing waits for that
start
keys C-s
sleep 1
kill -TERM "$(cat pid)"
ended 0 'a terminal that was stopped'
# an interface that is not there
rm -f status
runs=$((runs + 1))
tm new-session -d -x 80 -y 24 "env TERM=screen-256color $program live -i nothere@$near 2>err; echo \$? >status; sleep 60"
ended 2
grep -q nothere err || wrong "no word of the interface: $(cat err)"
# a terminal that goes away
start
pid=$(cat pid)
tm kill-server
for ((i = 0; i < 100; i++)); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
kill -0 "$pid" 2>/dev/null && wrong 'it goes on without its terminal'
# an interface that goes away: it stays with what it has, and says so
start
a ip link set tap0 down
seen 'end A: tap0 went away' || wrong "nobody says that the interface is down: $(screen | tail -n 3)"
a ip link set tap0 up
seen 'end A: tap0 is back' || wrong "nobody says that the interface is back: $(screen | tail -n 3)"
# shellcheck disable=SC2154 # of tunnel_lib.sh
kill "${processes[2]}" # the tunnel
seen 'tap0 went away' || wrong "nobody says that the interface is gone: $(screen | tail -n 3)"
keys q
ended 2 'without interfaces'
grep -q 'end A: tap0' err || wrong "nothing of the interface is said at the end: $(cat err)"
exit $status
