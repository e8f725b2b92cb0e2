#include "tests/mutate/mutations.h"

#include "wire/timestamp.h"

#include <string.h>

#define COPY_AFTER_NS (10 * NS_PER_US)
/* Packets that several cores hand to a capture change places if they are this close. */
#define SWAPPED_WITHIN_NS (10 * NS_PER_MS)
#define TS_OFFSET         0x5a000000u
#define SEQ_OFFSET        0x13579bdfu

static void copy_packets(struct case_end *to, const struct case_end *from, size_t first,
                         size_t until)
{
  if (until > first)
    memcpy(&to->packets[to->count], &from->packets[first], (until - first) * sizeof *from->packets);
  to->count += until > first ? until - first : 0;
}

static void copy_all(struct case_end *to, const struct case_end *from)
{
  to->count = 0;
  copy_packets(to, from, 0, from->count);
}

static bool lose(const struct mutation *mutation, const struct case_end *from, size_t at,
                 struct case_end *to)
{
  const size_t until = at + (size_t)mutation->amount;
  if (until > from->count || from->count == (size_t)mutation->amount)
    return false;
  to->count = 0;
  copy_packets(to, from, 0, at);
  copy_packets(to, from, until, from->count);
  return true;
}

/* The capture was begun later; samples come with it. */
static bool begin_later(const struct mutation *mutation, const struct case_end *from, size_t at,
                        struct case_end *to)
{
  (void)mutation;
  if (at == 0)
    return false;
  to->count = 0;
  copy_packets(to, from, at, from->count);
  size_t kept = 0;
  for (size_t i = 0; i < from->sample_count; i++)
    if (from->samples[i].time_ns >= from->packets[at].time_ns)
      to->samples[kept++] = from->samples[i];
  to->sample_count = kept;
  return true;
}

static bool end_early(const struct mutation *mutation, const struct case_end *from, size_t at,
                      struct case_end *to)
{
  (void)mutation;
  if (at == 0)
    return false;
  to->count = 0;
  copy_packets(to, from, 0, at);
  size_t kept = 0;
  while (kept < from->sample_count && from->samples[kept].time_ns <= from->packets[at].time_ns)
    kept++;
  to->sample_count = kept;
  return true;
}

static bool twice(const struct mutation *mutation, const struct case_end *from, size_t at,
                  struct case_end *to)
{
  (void)mutation;
  to->count = 0;
  copy_packets(to, from, 0, at + 1);
  copy_packets(to, from, at, from->count);
  struct packet *copy = &to->packets[at + 1];
  copy->time_ns += COPY_AFTER_NS;
  if (at + 1 < from->count && copy->time_ns > from->packets[at + 1].time_ns)
    copy->time_ns = from->packets[at + 1].time_ns;
  return true;
}

static bool swap(const struct mutation *mutation, const struct case_end *from, size_t at,
                 struct case_end *to)
{
  (void)mutation;
  if (at + 1 >= from->count ||
      from->packets[at + 1].time_ns - from->packets[at].time_ns > SWAPPED_WITHIN_NS)
    return false;
  copy_all(to, from);
  to->packets[at] = from->packets[at + 1];
  to->packets[at + 1] = from->packets[at];
  to->packets[at].time_ns = from->packets[at].time_ns;
  to->packets[at + 1].time_ns = from->packets[at + 1].time_ns;
  return true;
}

static bool strip_timestamps(const struct mutation *mutation, const struct case_end *from,
                             size_t at, struct case_end *to)
{
  (void)mutation;
  if ((from->packets[at].options & TCP_OPT_TIMESTAMPS) == 0)
    return false;
  copy_all(to, from);
  to->packets[at].options &= (uint16_t)~TCP_OPT_TIMESTAMPS;
  return true;
}

/* The capture's clock was set. */
static bool step(const struct mutation *mutation, const struct case_end *from, size_t at,
                 struct case_end *to)
{
  copy_all(to, from);
  for (size_t i = at; i < to->count; i++)
    to->packets[i].time_ns += mutation->amount;
  for (size_t i = 0; i < to->sample_count; i++)
    if (from->samples[i].time_ns >= from->packets[at].time_ns)
      to->samples[i].time_ns += mutation->amount;
  return true;
}

/* ---- a whole end ---- */

static bool is_pure_ack(const struct packet *packet)
{
  return packet->kind == PACKET_TCP && packet->payload_bytes == 0 &&
         (packet->flags & (TCP_SYN | TCP_FIN | TCP_RST | TCP_ACK)) == TCP_ACK;
}

static bool lose_pure_acks(const struct mutation *mutation, const struct case_end *from, size_t at,
                           struct case_end *to)
{
  (void)mutation, (void)at;
  to->count = 0;
  for (size_t i = 0; i < from->count; i++)
    if (!is_pure_ack(&from->packets[i]))
      to->packets[to->count++] = from->packets[i];
  return to->count > 0 && to->count < from->count;
}

/* amount: 0 the direction of the first packet, 1 the other one. */
static bool lose_direction(const struct mutation *mutation, const struct case_end *from, size_t at,
                           struct case_end *to)
{
  (void)at;
  to->count = 0;
  for (size_t i = 0; i < from->count; i++) {
    const struct packet *packet = &from->packets[i];
    const bool same = packet->src_port == from->packets[0].src_port &&
                      memcmp(&packet->src, &from->packets[0].src, sizeof packet->src) == 0;
    if (same == (mutation->amount != 0))
      to->packets[to->count++] = *packet;
  }
  return to->count > 0 && to->count < from->count;
}

static bool strip_all_timestamps(const struct mutation *mutation, const struct case_end *from,
                                 size_t at, struct case_end *to)
{
  (void)mutation, (void)at;
  bool any = false;
  copy_all(to, from);
  for (size_t i = 0; i < to->count; i++) {
    any |= (to->packets[i].options & TCP_OPT_TIMESTAMPS) != 0;
    to->packets[i].options &= (uint16_t)~TCP_OPT_TIMESTAMPS;
  }
  return any;
}

static bool is_of_first_sender(const struct case_end *end, const struct packet *packet)
{
  return packet->src_port == end->packets[0].src_port &&
         memcmp(&packet->src, &end->packets[0].src, sizeof packet->src) == 0;
}

/* A firewall that hides one side's clock, and puts the echoes right. amount: whose, as above. */
static bool rewrite_timestamps(const struct mutation *mutation, const struct case_end *from,
                               size_t at, struct case_end *to)
{
  (void)at;
  bool any = false;
  copy_all(to, from);
  for (size_t i = 0; i < to->count; i++) {
    struct packet *packet = &to->packets[i];
    if (packet->kind != PACKET_TCP || (packet->options & TCP_OPT_TIMESTAMPS) == 0)
      continue;
    any = true;
    if (is_of_first_sender(from, packet) == (mutation->amount == 0))
      packet->ts_val += TS_OFFSET;
    else if (packet->ts_ecr != 0)
      packet->ts_ecr += TS_OFFSET;
  }
  return any;
}

/* A firewall that hides one side's sequence numbers, and puts ACKs and SACKs right. */
static bool shift_sequence(const struct mutation *mutation, const struct case_end *from, size_t at,
                           struct case_end *to)
{
  (void)at;
  copy_all(to, from);
  for (size_t i = 0; i < to->count; i++) {
    struct packet *packet = &to->packets[i];
    if (packet->kind != PACKET_TCP)
      continue;
    if (is_of_first_sender(from, packet) == (mutation->amount == 0)) {
      packet->seq += SEQ_OFFSET;
      continue;
    }
    packet->ack += (packet->flags & TCP_ACK) != 0 ? SEQ_OFFSET : 0;
    for (uint8_t s = 0; s < packet->sack_count; s++) {
      packet->sack[s].start += SEQ_OFFSET;
      packet->sack[s].end += SEQ_OFFSET;
    }
  }
  return true;
}

const struct mutation mutations[] = {
    {"1 frame not captured", lose, 1, true, false, false},
    {"2 frames not captured", lose, 2, true, false, false},
    {"4 frames not captured", lose, 4, true, false, false},
    {"8 frames not captured", lose, 8, true, false, false},
    {"frame captured twice", twice, 0, false, false, false},
    {"frame swapped with the next", swap, 0, false, false, false},
    {"timestamps of a packet stripped", strip_timestamps, 0, false, false, false},
    {"capture begun later", begin_later, 0, false, false, false},
    {"capture ended early", end_early, 0, false, false, false},
    {"clock set forward by 0.4 s", step, 400 * NS_PER_MS, false, true, false},
    {"clock set forward by 4 s", step, 4 * NS_PER_S, false, true, false},
    {"clock set back by 0.4 s", step, -400 * NS_PER_MS, false, true, false},
    {"clock set back by 4 s", step, -4 * NS_PER_S, false, true, false},
    {"no pure ACK captured", lose_pure_acks, 0, true, false, true},
    {"opener not captured", lose_direction, 0, true, false, true},
    {"other side not captured", lose_direction, 1, true, false, true},
    {"all timestamps stripped", strip_all_timestamps, 0, false, false, true},
    {"opener's timestamps rewritten", rewrite_timestamps, 0, false, false, true},
    {"other side's timestamps rewritten", rewrite_timestamps, 1, false, false, true},
    {"opener's sequence numbers shifted", shift_sequence, 0, false, false, true},
    {"other side's sequence numbers shifted", shift_sequence, 1, false, false, true},
};
const unsigned mutation_count = sizeof mutations / sizeof *mutations;
