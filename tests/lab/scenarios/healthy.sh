# Nothing is wrong here, or nothing that anybody has to be blamed for: healthy traffic and harmless oddities of the path.
# shellcheck shell=bash disable=SC2034,SC2154 # sourced by run.sh, which owns these variables

scenario_healthy_bulk() { note="a transfer with nothing wrong"; bulk "$size"; healthy; no_hiccup; }
scenario_healthy_reqresp() {
  note="requests and answers with nothing wrong"
  local n; n=$(opt n 30)
  a_script=(nodelay=1 "repeat:$n" write:2000 read:200 end)
  b_script=(nodelay=1 "repeat:$n" read:2000 write:200 end)
  healthy; no_hiccup
}
scenario_healthy_pauses() {
  note="an application that pauses between messages"
  verdict sender-app app-idle stall info
  a_script=(repeat:4 write:50000 drain sleep:"$(opt pause 800)" end shut readall) b_script=(readall)
  healthy; nothing_to_send "$(opt pause 800)"
}
scenario_reordering() {
  local i; for i in 21 41 61 81; do wire+=("ab reorder $(opt late 5)ms kind=data nth=$i"); done
  note="late segments, no loss: no stall"; also=(reordering)
  bulk "$size"; expected=("wire reorder -ge 3" "b TcpExtTCPOFOQueue -ge 1")
}
scenario_duplicates() {
  wire=("ab duplicate after=2ms kind=data nth=21..30"); note="the path doubles segments: no stall"
  bulk "$size"; expected=("wire duplicate -ge 10"); told_by_dsack
}
scenario_slow_link() {
  wire=("ab rate $(opt rate 200000)B/s queue=$(opt limit 150000)"); verdict forward-path slow-link crawl info
  note="a slow link with a deep queue; a crawl finding is allowed, no stall with another owner"
  also=(policer segment-loss none); bulk "$size"
  expected=("a span_ms -ge $((size * 800 / $(opt rate 200000)))")
}
