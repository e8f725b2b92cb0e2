#ifndef TESTS_UNIT_CLOCK_WORLD_H
#define TESTS_UNIT_CLOCK_WORLD_H

/* Two clocks and a path between them, made up at random but known exactly: what a clock fit is
 * judged by. Real time counts from 0 in nanoseconds. Clock and way 0: A, A to B; 1: B, B to A. */

#include "tests/support/random.h"
#include "wire/timestamp.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#define WORLD_STEPS_MAX    6u
#define WORLD_QUIET_MAX    3u
#define WORLD_SPAN_MAX_NS  (10 * HOUR_NS)
#define WORLD_WANDER_NS    (64 * NS_PER_S) /* skew stays the same for that long */
#define WORLD_WANDERS      (WORLD_SPAN_MAX_NS / WORLD_WANDER_NS + 2)
#define WORLD_WANDER_PPM   0.1 /* and differs from the average by up to that */
#define WORLD_DELAY_MAX_NS (60 * NS_PER_S)
#define WORLD_BACK_BOTH_NS (4 * NS_PER_S) /* further back, only one of both clocks is stepped */
#define HOUR_NS            (3600 * NS_PER_S)
#define EPOCH_NS           (INT64_C(1790000000) * NS_PER_S)

enum world_jitter { JITTER_NONE, JITTER_UNIFORM, JITTER_EXPONENTIAL, JITTER_PARETO, JITTER_KINDS };

struct world_step {
  int64_t at_ns, size_ns;
  int clock;
};

struct world_way {
  int64_t floor_ns, jitter_ns; /* no packet is faster; the scale of what is added */
  enum world_jitter jitter;
  int64_t full_from_ns, full_to_ns, full_ns; /* a queue that stays full for a while */
  unsigned packets, loss_percent;
};

struct world {
  uint64_t seed;
  int64_t span_ns;
  int64_t seen_from_ns, seen_to_ns; /* both captures were running */
  int64_t start_ns[2];              /* what the clocks showed at 0 */
  double skew[2];
  double wander[WORLD_WANDERS], wandered_ns[WORLD_WANDERS]; /* of B: from then on; until then */
  int64_t tick_ns;                                          /* readings are cut off to that */
  bool coarse; /* steps so large that none goes unseen may follow each other closely */
  unsigned step_count, quiet_count;
  struct world_step steps[WORLD_STEPS_MAX];
  int64_t quiet_from_ns[WORLD_QUIET_MAX], quiet_to_ns[WORLD_QUIET_MAX];
  struct world_way ways[2];
};

struct world_packet {
  int way;
  int64_t left_ns, came_ns; /* real time */
  int64_t a_ns, b_ns;       /* as captured */
};

static inline double world_fraction(uint64_t *seed)
{
  return (double)(random_next(seed) >> 11) * 0x1p-53;
}

/* Between low and high, every order of magnitude alike. */
static inline double world_scale(uint64_t *seed, double low, double high)
{
  return low * exp(world_fraction(seed) * log(high / low));
}

static inline int64_t world_instant(uint64_t *seed, int64_t from_ns, int64_t to_ns)
{
  return from_ns + (int64_t)(world_fraction(seed) * (double)(to_ns - from_ns));
}

static inline void world_make_clocks(struct world *world)
{
  uint64_t *seed = &world->seed;
  world->span_ns = (int64_t)world_scale(seed, 1e9, (double)WORLD_SPAN_MAX_NS);
  world->tick_ns = random_once_in(seed, 3) ? NS_PER_US : 1;
  world->seen_to_ns = world->span_ns;
  if (random_once_in(seed, 3)) {
    world->seen_from_ns = world_instant(seed, 0, world->span_ns);
    world->seen_to_ns = world_instant(seed, world->seen_from_ns, world->span_ns);
  }
  for (int clock = 0; clock < 2; clock++) {
    world->start_ns[clock] = EPOCH_NS + (int64_t)random_below(seed, 1000);
    world->skew[clock] = (world_fraction(seed) * 2 - 1) * 100e-6;
  }
  if (random_once_in(seed, 4))
    world->skew[0] = world->skew[1];
  world->start_ns[1] += (int64_t)((world_fraction(seed) * 2 - 1) * world_scale(seed, 1e3, 36e12));
}

static inline void world_make_wander(struct world *world)
{
  double most = world_scale(&world->seed, 1e-3, 1) * WORLD_WANDER_PPM * 1e-6;
  for (int i = 0; i < (int)WORLD_WANDERS; i++) {
    world->wander[i] = (world_fraction(&world->seed) * 2 - 1) * most;
    world->wandered_ns[i] =
        i == 0 ? 0 : world->wandered_ns[i - 1] + world->wander[i - 1] * (double)WORLD_WANDER_NS;
  }
}

static inline void world_make_way(struct world *world, struct world_way *way, unsigned most)
{
  uint64_t *seed = &world->seed;
  way->packets = (unsigned)world_scale(seed, most > 20 ? 20 : 1, most);
  way->floor_ns = (int64_t)world_scale(seed, 5e3, 1e9);
  way->jitter = (enum world_jitter)random_below(seed, JITTER_KINDS);
  way->jitter_ns = (int64_t)((double)way->floor_ns * world_scale(seed, 1e-3, 10));
  way->loss_percent = random_once_in(seed, 2) ? 0 : random_below(seed, 60);
  if (!random_once_in(seed, 4))
    return;
  way->full_from_ns = world_instant(seed, 0, world->span_ns);
  way->full_to_ns = world_instant(seed, way->full_from_ns, world->span_ns);
  way->full_ns = (int64_t)world_scale(seed, 1e6, 2e9);
}

static inline void world_make_path(struct world *world, unsigned packets_max)
{
  uint64_t *seed = &world->seed;
  unsigned most = random_once_in(seed, 4) ? 20 : random_once_in(seed, 100) ? packets_max : 5000;
  for (int way = 0; way < 2; way++)
    world_make_way(world, &world->ways[way], most);
  world->quiet_count = random_once_in(seed, 2) ? 0 : random_below(seed, WORLD_QUIET_MAX + 1);
  for (unsigned i = 0; i < world->quiet_count; i++) {
    double most_ns = fmin(world_scale(seed, 1e8, 6e11), (double)world->span_ns / 2);
    world->quiet_from_ns[i] = world_instant(seed, 0, world->span_ns);
    world->quiet_to_ns[i] = world->quiet_from_ns[i] + (int64_t)most_ns;
  }
}

static inline void world_make_steps(struct world *world)
{
  uint64_t *seed = &world->seed;
  world->coarse = random_once_in(seed, 4);
  int backwards = random_once_in(seed, 3) ? 0 : 1; /* the clock that may go back far */
  world->step_count = random_once_in(seed, 3) ? 0 : 1 + random_below(seed, WORLD_STEPS_MAX);
  for (unsigned i = 0; i < world->step_count; i++) {
    struct world_step *step = &world->steps[i];
    step->at_ns = world_instant(seed, 0, world->span_ns);
    step->size_ns = (int64_t)world_scale(seed, world->coarse ? 2e11 : 2e4, 2e13);
    step->clock = random_once_in(seed, 3) ? 0 : 1;
    if ((step->clock == backwards || step->size_ns < WORLD_BACK_BOTH_NS) && random_once_in(seed, 2))
      step->size_ns = -step->size_ns;
  }
}

/* Exact: what the clock would show if it had no ticks. */
static inline int64_t world_clock(const struct world *world, int clock, int64_t t_ns)
{
  int64_t shown_ns =
      world->start_ns[clock] + t_ns + (int64_t)floor((double)t_ns * world->skew[clock]);
  int64_t wander = t_ns < 0                   ? 0
                   : t_ns < WORLD_SPAN_MAX_NS ? t_ns / WORLD_WANDER_NS
                                              : WORLD_WANDERS - 1;
  if (clock == 1)
    shown_ns += (int64_t)floor(world->wandered_ns[wander] +
                               world->wander[wander] * (double)(t_ns - wander * WORLD_WANDER_NS));
  for (unsigned i = 0; i < world->step_count; i++) {
    const struct world_step *step = &world->steps[i];
    if (step->clock == clock && t_ns >= step->at_ns)
      shown_ns += step->size_ns;
  }
  return shown_ns;
}

static inline int64_t world_reading(const struct world *world, int clock, int64_t t_ns)
{
  int64_t shown_ns = world_clock(world, clock, t_ns);
  int64_t over_ns = shown_ns % world->tick_ns;
  return shown_ns - (over_ns < 0 ? over_ns + world->tick_ns : over_ns);
}

static inline bool world_is_quiet(const struct world *world, int64_t t_ns)
{
  if (t_ns < world->seen_from_ns || t_ns > world->seen_to_ns)
    return true;
  for (unsigned i = 0; i < world->quiet_count; i++)
    if (t_ns >= world->quiet_from_ns[i] && t_ns < world->quiet_to_ns[i])
      return true;
  return false;
}

static inline int64_t world_delay(const struct world_way *way, uint64_t *seed, int64_t t_ns)
{
  double u = world_fraction(seed), jitter = 0;
  switch (way->jitter) {
  case JITTER_UNIFORM: jitter = u; break;
  case JITTER_EXPONENTIAL: jitter = -log(1 - u); break;
  case JITTER_PARETO: jitter = pow(1 - u, -1 / 1.2) - 1; break;
  case JITTER_NONE:
  case JITTER_KINDS: break;
  }
  double delay_ns = (double)way->floor_ns + jitter * (double)way->jitter_ns;
  if (t_ns >= way->full_from_ns && t_ns < way->full_to_ns)
    delay_ns += (double)way->full_ns;
  return delay_ns < (double)WORLD_DELAY_MAX_NS ? (int64_t)delay_ns : WORLD_DELAY_MAX_NS;
}

/* Sends every packet of one way; returns how many were seen at both points, by time. */
static inline unsigned world_send(struct world *world, int way, struct world_packet *packets)
{
  uint64_t *seed = &world->seed;
  unsigned count = 0;
  for (unsigned i = 0; i < world->ways[way].packets; i++) {
    struct world_packet packet = {.way = way, .left_ns = world_instant(seed, 0, world->span_ns)};
    packet.came_ns = packet.left_ns + world_delay(&world->ways[way], seed, packet.left_ns);
    if (world_is_quiet(world, packet.left_ns) ||
        random_below(seed, 100) < world->ways[way].loss_percent)
      continue;
    packet.a_ns = world_reading(world, 0, way == 0 ? packet.left_ns : packet.came_ns);
    packet.b_ns = world_reading(world, 1, way == 0 ? packet.came_ns : packet.left_ns);
    packets[count++] = packet;
  }
  return count;
}

#endif
