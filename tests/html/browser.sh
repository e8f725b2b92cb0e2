#!/usr/bin/env bash
# The pages in a real browser: they load under their own content security policy without a complaint, and do what a reader
# asks of them (drive.js, in a copy that allows it), at two widths. Exit 77: there is no Chromium.
# shellcheck source=../cli/lib.sh
. "$(dirname "$0")/../cli/lib.sh"

browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome) ||
  { echo 'no chromium: skipped'; exit 77; }

# dom PAGE WIDTH: what the browser made of it, in $dir/dom; its messages in $dir/console
dom()
{
  rm -rf "$dir/profile"
  timeout 100 "$browser" --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking \
    --disable-component-update --disable-sync --user-data-dir="$dir/profile" --window-size="$2,900" --enable-logging=stderr \
    --virtual-time-budget=20000 --dump-dom "file://$1" >"$dir/dom" 2>"$dir/console"
  grep 'CONSOLE' "$dir/console" >&2 && fail "$1: the browser complains"
  [ -s "$dir/dom" ] || fail "$1: the browser shows nothing: $(tail -n 3 "$dir/console")"
}

# drive NAME WIDTH TRACE...
drive()
{
  local name=$1 width=$2
  shift 2
  "$TCPSTALL" analyze -o "$dir/report" --html "$dir/page.html" "$@" 2>/dev/null
  [ -s "$dir/page.html" ] || fail "$name: no page"
  { sed '/^<head>/q' "$dir/page.html"; echo '<script>'; cat "$SOURCE_DIR/tests/html/drive.js"; echo '</script>'
    sed -e '1,/^<head>/d' -e '/Content-Security-Policy/d' "$dir/page.html"; } >"$dir/driven.html"
  dom "$dir/driven.html" "$width"
  grep -oE '<pre id="driven">.*' "$dir/dom" >"$dir/out"
  grep -qE '>driven [1-9][0-9]* figures: all is well' "$dir/out" || fail "$name at $width: $(tail -n 1 "$dir/out")"
}

samples=$SOURCE_DIR/samples
"$TCPSTALL" analyze -o "$dir/report" --html "$dir/own.html" "$samples/pmtu-blackhole.pcapng" 2>/dev/null
dom "$dir/own.html" 1280
grep -q 'aria-label="zoom in"' "$dir/dom" || fail 'the script does not run under the page'"'"'s own policy'

drive pmtu-blackhole 1280 "$samples/pmtu-blackhole.pcapng"
drive zero-window 400 "$samples/zero-window.pcapng"
drive sack-not-translated 1280 "$samples/sack-not-translated.pcapng"
drive 2003 400 "$samples/2003-tap-stall/sender.txt" "$samples/2003-tap-stall/receiver.txt"
drive one-end 1280 "$samples/2003-tap-stall/sender.txt"
finish
