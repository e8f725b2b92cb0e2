#!/usr/bin/env bash
# Both ends of a TAP tunnel in one file, one of them over ssh: a real sshd in the other host's namespace, nothing missing
# against the TAPs' own counters; ssh, sshd's session or the capture there killed in the middle; no tcpstall there.
#
#   ssh.sh TCPSTALL [RUNS]     PATHEMU names the path emulator, the tunnel; exit status 0, 1, 77 not possible here (said why)
set -u
program=${1:?usage: ssh.sh TCPSTALL}
: "${PATHEMU:?the path emulator}"
runs=10
here=$(cd "$(dirname "$0")" && pwd)
PATH=$PATH:/usr/sbin:/sbin
# shellcheck source=space_lib.sh
. "$here/space_lib.sh"
# shellcheck source=ssh_lib.sh
. "$here/ssh_lib.sh"

if [ "${2:-}" != inside ]; then
  reason=$(ssh_skip_reason)
  [ -z "$reason" ] || skip "$reason"
  for tool in iperf3 jq ping ss tc tshark; do
    command -v $tool >/dev/null || skip "no $tool"
  done
  work=$(mktemp -d) || exit 2
  trap 'rm -rf "$work"' EXIT
  unshare -nm bash "$0" "$program" inside "$work" "${2:-$runs}"
  exit
fi

work=$3 runs=$4
cd "$work" || exit 2
capture=
trap '[ -z "$capture" ] || kill -9 "$capture" 2>/dev/null; end_all' EXIT

# Two hosts: a wire between them, and a tunnel over nothing but the emulator.
unshare -n tail -f /dev/null &
far=$!
processes+=("$far")
await_space $far
ip link set lo up && there ip link set lo up
ip link add wire type veth peer name wire netns $far 2>/dev/null || skip "no veth"
ip addr add 10.7.0.1/24 dev wire && ip link set wire up
there ip addr add 10.7.0.2/24 dev wire && there ip link set wire up
"$PATHEMU" --ordinary --log emulator.log --a $$ --b $far >ready 2>trouble &
processes+=("$!")
until grep -q ready ready; do
  kill -0 "${processes[1]}" 2>/dev/null || skip "no TAP: $(cat trouble)"
  sleep 0.02
done
sysctl -qw net.ipv6.conf.tap0.disable_ipv6=1 2>/dev/null
there sysctl -qw net.ipv6.conf.tap0.disable_ipv6=1 2>/dev/null
ip link set tap0 txqueuelen 6000 && ip addr add 10.9.0.1/24 dev tap0
there ip link set tap0 txqueuelen 6000 && there ip addr add 10.9.0.2/24 dev tap0
far_mac=$(there ip -j link show tap0 | jq -r '.[0].address')
near_mac=$(ip -j link show tap0 | jq -r '.[0].address')
# No packets but ours: the neighbours know each other.
ip neigh replace 10.9.0.2 lladdr "$far_mac" dev tap0 nud permanent
there ip neigh replace 10.9.0.1 lladdr "$near_mac" dev tap0 nud permanent
ip neigh replace 10.9.0.9 lladdr "$far_mac" dev tap0 nud permanent # nobody's address: taken, and not answered

mkdir bin
ln -s "$program" bin/tcpstall
ssh_make_keys 10.7.0.2 "$work/bin:/usr/bin:/bin:/usr/sbin:/sbin" || skip "no keys can be made"
ssh_start_server $far || skip "sshd does not start: $(tail -n 1 sshd.log)"
processes+=("$sshd")
ssh=(ssh -F "$work/ssh_config")
"${ssh[@]}" far true 2>err || skip "sshd lets nobody in: $(cat err; tail -n 1 sshd.log)"

# start ARGUMENT...: captures in the background, and waits until all ends do.
start() {
  : >err
  "$program" capture --ssh "${ssh[*]}" "$@" 2>err &
  capture=$!
  until grep -q Ctrl-C err; do
    kill -0 $capture 2>/dev/null || { wrong "did not start: $(cat err)"; capture=; return 1; }
    sleep 0.01
  done
}
# stop STATUS
stop() {
  local got
  kill -INT "$capture"
  wait "$capture"
  got=$?
  capture=
  [ $got = "$1" ] || wrong "status $got instead of $1: $(cat err)"
}
counters() { # packets: near in, near out, far in, far out; what a full ring dropped was captured before
  local stats='.[0].stats64 | "\(.rx.packets) \(.tx.packets + .tx.dropped)"'
  echo "$(ip -s -j link show tap0 | jq -r "$stats") $(there ip -s -j link show tap0 | jq -r "$stats")"
}
difference() { # A B: B - A, word by word
  paste <(tr ' ' '\n' <<<"$1") <(tr ' ' '\n' <<<"$2") | awk '{ printf "%s%d", (NR > 1 ? " " : ""), $2 - $1 }'
}
burst() { # N datagrams at once
  exec 3<>/dev/udp/10.9.0.9/9
  dd if=/dev/zero bs=1000 count="$1" >&3 2>/dev/null
  exec 3>&-
}
settled() { # until nothing is in the tunnel any more
  local before=none now
  now=$(counters)
  until [ "$now" = "$before" ]; do
    before=$now
    sleep 0.02
    now=$(counters)
  done
}
in_file() { # FILE: packets by end and direction, in the order of counters
  tshark -r "$1" -T fields -e frame.interface_id -e frame.packet_flags_direction 2>/dev/null |
    awk '{ n[$1, $2]++ } END { for (i = 0; i < 2; i++) printf "%d %d ", n[i, "0x00000001"], n[i, "0x00000002"] }' | sed 's/ $//'
}
of_far() { # PATTERN: processes in the other host's namespace of such a name
  local entry name space
  space=$(readlink /proc/$far/ns/net)
  find /proc -maxdepth 3 -path '/proc/[0-9]*/ns/net' -lname "${space/[/\\[}" 2>/dev/null | while read -r entry; do
    entry=${entry%/ns/net}
    { read -r name <"$entry/comm" && [[ $name =~ ^($1)$ ]] && echo "${entry#/proc/}"; } 2>/dev/null
  done
}
nobody_left() { # STEP: everything that captures there ends by itself
  for ((i = 0; i < 150; i++)); do
    [ -z "$(of_far 'tcpstall|tcpdump|sh|cat|sleep')" ] && return
    sleep 0.02
  done
  wrong "$1: still running there: $(of_far 'tcpstall|tcpdump|sh|cat|sleep')"
}

# 1. Every packet of both ends, to a burst right before the end.
for ((run = 1; run <= runs; run++)); do
  start -i tap0 -i ssh:far/tap0 -w both.pcapng || break
  before=$(counters)
  ping -q -c 2 -i 0.01 10.9.0.2 >/dev/null || wrong "1: no answer through the tunnel"
  burst 2000
  settled
  stop 0
  expected=$(difference "$before" "$(counters)")
  found=$(in_file both.pcapng)
  [ "$found" = "$expected" ] || wrong "1 (run $run): in the file $found, the TAPs count $expected: $(cat err)"
done
nobody_left 1
names=$(tshark -r both.pcapng -T fields -e frame.interface_name -e frame.interface_description 2>/dev/null | sort -u | tr '\t\n' '= ')
[ "$names" = "far/tap0=B tap0=A " ] || wrong "1: interfaces: $names"
[ -z "${PRINT_SAMPLES:-}" ] || [ "$("$PRINT_SAMPLES" both.pcapng | grep -c 'header.*boot_id=')" = 2 ] || wrong "1: no samples of both hosts"

# 2. The analysis finds each connection once, with two ends (iperf3 has one for control).
start -i tap0 -i ssh:far/tap0 -w both.pcapng tcp || exit 1
there iperf3 -s -1 -p 7001 >/dev/null &
server=$!
until there ss -ltnH 2>/dev/null | grep -q :7001; do sleep 0.05; done
iperf3 -c 10.9.0.2 -p 7001 -n 2M >/dev/null || wrong "2: no transfer"
wait $server
settled
stop 0
"$program" analyze --json both.pcapng 2>err >report.json
jq -e '[.connections[] | select(.server.port == 7001)] | length == 2 and all(.ends | length == 2) and all(.evidence_level != "one-end")' report.json >/dev/null ||
  wrong "2: $(jq -c '[.connections[] | {server, ends: (.ends | length), evidence_level}]' report.json) $(cat err)"

# 3. The other side dies in the middle: said, and the rest is whole.
for victim in ssh sshd tcpstall; do
  start -i tap0 -i ssh:far/tap0 -w lost.pcapng || break
  before=$(counters)
  burst 500
  settled
  sleep 0.3
  case $victim in
    ssh) kill -9 "$(pgrep -x ssh -P $capture)" ;;
    sshd) # the session's
      # shellcheck disable=SC2046 # a list of numbers
      kill -9 $(pgrep -P "$sshd" -x sshd)
      ;;
    tcpstall)
      # shellcheck disable=SC2046 # a list of numbers
      kill -9 $(of_far tcpstall)
      ;;
  esac
  for ((i = 0; i < 300; i++)); do
    grep -q "^tcpstall: end B: far: " err && break
    sleep 0.02
  done
  grep -q "^tcpstall: end B: far: " err || wrong "3 ($victim): nothing is said while it goes on: $(cat err)"
  burst 500
  settled
  stop 2
  grep -q "end B: far/tap0 is lost" err || wrong "3 ($victim): the loss is not told: $(cat err)"
  expected=$(difference "$before" "$(counters)" | cut -d' ' -f1,2)
  found=$(in_file lost.pcapng)
  [ "${found% * *}" = "$expected" ] || wrong "3 ($victim): of the local end $found are in the file, the TAP counts $expected: $(cat err)"
  [ "$(cut -d' ' -f3 <<<"$found")" = 500 ] || wrong "3 ($victim): of the other end $found were there when it died"
  "$program" analyze --json lost.pcapng 2>/dev/null |
    jq -e '[.captures[].quality[]] | index("not-recorded")' >/dev/null || wrong "3 ($victim): the report does not say that the end was lost"
  nobody_left "3 ($victim)"
done

# 4. This program is killed: nothing goes on there.
start -i tap0 -i ssh:far/tap0 -w killed.pcapng && {
  kill -9 $capture
  wait $capture 2>/dev/null
  capture=
  nobody_left 4
}

# 5. Nothing to reach, or nothing to capture there, is trouble, and leaves no file.
for end in ssh:nobody.invalid/tap0 ssh:far/nosuch ssh:far/tap0@nosuch; do
  "$program" capture --ssh "${ssh[*]}" -w none.pcapng -i tap0 -i $end --duration 5s 2>err && wrong "5: $end: status 0"
  [ -e none.pcapng ] && wrong "5: $end: left a file"
  grep -q "^tcpstall: end B: " err || wrong "5: $end: $(cat err)"
done

# 6. The interface through which ssh itself goes: its packets, each of which would make others, are left out.
start -i ssh:far/wire -w wire.pcapng && {
  ping -q -c 3 -i 0.01 10.7.0.2 >/dev/null
  sleep 0.5
  stop 0
  [ "$(tshark -r wire.pcapng -Y 'tcp.port == 2222' 2>/dev/null | wc -l)" = 0 ] || wrong "6: packets of the ssh connection were recorded"
  [ "$(tshark -r wire.pcapng -Y icmp 2>/dev/null | wc -l)" = 6 ] || wrong "6: others were not"
}

# 7. A queue over there holds what its host sends, and forgets to go on: the program there sends the kick that ends it.
if there tc qdisc replace dev tap0 root tbf rate 10gbit burst 1mb limit 10mb 2>/dev/null; then
  start -i tap0 -i ssh:far/tap0 --until-stall --on sender-queue --kick --after 1s -w kicked.pcapng || exit 1
  iperf3 -s -1 -p 7002 >/dev/null &
  server=$!
  until ss -ltnH 2>/dev/null | grep -q :7002; do sleep 0.05; done
  there iperf3 -c 10.9.0.1 -p 7002 -b 1M -l 1000 -t 8 >/dev/null 2>&1 &
  client=$!
  processes+=("$server" "$client")
  sleep 2
  there tc qdisc change dev tap0 root tbf rate 8bit burst 2kb limit 10mb # holds
  sleep 0.3
  there tc qdisc change dev tap0 root tbf rate 10gbit burst 1mb limit 10mb # and forgets to go on
  for ((i = 0; i < 400; i++)); do # it ends by itself, when all is saved
    kill -0 $capture 2>/dev/null || break
    sleep 0.05
  done
  kill -INT $capture 2>/dev/null && wrong "7: it does not end: $(cat err)"
  wait $capture || wrong "7: status $?: $(cat err)"
  capture=
  wait $client $server
  there tc qdisc del dev tap0 root
  grep -q "end B: far: kick 1: ICMP echo request sent" err || wrong "7: no kick over there: $(cat err)"
  grep -q "closed: .*ended by kick: sender-queue" err || wrong "7: the kick did not end the stall: $(cat err)"
  [ "$(tshark -r kicked.pcapng -Y 'frame.interface_id == 1 && icmp.type == 8 && icmp contains "tcpstall --kick"' 2>/dev/null | wc -l)" = 1 ] || wrong "7: the kick is not in the file"
  nobody_left 7
  echo "kicked over there: $(grep -o "stall 1 closed: .*ended by kick: [a-z-]*" err)"
fi

# 8. Without tcpstall there, tcpdump: all packets, without directions.
rm bin/tcpstall
start -i tap0 -i ssh:far/tap0 -w tcpdump.pcapng 'not port 5353' && {
  before=$(counters)
  ping -q -c 2 -i 0.01 10.9.0.2 >/dev/null
  burst 2000
  settled
  stop 0
  grep -q "there is no tcpstall on that host" err || wrong "8: it is not said that tcpdump records: $(cat err)"
  expected=$(difference "$before" "$(counters)" | awk '{ print $3 + $4 }')
  found=$(tshark -r tcpdump.pcapng -Y 'frame.interface_id == 1' 2>/dev/null | wc -l)
  [ "$found" = "$expected" ] || wrong "8: tcpdump recorded $found packets, the TAP counts $expected: $(cat err)"
  nobody_left 8
}
start -i ssh:far/tap0 --until-stall --kick -w kicked.pcapng && {
  stop 0
  grep -q "tcpdump cannot kick: this end is not kicked" err || wrong "8: it is not said that nobody kicks there: $(cat err)"
}
exit $status
