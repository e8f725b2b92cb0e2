#ifndef CLI_REPLAY_WIRE_FEED_H
#define CLI_REPLAY_WIRE_FEED_H

/* The frames of one or several traces in one order of time, each with its end, as
 * replay/wire_replay.h plays them. An end is a trace, an excerpt of a text, or an interface of a
 * file: each is given a device of its own. The clocks of different captures are put right by the
 * packets that both saw (analyzer/survey.h). */

#include "replay/wire_replay.h"
#include "wire/error.h"
#include "wire/packet.h"

#include <stdbool.h>
#include <stdint.h>

#define REPLAY_WIRE_LOCALS_MAX 16

struct wire_feed_options {
  const char *const *paths; /* borrowed; "-": standard input */
  uint32_t path_count;      /* 1 .. WIRE_REPLAY_LANES_MAX */
  const char *filter;       /* NULL: everything */
  /* Frames whose direction the trace does not tell leave if one of these sent them, or if another
   * end saw the same connection and this one is closer to who sent them; else they arrive. */
  struct ip_address locals[REPLAY_WIRE_LOCALS_MAX];
  uint32_t local_count;
  volatile const int *stop;
};

struct wire_feed_end {
  char name[80];           /* the interface's name, or the file's */
  uint64_t frames;         /* given out so far */
  uint64_t undirected;     /* of these, nobody knows the direction: they arrive */
  uint64_t filled, headed; /* of these: enum wire_replay_change */
  uint64_t impossible;     /* not given out */
  uint64_t late;           /* given out later than recorded: the file's order is not that of time */
};

struct wire_feed; /* opaque */

/* Opens everything and finds out the ends. Returns 0 or a negative error_code. */
int wire_feed_open(struct wire_feed **feed, const struct wire_feed_options *options,
                   struct error *error);
void wire_feed_close(struct wire_feed *feed); /* NULL is allowed */

uint32_t wire_feed_end_count(const struct wire_feed *feed);
const struct wire_feed_end *wire_feed_end(const struct wire_feed *feed, uint32_t end);

/* Only this end's frames are given out, as lane 0. */
void wire_feed_choose(struct wire_feed *feed, uint32_t end);

/* wire_replay_source.next; context is the feed. What is wrong with one trace ends only its own
 * frames: *error then is the first such, when all is given out. */
int wire_feed_next(void *context, struct wire_replay_frame *frame, const uint8_t **bytes,
                   struct error *error);

#endif
