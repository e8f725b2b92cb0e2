#!/usr/bin/env bash
# Both ends of a connection on the dashboard with a NAT between them: it has other addresses at each, and is one connection
# all the same; and the same for an end that another host's capture brings.
#
#   live_nat.sh TCPSTALL      LAB_ENDPOINT is an application; exit status 0, 1, 77 (said why)
set -u
program=${1:?usage: live_nat.sh TCPSTALL}
: "${LAB_ENDPOINT:?the application}"
here=$(cd "$(dirname "$0")" && pwd)
PATH=$PATH:/usr/sbin:/sbin
# shellcheck source=live_lib.sh
. "$here/live_lib.sh"
[ "${2:-}" = inside ] || enter "$here/live_nat.sh" nft pgrep

cd "$3" || exit 2
# shellcheck source=../capture/tunnel_lib.sh
. "$here/../capture/tunnel_lib.sh"
trap 'tm kill-server 2>/dev/null; end_all' EXIT

# near 192.168.7.2 - 192.168.7.1 router 10.9.0.1 - 10.9.0.2 far
host near
host router
host far
# shellcheck disable=SC2154 # set by host()
r() { nsenter -t "$router" -n "$@"; }
link() { # PID NAME ADDRESS, of the router NAME ADDRESS
  ip link add "$2" type veth peer name "$4"
  ip link set "$2" netns "$1"
  ip link set "$4" netns "$router"
  nsenter -t "$1" -n ip addr add "$3" dev "$2"
  nsenter -t "$1" -n ip link set "$2" up
  r ip addr add "$5" dev "$4"
  r ip link set "$4" up
}
# shellcheck disable=SC2154
link "$near" up0 192.168.7.2/24 to-near 192.168.7.1/24
# shellcheck disable=SC2154
link "$far" eth0 10.9.0.2/24 to-far 10.9.0.1/24
a ip route add default via 192.168.7.1
r sysctl -qw net.ipv4.ip_forward=1
r nft -f - <<END 2>nft.err || skip "no NAT: $(head -n 1 nft.err)"
table ip lab {
  chain post {
    type nat hook postrouting priority 100;
    oifname "to-far" masquerade random
  }
}
END

# shellcheck disable=SC2034 # for start()
ends="-i up0@$near -i eth0@$far"
start
serve readall
talk write:6000000:8192:20
seen '192\.168\.7\.2:.*moving' || wrong "no transfer on the screen: $(screen)"
gone '10\.9\.0\.1:' 20000 || wrong "it is shown twice: $(screen | head -n 6)"
echo "one connection after $took ms and some"
seen ' 1 connection,' || wrong "not one connection: $(screen | head -n 1)"
keys Enter
seen 'both-ends|with-sockets' || wrong "not both ends: $(screen | head -n 3)"
keys 3
sleep 1.5
seen '192\.168\.7\.2' || wrong "no ladder: $(screen | head -n 5)"
keys w
seen 'packets written to tcpstall-connection-1.pcapng' || wrong "not written: $(screen | tail -n 3)"
keys q
ended 0
kill "$talking" 2>/dev/null
"$program" analyze --json --no-progress tcpstall-connection-1.pcapng 2>/dev/null >written.json
grep -q '"evidence_level":"both-ends"' written.json || wrong "w wrote not both ends: $(head -c 300 written.json)"

# ---- the far end over ssh, as far as the dashboard can tell: its capture is a stream from another host ----

cat >ssh.sh <<END
#!/bin/sh
for command; do :; done
export PATH="$(dirname "$(readlink -f "$program")"):\$PATH"
exec nsenter -t $far -n sh -c "\$command"
END
chmod +x ssh.sh
ends="--ssh=$PWD/ssh.sh -i up0@$near -i ssh:far/eth0"
start
serve readall
talk write:6000000:8192:20
seen '192\.168\.7\.2:.*moving' || wrong "over ssh: no transfer on the screen: $(screen)"
gone '10\.9\.0\.1:' 20000 || wrong "over ssh: it is shown twice: $(screen | head -n 6)"
keys Enter
seen 'both-ends|with-sockets' 10000 || wrong "over ssh: not both ends: $(screen | head -n 3)"
keys q
ended 0
kill "$talking" 2>/dev/null
exit $status
