# Two hosts, near and far, and a tunnel of TAPs between them whose queue can be stopped as in 2003. Sourced inside user and
# network namespaces of one's own; needs $PATHEMU and $LAB_ENDPOINT. `a COMMAND` and `b COMMAND` run at a host.
# shellcheck shell=bash

# shellcheck source=space_lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/space_lib.sh"
# shellcheck disable=SC2154 # set by host()
a() { nsenter -t "$near" -n "$@"; }
# shellcheck disable=SC2154
b() { nsenter -t "$far" -n "$@"; }

# tunnel: or calls `skip REASON`
tunnel() {
  host near
  host far
  "$PATHEMU" --a "$near" --b "$far" --log path.log --rule "both delay 5ms" >ready 2>trouble &
  processes+=("$!")
  until grep -q ready ready; do
    kill -0 $! 2>/dev/null || skip "$(cat trouble)"
    sleep 0.02
  done
  for end in a b; do # any other packet would set the queue going
    $end sysctl -qw net.ipv6.conf.all.disable_ipv6=1 2>/dev/null
  done
  a ip link set tap0 address 02:00:00:00:00:0a
  b ip link set tap0 address 02:00:00:00:00:0b
  a ip addr add 10.9.0.1/24 dev tap0
  b ip addr add 10.9.0.2/24 dev tap0
  a ip neigh replace 10.9.0.2 lladdr 02:00:00:00:00:0b dev tap0 nud permanent
  b ip neigh replace 10.9.0.1 lladdr 02:00:00:00:00:0a dev tap0 nud permanent
  a ip link set tap0 gso_max_segs 1 # else tbf splits them, and the kernel does not know its own segments again
  a tc qdisc add dev tap0 root handle 1: tbf rate 10gbit burst 1mb limit 10mb 2>/dev/null || skip "no tbf"
  a tc qdisc add dev tap0 parent 1: handle 2: pfifo_fast 2>/dev/null || skip "no pfifo_fast"
  # Kernels of 2003 had no limit on what TCP hands down.
  a sysctl -qw net.ipv4.tcp_pacing_ss_ratio=1000 net.ipv4.tcp_pacing_ca_ratio=1000
}

hold_queue() {
  a tc qdisc change dev tap0 root handle 1: tbf rate 8bit burst 1600b limit 10mb # holds
  sleep 0.07
  a tc qdisc change dev tap0 root handle 1: tbf rate 10gbit burst 1mb limit 10mb # and forgets to go on
}

port=5000
serve() { # STEP...
  port=$((port + 1))
  nsenter -t "$far" -n "$LAB_ENDPOINT" listen 10.9.0.2 $port limit=120000 "$@" >/dev/null 2>&1 &
  processes+=("$!")
  until b ss -ltnH 2>/dev/null | grep -q ":$port "; do sleep 0.02; done
}
talk() { # STEP...
  nsenter -t "$near" -n "$LAB_ENDPOINT" connect 10.9.0.2 $port limit=120000 "$@" >/dev/null 2>&1 &
  talking=$!
  processes+=("$talking")
}
