#!/usr/bin/env bash
# Words that do not belong into the tree: one machine's paths, package hosts, and promises instead of code.
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh" "$@"

# The patterns are written so that this file does not match itself.
texts() {
  find . \( -path ./.git -o -path './build*' -o -path ./tests/captures -o -path ./tests/fuzz/corpus -o -path ./samples \) \
    -prune -o -type f -print | sed 's|^\./||' | sort
}
search() { # REGEX MESSAGE [FILE-REGEX]
  texts | grep -E "${3:-.}" | xargs -r -d '\n' grep -HnIE "$1" |
    sed -E "s/^([^:]+:[0-9]+):.*/\1: $2/"
}

report < <(search '(^|[^a-zA-Z0-9_.])/(work|farm|home|root)/[a-zA-Z.]' "a path of one machine")
report < <(search '[a-z]+[.]debian[.]org|npmjs[.]org|pypi[.]org|crates[.]io' "a package host")
report < <(search '(^|[^a-zA-Z0-9_])(TOD[O]|FIXM[E]|XX[X])([^a-zA-Z0-9_]|$)' "unfinished")
report < <(search '(^|[^a-zA-Z0-9_])([Nn]ot implemente[d]|[Ss]tu[b])([^a-zA-Z0-9_]|$)' "unfinished" '\.(c|h|sh|md)$')
report < <(search '(^|[^a-zA-Z0-9_])[Ii]ssue #?[0-9]+' "an issue number: say what it is about instead" '\.(c|h|sh|md|cmake)$')
finish
