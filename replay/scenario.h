#ifndef REPLAY_SCENARIO_H
#define REPLAY_SCENARIO_H

/* What a path is to do to the frames that cross it, read from text: docs/scenario.md is the
 * language. Plain data; who carries it out is replay/path.h. */

#include "wire/error.h"
#include "wire/packet.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCENARIO_RULES_MAX 64
#define SCENARIO_TEXT_MAX  65536 /* bytes */
#define SCENARIO_LINE_MAX  512   /* bytes */

/* From A to B, and back; a set of directions is their bits or'ed. */
enum path_direction { PATH_AB, PATH_BA, PATH_DIRECTIONS };
#define PATH_BIT(direction) (1U << (direction))
#define PATH_BOTH           (PATH_BIT(PATH_AB) | PATH_BIT(PATH_BA))

enum rule_verb {
  RULE_DELAY,
  RULE_RATE,
  RULE_DROP,
  RULE_HOLD,
  RULE_REORDER,
  RULE_DUPLICATE,
  RULE_CORRUPT,
  RULE_WSCALE,
  RULE_MSS,
  RULE_TIMESTAMPS,
  RULE_SACK,
  RULE_SEQ,
  RULE_WINDOW,
  RULE_TTL,
  RULE_DSCP,
  RULE_ECN,
  RULE_RESET,
  RULE_TOO_BIG,
  RULE_VERB_COUNT
};

/* The verb as the language spells it. */
const char *rule_verb_name(enum rule_verb verb);

/* Both ends belong to it. */
struct rule_range {
  int64_t first, last;
};

/* A moment in the life of a path. */
enum rule_mark_kind {
  MARK_NEVER,
  MARK_START,  /* value ns after the path began to carry frames */
  MARK_SYN,    /* value ns after the first SYN */
  MARK_BYTE,   /* byte `value` (from 0) of a stream in `direction` passes for the first time */
  MARK_FRAME,  /* frame `value` (from 1) of `direction` passes */
  MARK_IDLE,   /* the first TCP segment after at least value ns without one passes */
  MARK_SIGNAL, /* path_signal() */
  MARK_NEXT    /* hold only: the first frame after the time of `for` */
};

struct rule_mark {
  enum rule_mark_kind kind;
  enum path_direction direction;
  int64_t value;
  int64_t after_ns; /* MARK_BYTE: so long after that */
};

enum rule_distribution { JITTER_UNIFORM, JITTER_NORMAL, JITTER_EXPONENTIAL };

/* How much of what a rule does is written into the log. */
enum rule_log { RULE_LOG_ALL, RULE_LOG_FIRST, RULE_LOG_NONE };

enum rule_change {
  CHANGE_NONE,
  CHANGE_SET,
  CHANGE_STRIP,
  CHANGE_ADD,
  CHANGE_CLAMP /* set if it is above */
};

#define RULE_TTL_SAME 0 /* reset: the TTL that the forged end's own frames have here */

struct rule {
  uint32_t line;                /* 1-based */
  char text[SCENARIO_LINE_MAX]; /* the line as written, without blanks around it */
  enum rule_verb verb;
  uint8_t directions; /* PATH_BIT()s */

  /* Conditions: all must hold. */
  uint32_t kinds; /* enum frame_kind, or'ed: one of them */
  uint16_t flags_set, flags_clear;
  bool has_bytes, has_copies, has_nth;
  struct rule_range frame_bytes;   /* of the longest frame on the wire, from the Ethernet header */
  struct rule_range payload_bytes; /* of TCP */
  struct rule_range bytes;         /* of the stream: a segment that carries one of them */
  struct rule_range copies;        /* which transmission of these bytes, from 1 */
  struct rule_range nth;           /* which of the frames that meet all above, from 1 */
  int64_t every;                   /* each N-th of those, 0: all */
  double probability;              /* of those, 0 .. 1 */
  int64_t count;                   /* at most so many are treated, INT64_MAX: all */
  uint16_t port;                   /* of either end, 0: any */
  struct rule_mark from, until;
  int64_t for_ns; /* after `from`; INT64_MAX: for ever */

  enum rule_log log;

  /* What the verb does. */
  union {
    struct {
      int64_t delay_ns, jitter_ns;
      enum rule_distribution distribution;
      bool overtake; /* a frame with a shorter delay passes those before it */
    } delay;
    struct {
      int64_t bits_per_s;
      int64_t queue_bytes, queue_frames; /* INT64_MAX: no limit of this kind */
    } rate;
    struct {
      int64_t late_ns;
      uint32_t frames; /* or: behind so many later frames, but late_ns at most */
    } reorder;
    struct {
      int64_t after_ns;
      uint32_t times;
    } duplicate;
    struct {
      int64_t at; /* payload byte of the segment, -1: the middle one */
      bool checksum_fixed;
    } corrupt;
    struct { /* wscale, mss, timestamps, sack, window, ttl, dscp, ecn */
      enum rule_change change;
      int64_t value;
      bool translate; /* timestamps: what is echoed of an added TSval is moved back */
    } change;
    struct {
      int64_t offset;
      bool keep_sack;
    } seq;
    struct {
      uint8_t to; /* bit 0: the sender of the frame, bit 1: its receiver */
      uint8_t ttl;
      bool drop; /* the frame that gave rise to it */
    } reset;
    struct {
      uint32_t mtu; /* of the IP packet */
      bool silent;  /* drop without a word */
      bool has_router;
      struct ip_address router; /* who says so; else the frame's receiver */
      uint8_t router_version;
    } too_big;
  };
};

#define RESET_TO_SENDER   1
#define RESET_TO_RECEIVER 2

struct scenario {
  uint64_t seed;
  bool offload;          /* super-segments and unmade checksums pass (IFF_VNET_HDR) */
  uint64_t memory_bytes; /* for frames on their way */
  uint32_t ring_frames;  /* of each TAP */
  uint32_t rule_count;
  struct rule rules[SCENARIO_RULES_MAX];
};

#define SCENARIO_SEED_DEFAULT   1
#define SCENARIO_MEMORY_DEFAULT (UINT64_C(256) << 20) /* 1 Gbit/s for two seconds */
#define SCENARIO_MEMORY_MIN     (UINT64_C(1) << 20)
#define SCENARIO_MEMORY_MAX     (UINT64_C(8) << 30)
/* As many frames as 60 ms at 1 Gbit/s; Linux's own 500 to 1000 overflow while a busy machine looks
 * elsewhere. */
#define SCENARIO_RING_DEFAULT 5000
#define SCENARIO_RING_MAX     32768

/* Reads the text of a scenario (not terminated, at most SCENARIO_TEXT_MAX bytes). On failure
 * (ERROR_FORMAT, ERROR_LIMIT) error->text names the line and what it should be. */
int scenario_parse(struct scenario *scenario, const char *text, size_t size, struct error *error);

#endif
