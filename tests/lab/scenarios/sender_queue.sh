# TCP has sent, but it does not leave the host. The queue that holds everything is in txqueue.scenarios.sh.
# shellcheck shell=bash disable=SC2034,SC2154 # sourced by run.sh, which owns these variables

scenario_neighbour_unresolved() {
  note="the sender's host forgets the peer's link address, and its questions for it get lost"
  verdict sender-queue neighbour-unresolved; also=(tx-queue-hold)
  wire=("both drop kind=arp from=byte:ab:49999 for=3400ms")
  a_script=(write:50000 read:1 sleep:1500 write:50000 read:1)
  b_script=(read:50000 write:1 read:50000 write:1 readall)
  during() { sleep 1; ip neigh del "$addr_b" dev $nic; note "A forgets the neighbour; its ARP requests are lost until 3.4 s"; }
  expected=("wire drop -ge 2" "a silence_ms -ge 1500")
}
scenario_local_drop_output() {
  note="the sender's own firewall drops TCP for some seconds, before the capture point"
  verdict sender-queue local-drop-output; one_end=(app-idle)
  during() { sleep "$(opt at 0.4)"; drop_tcp a output 3; }
  paced_bulk "$size"; expected=("notes dropped=[1-9] -eq 1" "a silence_ms -ge 2000")
}
