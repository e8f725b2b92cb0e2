#ifndef CLI_PACKETS_AGAIN_H
#define CLI_PACKETS_AGAIN_H

/* A further reading of traces that were analysed: every packet, decoded, with its end and on end
 * A's clock. */

#include "cli/analysis.h"
#include "wire/packet.h"

/* packet->end and ->time_ns are set; false: that is enough. */
typedef bool packet_handler(void *context, const struct packet *packet);

/* Source after source, not in order of time between them. Damage ends a source, as it did before.
 * Returns 0 or a negative error_code. */
int packets_again(const struct analysis *analysis, packet_handler *handler, void *context,
                  struct error *error);

#endif
