# The scenarios of run.sh: each function says what the two ends and the wire do, what that is (in the words of
# the causes table), and which kernel counters prove that it happened. Sourced by run.sh.
# shellcheck shell=bash disable=SC2034

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
  on "$1" nft add table inet live
  on "$1" nft add chain inet live gate "{ type filter hook $2 priority 0; }"
  on "$1" nft add rule inet live gate meta l4proto tcp counter drop
  note "firewall of $1 drops TCP on $2"
  sleep "$3"
  note "firewall dropped=$(on "$1" nft list ruleset | sed -n 's/.*packets \([0-9]*\).*/\1/p'), rule removed"
  on "$1" nft delete table inet live
}

# --- nothing is wrong --------------------------------------------------------------------------------------
scenario_healthy_bulk() { bulk "$size"; healthy; no_hiccup; }
scenario_healthy_reqresp() {
  local n; n=$(opt n 30)
  a_script=(nodelay=1 "repeat:$n" write:2000 read:200 end)
  b_script=(nodelay=1 "repeat:$n" read:2000 write:200 end)
  healthy; no_hiccup
}
scenario_healthy_pauses() {
  verdict sender-app app-idle stall info
  a_script=(repeat:4 write:50000 sleep:"$(opt pause 800)" end shut readall) b_script=(readall)
  healthy
}
scenario_reordering() {
  local i; for i in 20 40 60 80; do wire+=("dir=ab,kind=data,skip=$i,count=1,do=late:$(opt late 5)"); done
  note="late segments, no loss: no stall"; also=(reordering)
  bulk "$size"; expected=("wire late -ge 3" "b TcpExtTCPOFOQueue -ge 1")
}
scenario_duplicates() {
  wire=("dir=ab,kind=data,skip=20,count=10,do=dup:2"); note="the path doubles segments: no stall"
  bulk "$size"; expected=("wire dup -ge 10"); told_by_dsack
}
scenario_slow_link() {
  wire=("rate_ab=$(opt rate 200000)" "limit=$(opt limit 150000)"); verdict forward-path slow-link crawl info
  note="a slow link with a deep queue; a crawl finding is allowed, no stall with another owner"
  also=(policer segment-loss none); bulk "$size"; expected=("a TcpOutSegs -ge 10")
}

# --- sender-app --------------------------------------------------------------------------------------------
scenario_app_idle() {
  verdict sender-app app-idle stall info; also=(lost-wakeup)
  a_script=("write:$size" "sleep:$(opt pause 3000)" "write:$size" shut readall) b_script=(readall)
  note="the writer pauses with nothing unsent"; healthy
}
scenario_app_idle_more() {
  verdict sender-app lost-wakeup stall; also=(app-idle)
  a_script=(more:144800 "sleep:$(opt pause 3000)" write:100000 shut readall) b_script=(readall)
  note="paused in mid message: last segment full, no PSH"; healthy
}
scenario_app_turnaround() {
  verdict sender-app app-turnaround stall info; also=(app-idle)
  a_script=(read:300 "sleep:$(opt think 2000)" write:50000 read:300 sleep:700 write:50000 shut readall)
  b_script=(write:300 read:50000 write:300 read:50000 readall)
  note="A is asked and thinks"; healthy
}
scenario_app_trickle() {
  verdict sender-app app-trickle crawl info; also=(app-idle none)
  a_script=(nodelay=1 repeat:40 write:60 sleep:60 end shut readall) b_script=(readall)
  note="small writes at a pace of their own"; healthy
}
scenario_keepalive_idle() {
  verdict sender-app keepalive-idle stall info; also=(app-idle)
  a_script=(keepalive=1,1,5 write:20000 sleep:4000 write:20000 shut readall) b_script=(readall)
  expected=("a TcpExtTCPKeepAlive -ge 2")
}

# --- sender-tcp --------------------------------------------------------------------------------------------
scenario_nagle() {
  verdict sender-tcp nagle-delayed-ack crawl
  local n; n=$(opt n 20)
  a_script=("repeat:$n" write:100 write:100 read:100 end)
  b_script=("repeat:$n" read:200 write:100 end readall)
  note="write-write-read, TCP_NODELAY off"; expected=("b TcpExtDelayedACKs -ge 10")
}
scenario_sndbuf() {
  verdict sender-tcp sndbuf-limited crawl info; also=(cwnd-limited)
  note="not told from a small cwnd by packets alone, and the kernel itself hardly counts it"
  a_script=(sndbuf="$(opt sndbuf 8192)"); bulk "$size"; healthy
}

# --- sender-queue ------------------------------------------------------------------------------------------
scenario_tx_queue_hold() {
  verdict sender-queue tx-queue-hold
  [ -z "$(opt rate "")" ] || wire+=("rate_ab=$(opt rate)") # limits how much TCP hands down (small queues)
  before() {
    tc qdisc add dev $nic root handle 1: tbf rate 10gbit burst 1mb limit 10mb || exit 77
    tc qdisc add dev $nic parent 1: handle 2: pfifo_fast 2>/dev/null || :
    ip link set $nic gso_max_segs 1
  }
  during() {
    sleep "$(opt at 0.4)"
    note "qdisc of A: about to be slowed"
    tc qdisc change dev $nic root handle 1: tbf rate 8bit burst 1600b limit 10mb
    note "qdisc of A: rate 8bit"
    sleep 0.08
    tc qdisc change dev $nic root handle 1: tbf rate 10gbit burst 1mb limit 10mb
    note "qdisc of A: rate restored, not rescheduled"
    sleep "$(opt hold 4)"
    tc -s qdisc show dev $nic >>"$out/notes.log"
    note "ping from A kicks the queue"
    ping -c1 -W1 "$addr_b" >/dev/null
  }
  bulk "$size"
  expected=("a TcpExtTCPSpuriousRtxHostQueues -ge 1" "a TcpRetransSegs -le 1" "a TcpExtTCPTimeouts -ge 1" "a silence_ms -ge 1800")
}
scenario_neighbour_unresolved() {
  verdict sender-queue neighbour-unresolved; also=(tx-queue-hold)
  wire=("kind=arp,at=ab:49999,for=3400,do=drop")
  a_script=(write:50000 read:1 sleep:1500 write:50000 read:1)
  b_script=(read:50000 write:1 read:50000 write:1 readall)
  during() { sleep 1; ip neigh del "$addr_b" dev $nic; note "A forgets the neighbour; its ARP requests are lost until 3.4 s"; }
  expected=("wire drop -ge 2")
}
scenario_local_drop_output() {
  verdict sender-queue local-drop-output; also=(app-idle)
  during() { sleep "$(opt at 0.4)"; drop_tcp a output 3; }
  wire+=("rate_ab=2000000"); bulk "$size"; expected=("notes dropped=[1-9] -eq 1" "a silence_ms -ge 2000")
}

# --- forward-path ------------------------------------------------------------------------------------------
scenario_segment_loss() {
  verdict forward-path segment-loss; also=(none)
  note="repaired by fast retransmission: a stall only where the RTT is long"
  wire+=("dir=ab,byte=$(opt byte 200000),count=1,do=drop"); bulk "$size"
  expected=("wire drop -eq 1" "a TcpRetransSegs -ge 1" "a TcpExtTCPFastRetrans -ge 1")
}
scenario_tail_loss() {
  verdict forward-path tail-loss; also=(rto-backoff)
  wire+=("dir=ab,byte=$((size - 1)),count=$(opt copies 2),do=drop"); acked_bulk "$size"
  expected=("wire drop -eq $(opt copies 2)" "a TcpRetransSegs -ge $(opt copies 2)")
}
scenario_rto_backoff() {
  verdict forward-path rto-backoff; also=(tail-loss)
  wire+=("dir=ab,byte=$(opt byte $((size - 1))),count=$(opt copies 5),do=drop"); acked_bulk "$size"
  expected=("wire drop -eq $(opt copies 5)" "a TcpExtTCPTimeouts -ge 3")
}
scenario_path_outage() {
  verdict forward-path path-outage; also=(rto-backoff tail-loss segment-loss)
  [ -n "$(opt only)" ] || also+=(ack-loss)
  wire+=("$(opt only)at=ab:$((size / 2)),for=$(opt for 3000),do=drop"); bulk "$size"
  note="everything lost for a while"; expected=("wire drop -ge 3" "a TcpExtTCPTimeouts -ge 2")
}
scenario_path_hold() {
  verdict forward-path path-hold
  wire+=("dir=ab,at=ab:$((size / 2)),for=$(opt for 3000),do=hold"); bulk "$size"
  expected=("wire hold -ge 3" "a TcpExtTCPTimeouts -ge 1"); told_by_dsack
}
scenario_pmtu_blackhole() {
  verdict forward-path pmtu-blackhole; also=(rto-backoff) blind=(b)
  wire+=("dir=ab,min=$(opt mtu 1200),do=drop")
  before() { sysctl -qw net.ipv4.tcp_mtu_probing="$(opt probing 0)"; }
  a_script=(write:500 read:100 "write:$size" shut readall) b_script=(read:500 write:100 readall)
  stop_after=8; expected=("wire drop -ge 4" "a TcpExtTCPTimeouts -ge 3")
}
scenario_syn_loss() {
  verdict forward-path syn-loss; sender=client also=(synack-loss)
  [ "$opener" = a ] && blind=(b) || blind=(a) # the lost SYNs never came there
  wire+=("kind=syn,count=2,do=drop"); bulk "$size"
  expected=("wire drop -eq 2" "$opener TcpExtTCPSynRetrans -eq 2")
}
scenario_corrupted() {
  verdict forward-path corrupted; also=(checksum-drop)
  wire+=("dir=ab,byte=$(opt byte $((size - 1))),count=$(opt copies 3),do=flip"); acked_bulk "$size"
  expected=("wire flip -eq $(opt copies 3)" "b TcpInCsumErrors -eq $(opt copies 3)")
}
scenario_nat_timeout() {
  verdict forward-path nat-timeout; also=(rto-backoff) blind=(b)
  wire+=("at=idle:3000,do=drop")
  a_script=(user_timeout=5000 write:20000 read:1 sleep:4000 write:20000 read:1)
  b_script=(read:20000 write:1 readall); stop_after=12
  note="the path forgets the connection while it is idle"; expected=("wire drop -ge 4" "a TcpExtTCPAbortOnTimeout -ge 1")
}
scenario_policer() {
  verdict forward-path policer crawl; also=(segment-loss none slow-link)
  wire+=("rate_ab=$(opt rate 300000)" "limit=$(opt limit 6000)"); bulk "$size"
  note="a rate limit with hardly any queue"; expected=("a TcpRetransSegs -ge 5")
}

scenario_tap_ring_drop() { # the TAP's own ring is too small for a burst: it left A's capture and never came
  verdict forward-path tap-ring-drop; also=(segment-loss tail-loss rto-backoff path-outage)
  before() { ip link set $nic txqueuelen 8; }
  during() { sleep 0.3; kill -STOP $pid_wire; note "the reader of the TAP stops"; sleep 2; kill -CONT $pid_wire; note "it goes on"; }
  bulk "$size"; expected=("a link_tx_dropped -ge 1" "a silence_ms -ge 300")
}
scenario_path_facts() { # things that a path alters without harm
  wire+=("ttl=3" "kind=syn,do=mss:1200" "kind=synack,do=mss:1200" "kind=syn,do=nosack" "kind=synack,do=nosack")
  note="MSS clamped, SACK stripped, TTL lowered by the path: mismatches are facts, no stall"
  bulk "$size"; healthy; no_hiccup
}

# --- receiver-tcp ------------------------------------------------------------------------------------------
scenario_paws() {
  verdict receiver-tcp paws-drop
  wire+=("dir=ab,byte=$(opt byte $((size - 1))),count=$(opt copies 3),do=tsval:-100000"); acked_bulk "$size"
  note="the path lowers TSval: the receiver's TCP drops the segment as old"
  expected=("wire tsval -eq $(opt copies 3)" "b TcpExtPAWSEstab -ge 1")
}
scenario_rcvbuf() {
  verdict receiver-tcp rcvbuf-limited crawl; also=(slow-reader)
  blind=(b) # there, a window that is filled each time looks like a sender that paces itself
  b_script=(rcvbuf="$(opt rcvbuf 8192)"); bulk "$size"; healthy
}
scenario_local_drop_input() {
  verdict receiver-tcp local-drop-input
  during() { sleep "$(opt at 0.4)"; drop_tcp b input 3; }
  wire+=("rate_ab=2000000"); bulk "$size"; expected=("notes dropped=[1-9] -eq 1" "a TcpExtTCPTimeouts -ge 2")
}

# --- receiver-app ------------------------------------------------------------------------------------------
scenario_zero_window() {
  verdict receiver-app zero-window
  b_script=(rcvbuf="$(opt rcvbuf 65536)" read:20000 "sleep:$(opt stop 3000)" readall)
  a_script=("write:$size" shut readall)
  note="the reader stops and goes on"; expected=("b TcpExtTCPToZeroWindowAdv -ge 1" "a TcpExtTCPWinProbe -ge 1")
}
scenario_slow_reader() {
  verdict receiver-app slow-reader crawl; also=(zero-window rcvbuf-limited)
  b_script=(rcvbuf="$(opt rcvbuf 32768)" "readall:$(opt chunk 4096):$(opt pause 20)")
  a_script=("write:$size" shut readall)
  expected=("a TcpOutSegs -ge 10")
}
scenario_listen_overflow() {
  verdict receiver-app listen-overflow; also=(syn-loss synack-loss peer-silent); sender=client
  acceptor=b; [ "$opener" = b ] && acceptor=a
  bulk "$size"
  if [ $acceptor = b ]; then b_script=(backlog=0 accept_delay=3500 "${b_script[@]}")
  else a_script=(backlog=0 accept_delay=3500 "${a_script[@]}"); fi
  traffic() {
    start_endpoint $acceptor listen; wait_for "$out/$acceptor.log" "listen done" 5
    launch "$opener" "$LIVE_BIN/live_endpoint" connect "$server" "$port" lport=40001 sleep:4500 2>/dev/null
    sleep 0.1
    start_endpoint "$opener" connect; local p=$!
    sleep 6; kill $p 2>/dev/null
  }
  note="the queue of connections is full; the one from port 40001 fills it, the other one waits"
  expected=("$acceptor TcpExtListenOverflows -ge 1")
}
scenario_deadlock() {
  verdict receiver-app deadlock; also=(zero-window)
  a_script=(rcvbuf=65536 sndbuf=65536 limit=4000 "write:$size" "read:$size")
  b_script=(rcvbuf=65536 sndbuf=65536 limit=4000 "write:$size" "read:$size")
  note="both write and neither reads"; stop_after=12
  expected=("a TcpExtTCPToZeroWindowAdv -ge 1" "b TcpExtTCPToZeroWindowAdv -ge 1")
}

# --- reverse-path ------------------------------------------------------------------------------------------
scenario_ack_loss() {
  verdict reverse-path ack-loss; also=(tail-loss)
  wire+=("dir=ba,at=ab:$((size / 2)),for=$(opt for 2000),do=drop"); bulk "$size"
  expected=("wire drop -ge 2" "a TcpExtTCPTimeouts -ge 1"); told_by_dsack
}
scenario_ack_hold() {
  verdict reverse-path ack-hold; also=(ack-loss)
  wire+=("dir=ba,at=ab:$((size / 2)),for=$(opt for 3000),do=hold"); bulk "$size"
  expected=("wire hold -ge 2" "a TcpExtTCPTimeouts -ge 1")
}
scenario_window_update_lost() {
  verdict reverse-path window-update-lost; also=(zero-window)
  b_script=(rcvbuf=65536 read:20000 sleep:2000 readall)
  a_script=("write:$size" shut readall)
  wire+=("dir=ba,kind=ack,at=ms:1900,for=500,do=drop")
  note="the reader stops for 2 s (zero window), then its window updates are lost until the next probe"
  expected=("b TcpExtTCPToZeroWindowAdv -ge 1" "b TcpExtTCPFromZeroWindowAdv -ge 1" "wire drop -ge 1")
}
scenario_synack_loss() {
  verdict reverse-path synack-loss; sender=client also=(syn-loss)
  wire+=("kind=synack,count=2,do=drop"); bulk "$size"
  expected=("wire drop -eq 2" "$opener TcpExtTCPSynRetrans -ge 1")
}
# B's announcement is rewritten (in the SYN-ACK when A opened, else in the SYN), so A reads B's windows wrongly.
announcement_of_b() { [ "$opener" = a ] && echo synack || echo syn; }
scenario_window_scale() {
  verdict reverse-path window-scale-rewritten crawl
  wire+=("dir=ba,kind=$(announcement_of_b),do=wscale:0"); bulk "$size"; stop_after=$(opt seconds 9)
  expected=("wire wscale -ge 1")
}
scenario_window_scale_stripped() {
  verdict reverse-path window-scale-stripped crawl; also=(window-scale-rewritten)
  [ "$opener" = b ] && verdict none none none none && note="stripped from the SYN: both ends do without, no stall"
  wire+=("dir=ba,kind=$(announcement_of_b),do=nowscale"); bulk "$size"; stop_after=$(opt seconds 9)
  expected=("wire nowscale -ge 1")
}
scenario_window_scale_raised() {
  verdict none none none none; also=(window-scale-rewritten)
  wire+=("dir=ba,kind=$(announcement_of_b),do=wscale:14"); bulk "$size"
  note="harmless while the reader is fast: a mismatch (info) is right, a stall is not"
  expected=("wire wscale -ge 1" "a TcpExtTCPTimeouts -eq 0"); no_hiccup
}
scenario_window_overrun() { # the scale raised and the reader slow: A sends beyond B's window
  verdict receiver-tcp out-of-window crawl; also=(window-scale-rewritten window-scale-stripped zero-window slow-reader)
  wire+=("dir=ba,kind=$(announcement_of_b),do=wscale:14")
  bulk "$size"; b_script=(rcvbuf=65536 "readall:8192:$(opt pause 20)")
  note="B's scale raised to 14 on the way, slow reader: A overruns the window"
  expected=("wire wscale -ge 1" "b TcpExtBeyondWindow -ge 5")
}

# --- aborts ------------------------------------------------------------------------------------------------
scenario_refused() {
  verdict sender-app refused abort; also=(sender-tcp); listener=0; bulk 1000
  sender=server; note="nobody listens on the port"
  local acceptor=b; [ "$opener" = b ] && acceptor=a
  expected=("$acceptor TcpOutRsts -ge 1")
}
scenario_app_reset() {
  verdict sender-app app-reset abort
  if [ "$(opt by b)" = b ]; then
    a_script=("write:$size" readall) b_script=("read:$((size / 2))" abort); sender=server
  else
    a_script=("write:$size" sleep:300 abort) b_script=(readall); sender=client
  fi
  [ "$opener" = b ] && case $sender in server) sender=client;; *) sender=server;; esac
  expected=("$(opt by b) TcpOutRsts -ge 1")
}
scenario_rst_injected() {
  verdict forward-path rst-injected abort; also=(app-reset half-open)
  wire+=("rate_ab=2000000" "dir=ab,kind=data,at=ab:$((size / 2)),count=1,do=rst")
  [ "$(opt both 0)" = 1 ] && wire+=("dir=ab,kind=data,at=ab:$((size / 2)),count=1,do=rstfwd")
  sender=any # where only A is told, B sees A answer with a RST of its own
  bulk "$size"; note="the path forges a RST from B to A (both=1: and one from A to B)"
  expected=("wire rst -ge 1" "a TcpEstabResets -ge 1")
}
scenario_gave_up() {
  verdict forward-path path-outage; also=(rto-backoff tail-loss peer-silent gave-up) blind=(b)
  wire+=("at=ab:$((size / 2)),do=drop"); a_script=(user_timeout=3000); bulk "$size"; stop_after=8
  note="the peer vanishes; A gives up without a packet, so the wire shows a stall that never ends"; expected=("a TcpExtTCPAbortOnTimeout -ge 1")
}
scenario_keepalive_timeout() {
  verdict sender-tcp keepalive-timeout abort; also=(app-reset) blind=(b)
  wire+=("at=ab:19999,dir=ab,kind=ack,do=drop" "at=idle:500,do=drop")
  a_script=(keepalive=1,1,3 limit=20000 write:20000 read:1) b_script=(limit=20000 read:20000 read:1); stop_after=10
  note="A is idle and probes; the probes are lost"; expected=("a TcpExtTCPKeepAlive -ge 2" "a TcpExtTCPAbortOnTimeout -ge 1")
}
scenario_half_open() {
  verdict sender-tcp half-open abort; also=(app-reset)
  wire+=("kind=rst,count=1,do=drop"); [ "$opener" = a ] && sender=server || sender=client
  a_script=(write:20000 read:1 sleep:2500 write:20000 read:1) b_script=(read:20000 write:1 readall)
  during() { sleep 1; b ss -K sport = "$port" or dport = "$port" >/dev/null; note "B forgets the connection"; }
  stop_after=8; expected=("wire drop -eq 1" "b TcpOutRsts -ge 1" "a TcpEstabResets -ge 1")
}

# --- everyday programs -------------------------------------------------------------------------------------
scenario_healthy_iperf3() {
  no_hiccup; note="iperf3, one control and one data connection"; listener=0
  traffic() {
    command -v iperf3 >/dev/null || { echo "no iperf3" >&2; exit 77; }
    b iperf3 -s -1 -p "$port" >"$out/b.log" 2>&1 & local server_pid=$!
    sleep 0.5
    iperf3 -c "$addr_b" -p "$port" -n "$size" -C $cc >"$out/a.log" 2>&1
    wait $server_pid
  }
  expected+=("a TcpActiveOpens -eq 2")
}
scenario_healthy_curl() {
  opener=b server=$addr_a no_hiccup; note="curl fetches a file from python's http.server"; listener=0
  traffic() {
    command -v curl >/dev/null && command -v python3 >/dev/null || { echo "no curl or python3" >&2; exit 77; }
    local folder; folder=$(mktemp -d); head -c "$size" /dev/zero >"$folder/file"
    python3 -m http.server --bind "$addr_a" -d "$folder" "$port" >"$out/a.log" 2>&1 & local server_pid=$!
    local host=$addr_a; [ "$ip" = 6 ] && host="[$addr_a]"
    sleep 1
    b curl -sS -o /dev/null --retry 20 --retry-connrefused --retry-delay 1 "http://$host:$port/file" 2>"$out/b.log"
    kill $server_pid; rm -rf "$folder"
  }
  expected+=("b TcpActiveOpens -eq 1")
}
scenario_healthy_ssh() {
  verdict sender-app app-idle stall info; also=(app-turnaround app-trickle none keepalive-idle)
  note="a remote shell with somebody typing now and then (stream of the client), then a copy of a file"; listener=0
  traffic() {
    command -v sshd >/dev/null && [ "$(id -u)" = 0 ] || { echo "no sshd, or not root" >&2; exit 77; }
    mount -t tmpfs none /run && mount -t tmpfs none /var/log || exit 77 # ours alone: no trace in the host's login records
    local d; d=$(mktemp -d); mkdir -p /run/sshd
    ssh-keygen -q -t ed25519 -N '' -f "$d/host" && ssh-keygen -q -t ed25519 -N '' -f "$d/user"
    cp "$d/user.pub" "$d/authorized"; chmod 700 "$d"
    b "$(command -v sshd)" -D -e -p "$port" -h "$d/host" -f /dev/null -o UsePAM=no -o StrictModes=no \
      -o "Subsystem=sftp internal-sftp" \
      -o AuthorizedKeysFile="$d/authorized" 2>"$out/b.log" & local server_pid=$!
    sleep 0.7
    local options=(-F /dev/null -i "$d/user" -o StrictHostKeyChecking=no -o UserKnownHostsFile="$d/known" -o LogLevel=ERROR)
    { for word in true date 'sleep 1; date' exit; do sleep 0.6; echo "$word"; done; } |
      ssh "${options[@]}" -tt -p "$port" "root@$addr_b" >"$out/a.log" 2>&1
    head -c "$size" /dev/urandom >"$d/file"
    scp "${options[@]}" -P "$port" "$d/file" "root@[$addr_b]:/dev/null" >>"$out/a.log" 2>&1
    kill $server_pid; rm -rf "$d"
  }
  expected=("a TcpActiveOpens -eq 2" "a TcpExtTCPTimeouts -eq 0" "a TcpOutSegs -ge 100")
}
