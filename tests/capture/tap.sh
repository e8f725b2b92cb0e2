#!/usr/bin/env bash
# Both ends of a TAP tunnel in one file: the path emulator's, and a real OpenVPN's. Over several runs that end in a burst, no
# packet may be missing against the counters of the TAPs themselves. Then the VPN restarts, and its TAP comes back as another one.
#
#   tap.sh TCPSTALL      PATHEMU names the path emulator, RUNS how many runs (5); exit status 0, 1, 77 not possible here (said why)
set -u
program=${1:?usage: tap.sh TCPSTALL}
: "${PATHEMU:?the path emulator}"
here=$(cd "$(dirname "$0")" && pwd)
PATH=$PATH:/usr/sbin:/sbin
# shellcheck source=space_lib.sh
. "$here/space_lib.sh"

if [ "${2:-}" != inside ]; then
  for tool in unshare nsenter ip jq tshark ping; do
    command -v $tool >/dev/null || skip "no $tool"
  done
  [ -w /dev/net/tun ] || skip "/dev/net/tun is not accessible"
  unshare -Urnmp --fork true 2>/dev/null || skip "no user namespaces"
  work=$(mktemp -d) || exit 2
  trap 'rm -rf "$work"' EXIT
  # A namespace of process ids as well: when this shell ends, the kernel ends what runs in there.
  unshare -Urnmp --fork --kill-child --mount-proc bash "$0" "$program" inside "$work"
  exit
fi

cd "$3" || exit 2
capture=
host far
ip link set lo up
there ip link set lo up
for where in "" there; do $where sysctl -qw net.ipv6.conf.default.disable_ipv6=1 net.ipv6.conf.all.disable_ipv6=1 2>/dev/null; done

await() { # FILE TEXT [COUNT]
  for ((i = 0; i < 500; i++)); do
    [ "$(grep -c "$2" "$1")" -ge "${3:-1}" ] && return
    sleep 0.02
  done
  wrong "not said: $2: $(tail -n 3 "$1")"
  return 1
}
# What went through each TAP: in, out of ours, in, out of the far one. What the ring had no room for was captured as sent.
numbers='.[0].stats64 | "\(.rx.packets) \(.tx.packets + .tx.dropped)"'
counters() { echo "$(ip -s -j link show tap0 | jq -r "$numbers") $(there ip -s -j link show tap0 | jq -r "$numbers")"; }
in_file() {
  tshark -r "$1" -T fields -e frame.interface_id -e frame.packet_flags_direction 2>/dev/null |
    awk '{ n[$1, $2]++ } END { printf "%d %d %d %d", n[0, "0x00000001"], n[0, "0x00000002"], n[1, "0x00000001"], n[1, "0x00000002"] }'
}
difference() { paste <(tr ' ' '\n' <<<"$1") <(tr ' ' '\n' <<<"$2") | awk '{ printf "%s%d", (NR > 1 ? " " : ""), $2 - $1 }'; }
addresses() {
  ip addr replace 10.8.0.1/24 dev tap0 && ip link set tap0 address 02:00:00:00:00:0a up
  there ip addr replace 10.8.0.2/24 dev tap0 && there ip link set tap0 address 02:00:00:00:00:0b up
  ip neigh replace 10.8.0.2 lladdr 02:00:00:00:00:0b dev tap0 nud permanent
  there ip neigh replace 10.8.0.1 lladdr 02:00:00:00:00:0a dev tap0 nud permanent
  # Nobody's addresses: taken, and not answered.
  ip neigh replace 10.8.0.9 lladdr 02:00:00:00:00:0b dev tap0 nud permanent
  there ip neigh replace 10.8.0.8 lladdr 02:00:00:00:00:0a dev tap0 nud permanent
}
burst() { bash -c "exec 3<>/dev/udp/$1/9 && dd if=/dev/zero bs=1000 count=$2 >&3 2>/dev/null"; }
start() {
  : >err
  "$program" capture -i tap0 -i "tap0@$far" -w both.pcapng "$@" 2>err &
  capture=$!
  await err Ctrl-C
}
stop() { # STATUS
  kill -INT $capture
  wait $capture
  local got=$?
  [ $got = "$1" ] || wrong "status $got: $(cat err)"
}

# What has reached the far TAP is not waited for but counted, as soon as a burst has left.
runs() { # NAME
  local before expected found last
  for ((run = 1; run <= ${RUNS:-5}; run++)); do
    start || return
    before=$(counters)
    ping -q -c 3 -i 0.01 10.8.0.2 >/dev/null || wrong "$1: no answer through the tunnel"
    burst 10.8.0.9 1000
    nsenter -t $far -n bash -c "$(declare -f burst); burst 10.8.0.8 1000"
    last=
    until expected=$(counters) && [ "$expected" = "$last" ]; do last=$expected; done # nothing is on its way any more
    burst 10.8.0.9 300 # leaves our TAP at once
    stop 0
    sleep 0.1 # a TAP counts a packet when it is read out of its ring
    ours=$(ip -s -j link show tap0 | jq -r '.[0].stats64.tx | .packets + .dropped')
    expected=$(difference "$before" "$expected")
    found=$(in_file both.pcapng)
    # the last burst is in our end's file whole, and at the far end as far as it had come
    read -r _ sent _ <<<"$before"
    [ "$(cut -d' ' -f1,2 <<<"$found")" = "$(cut -d' ' -f1 <<<"$expected") $((ours - sent))" ] ||
      wrong "$1, run $run: in the file $found, the TAPs count $expected and $((ours - sent)) out: $(cat err)"
    read -r _ _ far_in far_out <<<"$expected"
    { [ "$(cut -d' ' -f3 <<<"$found")" -ge "$far_in" ] && [ "$(cut -d' ' -f4 <<<"$found")" = "$far_out" ]; } ||
      wrong "$1, run $run: at the far end $found, its TAP counts $expected: $(cat err)"
  done
  tshark -r both.pcapng 2>&1 >frames | grep -v "Running as" && wrong "$1: tshark complains"
}

# 1. The path emulator's tunnel.
: >ready
"$PATHEMU" --a $$ --b $far --log log >ready 2>trouble &
emulator=$!
await ready ready || { cat trouble; exit 1; }
addresses
runs emulator
kill $emulator
wait $emulator 2>/dev/null

# 2. A real OpenVPN.
for tool in openvpn openssl; do command -v $tool >/dev/null || { echo "no $tool: its part is left out"; exit $status; }; done
ip link add u0 type veth peer name u0 netns $far
ip addr add 192.0.2.1/24 dev u0 && ip link set u0 up
there ip addr add 192.0.2.2/24 dev u0 && there ip link set u0 up
for end in a b; do
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "/CN=$end" -keyout $end.key -out $end.crt 2>/dev/null
done
fingerprint() { openssl x509 -in "$1.crt" -noout -fingerprint -sha256 | cut -d= -f2; }
vpn() { # END PEER OPTION...
  local end=$1 peer=$2
  shift 2
  : >"$end.log"
  local where=
  [ "$end" = a ] || where=there
  $where openvpn --dev tap0 --dev-type tap --proto udp4 --port 1194 --disable-dco --verb 3 --cert "$end.crt" --key "$end.key" \
    --peer-fingerprint "$(fingerprint "$peer")" --txqueuelen 1000 --sndbuf 4194304 --rcvbuf 4194304 "$@" >"$end.log" 2>&1 &
}
vpn b a --tls-server --dh none
client() { vpn a b --tls-client --remote 192.0.2.2; pid_a=$!; }
client
await a.log "Initialization Sequence Completed" || { cat a.log; exit 1; }
await b.log "Initialization Sequence Completed"
addresses
runs OpenVPN

# 3. It restarts: the TAP goes away, and another one comes with its name.
start -v || exit 1
answered=0 # what ping itself got: a VPN may lose some
for round in 1 2; do
  kill $pid_a
  wait $pid_a 2>/dev/null
  await err "end A: tap0 went away" $round
  client
  await a.log "Initialization Sequence Completed"
  addresses
  await err "end A: tap0 is back" $round
  got=$(ping -q -c 5 -i 0.05 10.8.0.2 | sed -nE 's/.* ([0-9]+) received.*/\1/p')
  [ "${got:-0}" -gt 0 ] || wrong "3: no answer through the tunnel"
  answered=$((answered + ${got:-0}))
done
stop 0
replies=$(tshark -r both.pcapng -Y "frame.interface_id == 0 && icmp.type == 0" 2>/dev/null | wc -l)
[ "$replies" = $answered ] || wrong "3: $replies of $answered replies after the tunnel came back: $(cat err)"
"$program" analyze --json both.pcapng 2>err | jq -e '.captures | length > 0' >/dev/null || wrong "3: analyze: $(cat err)"
exit $status
