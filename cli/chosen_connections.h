#ifndef CLI_CHOSEN_CONNECTIONS_H
#define CLI_CHOSEN_CONNECTIONS_H

/* A set of connections, to know their packets again: which of a trace's frames go into -w. */

#include "report/report.h"
#include "wire/packet.h"

#include <stdbool.h>

struct chosen_connections; /* opaque */

struct chosen_connections *chosen_connections_new(void);         /* NULL: no memory */
void chosen_connections_free(struct chosen_connections *chosen); /* NULL is allowed */

enum chosen_kind {
  CHOSEN_PROBLEMS, /* those with a problem */
  CHOSEN_REPORTED, /* every one that is reported */
  CHOSEN_ONE       /* that with the id */
};

/* For report_write(), once. */
struct report_writer chosen_connections_writer(struct chosen_connections *chosen,
                                               enum chosen_kind kind, uint64_t id);

/* A TCP packet of one of them, as seen at packet->end, or an ICMP error about one. */
bool chosen_connections_has(const struct chosen_connections *chosen, const struct packet *packet);

#endif
