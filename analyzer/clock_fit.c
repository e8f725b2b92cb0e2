#include "analyzer/clock_fit.h"

#include "analyzer/clock_solve.h"

#include <stdlib.h>
#include <string.h>

/* Slots of time on B's clock, 2^shift ns wide, numbered b >> shift. A ring of them holds a span of
 * SLOTS slots; what lies outside doubles the width, by which neighbours become one. Each holds the
 * tightest bound of its time and direction, with its exact time.
 *
 * Tightest is meant along the clocks' drift, not across: skew is what is known of it, looked for
 * anew whenever slots are merged, so that a merge costs nothing however wide the slots have become.
 */
#define SLOTS       4096u /* a power of two */
#define SHIFT_FIRST 16u   /* 65 us */
#define SHIFT_SKEW  20u   /* 1 ms; 4 s in all: before, skew is nothing */
#define ENDS        2u    /* beside the slots: the first and the last bound of a direction */
#define BOUNDS_MAX  (2 * (SLOTS + ENDS))

struct slot {
  int64_t b_ns; /* TIME_INVALID: none yet */
  int64_t gain_ns;
};

struct clock_fit {
  bool started;
  unsigned shift;
  int64_t first_slot, last_slot; /* numbers of the slots in use, last - first < SLOTS */
  double skew;                   /* of the gain, ns per ns */
  struct slot ends[2][ENDS];
  struct slot slots[2][SLOTS]; /* [direction][number % SLOTS] */
  struct clock_workspace *workspace;
};

struct clock_fit *clock_fit_new(void)
{
  struct clock_fit *fit = calloc(1, sizeof(*fit));
  if (!fit)
    return NULL;
  fit->workspace = clock_workspace_new(BOUNDS_MAX);
  if (!fit->workspace) {
    free(fit);
    return NULL;
  }
  fit->shift = SHIFT_FIRST;
  for (int direction = 0; direction < 2; direction++) {
    for (unsigned i = 0; i < SLOTS; i++)
      fit->slots[direction][i].b_ns = TIME_INVALID;
    for (unsigned i = 0; i < ENDS; i++)
      fit->ends[direction][i].b_ns = TIME_INVALID;
  }
  return fit;
}

void clock_fit_free(struct clock_fit *fit)
{
  if (!fit)
    return;
  clock_workspace_free(fit->workspace);
  free(fit);
}

/* Division that rounds down, for negative times too. */
static int64_t slot_number(const struct clock_fit *fit, int64_t b_ns)
{
  int64_t width = INT64_C(1) << fit->shift;
  int64_t number = b_ns / width;
  return b_ns % width < 0 ? number - 1 : number;
}

static struct slot *slot_at(struct clock_fit *fit, enum clock_direction direction, int64_t number)
{
  return &fit->slots[direction][(uint64_t)number & (SLOTS - 1)];
}

/* A to B bounds the gain from below, B to A from above. */
static bool is_tighter(const struct clock_fit *fit, enum clock_direction direction,
                       const struct slot *new, const struct slot *old)
{
  double rise = (double)new->gain_ns - (double)old->gain_ns -
                fit->skew *((double)new->b_ns - (double)old->b_ns);
  return direction == CLOCK_A_TO_B ? rise > 0 : rise < 0;
}

static void slot_put(const struct clock_fit *fit, enum clock_direction direction, struct slot *slot,
                     const struct slot *new)
{
  if (!time_is_valid(slot->b_ns) || is_tighter(fit, direction, new, slot))
    *slot = *new;
}

static int64_t half(int64_t number)
{
  return number % 2 < 0 ? number / 2 - 1 : number / 2;
}

/* Twice as wide slots. In order of number each goes to a place that has been emptied before, or to
 * its own. */
static void widen(struct clock_fit *fit)
{
  for (int direction = 0; direction < 2; direction++) {
    struct slot kept[SLOTS / 2 + 1];
    int64_t first = half(fit->first_slot);
    for (unsigned i = 0; i <= SLOTS / 2; i++)
      kept[i].b_ns = TIME_INVALID;
    for (int64_t number = fit->first_slot; number <= fit->last_slot; number++) {
      struct slot *slot = slot_at(fit, (enum clock_direction)direction, number);
      if (time_is_valid(slot->b_ns))
        slot_put(fit, (enum clock_direction)direction, &kept[half(number) - first], slot);
      slot->b_ns = TIME_INVALID;
    }
    for (int64_t number = first; number <= half(fit->last_slot); number++)
      *slot_at(fit, (enum clock_direction)direction, number) = kept[number - first];
  }
  fit->shift++;
  fit->first_slot = half(fit->first_slot);
  fit->last_slot = half(fit->last_slot);
}

static void learn_skew(struct clock_fit *fit)
{
  struct clock_map map;
  clock_fit_solve(fit, &map);
  int64_t longest_ns = 0;
  fit->skew = 0;
  for (uint32_t i = 0; i < map.piece_count; i++) {
    const struct clock_piece *piece = &map.pieces[i];
    if (piece->to_ns - piece->from_ns <= longest_ns)
      continue;
    longest_ns = piece->to_ns - piece->from_ns;
    double skew = piece->skew_ppm / 1e6;
    fit->skew = -skew / (1 + skew); /* of A's clock on B's */
  }
}

/* Makes number_of(b_ns) one of the slots in use. */
static void make_room(struct clock_fit *fit, int64_t b_ns)
{
  if (!fit->started) {
    fit->started = true;
    fit->first_slot = fit->last_slot = slot_number(fit, b_ns);
    return;
  }
  for (;;) {
    int64_t number = slot_number(fit, b_ns);
    int64_t first = number < fit->first_slot ? number : fit->first_slot;
    int64_t last = number > fit->last_slot ? number : fit->last_slot;
    if (last - first < (int64_t)SLOTS) {
      fit->first_slot = first;
      fit->last_slot = last;
      return;
    }
    if (fit->shift >= SHIFT_SKEW)
      learn_skew(fit);
    widen(fit);
  }
}

static int64_t clamp(int64_t time_ns)
{
  if (time_ns > CLOCK_TIME_MAX_NS)
    return CLOCK_TIME_MAX_NS;
  return time_ns < -CLOCK_TIME_MAX_NS ? -CLOCK_TIME_MAX_NS : time_ns;
}

static void note_end(struct clock_fit *fit, enum clock_direction direction, const struct slot *new)
{
  struct slot *ends = fit->ends[direction];
  if (!time_is_valid(ends[0].b_ns) || new->b_ns < ends[0].b_ns)
    ends[0] = *new;
  if (!time_is_valid(ends[1].b_ns) || new->b_ns > ends[1].b_ns)
    ends[1] = *new;
}

void clock_fit_add(struct clock_fit *fit, enum clock_direction direction, int64_t a_ns,
                   int64_t b_ns)
{
  if (!time_is_valid(a_ns) || !time_is_valid(b_ns))
    return;
  struct slot new = {.b_ns = clamp(b_ns)};
  new.gain_ns = clamp(a_ns) - new.b_ns;
  int64_t number = slot_number(fit, new.b_ns);
  if (!fit->started || number < fit->first_slot || number > fit->last_slot) {
    make_room(fit, new.b_ns);
    number = slot_number(fit, new.b_ns);
  }
  slot_put(fit, direction, slot_at(fit, direction, number), &new);
  note_end(fit, direction, &new);
}

static size_t copy_bound(struct clock_bound *bounds, size_t count, int direction,
                         const struct slot *slot)
{
  if (!time_is_valid(slot->b_ns))
    return count;
  bounds[count] = (struct clock_bound){
      .b_ns = slot->b_ns, .gain_ns = slot->gain_ns, .upper = direction == CLOCK_B_TO_A};
  return count + 1;
}

void clock_fit_solve(const struct clock_fit *fit, struct clock_map *map)
{
  struct clock_bound *bounds = clock_workspace_bounds(fit->workspace);
  size_t count = 0;
  for (int direction = 0; direction < 2; direction++) {
    for (unsigned i = 0; i < SLOTS; i++)
      count = copy_bound(bounds, count, direction, &fit->slots[direction][i]);
    for (unsigned i = 0; i < ENDS; i++)
      count = copy_bound(bounds, count, direction, &fit->ends[direction][i]);
  }
  clock_solve(fit->workspace, count, map);
}
