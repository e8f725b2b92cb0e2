#ifndef REPLAY_PEER_FRAMES_H
#define REPLAY_PEER_FRAMES_H

/* Frames between the played side and the live one: how the live one's are read, how ours are made.
 * Positions as in rebase.h. */

#include "replay/frame_view.h"
#include "replay/rebase.h"
#include "replay/receiver_model.h"
#include "wire/frame_builder.h"

#include <stdbool.h>
#include <stdint.h>

/* A segment of ours carries at most so much: what fits an Ethernet frame with timestamps. */
#define PEER_PAYLOAD_MAX 1448u

/* Both ends of the live connection, and the numbers of both streams in it. */
struct peer_link {
  struct frame_builder *builder; /* borrowed */
  struct frame_ends ends;        /* from the played side to the live one */
  uint16_t far_port, near_port;  /* near_port 0: whichever it connects from */
  struct rebase_stream far, near;
  bool sack, timestamps; /* agreed on */
};

/* Where the played side's frames go. */
struct peer_emitter {
  void *context;
  void (*emit)(void *context, const uint8_t *bytes, uint32_t size, int64_t due_ns);
};

/* What a segment of ours says. */
struct peer_segment {
  int64_t seq, ack; /* REBASE_SYN_POSITION for the SYN; an ack that is not there: flags */
  uint8_t flags;
  uint16_t window;
  uint32_t payload_bytes; /* zeros */
  uint32_t ts_val, ts_ecr;
  bool timestamps; /* with them; on a SYN besides the agreement */
  struct receiver_range sack[RECEIVER_SACK_MAX];
  uint32_t sack_count;
  /* of a SYN */
  uint16_t mss; /* 0: without */
  bool has_wscale;
  uint8_t wscale;
  bool sack_permitted;
};

/* What a segment of the live side says. */
struct peer_seen {
  int64_t first, end; /* its bytes, SYN and FIN among them; first is its SEQ in any case */
  int64_t ack;        /* position of the played side's stream; INT64_MIN: none */
  int64_t edge_raw;   /* the window field */
  uint16_t flags;
  uint32_t ts_val, ts_ecr;
  bool has_ts;
};

/* Writes the frame (FRAME_BUILDER_MAX bytes); returns its length or a negative error_code. */
int peer_segment_build(const struct peer_link *link, const struct peer_segment *segment,
                       uint8_t *out, struct error *error);

/* false: no segment of this connection. Takes the near port and ISN over from a SYN. */
bool peer_segment_read(struct peer_link *link, const struct frame_view *view,
                       struct peer_seen *seen);

/* Takes a frame of the live side: neighbours that ask are answered through `emit`. false: no
 * segment of this connection. */
bool peer_frame_take(struct peer_link *link, const struct peer_emitter *emitter, uint8_t *bytes,
                     uint32_t size, int64_t now_ns, struct frame_view *view,
                     struct peer_seen *seen);

/* The answer to an ARP request or a neighbour solicitation for our address, or 0: it is none. */
int peer_neighbour_answer(const struct peer_link *link, const struct frame_view *view,
                          uint8_t *out);

#endif
