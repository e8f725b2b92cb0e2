#include "analyzer/cause.h"

#include <assert.h>

/* One row a cause. The counters are Linux's names as ss(8) and nstat(8) print them; thresholds and
 * defaults in the advice are those of Linux 5.4 and later unless a version is given. */
static const struct cause_info causes[CAUSE_COUNT] = {
    [CAUSE_UNKNOWN] = {"unknown", LOCATION_UNKNOWN,
                       "the packets seen here fit several explanations equally well",
                       "Capture at the other end at the same time and analyze both files together, "
                       "or record `ss -tinmoe` of both sockets during the stall.",
                       "Do not change anything yet: decide first which of the places that are not "
                       "excluded it is."},

    /* sender-app */
    [CAUSE_APP_IDLE] =
        {"app-idle", LOCATION_SENDER_APP, "the sending application had nothing more to send",
         "Run `ss -tino` on the sending host during the gap: no unacked, no notsent, Send-Q 0 and "
         "no timer mean that the application has written nothing.",
         "Nothing is wrong in the network or in TCP; if the pause is unwelcome, look at what the "
         "application waits for, with strace or its own log."},
    [CAUSE_APP_TRICKLE] =
        {"app-trickle", LOCATION_SENDER_APP,
         "the sending application writes small pieces at its own slow pace",
         "Run `ss -tin` on the sending host repeatedly: notsent staying 0 and app_limited shown "
         "mean that TCP sends whatever the application writes, as soon as it writes.",
         "Let the application write larger buffers (or collect with TCP_CORK or MSG_MORE), or "
         "speed up the source that it reads from."},
    [CAUSE_APP_TURNAROUND] =
        {"app-turnaround", LOCATION_SENDER_APP,
         "the answering application took its time between request and answer",
         "Log in the answering application when the request was read and when the answer was "
         "written; `ss -tin` there shows Recv-Q 0 and notsent 0 while it computes.",
         "Profile the answering application and what it depends on (database, name service, disk); "
         "the network delivered the request at once."},
    [CAUSE_HOST_PAUSED] =
        {"host-paused", LOCATION_SENDER_APP, "the whole sending host stood still",
         "Look for the same gap in everything that the host does: its kernel log, steal time in "
         "`vmstat 1`, gaps in a capture of all its interfaces.",
         "Find out what stopped the machine: suspend, live migration, a hypervisor without CPU "
         "time, a debugger, or memory pressure."},
    [CAUSE_KEEPALIVE_IDLE] =
        {"keepalive-idle", LOCATION_SENDER_APP,
         "the connection was idle and only keep-alive probes were exchanged",
         "Run `ss -tino` on the probing host: timer:(keepalive,...) with no unacked and no notsent "
         "is an idle connection.",
         "Nothing is wrong: the answers to the probes show that path and peer are alive."},
    [CAUSE_LOST_WAKEUP] =
        {"lost-wakeup", LOCATION_SENDER_APP,
         "the sending application stopped in mid-message although TCP could take more",
         "During the gap, `ss -tinm` on the sending host shows notsent 0 and a send buffer with "
         "room, while `cat /proc/PID/wchan` or strace shows the process waiting.",
         "Look in the application for a missed writability event: edge-triggered epoll that is not "
         "drained to EAGAIN, a lock held over I/O, or a pipe or disk that feeds it slowly."},

    /* sender-tcp */
    [CAUSE_NAGLE_DELAYED_ACK] =
        {"nagle-delayed-ack", LOCATION_SENDER_TCP,
         "Nagle's algorithm held small segments back until the peer's delayed ACK came",
         "Set TCP_NODELAY on the sending socket and repeat: the waits disappear; before that, `ss "
         "-tin` shows notsent above 0 while unacked is 1.",
         "Write each message with one call (writev, MSG_MORE or TCP_CORK), or set TCP_NODELAY on "
         "the sender; TCP_QUICKACK on the receiver only shortens the wait."},
    [CAUSE_CWND_LIMITED] =
        {"cwnd-limited", LOCATION_SENDER_TCP,
         "the sender's congestion window allowed no more in flight",
         "Run `ss -tin` on the sending host: unacked equals cwnd while notsent is above 0 and "
         "snd_wnd is larger than cwnd times mss.",
         "Find the losses that keep the window small (retrans, lost and reord_seen in ss); on a "
         "long lossy path try another congestion control, such as bbr, per socket or per route."},
    [CAUSE_SNDBUF_LIMITED] =
        {"sndbuf-limited", LOCATION_SENDER_TCP,
         "the sender's socket buffer held no more than was in flight",
         "Run `ss -tinm` on the sending host: sndbuf_limited grows and skmem's w reaches tb while "
         "cwnd and snd_wnd leave room.",
         "Do not set SO_SNDBUF (that turns auto-tuning off), or raise the third value of "
         "net.ipv4.tcp_wmem to at least the bandwidth-delay product."},
    [CAUSE_EXCESSIVE_RTO] =
        {"excessive-rto", LOCATION_SENDER_TCP,
         "the sender waited far longer for its retransmission timer than the round trips call for",
         "Run `ss -tino` on the sending host during the wait: compare rto and backoff with "
         "rtt:SRTT/RTTVAR; Linux should use SRTT plus at least 200 ms.",
         "Look for a route with a large rto_min (`ip route show`), a backoff kept from an earlier "
         "loss, or an old stack with coarse timers; leave SACK and tail loss probes "
         "(net.ipv4.tcp_early_retrans=3) switched on."},
    [CAUSE_ACK_IGNORED] =
        {"ack-ignored", LOCATION_SENDER_TCP,
         "an ACK reached the sending host, but its TCP acted as if it had not",
         "Watch the sending socket with `ss -tin`: unacked stays although the ACK is in the "
         "capture on that host; then `nstat -as` (TcpInCsumErrors, TcpExtPAWSEstab, "
         "TcpExtPAWSOldAck) and the skb:kfree_skb tracepoint name the drop.",
         "Check the sending host's firewall (conntrack state INVALID is dropped by many rule sets) "
         "and its receive offloads; net.netfilter.nf_conntrack_tcp_be_liberal=1 is a quick test."},
    [CAUSE_WINDOW_UPDATE_IGNORED] =
        {"window-update-ignored", LOCATION_SENDER_TCP,
         "a window update reached the sending host, but its TCP went on probing",
         "Watch the sending socket with `ss -tino`: snd_wnd stays small and timer:(persist,...) "
         "runs on although the update is in the capture on that host.",
         "Check the sending host's firewall and conntrack for dropped ACKs; else it is a defect of "
         "that TCP: note its kernel version together with this capture."},

    /* sender-queue */
    [CAUSE_TX_QUEUE_HOLD] =
        {"tx-queue-hold", LOCATION_SENDER_QUEUE,
         "the sending host held segments below TCP that had long been built",
         "During the stall, `tc -s qdisc show dev DEV` shows a backlog above 0 that does not move, "
         "`ss -tinm` shows skmem t above 0 with unacked, and `nstat -az "
         "TcpExtTCPSpuriousRtxHostQueues` grows.",
         "Look at the queue of the outgoing device: a shaper (tbf, htb) whose rate was changed, a "
         "driver or tun/tap reader that stopped the queue and never woke it; to unblock at once "
         "send any packet through the device, to cure it replace the qdisc or update the driver."},
    [CAUSE_NEIGHBOUR_UNRESOLVED] =
        {"neighbour-unresolved", LOCATION_SENDER_QUEUE,
         "the sending host waited for the link address of its next hop",
         "During the stall, `ip neigh show` on the sending host shows the next hop as INCOMPLETE "
         "or FAILED.",
         "Find out why ARP or neighbour discovery goes unanswered (wrong VLAN, bridge filter, next "
         "hop down, table full: net.ipv4.neigh.default.gc_thresh3); a permanent entry is a quick "
         "test."},
    [CAUSE_LOCAL_DROP_OUTPUT] =
        {"local-drop-output", LOCATION_SENDER_QUEUE,
         "the sending host itself discarded the segments on their way out",
         "Run `ss -tino` on the sending host: bytes_sent far above bytes_acked while a capture "
         "there shows nothing leaving; `nft list ruleset` counters or the skb:kfree_skb tracepoint "
         "name the place.",
         "Correct the output rule, policy route, IPsec policy or qdisc filter that discards the "
         "packets."},

    /* forward-path */
    [CAUSE_SEGMENT_LOSS] =
        {"segment-loss", LOCATION_FORWARD_PATH,
         "segments were lost on the way and had to be sent again",
         "Capture at both ends at once: segments that leave the sender and are missing at the "
         "receiver (in a capture without drops) were lost between them.",
         "Look for the lossy hop: interface and queue drops along the path (`ip -s link`, `ethtool "
         "-S`, `tc -s qdisc`, switch counters), duplex mismatch, radio links, a policer."},
    [CAUSE_TAIL_LOSS] =
        {"tail-loss", LOCATION_FORWARD_PATH,
         "the last segments of a flight were lost, so that no ACK could report it",
         "Capture at both ends at once: the last segments are missing at the receiver; without "
         "them nothing but the sender's timer can notice.",
         "Keep tail loss probes and RACK on (net.ipv4.tcp_early_retrans=3, tcp_recovery=1) with "
         "SACK and timestamps; then look for the lossy hop as with any other loss."},
    [CAUSE_RTO_BACKOFF] =
        {"rto-backoff", LOCATION_FORWARD_PATH,
         "the same segment was sent again and again with doubling waits",
         "Capture at the receiver at the same time: copies that never arrive were lost on the way "
         "there; copies that arrive and are answered point to the way back.",
         "Look for what broke the path during that time (route change, link down, firewall "
         "reload); after the path has healed the next copy comes only when the backed-off timer "
         "fires (on Linux 6.15 and later net.ipv4.tcp_rto_max_ms bounds it)."},
    [CAUSE_PATH_OUTAGE] =
        {"path-outage", LOCATION_FORWARD_PATH,
         "the path carried nothing at all for a time, whatever the segment's size",
         "Capture at both ends at once, and run `mtr` or a ping every 100 ms in both directions "
         "across the outage.",
         "Match the times with link, routing, VPN rekeying and failover logs along the path."},
    [CAUSE_PATH_HOLD] =
        {"path-hold", LOCATION_FORWARD_PATH,
         "the path held segments for a time and then delivered them all",
         "Capture at both ends at once: the one-way delay jumps by the length of the hold and all "
         "segments arrive, in order.",
         "Look for a device that buffers instead of dropping: Wi-Fi power saving or roaming, "
         "mobile links, a tunnel that renegotiates, a paused virtual machine in the middle."},
    [CAUSE_PMTU_BLACKHOLE] =
        {"pmtu-blackhole", LOCATION_FORWARD_PATH,
         "large segments vanish on the path while small ones pass",
         "Run `ping -M do -s SIZE PEER` (IPv4: SIZE = MSS + 12) against a small size; `tracepath "
         "PEER` finds the hop. A reply to the small one only is the proof.",
         "Let ICMP \"fragmentation needed\" (IPv6: \"packet too big\") through; until then clamp "
         "the MSS to the path (`nft ... tcp option maxseg size set rt mtu`), lower the MTU of the "
         "tunnel, or set net.ipv4.tcp_mtu_probing=1 on the sender."},
    [CAUSE_SYN_LOSS] = {"syn-loss", LOCATION_FORWARD_PATH,
                        "the connection request got no answer and was repeated",
                        "Capture at the server at the same time: no SYN there means lost on the "
                        "way, a SYN without answer means the server's TCP or firewall.",
                        "If no SYN arrives look for a filter or a wrong route; if it arrives see "
                        "whether anything listens (`ss -ltn`), for full queues (`nstat -az "
                        "TcpExtListenDrops`) and the server's firewall."},
    [CAUSE_CORRUPTED] =
        {"corrupted", LOCATION_FORWARD_PATH, "segments arrived damaged",
         "Compare the same segment in captures of both ends: the checksum is right (or left to the "
         "hardware) at the sender and wrong at the receiver; TcpInCsumErrors there grows.",
         "Replace the device that rewrites payload or headers wrongly; switch transmit checksum "
         "offload off (`ethtool -K DEV tx off`) on hosts, bridges and tunnels along the path, one "
         "after the other, to find it."},
    [CAUSE_REORDERING] =
        {"reordering", LOCATION_FORWARD_PATH,
         "segments overtook each other, and TCP took it for loss",
         "Capture at both ends at once; or watch `nstat -az TcpExtTCPDSACKRecv "
         "TcpExtTCPSACKReorder` and reord_seen in `ss -ti` on the sending host.",
         "Let flows stay on one link: hash per flow and not per packet in bonding, ECMP and "
         "multi-queue tunnels; keep timestamps, DSACK and RACK (net.ipv4.tcp_recovery=1) on."},
    [CAUSE_NAT_TIMEOUT] =
        {"nat-timeout", LOCATION_FORWARD_PATH,
         "a middlebox forgot the connection while it was idle",
         "Capture on both sides of the NAT or firewall: the first segment after the pause enters "
         "and does not leave; a fresh connection to the same peer works at once.",
         "Send keep-alives more often than the middlebox forgets (SO_KEEPALIVE with TCP_KEEPIDLE "
         "below the shortest timeout; Linux's default is two hours), or raise the middlebox's "
         "timeout (RFC 5382 asks for at least 2 h 4 min)."},
    [CAUSE_RST_INJECTED] =
        {"rst-injected", LOCATION_FORWARD_PATH,
         "a reset was put into the connection by something between the ends",
         "Capture at both ends at once: the reset arrives at one end and never left the other; its "
         "TTL differs from that side's other packets.",
         "Look for firewalls, intrusion prevention, transparent proxies or load balancers that end "
         "connections by reset (idle timeout, policy, state lost in failover)."},
    [CAUSE_TAP_RING_DROP] =
        {"tap-ring-drop", LOCATION_FORWARD_PATH,
         "the tun/tap device discarded segments because its reader did not keep up",
         "Run `ip -s -s link show DEV`: TX dropped grows with the losses, while a capture on the "
         "same device shows the segments as sent.",
         "Let the program behind the device read faster (several queues, IFF_VNET_HDR), or "
         "lengthen its ring: `ip link set DEV txqueuelen 5000`."},
    [CAUSE_SLOW_LINK] =
        {"slow-link", LOCATION_FORWARD_PATH, "a slow link with a long queue delays everything",
         "Capture at both ends at once: the one-way delay grows with the data in flight and "
         "shrinks when it drains; ping during the transfer grows as much.",
         "Shape slightly below the link's rate with fq_codel or cake at its entry, so that the "
         "queue stays short."},
    [CAUSE_POLICER] =
        {"policer", LOCATION_FORWARD_PATH,
         "something on the path discards whatever exceeds a fixed rate",
         "Capture at both ends at once: the arrival rate is constant, losses begin above it and "
         "the delay does not grow before them.",
         "Shape at the sender to just below the policed rate (`tc qdisc ... tbf` or fq with "
         "maxrate, SO_MAX_PACING_RATE), or have the policer replaced by a shaper."},
    [CAUSE_GSO_TOO_BIG] =
        {"gso-too-big", LOCATION_FORWARD_PATH,
         "super-segments left the host uncut and were discarded as too big",
         "Switch segmentation offload off (`ethtool -K DEV tso off gso off`, and gro off on a "
         "forwarder's input) and repeat: the losses of segments above the MSS disappear.",
         "Keep the offload off on that device or tunnel, or update the driver that claims to "
         "segment and does not."},

    /* receiver-tcp */
    [CAUSE_PAWS_DROP] =
        {"paws-drop", LOCATION_RECEIVER_TCP,
         "the receiver discarded segments whose timestamp was older than one already seen",
         "On the receiving host, `nstat -az TcpExtPAWSEstab` grows with every copy.",
         "Find the device that merges several hosts or clocks into one connection (NAT, load "
         "balancer, a rewritten timestamp); net.ipv4.tcp_timestamps=0 on one end is the quick "
         "test."},
    [CAUSE_CHECKSUM_DROP] =
        {"checksum-drop", LOCATION_RECEIVER_TCP,
         "the receiver discarded segments because their checksum was wrong",
         "On the receiving host, `nstat -az TcpInCsumErrors` grows with every copy.",
         "Find where the checksum broke: transmit offload over a tunnel or virtual device is the "
         "usual place (`ethtool -K DEV tx off` on the sending side), damaged memory or a rewriting "
         "middlebox the rare one."},
    [CAUSE_OUT_OF_WINDOW] =
        {"out-of-window", LOCATION_RECEIVER_TCP,
         "the receiver discarded data beyond the window that it really has",
         "On the receiving host, `nstat -az TcpExtBeyondWindow TcpExtTCPZeroWindowDrop` grows "
         "(older kernels: skb:kfree_skb with the reason TCP_OVERWINDOW), and wscale:SND,RCV of `ss "
         "-ti` at both ends does not mirror.",
         "Compare the SYN and SYN-ACK at both ends: a middlebox that changed or removed the window "
         "scale makes the sender overestimate the window; take it out of the path or turn its "
         "\"TCP normalisation\" off."},
    [CAUSE_DELAYED_ACK] =
        {"delayed-ack", LOCATION_RECEIVER_TCP, "the receiver waited with its ACK, as it may",
         "Set TCP_QUICKACK on the receiving socket and repeat: the 40 to 200 ms are gone.",
         "Harmless by itself (RFC 9293 allows up to 500 ms); where it adds up, let the sender not "
         "wait for it: TCP_NODELAY, or larger writes."},
    [CAUSE_RCVBUF_LIMITED] =
        {"rcvbuf-limited", LOCATION_RECEIVER_TCP,
         "the receiver's buffer is smaller than the path needs",
         "Run `ss -tinm` on the receiving host: Recv-Q stays near 0 while rcv_space and skmem rb "
         "are below bandwidth times round-trip time; the sender's rwnd_limited grows.",
         "Do not set SO_RCVBUF (that turns auto-tuning off), and raise the third value of "
         "net.ipv4.tcp_rmem to at least twice the bandwidth-delay product."},
    [CAUSE_SILLY_WINDOW] =
        {"silly-window", LOCATION_RECEIVER_TCP,
         "the receiver offered a window smaller than one segment",
         "Run `ss -tinm` on the receiving host: Recv-Q 0 with a window still below the MSS is a "
         "defect of TCP or too small a buffer, a full Recv-Q is a slow reader.",
         "Enlarge the receive buffer (SO_RCVBUF, net.ipv4.tcp_rmem); a receiver has to keep the "
         "window shut until it can offer a full segment or half its buffer (RFC 9293, 3.8.6.2.2)."},
    [CAUSE_WINDOW_SHRINK] =
        {"window-shrink", LOCATION_RECEIVER_TCP,
         "the receiver took back a window that it had offered",
         "Run `nstat -az TcpExtTCPRcvCollapsed TcpExtPruneCalled TcpExtRcvPruned` and `ss -tm` on "
         "the receiving host: memory pressure shrinks windows there.",
         "Give the receiver more memory (net.ipv4.tcp_rmem, net.ipv4.tcp_mem), set "
         "net.ipv4.tcp_shrink_window=0 there, and check that no middlebox rewrites the window."},
    [CAUSE_LOCAL_DROP_INPUT] =
        {"local-drop-input", LOCATION_RECEIVER_TCP,
         "the receiving host discarded clean segments before TCP could answer",
         "On the receiving host, read the counters of `nft list ruleset`, `nstat -as` "
         "(TcpExtTCPRcvQDrop, TcpExtTCPBacklogDrop, IpExtInNoRoutes, TcpExtIPReversePathFilter) or "
         "the skb:kfree_skb tracepoint with its reason.",
         "Correct the firewall rule, conntrack state or reverse path filter "
         "(net.ipv4.conf.all.rp_filter) that discards them."},
    [CAUSE_PEER_SILENT] = {"peer-silent", LOCATION_RECEIVER_TCP,
                           "nothing more came from the other end",
                           "Capture at the other end at the same time: it shows whether the "
                           "segments arrive and whether answers leave.",
                           "See whether the other host is up (ping, another connection to it) and "
                           "look at its log for a restart or crash at that time."},

    /* receiver-app */
    [CAUSE_ZERO_WINDOW] =
        {"zero-window", LOCATION_RECEIVER_APP,
         "the receiving application did not read, and its buffer filled up",
         "Run `ss -tinm` on the receiving host during the stall: a Recv-Q near skmem's rb means "
         "that the application does not read; Recv-Q 0 would accuse TCP instead.",
         "Find out what the receiving process does meanwhile (`cat /proc/PID/wchan`, strace -p, "
         "gdb): blocked on disk, on a lock, or on its own output; a larger buffer only delays the "
         "stall."},
    [CAUSE_SLOW_READER] = {"slow-reader", LOCATION_RECEIVER_APP,
                           "the receiving application reads more slowly than the data arrives",
                           "Run `ss -tinm` on the receiving host repeatedly: Recv-Q stays high, "
                           "and the sender's rwnd_limited grows.",
                           "Profile the receiving application (CPU, disk, its own downstream); the "
                           "transfer goes exactly as fast as it reads."},
    [CAUSE_LISTEN_OVERFLOW] =
        {"listen-overflow", LOCATION_RECEIVER_APP,
         "the server's application did not accept connections fast enough",
         "On the server, `nstat -az TcpExtListenOverflows TcpExtListenDrops` grows, and `ss -ltn` "
         "shows Recv-Q above Send-Q for that listener.",
         "Accept faster (more workers, no blocking work in the accepting thread); a larger backlog "
         "needs both listen()'s argument and net.core.somaxconn (4096 by default)."},
    [CAUSE_DEADLOCK] = {"deadlock", LOCATION_RECEIVER_APP,
                        "both applications write and neither reads, so that both windows are shut",
                        "Run `ss -tn` on both hosts: Recv-Q and Send-Q are large on both sides.",
                        "Let each application read while it writes (non-blocking sockets or a "
                        "second thread); larger buffers only delay the deadlock."},

    /* reverse-path */
    [CAUSE_ACK_LOSS] =
        {"ack-loss", LOCATION_REVERSE_PATH,
         "ACKs were lost on the way back, and data was sent twice",
         "Capture at both ends at once: the ACKs leave the receiver and do not reach the sender; "
         "dsack_dups in `ss -ti` at the sender counts the needless copies.",
         "Look for loss on the way back only: an overloaded uplink, an asymmetric route through a "
         "stateful firewall, a queue that drops small packets."},
    [CAUSE_ACK_HOLD] =
        {"ack-hold", LOCATION_REVERSE_PATH, "ACKs were held on the way back and came all at once",
         "Capture at both ends at once: the ACKs leave on time and their delay jumps by the hold.",
         "Look for buffering on the way back: a full uplink queue (use fq_codel or cake there), "
         "Wi-Fi aggregation or power saving, a tunnel that waits."},
    [CAUSE_WINDOW_UPDATE_LOST] =
        {"window-update-lost", LOCATION_REVERSE_PATH,
         "the receiver reopened its window, but the announcement was lost",
         "Capture at both ends at once: the update leaves the receiver and does not reach the "
         "sender, whose next probe is answered with an open window.",
         "Look for loss on the way back; the probe timer (backed off from the RTO) repairs it by "
         "itself, late."},
    [CAUSE_SYNACK_LOSS] = {"synack-loss", LOCATION_REVERSE_PATH,
                           "the server's answer to the connection request got lost",
                           "Capture at both ends at once: the SYN-ACK leaves the server and does "
                           "not reach the client.",
                           "Look at the way back: asymmetric routing past a stateful firewall, "
                           "reverse path filtering, a wrong route at the server."},
    [CAUSE_WINDOW_SCALE_REWRITTEN] =
        {"window-scale-rewritten", LOCATION_REVERSE_PATH,
         "the window scale was changed on the way, and the ends disagree about the window",
         "Capture the SYN and the SYN-ACK at both ends: different window scale options are the "
         "proof; or compare wscale:SND,RCV of `ss -ti` at both ends, which must mirror each other.",
         "Turn off the TCP rewriting in the firewall or accelerator on the path; until then keep "
         "the shift at 0 where the window is announced (`ip route ... window 65535`, or a small "
         "SO_RCVBUF before connecting or listening), or set net.ipv4.tcp_window_scaling=0 on "
         "either host."},
    [CAUSE_WINDOW_SCALE_STRIPPED] =
        {"window-scale-stripped", LOCATION_REVERSE_PATH,
         "the window scale option was removed on the way, so that only one end scales",
         "Capture the SYN and the SYN-ACK at both ends: the option is there on one side only; "
         "wscale in `ss -ti` is missing or different at one end.",
         "Let the middlebox pass the option, or have it removed from the SYN as well, so that "
         "neither end scales; net.ipv4.tcp_window_scaling=0 on either host does the same."},
    [CAUSE_SACK_NOT_TRANSLATED] =
        {"sack-not-translated", LOCATION_REVERSE_PATH,
         "a middlebox shifts the sequence numbers but leaves the SACK blocks as they were",
         "Capture at both ends at once: sequence numbers differ by a constant, SACK edges do not; "
         "`nstat -az TcpExtTCPSACKDiscard` grows at the sender.",
         "Turn off sequence number randomisation on the firewall or update it; until then "
         "net.ipv4.tcp_sack=0 on one end makes recovery quicker than useless SACKs."},

    /* abort: the location is that of the side that ended the connection, as the sender */
    [CAUSE_REFUSED] =
        {"refused", LOCATION_SENDER_APP, "the connection request was refused",
         "Run `ss -ltn` on the server: is anything listening on that address and port? If so, a "
         "firewall answered (compare the reset's TTL with other packets of the server).",
         "Start the service, or correct the address and port; firewalls that reject with a reset "
         "look the same."},
    [CAUSE_APP_RESET] = {"app-reset", LOCATION_SENDER_APP, "one side ended the connection by reset",
                         "Trace the resetting process: close() with unread data in the receive "
                         "buffer or with SO_LINGER 0 sends a reset, and so does data that arrives "
                         "after close() (`nstat -az TcpExtTCPAbortOnData TcpExtTCPAbortOnClose`).",
                         "Some applications close that way on purpose; if data is lost, let it "
                         "shut down its sending side and read to the end before it closes."},
    [CAUSE_GAVE_UP] =
        {"gave-up", LOCATION_SENDER_TCP,
         "the sender gave up after all its retransmissions stayed unanswered",
         "On the host that gave up, `nstat -az TcpExtTCPAbortOnTimeout` has grown; the other end's "
         "capture says whether the copies arrived.",
         "Cure what stopped the answers; how long TCP tries is set by net.ipv4.tcp_retries2 (15: "
         "about 15 minutes) or, per socket, TCP_USER_TIMEOUT."},
    [CAUSE_KEEPALIVE_TIMEOUT] =
        {"keepalive-timeout", LOCATION_SENDER_TCP,
         "keep-alive probes stayed unanswered and the connection was given up",
         "Capture at the other end at the same time: do the probes arrive? On the probing host "
         "`nstat -az TcpExtTCPKeepAlive TcpExtTCPAbortOnTimeout` grows.",
         "The peer or the path had gone: look for a restart, a changed address or a middlebox "
         "timeout shorter than the keep-alive interval (TCP_KEEPIDLE, TCP_KEEPINTVL, "
         "TCP_KEEPCNT)."},
    [CAUSE_HALF_OPEN] =
        {"half-open", LOCATION_SENDER_TCP, "one side no longer knew the connection",
         "On the side that reset, see whether host or process restarted since the last good "
         "segment (uptime, service log); a socket unknown to `ss -tan` there is the proof.",
         "Reconnect in the application; keep-alives find such dead connections before the next "
         "request does."},
    [CAUSE_MTU_ICMP] =
        {"mtu-icmp", LOCATION_FORWARD_PATH,
         "a router refused segments as too big and said so by ICMP",
         "Run `tracepath PEER` and, on the sender, `ip route get PEER`: the mtu learned there must "
         "be the one that the ICMP message states.",
         "Let the sender honour the message (net.ipv4.ip_no_pmtu_disc=0, no filter for ICMP type 3 "
         "code 4 or ICMPv6 type 2), or lower the MTU of the tunnel's interface."},

    /* what the path altered: the direction in which the segments travelled */
    [CAUSE_MSS_REWRITTEN] =
        {"mss-rewritten", LOCATION_FORWARD_PATH, "the MSS option was changed on the way",
         "Capture the SYN and the SYN-ACK at both ends: the MSS differs; `ss -ti` shows the mss in "
         "use.",
         "Usually on purpose: a tunnel or a link with a smaller MTU clamps it (TCPMSS "
         "--clamp-mss-to-pmtu, mssfix); raise it there only if the path really carries more."},
    [CAUSE_TIMESTAMPS_STRIPPED] =
        {"timestamps-stripped", LOCATION_FORWARD_PATH,
         "the timestamps option was removed on the way",
         "Capture the SYN, the SYN-ACK and a data segment at both ends: the option is there on one "
         "side only.",
         "Let the middlebox pass the option, or have it removed from the SYN and not from later "
         "segments; net.ipv4.tcp_timestamps=0 on either host makes both do without."},
    [CAUSE_TIMESTAMPS_REWRITTEN] =
        {"timestamps-rewritten", LOCATION_FORWARD_PATH, "timestamps were rewritten on the way",
         "Capture the same segments at both ends: TSval or TSecr differs.",
         "Shifted by one constant, as firewalls do that hide an uptime (`scrub reassemble tcp` of "
         "pf), they do no harm. Rewritten on some segments only, they make the receiver drop these "
         "as old (PAWS): turn that off in the middlebox, or set net.ipv4.tcp_timestamps=0 on "
         "either host."},
    [CAUSE_SACK_STRIPPED] = {"sack-stripped", LOCATION_FORWARD_PATH,
                             "the SACK-permitted option was removed on the way",
                             "Capture the SYN and the SYN-ACK at both ends: the option is there on "
                             "one side only; sack in `ss -ti` is missing.",
                             "Let the middlebox pass the option: without it every loss beyond the "
                             "first of a flight costs a round trip or a timeout."},
    [CAUSE_OPTIONS_ALTERED] = {"options-altered", LOCATION_FORWARD_PATH,
                               "TCP options were removed, added or changed on the way",
                               "Capture the same segments at both ends and compare their options.",
                               "Multipath TCP and Fast Open fall back without their option; if "
                               "they are wanted, let the middlebox pass it."},
    [CAUSE_SEQUENCE_SHIFTED] =
        {"sequence-shifted", LOCATION_FORWARD_PATH, "sequence numbers are shifted on the way",
         "Capture at both ends at once: sequence numbers differ by a constant.",
         "Nothing to do as long as SACK blocks are translated back; if not, turn the randomisation "
         "of sequence numbers off (for example `set connection random-sequence-number disable` on "
         "a Cisco ASA)."},
    [CAUSE_WINDOW_ALTERED] = {"window-altered", LOCATION_FORWARD_PATH,
                              "the window field was rewritten on the way",
                              "Capture the same ACKs at both ends: their raw windows differ.",
                              "Look for a traffic shaper or accelerator that paces by rewriting "
                              "windows, and exempt this traffic from it."},
    [CAUSE_ECN_ALTERED] = {"ecn-altered", LOCATION_FORWARD_PATH,
                           "ECN marks or flags were altered on the way",
                           "Capture the same packets at both ends: the last two bits of the TOS "
                           "byte, or ECE and CWR, differ.",
                           "Harmless but for ECN itself; have the device rewrite the six DSCP bits "
                           "only, not the whole TOS byte."},
    [CAUSE_HEADER_ALTERED] = {"header-altered", LOCATION_FORWARD_PATH,
                              "the DSCP, the TTL or flags were rewritten on the way",
                              "Capture the same packets at both ends and compare their headers.",
                              "Usually on purpose (re-marking of traffic classes, TTL "
                              "normalisation); it does not hold TCP up."},
    [CAUSE_PAYLOAD_ALTERED] =
        {"payload-altered", LOCATION_FORWARD_PATH, "the content of segments was changed on the way",
         "Capture the same segments at both ends with the whole payload: the bytes differ and the "
         "checksum is right.",
         "Look for an application-level gateway, proxy or inspection (FTP, SIP, SMTP helpers) on "
         "the path and turn it off for this traffic, or encrypt it."},
};

struct location_text {
  const char *name, *phrase;
};

static const struct location_text locations[LOCATION_COUNT] = {
    [LOCATION_NONE] = {"none", "nothing is wrong here"},
    [LOCATION_SENDER_APP] = {"sender-app", "the sending application"},
    [LOCATION_SENDER_TCP] = {"sender-tcp", "the sending host's TCP"},
    [LOCATION_SENDER_QUEUE] = {"sender-queue", "the sending host's transmit queue"},
    [LOCATION_FORWARD_PATH] = {"forward-path", "the path from the sender to the receiver"},
    [LOCATION_RECEIVER_TCP] = {"receiver-tcp", "the receiving host's TCP"},
    [LOCATION_RECEIVER_APP] = {"receiver-app", "the receiving application"},
    [LOCATION_REVERSE_PATH] = {"reverse-path", "the path back from the receiver to the sender"},
    [LOCATION_UNKNOWN] = {"unknown", "a place that this capture cannot tell"},
};

const struct cause_info *cause_info(enum cause cause)
{
  assert((unsigned)cause < CAUSE_COUNT);
  return &causes[cause];
}

const char *location_name(enum location location)
{
  assert((unsigned)location < LOCATION_COUNT);
  return locations[location].name;
}

const char *location_phrase(enum location location)
{
  assert((unsigned)location < LOCATION_COUNT);
  return locations[location].phrase;
}
