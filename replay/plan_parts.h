#ifndef REPLAY_PLAN_PARTS_H
#define REPLAY_PLAN_PARTS_H

/* The parts of plan_extract(). Each adds to the plan what it reads out of the flow. */

#include "replay/plan.h"
#include "replay/plan_flow.h"

/* What the applications wrote and read, and when (plan_apps.c). */
void plan_writer(struct plan *plan, const struct plan_flow *flow,
                 const struct recorded_finding *target, enum plan_host host);
void plan_reader(struct plan *plan, const struct plan_flow *flow, enum plan_host host);

/* Delays, losses, holds, what the path rewrote (plan_path.c, plan_rewrite.c). */
void plan_path(struct plan *plan, const struct plan_flow *flow,
               const struct recorded_finding *target);
void plan_rewrites(struct plan *plan, const struct plan_flow *flow);

/* What a host did to itself, above or below its TCP (plan_host.c). */
void plan_host(struct plan *plan, const struct plan_flow *flow,
               const struct recorded_finding *target);

/* A mark of the scenario language (32 bytes and more) for a moment of the recording, on the path:
 * "byte:ab:5000:20ms". */
void plan_mark(const struct plan *plan, const struct plan_flow *flow, int64_t time_ns, char *text,
               size_t size);

static inline const char *plan_direction(const struct plan *plan, enum recording_side from)
{
  return plan_host_of(plan, from) == PLAN_A ? "ab" : "ba";
}

static inline enum recording_side plan_opposite(enum recording_side side)
{
  return side == RECORDING_CLIENT ? RECORDING_SERVER : RECORDING_CLIENT;
}

#endif
