#ifndef ANALYZER_BOTH_ENDS_H
#define ANALYZER_BOTH_ENDS_H

/* What the other end's capture makes of a verdict that one end's rules have reached: it is
 * confirmed, corrected, or left as it is. */

#include "analyzer/situation.h"

/* Nothing happens where only one end was captured. Adds the byte stages, evidence of both ends,
 * and takes away what is excluded now. */
void both_ends_judge(const struct situation *situation, struct finding *finding);

/* The same for a crawl that is told as a whole: whether it is a window scale that the path altered.
 */
void both_ends_judge_limit(const struct analyzer *analyzer, const struct connection *connection,
                           enum stream_side side, struct finding *finding);

/* How long R had what S had outstanding, undamaged, before it acknowledged it, in that time; 0: not
 * known, or this end is not the one closest to S. */
int64_t both_ends_receiver_ns(const struct analyzer *analyzer, const struct connection *connection,
                              enum stream_side side, int64_t from_ns, int64_t until_ns);

/* true: several points saw this connection, and this one is closest to the data's sender. */
bool both_ends_is_near(const struct situation *situation);

/* Bytes of `sender` behind `ack` that had left its end by at_ns, as that end's capture shows; 0:
 * none, or not known. ack: as the connection of `end` counts. */
uint32_t both_ends_under_way(const struct path_view *view, uint8_t end, enum stream_side sender,
                             uint32_t ack, int64_t at_ns);

/* A RST of `sender` was seen at `end`: whether it really left that side. RESET_UNSEEN: no such one
 * was seen there so far. NULL view: not known. */
enum reset_origin { RESET_UNKNOWN, RESET_GENUINE, RESET_UNSEEN };
enum reset_origin both_ends_reset_origin(const struct path_view *view, uint8_t end,
                                         enum stream_side sender, const struct packet *packet);

/* The same once all is known: a RST that was not seen to leave was forged if that side's capture
 * dropped nothing and ran on, or if that side went on with the connection after it (RFC 9293,
 * 3.10.7.4: who resets it has forgotten it). If one leaves later than it came, the clocks are
 * wrong. */
void both_ends_settle_reset(const struct path_view *view, struct finding *finding);

#endif
