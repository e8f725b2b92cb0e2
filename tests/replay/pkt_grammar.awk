# Checks a script of --export-packetdrill against packetdrill's grammar, as far as our scripts use it (syntax.md of
# github.com/google/packetdrill): what each line may be, that times do not go backwards, that lengths and padding are right.
# Prints what is wrong; exit status 1 then. With -v kinds=1 it prints how many lines of each kind there are.

function bad(what) { printf "%s:%d: %s: %s\n", FILENAME, FNR, what, $0; failed = 1 }

# "<mss 1460,sackOK,TS val 51 ecr 0,nop,wscale 10>": how many bytes, -1: not known, -2: wrong
function options_bytes(text,    n, i, part, bytes, words, w) {
  if (text == "") return 0
  if (text == "<...>") return -1
  if (text !~ /^<.*>$/) return -2
  n = split(substr(text, 2, length(text) - 2), part, ",")
  bytes = 0
  for (i = 1; i <= n; i++) {
    if (part[i] == "nop") bytes += 1
    else if (part[i] == "sackOK") bytes += 2
    else if (part[i] ~ /^mss [0-9]+$/) bytes += 4
    else if (part[i] ~ /^wscale ([0-9]|1[0-5])$/) bytes += 3
    else if (part[i] ~ /^TS val [0-9]+ ecr [0-9]+$/) bytes += 10
    else if (part[i] ~ /^sack( [0-9]+:[0-9]+)+$/) { words = split(part[i], w, " "); bytes += 2 + 8 * (words - 1) }
    else return -2
  }
  return bytes
}

function check_packet(text,    word, n, at, range, options, bytes) {
  options = ""
  if (match(text, /<(\.\.\.|[a-z].*|TS.*)>$/) && RSTART > 1) {
    options = substr(text, RSTART)
    text = substr(text, 1, RSTART - 1)
    sub(/ $/, "", text)
  }
  if (text !~ /^[<>] (S|F|R|P|FP)?\.? [0-9]+:[0-9]+\([0-9]+\)( ack [0-9]+)?( win [0-9]+)?$/) { bad("no packet"); return }
  n = split(text, word, " ")
  split(word[3], range, /[:()]/)
  if ((range[2] - range[1] + 4294967296) % 4294967296 != range[3] || range[3] > 65495) bad("sequence numbers and length differ")
  if ((word[2] ~ /\./) != (text ~ / ack /)) bad("flags and acknowledgment differ")
  if (word[1] == "<" && text !~ / win /) bad("what arrives needs a window")
  if (word[1] == "<" && options == "<...>") bad("what arrives needs its options")
  for (at = 1; at < n; at++) if (word[at] == "win" && word[at + 1] > 65535) bad("a window of more than 16 bits")
  bytes = options_bytes(options)
  if (bytes == -2 || bytes > 40 || (bytes > 0 && bytes % 4 != 0)) bad("options")
  lines[word[1]]++
}

function check_call(text) {
  if (text ~ /^socket\(\.\.\., SOCK_STREAM, IPPROTO_TCP\) = 3$/) ;
  else if (text ~ /^setsockopt\([34], SOL_(SOCKET|TCP), (SO|TCP)_[A-Z]+, (\[[0-9]+\], 4|"[a-z]+", [0-9]+|\{onoff=1, linger=0\}, 8)\) = 0$/) ;
  else if (text ~ /^(bind|connect)\(3, \.\.\., \.\.\.\) = (0|-1 EINPROGRESS \(Operation now in progress\))$/) ;
  else if (text ~ /^listen\(3, 1\) = 0$/ || text ~ /^accept\(3, \.\.\., \.\.\.\) = 4$/) ;
  else if (text ~ /^getsockopt\(3, SOL_SOCKET, SO_ERROR, \[ECONNREFUSED\], \[4\]\) = 0$/) ;
  else if (text ~ /^fcntl\([34], F_SETFL, O_RDWR\|O_NONBLOCK\) = 0$/) ;
  else if (text ~ /^(close\([34]\)|shutdown\([34], SHUT_WR\)) = 0$/) ;
  else if (match(text, /^(read|write)\([34], \.\.\., [0-9]+\) = [0-9]+$/)) { if (split(text, n, /[ )]+/) && n[3] != n[5]) bad("a call that moves less than it is to") }
  else bad("no call")
  lines["call"]++
}

BEGIN { before = 0 }
in_command { if (/`$/) in_command = 0; next }
/^$/ || /^\/\// { next }
/^--[a-z_]+(=[0-9a-z.:]+)?$/ { if (events) bad("an option behind events"); next }
/^`/ { if (events) bad("the init command stands behind events"); in_command = !/`$/ || $0 == "`"; next }
{
  events++
  if (match($0, /^[0-9]+\.[0-9][0-9][0-9][0-9][0-9][0-9] /)) {
    time = substr($0, 1, RLENGTH) + 0
    if (events == 1 && time != 0) bad("the first event is not at time 0")
    if (time < before) bad("time goes backwards")
    if (relative) bad("an absolute time behind a relative one")
    before = time
  } else if (match($0, /^\+[0-9]+\.[0-9]+(~\+[0-9]+\.[0-9]+)? /)) {
    relative = 1
    if ($0 ~ /~/ && $2 != ">") bad("only what is expected may have a range of time")
  } else if (match($0, /^ *\* /)) {
    if ($2 != ">") bad("only what is expected may come at any time")
  } else { bad("no time"); next }
  rest = substr($0, RLENGTH + 1)
  if (rest ~ /^[<>]/) check_packet(rest); else check_call(rest)
}
END {
  if (in_command) { print FILENAME ": the init command has no end"; failed = 1 }
  if (!events) { print FILENAME ": there are no events"; failed = 1 }
  if (kinds) printf "%d arrive, %d are expected, %d calls\n", lines["<"], lines[">"], lines["call"]
  exit failed
}
