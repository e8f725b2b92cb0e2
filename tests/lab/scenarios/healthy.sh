# Nothing is wrong here, or nothing that anybody has to be blamed for: healthy traffic and harmless oddities of the path.
# shellcheck shell=bash disable=SC2034,SC2154 # sourced by run.sh, which owns these variables

scenario_healthy_bulk() { bulk "$size"; healthy; no_hiccup; }
scenario_healthy_reqresp() {
  local n; n=$(opt n 30)
  a_script=(nodelay=1 "repeat:$n" write:2000 read:200 end)
  b_script=(nodelay=1 "repeat:$n" read:2000 write:200 end)
  healthy; no_hiccup
}
scenario_healthy_pauses() {
  verdict sender-app app-idle stall info
  a_script=(repeat:4 write:50000 sleep:"$(opt pause 800)" end shut readall) b_script=(readall)
  healthy
}
scenario_reordering() {
  local i; for i in 20 40 60 80; do wire+=("dir=ab,kind=data,skip=$i,count=1,do=late:$(opt late 5)"); done
  note="late segments, no loss: no stall"; also=(reordering)
  bulk "$size"; expected=("wire late -ge 3" "b TcpExtTCPOFOQueue -ge 1")
}
scenario_duplicates() {
  wire=("dir=ab,kind=data,skip=20,count=10,do=dup:2"); note="the path doubles segments: no stall"
  bulk "$size"; expected=("wire dup -ge 10"); told_by_dsack
}
scenario_slow_link() {
  wire=("rate_ab=$(opt rate 200000)" "limit=$(opt limit 150000)"); verdict forward-path slow-link crawl info
  note="a slow link with a deep queue; a crawl finding is allowed, no stall with another owner"
  also=(policer segment-loss none); bulk "$size"; expected=("a TcpOutSegs -ge 10")
}
