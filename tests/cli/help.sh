#!/usr/bin/env bash
# --help, the manual page and the parser name the same options; help goes to standard output with status 0.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

long_options()
{
  grep -oE -- '--[a-z][a-z-]+' | sort -u
}

for command in analyze import; do
  page=$SOURCE_DIR/docs/man/tcpstall-$command.1
  "$TCPSTALL" help | grep -qE "^  $command " || continue
  expect 0 "$TCPSTALL" "$command" --help
  silent err
  # only the option column: prose may mention others
  grep -E '^ +(-., +)?--' "$dir/out" | sed -E 's/^ +(-., +)?(--[a-z-]+).*/\2/' | long_options >"$dir/in-help"
  sed -e '1,/^\.SH OPTIONS/d' -e '/^\.SH /,$d' "$page" | sed 's/\\-/-/g' |
    grep -A1 -E '^\.TP' | grep -E -- '--' | sed -E 's/^[^-]*((-.)[^-]*)?(--[a-z-]+).*/\3/' |
    long_options >"$dir/in-page"
  diff "$dir/in-help" "$dir/in-page" >&2 || fail "--help (<) and the manual page (>) of $command differ"
  [ -s "$dir/in-help" ] || fail "no options of $command found"
  expect 0 "$TCPSTALL" help "$command"
done

expect 0 "$TCPSTALL" --help
says out 'analyze'
expect 0 "$TCPSTALL" help
expect 2 "$TCPSTALL" help nonsense
expect 0 "$TCPSTALL" --version
for word in tcpstall libpcap zlib zstd jansson; do
  says out "$word"
done
expect 0 "$TCPSTALL" analyze --limits help
for name in connections half-open in-flight findings-per-connection findings listed-connections \
  listed-syns compared on-the-way details; do
  grep -qE "^$name +[0-9]+ " "$dir/out" || fail "--limits help does not list $name"
done
if command -v man >/dev/null; then
  for page in "$SOURCE_DIR"/docs/man/*.1; do
    warnings=$(LC_ALL=C.UTF-8 MANROFFSEQ='' man --warnings -E UTF-8 -l -Tutf8 -Z "$page" 2>&1 >/dev/null)
    [ -z "$warnings" ] || fail "${page##*/}: $warnings"
  done
fi
finish
