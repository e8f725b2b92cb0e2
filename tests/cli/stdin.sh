#!/usr/bin/env bash
# Standard input: files, pipes, text whose names are needed early, a pipe that grows until Ctrl-C.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

healthy_text >"$dir/healthy.txt"
stalled_text >"$dir/stalled.txt"
"$TCPSTALL" analyze "$dir/stalled.txt" >"$dir/from-file"

same()
{
  # the file's name is the one difference
  diff <(grep -v '^  end A' "$dir/from-file") <(grep -v '^  end A' "$dir/out") >&2 ||
    fail "$1: not the report of the file"
}

"$TCPSTALL" analyze - <"$dir/stalled.txt" >"$dir/out"
same 'redirected file'
# shellcheck disable=SC2002
cat "$dir/stalled.txt" | "$TCPSTALL" analyze - >"$dir/out"
[ "${PIPESTATUS[1]}" -eq 1 ] || fail 'a pipe finds no problem'
same pipe
says out 'standard input'
mkfifo "$dir/fifo"
cat "$dir/healthy.txt" >"$dir/fifo" &
"$TCPSTALL" analyze "$dir/fifo" >"$dir/out" || fail 'a named pipe'
wait

: | "$TCPSTALL" analyze - >"$dir/out" 2>"$dir/err"
[ "${PIPESTATUS[1]}" -eq 2 ] || fail 'an empty pipe is trouble'

# a capture that goes on until Ctrl-C: what has come is reported
interrupted()
{
  mkfifo "$dir/growing"
  "$TCPSTALL" analyze - <"$dir/growing" >"$dir/out" 2>"$dir/err" &
  local program=$!
  exec 3>"$dir/growing"
  "$@" >&3
  for _ in $(seq 50); do
    [ -e "/proc/$program/task" ] || break
    sleep 0.05
    # it has read everything as soon as it sleeps in read
    [ "$(cat "/proc/$program/task"/*/wchan 2>/dev/null)" != 0 ] && sleep 0.2 && break
  done
  kill -INT "$program"
  wait "$program"
  status=$?
  exec 3>&-
  rm "$dir/growing"
}

frame='\xff\xff\xff\xff\xff\xff\x02\x00\x00\x00\x00\x01\x88\xcc\x00\x00'
interrupted pcap 1 "$frame" "$frame" "$frame"
[ "$status" -eq 0 ] || fail "interrupted: exit status $status"
says out '3 frames'
says out 'interrupted'
interrupted stalled_text
[ "$status" -eq 1 ] || fail "interrupted text: exit status $status"
says out 'tx-queue-hold'
finish
