# Grades one report (`tcpstall analyze --json`) against the truth of its run.
#   jq -c --slurpfile truth truth.json --arg level a|b|ab|sockets -f verdict.jq report.json
# Gives {grade, expected, found, findings}. Grades, the good ones first:
#   exact   location and cause are as they were         place   the location is right (or as good)
#   quiet   rightly no problem found                    listed  the right location is listed as not excluded
#   blind   nothing found where this end cannot see it  nothing a harmless matter that was not named
#   missed  nothing found                               side    right, but blamed on the other direction
#   wrong   found something else                        alarm   a problem where there is none
#   lie     a wrong location called proven: the worst
# What counts is where the findings of the run's stream lie for most of their time: a stall often comes in several.
def locations: {
  "app-idle": "sender-app", "app-trickle": "sender-app", "app-turnaround": "sender-app", "host-paused": "sender-app",
  "keepalive-idle": "sender-app", "lost-wakeup": "sender-app", "app-reset": "sender-app", "refused": "sender-app",
  "nagle-delayed-ack": "sender-tcp", "cwnd-limited": "sender-tcp", "sndbuf-limited": "sender-tcp",
  "excessive-rto": "sender-tcp", "ack-ignored": "sender-tcp", "window-update-ignored": "sender-tcp",
  "half-open": "sender-tcp", "keepalive-timeout": "sender-tcp", "gave-up": "sender-tcp",
  "tx-queue-hold": "sender-queue", "neighbour-unresolved": "sender-queue", "local-drop-output": "sender-queue",
  "segment-loss": "forward-path", "tail-loss": "forward-path", "rto-backoff": "forward-path",
  "path-outage": "forward-path", "path-hold": "forward-path", "pmtu-blackhole": "forward-path",
  "syn-loss": "forward-path", "corrupted": "forward-path", "reordering": "forward-path", "nat-timeout": "forward-path",
  "rst-injected": "forward-path", "tap-ring-drop": "forward-path", "slow-link": "forward-path",
  "policer": "forward-path", "gso-too-big": "forward-path", "mtu-icmp": "forward-path",
  "paws-drop": "receiver-tcp", "checksum-drop": "receiver-tcp", "out-of-window": "receiver-tcp",
  "delayed-ack": "receiver-tcp", "rcvbuf-limited": "receiver-tcp", "silly-window": "receiver-tcp",
  "window-shrink": "receiver-tcp", "local-drop-input": "receiver-tcp", "peer-silent": "receiver-tcp",
  "zero-window": "receiver-app", "slow-reader": "receiver-app", "listen-overflow": "receiver-app",
  "deadlock": "receiver-app",
  "ack-loss": "reverse-path", "ack-hold": "reverse-path", "window-update-lost": "reverse-path",
  "synack-loss": "reverse-path", "window-scale-rewritten": "reverse-path", "window-scale-stripped": "reverse-path",
  "sack-not-translated": "reverse-path"};
def among($set): . as $x | $set | index($x) != null;
# What holds up one direction's data is another place for the other one's: A's way there is B's way back.
def mirrored: {"sender-app": "receiver-app", "receiver-app": "sender-app", "sender-tcp": "receiver-tcp", "receiver-tcp": "sender-tcp",
  "forward-path": "reverse-path", "reverse-path": "forward-path"}[.] // .;
# The location with the most time, and there the cause with the most.
def weight: .duration_s + ({proven: 0.003, likely: 0.002}[.confidence] // 0.001);
def heaviest: group_by(.location) | max_by([.[] | weight] | add) // []
  | group_by(.cause) | max_by([.[] | weight] | add) // [] | max_by(weight);
def line: "\(.kind) \(.location)/\(.cause) \(.confidence) \(.severity) \(.sender)";
def briefly: group_by(line) | map(
    (if length > 1 then "\(length)x " else "" end) + (.[0] | line) + " \([.[].duration_s] | add * 1000 | round)ms"
    + ([.[].not_excluded[]?.location] | unique | if length > 0 then " not-excluded=" + join(",") else "" end))
  | .[:6] | join("; ");

$truth[0] as $t | $t.expect as $e
| ($level == "a" or $level == "b") as $one_end
| ($e.also + (if $one_end then $t.one_end // [] else [] end)) as $also
| ([$e.cause] + $also) as $good_causes
| ([$e.location] + [$also[] | locations[.] // empty]) as $good
| ($good + ($t.meanwhile // [])) as $true_too
| ($e.severity == "problem") as $is_problem
| ($e.severity == "any") as $is_either # a matter of taste whether it is a problem
| ($also | index("none") != null) as $may_be_none
| [.connections[]?.findings[]?] as $all
# What the path altered is a fact, and a finding of this run only where it is what this run is about.
| ($all | map(select(.kind != "mismatch" or ($is_problem and .severity == "problem" and (.cause | among($good_causes))))
              | if .kind == "mismatch" then . + {location: $e.location, sender: $e.sender, duration_s: 1000} else . end)) as $told
| ($told | map(select(.severity == "problem"))) as $problems
| (if $is_problem then $problems else $told end) as $weighed
| ($weighed | if $e.kind == "abort" and any(.kind == "abort") then map(select(.kind == "abort")) else . end) as $weighed
| ($weighed | map(select((.location | among($true_too)) or (.location | among($t.meanwhile // []) | not)))) as $weighed
| ($weighed | map(select(.sender == $e.sender or $e.sender == "any"))) as $ours
| ($ours | map(select((.location | among($good)) or (.location | among($t.meanwhile // []) | not)))) as $primary_of
| ($primary_of | heaviest) as $primary
| ($told | map(select(.confidence == "proven" and (.location | among($true_too) | not)
     and (.sender == $e.sender or (.location | mirrored | among($true_too) | not))
     and (.severity == "problem" or . == $primary)))) as $lies
| ($told | map(select(any(.not_excluded[]?.location; among($good)) or (.location | among($good))))) as $listed
| ($primary != null and ($primary.location | among($good))) as $right
| {grade:
     (if ($lies | length) > 0 and $e.location != "none" then "lie"
      elif ($lies | map(select(.severity == "problem")) | length) > 0 then "lie"
      elif $is_problem | not then
        (if ($problems | map(select((.location | among(($t.meanwhile // []) + (if $is_either then $good else [] end))) | not)) | length) > 0 then "alarm"
         elif $e.location == "none" or ($told | length) == 0 and $may_be_none then "quiet"
         elif $right then (if $primary.cause | among($good_causes) then "exact" else "place" end)
         elif ($t.blind // [] | index($level)) then "blind"
         else "nothing" end)
      elif $right then (if any($ours[]; .cause | among($good_causes)) then "exact" else "place" end)
      elif ($problems | length) == 0 and $may_be_none then "quiet"
      elif ($listed | length) > 0 then "listed"
      elif any($weighed[]; .location | among($good)) then "side"
      elif ($primary_of | length) > 0 then "wrong"
      elif ($t.blind // [] | index($level)) then "blind"
      else "missed" end),
   expected: {location: $e.location, cause: $e.cause, severity: $e.severity, kind: $e.kind},
   found: ($primary // {} | {location: (.location // "none"), cause: (.cause // "none"), confidence: (.confidence // "none"),
                             severity: (.severity // "none")}),
   alarms: ($problems | map(select(.location | among($true_too) | not)) | length),
   proven: ($told | map(select(.confidence == "proven")) | length), lies: ($lies | length),
   findings: ($all | briefly)}
