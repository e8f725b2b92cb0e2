#ifndef ANALYZER_SITUATION_H
#define ANALYZER_SITUATION_H

/* One wait laid out for the rules: everything that was known when it began, what happened in it,
 * what ended it. S is the sender of the direction concerned, R its receiver. */

#include "analyzer/engine.h"
#include "analyzer/track.h"
#include "analyzer/vantage.h"

struct situation {
  const struct analyzer *analyzer;
  const struct connection *connection;
  enum stream_side side;
  const struct stream *stream;   /* S -> R */
  const struct stream *other;    /* R -> S */
  const struct wait *wait;       /* never NULL */
  const struct segment *segment; /* what ended it; NULL: nothing did */
  bool by_ack;                   /* it ended by R's ACK, not by new data of S */
  bool open;                     /* it has not ended: end_ns is now */
  enum ended_by how;
  int64_t start_ns, end_ns, gap_ns;
  int64_t limit_ns;     /* until then it was moving */
  int64_t rtt_ns;       /* S to R and back as far as known, 0 = unknown */
  uint32_t outstanding; /* bytes seen and not acknowledged when it ended */
  uint32_t next_bytes;  /* what S would send next: a full segment, as far as known */
  bool window_scale_known;
  uint32_t window_left; /* bytes that R's window still allows; 0 if closed or unknown */
  struct vantage_view view;
  enum nearness near;
};

/* A rule looks at a situation; true: it has filled in the verdict. The first rule that does so
 * decides. */
typedef bool situation_rule(const struct situation *situation, struct finding *finding);

/* Families, in the order in which they are asked. */
situation_rule rule_handshake;      /* rules_handshake.c */
situation_rule rule_neighbour;      /* rules_hold.c */
situation_rule rule_zero_window;    /* rules_window.c */
situation_rule rule_small_window;   /* rules_window.c */
situation_rule rule_retransmission; /* rules_loss.c */
situation_rule rule_hole;           /* rules_loss.c */
situation_rule rule_late_ack;       /* rules_ack.c */
situation_rule rule_built_early;    /* rules_hold.c */
situation_rule rule_idle;           /* rules_idle.c */

/* Sets where, why and how sure; severity problem. Settle and advice come from the cause's table
 * row. */
void verdict(struct finding *finding, enum cause cause, enum location location,
             enum confidence confidence, enum confidence cause_confidence);

/* "the client" / "the server". */
const char *side_words(enum stream_side side);

/* "1 copy", "3 copies": count and noun; plural: the noun's plural. text: at least 48 bytes. */
const char *count_words(uint32_t count, const char *noun, const char *plural, char *text);

/* Seconds with as many decimals as make sense: "10.864 s", "37 us". text: at least 32 bytes. */
const char *duration_words(int64_t duration_ns, char *text);

/* The segment that ended the wait carries a TSval from its end: by S's clock, whose rate is known,
 * at least half of the wait had passed when it was built. false: old, or not to be told. */
bool built_fresh(const struct situation *situation);

/* R has reported later bytes than the first outstanding one, which it lacks: what fills its receive
 * buffer may be these, and no application can read them. */
bool lacks_first_byte(const struct situation *situation);

/* The ACK that ended the wait was built long before it came here: by R's clock, at the slowest rate
 * that it can have, more than half of the wait before. false: not, or not to be told. */
bool ack_built_early(const struct situation *situation);

/* What left shortly before the segment that ended the wait (there is one): evidence, ended_by, and
 * a clause for a sentence into words, "" if there was nothing. words: at least 96 bytes. */
void tell_kick(const struct situation *situation, struct finding *finding, char *words,
               size_t size);

/* An ICMP error that came back for this stream during the wait, as evidence; nothing if there was
 * none. */
void tell_icmp(const struct situation *situation, struct finding *finding);

#endif
