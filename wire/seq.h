#ifndef WIRE_SEQ_H
#define WIRE_SEQ_H

/* Sequence and timestamp numbers are compared modulo 2^32 (RFC 9293, 3.4; RFC 7323, 5.2). */

#include <stdbool.h>
#include <stdint.h>

/* a - b as a signed distance, in -2^31 .. 2^31 - 1. */
static inline int32_t seq_diff(uint32_t a, uint32_t b)
{
  return (int32_t)(a - b);
}

static inline bool seq_lt(uint32_t a, uint32_t b)
{
  return seq_diff(a, b) < 0;
}

static inline bool seq_leq(uint32_t a, uint32_t b)
{
  return seq_diff(a, b) <= 0;
}

static inline bool seq_gt(uint32_t a, uint32_t b)
{
  return seq_diff(a, b) > 0;
}

static inline bool seq_geq(uint32_t a, uint32_t b)
{
  return seq_diff(a, b) >= 0;
}

#endif
