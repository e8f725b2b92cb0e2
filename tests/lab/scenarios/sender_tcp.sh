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
  note="not told from a small cwnd by packets alone, and the kernel itself hardly counts it"
  a_script=(sndbuf="$(opt sndbuf 8192)"); bulk "$size"; healthy
}
