/* The ring of segments in flight, against a plain array that does the same the slow way. */

#include "analyzer/flight.h"
#include "tests/support/random.h"
#include "wire/seq.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define LIMIT 32u

struct model {
  struct flight_segment segments[LIMIT];
  uint32_t count;
  uint64_t forgotten;
};

static void model_append(struct model *model, const struct flight_segment *segment)
{
  if (model->count == LIMIT) {
    memmove(model->segments, model->segments + 1, (LIMIT - 1) * sizeof *segment);
    model->count--;
    model->forgotten++;
  }
  model->segments[model->count++] = *segment;
}

static uint32_t model_acknowledge(struct model *model, uint32_t una)
{
  uint32_t longest = 0, kept = 0;
  for (uint32_t i = 0; i < model->count; i++) {
    struct flight_segment segment = model->segments[i];
    if (seq_leq(segment.end, una)) {
      if ((segment.flags & FLIGHT_HOLE) == 0 && segment.end - segment.start > longest)
        longest = segment.end - segment.start;
      continue;
    }
    if (seq_lt(segment.start, una))
      segment.start = una;
    model->segments[kept++] = segment;
  }
  model->count = kept;
  return longest;
}

static uint32_t model_find(const struct model *model, uint32_t seq)
{
  uint32_t i = 0;
  while (i < model->count && !seq_gt(model->segments[i].end, seq))
    i++;
  return i;
}

static uint32_t model_sack(struct model *model, uint32_t from, uint32_t start, uint32_t end)
{
  uint32_t newly = 0;
  for (uint32_t i = 0; i < model->count; i++) {
    struct flight_segment *segment = &model->segments[i];
    if (seq_gt(segment->end, from) && seq_geq(segment->start, start) &&
        seq_leq(segment->end, end) && (segment->flags & FLIGHT_SACKED) == 0) {
      segment->flags |= FLIGHT_SACKED;
      newly++;
    }
  }
  return newly;
}

static void model_insert(struct model *model, uint32_t index, struct flight_segment segment)
{
  memmove(&model->segments[index + 1], &model->segments[index],
          (model->count - index) * sizeof segment);
  model->segments[index] = segment;
  model->count++;
}

static uint32_t model_split(struct model *model, uint32_t index, uint32_t start, uint32_t end)
{
  struct flight_segment hole = model->segments[index];
  if (end != hole.end) {
    struct flight_segment upper = hole;
    upper.start = end;
    model_insert(model, index + 1, upper);
    model->segments[index].end = end;
  }
  if (start == hole.start)
    return index;
  struct flight_segment middle = model->segments[index];
  middle.start = start;
  model_insert(model, index + 1, middle);
  model->segments[index].end = start;
  return index + 1;
}

static void assert_same_segment(const struct flight_segment *a, const struct flight_segment *b)
{
  assert_int_equal(a->start, b->start);
  assert_int_equal(a->end, b->end);
  assert_int_equal(a->time_ns, b->time_ns);
  assert_int_equal(a->frame, b->frame);
  assert_int_equal(a->ts_val, b->ts_val);
  assert_int_equal(a->transmissions, b->transmissions);
  assert_int_equal(a->flags, b->flags);
}

static void assert_same(const struct flight *flight, const struct flight_pool *pool,
                        const struct model *model)
{
  assert_int_equal(flight->count, model->count);
  assert_int_equal(pool->forgotten, model->forgotten);
  assert_true(flight->capacity <= pool->max_segments);
  assert_true((flight->capacity & (flight->capacity - 1)) == 0);
  for (uint32_t i = 0; i < model->count; i++)
    assert_same_segment(flight_at(flight, i), &model->segments[i]);
}

static void assert_ordered(const struct flight *flight)
{
  for (uint32_t i = 0; i < flight->count; i++) {
    const struct flight_segment *segment = flight_at(flight, i);
    assert_true(seq_lt(segment->start, segment->end));
    assert_true(i == 0 || seq_leq(flight_at(flight, i - 1)->end, segment->start));
  }
}

/* Both, and where the stream stands. */
struct pair {
  struct flight flight;
  struct flight_pool pool;
  struct model model;
  uint32_t una, nxt;
  uint64_t seed, frame;
};

static uint32_t some_seq(struct pair *pair)
{
  return pair->una - 100 + random_below(&pair->seed, pair->nxt - pair->una + 200);
}

static void append(struct pair *pair)
{
  struct flight_segment segment = {
      .start = pair->nxt,
      .end = pair->nxt + 1 + random_below(&pair->seed, 3000),
      .time_ns = (int64_t)(random_next(&pair->seed) >> 1),
      .frame = ++pair->frame,
      .ts_val = (uint32_t)random_next(&pair->seed),
      .transmissions = 1,
      .flags = random_once_in(&pair->seed, 4) ? FLIGHT_HOLE : FLIGHT_PSH,
  };
  if (random_once_in(&pair->seed, 8)) { /* a range that nothing stands for */
    segment.start += 500;
    segment.end += 500;
  }
  flight_append(&pair->flight, &pair->pool, &segment);
  model_append(&pair->model, &segment);
  pair->nxt = segment.end;
}

static void acknowledge(struct pair *pair)
{
  uint32_t una = pair->una + random_below(&pair->seed, pair->nxt - pair->una + 1);
  if (random_once_in(&pair->seed, 4))
    una = pair->nxt;
  assert_int_equal(flight_acknowledge(&pair->flight, &pair->pool, una),
                   model_acknowledge(&pair->model, una));
  pair->una = una;
}

static void split(struct pair *pair)
{
  if (pair->model.count == 0 || pair->model.count + 2 > LIMIT)
    return;
  uint32_t index = random_below(&pair->seed, pair->model.count);
  const struct flight_segment *hole = &pair->model.segments[index];
  uint32_t length = hole->end - hole->start;
  if ((hole->flags & FLIGHT_HOLE) == 0)
    return;
  uint32_t start = hole->start + random_below(&pair->seed, length);
  uint32_t end = start + 1 + random_below(&pair->seed, hole->end - start);
  assert_int_equal(flight_split(&pair->flight, &pair->pool, index, start, end),
                   model_split(&pair->model, index, start, end));
}

static void sack(struct pair *pair)
{
  uint32_t start = some_seq(pair), end = start + 1 + random_below(&pair->seed, 9000);
  uint32_t from = start + random_below(&pair->seed, end - start);
  assert_int_equal(flight_sack(&pair->flight, from, start, end),
                   model_sack(&pair->model, from, start, end));
}

static void clear(struct pair *pair)
{
  flight_clear(&pair->flight, &pair->pool);
  pair->model.count = 0;
  pair->una = pair->nxt;
}

static void random_step(struct pair *pair)
{
  switch (random_below(&pair->seed, 10)) {
  case 0: acknowledge(pair); break;
  case 1:
  case 2: sack(pair); break;
  case 3: split(pair); break;
  case 4:
    if (random_once_in(&pair->seed, 20))
      clear(pair);
    break;
  default: append(pair);
  }
  uint32_t seq = some_seq(pair);
  assert_int_equal(flight_find(&pair->flight, seq), model_find(&pair->model, seq));
  assert_same(&pair->flight, &pair->pool, &pair->model);
  assert_ordered(&pair->flight);
}

/* The streams begin below 2^32, so that all of them wrap. */
static void does_what_an_array_does(void **state)
{
  (void)state;
  for (uint64_t run = 1; run <= 100; run++) {
    struct pair pair = {.una = UINT32_MAX - 20000, .nxt = UINT32_MAX - 20000, .seed = run};
    flight_pool_init(&pair.pool, LIMIT);
    for (int i = 0; i < 1000; i++)
      random_step(&pair);
    flight_clear(&pair.flight, &pair.pool);
    flight_pool_free(&pair.pool);
  }
}

static void append_range(struct flight *flight, struct flight_pool *pool, uint32_t start,
                         uint32_t end, uint8_t flags)
{
  flight_append(
      flight, pool,
      &(struct flight_segment){
          .start = start, .end = end, .flags = flags, .frame = start, .transmissions = 1});
}

static void empty_ring_holds_no_memory(void **state)
{
  (void)state;
  struct flight_pool pool;
  struct flight flight = {0};
  flight_pool_init(&pool, 1024);
  assert_int_equal(pool.memory_bytes, 0);
  assert_int_equal(flight_find(&flight, 5), 0);
  assert_int_equal(flight_acknowledge(&flight, &pool, 5), 0);
  append_range(&flight, &pool, 10, 20, 0);
  assert_non_null(flight.segments);
  assert_int_equal(flight_acknowledge(&flight, &pool, 20), 10);
  assert_null(flight.segments);
  assert_int_equal(flight.capacity, 0);
  assert_int_equal(flight.count, 0);
  flight_pool_free(&pool);
}

static void memory_given_back_is_used_again(void **state)
{
  (void)state;
  struct flight_pool pool;
  struct flight flight = {0};
  flight_pool_init(&pool, 4096);
  uint64_t after_first_round = 0;
  for (uint32_t round = 0; round < 50; round++) {
    for (uint32_t i = 0; i < 1000; i++)
      append_range(&flight, &pool, i * 10, i * 10 + 10, 0);
    flight_clear(&flight, &pool);
    if (round == 0)
      after_first_round = pool.memory_bytes;
  }
  assert_true(after_first_round >= 1000 * sizeof(struct flight_segment));
  assert_int_equal(pool.memory_bytes, after_first_round);
  flight_pool_free(&pool);
}

static void full_ring_forgets_the_oldest_and_counts(void **state)
{
  (void)state;
  struct flight_pool pool;
  struct flight flight = {0};
  flight_pool_init(&pool, 64);
  for (uint32_t i = 0; i < 100; i++)
    append_range(&flight, &pool, i * 10, i * 10 + 10, 0);
  assert_int_equal(flight.count, 64);
  assert_int_equal(pool.forgotten, 36);
  assert_int_equal(flight_at(&flight, 0)->start, 360);
  assert_int_equal(flight_at(&flight, 63)->start, 990);
  flight_clear(&flight, &pool);
  flight_pool_free(&pool);
}

static void rings_do_not_share_segments(void **state)
{
  (void)state;
  struct flight_pool pool;
  struct flight flights[20] = {{0}};
  flight_pool_init(&pool, 256);
  for (uint32_t i = 0; i < 100; i++) {
    for (uint32_t f = 0; f < 20; f++)
      append_range(&flights[f], &pool, 1000 * f + i, 1000 * f + i + 1, 0);
  }
  for (uint32_t f = 0; f < 20; f++) {
    assert_int_equal(flights[f].count, 100);
    for (uint32_t i = 0; i < 100; i++)
      assert_int_equal(flight_at(&flights[f], i)->start, 1000 * f + i);
    flight_clear(&flights[f], &pool);
  }
  flight_pool_free(&pool);
}

static void holes_do_not_count_as_the_longest_segment(void **state)
{
  (void)state;
  struct flight_pool pool;
  struct flight flight = {0};
  flight_pool_init(&pool, 64);
  append_range(&flight, &pool, 100, 200, 0);
  append_range(&flight, &pool, 200, 9000, FLIGHT_HOLE);
  append_range(&flight, &pool, 9000, 9300, 0);
  append_range(&flight, &pool, 9300, 9400, 0);
  assert_int_equal(flight_acknowledge(&flight, &pool, 9350), 300);
  assert_int_equal(flight.count, 1);
  assert_int_equal(flight_at(&flight, 0)->start, 9350); /* cut in two */
  assert_int_equal(flight_at(&flight, 0)->end, 9400);
  flight_clear(&flight, &pool);
  flight_pool_free(&pool);
}

/* Without room a hole stays as it is, or is split in part: never more than the limit, never out of
 * order. */
static void split_in_a_full_ring_keeps_order_and_limit(void **state)
{
  (void)state;
  for (uint32_t filled = 6; filled <= 8; filled++) {
    struct flight_pool pool;
    struct flight flight = {0};
    flight_pool_init(&pool, 8);
    assert_int_equal(pool.max_segments, 8);
    append_range(&flight, &pool, 0, 100, FLIGHT_HOLE);
    for (uint32_t i = 1; i < filled; i++)
      append_range(&flight, &pool, i * 100, i * 100 + 100, 0);
    uint32_t index = flight_split(&flight, &pool, 0, 40, 60);
    assert_true(index < flight.count);
    assert_true(flight.count <= 8);
    assert_true(seq_leq(flight_at(&flight, index)->start, 40));
    assert_true(seq_geq(flight_at(&flight, index)->end, 60));
    assert_int_equal(pool.forgotten > 0, filled > 6);
    assert_ordered(&flight);
    flight_clear(&flight, &pool);
    flight_pool_free(&pool);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(does_what_an_array_does),
      cmocka_unit_test(empty_ring_holds_no_memory),
      cmocka_unit_test(memory_given_back_is_used_again),
      cmocka_unit_test(full_ring_forgets_the_oldest_and_counts),
      cmocka_unit_test(rings_do_not_share_segments),
      cmocka_unit_test(holes_do_not_count_as_the_longest_segment),
      cmocka_unit_test(split_in_a_full_ring_keeps_order_and_limit),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
