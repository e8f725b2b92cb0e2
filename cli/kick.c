#include "cli/kick.h"

#include "capture/net_namespace.h"
#include "wire/frame_builder.h"
#include "wire/timestamp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ETHERNET_BYTES 14
#define HOP_LIMIT      64
#define ECHO_ID        0x7463 /* "tc" */

/* A connection that was kicked: as a direction of it, whichever that was. */
struct kicked {
  struct ip_address src, dst;
  uint16_t src_port, dst_port;
  int64_t time_ns; /* CLOCK_MONOTONIC; 0 = no entry */
};

struct kick {
  char interface[IF_NAMESIZE];
  int network_namespace; /* -1 = the own one */
  int socket;            /* -1 = to be opened again */
  int ifindex;
  bool ethernet;
  uint8_t address[6]; /* the interface's own */
  enum kick_kind kind;
  int64_t interval_ns, last_ns;
  uint32_t sent;
  struct frame_builder *builder;
  struct kicked kicked[KICK_CONNECTIONS_MAX];
};

static int64_t clock_ns(clockid_t clock)
{
  struct timespec now;
  clock_gettime(clock, &now);
  return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

/* The interface's index, kind and address, in the namespace where the socket is. */
static int learn_interface(struct kick *kick, struct error *error)
{
  struct ifreq request;
  memset(&request, 0, sizeof request);
  snprintf(request.ifr_name, sizeof request.ifr_name, "%s", kick->interface);
  if (ioctl(kick->socket, SIOCGIFINDEX, &request) != 0)
    return error_set(error, ERROR_IO, "%s: %s", kick->interface, strerror(errno));
  kick->ifindex = request.ifr_ifindex;
  if (ioctl(kick->socket, SIOCGIFHWADDR, &request) != 0)
    return error_set(error, ERROR_IO, "%s: %s", kick->interface, strerror(errno));
  kick->ethernet = request.ifr_hwaddr.sa_family == ARPHRD_ETHER;
  memcpy(kick->address, request.ifr_hwaddr.sa_data, sizeof kick->address);
  if (kick->ethernet || request.ifr_hwaddr.sa_family == ARPHRD_NONE)
    return 0;
  return error_set(error, ERROR_UNSUPPORTED,
                   "%s: no kick can be sent through this kind of interface (hardware type %d)",
                   kick->interface, (int)request.ifr_hwaddr.sa_family);
}

/* Protocol 0: it only sends. */
static int open_here(struct kick *kick, struct error *error)
{
  kick->socket = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (kick->socket < 0)
    return error_set(error, ERROR_IO, "%s: a kick needs a packet socket: %s%s", kick->interface,
                     strerror(errno), errno == EPERM ? " (root, or CAP_NET_RAW)" : "");
  int rc = learn_interface(kick, error);
  if (rc < 0) {
    close(kick->socket);
    kick->socket = -1;
  }
  return rc;
}

static int open_socket(struct kick *kick, struct error *error)
{
  int home, rc = net_namespace_enter(kick->network_namespace, &home, error);
  if (rc < 0)
    return rc;
  rc = open_here(kick, error);
  struct error back;
  if (net_namespace_leave(home, &back) < 0)
    rc = error_set(error, back.code, "%s", back.text);
  return rc;
}

int kick_open(struct kick **kick_out, const char *interface, const char *network_namespace,
              enum kick_kind kind, int64_t interval_ns, struct error *error)
{
  *kick_out = NULL;
  struct kick *kick = calloc(1, sizeof *kick);
  if (kick == NULL)
    return error_set(error, ERROR_MEMORY, "no memory for kicks");
  snprintf(kick->interface, sizeof kick->interface, "%s", interface);
  kick->socket = kick->network_namespace = -1;
  kick->kind = kind;
  kick->interval_ns = interval_ns < KICK_INTERVAL_NS_MIN ? KICK_INTERVAL_NS_MIN : interval_ns;
  kick->builder = frame_builder_new(error);
  int rc = kick->builder != NULL ? 0 : ERROR_MEMORY;
  if (rc == 0 && network_namespace != NULL) {
    rc = net_namespace_open(network_namespace, error);
    kick->network_namespace = rc;
  }
  if (rc >= 0)
    rc = open_socket(kick, error);
  if (rc < 0)
    kick_close(kick);
  else
    *kick_out = kick;
  return rc < 0 ? rc : 0;
}

void kick_close(struct kick *kick)
{
  if (kick == NULL)
    return;
  if (kick->socket >= 0)
    close(kick->socket);
  if (kick->network_namespace >= 0)
    close(kick->network_namespace);
  frame_builder_free(kick->builder);
  free(kick);
}

static bool is_same(const struct kicked *kicked, const struct kick_request *request)
{
  bool along = memcmp(&kicked->src, &request->src, sizeof kicked->src) == 0 &&
               memcmp(&kicked->dst, &request->dst, sizeof kicked->dst) == 0 &&
               kicked->src_port == request->src_port && kicked->dst_port == request->dst_port;
  return along || (memcmp(&kicked->src, &request->dst, sizeof kicked->src) == 0 &&
                   memcmp(&kicked->dst, &request->src, sizeof kicked->dst) == 0 &&
                   kicked->src_port == request->dst_port && kicked->dst_port == request->src_port);
}

/* Where the connection's last kick is noted; the oldest note if it had none. */
static struct kicked *find_note(struct kick *kick, const struct kick_request *request)
{
  struct kicked *oldest = &kick->kicked[0];
  for (uint32_t i = 0; i < KICK_CONNECTIONS_MAX; i++) {
    struct kicked *kicked = &kick->kicked[i];
    if (kicked->time_ns != 0 && is_same(kicked, request))
      return kicked;
    if (kicked->time_ns < oldest->time_ns)
      oldest = kicked;
  }
  return oldest;
}

/* false: not yet. A table full of connections that are not due yet is a reason to wait as well. */
static bool is_due(const struct kick *kick, const struct kicked *note, int64_t now_ns)
{
  return (kick->last_ns == 0 || now_ns - kick->last_ns >= KICK_SPACING_NS) &&
         (note->time_ns == 0 || now_ns - note->time_ns >= kick->interval_ns);
}

static int build(struct kick *kick, const struct kick_request *request, uint8_t *frame,
                 const char **what, struct error *error)
{
  char mark[32];
  struct frame_ends ends = {.ip_version = request->ip_version,
                            .src = request->src,
                            .dst = request->dst,
                            .ttl = HOP_LIMIT};
  memcpy(ends.ether_src, request->has_ether ? request->ether_src : kick->address,
         sizeof ends.ether_src);
  if (request->has_ether)
    memcpy(ends.ether_dst, request->ether_dst, sizeof ends.ether_dst);
  bool no_address = kick->ethernet && !request->has_ether;
  if (kick->ethernet && (kick->kind == KICK_ARP || no_address)) {
    *what = request->ip_version == 4 ? "ARP request" : "neighbour solicitation";
    return frame_builder_who_has(kick->builder, &ends, FRAME_KICK_MARK, frame, error);
  }
  *what = request->ip_version == 4 ? "ICMP echo request" : "ICMPv6 echo request";
  int length = snprintf(mark, sizeof mark, FRAME_KICK_MARK " %u", kick->sent + 1);
  return frame_builder_echo(kick->builder, &ends, ECHO_ID, (uint16_t)(kick->sent + 1),
                            (const uint8_t *)mark, (uint32_t)length, frame, error);
}

/* On a tun there is no Ethernet header. */
static int transmit(struct kick *kick, const struct kick_request *request, const uint8_t *frame,
                    size_t size, struct error *error)
{
  size_t skipped = kick->ethernet ? 0 : ETHERNET_BYTES;
  struct sockaddr_ll to = {.sll_family = AF_PACKET,
                           .sll_ifindex = kick->ifindex,
                           .sll_protocol =
                               htons(request->ip_version == 4 ? ETHERTYPE_IP : ETHERTYPE_IPV6),
                           .sll_halen = 6};
  if (kick->ethernet)
    memcpy(&to.sll_protocol, frame + ETHERNET_BYTES - 2, 2);
  if (sendto(kick->socket, frame + skipped, size - skipped, MSG_DONTWAIT, (const void *)&to,
             sizeof to) >= 0)
    return 0;
  int why = errno;
  if (why == ENXIO || why == ENODEV) { /* it went away: another one may have its name some day */
    close(kick->socket);
    kick->socket = -1;
  }
  return error_set(error, ERROR_IO, "%s: the kick could not be sent: %s", kick->interface,
                   strerror(why));
}

int kick_send(struct kick *kick, const struct kick_request *request, struct kick_sent *sent,
              struct error *error)
{
  uint8_t frame[FRAME_BUILDER_MAX];
  int64_t now_ns = clock_ns(CLOCK_MONOTONIC);
  struct kicked *note = find_note(kick, request);
  if (kick->kind == KICK_NONE || !is_due(kick, note, now_ns))
    return 0;
  if (kick->socket < 0) {
    int rc = open_socket(kick, error);
    if (rc < 0)
      return rc;
  }
  int size = build(kick, request, frame, &sent->what, error);
  if (size < 0)
    return size;
  sent->time_ns = clock_ns(CLOCK_REALTIME);
  /* Noted before: what cannot be sent is not tried more often either. */
  kick->last_ns = now_ns;
  *note = (struct kicked){request->src, request->dst, request->src_port, request->dst_port, now_ns};
  int rc = transmit(kick, request, frame, (size_t)size, error);
  if (rc < 0)
    return rc;
  sent->number = ++kick->sent;
  return 1;
}

enum kick_outcome kick_judge(int64_t sent_ns, int64_t moved_ns, int64_t now_ns)
{
  if (time_is_valid(moved_ns) && moved_ns >= sent_ns)
    return moved_ns - sent_ns <= KICK_MOVED_ON_NS ? KICK_MOVED_ON : KICK_NO_EFFECT;
  return now_ns - sent_ns <= KICK_MOVED_ON_NS ? KICK_TOO_EARLY : KICK_NO_EFFECT;
}
