# Shared by the cli tests. Each check says what it expected; the script's status is the number of failures, at most 1.
# shellcheck shell=bash
set -u
: "${TCPSTALL:?the program}" "${SOURCE_DIR:?the source tree}" "${JSON_CHECK:?json_schema_check}"
unset NO_COLOR
export LC_ALL=C.UTF-8
failures=0
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

fail()
{
  echo "FAILED: $*" >&2
  failures=$((failures + 1))
}

# expect STATUS COMMAND...: the output goes to $dir/out and $dir/err.
expect()
{
  local wanted=$1
  shift
  "$@" >"$dir/out" 2>"$dir/err" </dev/null
  local got=$?
  [ "$got" -eq "$wanted" ] || fail "exit status $got instead of $wanted: $*: $(head -c 300 "$dir/err")"
}

# says FILE WORDS: they are in $dir/FILE, wherever the lines break.
says()
{
  tr -s ' \n' ' ' <"$dir/$1" | grep -qF -- "$2" ||
    fail "no '$2' in standard $1: $(head -c 600 "$dir/$1")"
}

silent()
{
  [ ! -s "$dir/$1" ] || fail "something in standard $1: $(head -c 300 "$dir/$1")"
}

finish()
{
  [ "$failures" -eq 0 ]
  exit
}

# pcap LINKTYPE [FRAME...]: a little-endian pcap, one second between frames; a frame is escapes for printf.
pcap()
{
  printf '\xd4\xc3\xb2\xa1\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x04\x00'
  # shellcheck disable=SC2059
  printf "$(printf '\\x%02x\\x%02x\\x00\\x00' $(($1 % 256)) $(($1 / 256)))"
  shift
  local second=1 size frame
  for frame; do
    # shellcheck disable=SC2059
    size=$(printf "$frame" | wc -c)
    # shellcheck disable=SC2059
    printf "$(printf '\\x%02x\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x%02x\\x00\\x00\\x00\\x%02x\\x00\\x00\\x00' \
      "$second" "$size" "$size")$frame"
    second=$((second + 1))
  done
}

# A request, its answer, closed: nothing to complain about.
healthy_text()
{
  cat <<'EOF'
10:00:00.000000 IP 192.0.2.1.40000 > 192.0.2.2.80: Flags [S], seq 100, win 64240, options [mss 1460,sackOK,TS val 1000 ecr 0,nop,wscale 7], length 0
10:00:00.010000 IP 192.0.2.2.80 > 192.0.2.1.40000: Flags [S.], seq 500, ack 101, win 65160, options [mss 1460,sackOK,TS val 9000 ecr 1000,nop,wscale 7], length 0
10:00:00.010050 IP 192.0.2.1.40000 > 192.0.2.2.80: Flags [.], ack 1, win 502, options [nop,nop,TS val 1010 ecr 9000], length 0
10:00:00.010100 IP 192.0.2.1.40000 > 192.0.2.2.80: Flags [P.], seq 1:101, ack 1, win 502, options [nop,nop,TS val 1010 ecr 9000], length 100
10:00:00.020200 IP 192.0.2.2.80 > 192.0.2.1.40000: Flags [.], ack 101, win 509, options [nop,nop,TS val 9010 ecr 1010], length 0
10:00:00.021000 IP 192.0.2.2.80 > 192.0.2.1.40000: Flags [P.], seq 1:501, ack 101, win 509, options [nop,nop,TS val 9011 ecr 1010], length 500
10:00:00.021050 IP 192.0.2.1.40000 > 192.0.2.2.80: Flags [.], ack 501, win 501, options [nop,nop,TS val 1021 ecr 9011], length 0
10:00:00.022000 IP 192.0.2.1.40000 > 192.0.2.2.80: Flags [F.], seq 101, ack 501, win 501, options [nop,nop,TS val 1022 ecr 9011], length 0
10:00:00.032000 IP 192.0.2.2.80 > 192.0.2.1.40000: Flags [F.], seq 501, ack 102, win 509, options [nop,nop,TS val 9022 ecr 1022], length 0
10:00:00.032050 IP 192.0.2.1.40000 > 192.0.2.2.80: Flags [.], ack 502, win 501, options [nop,nop,TS val 1032 ecr 9022], length 0
EOF
}

# The send side of the stall of 2003, shortened: seven segments come out 10.9 s after they were built.
stalled_text()
{
  cat <<'EOF'
# captured on: test-local
07:52:38.962180 test-local.33133 > test-remote.ftp-data: . 1586641:1587553(912) ack 1 win 5792 <nop,nop,timestamp 3957858 44151211> (DF) [tos 0x8]
07:52:38.962186 test-local.33133 > test-remote.ftp-data: . 1587553:1588465(912) ack 1 win 5792 <nop,nop,timestamp 3957858 44151213> (DF) [tos 0x8]
07:52:38.962193 test-local.33133 > test-remote.ftp-data: . 1588465:1589377(912) ack 1 win 5792 <nop,nop,timestamp 3957858 44151213> (DF) [tos 0x8]
07:52:38.965365 test-remote.ftp-data > test-local.33133: . ack 1586641 win 63840 <nop,nop,timestamp 44152747 3957856> (DF)
07:52:38.966130 test-remote.ftp-data > test-local.33133: . ack 1588465 win 63840 <nop,nop,timestamp 44152747 3957858> (DF)
07:52:38.998900 test-remote.ftp-data > test-local.33133: . ack 1589377 win 63840 <nop,nop,timestamp 44152751 3957858> (DF)
07:52:49.862597 test-local > test-remote: icmp: echo request (DF)
07:52:49.862634 test-local.33133 > test-remote.ftp-data: . 1589377:1590289(912) ack 1 win 5792 <nop,nop,timestamp 3957858 44151213> (DF) [tos 0x8]
07:52:49.862643 test-local.33133 > test-remote.ftp-data: . 1590289:1591201(912) ack 1 win 5792 <nop,nop,timestamp 3957858 44151213> (DF) [tos 0x8]
07:52:49.862649 test-local.33133 > test-remote.ftp-data: . 1591201:1592113(912) ack 1 win 5792 <nop,nop,timestamp 3957858 44151213> (DF) [tos 0x8]
EOF
}

# upload_text END [OFFSET]: 60 segments of a client's upload, 20 ms each way, as the client's end (A), the server's (B) or a
# point half way (M) saw them; OFFSET seconds are what that end's clock is ahead.
upload_text()
{
  awk -v end="$1" -v offset="${2:-0}" '
    function stamp(at) {
      return sprintf("%02d:%02d:%09.6f", int(at / 3600), int(at / 60) % 60, at % 60)
    }
    # FROM sends at `at` (true time); the other end sees it 20 ms later
    function packet(from, at, what, val, ecr) {
      seen = at + offset + (from != end ? (end == "M" ? 0.010 : 0.020) + (val % 7) / 10000 : 0)
      printf "%s IP %s: Flags %s, options [%snop,nop,TS val %d ecr %d], length %d\n", stamp(seen),
        from == "A" ? "192.0.2.1.40000 > 192.0.2.2.80" : "192.0.2.2.80 > 192.0.2.1.40000", what,
        what ~ /S/ ? "mss 1460,sackOK,wscale 7," : "", val, ecr, bytes
    }
    BEGIN {
      base = 36000; bytes = 0
      packet("A", base, "[S], seq 7000, win 64240", 1000, 0)
      packet("B", base + 0.021, "[S.], seq 9000, ack 7001, win 65160", 500021, 1000)
      packet("A", base + 0.042, "[.], ack 1, win 502", 1042, 500021)
      for (i = 0; i < 60; i++) {
        at = base + 0.1 + i * 0.013
        bytes = 1000
        packet("A", at, sprintf("[P.], seq %d:%d, ack 1, win 502", i * 1000 + 1, i * 1000 + 1001), 1100 + i * 13, 500021 + i)
        bytes = 0
        packet("B", at + 0.0215, sprintf("[.], ack %d, win 500", i * 1000 + 1001), 500122 + i * 13, 1100 + i * 13)
      }
    }' | sort
}
