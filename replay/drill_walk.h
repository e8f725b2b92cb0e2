#ifndef REPLAY_DRILL_WALK_H
#define REPLAY_DRILL_WALK_H

/* The walk: everything that the kernel under test sent or that arrived there, in order of time, is
 * turned into lines.
 *
 *   What arrived is injected as it was. Each segment with data is answered with an ACK that a model
 *   of the receiver (receiver_model.h) makes, at once: the script's route says `quickack`, so that
 *   delayed ACKs, which depend on chance, are none.
 *   What the kernel sent is expected: data, FINs, probes, window updates; its other pure ACKs are
 *   replaced by the model's.
 *
 * Up to the stall that is what was recorded; drill_stall.c says what has to come in its place. */

#include "replay/drill_parts.h"
#include "wire/timestamp.h"

/* The script begins so long before the first packet. */
#define DRILL_LEAD_NS (50 * NS_PER_MS)
/* With a handshake that was not recorded: between it and what was. */
#define DRILL_BEGIN_NS (10 * NS_PER_MS)
/* A peer that was never heard. */
#define DRILL_WINDOW_ASSUMED 65535

struct drill_moment {
  int64_t time_ns; /* of the recording */
  uint64_t frame;
  const struct passage *passage;
  bool inbound;
};

struct drill_walk {
  struct drill *drill;
  struct drill_moment *moments;
  size_t count, at;
  uint8_t own_shift, far_shift;
  struct receiver_model model; /* of the peer's stream */
  int64_t model_edge;          /* right edge that the kernel has announced; -1: not known */
  struct drill_reader reader;
  bool syn_sent, syn_heard, established;
  bool dead;                     /* the kernel has reset it: nothing is acknowledged any more */
  int64_t frontier;              /* end of what the kernel has sent */
  int64_t acked, acked_ns, edge; /* of the peer's words */
  int64_t fin_at;                /* position of the kernel's FIN; INT64_MAX: not sent */
  int64_t last_ns;               /* of the event before, in the script */
  int64_t heard_ns;              /* when data arrived last */
  int64_t probe_answered_ns;
  bool has_peer_ts;
  uint32_t peer_ts_base, peer_ts;
  int64_t most;          /* bytes that the application writes */
  int64_t recorded_next; /* end of what the recorded kernel had sent */
  int64_t announced;     /* what it had acknowledged */
  int64_t far_fin_at;    /* position of the peer's FIN; INT64_MAX: not come */
  bool told_stall, told_claim;
};

static inline int64_t drill_script_ns(const struct drill_walk *walk, int64_t recorded_ns)
{
  return recorded_ns + walk->drill->lead_ns;
}

/* ---- drill_packets.c ---- */

/* A packet that the kernel has to send: ACK and timestamps are the model's. */
struct drill_packet *drill_expect(struct drill_walk *walk, int64_t at_ns, uint16_t flags,
                                  int64_t seq, uint32_t payload);
void drill_expect_ack(struct drill_walk *walk, int64_t at_ns);
void drill_expect_syn(struct drill_walk *walk, int64_t at_ns);
/* The event just added. */
struct drill_event *drill_last(struct drill_walk *walk);
/* It may come at any time, or so much later; what timestamp it has cannot be told then. */
void drill_set_any_time(struct drill_walk *walk);
void drill_set_grace(struct drill_walk *walk, int64_t grace_ns);
/* A packet of the peer, or a part of it: the bytes [first, end). */
struct drill_packet *drill_inject(struct drill_walk *walk, const struct passage *passage,
                                  int64_t first, int64_t end);
void drill_inject_syn(struct drill_walk *walk, const struct passage *passage);
/* The application has its connection. */
void drill_establish(struct drill_walk *walk, int64_t at_ns);
/* A connection that was there before the recording: its handshake is made up. */
void drill_make_handshake(struct drill_walk *walk, int64_t from_ns, int64_t rtt_ns);
/* The remark on what is asserted, once. */
void drill_claim(struct drill_walk *walk, int64_t at_ns);

/* ---- drill_both.c ---- */

void drill_hear(struct drill_walk *walk, const struct passage *passage);
void drill_say(struct drill_walk *walk, const struct passage *passage);
/* The application reads on, of what has come. */
void drill_read_on(struct drill_walk *walk, int64_t at_ns);
/* The kernel's bytes [first, end), segment by segment. */
void drill_expect_data(struct drill_walk *walk, int64_t at_ns, int64_t first, int64_t end, bool fin,
                       bool fresh);

#endif
