# The words that scenarios are written in. Sourced by run.sh before scenarios/*.sh.
# shellcheck shell=bash disable=SC2034,SC2154 # sourced by run.sh, which owns these variables

bulk() { # SIZE: A sends, B reads to the end; the key chunk_at=BYTES:MS lets A write in such steps
  a_script+=("write:$1${key[chunk_at]:+:${key[chunk_at]}}" shut readall)
  b_script+=(readall)
}
paced_bulk() { # the same, not all at once (20000 bytes each 10 ms), so that something can happen in the midst of it
  key[chunk_at]=${key[chunk_at]:-20000:10}
  bulk "$1"
}
acked_bulk() { # SIZE: A sends and waits for one byte of answer, so that nothing (not even a FIN) follows the data
  a_script+=("write:$1" read:1)
  b_script+=("read:$1" write:1 readall)
}
segment_bytes() { # of a full segment
  local bytes=1448
  [ "$ip" = 6 ] && bytes=1428
  [ -n "$mss" ] && bytes=$((mss - 12))
  [ "$ts" = 0 ] && bytes=$((bytes + 12))
  echo $bytes
}
verdict() { location=$1 cause=$2 kind=${3:-stall} severity=${4:-problem}; }
# A receiver tells with DSACK that it had the data already, where SACK is on.
told_by_dsack() { [ "$sack" = 0 ] || expected+=("b TcpExtTCPDSACKOldSent -ge 1"); }
healthy() { expected+=("a TcpExtTCPTimeouts -eq 0"); }
no_hiccup() { expected+=("a silence_ms -le $((150 + rtt))" "b silence_ms -le $((150 + rtt))"); } # a busy machine stalls things by itself
# The application waits, and the kernel has nothing to send meanwhile (sampled five times a second).
nothing_to_send() { # MS
  expected+=("a silence_ms -ge $(($1 - 100 - rtt))" "a.ss $send_queue_empty -ge $((($1 + 400) / 800))")
}
send_queue_empty='^ESTAB[[:space:]]*[0-9]*[[:space:]]*0[[:space:]]' receive_queue_used='^ESTAB[[:space:]]*[1-9]'
mostly_rwnd_limited='rwnd_limited:[0-9]*ms(\(100\|[5-9][0-9]\)\.'
firewall() { firewall_does drop "$@"; } # HOST HOOK SECONDS WHAT [RULE...]: what its firewall drops for so long
firewall_does() { # ACTION HOST HOOK SECONDS WHAT [RULE...]: ACTION and RULE are nft's, WHAT is said
  local action=$1 h=$2 hook=$3 seconds=$4 what=$5; shift 5
  on "$h" nft -f - <<END
table inet lab {
  chain gate { type filter hook $hook priority 0;
    $* counter $action
  }
}
END
  note "firewall of $h on $hook: $what: $action"
  sleep "$seconds"
  note "firewall dropped=$(on "$h" nft list ruleset | sed -n 's/.*packets \([0-9]*\).*/\1/p'), rule removed"
  on "$h" nft delete table inet lab
}
drop_tcp() { firewall "$1" "$2" "$3" TCP meta l4proto tcp; } # HOST HOOK SECONDS
route_to_b() { # METRIC...: A's route to B gets these properties of the kernel's TCP
  local length=32; [ "$ip" = 6 ] && length=128
  ip route replace "$addr_b/$length" dev $nic "$@"
}
without_icmp() { # HOST HOOK: its firewall drops ICMP for good (neighbours are permanent entries, so nothing else suffers)
  on "$1" nft -f - <<END
table inet lab {
  chain gate { type filter hook $2 priority 0;
    meta l4proto { icmp, ipv6-icmp } counter drop
  }
}
END
}
