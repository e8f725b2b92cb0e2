#ifndef WIRE_TIMESTAMP_H
#define WIRE_TIMESTAMP_H

/* Time inside tcpstall: nanoseconds since 1970-01-01 00:00 UTC (or since a trace's own zero,
 * where it has no date) in an int64_t, named *_ns. Durations use the same type. */

#include <stdbool.h>
#include <stdint.h>

#define TIME_INVALID INT64_MIN

#define NS_PER_US INT64_C(1000)
#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S  INT64_C(1000000000)

static inline bool time_is_valid(int64_t time_ns)
{
  return time_ns != TIME_INVALID;
}

/* true if part_ns is at least `percent` of whole_ns: without the overflow that a trace of strange
 * dates would cause. */
static inline bool time_is_share(int64_t part_ns, int64_t whole_ns, int percent)
{
  return (double)part_ns * 100 >= (double)whole_ns * percent;
}

static inline double time_to_s(int64_t time_ns)
{
  return (double)time_ns / 1e9;
}

#endif
