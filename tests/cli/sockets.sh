#!/usr/bin/env bash
# What the hosts' kernels said of their sockets is evidence, however the file comes; and where it is missing, that is said.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
analyze=("$TCPSTALL" analyze)
schema=$SOURCE_DIR/docs/schema/tcpstall-1.schema.json
held=$SOURCE_DIR/samples/tx-queue-hold.pcapng unread=$SOURCE_DIR/samples/zero-window.pcapng

# has WORDS: they stand in the JSON report
has()
{
  grep -qF -- "$1" "$dir/out" || fail "no '$1' in the report: $(head -c 600 "$dir/out") $(cat "$dir/err")"
}

# told LOCATION FILE: the kernels' word proves that place
told()
{
  expect 1 "${analyze[@]}" --json "$2"
  has '"evidence_level":"with-sockets"'
  has "\"location\":\"$1\""
  has '"confidence":"proven"'
  has '"kernel":[{'
  has '"samples":{'
  "$JSON_CHECK" "$schema" <"$dir/out" >&2 || fail "not as the schema says: $2"
}

told sender-queue "$held"
has '"role":"sender"'
told receiver-app "$unread"
has '"role":"receiver"'

expect 1 "${analyze[@]}" "$held"
says out 'sender-queue), proven'
says out "the kernel, of the sender's socket: unacked"
says out 'samples of sockets and queues'

"${analyze[@]}" --json - <"$held" >"$dir/out" 2>"$dir/err"
has '"evidence_level":"with-sockets"'
# shellcheck disable=SC2002 # a pipe it has to be
cat "$held" | "${analyze[@]}" --json - >"$dir/out" 2>"$dir/err"
has '"evidence_level":"with-sockets"'
has '"kernel":[{'

expect 1 "${analyze[@]}" --json --apart "$held"
has '"evidence_level":"with-sockets"'

# Cut off before the end: what is left of the samples counts, and that some are missing is said.
head -c $(($(stat -c %s "$held") * 9 / 10)) "$held" >"$dir/cut.pcapng"
"${analyze[@]}" "$dir/cut.pcapng" >"$dir/out" 2>"$dir/err"
says out 'samples-missing: '

if command -v editcap >/dev/null; then
  editcap -F pcapng "$held" "$dir/edited.pcapng" 2>/dev/null
  "${analyze[@]}" "$dir/edited.pcapng" >"$dir/out" 2>"$dir/err"
  says out 'samples-missing: '
else
  echo "no editcap here: not tested what it leaves" >&2
fi
finish
