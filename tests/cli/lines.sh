#!/usr/bin/env bash
# --json-lines: a line for everything, each by itself, with keys that stay; --each keeps traces apart; trouble is a line.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
command -v jq >/dev/null || { echo "skipped: jq is not installed"; exit 77; }

# types: how often each type of line is in standard output, "capture=1 finding=2"
types() { jq -r .type "$dir/out" | sort | uniq -c | awk '{ printf "%s=%s ", $2, $1 }' | sed 's/ $//'; }
lines() { [ "$(types)" = "$1" ] || fail "lines: $(types) instead of $1"; }
keys() { jq -r 'select(.type != "error" and .type != "totals") | .type + " " + .key' "$1" | sort; }

healthy_text >"$dir/healthy.txt"
stalled_text >"$dir/stalled.txt"
upload_text A >"$dir/a.txt"
upload_text B 3.5 >"$dir/b.txt"

expect 1 "$TCPSTALL" analyze --json-lines "$dir/stalled.txt"
silent err
lines "capture=1 connection=1 finding=2 totals=1"
says out '"location":"sender-queue","cause":"tx-queue-hold"'
[ "$(tail -n 1 "$dir/out" | jq -r .type)" = totals ] || fail "the totals are not the last line"
cp "$dir/out" "$dir/alone"

# a finding's line tells its connection
jq -se '[.[] | select(.type == "finding") | .client.port and .server.port and .captures[0].file and (.evidence | length > 0)] | all' \
  "$dir/out" >/dev/null || fail "a finding's line does not stand for itself"
[ "$(jq -r 'select(.type == "finding").connection_key' "$dir/out" | sort -u)" = \
  "$(jq -r 'select(.type == "connection").key' "$dir/out")" ] || fail "finding and connection do not fit together"

# the same keys under another name, compressed, with others
cp "$dir/stalled.txt" "$dir/elsewhere.txt"
gzip -k "$dir/elsewhere.txt"
for name in elsewhere.txt elsewhere.txt.gz; do
  expect 1 "$TCPSTALL" analyze --json-lines "$dir/$name"
  diff <(keys "$dir/alone") <(keys "$dir/out") >&2 || fail "$name: other keys"
done
expect 1 "$TCPSTALL" analyze --json-lines --each "$dir/healthy.txt" "$dir/stalled.txt" "$dir/healthy.txt"
lines "capture=3 connection=3 finding=2 totals=3"
comm -13 <(keys "$dir/out") <(keys "$dir/alone") | grep -q . && fail "--each gives other keys"

# two ends of one connection are joined, with --each they are not
expect 0 "$TCPSTALL" analyze --json-lines "$dir/a.txt" "$dir/b.txt"
lines "capture=2 connection=1 totals=1"
expect 0 "$TCPSTALL" analyze --json-lines --each "$dir/a.txt" "$dir/b.txt"
lines "capture=2 connection=2 totals=2"

# what cannot be analysed is a line, and the others are analysed all the same
expect 2 "$TCPSTALL" analyze --json-lines "$dir/nowhere.pcap"
lines "error=1"
[ "$(jq -r '.files[0]' "$dir/out")" = "$dir/nowhere.pcap" ] || fail "the error does not name its file"
says err 'nowhere.pcap: No such file'
echo 'no trace' >"$dir/prose.txt"
expect 2 "$TCPSTALL" analyze --json-lines --each "$dir/prose.txt" "$dir/stalled.txt" "$dir/nowhere.pcap" "$dir/healthy.txt"
lines "capture=2 connection=2 error=2 finding=2 totals=2"

# more traces than there may be ends
many=()
for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
  cp "$dir/healthy.txt" "$dir/many-$i.txt"
  many+=("$dir/many-$i.txt")
done
expect 0 "$TCPSTALL" analyze --json-lines --each -o "$dir/many" "${many[@]}"
silent out
[ "$(grep -c '"type":"totals"' "$dir/many")" = 12 ] || fail "not all of 12 traces were analysed"
printf '%s\0' "${many[@]}" | xargs -0 -n 5 -P 2 "$TCPSTALL" analyze --json-lines --each >"$dir/by-xargs"
diff <(sort "$dir/many" | jq -S 'del(.analysis)') <(sort "$dir/by-xargs" | jq -S 'del(.analysis)') >/dev/null ||
  fail "xargs and --each differ"

# a reader that has to be told
expect 2 "$TCPSTALL" analyze --each "$dir/healthy.txt"
expect 2 "$TCPSTALL" analyze --json --json-lines "$dir/healthy.txt"
expect 2 "$TCPSTALL" analyze --json-lines --each -w "$dir/x" "$dir/healthy.txt"
expect 2 "$TCPSTALL" analyze --json-lines --each -o "$dir/healthy.txt" "$dir/stalled.txt" "$dir/healthy.txt"
healthy_text | diff - "$dir/healthy.txt" >&2 || fail "a trace was overwritten"
expect 0 sh -c "'$TCPSTALL' analyze --json-lines - <'$dir/healthy.txt'"
lines "capture=1 connection=1 totals=1"

# ended from outside in the midst of a trace that does not end: what there was is told, the rest is an error
mkfifo "$dir/pipe"
"$TCPSTALL" analyze --json-lines --each "$dir/pipe" "$dir/healthy.txt" >"$dir/out" 2>"$dir/err" &
program=$!
exec 7>"$dir/pipe"
healthy_text >&7
sleep 0.5
kill -TERM "$program"
sleep 0.3
exec 7>&-
wait "$program"
[ $? -eq 2 ] || fail "a list that was not gone through is no trouble"
lines "capture=1 connection=1 error=1 totals=1"
finish
