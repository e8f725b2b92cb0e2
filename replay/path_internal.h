#ifndef REPLAY_PATH_INTERNAL_H
#define REPLAY_PATH_INTERNAL_H

/* The inside of path.h; only path*.c include this.
 *
 * path.c: time and frames come in, rules open and close. path_apply.c: what each rule does to a
 * frame, ending in a plan. path_line.c: from the plan to the moment when the frame leaves. */

#include "replay/forge.h"
#include "replay/frame_queue.h"
#include "replay/link_rate.h"
#include "replay/path.h"
#include "replay/rule.h"

struct frame_list {
  struct queued_frame *head, *tail;
};

/* One direction behind the rules. */
struct path_line {
  struct frame_queue queue;
  int64_t last_due_ns;      /* frames that may not overtake leave after this */
  struct frame_list parked; /* wait for others to overtake them; due_ns: not longer than that */
};

#define PATH_FRAME_SLOTS 4

struct path {
  const struct scenario *scenario;
  struct path_sink sink;
  struct frame_builder *builder;
  struct flow_track *flows;
  uint32_t vnet_bytes; /* 0 or PATH_VNET_BYTES */
  int64_t now_ns, next_rule_ns;
  uint64_t numbers[PATH_DIRECTIONS];
  struct path_stats stats;
  struct queued_frame *spare[PATH_FRAME_SLOTS]; /* memory of frames that have left */
  uint64_t allocated_bytes;                     /* with the spare ones */
  struct path_line lines[PATH_DIRECTIONS];
  struct rule_state states[SCENARIO_RULES_MAX];
  struct link_rate rates[SCENARIO_RULES_MAX][PATH_DIRECTIONS];
  struct frame_list holds[SCENARIO_RULES_MAX][PATH_DIRECTIONS];
};

/* A frame on its way through the stations: borrowed bytes, or one of our own. */
struct carried {
  uint8_t *bytes;
  uint32_t size;
  uint64_t number;
  struct queued_frame *owned; /* NULL: borrowed */
};

/* ---- path_line.c ---- */

/* Through rates, delays and lateness to the queue, or straight out. Takes carried->owned over. */
void path_line_enter(struct path *path, enum path_direction direction, struct carried *carried,
                     const struct frame_plan *plan, int64_t now_ns);
/* Waits in the hold of rule `rule`. */
void path_line_hold(struct path *path, uint32_t rule, enum path_direction direction,
                    struct carried *carried, const struct frame_plan *plan, int64_t now_ns);
void path_line_release(struct path *path, uint32_t rule, enum path_direction direction,
                       int64_t now_ns);
void path_line_advance(struct path *path, enum path_direction direction, int64_t now_ns);
int64_t path_line_next_ns(const struct path *path, enum path_direction direction);
void path_line_clear(struct path *path);

/* ---- path_apply.c ---- */

/* Treats a frame with all open rules and sends it on its way. */
void path_apply(struct path *path, struct rule_frame *frame, struct carried *carried);

/* ---- for the log ---- */

void path_tell(const struct path *path, const char *name, const struct rule *rule,
               const struct rule_frame *frame);
void path_tell_change(const struct path *path, const char *name, const struct rule *rule,
                      const struct rule_frame *frame, int64_t old_value, int64_t new_value);
/* A frame of which only the bytes are left. */
void path_tell_bytes(const struct path *path, const char *name, const struct rule *rule,
                     enum path_direction direction, const struct carried *carried, int64_t time_ns,
                     int64_t held_ns);

/* Fills the view from a frame with its virtio header. */
void path_view(const struct path *path, struct frame_view *view, uint8_t *bytes, uint32_t size);

#endif
