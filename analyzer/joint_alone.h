#ifndef ANALYZER_JOINT_ALONE_H
#define ANALYZER_JOINT_ALONE_H

/* The joint ids of connections that only one engine knows, while that engine still talks of them.
 */

#include <stdbool.h>
#include <stdint.h>

#define JOINT_ALONE_BUCKETS (1u << 12)

struct one_end; /* opaque */

struct joint_alone { /* all zero: empty */
  struct one_end *buckets[JOINT_ALONE_BUCKETS];
};

/* The id of the engine's connection: a new one, counted up in *last_id, if it has none yet. */
uint64_t joint_alone_id(struct joint_alone *alone, uint8_t end, uint64_t engine_id,
                        uint64_t *last_id);
bool joint_alone_has(const struct joint_alone *alone, uint8_t end, uint64_t engine_id);
void joint_alone_forget(struct joint_alone *alone, uint8_t end, uint64_t engine_id);
void joint_alone_free(struct joint_alone *alone);

#endif
