#ifndef TUI_RUNGS_H
#define TUI_RUNGS_H

/* The rows of the ladder: every packet of a connection, joined with what the other end saw of it.
 *
 * A packet belongs to the end nearest to its sender ("sent") and, if it came there, to the end
 * nearest to its receiver ("arrived"). What belongs together is found in three rounds, each with
 * what the one before left over: equal in everything that tells copies apart; equal in sequence
 * number, length and acknowledgment, first come first served; and by ranges of bytes, since a
 * segment may be cut up or joined with others on its way (TSO, GRO). */

#include "tui/model.h"

enum rung_kind {
  RUNG_PACKET,
  RUNG_ARRIVAL, /* of a packet that took long: where its slope ends */
  RUNG_WAIT     /* a wait that was found begins */
};

enum rung_fate {
  RUNG_UNKNOWN, /* nobody looked where it would have arrived */
  RUNG_ARRIVED,
  RUNG_PARTLY, /* not all of its bytes */
  RUNG_LOST,
  RUNG_MISSING /* not seen to arrive, by a capture that says that it lost packets */
};

struct rung {
  int64_t time_ns; /* of the row */
  /* of the model's packets; NULL: not seen there. Of a wait both are. */
  const struct model_packet *sent, *arrived;
  uint32_t finding;   /* of a wait: its position among the connection's findings */
  uint16_t pieces;    /* in which it arrived */
  uint8_t kind, fate; /* enum rung_kind, enum rung_fate */
  bool slow;          /* took far longer than usual */
};

struct rungs {
  struct rung *list; /* in order of time */
  uint32_t count;
  bool two_ends;
  uint8_t left, right; /* the ends nearest to the client and to the server */
  int64_t usual_ns;    /* the quickest way from end to end; 0: not known */
  /* of what they were made */
  uint64_t connection_id;
  uint32_t packets_version, findings_version;
};

/* Makes them anew if they are not those of that connection as it is now. The packets are the
 * model's, loaded for that connection. false: no memory; there are none then. */
bool rungs_update(struct rungs *rungs, const struct model *model,
                  const struct model_connection *connection);
/* They are those of that connection as it is now: what they point to is there. */
bool rungs_are_of(const struct rungs *rungs, const struct model *model,
                  const struct model_connection *connection);
void rungs_free(struct rungs *rungs);

/* The last row at that time or before; 0 if there is none. */
uint32_t rungs_at(const struct rungs *rungs, int64_t time_ns);
/* The row of a frame; UINT32_MAX: none. */
uint32_t rungs_of_frame(const struct rungs *rungs, uint64_t frame, uint8_t end);

#endif
