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
skip() { echo "skipped: $*"; exit 77; }

if [ "${2:-}" != inside ]; then
  for tool in unshare nsenter ip tc ss tmux; do
    command -v $tool >/dev/null || skip "no $tool"
  done
  unshare -Urnm true 2>/dev/null || skip "no user namespaces"
  work=$(mktemp -d) || exit 2
  trap 'rm -rf "$work"' EXIT
  unshare -Urnm bash "$here/live.sh" "$program" inside "$work"
  exit
fi

cd "$3" || exit 2
# shellcheck source=../capture/tunnel_lib.sh
. "$here/../capture/tunnel_lib.sh"
status=0
wrong() { echo "$*"; status=1; }
runs=0
# each terminal has a server of its own: one that is ending takes no new one
tm() { tmux -L "tcpstall-live-$$-$runs" -f /dev/null "$@"; }
trap 'tm kill-server 2>/dev/null; end_all' EXIT
unset NO_COLOR TMUX
export LC_ALL=C.UTF-8
tunnel

screen() { tm capture-pane -p -t 0 2>/dev/null; }
keys() { for key; do tm send-keys -t 0 "$key"; sleep 0.1; done; }
now_ms() { date +%s%3N; }
# seen PATTERN [MILLISECONDS]: within that time, 5000 by default; $took is how long it took
seen()
{
  local begin; begin=$(now_ms)
  while :; do
    took=$(($(now_ms) - begin))
    screen | grep -qE -- "$1" && return 0
    [ $took -lt "${2:-5000}" ] || return 1
    sleep 0.05
  done
}
start() { # OPTION...
  rm -f status pid
  runs=$((runs + 1))
  tm new-session -d -x 120 -y 40 \
    "sh -c 'echo \$\$ >pid; exec env TERM=screen-256color $program live -i tap0@$near -i tap0@$far $* 2>err'; echo \$? >status; sleep 60"
  seen 'F10' || { wrong "no dashboard: $(screen | head -n 5) $(cat err)"; exit $status; }
}
ended() { # STATUS
  for ((i = 0; i < 100; i++)); do [ -s status ] && break; sleep 0.1; done
  [ "$(cat status 2>/dev/null)" = "$1" ] || wrong "ended with '$(cat status 2>/dev/null)', not $1: $(cat err)"
  [ "$(tm display -p '#{alternate_on}')" = 0 ] || wrong 'the terminal was not put back'
  tm kill-server
}

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
sleep 1
keys q
ended 0
kill "$talking" 2>/dev/null
[ -s saved.pcapng ] || wrong 'nothing was written'

# ---- ends ----

for signal in TERM HUP; do
  start
  kill -$signal "$(cat pid)"
  ended 0
done
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
exit $status
