#!/usr/bin/env bash
# -w: the traces again, with the findings as comments; all else stays byte for byte.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# both SAMPLE STATUS: a pcapng stays what it is
unchanged()
{
  expect "$2" "$TCPSTALL" analyze -o "$dir/report" -w "$dir/w.pcapng" "$1"
  "$PCAPNG_SAME" "$1" "$dir/w.pcapng" >"$dir/commented" || fail "more than comments differ: $1"
}

n=0
for sample in "$SOURCE_DIR"/samples/*.pcapng; do
  "$TCPSTALL" analyze "$sample" >/dev/null 2>&1
  unchanged "$sample" $?
  n=$((n + $(cat "$dir/commented")))
done
[ "$n" -gt 100 ] || fail "only $n frames of all samples have comments"

# two captures in one file, on one clock
samples=$SOURCE_DIR/samples/2003-tap-stall
expect 1 "$TCPSTALL" analyze -o "$dir/report" -w "$dir/both.pcapng" "$samples/sender.txt" "$samples/receiver.txt"
says err '40 packets written'
expect 1 "$TCPSTALL" analyze --json "$dir/both.pcapng"
says out '"location":"sender-queue","cause":"tx-queue-hold"'

# the hosts keep the names that a text has for them
expect 1 "$TCPSTALL" analyze -o "$dir/report" -w "$dir/named.pcapng" "$samples/sender.txt"
expect 1 "$TCPSTALL" analyze "$dir/named.pcapng"
says out 'test-local'
says out 'proven'

# only what is asked for
healthy_text >"$dir/healthy.txt"
stalled_text >"$dir/stalled.txt"
expect 0 "$TCPSTALL" analyze -o "$dir/report" -w "$dir/none.pcapng" --problems-only "$dir/healthy.txt"
says err '0 packets written'
expect 1 "$TCPSTALL" analyze -o "$dir/report" -w "$dir/some.pcapng" --problems-only "$dir/stalled.txt"
expect 1 "$TCPSTALL" analyze -o "$dir/report" -w "$dir/one.pcapng" --connection 1 "$dir/stalled.txt"

# what is being read is not overwritten; the report and the trace need a place each
cp "$dir/both.pcapng" "$dir/itself.pcapng"
expect 2 "$TCPSTALL" analyze -w "$dir/itself.pcapng" "$dir/itself.pcapng"
cmp -s "$dir/both.pcapng" "$dir/itself.pcapng" || fail 'the trace itself was overwritten'
expect 2 "$TCPSTALL" analyze -w - "$dir/itself.pcapng"
"$TCPSTALL" analyze -o "$dir/report" -w - "$dir/itself.pcapng" 2>/dev/null | cmp -s - "$dir/itself.pcapng" &&
  fail 'no comments on standard output'
expect 2 "$TCPSTALL" analyze -o "$dir/report" -w "$dir/no/such/folder" "$dir/itself.pcapng"

# a pipe, and a file that is cut off
expect 1 sh -c '"$1" analyze -o "$2/report" -w "$2/pipe.pcapng" - <"$3"' - "$TCPSTALL" "$dir" "$dir/both.pcapng"
"$PCAPNG_SAME" "$dir/both.pcapng" "$dir/pipe.pcapng" >/dev/null || fail 'a trace from standard input changed'
head -c -7 "$dir/both.pcapng" >"$dir/cut.pcapng"
"$TCPSTALL" analyze "$dir/cut.pcapng" >/dev/null 2>&1
unchanged "$dir/cut.pcapng" $?

# Wireshark shows them
if command -v tshark >/dev/null; then
  tshark -r "$dir/both.pcapng" -Y frame.comment -T fields -e frame.comment 2>/dev/null >"$dir/out"
  says out 'tcpstall problem 1: tx-queue-hold at sender-queue, proven'
fi
finish
