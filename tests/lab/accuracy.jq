# Writes the tables of docs/accuracy.md from judge.sh's judgements.
#   jq -rs --rawfile reasons shortfalls.txt -f accuracy.jq judgements.jsonl
def level_names: {a: "sender end", b: "receiver end", ab: "both ends", sockets: "both ends, socket samples"};
def locations: ["sender-app", "sender-tcp", "sender-queue", "forward-path", "receiver-tcp", "receiver-app", "reverse-path"];
def is_right: .grade == "exact" or .grade == "place";
def percent($n; $of): if $of == 0 then "" else "\(($n * 1000 / $of | round) / 10) %" end;
def row: "| " + join(" | ") + " |";
def table($head): ($head | row), ($head | map("---") | row), .[];
# What this end could see, and had to name: "quiet" stays only where no finding is a good answer.
def asked: map(select(.expected.location != "none" and .grade != "quiet" and .grade != "blind"));
def cell: asked | if length == 0 then "" else "\(map(select(is_right)) | length)/\(length)" end;
def reasons: $reasons | split("\n") | map(select(test("^[a-z*]") )) | map(capture("^(?<level>\\S+) +(?<scenario>\\S+) +(?<why>.*)$"));
def reason_for: . as $j | first(reasons[] | select((.level == "*" or .level == $j.level) and .scenario == $j.scenario) | .why) // "not explained yet";
def called($e): group_by([.found.cause, .grade == "blind"])
  | map({n: length, text: (if .[0].grade == "blind" then "not to be seen" elif .[0].found.cause == "none" then "nothing"
                           elif .[0].found.cause == $e.cause then "**\($e.cause)**" else .[0].found.cause end)})
  | sort_by(-.n) | map("\(.text) \(.n)") | join(", ");

. as $all
| ($all | map(.level) | unique) as $seen
| (["a", "b", "ab", "sockets"] | map(select(. as $l | $seen | index($l)))) as $levels
| def at($l): map(select(.level == $l));
  "## In short\n",
  ([$levels[] as $l | ($all | at($l)) as $j | ($j | asked) as $asked |
     [level_names[$l], ($j | length | tostring), ($asked | length | tostring),
      percent($asked | map(select(is_right)) | length; $asked | length),
      ($asked | map(select(.grade == "listed")) | length | tostring),
      ($asked | map(select(.grade == "missed" or .grade == "nothing")) | length | tostring),
      ($asked | map(select(.grade == "wrong" or .grade == "side" or .grade == "alarm")) | length | tostring),
      ($j | map(.proven) | add // 0 | tostring), ($j | map(select(.grade == "lie")) | length | tostring),
      "\($j | map(select(.grade == "alarm")) | length) of \($j | map(select(.expected.severity != "problem")) | length)"] | row]
   | table(["evidence", "runs", "with a place to name", "place right", "right place only listed", "nothing said", "wrong place", "findings proven", "wrong proven", "false blame"])),
  "\n## Place and evidence\n",
  "Runs whose place was named rightly, of those with something to name; places an end cannot see at all are left out.\n",
  ([locations[] as $place | [$place] + [$levels[] as $l | $all | at($l) | map(select(.expected.location == $place)) | cell] | row]
   + [["**all**"] + [$levels[] as $l | $all | at($l) | "\(cell) (\(asked | percent(map(select(is_right)) | length; length)))"] | row]
   | table(["true place"] + [$levels[] | level_names[.]])),
  "\n## True cause and found cause\n",
  "Each row is a row of the confusion matrix: what the runs of a true cause were called, and how often.\n",
  ([$all | group_by(.expected.cause)[] | .[0].expected as $e | . as $rows
    | [$e.cause, $e.location, ($rows | map(.run) | unique | length | tostring)] + [$levels[] as $l | $rows | at($l) | called($e)] | row]
   | table(["true cause", "place", "runs"] + [$levels[] | level_names[.]])),
  "\n## What falls short\n",
  ([$all[] | select(.level == "ab" or .level == "sockets" or .grade == "lie" or .grade == "alarm" or .grade == "wrong" or .grade == "side")
    | select((is_right or .grade == "quiet" or .grade == "blind") | not)]
   | group_by([.level, .scenario, .grade]) | map(.[0] as $j
     | [level_names[$j.level], $j.scenario, (length | tostring), $j.grade, "\($j.found.location)/\($j.found.cause)", ($j | reason_for)] | row)
   | if length == 0 then "Nothing at both ends; no wrong place at one end." else table(["evidence", "scenario", "runs", "grade", "found", "why"]) end),
  "\nGrades: `listed` the right place is named among those not excluded; `missed` and `nothing` no finding; `side` blamed on the other direction;",
  "`wrong` another place; `alarm` a problem where there is none; `lie` a wrong place called proven."
