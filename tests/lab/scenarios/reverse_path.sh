# The answer left the receiver and did not arrive as it left.
# shellcheck shell=bash disable=SC2034,SC2154 # sourced by run.sh, which owns these variables

scenario_ack_loss() {
  note="the path loses everything from the receiver for some seconds"
  verdict reverse-path ack-loss; one_end=(tail-loss)
  wire+=("ba drop from=byte:ab:$((size / 2)) for=$(opt for 2000)ms"); bulk "$size"
  expected=("wire drop -ge 2" "a TcpExtTCPTimeouts -ge 1"); told_by_dsack
}
scenario_ack_hold() {
  note="the path keeps everything from the receiver for some seconds, then delivers it in one burst"
  verdict reverse-path ack-hold; also=(ack-loss)
  wire+=("ba hold from=byte:ab:$((size / 2)) for=$(opt for 3000)ms"); bulk "$size"
  expected=("wire hold -ge 2" "a TcpExtTCPTimeouts -ge 1")
}
scenario_window_update_lost() {
  verdict reverse-path window-update-lost; one_end=(zero-window) meanwhile=(receiver-app receiver-tcp) # the buffer is fixed, and small for a long round trip
  b_script=(rcvbuf="$(opt rcvbuf 65536)" read:10000 sleep:1000 readall)
  a_script=("write:$size" shut readall)
  wire+=("ba drop kind=ack from=syn:900ms for=$(opt for 3000)ms")
  note="the reader stops for 1 s (zero window), then its window updates, and its answers to probes, are lost"
  expected=("b TcpExtTCPToZeroWindowAdv -ge 1" "b TcpExtTCPFromZeroWindowAdv -ge 1" "wire drop -ge 1")
}
scenario_synack_loss() {
  note="the first two SYN-ACKs get lost"
  verdict reverse-path synack-loss; sender=client one_end=(syn-loss)
  wire+=("both drop kind=synack count=2"); bulk "$size"
  expected=("wire drop -eq 2" "$opener TcpExtTCPSynRetrans -ge 1")
}
# B's announcement is rewritten (in the SYN-ACK when A opened, else in the SYN), so A reads B's windows wrongly.
scenario_window_scale() {
  note="the path sets the receiver's window scale to 0, so the sender sees tiny windows"
  verdict reverse-path window-scale-rewritten crawl
  wire+=("ba wscale 0"); bulk "$size"; stop_after=$(opt seconds 9)
  expected=("wire wscale -ge 1" "a.ss $mostly_rwnd_limited -ge 2")
}
scenario_window_scale_stripped() {
  note="the path removes the receiver's window scale option"
  verdict reverse-path window-scale-stripped crawl; also=(window-scale-rewritten)
  wire+=("ba wscale strip"); bulk "$size"; stop_after=$(opt seconds 9)
  expected=("wire wscale -ge 1")
  if [ "$opener" = a ]; then expected+=("a.ss $mostly_rwnd_limited -ge 2")
  else verdict none none none none; note="stripped from the SYN: both ends do without, no stall"; fi
}
scenario_window_scale_raised() {
  verdict none none none none; also=(window-scale-rewritten)
  wire+=("ba wscale 14"); bulk "$size"
  note="harmless while the reader is fast: a mismatch (info) is right, a stall is not"
  expected=("wire wscale -ge 1" "a TcpExtTCPTimeouts -eq 0"); no_hiccup
}
scenario_window_overrun() { # the scale raised and the reader slow: A sends beyond B's window
  verdict receiver-tcp out-of-window crawl; also=(window-scale-rewritten window-scale-stripped) meanwhile=(receiver-app)
  wire+=("ba wscale 14")
  bulk "$size"; b_script=(rcvbuf=65536 "readall:8192:$(opt pause 20)")
  note="B's scale raised to 14 on the way, slow reader: A overruns the window"
  expected=("wire wscale -ge 1" "b TcpExtBeyondWindow -ge 5")
}

scenario_sack_not_translated() {
  verdict reverse-path sack-not-translated; also=(none) one_end=(segment-loss tail-loss) meanwhile=(forward-path)
  wire+=("ab seq add=$(opt shift 1000000) keep-sack log=first" "ab drop byte=$(opt byte $((size / 2))) count=1"); bulk "$size"
  note="the path shifts sequence numbers and leaves SACK blocks as they are"
  expected=("wire drop -eq 1" "a TcpExtTCPSACKDiscard -ge 1" "a TcpRetransSegs -ge 1")
}
