#include "replay/lateness.h"

/* Slot of a value: below 16 itself; above, its highest bit and the four that follow. */
static uint32_t slot_of(uint64_t value)
{
  if (value < LATENESS_STEPS)
    return (uint32_t)value;
  const uint32_t bits = 63 - (uint32_t)__builtin_clzll(value); /* at least 4 */
  return (bits - 3) * LATENESS_STEPS + (uint32_t)(value >> (bits - 4) & (LATENESS_STEPS - 1));
}

/* The largest value of a slot. */
static uint64_t slot_last(uint32_t slot)
{
  if (slot < LATENESS_STEPS)
    return slot;
  const uint32_t bits = slot / LATENESS_STEPS + 3;
  const uint64_t first = (uint64_t)(LATENESS_STEPS + slot % LATENESS_STEPS) << (bits - 4);
  return first + (UINT64_C(1) << (bits - 4)) - 1;
}

void lateness_add(struct lateness *lateness, int64_t late_ns)
{
  const uint64_t value = late_ns > 0 ? (uint64_t)late_ns : 0;
  lateness->count++;
  lateness->sum_ns += value;
  if ((int64_t)value > lateness->max_ns)
    lateness->max_ns = (int64_t)value;
  lateness->slots[slot_of(value)]++;
}

int64_t lateness_percentile_ns(const struct lateness *lateness, double share)
{
  const double wanted = share * (double)lateness->count;
  uint64_t seen = 0;
  for (uint32_t slot = 0; slot < LATENESS_SLOTS; slot++) {
    seen += lateness->slots[slot];
    if (lateness->slots[slot] != 0 && (double)seen >= wanted) {
      const int64_t last_ns = (int64_t)slot_last(slot);
      return last_ns < lateness->max_ns ? last_ns : lateness->max_ns;
    }
  }
  return lateness->max_ns;
}
