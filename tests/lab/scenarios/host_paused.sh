# A host that stands still: host A is a guest with a kernel of its own (user-mode Linux), which can be stopped whole,
# its own capture included. What runs in a namespace cannot: its TCP is the kernel's, which goes on answering.
# shellcheck shell=bash disable=SC2034,SC2154 # sourced by run.sh, which owns these variables

scenario_host_paused() {
  verdict sender-app host-paused; sender=any
  [ "$ip" = 4 ] || skip "the guest has no IPv6"
  command -v linux.uml >/dev/null || skip "no linux.uml (user-mode-linux)"
  paced_bulk "$size"
  note="the data sender's whole host stands still: kernel, timers, applications and its own capture"
  before() {
    ip addr flush dev $nic; ip link set $nic address 02:00:00:00:00:2a # A's own address is the guest's
    ip tuntap add guest0 mode tap
    ip link add name bridge0 type bridge
    ip link set guest0 master bridge0 up
    ip link set $nic master bridge0
    ip link set bridge0 address 02:00:00:00:00:1a up
  }
  capture_a() { # boots the guest, which captures at itself
    local role=connect
    [ "$opener" = a ] || role=listen
    { declare -p ts sack mac_a mac_b addr_a addr_b bits | sed 's/^declare -[-x]* //'
      printf 'endpoint=%q\n' "$(printf '%q ' "$LAB_BIN/lab_endpoint" $role "$server" "$port" cc=reno "${a_script[@]}")"; } >"$out/guest.conf"
    rm -f "$out"/guest.{go,done,log}
    TMPDIR=/tmp setsid linux.uml mem=96M rootfstype=hostfs rw init="$here/guest_init.sh" GUEST="$out" \
      vec0:transport=tap,ifname=guest0,depth=64 con=null con0=null >"$out/guest.console" 2>&1 </dev/null &
    pid_guest=$!
    wait_for "$out/a.dump" "listening on" 20 || exit 77
    sleep 0.3
  }
  traffic() {
    if [ "$opener" = a ]; then
      start_endpoint b listen; wait_for "$out/b.log" "listen done" 5
      touch "$out/guest.go"; wait_for "$out/a.log" "connect done" 10
    else
      touch "$out/guest.go"; wait_for "$out/a.log" "listen done" 10
      start_endpoint b connect
    fi
    sleep "$(opt at 0.4)"
    kill -STOP $pid_guest; note "host A stands still"
    sleep "$(opt pause 3)"
    kill -CONT $pid_guest; note "host A goes on"
    wait_for "$out/guest.done" done 20
    sleep 0.5
  }
  counters_a() { jq '.kernel | with_entries(select(.value != 0 and (.key | test("^(Tcp|Ip|Icmp)"))))' "$out/guest.counters"; [ -n "${KEEP_GUEST:-}" ] || rm -f "$out"/guest.*; }
  expected=("a TcpActiveOpens -le 1" "b silence_ms -ge 1500" "notes goes -eq 1")
}
