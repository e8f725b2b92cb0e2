#ifndef ANALYZER_PAIRING_H
#define ANALYZER_PAIRING_H

/* Are two sketches, of two capture points, the same connection?
 *
 * What does not depend on sequence numbers (timestamps, payload, IP-ID) proposes by how much the
 * path shifts the numbers of each side; the proposal with most votes is then held against all
 * samples of both. What fits is counted as evidence in bits: n bits mean that another connection
 * would fit as well once in 2^n. Against strangers much counts; the harder question is the sibling:
 * another connection of the same two hosts, of the same application, with the same bytes in the
 * same pieces. Only what differs between siblings is credited (docs/pairing.md). */

#include "analyzer/sketch.h"

enum pairing_addresses {
  PAIRING_ADDRESSES_DIFFER,
  PAIRING_ADDRESSES_PORTS,   /* both ports are the same */
  PAIRING_ADDRESSES_SWAPPED, /* " and the two addresses have changed places */
  PAIRING_ADDRESSES_SAME     /* all */
};

/* Sides are those of a's key: 0 is key.address[0] at a. */
struct pairing {
  uint32_t a, b;       /* for the caller */
  bool crossed;        /* a's side 0 is b's side 1 */
  bool shift_known[2]; /* something of this side, or an ACK for it, was compared */
  uint32_t shift[2];   /* added to b's numbers gives a's */
  enum pairing_addresses addresses;
  bool siblings;             /* other connections of the same capture show the same timestamps */
  uint32_t matched[2];       /* samples of this side seen at both */
  uint32_t same_timestamps;  /* of these, with the same TSval and TSecr: distinct pairs of them */
  uint32_t same_payloads;    /* of these, with the same payload: distinct ones */
  uint32_t other_timestamps; /* the same bytes or ACK with other timestamps: copies, or rewritten */
  uint32_t other_payloads;   /* contradictions */
  uint32_t same_ip_ids[2], other_ip_ids;
  int32_t ttl_votes[2];         /* > 0: TTLs of this side's packets are higher at a */
  bool sequence_is_evidence[2]; /* unshifted, and too large to be relative numbers */
  bool provable;     /* not the work of two connections that a proxy has joined, nor of siblings */
  bool contradicted; /* numbers are shifted, and neither timestamps nor IP-IDs agree, though both
                        have them */
  float sequence_bits, ip_id_bits, bits; /* of sequence numbers, of IP-IDs alone; all */
};

struct pairing_scratch;                            /* opaque: working memory */
struct pairing_scratch *pairing_scratch_new(void); /* NULL: no memory */
void pairing_scratch_free(struct pairing_scratch *scratch);
#define PAIRING_SCRATCH_BYTES (512u * 1024u) /* about what it takes */

/* Fills *pairing but a and b. */
void pairing_compare(struct pairing_scratch *scratch, const struct sketch *a,
                     const struct sketch *b, bool crossed, struct pairing *pairing);

/* One packet seen at both points. */
struct pairing_point {
  int64_t a_ns, b_ns;
  uint8_t side; /* sender, of a's sides */
  bool
      a_may_start; /* a_ns is no later than that the transmission seen at b_ns, if it came from a */
  bool b_may_start; /* the same, the other way round */
};

/* Lists up to `max` of them, in the order of a's samples; returns how many. */
size_t pairing_points(struct pairing_scratch *scratch, const struct sketch *a,
                      const struct sketch *b, const struct pairing *pairing,
                      struct pairing_point *points, size_t max);

/* Who is closer to the sender of a's side 0: > 0 a, < 0 b, 0 not known. By delays: the clocks
 * cancel out between packets of both directions that are close in time. */
int pairing_order_by_delays(const struct pairing_point *points, size_t count);
int pairing_order_by_ttl(const struct pairing *pairing);
/* Where that tells nothing because there is hardly a way between the points: both ways together
 * take no longer than that. TIME_INVALID: one direction only. */
int64_t pairing_both_ways_ns(const struct pairing_point *points, size_t count);

#endif
