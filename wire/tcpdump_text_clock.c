#include "wire/tcpdump_text_clock.h"

#define DAY_NS (86400 * NS_PER_S)

/* Packets of one capture may be out of order by as much as the time between two CPUs' queues, and
 * the text of a payload has empty lines as well: without prose between them, an excerpt below
 * another one has to begin this much earlier. */
#define STEP_BACK_NS NS_PER_MS

/* Twelve times of a -ttt text that happen to grow: less than one in 12!, 479 million. */
#define GROWING_MIN 12

static bool is_relative(const struct text_time *time)
{
  return time->kind == TEXT_TIME_OLD_DELTA || (time->kind == TEXT_TIME_OF_DAY && time->ns == 0);
}

/* The day in which `clock_ns` is nearest to `near_ns`. */
static int64_t nearest_day(int64_t clock_ns, int64_t near_ns)
{
  int64_t day = near_ns / DAY_NS * DAY_NS;
  int64_t distance = near_ns - (day + clock_ns);
  if (distance > DAY_NS / 2)
    return day + DAY_NS;
  if (distance < -DAY_NS / 2 && day > 0)
    return day - DAY_NS;
  return day;
}

bool text_clock_steps_back(const struct text_clock *clock, const struct text_time *time, bool prose)
{
  if (!clock->started || time->kind == TEXT_TIME_NONE || time->kind == TEXT_TIME_OLD_DELTA)
    return false;
  if (clock->base == TEXT_BASE_RELATIVE)
    return time->ns == 0 && !clock->since_previous;
  int64_t at = time->ns;
  if (time->kind == TEXT_TIME_OF_DAY) {
    at += clock->day_ns;
    if (at + DAY_NS / 2 < clock->last_ns)
      at += DAY_NS; /* midnight */
    else if (at > clock->last_ns + DAY_NS / 2 && clock->day_ns > 0)
      return true; /* back before a midnight that this excerpt has crossed */
  }
  return at + (prose ? 1 : STEP_BACK_NS) <= clock->last_ns;
}

void text_clock_restart(struct text_clock *clock)
{
  clock->started = false;
  clock->undecided = clock->since_previous = false;
  clock->growing = 0;
}

static int64_t place_of_day(struct text_clock *clock, int64_t printed_ns)
{
  if (!clock->started)
    clock->day_ns = clock->first_known ? nearest_day(printed_ns, clock->first_ns) : 0;
  else if (printed_ns + clock->day_ns + DAY_NS / 2 < clock->last_ns)
    clock->day_ns += DAY_NS;
  return clock->day_ns + printed_ns;
}

static int64_t place_relative(struct text_clock *clock, int64_t printed_ns)
{
  if (clock->undecided && printed_ns < clock->printed_ns) {
    clock->undecided = false;
    clock->since_previous = true;
  } else if (clock->undecided && printed_ns > clock->printed_ns &&
             ++clock->growing >= GROWING_MIN) {
    clock->undecided = false;
  }
  if (clock->sum_ns < INT64_MAX / 2) /* hostile texts, too, shall stay within 64 bits */
    clock->sum_ns += printed_ns;
  return clock->since_previous ? clock->sum_ns : printed_ns;
}

static void begin(struct text_clock *clock, const struct text_time *time)
{
  if (is_relative(time)) {
    clock->base = TEXT_BASE_RELATIVE;
    clock->since_previous = time->kind == TEXT_TIME_OLD_DELTA;
    clock->undecided = !clock->since_previous;
    clock->sum_ns = 0;
  } else {
    clock->base = time->kind == TEXT_TIME_OF_DAY ? TEXT_BASE_TIME_OF_DAY : TEXT_BASE_EPOCH;
  }
}

int64_t text_clock_place(struct text_clock *clock, const struct text_time *time)
{
  if (time->kind == TEXT_TIME_NONE)
    return TIME_INVALID;
  if (!clock->started)
    begin(clock, time);
  int64_t at = time->ns;
  if (time->kind == TEXT_TIME_OLD_DELTA || clock->base == TEXT_BASE_RELATIVE)
    at = place_relative(clock, time->ns);
  else if (time->kind == TEXT_TIME_OF_DAY)
    at = place_of_day(clock, time->ns);
  if (!clock->first_known)
    clock->first_ns = at;
  clock->started = clock->first_known = true;
  clock->last_ns = at;
  clock->printed_ns = time->ns;
  return at;
}

void text_clock_decide(struct text_clock *clock)
{
  clock->undecided = false;
}
