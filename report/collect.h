#ifndef REPORT_COLLECT_H
#define REPORT_COLLECT_H

/* Gathers what the analyzer reports until it can be ordered and written: findings, worst first, and
 * connection summaries, all within named limits. Records are packed (packed.h), so that 100,000
 * connections need some tens of MB; what a limit leaves out is counted and said. */

#include "analyzer/joint.h"
#include "report/connection_pack.h"
#include "report/report.h"

#include <stdbool.h>
#include <stdint.h>

struct collect; /* opaque */

struct collect_limits {
  uint32_t findings;        /* kept; beyond it the least telling one goes */
  uint32_t connections;     /* kept without a finding (those with one are kept always) */
  uint32_t unanswered_syns; /* of these: connections that never got beyond their SYN */
};

#define COLLECT_FINDINGS_DEFAULT        10000  /* about 2 KB each */
#define COLLECT_CONNECTIONS_DEFAULT     200000 /* about 0.3 KB each */
#define COLLECT_UNANSWERED_SYNS_DEFAULT 10000

/* Which connections count (--connection). Both ports 0 and no address: everything. Of a joined
 * connection, the addresses count that any capture point saw. */
struct collect_selection {
  uint64_t id;                  /* 0 = any */
  uint32_t endpoint_count;      /* 0 .. 2: all given ones must be ends of the connection */
  struct endpoint endpoints[2]; /* port 0 = any */
};

struct collect_options {
  struct collect_limits limits;
  struct collect_selection selection;
  int64_t min_stall_ns;  /* for the report's text only */
  bool every_connection; /* keep those without findings too (-v, JSON) */
};

void collect_options_default(struct collect_options *options);

/* NULL: no memory. The options are copied. */
struct collect *collect_new(const struct collect_options *options);
void collect_free(struct collect *collect); /* NULL is allowed */

/* ---- one capture after the other, each diagnosed by itself ---- */

/* A capture begins: what the sink receives from now on belongs to `end`. The analyzer's connection
 * ids (1, 2, ...) go on behind those of the captures before. Returns 0 or ERROR_LIMIT
 * (ANALYZER_ENDS_MAX captures). */
int collect_begin_capture(struct collect *collect, uint8_t end);
/* Where the analyzer of that capture has to deliver. Valid as long as collect. */
struct analyzer_sink collect_sink(struct collect *collect);
/* The capture is over; its description is copied (the strings in it are not). Returns 0, or
 * ERROR_MEMORY if memory ran out since collect_begin_capture(). */
int collect_end_capture(struct collect *collect, const struct report_capture *capture);

/* ---- several captures of the same traffic, diagnosed together (analyzer/joint.h) ----
 *
 *     collect_begin_joint(collect, ends);
 *     for each end: collect_set_clock(collect, end, survey_clock(survey, end));
 *     joint_new(ends, &options, survey, &sink), with sink = collect_joint_sink(collect);
 *     joint_packet() ... joint_finish();
 *     for each end, from 0 on: collect_end_capture(collect, &capture);
 *
 * In place of collect_begin_capture(), once, on an empty collector. capture.end has to be set, and
 * capture.stats is joint_get_stats() of that end: its times are on A's clock, as all others. */

/* All captures, 0 .. ends - 1, begin together. Returns 0 or ERROR_LIMIT (ends >
 * ANALYZER_ENDS_MAX). */
int collect_begin_joint(struct collect *collect, uint32_t ends);
/* Where the joint has to deliver. Valid as long as collect. */
struct joint_sink collect_joint_sink(struct collect *collect);
/* The fitted clock of `end` against that of end 0; copied; may be set again until the report is
 * written. That of end 0 is ignored. Never set: nothing is said about that clock. */
void collect_set_clock(struct collect *collect, uint8_t end, const struct clock_map *map);

/* ---- what was collected ---- */

const struct report_overview *collect_overview(const struct collect *collect);
uint32_t collect_capture_count(const struct collect *collect);
const struct report_capture *collect_capture(const struct collect *collect, uint32_t index);
/* Bytes held for records, for tests and statistics. */
uint64_t collect_memory_bytes(const struct collect *collect);

/* For report_write(): orders the records (idempotent; nothing may be added afterwards). */
int collect_arrange(struct collect *collect);
/* By rank: problems first; what stood still or broke before holds before mismatches; the longest
 * wait first, and of waits of about the same length the most certain one. index <
 * collect_finding_count(). */
uint32_t collect_finding_count(const struct collect *collect);
void collect_finding(const struct collect *collect, uint32_t index, struct finding *finding,
                     uint64_t *connection_id);
/* By id. */
uint32_t collect_connection_count(const struct collect *collect);
/* Fills *material, which must live as long as *connection is used. */
void collect_connection(const struct collect *collect, uint32_t index,
                        struct report_connection *connection, struct connection_material *material);
/* Index of a connection id, or UINT32_MAX. */
uint32_t collect_connection_index(const struct collect *collect, uint64_t id);
/* The findings of a connection, worst first: their number, and in *first the position of the first
 * one, from which collect_finding_at() gives the indices for collect_finding(). */
uint32_t collect_connection_findings(const struct collect *collect, uint64_t id, uint32_t *first);
uint32_t collect_finding_at(const struct collect *collect, uint32_t position);

#endif
