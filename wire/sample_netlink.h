#ifndef WIRE_SAMPLE_NETLINK_H
#define WIRE_SAMPLE_NETLINK_H

/* The netlink records of a sample (sample_format.h), read by length: a kernel may say more than we
 * know, or less, and has_* or a zero tells. Names are the kernel's (linux/tcp.h, inet_diag.h, ...).
 * Every function returns false if the record is of another type or too short for its own header. */

#include "wire/packet.h"
#include "wire/sample_format.h"

#define SAMPLE_TIMER_PERSIST 4u

struct sample_socket {
  struct ip_address source, destination; /* the socket's own side is the source */
  uint16_t source_port, destination_port;
  uint8_t ip_version; /* 4 or 6, as the addresses are (an IPv6 socket may speak IPv4) */
  uint8_t state;      /* TCP_ESTABLISHED = 1, ... */
  uint8_t timer;      /* 0 none, 1 retransmission, 2 keep-alive, 3 time wait, 4 persist */
  uint8_t timer_retransmits;
  uint32_t timer_expires_ms;
  uint32_t rqueue_bytes, wqueue_bytes; /* unread; unsent and unacknowledged */
  uint64_t cookie;                     /* of this socket, whatever its addresses */
  bool has_info;                       /* tcp_info: */
  uint8_t tcpi_ca_state, tcpi_retransmits, tcpi_probes, tcpi_backoff;
  uint8_t tcpi_snd_wscale, tcpi_rcv_wscale;
  uint32_t tcpi_rto_us, tcpi_snd_mss_bytes, tcpi_unacked_pkts, tcpi_lost_pkts, tcpi_snd_cwnd_pkts;
  uint32_t tcpi_total_retrans_pkts, tcpi_rtt_us, tcpi_notsent_bytes, tcpi_last_data_sent_ms;
  uint32_t tcpi_segs_in_pkts, tcpi_segs_out_pkts, tcpi_data_segs_in_pkts;
  uint64_t tcpi_bytes_acked, tcpi_bytes_received, tcpi_bytes_sent, tcpi_bytes_retrans;
  uint64_t tcpi_pacing_rate_bytes_per_s, tcpi_max_pacing_rate_bytes_per_s; /* all ones: no limit */
  uint64_t tcpi_busy_time_us, tcpi_rwnd_limited_us, tcpi_sndbuf_limited_us;
  bool has_snd_wnd; /* since Linux 5.4 */
  uint32_t tcpi_snd_wnd_bytes;
  bool has_skmeminfo;
  uint32_t rmem_alloc_bytes, wmem_alloc_bytes, sndbuf_bytes, rcvbuf_bytes, drops_pkts;
};

bool sample_read_socket(struct sample_socket *socket, const struct sample_record *record,
                        bool big_endian);

struct sample_qdisc {
  char kind[16]; /* "fq_codel"; clean: printable ASCII */
  uint32_t handle, parent;
  bool has_queue;
  uint32_t qlen_pkts, backlog_bytes, drops_pkts;
};

bool sample_read_qdisc(struct sample_qdisc *qdisc, const struct sample_record *record,
                       bool big_endian);

struct sample_link_statistics {
  uint64_t rx_packets, tx_packets, rx_errors, tx_errors, rx_dropped, tx_dropped;
};

bool sample_read_link_statistics(struct sample_link_statistics *statistics,
                                 const struct sample_record *record, bool big_endian);

struct sample_neighbour {
  struct ip_address address;
  uint8_t ip_version;
  uint16_t state; /* NUD_*: 0x01 incomplete, 0x02 reachable, 0x20 failed, 0x80 permanent, ... */
};

bool sample_read_neighbour(struct sample_neighbour *neighbour, const struct sample_record *record,
                           bool big_endian);

/* Counters of the namespace, of all its sockets. */
struct sample_netstat {
  uint64_t retrans_fail, spurious_rtx_host_queues, paws_estab, beyond_window;
  uint64_t rcvq_drop, backlog_drop, zero_window_drop, listen_overflows;
};

/* What the record does not name is 0. */
bool sample_read_netstat(struct sample_netstat *netstat, const struct sample_record *record);

#endif
