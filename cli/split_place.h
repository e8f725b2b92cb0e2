#ifndef CLI_SPLIT_PLACE_H
#define CLI_SPLIT_PLACE_H

/* Where the frames of a trace go that is split by connection, so that what is found in the parts is
 * what is found in the whole.
 *
 * A connection's frames go to one part, which a hash of its addresses and ports chooses: the same
 * one in every trace of it, on every machine. What else the analysis looks at goes along as
 * context:
 *
 *   ICMP, ARP and neighbour discovery       to all parts
 *   what shows that nothing was captured    to all parts: the frames around each silence, and one
 *                                           frame in each stretch that was none
 *   who sent just before a stream went on,  to the stream's part: the last frames before it, and
 *   or just behind it                       those of its host right behind
 *   what two hosts said to each other just  to the part of the connection that is reset
 *   before a reset
 *   the first frame of each interface, of   to all parts: that there are such frames is what counts
 *   each kind that nobody can read, with
 *   lost frames before it, ...
 *
 * Memory does not grow with the trace. A pure function of what comes in: no I/O. */

#include "wire/packet.h"
#include "wire/pcapng_format.h"

#include <stdbool.h>
#include <stdint.h>

#define SPLIT_PARTS_MAX 64u

/* A frame on its way into a part. */
struct split_frame {
  struct pcapng_packet_record record; /* interface: within its section */
  bool big_endian;
  struct part_mark mark;
  const uint8_t *block; /* as it stands in the whole, of block_bytes; NULL: to be made of record */
  size_t block_bytes;
};

struct split_sink {
  void *context;
  /* Valid for the call. Returns 0 or a negative error_code, which ends split_place_frame(). */
  int (*frame)(void *context, uint32_t part, const struct split_frame *frame);
};

struct split_place; /* opaque */

/* parts: 1 .. SPLIT_PARTS_MAX. NULL: no memory. */
struct split_place *split_place_new(uint32_t parts, const struct split_sink *sink);
void split_place_free(struct split_place *place); /* NULL is allowed */

/* In file order. packet: what it was decoded to. Returns 0 or what the sink said. */
int split_place_frame(struct split_place *place, const struct split_frame *frame,
                      const struct packet *packet);
/* Interfaces are numbered anew from here on. */
void split_place_section(struct split_place *place);
/* The trace is over. Returns as above. */
int split_place_end(struct split_place *place);

/* The part of a TCP packet's connection: 0 .. parts - 1. */
uint32_t split_part_of(const struct packet *packet, uint32_t parts);

#endif
