#ifndef CLI_MONITOR_INTERNAL_H
#define CLI_MONITOR_INTERNAL_H

/* Inside of the live model (monitor.h): monitor.c feeds the engines and lets time go on,
 * monitor_notice.c makes one stall of what they notice of it, monitor_study.c studies stalls with
 * all ends together, as far as there is time, and monitor_tell.c tells what has come of it. */

#include "cli/monitor.h"
#include "cli/study.h"

#define CONNECTIONS_KNOWN 1024u
#define PAST_MAX          64u

/* What one end's engine says about a wait. */
struct noticed {
  bool used, over;
  uint64_t connection; /* the engine's ids */
  uint32_t finding;
};

struct stall {
  uint32_t id; /* 0: the slot is free */
  uint32_t connection;
  enum finding_kind kind;
  struct endpoint sender, receiver; /* as at the end that noticed it first */
  uint8_t end;                      /* that one, on whose clock these are: */
  int64_t noticed_ns, over_ns;      /* over_ns: INT64_MAX while it lasts */
  int64_t due_ns;                   /* of its next study, on the monitor's clock */
  struct noticed noticed[ANALYZER_ENDS_MAX];
  /* The surest that one of them says, and the connection then. */
  uint8_t own_end;
  struct finding own;
  struct connection_summary summary;
  bool told;
  struct study_verdict *both; /* the last verdict of both ends; NULL: there was none */
  struct finding last;        /* as told, without its texts' meaning: compared by its verdict */
  int64_t both_until_ns;      /* the monitor's clock then */
};

/* What was told and is over: another end's engine may come with it once more. */
struct past {
  uint32_t connection;
  enum finding_kind kind;
  struct endpoint sender;
  int64_t start_ns, end_ns;
};

struct known_connection {
  struct endpoint a, b;
  uint32_t number;
};

struct end_context {
  struct monitor *monitor;
  uint8_t end;
};

struct monitor {
  struct monitor_options options;
  struct monitor_sink sink;
  struct analyzer *engines[ANALYZER_ENDS_MAX];
  struct end_context contexts[ANALYZER_ENDS_MAX];
  struct monitor_window window;
  struct packet packet; /* the last one */
  bool big_endian[ANALYZER_ENDS_MAX];
  char boot_ids[ANALYZER_ENDS_MAX][64]; /* of the ends' kernels; "": not told */
  bool drops_known[ANALYZER_ENDS_MAX], drops[ANALYZER_ENDS_MAX];
  int64_t clock_ns;                   /* the last tick's complete_ns */
  int64_t last_ns[ANALYZER_ENDS_MAX]; /* latest frame's time; of remote ends: */
  int64_t came_ns[ANALYZER_ENDS_MAX]; /* when it came */
  struct stall stalls[MONITOR_STALLS_MAX];
  uint32_t last_id;
  struct past past[PAST_MAX];
  uint32_t past_next;
  struct known_connection known[CONNECTIONS_KNOWN];
  uint32_t connections;
  int64_t study_free_ns;  /* what was spent on studies is paid back then */
  bool finishing, behind; /* behind: with the packets that were captured */
  struct monitor_stats stats;
};

/* monitor_tell.c */
uint32_t monitor_number_of(struct monitor *monitor, const struct endpoint *a,
                           const struct endpoint *b);
/* verdict: of both ends; NULL: the engine's own. */
void monitor_tell(struct monitor *monitor, struct stall *stall,
                  const struct study_verdict *verdict);
/* The study's finding is one that was told under another id. */
bool monitor_was_told_already(const struct monitor *monitor, const struct stall *stall,
                              const struct study_verdict *verdict);

/* monitor_notice.c: an engine's sink; context: struct end_context. */
void monitor_take_finding(void *context, const struct connection_summary *summary,
                          const struct finding *finding);

/* monitor_study.c: looks at all stalls whose time has come. */
void monitor_consider_all(struct monitor *monitor);
/* The time that an end's capture has reached; TIME_INVALID: nothing came yet. */
int64_t monitor_end_clock_ns(const struct monitor *monitor, uint32_t end);

#endif
