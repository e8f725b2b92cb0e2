#include "analyzer/pairing_weigh.h"

#include <math.h>

/* Numbers below are taken for relative ones, as tcpdump's text has them, unless a SYN was seen. */
#define RELATIVE_MAX (UINT32_C(1) << 24)

/* Whether the numbers of a connection may be relative ones: they then say nothing of where the
 * stream stands. */
static bool looks_relative(const struct sketch *sketch)
{
  for (int side = 0; side < 2; side++) {
    const struct sketch_side *from = &sketch->sides[side];
    if ((from->facts & SKETCH_SIDE_SYN) != 0)
      continue;
    if ((from->facts & SKETCH_SIDE_STARTED) != 0 && from->first_seq < RELATIVE_MAX)
      return true;
    if (sketch->sample_count > 0 &&
        ((sketch->samples[0].facts & SAMPLE_FROM_1) != 0) != (side == 1) &&
        (sketch->samples[0].flags & TCP_ACK) != 0 && sketch->samples[0].ack < RELATIVE_MAX)
      return true;
  }
  return false;
}

#define SEQUENCE_BITS_MAX 28.0 /* of 32 */

/* That n comparisons hold by chance: each of a's samples could have met each of b's. */
static double sequence_bits(uint32_t supports, uint32_t a_samples, uint32_t b_samples)
{
  double each = 32.0 - log2((double)a_samples * (double)b_samples);
  double bits = each * supports;
  return bits < 0 ? 0 : fmin(bits, SEQUENCE_BITS_MAX);
}

static double isn_bits(uint32_t isn)
{
  /* An ISN of few bits is one that somebody chose, and may choose again. */
  return fmin(log2((double)isn + 1), SEQUENCE_BITS_MAX);
}

static void weigh_sequence(const struct sketch *a, const struct sketch *b,
                           const uint32_t supports[2], struct pairing *pairing)
{
  bool relative = looks_relative(a) || looks_relative(b);
  double bits = 0;
  for (unsigned side = 0; side < 2; side++) {
    const struct sketch_side *at_a = &a->sides[side];
    const struct sketch_side *at_b = &b->sides[side ^ (pairing->crossed ? 1 : 0)];
    if (!pairing->shift_known[side] || pairing->shift[side] != 0 || supports[side] == 0)
      continue;
    const bool both_syns = (at_a->facts & at_b->facts & SKETCH_SIDE_SYN) != 0;
    if (both_syns && at_a->isn != at_b->isn)
      continue; /* they begin elsewhere: what agrees does so by chance */
    double gained = 0;
    if (both_syns)
      gained = isn_bits(at_a->isn);
    if (!relative)
      gained = fmax(gained, sequence_bits(supports[side], a->sample_count, b->sample_count));
    pairing->sequence_is_evidence[side] = gained > 0;
    bits += gained;
  }
  pairing->sequence_bits = (float)bits;
}

/* A sibling shares hosts and application. */
#define ADDRESSES_SAME_BITS  16.0 /* only a later use of the same ports has them too */
#define ADDRESSES_PORTS_BITS 10.0 /* client ports come from some 2^14 */
/* Even if all connections of a host share its clock: sent in the same tick, and what was answered
 * in the same tick; and each further pair. Less if such siblings are seen. */
#define TIMESTAMPS_FIRST_BITS        10.0
#define TIMESTAMPS_OTHER_BITS        2.0
#define TIMESTAMPS_SHARED_FIRST_BITS 4.0
#define TIMESTAMPS_SHARED_OTHER_BITS 1.0
#define TIMESTAMPS_BITS_MAX          40.0
#define IP_ID_BITS                   15.0 /* of 16, per side: counters start anywhere */
#define IP_ID_ALONE_BITS             8.0  /* one packet only */
/* Siblings carry the same bytes in the same pieces: what those give only ranks candidates. */
#define PAYLOAD_BITS     0.05
#define PAYLOAD_BITS_MAX 1.0
#define ACK_BITS         0.05
#define ACK_BITS_MAX     1.0

bool pairing_ip_ids_kept(const struct pairing *pairing)
{
  uint32_t same = pairing->same_ip_ids[0] + pairing->same_ip_ids[1];
  /* Where the path rewrites them, one in 65,536 is the same. Others are copies that one capture
   * lacks. */
  return same > pairing->other_ip_ids;
}

static double ip_id_bits(const struct pairing *pairing)
{
  /* A shift that nothing but IP-IDs has proposed fits the first of them for free. */
  uint32_t free_ids = pairing->sequence_bits > 0 || pairing->same_timestamps > 0 ? 0 : 1;
  double bits = 0;
  for (int side = 0; side < 2; side++) {
    uint32_t ids = pairing->same_ip_ids[side];
    if (ids == free_ids + 1)
      bits += IP_ID_ALONE_BITS;
    else if (ids > free_ids)
      bits += IP_ID_BITS;
  }
  return bits;
}

static double timestamp_bits(const struct pairing *pairing)
{
  double first = pairing->siblings ? TIMESTAMPS_SHARED_FIRST_BITS : TIMESTAMPS_FIRST_BITS;
  double other = pairing->siblings ? TIMESTAMPS_SHARED_OTHER_BITS : TIMESTAMPS_OTHER_BITS;
  return fmin(first + other * (pairing->same_timestamps - 1), TIMESTAMPS_BITS_MAX);
}

/* What a sibling in step shows as well as what fits: the same bytes with other timestamps, other
 * IP-IDs. Copies that one capture lacks, and paths that rewrite IP-IDs, look like a little of it.
 */
static double sibling_bits(const struct pairing *pairing, uint32_t matched)
{
  double bits = 0;
  if (pairing->same_timestamps > 0 && pairing->other_timestamps > 0) {
    double share =
        (double)pairing->other_timestamps / (double)(pairing->other_timestamps + matched);
    bits += TIMESTAMPS_BITS_MAX * fmin(1, 4 * share);
  }
  if (pairing->other_ip_ids > 1 && !pairing_ip_ids_kept(pairing))
    bits += IP_ID_BITS;
  return bits;
}

static double address_bits(enum pairing_addresses addresses)
{
  if (addresses == PAIRING_ADDRESSES_SAME)
    return ADDRESSES_SAME_BITS;
  return addresses != PAIRING_ADDRESSES_DIFFER ? ADDRESSES_PORTS_BITS : 0;
}

static void weigh_all(struct pairing *pairing)
{
  double bits = (double)pairing->sequence_bits;
  uint32_t matched = pairing->matched[0] + pairing->matched[1];
  if (matched == 0 && pairing->sequence_bits <= 0) {
    pairing->bits = 0;
    return;
  }
  bits += address_bits(pairing->addresses);
  if (pairing->same_timestamps > 0)
    bits += timestamp_bits(pairing);
  if (pairing_ip_ids_kept(pairing))
    pairing->ip_id_bits = (float)ip_id_bits(pairing);
  bits += (double)pairing->ip_id_bits;
  if (pairing->sequence_bits <= 0)
    bits -= sibling_bits(pairing, matched);
  bits += fmin(PAYLOAD_BITS * pairing->same_payloads, PAYLOAD_BITS_MAX);
  bits += fmin(ACK_BITS * matched, ACK_BITS_MAX);
  /* A proxy that ends one connection and opens another keeps the bytes, and may keep the addresses;
   * it keeps neither both sides' sequence numbers nor timestamps nor IP-ID. */
  pairing->provable =
      pairing->sequence_bits > 0 || pairing->same_timestamps > 0 || pairing_ip_ids_kept(pairing);
  pairing->contradicted =
      !pairing->provable && (pairing->other_timestamps > 1 || pairing->other_ip_ids > 1);
  if (bits < 0 || pairing->other_payloads * 4 > matched)
    bits = 0;
  pairing->bits = (float)bits;
}

void pairing_weigh(const struct sketch *a, const struct sketch *b, const uint32_t supports[2],
                   struct pairing *pairing)
{
  weigh_sequence(a, b, supports, pairing);
  weigh_all(pairing);
}
