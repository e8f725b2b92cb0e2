#ifndef REPLAY_REBASE_H
#define REPLAY_REBASE_H

/* From the numbers of a recording to those of a live connection, and back: sequence numbers by way
 * of positions in the stream, timestamps by way of what carried them.
 *
 * A position counts a stream's bytes from 0, the first one behind the SYN; the SYN itself is at -1,
 * a FIN behind the last byte. Positions do not wrap. */

#include <stdbool.h>
#include <stdint.h>

#define REBASE_SYN_POSITION INT64_C(-1)

/* One stream's numbers in one connection, recorded or live. */
struct rebase_stream {
  bool known;
  uint32_t isn; /* of the SYN */
  int64_t near; /* the highest position met: others are within 2^31 of it (RFC 9293, 3.4) */
};

/* The SYN had this number; or, of a stream that was met in its midst, the byte before the first one
 * seen. */
void rebase_begin(struct rebase_stream *stream, uint32_t isn);

/* Both need stream->known. */
int64_t rebase_position(struct rebase_stream *stream, uint32_t seq);
uint32_t rebase_seq(const struct rebase_stream *stream, int64_t position);

#endif
