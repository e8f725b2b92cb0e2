#ifndef ANALYZER_ENGINE_H
#define ANALYZER_ENGINE_H

/* The inside of struct analyzer, for the files of this room only. */

#include "analyzer/analyzer.h"
#include "analyzer/connection.h"
#include "analyzer/flow_table.h"
#include "analyzer/neighbours.h"
#include "analyzer/path_view.h"

/* The last packets of any kind: what left just before a held stream moved on may have kicked it
 * loose. */
#define RECENT_PACKETS 16u
struct recent_packet {
  int64_t time_ns;
  uint64_t frame, connection_id; /* 0: not TCP */
  struct ip_address src;
  uint8_t kind, icmp_type, end;
  bool own_kick; /* our own program sent it to set a queue going (PACKET_KICK) */
};

/* Stretches in which nothing at all was captured at an end, while connections were busy. */
#define SILENCES       32u
#define SILENCE_MIN_NS (100 * INT64_C(1000000))
/* Small messages lately: two hosts that talk on another connection may have agreed to end this one.
 */
#define MESSAGES          32u
#define MESSAGE_BYTES_MAX 512u
struct message {
  int64_t time_ns;
  uint64_t frame, connection_id;
  struct ip_address src, dst;
};

struct silence {
  int64_t start_ns, end_ns;
};

/* Connections by the time of their next look: a binary heap, earliest first (advance.h). */
struct due {
  int64_t at_ns;
  struct connection *connection;
};
struct due_queue {
  struct due *items;
  uint32_t count, capacity;
};

struct analyzer {
  struct analyzer_options options;
  struct analyzer_sink sink;
  struct path_source paths; /* several capture points: what the others saw; else all NULL */
  struct flow_table flows;
  struct flight_pool flights;
  struct analyzer_stats stats;
  uint64_t trouble_bytes;
  bool other_parts;  /* there are connections in other parts of this trace (PACKET_OTHER_PART) */
  bool time_pending; /* no packet has had a credible time yet */
  int64_t now_ns;    /* highest time seen */
  uint64_t now_frame;
  enum vantage declared[ANALYZER_ENDS_MAX];
  bool host_declared[ANALYZER_ENDS_MAX];
  struct ip_address host[ANALYZER_ENDS_MAX];
  struct recent_packet recent[RECENT_PACKETS];
  uint32_t recent_next;
  struct silence silences[SILENCES];
  uint32_t silence_next;
  struct message messages[MESSAGES];
  uint32_t message_next;
  struct neighbours neighbours;
  uint32_t crawls; /* alive */
  uint32_t unanswered_reported;
  struct hold_watch *watches[32]; /* hold_watch.c: verdicts kept back */
  uint32_t watching;
  struct resume_watch *resumes[32]; /* resume_watch.c: the same */
  uint32_t resuming;
  bool live;        /* analyzer_advance() is being called */
  int64_t clock_ns; /* its latest time; TIME_INVALID before */
  struct due_queue due;
  struct sample_store *samples; /* what the hosts' kernels said; NULL: nothing */
  struct finding scratch;       /* the finding in the making: too large to clear on every stack */
};

/* The id of the connection to which the last packet belonged; 0: to none. */
static inline uint64_t engine_last_connection(const struct analyzer *analyzer)
{
  return analyzer->recent[(analyzer->recent_next - 1) % RECENT_PACKETS].connection_id;
}

/* As analyzer_packet(), where the packet's flow_hash() is known. */
int engine_feed(struct analyzer *analyzer, const struct packet *packet, uint32_t hash);

/* The trouble record of a stream, allocated on first use. NULL: no memory; callers then go without.
 */
struct trouble *stream_trouble(struct analyzer *analyzer, struct stream *stream);

/* Closes a connection for good: last waits, findings, summary; releases its memory. */
void engine_retire(struct analyzer *analyzer, struct connection *connection, enum ended_by how);

/* Retires what was closed so long ago that nothing straggles in any more. */
void engine_retire_closed(struct analyzer *analyzer, int64_t now_ns);

/* The last packet but `connection_id`'s that came from `src`, at most `within_ns` before time_ns.
 * NULL: none. */
const struct recent_packet *engine_recent_from(const struct analyzer *analyzer,
                                               const struct ip_address *src, uint64_t connection_id,
                                               uint8_t end, int64_t time_ns, int64_t within_ns);

/* How many of the last packets but `connection_id`'s came from `src`, at most `within_ns` before
 * time_ns. */
uint32_t engine_recent_count(const struct analyzer *analyzer, const struct ip_address *src,
                             uint64_t connection_id, uint8_t end, int64_t time_ns,
                             int64_t within_ns);

/* The last small message between the two ends of `connection` on another connection, at most
 * within_ns ago. NULL: none. */
const struct message *engine_message_between(const struct analyzer *analyzer,
                                             const struct connection *connection, int64_t time_ns,
                                             int64_t within_ns);

/* true if nothing at all was captured for most of start..end. */
bool engine_captured_nothing(const struct analyzer *analyzer, int64_t start_ns, int64_t end_ns);
/* The same, where there were other connections that might have been heard of. */
bool engine_was_silent(const struct analyzer *analyzer, int64_t start_ns, int64_t end_ns);

#endif
