# It left the sender and did not arrive, or not as it left.
# shellcheck shell=bash disable=SC2034,SC2154 # sourced by run.sh, which owns these variables

scenario_segment_loss() {
  verdict forward-path segment-loss; also=(none)
  note="repaired by fast retransmission: a stall only where the RTT is long"
  wire+=("ab drop byte=$(opt byte 200000) count=1"); bulk "$size"
  expected=("wire drop -eq 1" "a TcpRetransSegs -ge 1" "a TcpExtTCPFastRetrans -ge 1")
}
scenario_tail_loss() {
  note="the last segment and its first copy get lost"
  verdict forward-path tail-loss; also=(rto-backoff)
  wire+=("ab drop byte=$((size - 1)) count=$(opt copies 2)"); acked_bulk "$size"
  [ "$(opt copies 2)" -gt 1 ] || also+=(none) # a probe repairs it within some round trips: a stall only where they are long
  expected=("wire drop -eq $(opt copies 2)" "a TcpRetransSegs -ge $(opt copies 2)")
}
scenario_rto_backoff() {
  note="the last segment and its first copies get lost"
  verdict forward-path rto-backoff; also=(tail-loss)
  wire+=("ab drop byte=$(opt byte $((size - 1))) count=$(opt copies 5)"); acked_bulk "$size"
  expected=("wire drop -eq $(opt copies 5)" "a TcpExtTCPTimeouts -ge 3")
}
scenario_path_outage() {
  verdict forward-path path-outage; also=(rto-backoff tail-loss segment-loss) meanwhile=(sender-tcp) # the backed-off timer outlives the outage
  [ "$(opt only both)" != both ] || also+=(ack-loss)
  wire+=("$(opt only both) drop from=byte:ab:$((size / 2)) for=$(opt for 3000)ms"); bulk "$size"
  note="everything lost for a while"; expected=("wire drop -ge 3" "a TcpExtTCPTimeouts -ge 2")
}
scenario_path_hold() {
  note="the path keeps everything from the sender for some seconds, then delivers it in one burst"
  verdict forward-path path-hold
  wire+=("ab hold from=byte:ab:$((size / 2)) for=$(opt for 3000)ms"); bulk "$size"
  expected=("wire hold -ge 3" "a TcpExtTCPTimeouts -ge 1"); told_by_dsack
}
scenario_pmtu_blackhole() {
  verdict forward-path pmtu-blackhole; also=(rto-backoff) blind=(b)
  wire+=("ab too-big $(opt mtu 1200) silent")
  before() { sysctl -qw net.ipv4.tcp_mtu_probing="$(opt probing 0)"; }
  a_script=(write:500 read:100 "write:$size" shut readall) b_script=(read:500 write:100 readall)
  stop_after=8; expected=("wire too-big -ge 4" "a TcpExtTCPTimeouts -ge 3")
}
scenario_syn_loss() {
  note="the first two SYNs get lost"
  verdict forward-path syn-loss; sender=client one_end=(synack-loss)
  [ "$opener" = a ] && blind=(b) || blind=(a) # the lost SYNs never came there
  wire+=("both drop kind=syn count=2"); bulk "$size"
  expected=("wire drop -eq 2" "$opener TcpExtTCPSynRetrans -eq 2")
}
scenario_corrupted() {
  note="the path flips a bit of the last segment, and of its first copies"
  verdict forward-path corrupted; one_end=(checksum-drop)
  wire+=("ab corrupt byte=$(opt byte $((size - 1))) count=$(opt copies 3)"); acked_bulk "$size"
  expected=("wire corrupt -eq $(opt copies 3)" "b TcpInCsumErrors -eq $(opt copies 3)")
}
scenario_nat_timeout() {
  verdict forward-path nat-timeout; also=(rto-backoff) blind=(b)
  wire+=("both drop from=idle:3000ms")
  a_script=(user_timeout=5000 write:20000 read:1 sleep:4000 write:20000 read:1)
  b_script=(read:20000 write:1 readall); stop_after=12
  note="the path forgets the connection while it is idle"; expected=("wire drop -ge 4" "a TcpExtTCPAbortOnTimeout -ge 1")
}
scenario_policer() {
  verdict forward-path policer crawl; also=(segment-loss none slow-link)
  wire+=("ab rate $(opt rate 300000)B/s queue=$(opt limit 6000)"); bulk "$size"
  note="a rate limit with hardly any queue"; expected=("a TcpRetransSegs -ge 3")
}

scenario_tap_ring_drop() { # the TAP's own ring is too small for a burst: it left A's capture and never came
  note="the program behind the TAP stops reading, and the device's short ring overflows"
  verdict forward-path tap-ring-drop; also=(segment-loss tail-loss rto-backoff path-outage path-hold ack-hold) # it stops for both directions
  meanwhile=(sender-tcp) # the backed-off timer outlives it
  before() { ip link set $nic txqueuelen 8; }
  during() { sleep 0.3; kill -STOP $pid_wire; note "the reader of the TAP stops"; sleep 2; kill -CONT $pid_wire; note "it goes on"; }
  bulk "$size"; expected=("a link_tx_dropped -ge 1" "a silence_ms -ge 300")
}
scenario_path_facts() { # things that a path alters without harm
  wire+=("both ttl add=-3 log=first" "both mss 1200" "both sack strip")
  note="MSS clamped, SACK stripped, TTL lowered by the path: mismatches are facts, no stall"
  bulk "$size"; healthy; no_hiccup
}

scenario_gso_too_big() { # super-segments that nobody cuts
  verdict forward-path gso-too-big; also=(pmtu-blackhole) blind=(b)
  offload=1; wire+=("ab drop payload=1461.."); bulk "$size"; stop_after=$(opt seconds 8)
  note="the device promises to cut large segments and then loses them"; expected=("wire drop -ge 3" "a TcpExtTCPTimeouts -ge 1")
}
scenario_router_pmtu() { # a real router with a smaller MTU behind it
  [ "$link" = router ] || { echo "router-pmtu needs link=router" >&2; exit 2; }
  key[mtu]=${key[mtu]:-1300}
  a_script=(write:500 read:100 "write:$size" shut readall) b_script=(read:500 write:100 readall)
  case $(opt icmp passes) in
    passes) verdict none none none none; also=(mtu-icmp none); expected=("a TcpExtTCPTimeouts -eq 0" "a IcmpInDestUnreachs -ge 1")
      note="the router says that segments are too big, and the sender obeys"
      [ "$ip" = 6 ] && expected=("a TcpExtTCPTimeouts -eq 0" "a Icmp6InPktTooBigs -ge 1");;
    lost) verdict forward-path pmtu-blackhole; also=(rto-backoff mtu-icmp) blind=(b); stop_after=8
      before() { without_icmp r output; }
      note="the router's messages are filtered"; expected=("a TcpExtTCPTimeouts -ge 3" "a IcmpInDestUnreachs -eq 0");;
    ignored) verdict forward-path pmtu-blackhole; also=(rto-backoff mtu-icmp) blind=(b); stop_after=8
      before() { without_icmp a input; }
      note="the router's messages arrive, and the sender's own firewall drops them"; expected=("a TcpExtTCPTimeouts -ge 3");;
  esac
}
scenario_receiver_gone() { # the look-alike of nat-timeout: the host, not the path, no longer answers after a pause
  verdict receiver-tcp local-drop-input; also=(peer-silent) meanwhile=(sender-app)
  a_script=(user_timeout=5000 write:20000 read:1 sleep:4000 write:20000 read:1)
  b_script=(read:20000 write:1 readall); stop_after=12
  during() { sleep 2; drop_tcp b input 9; }
  note="while the connection is idle, the receiver's host stops letting TCP in"
  expected=("a TcpExtTCPAbortOnTimeout -ge 1" "notes dropped=[1-9] -eq 1")
}
