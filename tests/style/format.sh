#!/usr/bin/env bash
# Every C file is as clang-format would write it.
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh" "$@"

command -v clang-format >/dev/null || skip "clang-format is not installed"
version=$(clang-format --version | sed -E 's/.*version ([0-9]+).*/\1/')
# Later ones break a few lines elsewhere.
[ "$version" -eq 14 ] || skip "clang-format is version $version, the tree is formatted by 14 (Debian 12)"
report < <(c_files | xargs -r clang-format --dry-run -Werror 2>&1 |
  grep -E ': error:' | sed -E 's/ error: .*/ not formatted (clang-format -i)/')
finish
