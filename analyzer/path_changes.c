#include "analyzer/path_changes.h"

#include <assert.h>
#include <string.h>

/* Options that only a SYN carries, or that have changes of their own. */
#define OPTIONS_APART                                                                              \
  (TCP_OPT_MSS | TCP_OPT_WSCALE | TCP_OPT_SACK_PERMITTED | TCP_OPT_TIMESTAMPS | TCP_OPT_CUT |      \
   TCP_OPT_MALFORMED)
#define OPTIONS_UNREADABLE (TCP_OPT_CUT | TCP_OPT_MALFORMED)

/* Segmentation sets these on one piece only, or moves them (FIN, PSH: the last; CWR: the first). */
#define FLAGS_OF_ONE_PIECE (TCP_FIN | TCP_PSH | TCP_CWR)

#define TOS_ECN_MASK  0x03u
#define TOS_DSCP_MASK 0xfcu
#define ECN_CE        0x03u

/* Both sightings of one packet. */
struct sighted {
  const struct packet *before, *after;
  uint32_t seq_shift, ack_shift;
};

static const char *const names[PATH_CHANGE_BITS] = {
    "wscale",
    "wscale-stripped",
    "wscale-added",
    "mss",
    "sack-permitted",
    "timestamps",
    "ts-values",
    "options",
    "seq",
    "sack-untranslated",
    "ttl",
    "dscp",
    "ecn",
    "addresses",
    "checksum",
    "payload",
    "window",
    "flags",
    "ip-id",
};

void path_changes_clear(struct path_changes *changes)
{
  *changes = (struct path_changes){0};
}

const char *path_change_name(enum path_change bit)
{
  unsigned index = path_change_index(bit);
  assert(index < PATH_CHANGE_BITS);
  return names[index];
}

static struct path_change_example example_of(const struct sighted *pair)
{
  return (struct path_change_example){.frame_before = pair->before->frame,
                                      .frame_after = pair->after->frame,
                                      .time_before_ns = pair->before->time_ns,
                                      .time_after_ns = pair->after->time_ns};
}

/* true: the first of its kind. */
static bool note(struct path_changes *changes, enum path_change bit, const struct sighted *pair)
{
  unsigned index = path_change_index(bit);
  bool first = (changes->changed & bit) == 0;
  if (first) {
    changes->changed |= bit;
    changes->first[index] = example_of(pair);
  }
  changes->counts[index]++;
  const struct packet *before = pair->before, *after = pair->after;
  if (before->ip_id != 0 && before->ip_id == after->ip_id &&
      (before->facts & after->facts & PACKET_IP_ID) != 0)
    changes->sure |= bit;
  return first;
}

static bool same_endpoints(const struct packet *a, const struct packet *b)
{
  return memcmp(&a->src, &b->src, sizeof a->src) == 0 &&
         memcmp(&a->dst, &b->dst, sizeof a->dst) == 0 && a->src_port == b->src_port &&
         a->dst_port == b->dst_port;
}

/* --- IP --- */

/* Text prints the TOS with -v, or (old tcpdump) where it is not 0: a 0 from there is no value. */
static bool tos_comparable(const struct packet *before, const struct packet *after)
{
  return (before->facts & after->facts & PACKET_TTL_VALID) != 0 ||
         (before->tos != 0 && after->tos != 0);
}

static void compare_tos(struct path_changes *changes, const struct sighted *pair)
{
  uint8_t before = pair->before->tos, after = pair->after->tos;
  uint8_t ecn_before = before & TOS_ECN_MASK, ecn_after = after & TOS_ECN_MASK;
  if (((before ^ after) & TOS_DSCP_MASK) != 0 && note(changes, PATH_CHANGE_DSCP, pair)) {
    changes->tos_before = before;
    changes->tos_after = after;
  }
  if (ecn_before == ecn_after)
    return;
  if (ecn_after == ECN_CE && ecn_before != 0) /* what routers are for: RFC 3168, 5 */
    changes->ce_marked++;
  else if (note(changes, PATH_CHANGE_ECN, pair)) {
    changes->ecn_before = ecn_before;
    changes->ecn_after = ecn_after;
    if ((changes->changed & PATH_CHANGE_DSCP) == 0) {
      changes->tos_before = before;
      changes->tos_after = after;
    }
  }
}

static void compare_ip(struct path_changes *changes, const struct sighted *pair)
{
  const struct packet *before = pair->before, *after = pair->after;
  if (before->tos != after->tos && tos_comparable(before, after))
    compare_tos(changes, pair);
  if (before->ttl != after->ttl && (before->facts & after->facts & PACKET_TTL_VALID) != 0 &&
      note(changes, PATH_CHANGE_TTL, pair)) {
    changes->ttl_before = before->ttl;
    changes->ttl_after = after->ttl;
  }
}

/* --- options --- */

/* What is remembered of a SYN differs already. */
static bool syn_differs(const struct path_changes *changes)
{
  return changes->wscale_before != changes->wscale_after ||
         changes->mss_before != changes->mss_after ||
         changes->options_before != changes->options_after;
}

static void remember_syn(struct path_changes *changes, const struct sighted *pair)
{
  const struct packet *before = pair->before, *after = pair->after;
  changes->syn_compared = true;
  changes->syn = example_of(pair);
  changes->options_before = before->options;
  changes->options_after = after->options;
  changes->wscale_before_present = (before->options & TCP_OPT_WSCALE) != 0;
  changes->wscale_after_present = (after->options & TCP_OPT_WSCALE) != 0;
  changes->wscale_before = changes->wscale_before_present ? before->wscale : 0;
  changes->wscale_after = changes->wscale_after_present ? after->wscale : 0;
  changes->mss_before = (before->options & TCP_OPT_MSS) != 0 ? before->mss : 0;
  changes->mss_after = (after->options & TCP_OPT_MSS) != 0 ? after->mss : 0;
}

static void compare_syn_options(struct path_changes *changes, const struct sighted *pair)
{
  if (!changes->syn_compared || !syn_differs(changes))
    remember_syn(changes, pair);
  uint16_t had = pair->before->options, has = pair->after->options;
  if ((had & ~has & TCP_OPT_WSCALE) != 0)
    note(changes, PATH_CHANGE_WSCALE_STRIPPED, pair);
  else if ((has & ~had & TCP_OPT_WSCALE) != 0)
    note(changes, PATH_CHANGE_WSCALE_ADDED, pair);
  else if ((had & has & TCP_OPT_WSCALE) != 0 && pair->before->wscale != pair->after->wscale)
    note(changes, PATH_CHANGE_WSCALE, pair);
  if (((had ^ has) & TCP_OPT_MSS) != 0 ||
      ((had & has & TCP_OPT_MSS) != 0 && pair->before->mss != pair->after->mss))
    note(changes, PATH_CHANGE_MSS, pair);
  if (((had ^ has) & TCP_OPT_SACK_PERMITTED) != 0)
    note(changes, PATH_CHANGE_SACK_PERMITTED, pair);
}

static void compare_options(struct path_changes *changes, const struct sighted *pair, bool whole)
{
  uint16_t before = pair->before->options, after = pair->after->options;
  if (((before | after) & OPTIONS_UNREADABLE) != 0)
    return;
  uint16_t lost = before & (uint16_t)~after, added = after & (uint16_t)~before;
  if (((lost | added) & TCP_OPT_TIMESTAMPS) != 0)
    note(changes, PATH_CHANGE_TIMESTAMPS, pair);
  lost &= (uint16_t)~OPTIONS_APART;
  added &= (uint16_t)~OPTIONS_APART;
  if (!whole || (lost | added) == 0)
    return;
  note(changes, PATH_CHANGE_OTHER_OPTIONS, pair);
  changes->options_lost |= lost;
  changes->options_added |= added;
}

static void compare_timestamps(struct path_changes *changes, const struct sighted *pair)
{
  const struct packet *before = pair->before, *after = pair->after;
  if (before->ts_val == after->ts_val && before->ts_ecr == after->ts_ecr)
    return;
  if (note(changes, PATH_CHANGE_TS_VALUES, pair)) {
    changes->ts_val_before = before->ts_val;
    changes->ts_val_after = after->ts_val;
    changes->ts_ecr_before = before->ts_ecr;
    changes->ts_ecr_after = after->ts_ecr;
  }
}

/* The blocks acknowledge the other side's numbers. Copies with other blocks are duplicate ACKs that
 * were taken for each other: only the very same blocks prove anything. */
static void compare_sack(struct path_changes *changes, const struct sighted *pair)
{
  const struct packet *before = pair->before, *after = pair->after;
  if (before->sack_count == 0 || before->sack_count != after->sack_count ||
      before->sack_count > PACKET_SACK_MAX)
    return;
  uint32_t shift = before->sack[0].start - after->sack[0].start;
  if (shift != 0 && shift != pair->ack_shift)
    return;
  for (unsigned i = 0; i < before->sack_count; i++)
    if (before->sack[i].start - after->sack[i].start != shift ||
        before->sack[i].end - after->sack[i].end != shift)
      return;
  if (shift == 0)
    note(changes, PATH_CHANGE_SACK_UNTRANSLATED, pair);
  else
    changes->sacks_translated++;
}

/* --- the rest of the header, and the payload --- */

static uint8_t legal_shift(uint8_t shift)
{
  return shift > 14 ? 14 : shift; /* RFC 7323, 2.3 */
}

static void compare_window(struct path_changes *changes, const struct sighted *pair)
{
  const struct packet *before = pair->before, *after = pair->after;
  if (note(changes, PATH_CHANGE_WINDOW, pair)) {
    changes->window_before = before->window;
    changes->window_after = after->window;
  }
  bool scaled = (before->flags & TCP_SYN) == 0 && changes->wscale_before_present &&
                changes->wscale_after_present;
  uint8_t shift_before = scaled ? legal_shift(changes->wscale_before) : 0;
  uint8_t shift_after = scaled ? legal_shift(changes->wscale_after) : 0;
  uint64_t meant = (uint64_t)before->window << shift_before;
  uint64_t read = (uint64_t)after->window << shift_after;
  uint64_t unit = UINT64_C(1) << (shift_before > shift_after ? shift_before : shift_after);
  /* A field of 16 bits cannot hold more with a smaller shift. */
  bool full = after->window == UINT16_MAX && read < meant;
  if (shift_before != shift_after && (full || (read < meant + unit && meant < read + unit)))
    changes->windows_translated++;
  else if (read < meant)
    changes->windows_lowered++;
}

static void compare_flags(struct path_changes *changes, const struct sighted *pair, bool whole)
{
  uint16_t differ = pair->before->flags ^ pair->after->flags;
  if (!whole)
    differ &= (uint16_t)~FLAGS_OF_ONE_PIECE;
  if (differ == 0)
    return;
  if (note(changes, PATH_CHANGE_FLAGS, pair)) {
    changes->flags_before = pair->before->flags;
    changes->flags_after = pair->after->flags;
  }
  changes->flags_changed |= differ;
  if ((pair->before->flags & TCP_SYN) != 0)
    changes->syn_flags_changed |= differ;
}

/* A checksum that hardware was to fill in is right once it is on the wire. What a receiver merged
 * (GRO, LRO) carries a checksum that means nothing. */
static bool damaged(const struct packet *before, const struct packet *after)
{
  return after->checksum == CHECKSUM_BAD &&
         (before->checksum == CHECKSUM_GOOD || before->checksum == CHECKSUM_OFFLOADED) &&
         after->payload_bytes <= before->payload_bytes;
}

/* The same first byte, so that the first bytes' hash can be compared even of a part. */
static bool same_start(const struct sighted *pair)
{
  return pair->before->seq == pair->after->seq + pair->seq_shift;
}

static void compare_payload(struct path_changes *changes, const struct sighted *pair, bool whole)
{
  const struct packet *before = pair->before, *after = pair->after;
  if (!same_start(pair) || before->payload_bytes == 0 || after->payload_bytes == 0)
    return;
  bool sums = whole && before->payload_bytes == after->payload_bytes && before->payload_sum != 0 &&
              after->payload_sum != 0;
  bool hashes = before->payload_hash != 0 && after->payload_hash != 0;
  bool other = (sums && before->payload_sum != after->payload_sum) ||
               (hashes && before->payload_hash != after->payload_hash);
  /* One that was bad before has other bytes than its sender meant: capture and hardware disagree */
  if (!other || before->checksum == CHECKSUM_BAD || after->checksum == CHECKSUM_BAD)
    return;
  note(changes, PATH_CHANGE_PAYLOAD, pair);
  if (after->checksum == CHECKSUM_UNKNOWN)
    changes->payloads_unchecked++;
}

static void compare_whole(struct path_changes *changes, const struct sighted *pair)
{
  const struct packet *before = pair->before, *after = pair->after;
  if (before->window != after->window)
    compare_window(changes, pair);
  if ((before->options & after->options & TCP_OPT_TIMESTAMPS) != 0) {
    changes->timestamped++;
    compare_timestamps(changes, pair);
  }
  if (pair->ack_shift != 0 && (before->options & after->options & TCP_OPT_SACK) != 0)
    compare_sack(changes, pair);
  if (before->ip_id != after->ip_id && (before->facts & after->facts & PACKET_IP_ID) != 0)
    note(changes, PATH_CHANGE_IP_ID, pair);
}

/* What the TCP header and the payload say. */
static void compare_tcp(struct path_changes *changes, const struct sighted *pair, bool whole)
{
  const struct packet *before = pair->before, *after = pair->after;
  if (before->options != after->options)
    compare_options(changes, pair, whole);
  if ((before->flags & after->flags & TCP_SYN) != 0 &&
      ((before->options | after->options) & OPTIONS_UNREADABLE) == 0)
    compare_syn_options(changes, pair);
  if (before->flags != after->flags)
    compare_flags(changes, pair, whole);
  if (whole)
    compare_whole(changes, pair);
  if (before->payload_hash != after->payload_hash || before->payload_sum != after->payload_sum)
    compare_payload(changes, pair, whole);
}

void path_changes_compare(struct path_changes *changes, const struct packet *before,
                          const struct packet *after, uint32_t seq_shift, uint32_t ack_shift,
                          bool whole)
{
  const struct sighted pair = {before, after, seq_shift, ack_shift};
  if (changes->compared++ == 0) {
    changes->ttl_before = before->ttl;
    changes->ttl_after = after->ttl;
    changes->tos_before = before->tos;
    changes->tos_after = after->tos;
  }
  if (before->ttl != after->ttl || before->tos != after->tos)
    compare_ip(changes, &pair);
  if (after->checksum == CHECKSUM_BAD && damaged(before, after)) {
    note(changes, PATH_CHANGE_CHECKSUM, &pair); /* any field may be the damaged one */
    changes->damaged_bytes += after->payload_bytes;
    return;
  }
  if (!same_endpoints(before, after))
    note(changes, PATH_CHANGE_ADDRESSES, &pair);
  if (seq_shift != 0) {
    note(changes, PATH_CHANGE_SEQ, &pair);
    changes->seq_shift = seq_shift;
  }
  compare_tcp(changes, &pair, whole);
}
