#ifndef TESTS_MUTATE_MUTATIONS_H
#define TESTS_MUTATE_MUTATIONS_H

/* Small things that go wrong with a capture, or that a path does to a packet, each of which leaves
 * it true where a stream stood still: what was proven of it before may be proven no more, but no
 * other place may be. */

#include "tests/cases/case_trace.h"

struct mutation {
  const char *name;
  /* Makes *to, whose arrays have room for one packet more than *from has, of *from. false: there is
   * nothing to change at that packet. */
  bool (*apply)(const struct mutation *mutation, const struct case_end *from, size_t at,
                struct case_end *to);
  int64_t amount; /* frames, or nanoseconds */
  bool loses;     /* the capture lacks frames: it cannot say that it has dropped none */
  bool steps;     /* times move by `amount` */
  bool once;      /* done to a whole end, not at each packet */
};

extern const struct mutation mutations[];
extern const unsigned mutation_count;

#endif
