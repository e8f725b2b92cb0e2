#ifndef REPLAY_PRNG_H
#define REPLAY_PRNG_H

/* All chance of a scenario: xoshiro256** (Blackman and Vigna, 2018), seeded by SplitMix64 as its
 * authors advise. The same seed gives the same numbers on every machine. */

#include <stdint.h>

struct prng {
  uint64_t state[4];
};

/* `stream` separates the numbers of several users of one seed. */
void prng_seed(struct prng *prng, uint64_t seed, uint64_t stream);

uint64_t prng_u64(struct prng *prng);

/* 0 <= value < 1, 53 bits. */
double prng_unit(struct prng *prng);

/* Mean 0, standard deviation 1, within -6 .. 6 (the sum of twelve uniform numbers). */
double prng_normal(struct prng *prng);

/* Mean 1, at most 53 * ln 2 = 36.8. */
double prng_exponential(struct prng *prng);

#endif
