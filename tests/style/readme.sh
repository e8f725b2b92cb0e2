#!/usr/bin/env bash
# What README.md shows of the demo is what the program prints, up to "settle it" of the first finding.
# Its table of speed is docs/performance.md's, as far as ratios go. README_UPDATE=1 puts the present ones there.
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

# The program's name and the two ratios, from the first table of the bench.
speed() {
  awk -F'|' 'NF == 10 { printf "|%s|%s|%s|\n", $2, $7, $8; table = 1; next } table { exit }' docs/performance.md 2>/dev/null
}
speed_shown() { awk '/^<!-- speed:end/ { exit } on && NF; /^<!-- speed:begin/ { on = 1 }' README.md; }

if [ "${README_UPDATE:-}" = 1 ]; then
  new=$(mktemp -d) || exit 2
  trap 'rm -rf "$new"' EXIT
  printed >"$new/printed"
  speed >"$new/speed"
  awk -v start="\$ $command" -v new="$new" '
    function put(file, line) { while ((getline line < file) > 0) print line }
    $0 == start { put(new "/printed"); cut = 1 }
    cut == 1 && /^```/ { cut = 0 }
    /^<!-- speed:end/ { cut = 0; print "" }
    !cut
    /^<!-- speed:begin/ { print ""; put(new "/speed"); cut = 2 }' README.md >"$new/README.md"
  cat "$new/README.md" >README.md
fi
[ -n "$(shown)" ] || report <<<"README.md does not show: $command"
report < <(diff <(shown) <(printed) | sed -n 's/^[<>]/README.md: &/p')
report < <(diff <(speed_shown) <(speed) | sed -n 's/^[<>]/README.md: &/p')
finish
