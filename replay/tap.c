#include "replay/tap.h"

#include "replay/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

_Static_assert(sizeof((struct tap *)0)->name == IFNAMSIZ, "a device's name");

struct order {
  struct tap *tap;
  const char *name;
};

static int make_device(struct tap *tap, const char *name, struct error *error)
{
  struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};
  if (tap->offload)
    request.ifr_flags |= IFF_VNET_HDR;
  snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
  tap->descriptor = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (tap->descriptor < 0)
    return error_set(error, ERROR_IO, "/dev/net/tun: %s%s", strerror(errno),
                     errno == EACCES   ? "; run it with sudo, or make that device accessible"
                     : errno == ENOENT ? "; `sudo modprobe tun` makes it, where the kernel has it"
                                       : "");
  if (ioctl(tap->descriptor, TUNSETIFF, &request) != 0)
    return error_set(error, ERROR_IO, "cannot make the TAP device %s: %s", name, strerror(errno));
  if (tap->offload &&
      ioctl(tap->descriptor, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6) != 0)
    return error_set(error, ERROR_IO, "%s: no segmentation offload: %s", name, strerror(errno));
  memcpy(tap->name, request.ifr_name, sizeof tap->name);
  return 0;
}

struct link_request {
  struct nlmsghdr header;
  struct ifinfomsg link;
  struct rtattr attribute;
  uint32_t tx_queue_frames;
};

struct link_answer {
  struct nlmsghdr header;
  struct nlmsgerr result;
  char rest[256]; /* the kernel's words on it */
};

/* Sets the device up, with the ring that is wanted. By netlink: the ioctl for the length of a queue
 * asks for rights in the first user namespace. Returns 0 or an errno value. */
static int set_device(const struct tap *tap, int control)
{
  struct link_request request = {
      .header = {.nlmsg_len = sizeof request,
                 .nlmsg_type = RTM_NEWLINK,
                 .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK},
      .link = {.ifi_family = AF_UNSPEC,
               .ifi_index = (int)if_nametoindex(tap->name),
               .ifi_flags = IFF_UP,
               .ifi_change = IFF_UP},
      .attribute = {.rta_len = RTA_LENGTH(sizeof request.tx_queue_frames), .rta_type = IFLA_TXQLEN},
      .tx_queue_frames = tap->ring_frames};
  if (tap->ring_frames == 0)
    request.header.nlmsg_len = NLMSG_LENGTH(sizeof request.link);
  struct link_answer answer = {0};
  if (send(control, &request, request.header.nlmsg_len, 0) < 0)
    return errno;
  const ssize_t size = recv(control, &answer, sizeof answer, 0);
  if (size < (ssize_t)offsetof(struct link_answer, rest))
    return size < 0 ? errno : EPROTO;
  return answer.header.nlmsg_type == NLMSG_ERROR ? -answer.result.error : EPROTO;
}

/* The device belongs to the namespace where this runs. */
static int make(void *context, struct error *error)
{
  const struct order *order = context;
  struct tap *tap = order->tap;
  int result = make_device(tap, order->name, error);
  const int control = result == 0 ? socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE) : -1;
  if (result == 0 && control < 0)
    result = error_set(error, ERROR_IO, "socket: %s", strerror(errno));
  const int refused = result == 0 ? set_device(tap, control) : 0;
  if (refused != 0)
    result = error_set(error, ERROR_IO, "%s: cannot be set up, with a ring of %u frames: %s",
                       tap->name, tap->ring_frames, strerror(refused));
  if (control >= 0)
    close(control);
  tap->statistics = open("/proc/thread-self/net/dev", O_RDONLY | O_CLOEXEC);
  return result;
}

int tap_open(struct tap *tap, int netns, const char *name, bool offload, uint32_t ring_frames,
             struct error *error)
{
  *tap = (struct tap){
      .descriptor = -1, .statistics = -1, .offload = offload, .ring_frames = ring_frames};
  struct order order = {tap, name};
  if (strlen(name) >= sizeof tap->name)
    return error_set(error, ERROR_USAGE, "%.40s is no name for a device", name);
  const int result = netns < 0 ? make(&order, error) : netns_run(netns, make, &order, error);
  if (result != 0)
    tap_close(tap);
  return result;
}

void tap_close(struct tap *tap)
{
  if (tap->descriptor >= 0)
    close(tap->descriptor);
  if (tap->statistics >= 0)
    close(tap->statistics);
  tap->descriptor = tap->statistics = -1;
}

/* A line of /proc/net/dev: name, eight figures of what was received, eight of what was sent; the
 * fourth of each are the drops. */
int64_t tap_ring_drops(const struct tap *tap)
{
  char text[8192], wanted[sizeof tap->name + 2];
  const ssize_t size = pread(tap->statistics, text, sizeof text - 1, 0);
  if (size <= 0)
    return -1;
  text[size] = '\0';
  snprintf(wanted, sizeof wanted, "%s:", tap->name);
  const char *at = strstr(text, wanted);
  if (at == NULL)
    return -1;
  at += strlen(wanted);
  long long figure = -1;
  for (int i = 0; i < 12; i++) {
    char *end = NULL;
    figure = strtoll(at, &end, 10);
    if (end == at)
      return -1;
    at = end;
  }
  return figure;
}
