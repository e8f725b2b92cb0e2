#!/usr/bin/env bash
# Every relative link in a Markdown file leads to a file of the tree.
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh" "$@"

links() { # FILE:LINE:TARGET
  find . -name '*.md' -not -path './build/*' -not -path './.git/*' -print0 |
    xargs -0 -r grep -HnoE '\]\([^)#: ]+(#[^)]*)?\)' | sed -E 's/^\.\/([^:]+:[0-9]+):\]\(([^)#]+).*/\1:\2/'
}
report < <(links | while IFS=: read -r file line target; do
  [ -e "$(dirname "$file")/$target" ] || echo "$file:$line: $target does not exist"
done)
finish
