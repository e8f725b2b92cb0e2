# Grades one report (`tcpstall analyze --json` of one end or of both) against the truth of its scenario.
#   jq -r --slurpfile truth truth.json --arg vantage a -f verdict.jq report.json
# Prints: GRADE<tab>what was found. Grades, the good ones first:
#   exact      location and cause are as they were            place     the location is right (or as good)
#   listed     the right location is listed as not excluded   quiet     rightly no problem found
#   blind      nothing found where this end cannot see it     missed    nothing found
#   side       right, but blamed on the other direction
#   wrong      found something else                           alarm     a problem where there is none
#   lie        a wrong location called proven: the worst
def locations: {
  "app-reset": "sender-app", "half-open": "sender-tcp", "app-idle": "sender-app", "app-trickle": "sender-app", "app-turnaround": "sender-app", "host-paused": "sender-app",
  "keepalive-idle": "sender-app", "lost-wakeup": "sender-app", "nagle-delayed-ack": "sender-tcp",
  "cwnd-limited": "sender-tcp", "sndbuf-limited": "sender-tcp", "tx-queue-hold": "sender-queue",
  "segment-loss": "forward-path", "tail-loss": "forward-path", "rto-backoff": "forward-path", "path-outage": "forward-path",
  "path-hold": "forward-path", "syn-loss": "forward-path", "policer": "forward-path", "slow-link": "forward-path",
  "reordering": "forward-path", "checksum-drop": "receiver-tcp", "peer-silent": "receiver-tcp", "rcvbuf-limited": "receiver-tcp",
  "zero-window": "receiver-app", "slow-reader": "receiver-app", "ack-loss": "reverse-path", "synack-loss": "reverse-path",
  "window-scale-rewritten": "reverse-path", "window-scale-stripped": "reverse-path"};
$truth[0] as $t
| ([$t.expect.location] + [$t.expect.also[] | locations[.] // .]) as $good
| ([$t.expect.cause] + $t.expect.also) as $good_causes
| [.connections[]?.findings[]?] as $all
| ($all | map(select(.severity == "problem" and .kind != "mismatch"))) as $problems
| ($all | map(select(.confidence == "proven" and .kind != "mismatch" and (.location as $l | $good | index($l) | not)))) as $lies
| ($problems | map(select(.location as $l | $good | index($l)))) as $placed_anywhere
| ($placed_anywhere | map(select(.sender == $t.expect.sender or $t.expect.sender == "any"))) as $placed
| ($placed | map(select(.cause as $c | $good_causes | index($c)))) as $exact
| ($all | map(select(.kind != "mismatch" and ([.not_excluded[]?.location] as $n | any($good[]; . as $g | $n | index($g)))))) as $listed
| ($t.blind // [] | index($vantage)) as $blind
| (if $t.expect.severity != "problem" then
     (if ($problems | length) == 0 then "quiet" elif ($lies | map(select(.severity == "problem")) | length) > 0 then "lie" else "alarm" end)
   elif ($lies | map(select(.severity == "problem")) | length) > 0 then "lie"
   elif ($exact | length) > 0 then "exact"
   elif ($placed | length) > 0 then "place"
   elif ($listed | map(select(.sender == $t.expect.sender or $t.expect.sender == "any")) | length) > 0 then "listed"
   elif ($problems | length) == 0 and ($t.expect.also | index("none")) then "quiet"
   elif ($placed_anywhere | length) > 0 then "side"
   elif ($problems | length) > 0 then "wrong"
   elif $blind then "blind" else "missed" end)
  + "\t" + ([$all[] | "\(.kind) \(.location)/\(.cause) \(.confidence) \(.severity) \(.sender) \(.duration_s * 1000 | round)ms"
            + (if (.not_excluded | length) > 0 then " not-excluded=" + ([.not_excluded[] | .location] | unique | join(",")) else "" end)]
            | group_by(.) | map(if length > 1 then "\(length)x " + .[0] else .[0] end) | .[:6] | join("; "))
