# TCP has sent, but it does not leave the host.
# shellcheck shell=bash disable=SC2034,SC2154 # sourced by run.sh, which owns these variables

scenario_tx_queue_hold() {
  note="the sending host's queue holds everything until a ping comes along"
  verdict sender-queue tx-queue-hold
  [ -z "$(opt rate "")" ] || wire+=("ab rate $(opt rate)B/s queue=8000p") # limits how much TCP hands down (small queues)
  before() {
    tc qdisc add dev $nic root handle 1: tbf rate 10gbit burst 1mb limit 10mb || exit 77
    tc qdisc add dev $nic parent 1: handle 2: pfifo_fast 2>/dev/null || :
    ip link set $nic gso_max_segs 1
  }
  during() {
    sleep "$(opt at 0.4)"
    note "qdisc of A: about to be slowed"
    tc qdisc change dev $nic root handle 1: tbf rate 8bit burst 1600b limit 10mb
    note "qdisc of A: rate 8bit"
    sleep 0.08
    tc qdisc change dev $nic root handle 1: tbf rate 10gbit burst 1mb limit 10mb
    note "qdisc of A: rate restored, not rescheduled"
    sleep "$(opt hold 4)"
    tc -s qdisc show dev $nic >>"$out/notes.log"
    note "ping from A kicks the queue"
    ping -c1 -W1 "$addr_b" >/dev/null
  }
  bulk "$size"
  expected=("a TcpExtTCPSpuriousRtxHostQueues -ge 1" "a TcpRetransSegs -le 1" "a TcpExtTCPTimeouts -ge 1" "a silence_ms -ge 1800")
}
scenario_neighbour_unresolved() {
  note="the sender's host forgets the peer's link address, and its questions for it get lost"
  verdict sender-queue neighbour-unresolved; also=(tx-queue-hold)
  wire=("both drop kind=arp from=byte:ab:49999 for=3400ms")
  a_script=(write:50000 read:1 sleep:1500 write:50000 read:1)
  b_script=(read:50000 write:1 read:50000 write:1 readall)
  during() { sleep 1; ip neigh del "$addr_b" dev $nic; note "A forgets the neighbour; its ARP requests are lost until 3.4 s"; }
  expected=("wire drop -ge 2")
}
scenario_local_drop_output() {
  note="the sender's own firewall drops TCP for some seconds, before the capture point"
  verdict sender-queue local-drop-output; one_end=(app-idle)
  during() { sleep "$(opt at 0.4)"; drop_tcp a output 3; }
  paced_bulk "$size"; expected=("notes dropped=[1-9] -eq 1" "a silence_ms -ge 2000")
}
