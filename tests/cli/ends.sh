#!/usr/bin/env bash
# Several capture points: what more of them saw than one is one connection, wherever the packets come from.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
analyze=("$TCPSTALL" analyze)
schema=$SOURCE_DIR/docs/schema/tcpstall-1.schema.json

# count WHAT NUMBER: how often WHAT (a regular expression) stands in the JSON report
count()
{
  local got
  got=$(grep -oE -- "$1" "$dir/out" | wc -l)
  [ "$got" -eq "$2" ] || fail "$got times '$1' instead of $2: $(head -c 600 "$dir/out") $(cat "$dir/err")"
}

# joined STATUS ENDS ARGUMENT...: one connection, seen at so many ends
joined()
{
  local status=$1 ends=$2
  shift 2
  expect "$status" "${analyze[@]}" --json "$@"
  count '"evidence_level":"both-ends"' 1
  count '"evidence_level":' 1
  count '"damage":' "$ends"
  "$JSON_CHECK" "$schema" <"$dir/out" >&2 || fail "not as the schema says: $*"
}

# apart NUMBER ARGUMENT...: so many connections, none of them joined
apart()
{
  local connections=$1
  shift
  expect 0 "${analyze[@]}" --json "$@"
  count '"evidence_level":"both-ends"' 0
  count '"role_source":' "$connections"
}

upload_text A >"$dir/a.txt"
upload_text B 3.7 >"$dir/b.txt"
for end in a b; do
  "$TCPSTALL" import "$dir/$end.txt" -w "$dir/$end.pcapng" 2>/dev/null || fail 'import'
done

# two files, in either order, of either kind
joined 0 2 "$dir/a.txt" "$dir/b.txt"
silent err
joined 0 2 "$dir/b.txt" "$dir/a.txt"
joined 0 2 "$dir/a.pcapng" "$dir/b.pcapng"
count '"frames":123' 2
cp "$dir/out" "$dir/by-name"
expect 0 "${analyze[@]}" "$dir/a.pcapng" "$dir/b.pcapng"
says out 'end B'
joined 0 2 "$dir/a.pcapng" "$dir/b.txt"
joined 0 2 "$dir/a.pcapng" "$dir/b.pcapng" host 192.0.2.1 and port 80
joined 0 2 --connection 192.0.2.1:40000 "$dir/a.pcapng" "$dir/b.pcapng"
joined 0 2 --connection 1 --at A=client,B=server "$dir/a.pcapng" "$dir/b.pcapng"
expect 2 "${analyze[@]}" --connection 2 "$dir/a.pcapng" "$dir/b.pcapng"
expect 2 "${analyze[@]}" --at B=elsewhere "$dir/a.pcapng" "$dir/b.pcapng"
says err 'b.pcapng'

# a point between them
upload_text M 60 >"$dir/m.txt"
joined 0 3 "$dir/a.pcapng" "$dir/m.txt" "$dir/b.pcapng"
joined 0 3 "$dir/m.txt" "$dir/b.pcapng" "$dir/a.pcapng"

# the order of the command line names the ends
joined 0 2 --at A=server "$dir/b.txt" "$dir/a.txt"

# not wanted, or nothing in common
apart 2 --apart "$dir/a.pcapng" "$dir/b.pcapng"
silent err
healthy_text >"$dir/healthy.txt"
sed -e 's/192.0.2./198.51.100./g' -e 's/TS val \([0-9]*\)/TS val 77\1/' "$dir/healthy.txt" >"$dir/other.txt"
apart 2 "$dir/a.txt" "$dir/other.txt"
says err 'no connection in common'
expect 0 "${analyze[@]}" --apart "$dir/a.txt" "$dir/other.txt"
cp "$dir/out" "$dir/told"
expect 0 "${analyze[@]}" "$dir/a.txt" "$dir/other.txt"
cmp "$dir/told" "$dir/out" >&2 || fail 'with nothing in common: not the report of --apart'

# the same file twice, whatever it is called
expect 2 "${analyze[@]}" "$dir/a.txt" "$dir/a.txt"
says err 'the same file'
ln -s a.txt "$dir/link.txt"
expect 2 "${analyze[@]}" "$dir/a.txt" "$dir/b.txt" "$dir/link.txt"
says err 'the same file'
"${analyze[@]}" "$dir/a.txt" - <"$dir/a.txt" >"$dir/out" 2>"$dir/err"
[ $? -eq 2 ] || fail 'the same file on standard input'
mkfifo "$dir/one"
expect 2 "${analyze[@]}" "$dir/one" "$dir/one"

# pipes
same_as_files()
{
  sed -e 's/"file":"[^"]*"//g' -e 's/"bytes":[0-9]*,"dropped"//g' "$dir/by-name" >"$dir/expected"
  sed -e 's/"file":"[^"]*"//g' -e 's/"bytes":[0-9]*,"dropped"//g' "$dir/out" >"$dir/got"
  cmp "$dir/expected" "$dir/got" >&2 || fail "$1: not the report of the files"
}
# shellcheck disable=SC2002
cat "$dir/a.pcapng" | "${analyze[@]}" --json - "$dir/b.pcapng" >"$dir/out" 2>"$dir/err"
same_as_files 'pipe and file'
"${analyze[@]}" --json - "$dir/b.pcapng" <"$dir/a.pcapng" >"$dir/out" 2>"$dir/err"
same_as_files 'redirected file and file'
mkfifo "$dir/two"
cat "$dir/a.pcapng" >"$dir/one" &
cat "$dir/b.pcapng" >"$dir/two" &
"${analyze[@]}" --json "$dir/one" "$dir/two" >"$dir/out" 2>"$dir/err"
wait
same_as_files 'two named pipes'
# one writer for both: it must not wait for a reader that waits for it
for kind in pcapng txt; do
  tee "$dir/one" <"$dir/a.$kind" >"$dir/two" &
  timeout 20 "${analyze[@]}" --json --apart "$dir/one" "$dir/two" >"$dir/out" 2>"$dir/err"
  [ $? -le 1 ] || fail "one writer for two pipes ($kind): $(cat "$dir/err")"
  wait
done
gzip -c "$dir/a.pcapng" | "${analyze[@]}" --json - "$dir/b.pcapng" >"$dir/out" 2>"$dir/err"
count '"evidence_level":"both-ends"' 1
# shellcheck disable=SC2002
cat "$dir/a.txt" | "${analyze[@]}" --json - "$dir/b.txt" >"$dir/out" 2>"$dir/err"
count '"evidence_level":"both-ends"' 1
# shellcheck disable=SC2002
cat "$dir/a.pcapng" | "${analyze[@]}" --spool-max 4000 --json - "$dir/b.pcapng" >"$dir/out" 2>"$dir/err"
[ "${PIPESTATUS[1]}" -le 2 ] || fail 'a pipe beyond --spool-max'
says err '--spool-max'
# shellcheck disable=SC2002
cat "$dir/a.pcapng" | TMPDIR=$dir/absent "${analyze[@]}" - "$dir/b.pcapng" >"$dir/out" 2>"$dir/err"
[ "${PIPESTATUS[1]}" -eq 2 ] || fail 'a pipe without a place for its copy'
says err 'TMPDIR'
# shellcheck disable=SC2002
cat "$dir/a.pcapng" | TMPDIR=$dir/absent "${analyze[@]}" - >"$dir/out" 2>"$dir/err"
[ "${PIPESTATUS[1]}" -eq 0 ] || fail 'a single pipe needs no copy'
for bad in --spool-max=lots --spool-max=-1 --spool-max=3X; do
  expect 2 "${analyze[@]}" "$bad" "$dir/a.txt"
done

# damage is told once, and what comes before is analysed
head -c -20 "$dir/b.pcapng" >"$dir/cut.pcapng"
joined 0 2 "$dir/a.pcapng" "$dir/cut.pcapng"
[ "$(grep -c warning "$dir/err")" -eq 1 ] || fail "a damage is to be told once: $(cat "$dir/err")"
says err 'cut.pcapng'
count '"damage":"' 1
count '"frames":122' 1

# excerpts of one text; and what import makes of it
{
  echo 'at the client:'
  cat "$dir/a.txt"
  echo
  echo '# captured on: 192.0.2.2'
  cat "$dir/b.txt"
} >"$dir/mail.txt"
joined 0 2 "$dir/mail.txt"
count '"excerpt":' 2
count '"frames":123' 2
# shellcheck disable=SC2002
cat "$dir/mail.txt" | "${analyze[@]}" --json - >"$dir/out" 2>"$dir/err"
count '"evidence_level":"both-ends"' 1
cat "$dir/mail.txt" >"$dir/one" &
"${analyze[@]}" --json "$dir/one" >"$dir/out" 2>"$dir/err"
wait
count '"evidence_level":"both-ends"' 1
apart 2 --apart "$dir/mail.txt"
joined 1 2 "$SOURCE_DIR/samples/2003-tap-stall/report.txt"
count '"frames":17' 1
count '"frames":23' 1

# interfaces of one file: those that saw the same connection are ends, the others stay together
"$TCPSTALL" import "$dir/mail.txt" -w "$dir/both.pcapng" 2>/dev/null || fail 'import of both ends'
joined 0 2 "$dir/both.pcapng"
count '"frames":123' 2
{
  cat "$dir/both.pcapng"
  "$TCPSTALL" import "$dir/other.txt" -w "$dir/other.pcapng" 2>/dev/null && cat "$dir/other.pcapng"
  sed -e 's/192.0.2./203.0.113./g' -e 's/seq 7000/seq 5123/' -e 's/ack 7001/ack 5124/' -e 's/seq 9000/seq 81000/' \
    -e 's/TS val \([0-9]*\)/TS val 55\1/' -e 's/ecr \([1-9]\)/ecr 55\1/' "$dir/a.txt" >"$dir/third.txt"
  "$TCPSTALL" import "$dir/third.txt" -w "$dir/third.pcapng" 2>/dev/null && cat "$dir/third.pcapng"
} >"$dir/four.pcapng"
expect 0 "${analyze[@]}" --json "$dir/four.pcapng"
count '"evidence_level":"both-ends"' 1
count '"evidence_level":' 3
count '"damage":' 3
cat "$dir/other.pcapng" "$dir/third.pcapng" >"$dir/unrelated.pcapng"
apart 2 "$dir/unrelated.pcapng"
count '"damage":' 1
silent err
# interfaces that are described ahead of the packets are known in a pipe as well
if command -v mergecap >/dev/null; then
  mergecap -I none -w "$dir/merged.pcapng" "$dir/a.pcapng" "$dir/b.pcapng"
  joined 0 2 "$dir/merged.pcapng"
  # shellcheck disable=SC2002
  cat "$dir/merged.pcapng" | "${analyze[@]}" --json - >"$dir/out" 2>"$dir/err"
  count '"evidence_level":"both-ends"' 1
fi

# Ctrl-C while the first reading waits for a pipe: what has come is compared and analysed
interrupted()
{
  "${analyze[@]}" --json "$dir/one" "$dir/b.$1" >"$dir/out" 2>"$dir/err" &
  local program=$!
  exec 3>"$dir/one"
  cat "$dir/a.$1" >&3
  sleep 0.5
  kill -INT "$program"
  wait "$program"
  status=$?
  exec 3>&-
}
for kind in pcapng txt; do
  interrupted $kind
  [ "$status" -eq 0 ] || fail "interrupted ($kind): exit status $status: $(cat "$dir/err")"
  count '"evidence_level":"both-ends"' 1
  count '"interrupted"' 2
done
finish
