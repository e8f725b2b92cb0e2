#!/bin/bash
# What the live model says of a wait when it is over is what `analyze` says of the file, and what is
# nothing for the one is nothing for the other.
set -u -o pipefail
command -v jq >/dev/null || { echo "skipped: no jq"; exit 77; }
problems() { # FILE: place, cause and confidence of each stall and abort, as analyze finds them
  "$TCPSTALL" analyze --json --no-progress "$1" | jq -r '.connections[].findings[] |
    select(.severity == "problem" and (.kind == "stall" or .kind == "abort")) | "\(.location) \(.cause) \(.confidence)"' | sort
}
closed() { # FILE [remote]: the same, as told live
  "$MONITOR_PLAY" "$@" | awk '$3 == "closed" && $6 == "problem" && $7 != "crawl" && $7 != "mismatch" { print $8, $9, $10 }' | sort
}
failed=0
count=0
for file in "$SOURCE_DIR"/samples/*.pcapng; do
  name=$(basename "$file" .pcapng)
  case $name in
  window-scale-*) continue ;; # a crawl: its waits are told one by one until it is known for one
  half-open) continue ;; # a connection that is broken off twice: live that is one event, told by its first cause
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
# An end on another host, whose clock is another one and whose frames come late: the same place.
for name in ack-loss path-hold zero-window rto-backoff tx-queue-hold local-drop-input window-update-lost; do
  file=$SOURCE_DIR/samples/$name.pcapng
  want=$(problems "$file" | cut -d' ' -f1 | sort -u)
  got=$(closed "$file" remote | cut -d' ' -f1 | sort -u)
  [ "$want" = "$got" ] || { echo "$name, from another host: $got instead of $want"; failed=1; }
done
for name in healthy app-idle app-turnaround reordering; do
  got=$("$MONITOR_PLAY" "$SOURCE_DIR/samples/$name.pcapng" remote | grep -c '#')
  [ "$got" = 0 ] || { echo "$name, from another host: something was told"; failed=1; }
done
echo "$count samples"
exit $failed
