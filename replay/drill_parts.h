#ifndef REPLAY_DRILL_PARTS_H
#define REPLAY_DRILL_PARTS_H

/* The inside of drill.c: a script in the making. Times are of the script, from its start. Positions
 * are bytes of a stream, 0 behind its SYN; the script has them plus 1. */

#include "replay/drill.h"
#include "replay/plan.h"
#include "replay/plan_flow.h"
#include "replay/receiver_model.h"
#include "replay/script_text.h"

enum drill_kind { DRILL_CALL, DRILL_INJECT, DRILL_EXPECT, DRILL_REMARK };

enum drill_time {
  DRILL_AT,    /* a time of the script */
  DRILL_AFTER, /* so long after the event before: what timers of the live kernel shift */
  DRILL_ANY    /* whenever it comes, but in its place (expected ones) */
};

enum drill_options_kind {
  DRILL_OPTIONS_EXACT, /* as the packet has them */
  DRILL_OPTIONS_ANY    /* whatever the kernel sends */
};

#define DRILL_SACK_MAX   4
#define DRILL_TEXT_BYTES 200

struct drill_packet {
  uint16_t flags;
  int64_t seq, ack; /* ack: with TCP_ACK */
  uint32_t payload;
  int32_t window; /* raw; -1: any (expected ones) */
  enum drill_options_kind options;
  const struct recorded_syn *syn; /* its options are in the SYN; NULL: no SYN */
  uint16_t mss;                   /* with syn: in place of the recorded one */
  bool timestamps;
  uint32_t ts_val, ts_ecr;
  uint32_t sack_count;
  struct receiver_range sack[DRILL_SACK_MAX];
};

struct drill_event {
  enum drill_kind kind;
  enum drill_time time;
  int64_t at_ns;
  int64_t grace_ns; /* of expected ones: at most so long after the event before; at_ns: recorded */
  struct drill_packet packet;
  char text[DRILL_TEXT_BYTES]; /* of calls and remarks */
};

#define DRILL_WRITES_MAX (4 * DRILL_PACKETS_MAX)

/* One write() of the application; a segment carries no bytes of two. */
struct drill_write {
  int64_t at_ns;
  int64_t first, end;
};

/* What of the recording a right kernel would have done otherwise, and where the script ends. */
struct drill_right {
  bool at_once;     /* `data` leaves at go_ns, not when it did */
  int64_t go_ns;    /* of the recording: when nothing held it back any more */
  int64_t grace_ns; /* or so much later */
  /* The window had room before: the application writes `data` at go_ns, lest they leave earlier. */
  bool write_then;
  const struct passage *data; /* the first that then has to leave */
  bool syn_at_once;           /* the first SYN is answered at once; that is all of the script */
  int64_t cut_ns;             /* of the recording: the script's end, after the next reaction */
  uint32_t packets_behind;    /* so many more packets after that */
  bool immediate_acks;        /* each segment is acknowledged at once (a route's `quickack`) */
  bool refused;               /* the application asks its socket what became of it */
  bool keeps_alive;           /* SO_KEEPALIVE, with these times */
  int64_t keep_idle_ns, keep_interval_ns;
  uint32_t keep_count;
  const char *claim; /* what is asserted, a sentence; NULL: nothing special */
};

struct drill {
  const struct recording *recording;
  const struct recorded_finding *target; /* NULL: none */
  const struct plan *plan;
  const struct plan_flow *flow;
  struct drill_summary *summary;
  enum recording_side side, far;
  enum plan_host host;
  bool opens;
  const struct recording_point *point; /* what is closest to the kernel under test */
  struct recorded_syn own_syn, far_syn;
  bool stood_still;          /* the host did, its capture as well */
  bool wrong_checksums;      /* what arrives with one is injected, since the verdict is about it */
  int64_t lead_ns;           /* recorded time + lead_ns = time of the script */
  int64_t tolerance_ns;      /* of everything that is expected */
  uint16_t mss;              /* payload of the kernel's full segments */
  uint32_t initial_segments; /* of its congestion window; 0: its own */
  struct drill_right right;

  struct drill_event *events; /* owned */
  uint32_t event_count, event_room;
  bool failed;              /* no memory */
  struct drill_event spare; /* then this is written in place of a new one */

  struct drill_write *writes;    /* owned; in order */
  uint32_t write_count, written; /* written: those that have become calls */
  int64_t shut_ns;               /* TIME_INVALID: never */
  bool aborts;
  bool relative;  /* times of events are from now on those since the event before */
  bool stretched; /* some had a grace: later timestamps cannot be told */
  bool stalls;    /* the walk is in the stall, or behind it: its events have exact times */
};

/* It has as many packets as it may have. */
static inline bool drill_is_full(const struct drill *drill)
{
  return drill->summary->injected + drill->summary->expected >= DRILL_PACKETS_MAX;
}

/* ---- drill_text.c ---- */

struct drill_event *drill_add(struct drill *drill, enum drill_kind kind, int64_t at_ns);
void drill_call(struct drill *drill, int64_t at_ns, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void drill_remark(struct drill *drill, int64_t at_ns, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void drill_note(struct drill *drill, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The script as text; NULL: no memory. */
char *drill_text(const struct drill *drill, const char *source);

/* ---- drill_calls.c ---- */

/* What stands above the events: options, and the command that sets the kernel up. */
void drill_add_set_up(struct script_text *text, const struct drill *drill);

/* What the kernel announces by itself, on packetdrill's device. */
uint16_t drill_device_mss(const struct drill *drill);

/* Options of the listening or connecting socket, and the call that goes with it. */
void drill_open(struct drill *drill, int64_t connect_ns);
void drill_accept(struct drill *drill, int64_t at_ns);

/* Fills drill->writes with what the application writes, cut as the recorded segments were.
 * Returns false without memory. */
bool drill_plan_writes(struct drill *drill, int64_t established_ns);
/* The writes that are due, but none that begins at byte `most` or later; and the end. */
void drill_write(struct drill *drill, int64_t now_ns, int64_t most);

/* What the application reads. */
struct drill_reader {
  uint32_t at;  /* step of the plan */
  int64_t read; /* bytes so far */
};
void drill_read(struct drill *drill, struct drill_reader *reader, int64_t available,
                int64_t now_ns);

/* ---- drill_stall.c ---- */

struct drill_right drill_right(const struct drill *drill);

/* When a packet of the peer arrived; on a host that stood still, when it would have. */
int64_t drill_arrival_ns(const struct drill *drill, const struct passage *passage);

#endif
