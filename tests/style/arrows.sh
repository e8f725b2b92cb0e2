#!/usr/bin/env bash
# The doors between the rooms (docs/architecture.md): who may include whose headers, and which library's.
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh" "$@"

# ROOM -> the rooms whose headers it may include, besides its own.
declare -A may_include=(
  [wire]=""
  [capture]="wire"
  [analyzer]="wire"
  [replay]="wire"
  [report]="analyzer wire"
  [tui]="analyzer wire"
  [cli]="wire capture analyzer replay report tui"
)

quoted_includes() { # "FILE:LINE:HEADER" of a room
  c_files "$1" | xargs -r grep -HnE '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' |
    sed -E 's/^([^:]+:[0-9]+):[^"]*"([^"]*)".*/\1:\2/'
}

check_room() {
  local room=$1 file line header target
  while IFS=: read -r file line header; do
    target=${header%%/*}
    if [ "$target" = "$header" ] || [ ! -f "$header" ]; then
      echo "$file:$line: \"$header\": write it as room/file.h, from the top of the tree"
      continue
    fi
    case " $room ${may_include[$room]} " in
      *" $target "*) ;;
      *) echo "$file:$line: $room/ must not include $header" ;;
    esac
  done < <(quoted_includes "$room")
}

# system_header PATTERN ROOM LIMIT: only in files of ROOM, and in LIMIT of them at most (0 = any number).
system_header() {
  local pattern=$1 room=$2 limit=$3 hits inside
  hits=$(c_files "${rooms[@]}" | xargs -r grep -HnE "^[[:space:]]*#[[:space:]]*include[[:space:]]*[<\"]${pattern}[>\"]")
  [ -n "$hits" ] || return 0
  grep -v "^$room/" <<<"$hits" | sed -E "s|^([^:]+:[0-9]+):.*|\1: this header may be included in $room/ only|"
  inside=$(grep "^$room/" <<<"$hits" | cut -d: -f1 | sort -u)
  if [ "$limit" -gt 0 ] && [ "$(grep -c . <<<"$inside")" -gt "$limit" ]; then
    echo "${inside//$'\n'/, }: only one file may include $pattern"
  fi
}

for room in "${rooms[@]}"; do
  report < <(check_room "$room")
done
report < <(system_header '(n?curses|ncursesw/n?curses)\.h' tui 1)
report < <(system_header 'libnet\.h' wire 1)
report < <(system_header 'pcap(/[a-z]+)?\.h' capture 0)

# Only cli/ talks to the terminal and ends the program (_exit() ends a process that was forked).
report < <(c_files wire capture analyzer replay report tui |
  xargs -r grep -HnE '(^|[^a-zA-Z0-9_])((printf|puts|putchar|perror|exit|abort)[[:space:]]*\(|std(out|err)([^a-zA-Z0-9_]|$))' |
  grep -vE '^[^:]+:[0-9]+:[[:space:]]*(/?\*|//)|__attribute__' |
  sed -E 's/^([^:]+:[0-9]+):.*/\1: only cli\/ prints and exits/')
finish
