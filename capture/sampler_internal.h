#ifndef CAPTURE_SAMPLER_INTERNAL_H
#define CAPTURE_SAMPLER_INTERNAL_H

/* Inside of a sampler: what is asked (sampler_queries.c) and when (sampler.c). */

#include "capture/netlink.h"
#include "capture/sampler.h"
#include "wire/sample_format.h"

#include <linux/inet_diag.h>
#include <stdbool.h>

#define SAMPLER_ADDRESSES_MAX  32
#define SAMPLER_NEIGHBOURS_MAX 16 /* in one sample */

struct sampler_address {
  uint8_t family; /* AF_INET, AF_INET6 */
  uint8_t bytes[16];
};

struct sampler_socket {
  uint8_t family;
  struct inet_diag_sockid id;
  uint64_t progress;  /* bytes acknowledged and received, of the last sample */
  int64_t waiting_ns; /* CLOCK_MONOTONIC since when it waits; 0 = it does not */
  bool gone;
};

struct sampler {
  struct netlink *route, *diag;
  int netstat; /* descriptor, -1 = none */
  int64_t interval_ns;
  int64_t due_ns, search_due_ns, fast_due_ns; /* CLOCK_MONOTONIC; fast: INT64_MAX = nobody waits */
  bool told_header;
  char interface[64], boot_id[64];
  uint32_t ifindex, master_ifindex;
  uint64_t namespace_inode;
  uint64_t passed_over;
  uint32_t address_count, socket_count, neighbour_count;
  struct sampler_address addresses[SAMPLER_ADDRESSES_MAX];
  struct sampler_socket sockets[SAMPLER_SOCKETS_MAX];

  /* the sample that is being made */
  sampler_sink *sink;
  void *context;
  int64_t begun_ns, begun_monotonic_ns;
  uint32_t number;
  struct sample_builder builder;
  uint8_t bytes[SAMPLER_BYTES_MAX];
};

int64_t sampler_clock_ns(int clock);

/* Adds a record; a full sample is given to the sink first, and another one begun. */
void sampler_add(struct sampler *sampler, enum sample_type type, const void *bytes, size_t size);
void sampler_begin(struct sampler *sampler);
void sampler_end(struct sampler *sampler);

/* Each asks the kernel once and adds what it said. */
void sampler_ask_link(struct sampler *sampler); /* also learns master_ifindex */
void sampler_ask_link_statistics(struct sampler *sampler);
void sampler_ask_qdisc(struct sampler *sampler);
void sampler_ask_neighbours(struct sampler *sampler);
void sampler_ask_socket(struct sampler *sampler, struct sampler_socket *socket);
void sampler_read_netstat(struct sampler *sampler);

/* These look for sockets, and add nothing. */
void sampler_find_addresses(struct sampler *sampler);
void sampler_find_sockets(struct sampler *sampler);

/* Before rights are given up. */
void sampler_read_boot_id(struct sampler *sampler);
/* Byte order, machine, kernel, ... */
void sampler_tell_header(struct sampler *sampler);

#endif
