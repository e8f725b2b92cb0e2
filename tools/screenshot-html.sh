#!/usr/bin/env bash
# A picture of the HTML report, as a browser shows it.
#
#   tools/screenshot-html.sh OUT.png WIDTHxHEIGHT PART ARGUMENT...     PART is what is shown, such as f1, the first finding;
#                                                                      the arguments are those of `tcpstall analyze`
#
# Needs chromium. TCPSTALL is the program.
set -eu
out=$1 size=$2 part=$3
shift 3
program=${TCPSTALL:-build/release/tcpstall}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$program" analyze --html "$work/page.html" -o "$work/report" "$@" || [ $? -eq 1 ]
# a copy that shows that part only, which the page's own security policy would not let pass
sed -e '/Content-Security-Policy/d' \
  -e "s/<\/head>/<style>main > section:not(:has(#$part)), section > *:not(#$part) { display: none }<\/style>&/" \
  "$work/page.html" >"$work/part.html"
chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking \
  --disable-component-update --disable-sync --user-data-dir="$work/profile" --hide-scrollbars --window-size="${size%x*},${size#*x}" \
  --screenshot="$out" "file://$work/part.html" 2>/dev/null
