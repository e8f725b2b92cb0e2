#ifndef TESTS_SUPPORT_RANDOM_H
#define TESTS_SUPPORT_RANDOM_H

/* Numbers for property tests: the same ones in each run, so that a failure can be repeated from its
 * seed. The generator is splitmix64 (Steele, Lea, Flood 2014). */

#include <stdbool.h>
#include <stdint.h>

static inline uint64_t random_next(uint64_t *state)
{
  uint64_t value = *state += UINT64_C(0x9e3779b97f4a7c15);
  value = (value ^ value >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
  value = (value ^ value >> 27) * UINT64_C(0x94d049bb133111eb);
  return value ^ value >> 31;
}

/* 0 .. bound - 1; bound > 0. */
static inline uint32_t random_below(uint64_t *state, uint32_t bound)
{
  return (uint32_t)((random_next(state) >> 32) * bound >> 32);
}

/* true once in `times`. */
static inline bool random_once_in(uint64_t *state, uint32_t times)
{
  return random_below(state, times) == 0;
}

#endif
