#ifndef ANALYZER_PATH_LANE_H
#define ANALYZER_PATH_LANE_H

/* The packets of one side of a connection on their way from one capture point (near) to the next
 * (far): which of them came, when, and which did not.
 *
 * A passage is one packet that left the near point. What comes at the far point is matched with it
 * by what a path does not change: sequence range, TSval and TSecr, ACK number, IP-ID. Ranges are
 * matched, not packets: a super-segment that was cut up on the way has come when all its pieces
 * have, and one piece that was merged from several passages brings them all. Each transmission is a
 * passage of its own, so that of a segment sent twice it is known which copy came.
 *
 * Kept are the passages in flight or in question (not acknowledged at the near point), and some
 * more of the latest; passages that are no longer needed make room for new ones in a ring. Sequence
 * and ACK numbers are translated by the caller to those of one capture point; SACK blocks are not.
 * All times are on one clock. */

#include "analyzer/path_changes.h"
#include "wire/packet.h"
#include "wire/seq.h"
#include "wire/timestamp.h"

#include <stdbool.h>
#include <stdint.h>

enum passage_state {
  PASSAGE_CAME = 0x01,      /* all of it */
  PASSAGE_PART_CAME = 0x02, /* some of it */
  PASSAGE_DAMAGED = 0x04,   /* came with a bad checksum that it had not had */
  PASSAGE_AMBIGUOUS = 0x08, /* came, or another copy with the same marks did */
  PASSAGE_LEFT_BAD = 0x10,  /* its checksum was bad when it left (and not offloaded) */
  PASSAGE_HOLES = 0x20,     /* more than one part of it is missing */
  PASSAGE_CAME_BAD = 0x40   /* its checksum was bad when it came */
};

struct passage {
  int64_t left_ns;
  int64_t came_ns;      /* first piece; TIME_INVALID: has not come */
  int64_t came_last_ns; /* last piece */
  uint64_t left_frame, came_frame;
  uint32_t seq, end; /* sequence space with SYN and FIN; equal: a pure ACK, probe or RST */
  uint32_t came_bytes;
  /* What came of it, where pieces came: seq .. came_to and, if hole_end is not came_to, hole_end ..
   * came_top. */
  uint32_t came_to, hole_end, came_top;
  uint32_t ack, ts_val, ts_ecr, payload_hash;
  uint32_t sack_start, sack_end; /* its first SACK block, not translated; equal: none */
  uint32_t older;                /* chain of the index: number + 1 of an older passage; 0: none */
  uint16_t window, flags, options, ip_id, payload_sum, mss;
  uint8_t wscale, ttl, tos, checksum, facts;
  uint8_t state; /* enum passage_state, or'ed */
};

/* Memory of all lanes of one joint diagnosis. */
struct lane_pool {
  uint64_t bytes, bytes_max; /* beyond it lanes neither grow nor keep a history */
  uint32_t records_max;      /* per lane */
  uint64_t forgotten;        /* passages dropped while in question */
};

struct lane_stats {
  uint64_t left, came;
  uint64_t lost_segments, lost_bytes, lost_acks, unsettled, uncaptured;
  uint64_t reordered, duplicated, corrupted;
  uint64_t gaps; /* of `uncaptured`: no RST, and the near point saw this side before */
  int64_t delay_min_ns, delay_max_ns; /* TIME_INVALID: none */
  double delay_sum_ns;
  uint64_t delays;
};

#define LANE_EARLY 8u /* arrivals that wait for a departure which the clocks put behind them */

struct lane {
  struct lane_pool *pool;
  int64_t early_max_ns;  /* how far the clocks may put an arrival before its departure */
  int64_t first_left_ns; /* TIME_INVALID: nothing left yet */
  int64_t stray_ns; /* the latest arrival with data that fits no departure; TIME_INVALID: none */
  const int64_t
      *far_first_ns; /* the far capture's first packet of any kind; TIME_INVALID: none yet */
  uint32_t seq_shift, ack_shift; /* what the caller's translation adds at the far point more than at
                                    the near one */
  struct passage *ring; /* of capacity (a power of two) entries, number n at n & (capacity - 1) */
  uint32_t *index;      /* number + 1 of the latest passage with that key */
  uint32_t capacity;
  uint32_t first, next; /* numbers kept: first .. next - 1 */
  uint32_t cursor;      /* the passage expected next */
  uint32_t acked;       /* highest ACK for this lane's data that the near point has */
  bool acked_known;
  bool times_kept; /* timestamps came as they left */
  bool matched;    /* highest_matched is valid */
  uint32_t highest_matched;

  uint32_t top_came;         /* end of the highest data that came, */
  int64_t top_came_ns;       /* when; TIME_INVALID: none did */
  int64_t answer_min_ns;     /* and the fastest ACK there of such; TIME_INVALID: none */
  int64_t last_came_left_ns; /* of the passage that left last of those that came */
  bool ack_was_forgotten;
  uint32_t forgotten_ack; /* if ack_was_forgotten: the highest one of the passages dropped */
  int64_t forgotten_ns;   /* left_ns of the last passage dropped; TIME_INVALID: none was */
  uint8_t early_count;
  struct packet *early; /* LANE_EARLY of them, allocated on first use */
  struct lane_stats stats;
  struct path_changes changes;
};

/* pool and far_first_ns must outlive the lane. */
void lane_init(struct lane *lane, struct lane_pool *pool, const int64_t *far_first_ns,
               uint32_t seq_shift, uint32_t ack_shift);
void lane_free(struct lane *lane);

/* A packet of this side at the near point, and at the far one; sequence numbers translated. */
void lane_left(struct lane *lane, const struct packet *packet);
void lane_came(struct lane *lane, const struct packet *packet);

/* The near point has got an ACK for this lane's data. */
void lane_acked(struct lane *lane, uint32_t ack);

/* The far point has sent this packet: perhaps an answer to the last data that came there. */
static inline void lane_answered(struct lane *lane, const struct packet *packet)
{
  if (packet->ack != lane->top_came || !time_is_valid(lane->top_came_ns) ||
      (packet->flags & TCP_ACK) == 0)
    return;
  const int64_t took_ns = packet->time_ns - lane->top_came_ns;
  if (!time_is_valid(lane->answer_min_ns) || took_ns < lane->answer_min_ns)
    lane->answer_min_ns = took_ns;
}

/* No more packets: what has not come is lost, or unsettled if it left at far_last_ns (the far
 * capture's last packet of any kind) or so shortly before it that it may still have been on its
 * way. */
void lane_finish(struct lane *lane, int64_t far_last_ns);

/* How many packets came that the near point, although its capture ran, was not seen to send: what
 * it does not show proves nothing. */
uint64_t lane_gaps(const struct lane *lane, int64_t now_ns);

/* Fetches what the next packet will need. */
static inline void lane_prefetch(const struct lane *lane)
{
  if (lane->capacity == 0)
    return;
  __builtin_prefetch(&lane->ring[lane->cursor & (lane->capacity - 1)]);
  __builtin_prefetch(&lane->ring[lane->next & (lane->capacity - 1)]);
}

/* The passages kept, oldest first: for (n = lane->first; n != lane->next; n++). */
static inline const struct passage *lane_passage(const struct lane *lane, uint32_t number)
{
  return &lane->ring[number & (lane->capacity - 1)];
}

/* true if it has not come although something that left later has, or longer than any delay so far
 * (and a margin) has passed at now_ns. */
bool passage_is_lost(const struct lane *lane, const struct passage *passage, int64_t now_ns);

/* true if byte (or SYN, FIN) `seq` is in it. */
static inline bool passage_covers(const struct passage *passage, uint32_t seq)
{
  return passage->seq != passage->end && seq_leq(passage->seq, seq) && seq_lt(seq, passage->end);
}

enum byte_fate { FATE_MISSING, FATE_CAME, FATE_UNKNOWN };
/* What became of a byte that the passage covers. */
enum byte_fate passage_fate(const struct passage *passage, uint32_t seq);

/* How long it was on its way; TIME_INVALID: has not come. */
int64_t passage_delay_ns(const struct passage *passage);

#endif
