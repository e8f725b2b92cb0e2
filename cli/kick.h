#ifndef CLI_KICK_H
#define CLI_KICK_H

/* `capture --kick`: one packet of our own through an interface whose queue may have fallen asleep,
 * as the reporter of 2003 sent a ping by hand. It takes the way of every other packet of this host,
 * through the interface's queue (so no PACKET_QDISC_BYPASS): that is what wakes the queue up.
 *
 * A kick changes what is measured, so it is off unless asked for, sent at most once in an interval
 * per connection, and carries a mark that shows in the capture (FRAME_KICK_MARK, PACKET_KICK): the
 * analysis then says that a kick ended a stall, and that tcpstall sent it.
 *
 * Who sees the packets asks for it (struct kick_request, plain data, for recorder_ask()); who has
 * the rights sends it, and keeps to the interval whatever is asked for: kick_send(). */

#include "wire/error.h"
#include "wire/packet.h"

#include <stdbool.h>
#include <stdint.h>

#define KICK_INTERVAL_NS_DEFAULT INT64_C(10000000000)
#define KICK_INTERVAL_NS_MIN     INT64_C(100000000)
/* A stream that moves on so soon after a kick did so because of it. */
#define KICK_MOVED_ON_NS INT64_C(50000000)
/* All connections of an interface together: no more than ten kicks a second. */
#define KICK_SPACING_NS INT64_C(100000000)
/* Connections that are remembered: the one that was kicked longest ago is forgotten. */
#define KICK_CONNECTIONS_MAX 256u

enum kick_kind {
  KICK_NONE,
  KICK_ECHO, /* an ICMP or ICMPv6 echo request, from the sender to the receiver */
  KICK_ARP   /* an ARP request or neighbour solicitation for ether_dst's host: on-link only */
};

/* A direction of a connection that stands still, as its segments leave through the interface. */
struct kick_request {
  uint32_t end;               /* whose interface: the caller's choice of a struct kick */
  uint8_t ip_version;         /* 4 or 6 */
  struct ip_address src, dst; /* the sender of the data, and the receiver */
  uint16_t src_port, dst_port;
  /* The link-layer addresses of its last frame that went out here. Not known (a tun has none, a
   * capture on `any` neither): KICK_ARP asks everybody; KICK_ECHO asks everybody for ether_dst's
   * host as well, since it cannot be sent. */
  bool has_ether;
  uint8_t ether_src[6], ether_dst[6];
};

/* Who sees to a kick at that end. */
typedef void kick_handler(void *context, uint32_t end, const struct kick_request *request);

struct kick; /* opaque: of one interface */

/* Opens a packet socket for the interface (CAP_NET_RAW) in its namespace (as net_namespace_open()
 * takes it; NULL = the own one). 0 or a negative error_code: ERROR_UNSUPPORTED for a kind of
 * interface through which neither Ethernet frames nor IP packets go. */
int kick_open(struct kick **kick, const char *interface, const char *network_namespace,
              enum kick_kind kind, int64_t interval_ns, struct error *error);
void kick_close(struct kick *kick); /* NULL is allowed */

struct kick_sent {
  int64_t time_ns;  /* CLOCK_REALTIME, right before it was sent */
  uint32_t number;  /* of this interface's kicks, from 1 */
  const char *what; /* "ICMP echo request", ... */
};

/* Sends one now. 1: sent, *sent tells; 0: not yet, the last one was less than the interval ago;
 * negative: error_code (the interface is gone, its queue is full, no right). An interface that has
 * come back is found again. */
int kick_send(struct kick *kick, const struct kick_request *request, struct kick_sent *sent,
              struct error *error);

enum kick_outcome {
  KICK_TOO_EARLY, /* to tell */
  KICK_MOVED_ON,
  KICK_NO_EFFECT
};

/* sent_ns: of the kick; moved_ns: when the stream made progress next, TIME_INVALID: it has not. */
enum kick_outcome kick_judge(int64_t sent_ns, int64_t moved_ns, int64_t now_ns);

#endif
