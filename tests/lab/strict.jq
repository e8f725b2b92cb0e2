# What the claims of strict tests are said in. Input: one report of tcpstall analyze --json; $truth: of its run.
def findings: .connections[].findings[];
def data_sender: if $truth[0].opener == "a" then "client" else "server" end;
def problems: [findings | select(.severity == "problem" and .kind != "mismatch")];
def told: "\(.kind) \(.severity) \(.sender) \(.location)/\(.cause) \(.confidence), \(.duration_s) s, ended by \(.ended_by)"
  + ([.not_excluded[] | ", or \(.location)/\(.cause)"] | add // "");
def stalls($location; $cause): [findings | select(.kind == "stall" and .sender == data_sender and .location == $location and .cause == $cause)];
def about($seconds; $more): . >= $seconds - 0.1 and . <= $seconds + $more;
def one_connection: (.connections | length) == 1;
# Problems that are placed with certainty, and elsewhere.
def wrongly_proven($location; $other): [problems[] | select(.confidence == "proven" and .location != $location and .location != $other)];
def wrongly_proven($location): wrongly_proven($location; $location);
