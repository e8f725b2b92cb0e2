#ifndef LAB_RECORDING_TOOL_H
#define LAB_RECORDING_TOOL_H

/* Recordings of `tcpstall capture`: what of them makes a sample, and whether they are complete. */

#include <stddef.h>
#include <stdint.h>

/* What a sample keeps. */
struct sample_cut {
  size_t payload;          /* bytes behind the headers */
  double from_s, to_s;     /* seconds since the first frame */
  int64_t sample_every_ns; /* of an interface's samples of sockets, one in so long */
};

/* Copies `recording` to `out`, cut. Returns NULL, or what went wrong. */
const char *recording_cut(const char *out, const char *recording, const struct sample_cut *cut);

/* Compares the frames of the recording's interface `end` with those of a capture that began after
 * it and ended before it; prints what differs. Returns the number of differences, or -1. */
long recording_compare(const char *recording, uint32_t end, const char *capture);

#endif
