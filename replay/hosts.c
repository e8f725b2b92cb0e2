#include "replay/hosts.h"

#include "replay/hosts_netlink.h"
#include "replay/netns.h"
#include "wire/timestamp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define MTU_DEFAULT 1500
/* tcp_rmem: what a socket has at least, and what it begins with; Linux's own defaults. */
#define RECEIVE_MIN_BYTES   4096
#define RECEIVE_BEGIN_BYTES 131072
/* In percent of the estimated rate: far more than a window. */
#define OLD_PACING_PERCENT 1000

struct making {
  struct live_host *host;
  const struct live_host_options *options;
};

/* ---- settings ---- */

/* Of the namespace of this thread. Returns 0 or ERROR_IO. */
static int set_sysctl(const char *name, const char *value, struct error *error)
{
  char path[128];
  snprintf(path, sizeof path, "/proc/sys/net/%s", name);
  const int descriptor = open(path, O_WRONLY | O_CLOEXEC);
  const ssize_t size = (ssize_t)strlen(value);
  const bool ok = descriptor >= 0 && write(descriptor, value, (size_t)size) == size;
  const int why = errno;
  if (descriptor >= 0)
    close(descriptor);
  return ok ? 0 : error_set(error, ERROR_IO, "%s: %s", path, strerror(why));
}

/* What a host says unasked would set a queue going that has to stand still. Kernels without IPv6
 * do not have these. */
static void be_silent(bool ipv6)
{
  set_sysctl("ipv6/conf/all/disable_ipv6", ipv6 ? "0" : "1", NULL);
  set_sysctl("ipv6/conf/default/disable_ipv6", ipv6 ? "0" : "1", NULL);
  set_sysctl("ipv6/conf/default/router_solicitations", "0", NULL);
  set_sysctl("ipv6/conf/default/accept_ra", "0", NULL);
  set_sysctl("ipv6/conf/default/accept_dad", "0", NULL);
  set_sysctl("ipv6/conf/default/addr_gen_mode", "1", NULL); /* no link-local address */
}

static int set_up_tcp(const struct live_host_options *options, struct error *error)
{
  char text[64];
  int result = set_sysctl("ipv4/tcp_timestamps", options->timestamps ? "1" : "0", error);
  if (result == 0)
    result = set_sysctl("ipv4/tcp_sack", options->sack ? "1" : "0", error);
  if (result == 0)
    result = set_sysctl("ipv4/tcp_window_scaling", options->window_scaling ? "1" : "0", error);
  if (result == 0 && options->receive_max_bytes > 0) {
    const uint32_t begin = options->receive_max_bytes < RECEIVE_BEGIN_BYTES
                               ? options->receive_max_bytes
                               : RECEIVE_BEGIN_BYTES;
    snprintf(text, sizeof text, "%d %u %u", RECEIVE_MIN_BYTES, begin, options->receive_max_bytes);
    result = set_sysctl("ipv4/tcp_rmem", text, error);
  }
  snprintf(text, sizeof text, "%d", OLD_PACING_PERCENT);
  if (options->old_pacing) {
    set_sysctl("ipv4/tcp_pacing_ss_ratio", text, NULL);
    set_sysctl("ipv4/tcp_pacing_ca_ratio", text, NULL);
  }
  return result;
}

/* ---- device, address, neighbour ---- */

static int set_up_link(const struct live_host *host, const struct live_host_options *options,
                       struct error *error)
{
  const struct ifinfomsg link = {.ifi_index = host->index};
  struct hosts_netlink_request request;
  hosts_netlink_begin(&request, RTM_NEWLINK, 0, &link, sizeof link);
  hosts_netlink_add(&request, IFLA_ADDRESS, options->mac, sizeof options->mac);
  hosts_netlink_add_u32(&request, IFLA_MTU, options->mtu > 0 ? options->mtu : MTU_DEFAULT);
  /* One segment a frame: what leaves is what TCP has built, and it knows it again in its queue. */
  hosts_netlink_add_u32(&request, IFLA_GSO_MAX_SEGS, 1);
  return hosts_netlink_ask(host->netlink, &request, "setting up the TAP device", error);
}

static const uint8_t *address_bytes(const struct ip_address *address, uint8_t version)
{
  return version == 4 ? address->bytes + 12 : address->bytes;
}

static int set_up_address(const struct live_host *host, const struct live_host_options *options,
                          struct error *error)
{
  const bool v4 = options->ip_version == 4;
  const size_t size = v4 ? 4 : 16;
  const struct ifaddrmsg head = {.ifa_family = v4 ? AF_INET : AF_INET6,
                                 .ifa_prefixlen = v4 ? 24 : 64,
                                 .ifa_flags = v4 ? 0 : IFA_F_NODAD,
                                 .ifa_index = (unsigned)host->index};
  struct hosts_netlink_request request;
  hosts_netlink_begin(&request, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, &head, sizeof head);
  hosts_netlink_add(&request, IFA_LOCAL, address_bytes(&options->address, options->ip_version),
                    size);
  hosts_netlink_add(&request, IFA_ADDRESS, address_bytes(&options->address, options->ip_version),
                    size);
  return hosts_netlink_ask(host->netlink, &request, "setting an address", error);
}

static int set_up_neighbour(const struct live_host *host, const struct live_host_options *options,
                            struct error *error)
{
  const bool v4 = options->ip_version == 4;
  const struct ndmsg head = {.ndm_family = v4 ? AF_INET : AF_INET6,
                             .ndm_ifindex = host->index,
                             .ndm_state = NUD_PERMANENT};
  struct hosts_netlink_request request;
  hosts_netlink_begin(&request, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, &head, sizeof head);
  hosts_netlink_add(&request, NDA_DST, address_bytes(&options->peer, options->ip_version),
                    v4 ? 4 : 16);
  hosts_netlink_add(&request, NDA_LLADDR, options->peer_mac, sizeof options->peer_mac);
  return hosts_netlink_ask(host->netlink, &request, "setting a neighbour", error);
}

/* Ahead of the device: it speaks as soon as it is up. */
static int prepare(void *context, struct error *error)
{
  const struct making *making = context;
  be_silent(making->options->ip_version == 6);
  making->host->netlink = hosts_netlink_open(error);
  if (making->host->netlink < 0)
    return ERROR_IO;
  return set_up_tcp(making->options, error);
}

static int find_index(void *context, struct error *error)
{
  struct live_host *host = context;
  host->index = (int)if_nametoindex(host->tap.name);
  return host->index > 0 ? 0
                         : error_set(error, ERROR_IO, "%s: %s", host->tap.name, strerror(errno));
}

int live_host_make(struct live_host *host, int netns, const struct live_host_options *options,
                   struct error *error)
{
  struct making making = {host, options};
  *host = (struct live_host){
      .netns = netns, .netlink = -1, .tap = {.descriptor = -1, .statistics = -1}};
  int result = netns_run(netns, prepare, &making, error);
  if (result == 0)
    result = tap_open(&host->tap, netns, options->interface, false, options->ring_frames, error);
  if (result == 0)
    result = netns_run(netns, find_index, host, error);
  if (result == 0)
    result = set_up_link(host, options, error);
  if (result == 0)
    result = set_up_address(host, options, error);
  if (result == 0)
    result = set_up_neighbour(host, options, error);
  if (result != 0)
    live_host_clear(host);
  return result;
}

void live_host_clear(struct live_host *host)
{
  tap_close(&host->tap);
  if (host->netlink >= 0)
    close(host->netlink);
  host->netlink = -1;
}

int live_host_route(const struct live_host *host, uint8_t ip_version, const struct ip_address *peer,
                    int64_t rto_min_ns, struct error *error)
{
  const bool v4 = ip_version == 4;
  const struct rtmsg head = {.rtm_family = v4 ? AF_INET : AF_INET6,
                             .rtm_dst_len = v4 ? 32 : 128,
                             .rtm_table = RT_TABLE_MAIN,
                             .rtm_protocol = RTPROT_STATIC,
                             .rtm_scope = RT_SCOPE_LINK,
                             .rtm_type = RTN_UNICAST};
  struct hosts_netlink_request request;
  hosts_netlink_begin(&request, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, &head, sizeof head);
  hosts_netlink_add(&request, RTA_DST, address_bytes(peer, ip_version), v4 ? 4 : 16);
  hosts_netlink_add_u32(&request, RTA_OIF, (uint32_t)host->index);
  const size_t metrics = hosts_netlink_nest(&request, RTA_METRICS);
  hosts_netlink_add_u32(&request, RTAX_RTO_MIN, (uint32_t)(rto_min_ns / NS_PER_MS));
  hosts_netlink_add_u32(&request, RTAX_LOCK, 1U << RTAX_RTO_MIN);
  hosts_netlink_nest_end(&request, metrics);
  return hosts_netlink_ask(host->netlink, &request, "setting a route", error);
}

static int raise_loopback(void *context, struct error *error)
{
  (void)context;
  struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
  const int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const bool ok = descriptor >= 0 && ioctl(descriptor, SIOCSIFFLAGS, &request) == 0;
  const int why = errno;
  if (descriptor >= 0)
    close(descriptor);
  return ok ? 0 : error_set(error, ERROR_IO, "lo: %s", strerror(why));
}

int live_host_loopback(const struct live_host *host, struct error *error)
{
  return netns_run(host->netns, raise_loopback, NULL, error);
}

int live_host_forget(const struct live_host *host, uint8_t ip_version,
                     const struct ip_address *peer, struct error *error)
{
  const bool v4 = ip_version == 4;
  const struct ndmsg head = {.ndm_family = v4 ? AF_INET : AF_INET6, .ndm_ifindex = host->index};
  struct hosts_netlink_request request;
  hosts_netlink_begin(&request, RTM_DELNEIGH, 0, &head, sizeof head);
  hosts_netlink_add(&request, NDA_DST, address_bytes(peer, ip_version), v4 ? 4 : 16);
  return hosts_netlink_ask(host->netlink, &request, "deleting a neighbour", error);
}

struct ip_address live_host_address(uint8_t ip_version, uint8_t n)
{
  const struct ip_address v4 = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 77, 0, n}};
  const struct ip_address v6 = {{0xfd, 0, 0, 0x77, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, n}};
  return ip_version == 4 ? v4 : v6;
}

void live_host_mac(uint8_t n, uint8_t mac[6])
{
  const uint8_t bytes[6] = {2, 0, 0, 0, 0x77, n};
  memcpy(mac, bytes, sizeof bytes);
}

/* ---- a foreign packet ---- */

struct ping {
  uint8_t ip_version;
  const struct ip_address *peer;
};

static uint16_t checksum(const uint8_t *bytes, size_t size)
{
  uint32_t sum = 0;
  for (size_t i = 0; i + 1 < size; i += 2)
    sum += (uint32_t)(bytes[i] << 8 | bytes[i + 1]);
  while (sum > 0xffff)
    sum = (sum & 0xffff) + (sum >> 16);
  return htons((uint16_t)~sum);
}

static int ping_here(void *context, struct error *error)
{
  const struct ping *ping = context;
  const bool v4 = ping->ip_version == 4;
  struct sockaddr_in to4 = {.sin_family = AF_INET};
  struct sockaddr_in6 to6 = {.sin6_family = AF_INET6};
  uint8_t message[64] = {v4 ? ICMP_ECHO : ICMP6_ECHO_REQUEST, 0, 0, 0, 0x77, 0x77, 0, 1};
  memcpy(&to4.sin_addr, ping->peer->bytes + 12, 4);
  memcpy(&to6.sin6_addr, ping->peer->bytes, 16);
  const uint16_t sum = checksum(message, sizeof message);
  if (v4) /* of ICMPv6 the kernel makes it itself */
    memcpy(message + 2, &sum, sizeof sum);
  const int descriptor = socket(v4 ? AF_INET : AF_INET6, SOCK_RAW | SOCK_CLOEXEC,
                                v4 ? (int)IPPROTO_ICMP : (int)IPPROTO_ICMPV6);
  const ssize_t sent = descriptor < 0
                           ? -1
                           : sendto(descriptor, message, sizeof message, MSG_DONTWAIT,
                                    v4 ? (struct sockaddr *)&to4 : (struct sockaddr *)&to6,
                                    v4 ? (socklen_t)sizeof to4 : (socklen_t)sizeof to6);
  const int why = errno;
  if (descriptor >= 0)
    close(descriptor);
  return sent < 0 ? error_set(error, ERROR_IO, "a ping could not be sent: %s", strerror(why)) : 0;
}

int live_host_ping(const struct live_host *host, uint8_t ip_version, const struct ip_address *peer,
                   struct error *error)
{
  struct ping ping = {ip_version, peer};
  return netns_run(host->netns, ping_here, &ping, error);
}
