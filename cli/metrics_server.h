#ifndef CLI_METRICS_SERVER_H
#define CLI_METRICS_SERVER_H

/* Serves a capture's metrics over HTTP, for Prometheus (docs/metrics.md): GET /metrics.
 *
 * The socket is bound by the process that was started. Who parses what comes by it is a process of
 * its own: without rights, without files, with few system calls, and with nothing to see but the
 * counters. It ends with its parent. */

#include "report/metrics.h"
#include "wire/error.h"

#include <stdint.h>

#define METRICS_PORT_DEFAULT 9958

struct metrics_server; /* opaque */

/* address: ADDR, ADDR:PORT, [ADDR]:PORT, :PORT; numeric, or "localhost". A missing ADDR is the
 * loopback's. Binds it; nothing is answered yet. Returns 0 or a negative error_code:
 * ERROR_UNSUPPORTED where this program was built without an HTTP library. */
int metrics_server_open(struct metrics_server **server, const char *address, struct error *error);
/* The URL, for people; valid as long as the server. */
const char *metrics_server_url(const struct metrics_server *server);
/* What is served, in memory that is shared with the processes which are forked from now on; all
 * zero. */
struct metrics *metrics_server_metrics(struct metrics_server *server);
/* Forks the process that answers. user: whom it becomes, as for recorder_identity_find(). The
 * caller has one thread. */
int metrics_server_start(struct metrics_server *server, const char *user, struct error *error);
/* Ends it. NULL is allowed. */
void metrics_server_close(struct metrics_server *server);

#endif
