#!/usr/bin/env bash
# analyze --html over all samples: one file that needs no other, valid as far as tidy can tell, with the words of the other
# reports in it; and what the command line refuses.
# shellcheck source=../cli/lib.sh
. "$(dirname "$0")/../cli/lib.sh"

# Every string that JSON has of a finding, without the marks of commands, one a line
words_of()
{
  jq -r '.connections[].findings[] | .summary, (.evidence[].fact), (.not_excluded[].why), .settle, .advice | strings' "$1" |
    tr -d '`' | sort -u
}

# The page as somebody reads it, on one line
text_of()
{
  sed -e '/^<script/,$d' "$1" | sed -e 's/<[^>]*>//g' |
    sed -e 's/&lt;/</g' -e 's/&gt;/>/g' -e 's/&quot;/"/g' -e "s/&#39;/'/g" -e 's/&amp;/\&/g' | tr -s ' \n' ' '
}

page()
{
  local name=$1 wanted=$2
  shift 2
  expect "$wanted" "$TCPSTALL" analyze -o "$dir/report" --html "$dir/page.html" "$@"
  silent err
  "$TCPSTALL" analyze --json "$@" >"$dir/json" 2>/dev/null
  "$TCPSTALL" analyze --html - -o "$dir/report" "$@" 2>/dev/null | cmp -s - "$dir/page.html" ||
    fail "$name: another page on standard output"
  [ "$(head -c 15 "$dir/page.html")" = '<!DOCTYPE html>' ] || fail "$name: no HTML"
  [ "$(tail -n 1 "$dir/page.html")" = '</html>' ] || fail "$name: the page is cut off"
  [ "$(stat -c %s "$dir/page.html")" -lt 600000 ] || fail "$name: $(stat -c %s "$dir/page.html") bytes"
  grep -nE 'https?:|<link|<img|<iframe|<object|@import|src=|url\([^#]' "$dir/page.html" >&2 && fail "$name: needs something else"
  grep -qE "Content-Security-Policy\" content=\"default-src 'none'" "$dir/page.html" || fail "$name: may load something"
  sed '/^<div id="tip"/,$d' "$dir/page.html" >"$dir/body" # but for the script
  grep -oE ' id="[^"]*"' "$dir/body" | sort | uniq -d | grep . >&2 && fail "$name: an id twice"
  grep -oE 'href="#[^"]*"' "$dir/body" | sed 's/href="#//; s/"//' | sort -u >"$dir/links"
  grep -oE ' id="[^"]*"' "$dir/body" | sed 's/ id="//; s/"//' | sort -u | comm -23 "$dir/links" - | grep -vE '^f[0-9]+m' >&2 &&
    fail "$name: a link to nowhere"
  local findings
  findings=$(jq '[.connections[].findings[]] | length' "$dir/json")
  [ "$(grep -c '<article id="f' "$dir/page.html")" -eq "$findings" ] || fail "$name: not all of $findings findings"
  text_of "$dir/page.html" >"$dir/text"
  while IFS= read -r line; do
    grep -qF -- "$line" "$dir/text" || fail "$name: not on the page: $line"
  done < <(words_of "$dir/json")
  if command -v tidy >/dev/null; then
    tidy -q -e -utf8 "$dir/page.html" 2>"$dir/tidy"
    grep -E 'Error:|unescaped|discarding|missing <|nested|not allowed|improper' "$dir/tidy" >&2 && fail "$name: tidy finds fault"
  fi
}

command -v jq >/dev/null || { echo 'no jq: skipped'; exit 77; }
for sample in "$SOURCE_DIR"/samples/*.pcapng; do
  "$TCPSTALL" analyze "$sample" >/dev/null 2>&1
  page "${sample##*/}" $? "$sample"
done
samples=$SOURCE_DIR/samples/2003-tap-stall
page 2003 1 "$samples/sender.txt" "$samples/receiver.txt"
healthy_text >"$dir/healthy.txt"
page one-end 0 "$dir/healthy.txt"

# each script of data is JSON
sed -n '/<script type="application\/json"/,/<\/script>/p' "$dir/page.html" | sed -e 's/<script[^>]*>//' -e 's/<\/script>//' |
  jq -e '.t | length == 10' >/dev/null || fail 'the data is no JSON, or not of ten packets'

# a file name is no markup
stalled_text >"$dir/\"><script>x.txt"
expect 1 "$TCPSTALL" analyze -o "$dir/report" --html "$dir/page.html" "$dir/\"><script>x.txt"
[ "$(grep -c '<script>' "$dir/page.html")" -eq 1 ] || fail 'the name of a file became a script'

# a pipe is kept for the second reading; what is read is not overwritten
healthy_text | "$TCPSTALL" analyze -o "$dir/report" --html "$dir/pipe.html" - || fail 'nothing from standard input'
grep -q '<figure class="plot"' "$dir/pipe.html" || fail 'no drawing of what came from standard input'
cp "$dir/healthy.txt" "$dir/itself.txt"
expect 2 "$TCPSTALL" analyze --html "$dir/itself.txt" "$dir/itself.txt"
cmp -s "$dir/healthy.txt" "$dir/itself.txt" || fail 'the trace itself was overwritten'
expect 2 "$TCPSTALL" analyze --html - "$dir/healthy.txt"
expect 2 "$TCPSTALL" analyze -o "$dir/report" --html "$dir/no/such/folder" "$dir/healthy.txt"
finish
