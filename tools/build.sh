#!/usr/bin/env bash
# Configures and builds one preset quietly: one line that moves on a terminal, the whole output in
# build/PRESET.log, and its end on the screen if something fails.
#
#   tools/build.sh PRESET [cmake -D options...] [--target NAME...]
set -u -o pipefail
cd "$(dirname "$0")/.." || exit 2
preset=${1:?usage: tools/build.sh PRESET [-DNAME=VALUE...] [--target NAME...]}
shift
options=()
while [ $# -gt 0 ] && [ "$1" != --target ]; do
  options+=("$1")
  shift
done

mkdir -p build
log=build/$preset.log
started=$SECONDS

fail() {
  [ -t 2 ] && printf '\r\033[K' >&2
  # gcc and ninja both say where the first error is; the rest follows from it.
  grep -nE ': (fatal )?error|CMake Error|undefined reference' "$log" | head -n 20 >&2
  echo "... (end of $log)" >&2
  tail -n 25 "$log" >&2
  echo "Building the preset $preset failed; all of it is in $log." >&2
  exit 2
}

progress() {
  local line
  while IFS= read -r line; do
    printf '%s\n' "$line" >>"$log"
    if [ -t 2 ] && [[ $line =~ ^\[([0-9]+/[0-9]+)\] ]]; then
      printf '\r\033[KBuilding %s: %s' "$preset" "${BASH_REMATCH[1]}" >&2
    fi
  done
}

: >"$log"
cmake --preset "$preset" "${options[@]}" >>"$log" 2>&1 || fail
cmake --build --preset "$preset" "$@" 2>&1 | progress || fail
[ -t 2 ] && printf '\r\033[K' >&2
echo "Built build/$preset in $((SECONDS - started)) s." >&2
