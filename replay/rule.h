#ifndef REPLAY_RULE_H
#define REPLAY_RULE_H

/* A rule at work: when it is open, and which frames it treats.
 *
 * A rule is waiting, then open, then closed, once each: it opens at its `from` and closes at its
 * `until`, or `for` so long after. All times are nanoseconds since the path began. */

#include "replay/copy_count.h"
#include "replay/flow_track.h"
#include "replay/frame_view.h"
#include "replay/prng.h"
#include "replay/scenario.h"

#include <stdbool.h>
#include <stdint.h>

enum rule_phase { RULE_WAITING, RULE_OPEN, RULE_CLOSED };

/* A frame as the rules see it: as it came, before any of them changed it. */
struct rule_frame {
  const struct frame_view *view;
  enum path_direction direction;
  int64_t now_ns;
  uint64_t numbers[PATH_DIRECTIONS]; /* frames of each direction so far, with this one */
  const struct flow *flow;           /* NULL: no TCP */
  struct flow_bytes bytes;
};

struct rule_state {
  const struct rule *rule; /* borrowed */
  enum rule_phase phase;
  int64_t opened_ns, closed_ns;      /* closed_ns: INT64_MAX while that is not known */
  int64_t syn_ns, last_tcp_ns;       /* TIME_INVALID: none yet */
  int64_t silence_ns;                /* of TCP, before the present frame */
  int64_t from_due_ns, until_due_ns; /* of marks some time after a byte; INT64_MAX: not yet known */
  uint64_t matched, treated, changed;
  struct prng prng;
  struct copy_count *copies; /* owned; NULL without `copies` */
};

/* Returns 0, or ERROR_MEMORY. */
int rule_state_init(struct rule_state *state, const struct rule *rule, uint64_t seed);
void rule_state_clear(struct rule_state *state);

/* Opens and closes by the clock. Returns true if the phase changed: then call it again. */
bool rule_advance(struct rule_state *state, int64_t now_ns);

/* When rule_advance() has to be called next; INT64_MAX: not by the clock. */
int64_t rule_next_ns(const struct rule_state *state);

/* Opens and closes by a frame (or by a signal); once for each frame, before rule_matches(). Returns
 * true if the phase changed: then call it again with `again` set. */
bool rule_observe(struct rule_state *state, const struct rule_frame *frame, bool again);
bool rule_signal(struct rule_state *state, int64_t now_ns);

/* Whether the rule treats this frame. Counts, and draws lots: call it once for each frame. */
bool rule_matches(struct rule_state *state, const struct rule_frame *frame);

/* A delay drawn from a delay rule, at least 0. */
int64_t rule_draw_delay(struct rule_state *state);

#endif
