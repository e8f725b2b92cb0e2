#!/usr/bin/env bash
# Every C file is as clang-format would write it.
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh" "$@"

command -v clang-format >/dev/null || skip "clang-format is not installed"
version=$(clang-format --version | sed -E 's/.*version ([0-9]+).*/\1/')
if [ "$version" -lt 14 ] || [ "$version" -gt 19 ]; then
  skip "clang-format $version may disagree with .clang-format, which is written for 14 to 19"
fi
report < <(c_files | xargs -r clang-format --dry-run -Werror 2>&1 |
  grep -E ': error:' | sed -E 's/ error: .*/ not formatted (clang-format -i)/')
finish
