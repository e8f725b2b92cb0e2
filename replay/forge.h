#ifndef REPLAY_FORGE_H
#define REPLAY_FORGE_H

/* What a box on the path says in another's name: resets, and "too big". */

#include "replay/rule.h"
#include "wire/frame_builder.h"

/* A reset that the frame's sender (or its receiver) accepts by its sequence number. Writes it to
 * `out` (FRAME_BUILDER_MAX bytes) and returns its length; negative: it cannot be made (no plain TCP
 * segment, VLAN tag). */
int forge_reset(struct frame_builder *builder, const struct rule_frame *frame,
                const struct rule *rule, bool to_sender, uint8_t *out);

/* As a router whose next link has rule->too_big.mtu answers the frame's sender. */
int forge_too_big(struct frame_builder *builder, const struct rule_frame *frame,
                  const struct rule *rule, uint8_t *out);

#endif
