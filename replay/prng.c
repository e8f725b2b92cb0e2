#include "replay/prng.h"

#include <math.h>

static uint64_t rotate_left(uint64_t value, unsigned bits)
{
  return value << bits | value >> (64 - bits);
}

static uint64_t split_mix(uint64_t *state)
{
  uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
  z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
  return z ^ z >> 31;
}

void prng_seed(struct prng *prng, uint64_t seed, uint64_t stream)
{
  uint64_t state = stream;
  state = split_mix(&state) ^ seed;
  for (int i = 0; i < 4; i++)
    prng->state[i] = split_mix(&state);
}

uint64_t prng_u64(struct prng *prng)
{
  uint64_t *s = prng->state;
  const uint64_t result = rotate_left(s[1] * 5, 7) * 9, t = s[1] << 17;
  s[2] ^= s[0];
  s[3] ^= s[1];
  s[1] ^= s[2];
  s[0] ^= s[3];
  s[2] ^= t;
  s[3] = rotate_left(s[3], 45);
  return result;
}

double prng_unit(struct prng *prng)
{
  return (double)(prng_u64(prng) >> 11) * 0x1.0p-53;
}

double prng_normal(struct prng *prng)
{
  double sum = 0;
  for (int i = 0; i < 12; i++)
    sum += prng_unit(prng);
  return sum - 6;
}

double prng_exponential(struct prng *prng)
{
  return -log(1 - prng_unit(prng));
}
