# It arrived, and the TCP there dropped it or did not answer.
# shellcheck shell=bash disable=SC2034,SC2154 # sourced by run.sh, which owns these variables

scenario_paws() {
  verdict receiver-tcp paws-drop
  wire+=("dir=ab,byte=$(opt byte $((size - 1))),count=$(opt copies 3),do=tsval:-100000"); acked_bulk "$size"
  note="the path lowers TSval: the receiver's TCP drops the segment as old"
  expected=("wire tsval -eq $(opt copies 3)" "b TcpExtPAWSEstab -ge 1")
}
scenario_rcvbuf() {
  verdict receiver-tcp rcvbuf-limited crawl; also=(slow-reader)
  blind=(b) # there, a window that is filled each time looks like a sender that paces itself
  b_script=(rcvbuf="$(opt rcvbuf 8192)"); bulk "$size"; healthy
}
scenario_local_drop_input() {
  verdict receiver-tcp local-drop-input
  during() { sleep "$(opt at 0.4)"; drop_tcp b input 3; }
  wire+=("rate_ab=2000000"); bulk "$size"; expected=("notes dropped=[1-9] -eq 1" "a TcpExtTCPTimeouts -ge 2")
}
