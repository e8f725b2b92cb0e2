#!/usr/bin/env bash
# The dashboard under valgrind, with every view opened: nothing is read that was not written, nothing is lost.
#
#   memcheck.sh TCPSTALL [interfaces]     a saved trace; or interfaces: for that the program has to be built with
#                                         TCPSTALL_SECCOMP=OFF, since valgrind needs calls that the filter refuses
# LAB_ENDPOINT and PATHEMU are as for live.sh. Exit status 0, 1, 77 (said why).
set -u
program=${1:?usage: memcheck.sh TCPSTALL [interfaces]}
here=$(cd "$(dirname "$0")" && pwd)
PATH=$PATH:/usr/sbin:/sbin
# shellcheck source=live_lib.sh
. "$here/live_lib.sh"
for tool in valgrind tmux; do
  command -v $tool >/dev/null || skip "no $tool"
done
case ${2:-} in
inside) cd "$3" || exit 2 ;;
interfaces) enter "$here/memcheck.sh" valgrind ;;
*) work=$(mktemp -d) || exit 2
   trap 'tm kill-server 2>/dev/null; rm -rf "$work"' EXIT
   cd "$work" || exit 2 ;;
esac

check="valgrind -q --leak-check=full --show-leak-kinds=definite,possible --errors-for-leak-kinds=definite,possible --child-silent-after-fork=no --log-file=$PWD/memcheck.%p"
look() { # ARGUMENT...: the dashboard, all of its views, and q
  rm -f status
  runs=$((runs + 1))
  tm new-session -d -x 120 -y 36 "env TERM=screen-256color $check $program live $* 2>err; echo \$? >status; sleep 60"
  seen 'F10' 60000 || { wrong "no dashboard: $(screen | head -n 5) $(cat err)"; return; }
  sleep 2
  for key in j k '>' '<' Enter + + 0 x 2 Tab 3 j j PageDown Enter 4 j Enter Escape 1 / p r o b l e m Enter / Enter n N '[' ']' Space Space '?' Escape w; do
    tm send-keys -t 0 "$key"
    sleep 0.3
  done
  tm resize-window -x 90 -y 28 2>/dev/null
  sleep 1
  keys 1 2 3 4
  sleep 1
  keys q
  for ((i = 0; i < 600; i++)); do [ -s status ] && break; sleep 0.1; done
  [ "$(cat status 2>/dev/null)" = 0 ] || wrong "ended with '$(cat status 2>/dev/null)': $(cat err)"
  tm kill-server 2>/dev/null
}

if [ "${2:-}" = inside ]; then
  # shellcheck source=../capture/tunnel_lib.sh
  . "$here/../capture/tunnel_lib.sh"
  trap 'tm kill-server 2>/dev/null; end_all' EXIT
  tunnel
  serve readall
  talk tos=8 write:60000000:8192:20
  # shellcheck disable=SC2154
  look -i "tap0@$near" -i "tap0@$far"
else
  look "$here/../../samples/tx-queue-hold.pcapng"
fi
for log in memcheck.*; do
  [ -s "$log" ] || continue
  wrong "$log:"
  head -n 40 "$log"
done
exit $status
