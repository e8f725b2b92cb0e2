#!/usr/bin/env bash
# Draws runs by a seed: DRAWS lines of matrix for each line of space.txt, the same ones for the same seed.
#
#   draw.sh SEED [DRAWS [PATTERN]]
set -u
here=$(cd "$(dirname "$0")" && pwd)
seed=${1:?usage: draw.sh SEED [DRAWS [PATTERN]]} draws=${2:-1} pattern=${3:-.}
cat "$here"/*space.txt | awk -v seed="$seed" -v draws="$draws" -v pattern="$pattern" '
  # Park and Miller: the same numbers with every awk
  function random() { state = state * 16807 % 2147483647; return state / 2147483647 }
  function sow(text,   i) { # each run has numbers of its own, whatever else is drawn
    state = (seed + 1) % 2147483646 + 1
    for (i = 1; i <= length(text); i++) state = (state * 31 + index(letters, substr(text, i, 1))) % 2147483646 + 1
    for (i = 0; i < 8; i++) random()
  }
  function value(space,   ends, choices, n) {
    if (space ~ /^[0-9]+\.\.[0-9]+$/) {
      split(space, ends, /\.\./)
      if (ends[2] > 10 * ends[1] && ends[1] > 0) return int(exp(log(ends[1]) + random() * log(ends[2] / ends[1])))
      return ends[1] + int(random() * (ends[2] - ends[1] + 1))
    }
    n = split(space, choices, "|")
    return choices[1 + int(random() * n)]
  }
  BEGIN {
    letters = "abcdefghijklmnopqrstuvwxyz0123456789-#"
    usual = split("ip=4|6 opener=a|b cc=cubic|reno|bbr rtt=0|4|10|20|40|80 ts=1|1|1|0 sack=1|1|1|0" \
      " clock=0,0|0,0|0.3,-100|-7200,200 mss=|||536|1000|1200 offload=0|0|0|1", common, " ")
  }
  /^#/ || NF < 2 || $0 !~ pattern { next }
  {
    for (draw = 1; draw <= draws; draw++) {
      sow($1 "#" draw)
      line = $1 "-s" seed "-" draw " " $2
      split("", given)
      for (i = 3; i <= NF; i++) { split($i, pair, "="); given[pair[1]]; line = line " " pair[1] "=" value(substr($i, length(pair[1]) + 2)) }
      for (i = 1; i <= usual; i++) {
        split(common[i], pair, "=")
        if (!(pair[1] in given)) line = line " " pair[1] "=" value(substr(common[i], length(pair[1]) + 2))
      }
      print line
    }
  }'
