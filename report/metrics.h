#ifndef REPORT_METRICS_H
#define REPORT_METRICS_H

/* What a running capture counts, and its exposition for Prometheus: OpenMetrics 1.0, or the older
 * text format 0.0.4. Which metrics there are, and what their labels mean: docs/metrics.md. */

#include "analyzer/analyzer.h"
#include "analyzer/cause.h"
#include "analyzer/finding.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define METRICS_ENDS_MAX ANALYZER_ENDS_MAX
#define METRICS_KINDS    (FINDING_HOLD + 1)

enum metrics_limit {
  METRICS_LIMIT_CONNECTIONS, /* retired before their end: too many at once */
  METRICS_LIMIT_HALF_OPEN,   /* SYNs without an answer that were forgotten */
  METRICS_LIMIT_IN_FLIGHT,   /* segments that were forgotten */
  METRICS_LIMIT_STALLS,      /* stalls that were not told: too many at once */
  METRICS_LIMIT_MEMORY,      /* packets or studies for which there was no memory */
  METRICS_LIMIT_COUNT
};

typedef atomic_uint_fast64_t metrics_number;

struct metrics_end {
  char interface[96]; /* written before there are readers */
  metrics_number packets, bytes, dropped, connections;
};

/* Written by one process or thread, read by others, in memory that they share. A reader sees each
 * number whole; two of them may be of slightly different moments. All zero at the start. */
struct metrics {
  uint32_t ends; /* written before there are readers */
  char version[32];
  struct metrics_end end[METRICS_ENDS_MAX];
  metrics_number findings[METRICS_KINDS][2][LOCATION_COUNT][CAUSE_COUNT]; /* by enum severity */
  metrics_number stalled[LOCATION_COUNT];                                 /* now */
  metrics_number stall_ns[LOCATION_COUNT];
  metrics_number limits[METRICS_LIMIT_COUNT];
  metrics_number recordings, kicks;
  metrics_number updated_ns; /* since 1970; 0: not yet */
};

#define METRICS_TYPE_OPENMETRICS "application/openmetrics-text; version=1.0.0; charset=utf-8"
#define METRICS_TYPE_TEXT        "text/plain; version=0.0.4; charset=utf-8"

/* The exposition, to be freed by the caller; NULL: no memory. */
char *metrics_text(const struct metrics *metrics, bool openmetrics, size_t *size);

#endif
