/* Clock fits against known truth: made-up pairs of clocks and paths, and at every instant that is
 * tried the error must be within the uncertainty that is stated for it.
 *
 * CLOCK_CASES and CLOCK_SEED in the environment try others than ctest does. */

#include "analyzer/clock_fit.h"
#include "tests/unit/clock_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define CASES         1000u
#define PACKETS_MAX   200000u /* of either way */
#define INSTANTS      200u
#define UNSEEN_MAX_NS (4 * NS_PER_S) /* larger steps do not go unseen by these paths */

/* What docs/clocks.md says can be known: unseen steps are not closer to each other, or to others,
 * than that; nor than so many packets of either direction. */
#define SPACING_NS      (300 * NS_PER_S)
#define SPACING_PACKETS 8u
/* Steps that cannot go unseen. */
#define COARSE_SPACING_NS (30 * NS_PER_S)

struct bench {
  struct world world;
  struct world_packet *packets; /* [2 * PACKETS_MAX] */
  unsigned count;
  struct clock_map map;
  uint64_t cases[WORLD_STEPS_MAX + 1], wrong; /* by number of steps */
  uint64_t instants, bounded, close; /* tried; with a bound; better than a step's or a gap's */
};

static unsigned count_between(const struct bench *bench, int way, int64_t from_ns, int64_t to_ns)
{
  unsigned count = 0;
  for (unsigned i = 0; i < bench->count; i++) {
    const struct world_packet *packet = &bench->packets[i];
    if (packet->way == way && packet->left_ns >= from_ns && packet->came_ns < to_ns)
      count++;
  }
  return count;
}

/* A step that is smaller than the round trip goes unseen for about as long. */
static int64_t blind_ns(const struct world_step *step)
{
  int64_t size_ns = llabs(step->size_ns);
  return size_ns < UNSEEN_MAX_NS ? size_ns : UNSEEN_MAX_NS;
}

/* No step too soon after another one, nor an unseen one where a direction was not seen yet, or was
 * not any more. */
static bool are_apart(const struct bench *bench)
{
  const struct world *world = &bench->world;
  int64_t spacing_ns = world->coarse ? COARSE_SPACING_NS : SPACING_NS;
  for (unsigned i = 0; i < world->step_count; i++) {
    int64_t before_ns = world->steps[i].at_ns - blind_ns(&world->steps[i]);
    int64_t behind_ns = world->steps[i].at_ns + blind_ns(&world->steps[i]);
    for (int way = 0; way < 2 && behind_ns - before_ns < 2 * UNSEEN_MAX_NS; way++)
      if (count_between(bench, way, INT64_MIN, before_ns) == 0 ||
          count_between(bench, way, behind_ns, INT64_MAX) == 0)
        return false;
    for (unsigned k = 0; k < world->step_count; k++) {
      int64_t from_ns = world->steps[i].at_ns, to_ns = world->steps[k].at_ns;
      if (i == k || from_ns > to_ns)
        continue;
      if (to_ns - from_ns < spacing_ns ||
          count_between(bench, 0, from_ns, to_ns) < SPACING_PACKETS ||
          count_between(bench, 1, from_ns, to_ns) < SPACING_PACKETS)
        return false;
    }
  }
  return true;
}

static void shuffle(struct bench *bench)
{
  for (unsigned i = bench->count; i > 1; i--) {
    unsigned k = random_below(&bench->world.seed, i);
    struct world_packet packet = bench->packets[k];
    bench->packets[k] = bench->packets[i - 1];
    bench->packets[i - 1] = packet;
  }
}

static void make_world(struct bench *bench, uint64_t seed)
{
  struct world *world = &bench->world;
  *world = (struct world){.seed = seed};
  world_make_clocks(world);
  world_make_wander(world);
  world_make_path(world, PACKETS_MAX);
  world_make_steps(world);
  for (;;) {
    bench->count = world_send(world, 0, bench->packets);
    bench->count += world_send(world, 1, bench->packets + bench->count);
    if (are_apart(bench))
      break;
    world->step_count--;
  }
  if (random_once_in(&world->seed, 2))
    shuffle(bench);
}

static void fit(struct bench *bench)
{
  struct clock_fit *fit = clock_fit_new();
  assert_non_null(fit);
  for (unsigned i = 0; i < bench->count; i++) {
    const struct world_packet *packet = &bench->packets[i];
    clock_fit_add(fit, packet->way == 0 ? CLOCK_A_TO_B : CLOCK_B_TO_A, packet->a_ns, packet->b_ns);
  }
  clock_fit_solve(fit, &bench->map);
  clock_fit_free(fit);
}

/* Anywhere, and more often close to steps and to packets. */
static int64_t pick_instant(struct bench *bench)
{
  struct world *world = &bench->world;
  uint64_t *seed = &world->seed;
  int64_t t_ns = world_instant(seed, 0, world->span_ns);
  unsigned kind = random_below(seed, 4);
  if (kind == 0 && world->step_count > 0)
    t_ns = world->steps[random_below(seed, world->step_count)].at_ns;
  else if (kind == 1 && bench->count > 0)
    t_ns = bench->packets[random_below(seed, bench->count)].left_ns;
  else
    return t_ns;
  int64_t away_ns = (int64_t)world_scale(seed, 1, 1e10);
  return t_ns + (random_once_in(seed, 2) ? away_ns : -away_ns);
}

/* Whether the clocks can be known at t_ns at all: if they are stepped, both directions must have
 * been seen between the steps before and behind it, and t_ns lie between first and last packet,
 * since a clock that was stepped backwards shows again beyond them what it showed before. */
static bool is_knowable(const struct bench *bench, int64_t t_ns)
{
  const struct world *world = &bench->world;
  int64_t from_ns = INT64_MIN, to_ns = INT64_MAX, first_ns = INT64_MAX, last_ns = INT64_MIN;
  if (world->step_count == 0)
    return true;
  for (unsigned i = 0; i < world->step_count; i++) {
    const struct world_step *step = &world->steps[i];
    if (step->at_ns <= t_ns && step->at_ns + blind_ns(step) > from_ns)
      from_ns = step->at_ns + blind_ns(step);
    if (step->at_ns > t_ns && step->at_ns - blind_ns(step) < to_ns)
      to_ns = step->at_ns - blind_ns(step);
  }
  for (unsigned i = 0; i < bench->count; i++) {
    first_ns = bench->packets[i].came_ns < first_ns ? bench->packets[i].came_ns : first_ns;
    last_ns = bench->packets[i].left_ns > last_ns ? bench->packets[i].left_ns : last_ns;
  }
  return t_ns >= first_ns && t_ns <= last_ns && count_between(bench, 0, from_ns, to_ns) > 0 &&
         count_between(bench, 1, from_ns, to_ns) > 0;
}

static void describe(const struct world *world, const struct clock_map *map)
{
  printf("  span %.6f s, seen %.6f-%.6f, tick %lld ns, skews %.1f and %.1f ppm\n",
         time_to_s(world->span_ns), time_to_s(world->seen_from_ns), time_to_s(world->seen_to_ns),
         (long long)world->tick_ns, world->skew[0] * 1e6, world->skew[1] * 1e6);
  for (int i = 0; i < 2; i++) {
    const struct world_way *way = &world->ways[i];
    printf("  way %d: %u packets, %u %% lost, %.6f s + jitter %d of %.6f s, full %.3f-%.3f: %.6f\n",
           i, way->packets, way->loss_percent, time_to_s(way->floor_ns), (int)way->jitter,
           time_to_s(way->jitter_ns), time_to_s(way->full_from_ns), time_to_s(way->full_to_ns),
           time_to_s(way->full_ns));
  }
  for (unsigned i = 0; i < world->step_count; i++)
    printf("  step of %c at %.6f by %.9f\n", "AB"[world->steps[i].clock],
           time_to_s(world->steps[i].at_ns), time_to_s(world->steps[i].size_ns));
  for (unsigned i = 0; i < world->quiet_count; i++)
    printf("  quiet %.6f-%.6f\n", time_to_s(world->quiet_from_ns[i]),
           time_to_s(world->quiet_to_ns[i]));
  for (uint32_t i = 0; i < map->piece_count; i++) {
    const struct clock_piece *piece = &map->pieces[i];
    printf("  piece %.6f-%.6f, offset %.6f, uncertainty %.6f, usually %.6f, -%.6f +%.6f\n",
           time_to_s(piece->from_ns - world->start_ns[0]),
           time_to_s(piece->to_ns - world->start_ns[0]),
           time_to_s(piece->offset_ns - world->start_ns[1] + world->start_ns[0]),
           time_to_s(piece->uncertainty_ns), time_to_s(piece->usual_uncertainty_ns),
           time_to_s(piece->early_ns), time_to_s(piece->late_ns));
  }
}

/* By how much the error at t_ns is beyond what is stated. */
static int64_t excess_ns(struct bench *bench, int64_t t_ns)
{
  int64_t b_ns = world_clock(&bench->world, 1, t_ns);
  int64_t error_ns = clock_map_to_a(&bench->map, b_ns) - world_clock(&bench->world, 0, t_ns);
  int64_t uncertainty_ns = clock_map_uncertainty_ns(&bench->map, b_ns);
  bench->instants++;
  if (!time_is_valid(uncertainty_ns))
    return 0;
  bench->bounded++;
  bench->close += uncertainty_ns < 5 * NS_PER_S ? 1 : 0;
  return llabs(error_ns) - uncertainty_ns;
}

static bool is_right(struct bench *bench, uint64_t seed)
{
  int64_t worst_ns = 0, worst_t_ns = 0;
  make_world(bench, seed);
  fit(bench);
  bench->cases[bench->world.step_count]++;
  for (unsigned i = 0; i < INSTANTS; i++) {
    int64_t t_ns = pick_instant(bench);
    if (t_ns < 0 || t_ns > bench->world.span_ns || !is_knowable(bench, t_ns))
      continue;
    int64_t beyond_ns = excess_ns(bench, t_ns);
    if (beyond_ns > worst_ns) {
      worst_ns = beyond_ns;
      worst_t_ns = t_ns;
    }
  }
  if (worst_ns == 0)
    return true;
  printf("case 0x%llx: %.9f s beyond the uncertainty at %.6f\n", (unsigned long long)seed,
         time_to_s(worst_ns), time_to_s(worst_t_ns));
  describe(&bench->world, &bench->map);
  return false;
}

static uint64_t from_environment(const char *name, uint64_t otherwise)
{
  const char *text = getenv(name);
  return text ? strtoull(text, NULL, 0) : otherwise;
}

static void the_error_is_within_the_uncertainty(void **state)
{
  (void)state;
  struct bench bench = {.packets = calloc(2 * (size_t)PACKETS_MAX, sizeof(*bench.packets))};
  assert_non_null(bench.packets);
  uint64_t seed = from_environment("CLOCK_SEED", 1), cases = from_environment("CLOCK_CASES", CASES);
  uint64_t next = seed;
  for (uint64_t i = 0; i < cases; i++)
    if (!is_right(&bench, i == 0 ? seed : random_next(&next)))
      bench.wrong++;
  printf("seed %llu: %llu cases, %llu wrong;", (unsigned long long)seed, (unsigned long long)cases,
         (unsigned long long)bench.wrong);
  for (unsigned i = 0; i <= WORLD_STEPS_MAX; i++)
    printf(" %llu", (unsigned long long)bench.cases[i]);
  printf(" with 0 to %u steps; %llu instants, %llu with a bound, %llu of them below 5 s\n",
         WORLD_STEPS_MAX, (unsigned long long)bench.instants, (unsigned long long)bench.bounded,
         (unsigned long long)bench.close);
  free(bench.packets);
  assert_int_equal(bench.wrong, 0);
  /* A bound that says nothing is never wrong. */
  if (cases >= CASES) {
    assert_true(bench.bounded * 100 > bench.instants * 85);
    assert_true(bench.close * 100 > bench.bounded * 85);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_error_is_within_the_uncertainty),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
