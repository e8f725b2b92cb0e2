#!/usr/bin/env bash
# --json keeps to its schema, whatever the input.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
schema=$SOURCE_DIR/docs/schema/tcpstall-1.schema.json

check()
{
  local status=$1
  shift
  expect "$status" "$TCPSTALL" analyze --json "$@"
  "$JSON_CHECK" "$schema" <"$dir/out" >&2 || fail "not as the schema says: $*"
}

healthy_text >"$dir/healthy.txt"
stalled_text >"$dir/stalled.txt"
check 0 "$dir/healthy.txt"
says out '"time_base":"time-of-day"'
check 1 "$dir/stalled.txt"
says out '"location":"sender-queue","cause":"tx-queue-hold","confidence":"likely"'
check 1 "$dir/healthy.txt" "$dir/stalled.txt"
check 0 "$dir/stalled.txt" icmp
says out '"connections":[]'
pcap 1 'abcd' 'efgh' | head -c -3 >"$dir/cut.pcap"
check 0 "$dir/cut.pcap"
says out '"quality":["cut-off"]'
hostile=$dir/$'bad\xff\e[31m"\\.txt'
cp "$dir/stalled.txt" "$hostile"
check 1 "$hostile"
for sample in "$SOURCE_DIR"/samples/*/*.pcapng "$SOURCE_DIR"/samples/*/*.txt; do
  [ -e "$sample" ] || continue
  "$TCPSTALL" analyze --json "$sample" >"$dir/out" 2>"$dir/err"
  [ $? -le 1 ] || continue # a README, say
  "$JSON_CHECK" "$schema" <"$dir/out" >&2 || fail "not as the schema says: $sample"
done

# the checker can fail
echo '{"schema":"tcpstall/1"}' | "$JSON_CHECK" "$schema" 2>/dev/null && fail 'the checker lets an empty report pass'
sed 's/"confidence":"[a-z]*"/"confidence":"sure"/' "$dir/out" >"$dir/wrong"
"$JSON_CHECK" "$schema" <"$dir/wrong" 2>/dev/null && fail 'the checker lets any word be a confidence'
finish
