#include "analyzer/clock_slots.h"

#include "wire/timestamp.h"

#include <assert.h>
#include <string.h>

#define SHIFT_FIRST 20u /* 1 ms */
#define INDEX_BITS  13u

static_assert(2 * CLOCK_SLOTS == 1u << INDEX_BITS, "the index is twice as large as the slots");

void clock_slots_init(struct clock_slots *slots)
{
  memset(slots, 0, sizeof(*slots));
  slots->shift = SHIFT_FIRST;
  for (int upper = 0; upper < 2; upper++)
    for (int last = 0; last < 2; last++)
      slots->ends[upper][last] = (struct clock_bound){.x_ns = TIME_INVALID, .upper = upper};
}

/* Division that rounds down, for negative times too. */
static int64_t number_of(int64_t x_ns, unsigned shift)
{
  int64_t width = INT64_C(1) << shift;
  return x_ns / width - (x_ns % width < 0 ? 1 : 0);
}

/* Where the slot's position stands, or is to stand, in the index. */
static uint16_t *index_of(struct clock_slots *slots, int64_t number)
{
  /* Fibonacci hashing: the golden ratio's digits, the product's highest bits.
   */
  uint64_t hash = (uint64_t)number * UINT64_C(0x9e3779b97f4a7c15) >> (64 - INDEX_BITS);
  for (;;) {
    uint16_t *entry = &slots->index[hash];
    if (*entry == 0 || slots->slots[*entry - 1].number == number)
      return entry;
    hash = (hash + 1) & (2 * CLOCK_SLOTS - 1);
  }
}

/* NULL: none, and no room for one. */
static struct clock_slot *find_slot(struct clock_slots *slots, int64_t number)
{
  if (slots->count > 0 && slots->slots[slots->latest].number == number)
    return &slots->slots[slots->latest];
  uint16_t *entry = index_of(slots, number);
  if (*entry == 0) {
    if (slots->count == CLOCK_SLOTS)
      return NULL;
    slots->slots[slots->count] = (struct clock_slot){
        .number = number, .tightest = {{.x_ns = TIME_INVALID}, {.x_ns = TIME_INVALID}}};
    *entry = (uint16_t)++slots->count;
  }
  slots->latest = *entry - 1u;
  return &slots->slots[slots->latest];
}

static void keep_tightest(struct clock_slot *slot, const struct clock_bound *bound, double skew)
{
  int64_t *x_ns = &slot->tightest[bound->upper ? 1 : 0].x_ns;
  int64_t *gain_ns = &slot->tightest[bound->upper ? 1 : 0].gain_ns;
  if (time_is_valid(*x_ns)) {
    double rise =
        (double)bound->gain_ns - (double)*gain_ns - skew * ((double)bound->x_ns - (double)*x_ns);
    if (bound->upper ? rise >= 0 : rise <= 0)
      return;
  }
  *x_ns = bound->x_ns;
  *gain_ns = bound->gain_ns;
}

static void keep_ends(struct clock_slots *slots, const struct clock_bound *bound)
{
  struct clock_bound *ends = slots->ends[bound->upper ? 1 : 0];
  if (!time_is_valid(ends[0].x_ns) || bound->x_ns < ends[0].x_ns)
    ends[0] = *bound;
  if (!time_is_valid(ends[1].x_ns) || bound->x_ns > ends[1].x_ns)
    ends[1] = *bound;
}

bool clock_slots_add(struct clock_slots *slots, const struct clock_bound *bound)
{
  struct clock_slot *slot = find_slot(slots, number_of(bound->x_ns, slots->shift));
  if (!slot)
    return false;
  keep_tightest(slot, bound, slots->skew);
  keep_ends(slots, bound);
  return true;
}

/* Slots only move to the front, so that each is read before its place is taken. */
void clock_slots_widen(struct clock_slots *slots)
{
  uint32_t count = slots->count;
  slots->shift++;
  slots->count = slots->latest = 0;
  memset(slots->index, 0, sizeof(slots->index));
  for (uint32_t i = 0; i < count; i++) {
    struct clock_slot old = slots->slots[i];
    struct clock_slot *slot = find_slot(slots, number_of(old.number, 1));
    for (int upper = 0; upper < 2; upper++) {
      struct clock_bound bound = {
          .x_ns = old.tightest[upper].x_ns, .gain_ns = old.tightest[upper].gain_ns, .upper = upper};
      if (time_is_valid(bound.x_ns))
        keep_tightest(slot, &bound, slots->skew);
    }
  }
}

size_t clock_slots_list(const struct clock_slots *slots, struct clock_bound *bounds)
{
  size_t count = 0;
  for (int upper = 0; upper < 2; upper++) {
    for (uint32_t i = 0; i < slots->count; i++) {
      const struct clock_slot *slot = &slots->slots[i];
      if (time_is_valid(slot->tightest[upper].x_ns))
        bounds[count++] = (struct clock_bound){.x_ns = slot->tightest[upper].x_ns,
                                               .gain_ns = slot->tightest[upper].gain_ns,
                                               .upper = upper};
    }
    for (int last = 0; last < 2; last++)
      if (time_is_valid(slots->ends[upper][last].x_ns))
        bounds[count++] = slots->ends[upper][last];
  }
  return count;
}
