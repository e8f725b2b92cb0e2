#!/usr/bin/env bash
# One strict test of an upload through a real OpenVPN TAP tunnel: makes the traffic of a line of openvpn.matrix.txt, and
# checks what the analyzer says of it.
#
#   openvpn.test.sh NAME TCPSTALL      strict.sh tells the environment
# Exit status 0 rightly judged, 1 not, 77 not possible here or not brought about (a busy machine): said why.
set -u
PATH=$PATH:/usr/sbin:/sbin
for tool in openvpn openssl; do command -v $tool >/dev/null || { echo "skipped: no $tool"; exit 77; }; done
. "$(dirname "$0")/strict.sh"
make_run "${1:?usage: openvpn.test.sh NAME TCPSTALL}" "$here/openvpn.matrix.txt"

mss() { # END syn|synack: the option as it is in that end's capture
  local flags='tcp-syn'; [ "$2" = syn ] || flags='tcp-syn|tcp-ack'
  tcpdump -n -c 1 -r "$run/$1.pcap" 2>/dev/null "tcp and (tcp[tcpflags] = $flags or (ip6 and ip6[53] = $([ "$2" = syn ] && echo 2 || echo 18)))" |
    sed -n 's/.*mss \([0-9]*\).*/\1/p'
}
rewritten() {
  echo "        SYN $(mss a syn) and $(mss b syn), SYN-ACK $(mss a synack) and $(mss b synack) at A and B"
  [ "$(mss a syn)" != "$(mss b syn)" ] && [ "$(mss a synack)" != "$(mss b synack)" ]
}
check "the recording is complete" recording_is_complete
check "the tunnel rewrote the MSS of SYN and SYN-ACK" rewritten
claim "$both" "both ends: one connection" one_connection
claim "$both" "both ends: the MSS was altered on the way, in both directions" \
  '[findings | select(.kind == "mismatch" and .cause == "mss-rewritten" and .confidence == "proven") | .sender] | sort == ["client", "server"]'

case $scenario in
  openvpn-upload)
    claim "$every" "no problem" '(problems | length) == 0'
    ;;
  openvpn-stopped)
    held_s=$(awk '/the process of . is stopped/ { from = $1 } /the process of . goes on/ { print $1 - from }' "$run/notes.log")
    claim "$every" "no other place is proven" 'wrongly_proven("forward-path"; "reverse-path") == []'
    claim a "the sender's end does not accuse its queue" '[findings | select(.location == "sender-queue")] == []'
    # Whether an ACK was on its way back just when the process stopped decides which of the two directions it is.
    claim "$both" "both ends: the tunnel held the segments or their ACKs, proven" \
      "[problems[] | select((.cause == \"path-hold\" or .cause == \"ack-hold\") and .confidence == \"proven\" and (.duration_s | about($held_s; 0.7)))] | length == 1"
    ;;
  openvpn-ring)
    claim "$every" "no other place is proven" 'wrongly_proven("forward-path"; "reverse-path") == []'
    claim a "the sender's end does not accuse its queue" '[findings | select(.location == "sender-queue")] == []'
    claim "$both" "both ends: the path" '[problems[] | select((.location | test("-path$")) and .confidence != "possible")] != []'
    ;;
esac
exit $failed
