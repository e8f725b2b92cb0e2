# The sender's TCP has bytes and room, but does not send.
# shellcheck shell=bash disable=SC2034,SC2154 # sourced by run.sh, which owns these variables

scenario_nagle() {
  verdict sender-tcp nagle-delayed-ack crawl
  local n; n=$(opt n 20)
  a_script=("repeat:$n" write:100 write:100 read:100 end)
  b_script=("repeat:$n" read:200 write:100 end readall)
  note="write-write-read, TCP_NODELAY off"; expected=("b TcpExtDelayedACKs -ge 10")
}
scenario_sndbuf() {
  verdict sender-tcp sndbuf-limited crawl info; also=(cwnd-limited)
  note="a small send buffer: not told from a small cwnd by packets alone, and the kernel itself hardly counts it"
  a_script=(sndbuf="$(opt sndbuf 8192)"); bulk "$size"; healthy
  expected+=("a.ss tb$(($(opt sndbuf 8192) * 2)),.*unacked:[1-9] -ge 2") # all that fits is in flight
}

scenario_cwnd_limited() {
  verdict sender-tcp cwnd-limited crawl info; also=(sndbuf-limited)
  cwnd=$(opt cwnd 4)
  before() { # the kernel takes the lock over from what it remembers of an earlier connection
    route_to_b cwnd lock "$cwnd" initcwnd "$cwnd"
    launch b "$LAB_BIN/lab_endpoint" listen "$addr_b" 4999 readall 2>/dev/null; local p=$!
    sleep 0.3; "$LAB_BIN/lab_endpoint" connect "$addr_b" 4999 write:20000 shut readall 2>/dev/null
    wait $p
  }
  note="the route locks the congestion window"; bulk "$size"; expected=("a.ss cwnd:$cwnd -ge 1" "a TcpExtTCPTimeouts -eq 0")
}
scenario_excessive_rto() {
  verdict sender-tcp excessive-rto; also=()
  before() { route_to_b rto_min "$(opt rto 3s)"; sysctl -qw net.ipv4.tcp_early_retrans=0; }
  wire+=("ab drop byte=$((size - 1)) count=1"); acked_bulk "$size"
  note="the route's rto_min delays the retransmission of a lost tail far beyond what the round-trip time asks for"
  expected=("wire drop -eq 1" "a TcpExtTCPTimeouts -eq 1" "a silence_ms -ge 2000")
}
scenario_ack_ignored() { # a filter above the capture point: the ACK is there and TCP does not use it
  verdict sender-tcp ack-ignored; also=()
  during() { sleep "$(opt at 0.4)"; drop_tcp a input "$(opt for 3)"; }
  paced_bulk "$size"
  note="the data sender's own host throws the ACKs away after they passed its capture point"
  expected=("notes dropped=[1-9] -eq 1" "a TcpExtTCPTimeouts -ge 2"); told_by_dsack
}
scenario_window_update_ignored() {
  verdict sender-tcp window-update-ignored; also=(ack-ignored) meanwhile=(receiver-app receiver-tcp) # the buffer is fixed
  b_script=(rcvbuf="$(opt rcvbuf 65536)" read:20000 sleep:2000 readall); a_script=("write:$size" shut readall)
  during() { sleep 1.2; drop_tcp a input "$(opt for 4)"; }
  note="the reader stops for 2 s; when it goes on, the data sender's own host throws the window updates away"
  expected=("b TcpExtTCPFromZeroWindowAdv -ge 1" "notes dropped=[1-9] -eq 1" "a TcpExtTCPWinProbe -ge 1")
}
