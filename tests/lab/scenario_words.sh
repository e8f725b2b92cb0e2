# The words that scenarios are written in. Sourced by run.sh before scenarios/*.sh.
# shellcheck shell=bash disable=SC2034,SC2154 # sourced by run.sh, which owns these variables

bulk() { # SIZE: A sends, B reads to the end
  a_script+=("write:$1" shut readall)
  b_script+=(readall)
}
acked_bulk() { # SIZE: A sends and waits for one byte of answer, so that nothing (not even a FIN) follows the data
  a_script+=("write:$1" read:1)
  b_script+=("read:$1" write:1 readall)
}
verdict() { location=$1 cause=$2 kind=${3:-stall} severity=${4:-problem}; }
# A receiver tells with DSACK that it had the data already, where SACK is on.
told_by_dsack() { [ "$sack" = 0 ] || expected+=("b TcpExtTCPDSACKOldSent -ge 1"); }
healthy() { expected+=("a TcpExtTCPTimeouts -eq 0"); }
no_hiccup() { expected+=("a silence_ms -le $((150 + rtt))" "b silence_ms -le $((150 + rtt))"); } # a busy machine stalls things by itself
drop_tcp() { # HOST HOOK SECONDS: what its firewall does for so long
  on "$1" nft add table inet lab
  on "$1" nft add chain inet lab gate "{ type filter hook $2 priority 0; }"
  on "$1" nft add rule inet lab gate meta l4proto tcp counter drop
  note "firewall of $1 drops TCP on $2"
  sleep "$3"
  note "firewall dropped=$(on "$1" nft list ruleset | sed -n 's/.*packets \([0-9]*\).*/\1/p'), rule removed"
  on "$1" nft delete table inet lab
}
