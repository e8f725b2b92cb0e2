#!/usr/bin/env bash
# The path emulator between two real devices in namespaces of its own making: pings cross it as a scenario says, the
# log tells the truth, and nothing is left behind.
#
#   live.sh TCPSTALL-PATHEMU      exit status 0, 1, 77 not possible here (said why)
set -u
emulator=${1:?usage: live.sh TCPSTALL-PATHEMU}
PATH=$PATH:/usr/sbin:/sbin
for tool in nsenter ip ping jq; do
  command -v $tool >/dev/null || { echo "skipped: no $tool"; exit 77; }
done
work=$(mktemp -d) || exit 2
pid=
trap '[ -z "$pid" ] || kill -9 $pid 2>/dev/null; rm -rf "$work"' EXIT
status=0
wrong() { echo "$*"; status=1; }

# Where we are not root, the namespaces belong to a user namespace of the emulator's.
enter() { # a|b COMMAND...
  local net=$1 user=()
  shift
  [ "$(readlink /proc/$pid/ns/user)" = "$(readlink /proc/self/ns/user)" ] || user=(-U -t "$pid" --preserve-credentials)
  nsenter "${user[@]}" --net="$(sed -E "s/.*\b$net=([^ ]+).*/\1/" "$work/ready")" "$@"
}

start() { # RULE...
  local rule rules=()
  for rule in "$@"; do rules+=(--rule "$rule"); done
  : >"$work/ready"
  "$emulator" --log "$work/log" "${rules[@]}" >"$work/ready" 2>"$work/trouble" &
  pid=$!
  until grep -q ready "$work/ready"; do
    if ! kill -0 $pid 2>/dev/null; then
      wait $pid
      [ $? = 77 ] && { echo "skipped: $(cat "$work/trouble")"; exit 77; }
      cat "$work/trouble"
      exit 1
    fi
    sleep 0.02
  done
  local end
  for end in a b; do # only pings are to cross it
    enter $end sysctl -qw net.ipv6.conf.all.disable_ipv6=1 2>/dev/null
  done
  enter a ip link set tap0 address 02:00:00:00:00:0a
  enter b ip link set tap0 address 02:00:00:00:00:0b
  enter a ip addr add 10.9.0.1/24 dev tap0
  enter b ip addr add 10.9.0.2/24 dev tap0
  enter a ip neigh replace 10.9.0.2 lladdr 02:00:00:00:00:0b dev tap0 nud permanent
  enter b ip neigh replace 10.9.0.1 lladdr 02:00:00:00:00:0a dev tap0 nud permanent
}

stop() { # SIGNAL EXPECTED-STATUS
  local got
  kill -"$1" $pid
  wait $pid 2>/dev/null
  got=$?
  [ $got = "$2" ] || wrong "ended by $1 with status $got, not $2: $(cat "$work/trouble")"
  pid=
}
pings() { enter a ping -c "$1" -i 0.05 -W "${2:-2}" 10.9.0.2; }
logged() { jq -s "[.[] | select($1)] | length" "$work/log"; }

# 1. There and back takes twice the delay, hardly more; the second echo request is lost, the log has its line.
start "both delay 20ms" "ab drop kind=icmp size=98 nth=2"
pings 6 >"$work/pings"
grep -q "6 packets transmitted, 5 received" "$work/pings" || wrong "1: $(tail -n 2 "$work/pings")"
fastest=$(sed -nE 's/^rtt [^=]*= ([0-9]+)\..*/\1/p' "$work/pings")
{ [ "${fastest:-0}" -ge 40 ] && [ "$fastest" -lt 60 ]; } || wrong "1: the fastest ping took ${fastest:-no} ms"
stop TERM 0
[ "$(logged '.act == "drop" and .line == 2 and .direction == "ab" and .kind == "icmp"')" = 1 ] || wrong "1: no drop in the log"
[ "$(logged '.act == "stop" and .dropped.ab == 1 and .ring_drops.ab == 0 and .write_failures.ba == 0')" = 1 ] ||
  wrong "1: $(tail -n 1 "$work/log")"

# 2. A stuck queue lets go when the next frame comes; a signal opens a rule.
start "ab hold kind=icmp size=98 for=2s until=next" "ba drop kind=icmp size=98 from=signal until=signal"
pings 1 20 >"$work/pings" &
first=$!
for ((i = 0; i < 200; i++)); do
  [ "$(logged '.act == "end"')" = 1 ] && break
  sleep 0.05
done
pings 1 >"$work/second"
wait $first
grep -q "1 received" "$work/pings" && grep -q "1 received" "$work/second" || wrong "2: $(cat "$work/pings" "$work/second")"
kill -USR1 $pid
pings 1 >"$work/pings"
grep -q "0 received" "$work/pings" || wrong "2: not dropped after the signal"
kill -USR1 $pid
pings 1 >"$work/pings"
grep -q "1 received" "$work/pings" || wrong "2: still dropped after the second signal"
stop INT 0
[ "$(logged '.act == "release" and .line == 1 and .held_ns > 1e8')" = 1 ] || wrong "2: nothing released: $(cat "$work/log")"

# 3. Killed outright, it leaves no namespace (and so no device).
start "offload on"
pings 2 >/dev/null || wrong "3: no answer with offload on"
inode=$(stat -L -c %i "$(sed -E 's/.*\ba=([^ ]+).*/\1/' "$work/ready")")
stop KILL 137
for _ in 1 2 3 4 5 6 7 8 9 10; do
  left=$(find /proc/[0-9]*/ns/net -printf '%l\n' 2>/dev/null | grep -c "\[$inode\]")
  [ "$left" = 0 ] && break
  sleep 0.1
done
[ "$left" = 0 ] || wrong "3: $left processes are still in its namespace"
exit $status
