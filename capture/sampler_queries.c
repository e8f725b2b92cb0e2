#include "capture/sampler_internal.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#define REQUEST_BYTES_MAX 256

/* The kernel's numbers of the states (include/net/tcp_states.h), which no header for programs has
 * beside linux/tcp.h. */
enum socket_state {
  STATE_ESTABLISHED = 1,
  STATE_SYN_SENT = 2,
  STATE_FIN_WAIT1 = 4,
  STATE_FIN_WAIT2 = 5,
  STATE_CLOSE_WAIT = 8,
  STATE_LAST_ACK = 9,
  STATE_CLOSING = 11
};

/* Connections of which data can wait; LISTEN, TIME_WAIT, CLOSE and SYN_RECV are not. */
#define STATES_OF_INTEREST                                                                         \
  (1u << STATE_ESTABLISHED | 1u << STATE_SYN_SENT | 1u << STATE_FIN_WAIT1 |                        \
   1u << STATE_FIN_WAIT2 | 1u << STATE_CLOSE_WAIT | 1u << STATE_LAST_ACK | 1u << STATE_CLOSING)

struct request {
  uint8_t bytes[REQUEST_BYTES_MAX] __attribute__((aligned(8)));
};

/* A request of that type; *header gets its family's header, all zero. */
static struct nlmsghdr *request_begin(struct request *request, uint16_t type, uint16_t flags,
                                      void *header, size_t header_bytes)
{
  struct nlmsghdr *message = mnl_nlmsg_put_header(request->bytes);
  message->nlmsg_type = type;
  message->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
  void *place = mnl_nlmsg_put_extra_header(message, header_bytes);
  *(void **)header = place;
  return message;
}

struct wanted_attribute {
  uint16_t type;
  const struct nlattr *found; /* NULL: it is not there */
};

static int compare_attribute(const struct nlattr *attribute, void *context)
{
  struct wanted_attribute *wanted = context;
  if (mnl_attr_get_type(attribute) == wanted->type)
    wanted->found = attribute;
  return MNL_CB_OK;
}

static const struct nlattr *find_attribute(const struct nlmsghdr *message, size_t header_bytes,
                                           uint16_t type)
{
  struct wanted_attribute wanted = {type, NULL};
  mnl_attr_parse(message, (unsigned)header_bytes, compare_attribute, &wanted);
  return wanted.found;
}

struct adding {
  struct sampler *sampler;
  enum sample_type type;
  uint16_t message_type;
};

static void add_message(void *context, const struct nlmsghdr *message)
{
  const struct adding *adding = context;
  if (message->nlmsg_type == adding->message_type)
    sampler_add(adding->sampler, adding->type, message, message->nlmsg_len);
}

static void take_link(void *context, const struct nlmsghdr *message)
{
  struct sampler *sampler = context;
  if (message->nlmsg_type != RTM_NEWLINK)
    return;
  const struct nlattr *master = find_attribute(message, sizeof(struct ifinfomsg), IFLA_MASTER);
  sampler->master_ifindex =
      master != NULL && mnl_attr_get_payload_len(master) == 4 ? mnl_attr_get_u32(master) : 0;
  sampler_add(sampler, SAMPLE_LINK, message, message->nlmsg_len);
}

void sampler_ask_link(struct sampler *sampler)
{
  struct request request;
  struct ifinfomsg *link;
  struct nlmsghdr *message = request_begin(&request, RTM_GETLINK, NLM_F_ACK, &link, sizeof *link);
  link->ifi_index = (int)sampler->ifindex;
  netlink_ask(sampler->route, message, take_link, sampler);
}

void sampler_ask_link_statistics(struct sampler *sampler)
{
  struct request request;
  struct if_stats_msg *statistics;
  struct adding adding = {sampler, SAMPLE_LINK_STATISTICS, RTM_NEWSTATS};
  struct nlmsghdr *message =
      request_begin(&request, RTM_GETSTATS, NLM_F_ACK, &statistics, sizeof *statistics);
  statistics->ifindex = sampler->ifindex;
  statistics->filter_mask = IFLA_STATS_FILTER_BIT(IFLA_STATS_LINK_64);
  netlink_ask(sampler->route, message, add_message, &adding);
}

/* The root's numbers hold its children's. The kernel answers this question as if something had
 * changed, to who asks only with NLM_F_ECHO. */
void sampler_ask_qdisc(struct sampler *sampler)
{
  struct request request;
  struct tcmsg *qdisc;
  struct adding adding = {sampler, SAMPLE_QDISC, RTM_NEWQDISC};
  struct nlmsghdr *message =
      request_begin(&request, RTM_GETQDISC, NLM_F_ACK | NLM_F_ECHO, &qdisc, sizeof *qdisc);
  qdisc->tcm_ifindex = (int)sampler->ifindex;
  qdisc->tcm_parent = TC_H_ROOT;
  netlink_ask(sampler->route, message, add_message, &adding);
}

static void add_neighbour(void *context, const struct nlmsghdr *message)
{
  struct sampler *sampler = context;
  if (message->nlmsg_type != RTM_NEWNEIGH ||
      message->nlmsg_len < NLMSG_LENGTH(sizeof(struct ndmsg)))
    return;
  const struct ndmsg *neighbour = mnl_nlmsg_get_payload(message);
  if (neighbour->ndm_ifindex == (int)sampler->ifindex && (neighbour->ndm_state & NUD_NOARP) == 0 &&
      sampler->neighbour_count++ < SAMPLER_NEIGHBOURS_MAX)
    sampler_add(sampler, SAMPLE_NEIGHBOUR, message, message->nlmsg_len);
}

void sampler_ask_neighbours(struct sampler *sampler)
{
  struct request request;
  struct ndmsg *neighbour;
  struct nlmsghdr *message =
      request_begin(&request, RTM_GETNEIGH, NLM_F_DUMP, &neighbour, sizeof *neighbour);
  mnl_attr_put_u32(message, NDA_IFINDEX, sampler->ifindex);
  sampler->neighbour_count = 0;
  netlink_ask(sampler->route, message, add_neighbour, sampler);
}

static void take_address(void *context, const struct nlmsghdr *message)
{
  struct sampler *sampler = context;
  if (message->nlmsg_type != RTM_NEWADDR ||
      message->nlmsg_len < NLMSG_LENGTH(sizeof(struct ifaddrmsg)))
    return;
  const struct ifaddrmsg *header = mnl_nlmsg_get_payload(message);
  if (header->ifa_index != sampler->ifindex &&
      (sampler->master_ifindex == 0 || header->ifa_index != sampler->master_ifindex))
    return;
  const struct nlattr *local = find_attribute(message, sizeof *header, IFA_LOCAL);
  if (local == NULL) /* which is the peer's on a point-to-point link, where there is a local one */
    local = find_attribute(message, sizeof *header, IFA_ADDRESS);
  size_t size = header->ifa_family == AF_INET ? 4 : 16;
  if (local == NULL || mnl_attr_get_payload_len(local) != size ||
      sampler->address_count == SAMPLER_ADDRESSES_MAX)
    return;
  struct sampler_address *own = &sampler->addresses[sampler->address_count++];
  own->family = header->ifa_family;
  memset(own->bytes, 0, sizeof own->bytes);
  memcpy(own->bytes, mnl_attr_get_payload(local), size);
}

void sampler_find_addresses(struct sampler *sampler)
{
  struct request request;
  struct ifaddrmsg *address;
  struct nlmsghdr *message =
      request_begin(&request, RTM_GETADDR, NLM_F_DUMP, &address, sizeof *address);
  sampler->address_count = 0;
  netlink_ask(sampler->route, message, take_address, sampler);
}

static struct nlmsghdr *socket_request(struct request *request, uint8_t family, uint16_t flags,
                                       struct inet_diag_req_v2 **diag)
{
  struct nlmsghdr *message =
      request_begin(request, SOCK_DIAG_BY_FAMILY, flags, diag, sizeof **diag);
  (*diag)->sdiag_family = family;
  (*diag)->sdiag_protocol = IPPROTO_TCP;
  (*diag)->idiag_states = STATES_OF_INTEREST;
  return message;
}

/* An IPv6 socket that speaks IPv4 has the IPv4 address in its last four bytes. */
static bool is_own(const struct sampler *sampler, const struct inet_diag_msg *socket)
{
  static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
  const uint8_t *source = (const uint8_t *)socket->id.idiag_src;
  uint8_t family = socket->idiag_family;
  if (family == AF_INET6 && memcmp(source, mapped, sizeof mapped) == 0) {
    family = AF_INET;
    source += sizeof mapped;
  }
  for (uint32_t i = 0; i < sampler->address_count; i++)
    if (sampler->addresses[i].family == family &&
        memcmp(sampler->addresses[i].bytes, source, family == AF_INET ? 4 : 16) == 0)
      return true;
  return false;
}

static void take_socket(void *context, const struct nlmsghdr *message)
{
  struct sampler *sampler = context;
  if (message->nlmsg_type != SOCK_DIAG_BY_FAMILY ||
      message->nlmsg_len < NLMSG_LENGTH(sizeof(struct inet_diag_msg)))
    return;
  const struct inet_diag_msg *found = mnl_nlmsg_get_payload(message);
  if (!is_own(sampler, found))
    return;
  for (uint32_t i = 0; i < sampler->socket_count; i++)
    if (memcmp(sampler->sockets[i].id.idiag_cookie, found->id.idiag_cookie,
               sizeof found->id.idiag_cookie) == 0)
      return;
  if (sampler->socket_count == SAMPLER_SOCKETS_MAX) {
    sampler->passed_over++;
    return;
  }
  sampler->sockets[sampler->socket_count++] =
      (struct sampler_socket){.family = found->idiag_family, .id = found->id};
}

void sampler_find_sockets(struct sampler *sampler)
{
  static const uint8_t families[] = {AF_INET, AF_INET6};
  sampler->passed_over = 0;
  for (size_t i = 0; i < sizeof families; i++) {
    struct request request;
    struct inet_diag_req_v2 *diag;
    struct nlmsghdr *message = socket_request(&request, families[i], NLM_F_DUMP, &diag);
    netlink_ask(sampler->diag, message, take_socket, sampler);
  }
}

struct polling {
  struct sampler *sampler;
  struct sampler_socket *socket;
};

/* Something to send or to read, and no byte more acknowledged or received than before: it waits. */
static void note_progress(struct sampler_socket *socket, const struct inet_diag_msg *message,
                          const uint8_t *info, size_t info_bytes, int64_t now_ns)
{
  uint64_t acked = 0, received = 0;
  if (info_bytes < offsetof(struct tcp_info, tcpi_bytes_received) + sizeof received)
    return;
  memcpy(&acked, info + offsetof(struct tcp_info, tcpi_bytes_acked), sizeof acked);
  memcpy(&received, info + offsetof(struct tcp_info, tcpi_bytes_received), sizeof received);
  bool outstanding = message->idiag_wqueue > 0 || message->idiag_rqueue > 0;
  if (!outstanding)
    socket->waiting_ns = 0;
  else if (socket->waiting_ns == 0 || acked + received != socket->progress)
    socket->waiting_ns = now_ns;
  socket->progress = acked + received;
}

static void add_socket(void *context, const struct nlmsghdr *message)
{
  const struct polling *polling = context;
  if (message->nlmsg_type != SOCK_DIAG_BY_FAMILY ||
      message->nlmsg_len < NLMSG_LENGTH(sizeof(struct inet_diag_msg)))
    return;
  const struct inet_diag_msg *found = mnl_nlmsg_get_payload(message);
  const struct nlattr *info = find_attribute(message, sizeof *found, INET_DIAG_INFO);
  if (info != NULL)
    note_progress(polling->socket, found, mnl_attr_get_payload(info),
                  mnl_attr_get_payload_len(info), polling->sampler->begun_monotonic_ns);
  sampler_add(polling->sampler, SAMPLE_SOCKET, message, message->nlmsg_len);
}

void sampler_ask_socket(struct sampler *sampler, struct sampler_socket *socket)
{
  struct request request;
  struct inet_diag_req_v2 *diag;
  struct polling polling = {sampler, socket};
  struct nlmsghdr *message = socket_request(&request, socket->family, NLM_F_ACK, &diag);
  diag->idiag_ext =
      1 << (INET_DIAG_INFO - 1) | 1 << (INET_DIAG_CONG - 1) | 1 << (INET_DIAG_SKMEMINFO - 1);
  diag->id = socket->id;
  int rc = netlink_ask(sampler->diag, message, add_socket, &polling);
  if (rc != -ENOENT && rc != -ESTALE)
    return;
  socket->gone = true;
  sampler_add(sampler, SAMPLE_SOCKET_GONE, &socket->id, sizeof socket->id);
}
