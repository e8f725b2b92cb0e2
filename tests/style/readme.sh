#!/usr/bin/env bash
# What README.md shows of the demo is what the program prints, up to "settle it" of the first finding.
# README_UPDATE=1 puts the present output there.
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh" "$@"

program=$build_dir/tcpstall
[ -x "$program" ] || skip "tcpstall is not built in $build_dir"
command="tcpstall analyze samples/2003-tap-stall/sender.txt"

shown() { awk -v start="\$ $command" '$0 == start { on = 1 } on && /^```/ { exit } on' README.md; }
printed() {
  echo "\$ $command"
  LC_ALL=C.UTF-8 "$program" analyze samples/2003-tap-stall/sender.txt </dev/null 2>&1 | sed '/^  settle it/,$d'
  echo "[...]"
}

if [ "${README_UPDATE:-}" = 1 ]; then
  printed >README.md.printed
  awk -v start="\$ $command" '
    $0 == start { while ((getline line < "README.md.printed") > 0) print line; on = 1 }
    on && /^```/ { on = 0 }
    !on' README.md >README.md.new && mv README.md.new README.md
  rm -f README.md.printed
fi
[ -n "$(shown)" ] || report <<<"README.md does not show: $command"
report < <(diff <(shown) <(printed) | sed -n 's/^[<>]/README.md: &/p')
finish
