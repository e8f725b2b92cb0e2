# The dashboard on live interfaces, in a real terminal (tmux). Sourced; needs $program, and $here.
# shellcheck shell=bash

# shellcheck source=../capture/space_lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../capture/space_lib.sh"
runs=0
# each terminal has a server of its own: one that is ending takes no new one
tm() { tmux -L "tcpstall-live-$$-$runs" -f /dev/null "$@"; }
unset NO_COLOR TMUX
export LC_ALL=C.UTF-8

screen() { tm capture-pane -p -t 0 2>/dev/null; }
keys() { for key; do tm send-keys -t 0 "$key"; sleep 0.1; done; }
now_ms() { date +%s%3N; }
# seen PATTERN [MILLISECONDS]: within that time, 5000 by default; $took is how long it took
seen()
{
  local begin; begin=$(now_ms)
  while :; do
    took=$(($(now_ms) - begin))
    screen | grep -qE -- "$1" && return 0
    [ $took -lt "${2:-5000}" ] || return 1
    sleep 0.05
  done
}
gone() # PATTERN [MILLISECONDS]
{
  local begin; begin=$(now_ms)
  while screen | grep -qE -- "$1"; do
    [ $(($(now_ms) - begin)) -lt "${2:-5000}" ] || return 1
    sleep 0.05
  done
}
# shellcheck disable=SC2154 # ends and program are the script's
start() { # OPTION...
  rm -f status pid
  runs=$((runs + 1))
  tm new-session -d -x 120 -y 40 \
    "sh -c 'echo \$\$ >pid; exec env TERM=screen-256color $program live $ends $* 2>err'; echo \$? >status; sleep 60"
  seen 'F10' 15000 || { wrong "no dashboard: $(screen | head -n 5) $(cat err)"; exit $status; }
}
ended() { # STATUS
  for ((i = 0; i < 150; i++)); do [ -s status ] && break; sleep 0.1; done
  [ "$(cat status 2>/dev/null)" = "$1" ] || wrong "${2:+$2: }ended with '$(cat status 2>/dev/null)', not $1: $(cat err)"
  [ "$(tm display -p '#{alternate_on}')" = 0 ] || wrong "${2:+$2: }the terminal was not put back"
  tm kill-server
}
# The processes of the dashboard: the one that analyses is the last one that was started.
children() { pgrep -P "$(cat pid)" | sort -n; }
analyst() { children | tail -n 1; }
