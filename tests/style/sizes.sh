#!/usr/bin/env bash
# Functions of the rooms stay below 80 lines, files below 700. Tests may be longer.
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh" "$@"

function_lines_max=80
file_lines_max=700

# A function runs from a "{" at the start of a line (.clang-format sees to that) to a "}" there; its
# length counts the lines of its head as well.
functions() {
  c_files "${rooms[@]}" | grep '\.c$' | xargs -r awk '
    FNR == 1 { open = 0; head = 0 }
    /^[a-zA-Z_].*\(/ && !open && !/;[[:space:]]*$/ {
      head = FNR; name = $0
      sub(/\(.*/, "", name); sub(/.*[ *]/, "", name)
    }
    /^\{/ && head { open = head }
    /^\}/ && open { print FNR - open + 1, FILENAME ":" open, name; open = 0; head = 0 }
    /^\}|;[[:space:]]*$/ && !open { head = 0 }'
}
report < <(functions | awk -v max=$function_lines_max '$1 > max { print $2 ": " $3 "() has " $1 " lines, more than " max }')
report < <(c_files "${rooms[@]}" | xargs -r -n 1 wc -l |
  awk -v max=$file_lines_max '$1 > max { print $2 ":1: " $1 " lines, more than " max }')
functions | sort -n | awk '{ l[NR] = $1; n = $2 " " $3 }
  END { if (NR) printf "%d functions: median %d, 99 %% up to %d, longest %d lines (%s)\n",
        NR, l[int((NR + 1) / 2)], l[int(NR * 0.99) ? int(NR * 0.99) : 1], l[NR], n }'
finish
