#ifndef CLI_REPLAY_WIRE_H
#define CLI_REPLAY_WIRE_H

/* `tcpstall replay --as wire`: the frames of a trace, verbatim and in time, on TAP devices. */

#include "cli/replay_wire_feed.h"

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>

struct replay_wire_tap {
  const char *name;
  const char *netns; /* NULL: the present namespace */
};

struct replay_wire_options {
  struct wire_feed_options feed;
  /* One for each end in the order of the ends, or none: then each end gets tap0 in a new namespace
   * of its own. */
  struct replay_wire_tap taps[WIRE_REPLAY_LANES_MAX];
  uint32_t tap_count;
  int end;         /* only this end (0 = A); -1: all */
  double speed;    /* 0: as fast as it goes */
  int64_t lead_ns; /* waited when the devices are there, for who wants to look */
  bool ordinary;   /* no real-time priority */
  bool json, quiet;
  bool given; /* some option that means nothing without --as wire */
};

/* What is played without options. */
void replay_wire_default(struct replay_wire_options *options);

/* Its options, for a parser whose child this is; its input is a struct replay_wire_options. */
extern const struct argp replay_wire_argp;

/* Returns an exit status: 0 every frame was taken by its device and none was dropped; else 2, with
 * messages. */
int replay_wire(const struct replay_wire_options *options);

#endif
