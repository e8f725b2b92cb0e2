#ifndef REPLAY_REWRITE_H
#define REPLAY_REWRITE_H

/* Changes to a frame in place, as middleboxes make them. Checksums are kept right by the difference
 * (RFC 1624, 3), so a segment whose checksum was wrong stays wrong; a TCP checksum that is not made
 * yet (checksum_partial) needs no change, since it covers addresses and length only.
 *
 * Each returns true if the frame was changed. The fields of *view that mirror the headers (seq,
 * ack, window) keep what the frame came with. */

#include "replay/frame_view.h"

bool rewrite_window_scale(struct frame_view *view, uint8_t shift); /* if the option is there */
bool rewrite_mss(struct frame_view *view, uint16_t mss);           /* if the option is there */
bool rewrite_window(struct frame_view *view, uint16_t window);     /* the raw field */

/* Overwrites the option with NOPs, where it is. */
bool rewrite_strip_option(struct frame_view *view, uint8_t kind);

/* Adds to TSval or to TSecr, modulo 2^32. */
bool rewrite_add_tsval(struct frame_view *view, uint32_t ticks);
bool rewrite_add_tsecr(struct frame_view *view, uint32_t ticks);

bool rewrite_add_seq(struct frame_view *view, uint32_t offset);
/* The acknowledgment (if there is one), and the SACK blocks if sack is set. */
bool rewrite_add_ack(struct frame_view *view, uint32_t offset, bool sack);

bool rewrite_ttl(struct frame_view *view, uint8_t ttl); /* or hop limit */
uint8_t rewrite_get_ttl(const struct frame_view *view); /* 0: no IP */

/* The bits of the traffic class (RFC 2474) that mask selects. */
bool rewrite_traffic_class(struct frame_view *view, uint8_t bits, uint8_t mask);

enum rewrite_corrupt {
  REWRITE_CHECKSUM_WRONG, /* as a wire would: the receiver can tell */
  REWRITE_CHECKSUM_FIXED  /* as a broken middlebox would: nobody can tell */
};

/* Flips a bit of payload byte `at` (from 0; clamped; negative: the middle one). Without payload, of
 * the TCP header's window; REWRITE_CHECKSUM_FIXED then changes nothing. To be wrong, a partial
 * checksum has to be there: it is made first, and the caller has to say so in the virtio header. */
bool rewrite_corrupt(struct frame_view *view, int64_t at, enum rewrite_corrupt how);

/* Makes the TCP checksum from scratch. */
void rewrite_fill_tcp_checksum(struct frame_view *view);

#endif
