#!/usr/bin/env bash
# How the text looks: colour, character set, width, files, the same every time.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
analyze=("$TCPSTALL" analyze)
escape=$'\e'

healthy_text >"$dir/healthy.txt"
stalled_text >"$dir/stalled.txt"

colored()
{
  grep -qF "${escape}[" "$dir/out"
}

expect 1 "${analyze[@]}" "$dir/stalled.txt"
colored && fail 'colour in a pipe'
cp "$dir/out" "$dir/first"
expect 1 "${analyze[@]}" "$dir/stalled.txt"
cmp "$dir/first" "$dir/out" >&2 || fail 'the same input, another report'
expect 1 "${analyze[@]}" --color=always "$dir/stalled.txt"
colored || fail 'no colour although asked for'
expect 1 "${analyze[@]}" --color=never "$dir/stalled.txt"
colored && fail 'colour although refused'
[ "$(wc -L <"$dir/first")" -le 100 ] || fail 'lines above 100 columns in a pipe'

expect 1 env LC_ALL=C "${analyze[@]}" -v "$dir/stalled.txt"
LC_ALL=C grep -q '[^ -~]' "$dir/out" && fail 'more than ASCII in the C locale'
says out 'test-local:33133 -> test-remote:20'
says out 'client -> server'

expect 1 "${analyze[@]}" -o "$dir/report" "$dir/stalled.txt"
silent out
cmp "$dir/first" "$dir/report" >&2 || fail '-o writes something else'

cp "$dir/stalled.txt" "$dir/precious.txt"
expect 2 "${analyze[@]}" -o "$dir/precious.txt" "$dir/precious.txt"
says err 'the trace itself'
cmp "$dir/stalled.txt" "$dir/precious.txt" >&2 || fail '-o overwrote the trace'

# on a terminal: colour, unless NO_COLOR; its width
if command -v script >/dev/null; then
  in_terminal()
  {
    script -qec "stty cols 60 rows 24; $1 '$TCPSTALL' analyze '$dir/stalled.txt'" /dev/null </dev/null |
      tr -d '\r' >"$dir/out"
  }
  in_terminal 'env TERM=xterm'
  colored || fail 'no colour on a terminal'
  sed "s/${escape}\[[0-9;]*[mK]//g" "$dir/out" >"$dir/plain"
  [ "$(wc -L <"$dir/plain")" -le 72 ] || fail 'not wrapped to the terminal'
  in_terminal 'env TERM=xterm NO_COLOR=1'
  colored && fail 'colour in spite of NO_COLOR'
  in_terminal 'env TERM=dumb'
  colored && fail 'colour on a dumb terminal'
fi

# names and files cannot drive the terminal
hostile=$dir/$'bad\e]0;title\a\xff.txt'
sed "s/test-local/te${escape}[31mst/" "$dir/stalled.txt" >"$hostile"
"${analyze[@]}" "$hostile" >"$dir/out" 2>"$dir/err"
cat "$dir/err" >>"$dir/out"
LC_ALL=C grep -q $'[\001-\010\013-\037]' "$dir/out" && fail 'control characters from the trace'

# details, tables, harmless findings
expect 1 "${analyze[@]}" -v "$dir/stalled.txt"
for row in 'bytes' 'retransmitted segments' 'window scale announced' 'time sender-queue'; do
  says out "$row"
done
expect 0 "${analyze[@]}" --all --local-time "$dir/healthy.txt"
finish
