#!/usr/bin/env bash
# The dashboard in a real terminal (tmux): every view opened, resized, filtered, sorted, ended; screens compared with
# those in tests/tui/screens. `screens.sh --save` makes them anew. Exit 77: there is no tmux here.
set -u
: "${TCPSTALL:?the program}" "${SOURCE_DIR:?the source tree}"
save=${1:-}
command -v tmux >/dev/null || { echo 'skipped: tmux is not installed'; exit 77; }
locale -a 2>/dev/null | grep -qi '^c\.utf' || { echo 'skipped: there is no locale C.UTF-8'; exit 77; }
samples=$SOURCE_DIR/samples
dir=$(mktemp -d)
runs=0
failures=0
unset NO_COLOR TMUX
export LC_ALL=C.UTF-8
# each terminal has a server of its own: one that is ending takes no new one
tm() { tmux -L "tcpstall-$$-$runs" -f /dev/null "$@"; }
end() { tm kill-server 2>/dev/null; rm -rf "$dir"; }
trap end EXIT
fail() { echo "FAILED: $*" >&2; failures=$((failures + 1)); }

# start COLUMNSxROWS ENVIRONMENT ARGUMENT...: the program in a terminal of that size
start()
{
  local size=$1 environment=$2 words
  shift 2
  words=$(printf '%q ' "$TCPSTALL" live "$@")
  rm -f "$dir/status" "$dir/pid"
  runs=$((runs + 1))
  (cd "$dir" && tm new-session -d -x "${size%x*}" -y "${size#*x}" \
    "sh -c 'echo \$\$ >$dir/pid; exec env TERM=screen-256color LC_ALL=C.UTF-8 $environment $words 2>$dir/err'; echo \$? >$dir/status; sleep 60")
  seen 'F1' || fail "nothing on the screen: $(cat "$dir/err")"
}
screen() { tm capture-pane -p -t 0; }
# seen PATTERN: within five seconds
seen()
{
  for _ in $(seq 50); do
    screen 2>/dev/null | grep -q -- "$1" && return 0
    sleep 0.1
  done
  return 1
}
keys() { for key; do tm send-keys -t 0 "$key"; sleep 0.05; done; }
# quit: ends, with status 0, and gives the terminal back
quit()
{
  keys q
  for _ in $(seq 50); do [ -s "$dir/status" ] && break; sleep 0.1; done
  [ "$(cat "$dir/status" 2>/dev/null)" = 0 ] || fail "ended with $(cat "$dir/status" 2>/dev/null): $(cat "$dir/err")"
  [ "$(tm display -p '#{alternate_on}')" = 0 ] || fail 'the terminal was not put back'
  tm kill-server
}
# same NAME PATTERN: once PATTERN is on it, the screen is the saved one
same()
{
  seen "$2" || fail "$1: no '$2' on the screen"
  sleep 0.2
  screen >"$dir/$1"
  if [ "$save" = --save ]; then
    cp "$dir/$1" "$SOURCE_DIR/tests/tui/screens/$1"
  elif ! diff -u "$SOURCE_DIR/tests/tui/screens/$1" "$dir/$1" >&2; then
    fail "$1 is not the screen that was saved"
  fi
}
# views SIZE SUFFIX ENVIRONMENT OPTION...: all of them, on the stall of 2003
views()
{
  local size=$1 suffix=$2 environment=$3
  shift 3
  start "$size" "$environment" "$@" "$samples/2003-tap-stall/sender.txt" "$samples/2003-tap-stall/receiver.txt"
  same "connections.$suffix" 'sender-queue'
  keys Enter
  same "connection.$suffix" 'held by'
  keys Enter
  same "finding.$suffix" 'where   '
  keys Down Enter
  same "ladder.$suffix" 'took'
  keys '?'
  same "help.$suffix" 'the next problem'
  quit
}

views 80x24 80x24 ''
views 132x43 132x43 ''
views 80x24 ascii '' --ascii
start 80x24 NO_COLOR=1 "$samples/2003-tap-stall/sender.txt"
keys Enter
same connection.nocolor 'a acknowledged'
tm capture-pane -e -p -t 0 | grep -qE $'\e\[([0-9]*;)*(38;5|3[0-7]|4[0-7])' && fail 'NO_COLOR, and colours'
quit

# what two ends of one file show: a loss that ends in mid-air, a slope, bytes on their way, what a middlebox rewrote
start 100x30 '' "$samples/tail-loss.pcapng"
keys 3
same ladder.loss 'lost'
quit
start 100x30 '' "$samples/path-hold.pcapng"
keys Enter
same connection.hold 'under way'
keys 3
same ladder.hold 'path-hold'
quit
start 100x30 '' "$samples/window-scale-rewritten.pcapng"
keys Enter
seen "server's window scale (0 at A, 10 at B)" || fail 'no word of the rewritten window scale'
keys d
same announced 'as seen at B'
quit

# colours and characters that a terminal has
start 250x60 'TERM=screen' "$samples/zero-window.pcapng"
keys Enter
seen 'held by receiver-app' || fail 'nothing on a wide terminal with 8 colours'
tm capture-pane -e -p -t 0 | grep -q $'\e\[38;5' && fail '256 colours on a terminal with 8'
quit
start 80x24 'TERM=vt100' "$samples/zero-window.pcapng"
keys Enter
seen 'held by receiver-app' || fail 'nothing on a terminal without colours'
quit
start 80x24 'LC_ALL=C' "$samples/zero-window.pcapng"
keys Enter
seen 'held by receiver-app' || fail 'nothing without UTF-8'
screen | LC_ALL=C grep -q '[^ -~]' && fail 'more than ASCII without UTF-8'
quit

# filter, sort, time, resize, from problem to problem
start 100x30 '' "$samples/2003-tap-stall/sender.txt"
keys / n o - s u c h Enter
seen 'no connection matches' || fail 'the filter lets everything pass'
keys / C-u p o r t Space 3 3 1 3 3 Space a n d Space s t a l l e d Enter
seen 'test-local:33133' || fail 'no connection for "port 33133 and stalled"'
seen '1 of 1 match' || fail 'the filter is not told'
keys / C-u t c p Space p r o t Space 1 Enter
seen 'syntax error' || fail "a filter that is wrong, and no word: $(screen | tail -n 2)"
keys Escape
keys '>' '>' r n N '[' ']' . , Space
seen 'playing 1x' || fail 'it does not play'
keys Space
tm resize-window -x 60 -y 12
seen 'F10' || seen 'F9' || seen 'F8' || fail 'nothing after a resize'
keys Enter
tm resize-window -x 140 -y 50
seen 'flight.*window' || fail 'no second plot on a tall terminal'
keys + + - 0 Left Right x e d d
quit

# the mouse, as xterm tells it: pressed, released; row and column count from 1
click()
{
  local place; place=$(printf '\\x%x\\x%x' $(($2 + 32)) $(($1 + 32)))
  tm send-keys -t 0 -l "$(printf '%b' "\\e[M $place\\e[M#$place")"
  sleep 0.1
}
start 80x24 '' "$samples/2003-tap-stall/sender.txt"
click 2 3
seen 'ID▼' || fail "no order by the column that was clicked: $(screen | sed -n 2p)"
click 3 5
seen 'sends: ' || fail 'no connection after a click on the chosen row'
click 24 1
seen 'this help' || fail 'F1 is not to be clicked'
quit
start 80x24 '' --no-mouse "$samples/2003-tap-stall/sender.txt"
[ "$(tm display -p '#{mouse_any_flag}')" = 0 ] || fail '--no-mouse, and the mouse is taken'
quit

# what is on the screen is written
start 80x24 '' "$samples/zero-window.pcapng"
keys w
seen 'tcpstall-connection-1.pcapng' || fail "w writes nothing: $(screen | tail -n 2)"
[ -s "$dir/tcpstall-connection-1.pcapng" ] || fail 'no file'
"$TCPSTALL" analyze "$dir/tcpstall-connection-1.pcapng" | grep -q zero-window || fail 'what was written shows no zero window'
quit

# a signal, and a terminal that goes away
start 80x24 '' "$samples/2003-tap-stall/sender.txt"
pid=$(cat "$dir/pid")
kill -TERM "$pid"
for _ in $(seq 50); do [ -s "$dir/status" ] && break; sleep 0.1; done
[ "$(cat "$dir/status" 2>/dev/null)" = 0 ] || fail "SIGTERM: status $(cat "$dir/status" 2>/dev/null)"
tm kill-server
start 80x24 '' "$samples/2003-tap-stall/sender.txt"
pid=$(cat "$dir/pid")
tm kill-server
for _ in $(seq 50); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
[ -z "$pid" ] || ! kill -0 "$pid" 2>/dev/null || fail 'it goes on without its terminal'

# a crash: the terminal is put back all the same
start 80x24 '' "$samples/2003-tap-stall/sender.txt"
kill -SEGV "$(cat "$dir/pid")"
for _ in $(seq 50); do [ -s "$dir/status" ] && break; sleep 0.1; done
[ "$(cat "$dir/status" 2>/dev/null)" = 139 ] || fail "SIGSEGV: status $(cat "$dir/status" 2>/dev/null)"
[ "$(tm display -p '#{alternate_on} #{cursor_flag} #{mouse_any_flag}')" = '0 1 0' ] || fail "after a crash: $(tm display -p '#{alternate_on} #{cursor_flag} #{mouse_any_flag}')"
stty -a -F "$(tm display -p '#{pane_tty}')" | grep -qE '(^|[^-])icanon' || fail 'after a crash the terminal is still raw'
stty -a -F "$(tm display -p '#{pane_tty}')" | grep -qE '(^|[^-])echo ' || fail 'after a crash the terminal does not echo'
tm kill-server

# no terminal
"$TCPSTALL" live "$samples/2003-tap-stall/sender.txt" >"$dir/out" 2>"$dir/err" </dev/null
[ $? -eq 2 ] || fail 'no terminal, and no trouble'
grep -q 'tcpstall analyze' "$dir/err" || fail 'it does not point to analyze'
[ "$failures" -eq 0 ]
