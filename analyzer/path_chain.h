#ifndef ANALYZER_PATH_CHAIN_H
#define ANALYZER_PATH_CHAIN_H

/* The way of one byte, from its first departure to the ACK of it: who had it, and how long, during
 * a wait. S sends the byte, R acknowledges it; N is the capture point on S's side, F the one on
 * R's.
 *
 *   left N --forward--> came F --receiver--> ACK left F --reverse--> ACK came N */

#include "analyzer/path_view.h"

struct path_chain {
  uint32_t byte;
  int64_t from_ns, until_ns; /* the wait */
  /* NULL: there is none */
  const struct passage *first;     /* the first copy that left, of those kept */
  const struct passage *last_copy; /* the last one that left before until_ns */
  const struct passage *arrived;   /* brought the byte, undamaged, first */
  const struct passage *slowest;   /* of the copies that came: longest under way within the wait */
  const struct passage *lost_first, *lost_last; /* copies that did not come, or came damaged */
  const struct passage *ack;         /* the first packet of R that acknowledges the byte */
  const struct passage *ack_arrived; /* the one that told N first */
  uint32_t copies, lost, damaged;    /* of the copies that left before until_ns */
  uint32_t pending;                  /* neither came nor are lost yet */
  uint32_t unwatched;                /* of `lost`: the far capture may not have been running */
  uint32_t acks, acks_lost;          /* R's packets that acknowledge it and left before until_ns */
  int64_t arrived_ns;                /* the byte at F; TIME_INVALID: never */
  /* Each copy is an attempt, and the time until the next one belongs to whoever made it fail. They
   * add up to the wait. */
  int64_t forward_ns, receiver_ns, reverse_ns, sender_ns;
  int64_t normal_ns;    /* what the fastest packets take as well, counted for nobody */
  int64_t lost_ns;      /* of forward_ns: copies that never came */
  int64_t unwatched_ns; /* nobody's: a copy that left before the far capture began */
  bool had_before;      /* R reports a copy as a duplicate (RFC 2883): it had the byte already */
  bool ambiguous;       /* which copy came is not certain */
  bool contradicted;    /* R tells of what never came: the capture at F has gaps */
  bool complete;        /* everything that counts is remembered */
};

/* The way of `byte` (of the stream that `sender` sends) during a wait. */
void path_chain_lay(struct path_chain *chain, const struct path_view *view, enum stream_side sender,
                    uint32_t byte, int64_t from_ns, int64_t until_ns);

/* The way of permission to send: R's window, which lets S send up to `edge` (exclusive), as it was
 * announced at F and as S could read it at N. Members as above, where they make sense: `ack` is the
 * first announcement, `ack_arrived` the one that N saw first; receiver_ns: R kept the window
 * closed. announced_shift: as R means it; read_shift: as S reads it. */
void path_chain_window(struct path_chain *chain, const struct path_view *view,
                       enum stream_side sender, uint32_t edge, uint8_t announced_shift,
                       uint8_t read_shift, int64_t from_ns, int64_t until_ns);

/* The shift that R means when it announces windows for what `sender` sends, and the one that S
 * reads. false: both SYNs were not seen at both points. */
bool path_window_shifts(const struct path_view *view, enum stream_side sender, uint8_t *announced,
                        uint8_t *read);

/* The SYN (or SYN-ACK) that left and the one that came are taken for one packet. false: it came so
 * late that it may be another copy, whose departure the capture missed; some hosts leave options
 * out when they send the SYN again. */
bool path_syn_is_one(const struct lane *lane, enum drop_knowledge near_drops);

/* Where the bytes were at at_ns. una: the highest ACK that S's end had. at_ns of the result is
 * TIME_INVALID if too much was forgotten to tell. */
void path_stages(struct byte_stages *stages, const struct path_view *view, enum stream_side sender,
                 uint32_t una, int64_t at_ns);

#endif
