#ifndef ANALYZER_SAMPLE_STORE_H
#define ANALYZER_SAMPLE_STORE_H

/* Everything that the kernels of an analysis's capture points have said, in bounded memory, to be
 * asked by time: each socket (by its addresses, its own side first), each device (queue, counters),
 * neighbours, and when the sampling itself stood still. */

#include "analyzer/analyzer.h"
#include "analyzer/sample_ring.h"
#include "wire/host_sample.h"

#define SAMPLE_SOCKETS_MAX    1024u /* some 20 KB each at most; beyond it the longest silent goes */
#define SAMPLE_DEVICES_MAX    16u
#define SAMPLE_NEIGHBOURS_MAX 64u
#define SAMPLE_GAPS_MAX       32u
/* Samples further apart say nothing of what was between. */
#define SAMPLE_GAP_MAX_NS (INT64_C(3000) * 1000000)

struct socket_key {
  struct endpoint own, peer;
  uint8_t end;
};

/* States are struct sample_socket. */
struct socket_history {
  struct socket_key key;
  uint64_t cookie; /* another socket on the same addresses begins anew */
  int64_t last_ns;
  struct sample_ring ring;
  struct socket_history *next; /* in its bucket */
};

/* States are struct sample_qdisc, struct sample_link_statistics, struct sample_netstat. */
struct device_history {
  uint8_t end;
  uint32_t interface;
  struct sample_ring qdisc, link, netstat;
};

/* A neighbour was not reachable: incomplete or failed. */
struct neighbour_trouble {
  struct ip_address address;
  int64_t first_ns, last_ns;
  uint32_t number;
  uint8_t end, ip_version;
  bool failed, open; /* failed: at its end; open: so at its last sample */
};

/* Nothing was sampled between, although it used to be far more often. */
struct sample_gap {
  int64_t from_ns, until_ns;
};
struct sample_clock {
  int64_t last_ns, interval_ns; /* interval_ns: at which it was to be sampled; 0: not told */
  struct sample_gap gaps[SAMPLE_GAPS_MAX];
  uint32_t gap_next;
  bool started;
};

#define SAMPLE_BUCKETS 256u

struct sample_store {
  struct socket_history *buckets[SAMPLE_BUCKETS];
  uint32_t sockets, device_count, neighbour_count;
  uint64_t sockets_forgotten;
  int64_t last_ns; /* of all samples; 0: none */
  struct device_history devices[SAMPLE_DEVICES_MAX];
  struct neighbour_trouble neighbours[SAMPLE_NEIGHBOURS_MAX];
  struct sample_clock clocks[ANALYZER_ENDS_MAX];
  uint64_t memory_bytes;
};

struct sample_store *sample_store_new(void); /* NULL: no memory */
void sample_store_free(struct sample_store *store);

/* Without memory it is left out. */
void sample_store_add(struct sample_store *store, const struct host_sample *sample);

/* NULL: never sampled, or forgotten. store may be NULL. */
const struct socket_history *sample_store_socket(const struct sample_store *store,
                                                 const struct socket_key *key);

/* The trouble with that neighbour (any one, if address is NULL) which overlaps most with the time;
 * NULL: none. */
const struct neighbour_trouble *sample_store_neighbour(const struct sample_store *store,
                                                       uint8_t end,
                                                       const struct ip_address *address,
                                                       int64_t from_ns, int64_t until_ns);

/* The queue of that end at that time, as sampled at or shortly before it; of several devices the
 * one with the longest. NULL: not known. */
const struct sample_qdisc *sample_store_qdisc(const struct sample_store *store, uint8_t end,
                                              int64_t time_ns);

/* By how much that end's counters grew from the last sample at or before from_ns to the first one
 * at or behind until_ns (or the last there is). What is not known is 0. */
void sample_store_link_growth(const struct sample_store *store, uint8_t end, int64_t from_ns,
                              int64_t until_ns, struct sample_link_statistics *growth);
void sample_store_netstat_growth(const struct sample_store *store, uint8_t end, int64_t from_ns,
                                 int64_t until_ns, struct sample_netstat *growth);

/* The longest part of the time in which that end's sampling stood still. */
int64_t sample_store_silence_ns(const struct sample_store *store, uint8_t end, int64_t from_ns,
                                int64_t until_ns);

#endif
