#ifndef REPORT_REPORT_H
#define REPORT_REPORT_H

/* What a report is made of, and the interface of everything that writes one (text, JSON, HTML
 * and packet comments). The collector (collect.h) gathers the material; report_write() walks it and
 * calls the writer's operations in the order that its layout asks for. Writers keep nothing beyond
 * a call. */

#include "analyzer/analyzer.h"
#include "analyzer/finding.h"
#include "analyzer/joint.h"
#include "wire/error.h"
#include "wire/packet.h"

#include <stdbool.h>
#include <stdint.h>

/* How the times of a capture are to be read. */
enum report_time_base {
  REPORT_TIME_EPOCH,   /* since 1970-01-01 00:00 UTC */
  REPORT_TIME_OF_DAY,  /* clock without a date */
  REPORT_TIME_RELATIVE /* since the first packet */
};

/* Samples of sockets and queues beside the packets (wire/sample_format.h). */
struct report_samples {
  bool announced;   /* the file says that there are some */
  bool cut_off;     /* their end is not there: what follows the last one is missing, or all are */
  uint64_t count;   /* read */
  uint64_t damaged; /* of these: cut off, or of a version that is not known */
  uint64_t missing; /* known by their numbers to have been there */
};

/* One capture point: a file, an excerpt of a text, a pipe. Strings are borrowed until
 * report_write() is done. */
struct report_capture {
  uint8_t end;             /* 0 = "A" */
  uint32_t excerpt;        /* text with several excerpts: 1-based; else 0 */
  const char *file;        /* as named on the command line; "-" = standard input */
  char interface[64];      /* of a file that holds several capture points, "" = the whole file */
  const char *format;      /* "pcap", "pcapng", "text" */
  const char *compression; /* "", "gzip", "zstd" */
  const char *captured_on; /* host that the trace names, "" = none */
  enum report_time_base time_base;
  uint64_t bytes;  /* read from the file */
  uint64_t frames; /* read, the filtered ones too */
  uint64_t filtered_out, foreign_blocks, skipped_blocks, lines_not_understood;
  uint64_t dropped; /* told by the file, if has_dropped */
  bool has_dropped;
  struct report_samples samples;
  uint32_t gaps;                 /* times in which nothing was captured, as the file says */
  char gap[256];                 /* what it says of the last one, "" = nothing */
  bool interrupted;              /* the user stopped the reading */
  char damage[400];              /* why the reading ended early, "" = it did not */
  uint32_t unsupported_linktype; /* of the first interface that is not decoded, if stats count such
                                    frames */
  struct analyzer_stats stats;   /* of this capture's analysis */
  uint32_t quality;              /* enum quality of its connections, or'ed (set by the collector) */
  /* connection ids that belong to it, or among which its are if captures were diagnosed together
   * (set by the collector); last < first: none */
  uint64_t first_id, last_id;
};

/* The longest wait of a severity, and whose it was. */
struct report_longest {
  int64_t waited_ns; /* TIME_INVALID: there is none */
  uint64_t connection_id;
  enum location location;
  enum cause cause;
};

/* All packets that went from one capture point to the next, of all connections. */
struct report_hop {
  struct hop_summary sum; /* of `changes`, values and examples are those of the first connection */
  uint64_t measured;      /* packets of which the mean delay is */
  uint64_t connections;   /* of which something went this way */
  bool from_side[2];      /* by enum stream_side: the client's packets go this way, the server's */
  uint64_t changed_connections[PATH_CHANGE_BITS];
};
#define REPORT_HOPS_MAX (ANALYZER_ENDS_MAX * (ANALYZER_ENDS_MAX - 1))

/* Captures that were diagnosed together (analyzer/joint.h). */
struct report_joint {
  uint32_t ends; /* 0: each capture by itself; all below is zero then */
  /* connections by the number of points that saw them; [0] is unused */
  uint64_t seen_at[ANALYZER_ENDS_MAX + 1];
  uint64_t only_at[ANALYZER_ENDS_MAX]; /* seen at this end alone */
  uint64_t pairs_likely;               /* joined, but not certain to be the same connection */
  uint64_t pairs_possible;             /* reported apart although they may be one */
  const struct clock_map *clocks[ANALYZER_ENDS_MAX]; /* against end 0's; NULL: nothing to say */
  uint32_t hop_count;
  struct report_hop hops[REPORT_HOPS_MAX]; /* in order of first appearance */
};

/* Sums over everything that was analysed, whether or not it is shown. */
struct report_overview {
  uint32_t captures;
  const struct report_capture *capture_list; /* of them */
  /* Seen, those included that the engine forgot at once (unanswered SYNs beyond its limit), those
   * that were not chosen (selection) excluded. */
  uint64_t connections;
  uint64_t syns_unanswered;      /* of these, never got beyond their SYN; 0 with a selection */
  uint64_t connections_listed;   /* that reach the writer's connection() */
  uint64_t connections_left_out; /* by limits, although wanted */
  uint64_t packets;              /* of these connections */
  uint64_t problems, infos;      /* findings, before any limit */
  uint64_t findings_left_out;    /* by limits: the shortest infos first */
  uint64_t problems_left_out;
  uint64_t findings_suppressed;     /* by the engine's limit for one connection */
  uint64_t causes[2][CAUSE_COUNT];  /* by enum severity */
  struct report_longest longest[2]; /* by enum severity */
  int64_t moving_ns, idle_ns,
      budget_ns[LOCATION_COUNT]; /* summed over all directions that carried data */
  int64_t min_stall_ns;
  bool selected; /* --connection is in force */
  struct report_joint joint;
};

/* Why what several capture points saw is taken to be one connection. */
struct report_pairing {
  enum pair_certainty certainty;
  bool order_known;
  char reason[160]; /* a clause */
  struct {
    uint32_t seq_shift[2]; /* as struct pair_member's */
    uint8_t place;
  } views[ANALYZER_ENDS_MAX]; /* by view */
};

/* A connection as reported: `id` runs through all captures. */
struct report_connection {
  uint64_t id;
  const struct report_capture *capture;     /* of views[0], as the addresses of the summary */
  const struct connection_summary *summary; /* of the whole */
  enum evidence_level level;
  uint32_t view_count; /* >= 1 */
  /* as each capture point saw it; views[0] is the summary itself if there is one view only */
  const struct connection_summary *views[ANALYZER_ENDS_MAX];
  const struct report_pairing *pairing; /* NULL: seen at one point, and like no other one */
  uint32_t hop_count;                   /* per side; 0: not known */
  const struct hop_summary *hops[2];    /* by enum stream_side of the packets' sender */
};

enum report_layout {
  REPORT_WORST_FIRST,  /* begin, verdict*, finding* (worst first), capture*, connection*, end */
  REPORT_BY_CONNECTION /* begin, capture*, (connection, finding*)*, end */
};

/* Operations return 0 or a negative error_code; the first failure ends report_write(). `context` is
 * the writer's own. Any operation may be NULL. */
struct report_writer {
  void *context;
  enum report_layout layout;
  bool wants_info;       /* findings of severity info reach finding() too */
  uint32_t max_findings; /* calls of finding() at most, 0 = no limit (worst-first layout only) */
  uint32_t max_verdicts; /* likewise of verdict() */
  int (*begin)(void *context, const struct report_overview *overview);
  /* One call a finding before the first finding(): the sentence that comes first. rank is 1-based.
   */
  int (*verdict)(void *context, uint64_t rank, const struct report_connection *connection,
                 const struct finding *finding);
  int (*finding)(void *context, uint64_t rank, const struct report_connection *connection,
                 const struct finding *finding);
  int (*capture)(void *context, const struct report_capture *capture);
  int (*connection)(void *context, const struct report_connection *connection);
  int (*end)(void *context, const struct report_overview *overview);
};

/* Looks up the name that a capture itself gives to an address; NULL = none. */
struct report_names {
  void *context;
  const char *(*name)(void *context, uint8_t end, const struct ip_address *address);
};

struct collect;

/* Hands everything collected to the writer. Returns 0 or the writer's negative error_code (with
 * *error). */
int report_write(struct collect *collect, const struct report_writer *writer, struct error *error);

#endif
