#!/usr/bin/env bash
# The program's --help, its manual pages and README.md tell the same: commands, options and version.
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh" "$@"

program=$build_dir/tcpstall
[ -x "$program" ] || skip "tcpstall is not built in $build_dir"

commands() { "$program" --help | sed -nE 's/^  ([a-z]+)  .*/\1/p'; }
help_options() { "$program" "$1" --help | grep -oE '^ +(-.,)? +--[a-z][a-z-]*' | grep -oE -- '--[a-z-]+' | sort -u; }
text_options() { sed -E 's/\\-/-/g; s/\\f.//g' | grep -oE -- '(^|[^a-z-])--[a-z][a-z-]*' | grep -oE -- '--[a-z-]+' | sort -u; }
# missing LIST1 LIST2 MESSAGE: what LIST1 has and LIST2 has not
missing() { comm -23 <(printf '%s\n' "$1") <(printf '%s\n' "$2") | sed "/^$/d; s|.*|& $3|"; }

[ -n "$(commands)" ] || report <<<"tcpstall --help lists no commands"
all="--help --version"
for command in $(commands); do
  page=docs/man/tcpstall-$command.1
  options=$(help_options "$command")
  all+=" $options"
  if [ ! -f "$page" ]; then
    report <<<"$page: missing"
    continue
  fi
  told=$(text_options <"$page")
  report < <(missing "$options" "$told" "of tcpstall $command --help is not in $page")
  report < <(missing "$told" "$(printf '%s\n' "$options" --help --version | sort -u)" "of $page is no option of tcpstall $command")
  grep -q "tcpstall $command" README.md || report <<<"README.md does not show tcpstall $command"
done

pages=$(for page in docs/man/tcpstall-*.1; do basename "$page" .1; done | sed 's/^tcpstall-//' | sort)
report < <(missing "$pages" "$(commands | sort)" "has a manual page, but is no command")

version=$("$program" --version | sed -nE '1s/^tcpstall ([0-9.]+).*/\1/p')
for page in docs/man/*.1; do
  grep -qE "^\.TH .*tcpstall ${version//./\\.}\"" "$page" || report <<<"$page: its .TH line is not of version $version"
done

readme=$(grep -oE "tcpstall ($(commands | paste -sd'|')) .*" README.md | text_options)
# shellcheck disable=SC2086 # a list of words
report < <(missing "$readme" "$(printf '%s\n' $all | sort -u)" "is in README.md, but no option of any command")

if command -v groff >/dev/null; then
  report < <(groff -man -ww -z docs/man/*.1 2>&1 | head -n 20)
fi
finish
