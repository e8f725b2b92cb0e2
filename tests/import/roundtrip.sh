#!/bin/bash
# Every style in which tcpdump prints a capture, straight, wrapped and quoted as mail programs do it, has to
# come back as the capture's segments.
#
# usage: roundtrip.sh COMPARE_TEXT TCPSTALL SOURCE_DIR
compare=$1
tcpstall=$2
source_dir=$3
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failures=0
checks=0

# check NAME TRACE TEXT [compare_text's words]
check() {
  local name=$1
  shift
  checks=$((checks + 1))
  if ! "$compare" "$@" > "$work/log" 2>&1; then
    failures=$((failures + 1))
    echo "FAILED: $name"
    head -n 5 "$work/log"
  fi
}

# The samples need no tcpdump: what is shipped, and what import makes now, is what the texts say.
samples=$source_dir/samples/2003-tap-stall
for end in sender receiver; do
  check "sample $end" "$samples/$end.pcapng" "$samples/$end.txt"
done
"$tcpstall" import "$samples/report.txt" -w "$work/report.pcapng" 2> "$work/log" || cat "$work/log"
check "import" "$work/report.pcapng" "$samples/report.txt"
# names get their addresses in the order of the whole text, so that only its second half compares
"$tcpstall" import - -e 2 -w - < "$samples/report.txt" > "$work/second.pcapng" 2> "$work/log" ||
  cat "$work/log"
{ head -n 8 "$samples/sender.txt"; cat "$samples/receiver.txt"; } > "$work/one-more.txt"
"$tcpstall" import "$work/one-more.txt" -e 2 -w "$work/other.pcapng" 2> "$work/log" ||
  cat "$work/log"
checks=$((checks + 1))
if ! cmp -s "$work/second.pcapng" "$work/other.pcapng"; then
  failures=$((failures + 1))
  echo "FAILED: import of one excerpt, through pipes and from a file, differs"
fi
"$tcpstall" import "$samples/README.md" -w "$work/none.pcapng" 2> "$work/log"
if [ $? -ne 2 ] || [ -e "$work/none.pcapng" ]; then
  failures=$((failures + 1))
  echo "FAILED: a text without packets has to be refused, and to leave no file"
fi

if ! command -v tcpdump > /dev/null; then
  [ "$failures" -eq 0 ] || exit 1
  echo "SKIPPED: tcpdump is not installed: only the samples were compared"
  exit 77
fi

# Each line: tcpdump's options, and after the bar what compare_text may expect.
styles='-n|
-n -S|
-n -t|no-time
-n -tt|
-n -ttt|
-n -tttt|
-n -ttttt|
-n -v|verbose
-n -vv|verbose printed-seq
-n -vvv -S -e|verbose printed-seq
-n -e|
-n -e -tttt -v|verbose
-n --number|
-n --nano -tt|
-n -x|'

for capture in loopback any; do
  trace=$source_dir/tests/import/$capture.pcap
  while IFS='|' read -r options words; do
    # shellcheck disable=SC2086
    TZ=UTC tcpdump -r "$trace" $options > "$work/plain" 2> "$work/stderr" || continue
    fold -s -w 74 "$work/plain" > "$work/wrapped"
    fold -s -w 70 "$work/plain" | sed 's/ *$//; s/^/> > /' > "$work/quoted"
    fold -w 80 "$work/plain" > "$work/folded"
    sed 's/$/\r/' "$work/wrapped" > "$work/crlf"
    fold -s -w 76 "$work/plain" | sed 's/^/    /' > "$work/indented"
    for form in plain wrapped quoted folded crlf indented; do
      # the hexadecimal dump of -x is not text that anybody wraps
      [ "$options" = "-n -x" ] && [ $form != plain ] && continue
      # shellcheck disable=SC2086
      check "$capture: tcpdump $options, $form" "$trace" "$work/$form" $words
    done
  done <<< "$styles"
done

# The style of tcpdump 3.x, made of today's: its flags, ranges and options.
old_style() {
  sed -E -e 's/ IP6? / /' \
    -e 's/: Flags \[([SFRPUWE]*)\.?\]/: \1/' -e 's/: ,/: .,/' \
    -e 's/, seq ([0-9]+):([0-9]+)(.*), length ([0-9]+).*/ \1:\2(\4)\3/' \
    -e 's/, seq ([0-9]+)(,.*), length 0.*/ \1:\1(0)\2/' -e 's/, length .*//' \
    -e 's/, (ack|win|urg) / \1 /g' -e 's/, options \[([^]]*)\]/ <\1>/' \
    -e 's/TS val ([0-9]+) ecr/timestamp \1/' -e 's/sack ([0-9]) (\{[^>,]*\})/sack sack \1 \2 /' \
    -e 's/$/ (DF) [tos 0x10]/'
}
trace=$work/segments.pcap
tcpdump -r "$source_dir/tests/import/loopback.pcap" -w "$trace" 'tcp or ip6 proto 6' 2> "$work/stderr"
TZ=UTC tcpdump -n -r "$trace" 2> "$work/stderr" | old_style > "$work/plain"
check "old style, plain" "$trace" "$work/plain"
for width in 60 66 70 72 74 78 100; do
  fold -s -w $width "$work/plain" > "$work/wrapped"
  check "old style, wrapped at $width" "$trace" "$work/wrapped"
  fold -w $width "$work/plain" | sed 's/^/> /' > "$work/folded"
  check "old style, folded at $width, quoted" "$trace" "$work/folded"
done

echo "$checks comparisons, $failures failed"
[ "$failures" -eq 0 ]
