#!/usr/bin/env bash
# A picture of the dashboard: runs it in a terminal (tmux), presses keys, and draws what is on the screen.
#
#   tools/screenshot.sh OUT.png COLUMNSxROWS 'KEY...' ARGUMENT...     the arguments are those of `tcpstall live`
#
# Needs gawk, tmux, rsvg-convert (librsvg2-bin) and a monospaced font with Braille (fonts-freefont-ttf). TCPSTALL is the program.
set -eu
out=$1 size=$2 keys=$3
shift 3
program=${TCPSTALL:-build/release/tcpstall}
socket=tcpstall-shot-$$
tm() { tmux -L "$socket" -f /dev/null "$@"; }
trap 'tm kill-server 2>/dev/null || true' EXIT
unset NO_COLOR TMUX
export LC_ALL=C.UTF-8
words=$(printf '%q ' "$program" live "$@")
tm new-session -d -x "${size%x*}" -y "${size#*x}" "env TERM=screen-256color LC_ALL=C.UTF-8 $words; sleep 60"
sleep 1.5
for key in $keys; do
  tm send-keys -t 0 "$key"
  sleep 0.3
done
sleep 0.5
tm capture-pane -e -p -N -t 0 | gawk -v columns="${size%x*}" -v rows="${size#*x}" '
  # The sixteen named colours, the cube and the greys of 256 (xterm).
  function color(n,    r, g, b) {
    if (n < 16) { split("2e3436 cc3333 4e9a06 c4a000 3465a4 a05a9a 06989a d3d7cf 777777 ef4444 8ae234 fce94f 729fcf c49bd0 34e2e2 ffffff", named, " "); return "#" named[n + 1] }
    if (n >= 232) { r = 8 + 10 * (n - 232); return sprintf("#%02x%02x%02x", r, r, r) }
    n -= 16; r = int(n / 36); g = int(n / 6) % 6; b = n % 6
    return sprintf("#%02x%02x%02x", r ? 55 + 40 * r : 0, g ? 55 + 40 * g : 0, b ? 55 + 40 * b : 0)
  }
  function style(codes,    part, count, i) {
    count = split(codes == "" ? "0" : codes, part, ";")
    for (i = 1; i <= count; i++) {
      if (part[i] == 0) { fore = plain; back = ""; bold = 0; reverse = 0; dim = 0 }
      else if (part[i] == 1) bold = 1
      else if (part[i] == 2) dim = 1
      else if (part[i] == 7) reverse = 1
      else if (part[i] >= 30 && part[i] <= 37) fore = color(part[i] - 30)
      else if (part[i] == 38 && part[i + 1] == 5) { fore = color(part[i + 2]); i += 2 }
      else if (part[i] == 39) fore = plain
      else if (part[i] == 49) back = ""
    }
  }
  function put(text,    shown, under) {
    if (text == "") return
    shown = reverse ? ground : fore; under = reverse ? fore : back
    if (under != "") printf "<rect x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\" fill=\"%s\"/>\n", 8 + column * W, 8 + (NR - 1) * H, length(text) * W + 0.3, H + 0.3, under
    gsub(/&/, "\\&amp;", text); gsub(/</, "\\&lt;", text); gsub(/>/, "\\&gt;", text)
    printf "<text x=\"%.2f\" y=\"%.2f\" fill=\"%s\"%s%s xml:space=\"preserve\">%s</text>\n", 8 + column * W, 8 + NR * H - 4.5, shown, bold ? " font-weight=\"bold\"" : "", dim ? " opacity=\"0.7\"" : "", text
  }
  BEGIN {
    W = 8.4; H = 17; plain = "#d3d7cf"; ground = "#1c1f24"
    printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" font-family=\"FreeMono, monospace\" font-size=\"14\">\n", 16 + columns * W, 16 + rows * H
    printf "<rect width=\"100%%\" height=\"100%%\" rx=\"6\" fill=\"%s\"/>\n", ground
    fore = plain
  }
  {
    column = 0; line = $0
    while (match(line, /\033\[[0-9;]*m/)) {
      before = substr(line, 1, RSTART - 1)
      codes = substr(line, RSTART + 2, RLENGTH - 3)
      # one character at a time: fonts differ in the width of what they lack
      for (i = 1; i <= length(before); i++) { put(substr(before, i, 1)); column++ }
      style(codes)
      line = substr(line, RSTART + RLENGTH)
    }
    for (i = 1; i <= length(line); i++) { put(substr(line, i, 1)); column++ }
    if (NR == 1 && reverse) { line = ""; while (column < columns) { put(" "); column++ } }
  }
  END { print "</svg>" }' >"$out.svg"
rsvg-convert "$out.svg" -o "$out"
rm -f "$out.svg"
