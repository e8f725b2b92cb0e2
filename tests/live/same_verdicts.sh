#!/bin/bash
# What the live model says of a wait when it is over is what `analyze` says of the file, and what is
# nothing for the one is nothing for the other.
set -u -o pipefail
command -v jq >/dev/null || { echo "skipped: no jq"; exit 77; }
problems() { # FILE: place, cause and confidence of each stall and abort, as analyze finds them
  "$TCPSTALL" analyze --json --no-progress "$1" | jq -r '.connections[].findings[] |
    select(.severity == "problem" and (.kind == "stall" or .kind == "abort")) | "\(.location) \(.cause) \(.confidence)"' | sort
}
closed() { # FILE: the same, as told live
  "$MONITOR_PLAY" "$1" | awk '$3 == "closed" && $6 == "problem" && $7 != "crawl" && $7 != "mismatch" { print $8, $9, $10 }' | sort
}
failed=0
count=0
for file in "$SOURCE_DIR"/samples/*.pcapng; do
  name=$(basename "$file" .pcapng)
  case $name in
  window-scale-*) continue ;; # a crawl: its waits are told one by one until it is known for one
  esac
  count=$((count + 1))
  want=$(problems "$file")
  got=$(closed "$file") || { echo "$name: cannot be played"; failed=1; continue; }
  # Waits in a row may be told one by one or once.
  if [ "$(sort -u <<< "$want")" != "$(sort -u <<< "$got")" ]; then
    printf '%s:\n analyze: %s\n live:    %s\n' "$name" "${want//$'\n'/; }" "${got//$'\n'/; }"
    failed=1
  fi
done
echo "$count samples"
exit $failed
