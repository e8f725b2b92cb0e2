#ifndef CLI_METRICS_WATCH_H
#define CLI_METRICS_WATCH_H

/* What a running capture counts for --metrics: fed by the flight recorder's watcher (flight.h), in
 * the process that parses packets; what it writes is read by the server's (metrics_server.h). */

#include "cli/flight.h"
#include "report/metrics.h"

struct metrics_watch; /* opaque */

/* shared: mapped MAP_SHARED by the caller, all zero but for what is there before readers are, and
 * nobody else has it yet. NULL: no memory. */
struct metrics_watch *metrics_watch_new(struct metrics *shared);
void metrics_watch_free(struct metrics_watch *watch); /* NULL is allowed */
/* For struct flight_setup; valid as long as the watch. */
const struct flight_watcher *metrics_watch_hooks(struct metrics_watch *watch);

#endif
