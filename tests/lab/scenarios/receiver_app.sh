# The receiving application does not read or does not accept.
# shellcheck shell=bash disable=SC2034,SC2154 # sourced by run.sh, which owns these variables

scenario_zero_window() {
  verdict receiver-app zero-window; meanwhile=(receiver-tcp) # the buffer is fixed, and small for a long round trip
  b_script=(rcvbuf="$(opt rcvbuf 65536)" read:20000 "sleep:$(opt stop 3000)" readall)
  a_script=("write:$size" shut readall)
  note="the reader stops and goes on"; expected=("b TcpExtTCPToZeroWindowAdv -ge 1" "a TcpExtTCPWinProbe -ge 1")
}
scenario_slow_reader() {
  note="the application reads a little at a time"
  verdict receiver-app slow-reader crawl; also=(zero-window); one_end=(rcvbuf-limited)
  b_script=(rcvbuf="$(opt rcvbuf 32768)" "readall:$(opt chunk 4096):$(opt pause 20)")
  a_script=("write:$size" shut readall)
  expected=("a.ss rwnd_limited:[1-9] -ge 2" "b.ss $receive_queue_used -ge 2")
}
scenario_listen_overflow() {
  verdict receiver-app listen-overflow; one_end=(syn-loss synack-loss peer-silent); sender=client
  acceptor=b; [ "$opener" = b ] && acceptor=a
  bulk "$size"
  if [ $acceptor = b ]; then b_script=(backlog=0 accept_delay=3500 "${b_script[@]}")
  else a_script=(backlog=0 accept_delay=3500 "${a_script[@]}"); fi
  traffic() {
    start_endpoint $acceptor listen; wait_for "$out/$acceptor.log" "listen done" 5
    launch "$opener" "$LAB_BIN/lab_endpoint" connect "$server" "$port" lport=40001 sleep:4500 2>/dev/null
    sleep 0.1
    start_endpoint "$opener" connect; local p=$!
    sleep 6; kill $p 2>/dev/null
  }
  note="the queue of connections is full; the one from port 40001 fills it, the other one waits"
  expected=("$acceptor TcpExtListenOverflows -ge 1")
}
scenario_deadlock() {
  verdict receiver-app deadlock; also=(zero-window)
  a_script=(rcvbuf="$(opt rcvbuf 65536)" sndbuf="$(opt rcvbuf 65536)" limit=4000 "write:$size" "read:$size")
  b_script=(rcvbuf="$(opt rcvbuf 65536)" sndbuf="$(opt rcvbuf 65536)" limit=4000 "write:$size" "read:$size")
  note="both write and neither reads"; stop_after=12
  expected=("a TcpExtTCPToZeroWindowAdv -ge 1" "b TcpExtTCPToZeroWindowAdv -ge 1")
}
