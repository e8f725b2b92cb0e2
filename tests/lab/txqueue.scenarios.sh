# The stall of the 2003 report made live: the sending host's own queue holds segments that TCP has long sent, until an
# unrelated packet sets it going. And what looks like it from outside: an application that pauses as long, a path
# that holds as long.
# shellcheck shell=bash disable=SC2034,SC2154 # sourced by run.sh, which owns these variables
#
# Keys: at=BYTE (where the stall begins) hold=SECONDS kick=ping|neighbour queue=pfifo_fast|pfifo rto_min=TIME
# chunk=BYTES (the application writes so much each 2 ms)

# An upload as ftp does it: the receiver opens the data connection from port 20, the type of service is "throughput".
ftp_upload() { # SIZE CHUNK PAUSE_MS [RECEIVE_BUFFER]
  a_script=(tos=8 "write:$1:$2:$3" shut readall)
  b_script=(tos=8 "rcvbuf=${4:-65536}" readall)
  if [ "$opener" = b ]; then b_script=(lport=20 "${b_script[@]}"); fi
}

# The wire says when byte N has passed; it treats nothing.
mark_byte() { wire+=("ab delay 0 from=byte:ab:$1"); }
wait_for_byte() { poll_until grep -q '"act":"begin"' "$out/wire.log"; }
poll_until() { # COMMAND...: every few milliseconds, for 10 s at most
  local end=$((SECONDS + 10))
  until "$@" || [ $SECONDS -ge $end ]; do sleep 0.002; done
}

# What a host says unasked for seconds after an address came up (duplicate address detection, multicast listener
# reports, router solicitations) would set the queue going.
no_unasked_packets() {
  a nft add table ip6 quiet
  a nft add chain ip6 quiet out '{ type filter hook output priority 0; }'
  a nft add rule ip6 quiet out ip6 saddr :: drop
  a nft add rule ip6 quiet out icmpv6 type '{ mld-listener-report, mld2-listener-report, nd-router-solicit }' drop
}

backlog() { a tc -s qdisc show dev $nic root | sed -n 's/^ *backlog \([^ ]*\) \([0-9]*\)p.*/\2 packets (\1)/p'; }
skmem() { a ss -tinmOH state connected "( sport = :$port or dport = :$port )"; }

# What the kernel knows of the hold, while it lasts: the same packets in the queue from the beginning to the end,
# memory of sent segments that the device has not freed, and retransmissions that were all refused.
note_hold() { # BACKLOG_AT_ITS_BEGINNING
  local now socket; now=$(backlog) socket=$(skmem)
  note "hold: backlog $1 at the beginning, $now at the end"
  # Four or fewer might be paced on purpose: a writer that a busy machine kept waiting just then does not count.
  [ "$1" = "$now" ] && [ "${now%% *}" -gt 5 ] && note "hold: backlog constant"
  local wmem; wmem=$(sed -n 's/.*skmem:([^)]*,t\([0-9]*\),.*/\1/p' <<<"$socket")
  note "hold: wmem_alloc=$wmem"
  grep -q "retrans:" <<<"$socket" || note "hold: total_retrans=0"
  note "hold: $socket"
}

kick() {
  note "kick: $1 from A"
  case $1 in
    ping) a ping -c1 -W1 "$addr_b" >/dev/null;;
    neighbour) # somebody asks for an address that nobody has: ARP or neighbour solicitation, nothing else
      a ping -c1 -W1 "${addr_b%[0-9]}99" >/dev/null;;
  esac
}

# Frames from B that have nothing to do with the stream: its host has not stopped.
sign_of_life() {
  note "sign of life: pings from B"
  b ping -c3 -i0.6 -W1 "$addr_a" >/dev/null &
}

# Limiting the rate to nothing and restoring it does not set the queue going again: the next packet does.
slow_queue() {
  a tc qdisc add dev $nic root handle 1: tbf rate 10gbit burst 1mb limit 10mb || { echo "no tbf here" >&2; exit 77; }
  a tc qdisc add dev $nic parent 1: handle 2: "$(opt queue pfifo_fast)" || { echo "no $(opt queue) here" >&2; exit 77; }
  a ip link set $nic gso_max_segs 1 # else tbf splits them, and the kernel does not know its own segments again
  # Kernels of 2003 had no limit on what TCP hands down (today a millisecond's worth, at the pace of the stream).
  a sysctl -qw net.ipv4.tcp_pacing_ss_ratio=1000 net.ipv4.tcp_pacing_ca_ratio=1000
  [ "$ip" = 4 ] || no_unasked_packets
  [ -z "$(opt rto_min)" ] || a ip "-$ip" route add "$addr_b" dev $nic rto_min "$(opt rto_min)"
}
hold_queue() {
  local first
  wait_for_byte
  a tc qdisc change dev $nic root handle 1: tbf rate 8bit burst 1600b limit 10mb
  note "qdisc of A: rate 8bit"
  sleep "$(awk "BEGIN { print 0.06 + $rtt / 1000 }")" # until no ACK is under way that would let TCP send, and wake the queue
  a tc qdisc change dev $nic root handle 1: tbf rate 10gbit burst 1mb limit 10mb
  note "qdisc of A: rate restored, not rescheduled"
  sleep 0.4
  first=$(backlog)
  sleep "$(awk "BEGIN { print $(opt hold 10) - 0.45 }")"
  note_hold "$first"
  kick "$(opt kick ping)"
}

scenario_stall_2003() {
  verdict sender-queue tx-queue-hold
  note="segments wait in the sending host's transmit queue until an unrelated packet leaves"
  mark_byte "$(opt at 200000)"
  before() { slow_queue; }
  during() { hold_queue; }
  ftp_upload "$size" "$(opt chunk 8192)" 2
  stop_after=$(($(opt hold 10) + 15))
  expected=("notes backlog.constant -eq 1" "notes wmem_alloc=[1-9] -eq 1" "notes total_retrans=0 -eq 1"
    "a silence_ms -ge $(($(opt hold 10) * 1000 - 100))" "a silence_ms -le $(($(opt hold 10) * 1000 + 3000))")
  if [ -z "$(opt rto_min)" ]; then
    # A refused retransmission leaves a mark on the socket: the kernel sends the head once more when the queue is free.
    expected+=("a TcpExtTCPTimeouts -ge 1" "a TcpExtTCPSpuriousRtxHostQueues -ge 1" "a TcpRetransSegs -le 1")
  else
    expected+=("a TcpExtTCPTimeouts -eq 0" "a TcpRetransSegs -eq 0")
  fi
}

# The same picture from outside: everything acknowledged, silence, a ping, and the stream goes on.
scenario_stall_2003_paused() {
  verdict sender-app app-idle stall info; also=(lost-wakeup)
  note="the application pauses as long as the queue of stall-2003 holds, and a ping comes just before it goes on"
  mark_byte "$(($(opt at 200000) - 1))"
  ftp_upload "$(opt at 200000)" 8192 2
  a_script=("${a_script[@]:0:2}" "await:$out/go" "write:$((size - $(opt at 200000))):8192:2" shut readall)
  before() { slow_queue; rm -f "$out/go"; }
  during() {
    wait_for_byte
    note "the wire has seen everything written so far"
    sleep "$(opt hold 10)"
    note "hold: wmem_alloc=$(skmem | sed -n 's/.*skmem:([^)]*,t\([0-9]*\),.*/\1/p')"
    kick "$(opt kick ping)" & local pinging=$!
    sleep 0.005; touch "$out/go"; note "the application goes on"
    wait $pinging; rm -f "$out/go"
  }
  stop_after=$(($(opt hold 10) + 15))
  expected=("notes wmem_alloc=0 -eq 1" "a TcpExtTCPTimeouts -eq 0" "a TcpRetransSegs -eq 0"
    "a silence_ms -ge $(($(opt hold 10) * 1000 - 100))")
}

# Below the sender's capture point, and the most alike: the wire holds as long, and then until the next frame from A
# comes, which is a ping. But the segments are seen to leave A, so its host's queue is not it.
scenario_stall_2003_path_hold() {
  verdict forward-path path-hold; also=(path-outage)
  note="the wire holds what A sends as long as the queue of stall-2003 does, and a ping releases it"
  wire+=("ab hold from=byte:ab:$(opt at 200000) for=$(opt hold 10)s until=next")
  before() { slow_queue; }
  during() {
    wait_for_byte
    note "wire: holds"
    sleep 1
    sign_of_life
    sleep "$(awk "BEGIN { print $(opt hold 10) - 0.95 }")"
    kick "$(opt kick ping)"
  }
  ftp_upload "$size" 8192 2
  stop_after=$(($(opt hold 10) + 15))
  expected=("wire hold -ge 3" "a TcpExtTCPTimeouts -ge 2" "a TcpRetransSegs -ge 2" "a TcpExtTCPSpuriousRtxHostQueues -eq 0"
    "b silence_ms -ge $(($(opt hold 10) * 1000 - 100))")
  told_by_dsack
}
