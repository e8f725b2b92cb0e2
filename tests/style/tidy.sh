#!/usr/bin/env bash
# clang-tidy (.clang-tidy) finds nothing, and clang warns about nothing, in the rooms' C files.
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh" "$@"

command -v clang-tidy >/dev/null || skip "clang-tidy is not installed"
version=$(clang-tidy --version | sed -nE 's/.*version ([0-9]+).*/\1/p' | head -n 1)
if [ "$version" -lt 14 ] || [ "$version" -gt 19 ]; then
  skip "clang-tidy is version $version; .clang-tidy was tried with 14 to 19"
fi
[ -f "$build_dir/compile_commands.json" ] || skip "no compile_commands.json in the build folder"

# One file a run: clang-tidy 14's va_list check carries state from file to file.
# The compiler was perhaps gcc: its own warning options mean nothing to clang.
# 75,000 nodes a function are a third of the static analyzer's default: a third of the time, and enough for
# functions of this size.
# shellcheck disable=SC2016 # expanded by the inner shell
report < <(c_files "${rooms[@]}" | grep '\.c$' |
  xargs -r -P 2 -n 1 sh -c 'clang-tidy --quiet -p "$0" --extra-arg=-Wno-unknown-warning-option \
    --extra-arg=-Xclang --extra-arg=-analyzer-config --extra-arg=-Xclang --extra-arg=max-nodes=75000 "$@" 2>/dev/null' \
    "$build_dir" | grep -E ': (error|warning):' | sed "s|^$source_dir/||" | sort -u)
finish
