#include "analyzer/joint_alone.h"

#include <stddef.h>
#include <stdlib.h>

struct one_end {
  uint64_t engine_id, id;
  struct one_end *next;
  uint8_t end;
};

static uint32_t bucket_of(uint8_t end, uint64_t engine_id)
{
  return (uint32_t)((engine_id * UINT64_C(0x9e3779b97f4a7c15) + end) >> 32) &
         (JOINT_ALONE_BUCKETS - 1);
}

static const struct one_end *find(const struct joint_alone *alone, uint8_t end, uint64_t engine_id)
{
  const struct one_end *known = alone->buckets[bucket_of(end, engine_id)];
  while (known != NULL && (known->engine_id != engine_id || known->end != end))
    known = known->next;
  return known;
}

bool joint_alone_has(const struct joint_alone *alone, uint8_t end, uint64_t engine_id)
{
  return find(alone, end, engine_id) != NULL;
}

uint64_t joint_alone_id(struct joint_alone *alone, uint8_t end, uint64_t engine_id,
                        uint64_t *last_id)
{
  const struct one_end *before = find(alone, end, engine_id);
  if (before != NULL)
    return before->id;
  struct one_end **bucket = &alone->buckets[bucket_of(end, engine_id)];
  struct one_end *known = calloc(1, sizeof *known);
  if (known == NULL)
    return ++*last_id;
  *known = (struct one_end){engine_id, ++*last_id, *bucket, end};
  *bucket = known;
  return known->id;
}

void joint_alone_forget(struct joint_alone *alone, uint8_t end, uint64_t engine_id)
{
  struct one_end **at = &alone->buckets[bucket_of(end, engine_id)];
  while (*at != NULL && ((*at)->engine_id != engine_id || (*at)->end != end))
    at = &(*at)->next;
  struct one_end *known = *at;
  if (known == NULL)
    return;
  *at = known->next;
  free(known);
}

void joint_alone_free(struct joint_alone *alone)
{
  for (uint32_t i = 0; i < JOINT_ALONE_BUCKETS; i++) {
    while (alone->buckets[i] != NULL) {
      struct one_end *next = alone->buckets[i]->next;
      free(alone->buckets[i]);
      alone->buckets[i] = next;
    }
  }
}
