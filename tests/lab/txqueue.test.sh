#!/usr/bin/env bash
# One strict test of the 2003 stall made live, or of what looks like it: makes the traffic of a line of
# txqueue.matrix.txt, checks that the wire shows the picture of the report, and what the analyzer says of it.
#
#   txqueue.test.sh NAME TCPSTALL      strict.sh tells the environment
# Exit status 0 rightly judged, 1 not, 77 not possible here or not brought about (a busy machine): said why.
set -u
. "$(dirname "$0")/strict.sh"

# Both facts must be there to be found: an ACK with a newer TSval arrived after the first held segment was built. (Where a
# busy machine let the application pause just then, everything had been acknowledged before.)
run_counts() {
  [ "$(jq -r '.scenario + (.timestamps | tostring)' "$run/truth.json")" = stall-2003true ] || return 0
  tcpdump -n -tt -r "$run/a.pcap" tcp 2>/dev/null | awk '
    match($0, /TS val [0-9]+ ecr [0-9]+/) {
      split(substr($0, RSTART, RLENGTH), ts, " ")
      data = / length [1-9]/
      if (data && $1 - last > 1.5) { held = 1; old = ts[5] < newest; exit }
      if (!data) newest = ts[3]
      last = $1
    }
    END { exit !(held && old) }'
}

make_run "${1:?usage: txqueue.test.sh NAME TCPSTALL}" "$here/txqueue.matrix.txt"
hold_s=$(silence_s a)

# What A sends first when the silence is over: the packet that has nothing to do with the stream?
foreign_first() {
  tcpdump -n -tt -r "$run/a.pcap" 2>/dev/null |
    awk 'NR > 1 && $1 - last > longest { longest = $1 - last; foreign = $0 !~ /Flags/ } { last = $1 } END { exit !foreign }'
}

check "the recording is complete" recording_is_complete
kernels_word='[problems[0].evidence[].fact] | any(test("queue of the device \\(tbf\\) holds [1-9]")) and any(test("wmem_alloc [1-9]"))'
case $scenario in
  stall-2003)
    case " $keys " in
      *" queue=pfifo "*) ;; # one queue for all: the packet leaves behind the old segments
      *" ts=0 "*) # nothing in the segments dates them: the socket and the queue of its host do
        claim "a b ab" "nothing is proven" '[problems[] | select(.confidence == "proven")] == []'
        held="(problems | length) == 1 and (problems[0] | .kind == \"stall\" and .sender == data_sender
          and .location == \"sender-queue\" and .cause == \"tx-queue-hold\" and .confidence == \"proven\" and (.duration_s | about($hold_s; 0.1)))"
        claim sockets "the sender's queue held the segments, proven" "$held"
        claim sockets "the kernel's word is evidence: a backlog, and memory that nobody frees" "$kernels_word"
        exit $failed;;
      *) check "the packet that sets the queue going leaves first, as in the report" foreign_first;;
    esac
    held="(problems | length) == 1 and (problems[0] | .kind == \"stall\" and .sender == data_sender
      and .location == \"sender-queue\" and .cause == \"tx-queue-hold\" and .confidence == \"proven\"
      and .ended_by == \"foreign-packet\" and (.hold_min_s | about($hold_s; 0.3)) and (.duration_s | about($hold_s; 0.1)))"
    claim a "the sender's queue held the segments, proven, and nothing else is wrong" "$held"
    claim a "old TSval and old TSecr are the evidence" \
      '[problems[0].evidence[].fact] | any(test("echoes TSecr")) and any(test("carries TSval"))'
    claim b "the receiver's end proves nothing else" '[problems[] | select(.confidence == "proven" and .location != "sender-queue")] == []'
    claim "$both" "both ends: one connection" one_connection
    claim "$both" "both ends: the same, proven" "$held"
    claim sockets "the kernel's word is evidence: a backlog, and memory that nobody frees" "$kernels_word"
    ;;
  stall-2003-paused)
    claim "$every" "no problem, and no hold" '(problems | length) == 0 and stalls("sender-queue"; "tx-queue-hold") == []'
    claim sockets "the kernel had nothing to send, which proves it" '[findings | select(.location == "sender-app" and .confidence == "proven")] != []'
    claim "a sockets" "an idle application" "[findings | select(.location == \"sender-app\") | .duration_s] | any(about($hold_s; 0.1))"
    claim "$both" "both ends: one connection" one_connection
    ;;
  stall-2003-path-hold)
    claim a "not the sender's queue: the segments left" '[findings | select(.location == "sender-queue")] == []'
    claim "$every" "no other place is proven" 'wrongly_proven("forward-path") == []'
    claim "$both" "both ends: one connection" one_connection
    claim "$both" "both ends: held on the path, proven" 'stalls("forward-path"; "path-hold") | any(.confidence == "proven")'
    ;;
esac
exit $failed
