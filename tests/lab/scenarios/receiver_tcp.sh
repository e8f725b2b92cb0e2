# It arrived, and the TCP there dropped it or did not answer.
# shellcheck shell=bash disable=SC2034,SC2154 # sourced by run.sh, which owns these variables

scenario_paws() {
  verdict receiver-tcp paws-drop
  wire+=("ab timestamps add=-100000 byte=$(opt byte $((size - 1))) count=$(opt copies 3)"); acked_bulk "$size"
  note="the path lowers TSval: the receiver's TCP drops the segment as old"
  expected=("wire timestamps -eq $(opt copies 3)" "b TcpExtPAWSEstab -ge 1")
}
scenario_rcvbuf() {
  note="a small receive buffer and a reader that reads at once"
  verdict receiver-tcp rcvbuf-limited crawl; one_end=(slow-reader)
  blind=(b) # there, a window that is filled each time looks like a sender that paces itself
  b_script=(rcvbuf="$(opt rcvbuf 8192)"); bulk "$size"; healthy; expected+=("a.ss rwnd_limited:[1-9] -ge 2")
}
scenario_local_drop_input() {
  note="the receiver's own firewall drops TCP for some seconds, above the capture point"
  verdict receiver-tcp local-drop-input
  during() { sleep "$(opt at 0.4)"; drop_tcp b input 3; }
  paced_bulk "$size"; expected=("notes dropped=[1-9] -eq 1" "a TcpExtTCPTimeouts -ge 2")
}

scenario_checksum_drop() { # the data is right, its checksum is not: as a device does that fills it wrongly
  verdict receiver-tcp checksum-drop; one_end=(corrupted)
  during() { sleep "$(opt at 0.4)"; firewall_does "tcp checksum set 0x4242" a output "$(opt for 3)" "checksums" meta length gt 500 meta l4proto tcp; }
  paced_bulk "$size"
  note="the sender's host spoils the checksum of full segments for a while, below its TCP"
  expected=("b TcpInCsumErrors -ge 2" "a TcpExtTCPTimeouts -ge 1")
}
scenario_delayed_ack() {
  verdict receiver-tcp delayed-ack crawl info; also=(none)
  # Full segments without PSH: a receiver that is told of the end of a message would answer at once.
  a_script=("repeat:$(opt n 60)" "more:$(segment_bytes)" drain end shut readall) b_script=(readall)
  note="an application that waits for TCP's ACK of each full segment before it writes the next"
  expected=("b TcpExtDelayedACKs -ge 12")
}
scenario_silly_window() {
  verdict receiver-tcp silly-window crawl; also=(rcvbuf-limited)
  b_script=(rcvbuf="$(opt rcvbuf 1000)"); bulk "$size"; stop_after=$(opt seconds 8)
  note="a receive buffer smaller than a segment: the window never reaches the segment size, although everything is read at once"
  expected=("a.ss mss:[1-9][0-9][0-9]\\b -ge 1" "a.ss rwnd_limited:[1-9] -ge 2")
}
scenario_window_shrink() {
  verdict receiver-tcp window-shrink; also=(zero-window)
  before() { b sysctl -qw net.ipv4.tcp_shrink_window=1 || exit 77; }
  a_script=(nodelay=1 "write:$size:$(opt chunk 100)" shut readall) b_script=(rcvbuf="$(opt rcvbuf 65536)" read:2000 "sleep:$(opt stop 3000)" readall)
  note="small segments fill the buffer by their overhead, and the receiver takes back what it had offered"
  expected=("b TcpExtTCPToZeroWindowAdv -ge 1" "a silence_ms -ge 300" "b edges_taken_back -ge 1"
    "a.ss timer:(\\(persist\\|on\\) -ge 2")
}
