#include "wire/sample_netlink.h"

#include "wire/ip_address.h"

#include <linux/gen_stats.h>
#include <linux/if_link.h>
#include <linux/inet_diag.h>
#include <linux/neighbour.h>
#include <linux/netlink.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <string.h>
#include <sys/socket.h>

/* linux/netlink.h has these as signed numbers. */
#define ATTRIBUTE_HEADER_BYTES ((size_t)4)
#define ATTRIBUTE_TYPE_MASK    0x3fffu /* the rest are flags */

/* Bytes of a foreign kernel's structure, which may be shorter than ours: what is beyond reads as 0.
 */
struct view {
  const uint8_t *bytes;
  size_t size;
  bool big_endian;
};

static uint64_t read_number(const struct view *view, size_t offset, size_t size)
{
  uint64_t value = 0;
  if (offset > view->size || size > view->size - offset)
    return 0;
  for (size_t i = 0; i < size; i++) {
    size_t shift = view->big_endian ? size - 1 - i : i;
    value |= (uint64_t)view->bytes[offset + i] << (8 * shift);
  }
  return value;
}

static uint8_t read_8(const struct view *view, size_t offset)
{
  return (uint8_t)read_number(view, offset, 1);
}

static uint16_t read_16(const struct view *view, size_t offset)
{
  return (uint16_t)read_number(view, offset, 2);
}

static uint32_t read_32(const struct view *view, size_t offset)
{
  return (uint32_t)read_number(view, offset, 4);
}

static uint64_t read_64(const struct view *view, size_t offset)
{
  return read_number(view, offset, 8);
}

static struct view part(const struct view *view, size_t offset, size_t size)
{
  if (offset > view->size || size > view->size - offset)
    return (struct view){view->bytes, 0, view->big_endian};
  return (struct view){view->bytes + offset, size, view->big_endian};
}

/* The message's payload; false: another message, or shorter than its family's header. */
static bool open_message(struct view *payload, const struct sample_record *record, bool big_endian,
                         enum sample_type type, size_t header_bytes)
{
  const struct view whole = {record->bytes, record->length_bytes, big_endian};
  size_t length = read_32(&whole, offsetof(struct nlmsghdr, nlmsg_len));
  if (record->type != type || length > whole.size || length < NLMSG_HDRLEN + header_bytes)
    return false;
  *payload = part(&whole, NLMSG_HDRLEN, length - NLMSG_HDRLEN);
  return true;
}

/* The attribute of that type among those from offset on; an empty view if there is none. */
static struct view attribute(const struct view *view, size_t offset, uint16_t wanted)
{
  while (offset <= view->size && view->size - offset >= ATTRIBUTE_HEADER_BYTES) {
    size_t length = read_16(view, offset);
    uint16_t type = read_16(view, offset + 2) & ATTRIBUTE_TYPE_MASK;
    if (length < ATTRIBUTE_HEADER_BYTES || length > view->size - offset)
      break;
    if (type == wanted)
      return part(view, offset + ATTRIBUTE_HEADER_BYTES, length - ATTRIBUTE_HEADER_BYTES);
    offset += (length + 3) & ~(size_t)3;
  }
  return (struct view){view->bytes, 0, view->big_endian};
}

static bool is_mapped(const uint8_t *address)
{
  static const uint8_t prefix[12] = {[10] = 0xff, [11] = 0xff};
  return memcmp(address, prefix, sizeof prefix) == 0;
}

static struct ip_address read_address(const uint8_t *bytes, bool four)
{
  return four ? ip_address_v4(bytes) : ip_address_v6(bytes);
}

static void read_identity(struct sample_socket *socket, const struct view *message)
{
  const size_t id = offsetof(struct inet_diag_msg, id);
  const uint8_t *source = message->bytes + id + offsetof(struct inet_diag_sockid, idiag_src);
  const uint8_t *destination = message->bytes + id + offsetof(struct inet_diag_sockid, idiag_dst);
  const struct view ports = {message->bytes, message->size, true}; /* network byte order */
  bool four = read_8(message, 0) == AF_INET;
  socket->source = read_address(source, four);
  socket->destination = read_address(destination, four);
  socket->ip_version = four || (is_mapped(source) && is_mapped(destination)) ? 4 : 6;
  socket->source_port = read_16(&ports, id);
  socket->destination_port = read_16(&ports, id + 2);
  size_t cookie = id + offsetof(struct inet_diag_sockid, idiag_cookie);
  socket->cookie = read_32(message, cookie) | (uint64_t)read_32(message, cookie + 4) << 32;
}

#define TCPI(member) offsetof(struct tcp_info, member)

static void read_info_counters(struct sample_socket *socket, const struct view *info)
{
  socket->tcpi_bytes_acked = read_64(info, TCPI(tcpi_bytes_acked));
  socket->tcpi_bytes_received = read_64(info, TCPI(tcpi_bytes_received));
  socket->tcpi_bytes_sent = read_64(info, TCPI(tcpi_bytes_sent));
  socket->tcpi_bytes_retrans = read_64(info, TCPI(tcpi_bytes_retrans));
  socket->tcpi_pacing_rate_bytes_per_s = read_64(info, TCPI(tcpi_pacing_rate));
  socket->tcpi_max_pacing_rate_bytes_per_s = read_64(info, TCPI(tcpi_max_pacing_rate));
  socket->tcpi_busy_time_us = read_64(info, TCPI(tcpi_busy_time));
  socket->tcpi_rwnd_limited_us = read_64(info, TCPI(tcpi_rwnd_limited));
  socket->tcpi_sndbuf_limited_us = read_64(info, TCPI(tcpi_sndbuf_limited));
}

static void read_info(struct sample_socket *socket, const struct view *info)
{
  socket->has_info = info->size >= TCPI(tcpi_rto);
  socket->tcpi_ca_state = read_8(info, TCPI(tcpi_ca_state));
  socket->tcpi_retransmits = read_8(info, TCPI(tcpi_retransmits));
  socket->tcpi_probes = read_8(info, TCPI(tcpi_probes));
  socket->tcpi_backoff = read_8(info, TCPI(tcpi_backoff));
  uint8_t scales = read_8(info, TCPI(tcpi_options) + 1); /* two bit fields of four bits */
  socket->tcpi_snd_wscale = info->big_endian ? scales >> 4 : scales & 15;
  socket->tcpi_rcv_wscale = info->big_endian ? scales & 15 : scales >> 4;
  socket->tcpi_rto_us = read_32(info, TCPI(tcpi_rto));
  socket->tcpi_snd_mss_bytes = read_32(info, TCPI(tcpi_snd_mss));
  socket->tcpi_unacked_pkts = read_32(info, TCPI(tcpi_unacked));
  socket->tcpi_lost_pkts = read_32(info, TCPI(tcpi_lost));
  socket->tcpi_snd_cwnd_pkts = read_32(info, TCPI(tcpi_snd_cwnd));
  socket->tcpi_total_retrans_pkts = read_32(info, TCPI(tcpi_total_retrans));
  socket->tcpi_rtt_us = read_32(info, TCPI(tcpi_rtt));
  socket->tcpi_notsent_bytes = read_32(info, TCPI(tcpi_notsent_bytes));
  socket->tcpi_last_data_sent_ms = read_32(info, TCPI(tcpi_last_data_sent));
  socket->tcpi_segs_in_pkts = read_32(info, TCPI(tcpi_segs_in));
  socket->tcpi_segs_out_pkts = read_32(info, TCPI(tcpi_segs_out));
  socket->tcpi_data_segs_in_pkts = read_32(info, TCPI(tcpi_data_segs_in));
  read_info_counters(socket, info);
  socket->has_snd_wnd = info->size >= TCPI(tcpi_snd_wnd) + 4;
  socket->tcpi_snd_wnd_bytes = read_32(info, TCPI(tcpi_snd_wnd));
}

static void read_memory(struct sample_socket *socket, const struct view *memory)
{
  socket->has_skmeminfo = memory->size >= (SK_MEMINFO_SNDBUF + 1) * 4;
  socket->rmem_alloc_bytes = read_32(memory, SK_MEMINFO_RMEM_ALLOC * 4);
  socket->rcvbuf_bytes = read_32(memory, SK_MEMINFO_RCVBUF * 4);
  socket->wmem_alloc_bytes = read_32(memory, SK_MEMINFO_WMEM_ALLOC * 4);
  socket->sndbuf_bytes = read_32(memory, SK_MEMINFO_SNDBUF * 4);
  socket->drops_pkts = read_32(memory, SK_MEMINFO_DROPS * 4);
}

bool sample_read_socket(struct sample_socket *socket, const struct sample_record *record,
                        bool big_endian)
{
  struct view message;
  *socket = (struct sample_socket){0};
  if (!open_message(&message, record, big_endian, SAMPLE_SOCKET, sizeof(struct inet_diag_msg)))
    return false;
  read_identity(socket, &message);
  socket->state = read_8(&message, offsetof(struct inet_diag_msg, idiag_state));
  socket->timer = read_8(&message, offsetof(struct inet_diag_msg, idiag_timer));
  socket->timer_retransmits = read_8(&message, offsetof(struct inet_diag_msg, idiag_retrans));
  socket->timer_expires_ms = read_32(&message, offsetof(struct inet_diag_msg, idiag_expires));
  socket->rqueue_bytes = read_32(&message, offsetof(struct inet_diag_msg, idiag_rqueue));
  socket->wqueue_bytes = read_32(&message, offsetof(struct inet_diag_msg, idiag_wqueue));
  const struct view info = attribute(&message, sizeof(struct inet_diag_msg), INET_DIAG_INFO);
  const struct view memory = attribute(&message, sizeof(struct inet_diag_msg), INET_DIAG_SKMEMINFO);
  read_info(socket, &info);
  read_memory(socket, &memory);
  return true;
}

bool sample_read_qdisc(struct sample_qdisc *qdisc, const struct sample_record *record,
                       bool big_endian)
{
  struct view message;
  *qdisc = (struct sample_qdisc){0};
  if (!open_message(&message, record, big_endian, SAMPLE_QDISC, sizeof(struct tcmsg)))
    return false;
  qdisc->handle = read_32(&message, offsetof(struct tcmsg, tcm_handle));
  qdisc->parent = read_32(&message, offsetof(struct tcmsg, tcm_parent));
  const struct view kind = attribute(&message, sizeof(struct tcmsg), TCA_KIND);
  for (size_t i = 0; i < kind.size && i < sizeof qdisc->kind - 1 && kind.bytes[i] != 0; i++)
    qdisc->kind[i] = kind.bytes[i] > ' ' && kind.bytes[i] < 0x7f ? (char)kind.bytes[i] : '?';
  const struct view nested = attribute(&message, sizeof(struct tcmsg), TCA_STATS2);
  const struct view queue = attribute(&nested, 0, TCA_STATS_QUEUE);
  qdisc->has_queue = queue.size >= offsetof(struct gnet_stats_queue, requeues);
  qdisc->qlen_pkts = read_32(&queue, offsetof(struct gnet_stats_queue, qlen));
  qdisc->backlog_bytes = read_32(&queue, offsetof(struct gnet_stats_queue, backlog));
  qdisc->drops_pkts = read_32(&queue, offsetof(struct gnet_stats_queue, drops));
  return true;
}

bool sample_read_link_statistics(struct sample_link_statistics *statistics,
                                 const struct sample_record *record, bool big_endian)
{
  struct view message;
  *statistics = (struct sample_link_statistics){0};
  if (!open_message(&message, record, big_endian, SAMPLE_LINK_STATISTICS,
                    sizeof(struct if_stats_msg)))
    return false;
  const struct view link = attribute(&message, sizeof(struct if_stats_msg), IFLA_STATS_LINK_64);
  statistics->rx_packets = read_64(&link, offsetof(struct rtnl_link_stats64, rx_packets));
  statistics->tx_packets = read_64(&link, offsetof(struct rtnl_link_stats64, tx_packets));
  statistics->rx_errors = read_64(&link, offsetof(struct rtnl_link_stats64, rx_errors));
  statistics->tx_errors = read_64(&link, offsetof(struct rtnl_link_stats64, tx_errors));
  statistics->rx_dropped = read_64(&link, offsetof(struct rtnl_link_stats64, rx_dropped));
  statistics->tx_dropped = read_64(&link, offsetof(struct rtnl_link_stats64, tx_dropped));
  return link.size > 0;
}

bool sample_read_neighbour(struct sample_neighbour *neighbour, const struct sample_record *record,
                           bool big_endian)
{
  struct view message;
  *neighbour = (struct sample_neighbour){0};
  if (!open_message(&message, record, big_endian, SAMPLE_NEIGHBOUR, sizeof(struct ndmsg)))
    return false;
  const struct view address = attribute(&message, sizeof(struct ndmsg), NDA_DST);
  if (address.size != 4 && address.size != 16)
    return false;
  neighbour->ip_version = address.size == 4 ? 4 : 6;
  neighbour->address = read_address(address.bytes, address.size == 4);
  neighbour->state = read_16(&message, offsetof(struct ndmsg, ndm_state));
  return true;
}

#define COUNTER_DIGITS_MAX 19 /* what 64 bits hold for certain */

static uint64_t read_counter(const struct sample_record *record, const char *name)
{
  const char *text;
  size_t size;
  uint64_t value = 0;
  if (!sample_text_value(record, name, &text, &size))
    return 0;
  for (size_t i = 0; i < size && i < COUNTER_DIGITS_MAX && text[i] >= '0' && text[i] <= '9'; i++)
    value = value * 10 + (uint64_t)(text[i] - '0');
  return value;
}

bool sample_read_netstat(struct sample_netstat *netstat, const struct sample_record *record)
{
  *netstat = (struct sample_netstat){0};
  if (record->type != SAMPLE_NETSTAT)
    return false;
  *netstat = (struct sample_netstat){
      .retrans_fail = read_counter(record, "TCPRetransFail"),
      .spurious_rtx_host_queues = read_counter(record, "TCPSpuriousRtxHostQueues"),
      .paws_estab = read_counter(record, "PAWSEstab"),
      .beyond_window = read_counter(record, "BeyondWindow"),
      .rcvq_drop = read_counter(record, "TCPRcvQDrop"),
      .backlog_drop = read_counter(record, "TCPBacklogDrop"),
      .zero_window_drop = read_counter(record, "TCPZeroWindowDrop"),
      .listen_overflows = read_counter(record, "ListenOverflows"),
  };
  return true;
}
