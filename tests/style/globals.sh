#!/usr/bin/env bash
# No mutable globals in the rooms: nothing in .data, .bss or common storage of their libraries.
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh" "$@"

command -v objdump >/dev/null || skip "objdump is not installed"
libraries=$(find "$build_dir" -maxdepth 1 -name 'libroom_*.a' 2>/dev/null | sort)
[ -n "$libraries" ] || skip "no libroom_*.a in the build folder"
# One file has a reason: what puts the terminal back when the program crashes is a handler of signals.
report < <(for library in $libraries; do
  objdump -t "$library" 2>/dev/null | awk -v lib="$(basename "$library")" '
    /file format/ { member = $1; sub(/:$/, "", member) }
    lib == "libroom_tui.a" && member == "screen_curses.c.o" { next }
    / (\.data|\.bss|\*COM\*)([.][^ \t]*)?\t/ && !/\.data\.rel\.ro/ && $NF !~ /^\./ {
      print lib "(" member "): " $NF " is mutable and global"
    }'
done)
finish
