#!/usr/bin/env bash
# `tcpstall capture --list`: interfaces of several kinds in namespaces of the test's own, and who holds the TAPs.
#
#   list.sh TCPSTALL      PATHEMU names the path emulator, which holds two TAPs; exit status 0, 1, 77 not possible here (said why)
set -u
program=${1:?usage: list.sh TCPSTALL}
: "${PATHEMU:?the path emulator}"
here=$(cd "$(dirname "$0")" && pwd)
PATH=$PATH:/usr/sbin:/sbin
# shellcheck source=space_lib.sh
. "$here/space_lib.sh"

if [ "${2:-}" != inside ]; then
  for tool in unshare nsenter ip jq; do
    command -v $tool >/dev/null || skip "no $tool"
  done
  unshare -Urnm true 2>/dev/null || skip "no user namespaces"
  work=$(mktemp -d) || exit 2
  trap 'rm -rf "$work"' EXIT
  # As somebody who may nothing: what can be seen is listed, and it is said that there is more.
  if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
    setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all --bounding-set=-all \
      "$program" capture --list --json >"$work/nobody.json" 2>"$work/err" || wrong "without rights: $(cat "$work/err")"
    jq -e '.namespaces[0] | .own and (.interfaces | any(.name == "lo" and .kind == "loopback"))' "$work/nobody.json" >/dev/null ||
      wrong "without rights: the own namespace is not listed"
    grep -q "no right to look into" "$work/err" || wrong "without rights: it is not said that something is missing"
  fi
  unshare -Urnm bash "$0" "$program" inside "$work" || status=$?
  exit $status
fi

cd "$3" || exit 2
trap end_all EXIT

# Namespaces: one with a name, one that only a process has.
mount -t tmpfs none /run 2>/dev/null && mkdir -p /run/netns
host far
ip link set lo up
ip link add near mtu 1400 type veth peer name far netns $far 2>/dev/null || skip "no veth"
ip link set near up
ip addr add 10.9.0.1/24 dev near
ip link add bridge0 type bridge 2>/dev/null && ip link set near master bridge0
tagged=
ip link add link bridge0 name tagged type vlan id 7 2>/dev/null && tagged=1
named=
if ip netns add called 2>/dev/null; then
  named=1
  ip link add left type veth peer name right netns called
fi
# A program that holds two TAPs, in namespaces that are not its own.
"$PATHEMU" --ordinary --log log >ready 2>trouble &
emulator=$!
processes+=("$emulator")
for ((i = 0; i < 250; i++)); do
  { grep -q ready ready || ! kill -0 $emulator 2>/dev/null; } && break
  sleep 0.02
done

"$program" capture --list --json >list.json 2>err || wrong "status $?: $(cat err)"
"$program" capture --list >list.txt 2>err || wrong "status $?: $(cat err)"
has() { # FILTER WHAT: of all interfaces, `space` being their namespace
  jq -e "[.namespaces[] | . as \$space | .interfaces[] | . + {space: \$space}] | any($1)" list.json >/dev/null || wrong "not listed: $2"
}
jq -e '.schema == "tcpstall-interfaces/1"' list.json >/dev/null || wrong "another schema"
has '.capture == "lo" and .kind == "loopback" and .state == "up" and .space.own' "the loopback interface"
has '.capture == "near" and .kind == "veth" and .mtu_bytes == 1400 and .bridge == "bridge0" and .addresses == ["10.9.0.1"]' "a veth in a bridge"
has ".capture == \"near\" and .peer.capture == \"far@$far\"" "a veth's other end, in a namespace without a name"
has ".capture == \"far@$far\" and .peer.capture == \"near\" and .state == \"down\" and .space.process.pid == $far" "and back"
has '.capture == "bridge0" and .kind == "bridge"' "a bridge"
[ -z "$tagged" ] || has '.capture == "tagged" and .kind == "vlan" and .vlan == 7 and .on.capture == "bridge0"' "a VLAN"
has '.capture == "near" and (.offloads | index("gso"))' "offloads"
if [ -n "$named" ]; then
  has '.capture == "right@called" and .peer.capture == "left"' "a namespace with a name"
  has '.capture == "left" and .peer.capture == "right@called"' "an interface's other end there"
fi
if grep -q ready ready; then
  has ".kind == \"tap\" and .space.own == false and .holders[0].pid == $emulator and .holders[0].certain" "who holds a TAP"
  [ "$(jq "[.namespaces[].interfaces[] | select(.holders[0].pid == $emulator)] | length" list.json)" = 2 ] || wrong "not both TAPs that are held"
  [ "$(jq '[.namespaces[].interfaces[] | select(.kind == "tap") | .holders | length] | max' list.json)" = 1 ] || wrong "a TAP with a wrong holder"
  grep -qE "^tap0@/proc/[0-9]+/fd/[0-9]+ +tap +(up|down|no-carrier) .*held by tcpstall-pathem[a-z]* \($emulator\)" list.txt || wrong "the text does not tell the holder"
  if ip tuntap add mode tap name idle 2>/dev/null; then
    "$program" capture --list --json >list.json 2>err
    has '.capture == "idle" and .kind == "tap" and .persistent and .holders == []' "a TAP that nobody holds"
  fi
fi
# What is listed can be recorded.
name=$(jq -r "[.namespaces[].interfaces[] | select(.name == \"far\")][0].capture" list.json)
nsenter -t $far -n ip link set far up
"$program" capture -q -i "$name" -w far.pcapng --duration 100ms 2>err || wrong "-i $name: $(cat err)"
ip netns del called 2>/dev/null
exit $status
