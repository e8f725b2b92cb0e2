#ifndef ANALYZER_CLOCK_MATH_H
#define ANALYZER_CLOCK_MATH_H

/* Times of hostile captures: sums that stop at the ends of int64_t, and never are TIME_INVALID. */

#include "wire/timestamp.h"

static inline int64_t clock_add(int64_t x_ns, int64_t y_ns)
{
  int64_t sum = 0;
  if (!__builtin_add_overflow(x_ns, y_ns, &sum) && time_is_valid(sum))
    return sum;
  return y_ns > 0 ? INT64_MAX : -INT64_MAX;
}

static inline int64_t clock_subtract(int64_t x_ns, int64_t y_ns)
{
  int64_t difference = 0;
  if (!__builtin_sub_overflow(x_ns, y_ns, &difference) && time_is_valid(difference))
    return difference;
  return y_ns < 0 ? INT64_MAX : -INT64_MAX;
}

#endif
