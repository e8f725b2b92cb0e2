#ifndef LAB_RECORDING_CUT_H
#define LAB_RECORDING_CUT_H

/* What of a recording makes a sample. */

#include <stddef.h>
#include <stdint.h>

struct sample_cut {
  size_t payload;          /* bytes behind the headers */
  double from_s, to_s;     /* seconds since the first frame */
  int64_t sample_every_ns; /* of an interface's samples of sockets, one in so long */
};

/* Copies `recording` to `out`, cut. Returns NULL, or what went wrong. */
const char *recording_cut(const char *out, const char *recording, const struct sample_cut *cut);

#endif
