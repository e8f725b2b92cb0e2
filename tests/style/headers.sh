#!/usr/bin/env bash
# Every header compiles alone, and a second time (include guard).
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh" "$@"

compiler=${CC:-cc}
while IFS= read -r header; do
  report < <(printf '#include "%s"\n#include "%s"\nextern int not_empty;\n' "$header" "$header" |
    "$compiler" -fsyntax-only -std=c17 -D_GNU_SOURCE -Wall -Wextra -Werror -I. -x c - 2>&1 |
    grep -E 'error' | sed "s|^|$header does not compile alone: |")
done < <(c_files | grep '\.h$')
finish
