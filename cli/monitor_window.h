#ifndef CLI_MONITOR_WINDOW_H
#define CLI_MONITOR_WINDOW_H

/* The last packets of all capture points of a live analysis, and the last samples, in memory that
 * does not grow; and what of them tells of one connection. */

#include "analyzer/analyzer.h"
#include "wire/host_sample.h"
#include "wire/packet.h"

#include <stdbool.h>
#include <stdint.h>

struct window_mark; /* opaque */

struct monitor_window {
  struct packet *packets; /* rings */
  struct window_mark *marks;
  uint64_t packet_capacity, next_packet; /* next_packet: counts for ever */
  struct host_sample *samples;
  int64_t *sample_here_ns;
  uint64_t sample_capacity, next_sample;
};

/* bytes: of everything, about. 0 or ERROR_MEMORY. */
int monitor_window_init(struct monitor_window *window, uint64_t bytes);
void monitor_window_free(struct monitor_window *window);

/* here_ns: its time, or when it came, on this host's clock; as the times of a wish. */
void monitor_window_add(struct monitor_window *window, const struct packet *packet,
                        int64_t here_ns);
void monitor_window_add_sample(struct monitor_window *window, const struct host_sample *sample,
                               int64_t here_ns);

/* Around these times everything is taken: what set the stream going, or stopped it, may be any
 * packet. */
struct window_connection {
  struct endpoint a, b;
  int64_t start_ns, end_ns;
};
#define WINDOW_CONNECTIONS_MAX 64u

/* What to take of it. */
struct window_wish {
  uint32_t ends;
  const struct window_connection *connections; /* no more than WINDOW_CONNECTIONS_MAX */
  uint32_t connection_count;
  int64_t from_ns;      /* nothing older */
  uint32_t packets_max; /* of the connections; the newest ones. And half as many others, at most */
  bool only_these;      /* nothing of others */
};

/* Pointers into the window, valid until something is added to it. */
struct window_part {
  const struct packet **packets[ANALYZER_ENDS_MAX];
  uint32_t counts[ANALYZER_ENDS_MAX];
  const struct host_sample **samples;
  uint32_t sample_count;
};

/* The connections' packets; of others enough to know when each end saw anything at all, and what
 * may matter to everybody: ARP, neighbour discovery, ICMP.  An end that does not know the addresses
 * of all connections (NAT) gives the last TCP packets of some others. 0 or ERROR_MEMORY. */
int monitor_window_take(const struct monitor_window *window, const struct window_wish *wish,
                        struct window_part *part);
void window_part_free(struct window_part *part);

#endif
