# Connections that were refused, reset or given up.
# shellcheck shell=bash disable=SC2034,SC2154 # sourced by run.sh, which owns these variables

scenario_refused() {
  verdict sender-app refused abort; also=(sender-tcp); listener=0; bulk 1000
  sender=server; note="nobody listens on the port"
  local acceptor=b; [ "$opener" = b ] && acceptor=a
  expected=("$acceptor TcpOutRsts -ge 1")
}
scenario_app_reset() {
  note="one application ends the connection by a reset in the middle of the transfer"
  verdict sender-app app-reset abort
  if [ "$(opt by b)" = b ]; then
    a_script=("write:$size" readall) b_script=("read:$((size / 2))" abort); sender=server
  else
    a_script=("write:$size" sleep:300 abort) b_script=(readall); sender=client severity=any # all was acknowledged: so it closes
  fi
  [ "$opener" = b ] && case $sender in server) sender=client;; *) sender=server;; esac
  expected=("$(opt by b) TcpOutRsts -ge 1")
}
scenario_rst_injected() {
  verdict forward-path rst-injected abort; one_end=(app-reset half-open)
  local to=sender; [ "$(opt both 0)" = 1 ] && to=both
  wire+=("ab reset $to kind=data from=byte:ab:$((size / 2)) count=1")
  sender=any # where only A is told, B sees A answer with a RST of its own
  paced_bulk "$size"; note="the path forges a RST from B to A (both=1: and one from A to B)"
  expected=("wire reset -ge 1" "a TcpEstabResets -ge 1")
}
scenario_gave_up() {
  verdict forward-path path-outage; also=(rto-backoff tail-loss gave-up) one_end=(peer-silent) blind=(b)
  wire+=("both drop from=byte:ab:$((size / 2))"); a_script=(user_timeout=3000); bulk "$size"; stop_after=8
  note="the peer vanishes; A gives up without a packet, so the wire shows a stall that never ends"; expected=("a TcpExtTCPAbortOnTimeout -ge 1")
}
scenario_keepalive_timeout() {
  verdict sender-tcp keepalive-timeout abort; one_end=(app-reset) blind=(b)
  wire+=("ab drop kind=ack from=byte:ab:19999" "both drop from=idle:500ms")
  a_script=(keepalive=1,1,3 limit=20000 write:20000 read:1) b_script=(limit=20000 read:20000 read:1); stop_after=10
  note="A is idle and probes; the probes are lost"; expected=("a TcpExtTCPKeepAlive -ge 2" "a TcpExtTCPAbortOnTimeout -ge 1")
}
scenario_half_open() {
  note="the receiving host forgets the connection while it is idle"
  verdict sender-tcp half-open abort; one_end=(app-reset) meanwhile=(sender-app)
  wire+=("both drop kind=rst count=1"); [ "$opener" = a ] && sender=server || sender=client
  a_script=(write:20000 read:1 sleep:2500 write:20000 read:1) b_script=(read:20000 write:1 readall)
  during() { sleep 1; b ss -K sport = "$port" or dport = "$port" >/dev/null 2>&1; note "B forgets the connection"; }
  stop_after=8; expected=("wire drop -eq 1" "b TcpOutRsts -ge 1" "a TcpEstabResets -ge 1")
}
