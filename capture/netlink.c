#include "capture/netlink.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#define ANSWER_BYTES_MAX 32768 /* what the kernel puts into one datagram of a dump */
#define ANSWER_WAIT_MS   500   /* it answers at once; a lost answer must not stop everything */

struct netlink {
  struct mnl_socket *socket;
  uint32_t sequence;
  uint8_t answer[ANSWER_BYTES_MAX] __attribute__((aligned(8)));
};

struct answer {
  netlink_handler *handler;
  void *context;
};

int netlink_open(struct netlink **netlink_out, int protocol, struct error *error)
{
  const struct timeval wait = {.tv_usec = ANSWER_WAIT_MS * 1000};
  *netlink_out = NULL;
  struct netlink *netlink = calloc(1, sizeof *netlink);
  if (netlink == NULL)
    return error_set(error, ERROR_MEMORY, "no memory for netlink");
  netlink->socket = mnl_socket_open2(protocol, SOCK_CLOEXEC);
  if (netlink->socket == NULL || mnl_socket_bind(netlink->socket, 0, MNL_SOCKET_AUTOPID) != 0) {
    int rc = error_set(error, ERROR_IO, "netlink: %s", strerror(errno));
    netlink_close(netlink);
    return rc;
  }
  setsockopt(mnl_socket_get_fd(netlink->socket), SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
  *netlink_out = netlink;
  return 0;
}

void netlink_close(struct netlink *netlink)
{
  if (netlink == NULL)
    return;
  if (netlink->socket != NULL)
    mnl_socket_close(netlink->socket);
  free(netlink);
}

int netlink_descriptor(const struct netlink *netlink)
{
  return mnl_socket_get_fd(netlink->socket);
}

static int hand_over(const struct nlmsghdr *message, void *context)
{
  const struct answer *answer = context;
  answer->handler(answer->context, message);
  return MNL_CB_OK;
}

int netlink_ask(struct netlink *netlink, struct nlmsghdr *request, netlink_handler *handler,
                void *context)
{
  struct answer answer = {handler, context};
  unsigned port = mnl_socket_get_portid(netlink->socket);
  request->nlmsg_seq = ++netlink->sequence;
  if (mnl_socket_sendto(netlink->socket, request, request->nlmsg_len) < 0)
    return -errno;
  for (;;) {
    ssize_t size = mnl_socket_recvfrom(netlink->socket, netlink->answer, sizeof netlink->answer);
    if (size < 0)
      return -errno;
    int rc = mnl_cb_run(netlink->answer, (size_t)size, netlink->sequence, port, hand_over, &answer);
    if (rc == MNL_CB_STOP)
      return 0;
    if (rc == MNL_CB_ERROR && errno != EPROTO) /* EPROTO: late answers to an earlier question */
      return -errno;
  }
}
