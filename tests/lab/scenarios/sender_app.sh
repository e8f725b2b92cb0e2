# The sending application has written nothing more.
# shellcheck shell=bash disable=SC2034,SC2154 # sourced by run.sh, which owns these variables

scenario_app_idle() {
  verdict sender-app app-idle stall info; also=(lost-wakeup)
  a_script=("write:$size" drain "sleep:$(opt pause 3000)" "write:$size" shut readall) b_script=(readall)
  note="the writer pauses with nothing unsent"; healthy; nothing_to_send "$(opt pause 3000)"
}
scenario_app_idle_more() {
  verdict sender-app lost-wakeup stall; also=(app-idle)
  a_script=("more:$(($(opt segments 100) * $(segment_bytes)))" drain "sleep:$(opt pause 3000)" write:100000 shut readall) b_script=(readall)
  note="paused in mid message: last segment full, no PSH"; healthy; nothing_to_send "$(opt pause 3000)"
}
scenario_app_turnaround() {
  verdict sender-app app-turnaround stall info; also=(app-idle)
  a_script=(read:300 "sleep:$(opt think 2000)" write:50000 read:300 sleep:700 write:50000 shut readall)
  b_script=(write:300 read:50000 write:300 read:50000 readall)
  note="A is asked and thinks"; healthy; nothing_to_send "$(opt think 2000)"
}
scenario_app_trickle() {
  verdict sender-app app-trickle crawl info; also=(app-idle none)
  a_script=(nodelay=1 repeat:40 write:60 sleep:60 end shut readall) b_script=(readall)
  note="small writes at a pace of their own"; healthy
  expected+=("a TcpOutSegs -ge 40" "a.ss $send_queue_empty -ge 2")
}
scenario_keepalive_idle() {
  note="idle for seconds, with keep-alive probes that are answered"
  verdict sender-app keepalive-idle stall info; also=(app-idle)
  a_script=(keepalive=1,1,5 write:20000 sleep:4000 write:20000 shut readall) b_script=(readall)
  expected=("a TcpExtTCPKeepAlive -ge 2")
}

scenario_process_stopped() { # as app-idle, but nobody asked the application
  verdict sender-app app-idle stall info; also=(lost-wakeup)
  a_script=("write:$size:20000:20" shut readall) b_script=(readall)
  during() {
    sleep "$(opt at 0.4)"; kill -STOP "${pid_app[a]}"; note "A's application is stopped"
    sleep "$(opt pause 3)"; kill -CONT "${pid_app[a]}"; note "A's application goes on"
  }
  note="the sending process is stopped (SIGSTOP): packets tell no difference to an idle one"; healthy; expected+=("a silence_ms -ge $(($(opt pause 3) * 1000 - 200))")
}
