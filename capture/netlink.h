#ifndef CAPTURE_NETLINK_H
#define CAPTURE_NETLINK_H

/* A netlink socket that asks one question at a time. */

#include "wire/error.h"

#include <linux/netlink.h>
#include <stdint.h>

struct netlink; /* opaque */

/* protocol: NETLINK_ROUTE, NETLINK_SOCK_DIAG; in the calling thread's network namespace. */
int netlink_open(struct netlink **netlink, int protocol, struct error *error);
void netlink_close(struct netlink *netlink); /* NULL is allowed */
int netlink_descriptor(const struct netlink *netlink);

typedef void netlink_handler(void *context, const struct nlmsghdr *message);

/* Sends a request, a whole message whose sequence number this fills in, and hands every answer to
 * the handler, until the kernel says that this was all: NLM_F_DUMP or NLM_F_ACK must be set.
 * Returns 0, or -errno: -ENOENT if what was asked for is not there. */
int netlink_ask(struct netlink *netlink, struct nlmsghdr *request, netlink_handler *handler,
                void *context);

#endif
