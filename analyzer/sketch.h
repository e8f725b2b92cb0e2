#ifndef ANALYZER_SKETCH_H
#define ANALYZER_SKETCH_H

/* A bounded sample of one connection as one capture point saw it, from which it can be known again
 * in the capture of another point (pairing.h).
 *
 * What is sampled is decided by what the packet *is*, never by its place in the capture: numbers
 * that a path leaves alone (sequence number, acknowledgment number, timestamps, the payload's
 * beginning, IP-ID) are hashed, and the packet is kept if enough low bits of one of the hashes are
 * zero. Two points so keep the same packets without knowing of each other. A connection that fills
 * its room doubles the modulus (`rate`) and drops what no longer passes; since the moduli are
 * powers of two, the sample of the sparser point is a subset of what the other one would keep. */

#include "analyzer/analyzer.h"
#include "analyzer/connection.h"

#include <stdbool.h>
#include <stdint.h>

enum sample_fact {
  SAMPLE_FROM_1 = 0x01, /* sent by key.address[1] */
  SAMPLE_TIMESTAMPS = 0x02,
  SAMPLE_DATA = 0x04, /* occupies sequence space: payload, SYN or FIN */
  /* data that begins at or behind all that its sender had sent here before, or a pure ACK that
   * acknowledges more than all before, or a first RST: its first transmission, as far as this
   * capture tells */
  SAMPLE_FRESH = 0x08,
  SAMPLE_REPEATED = 0x10, /* a pure ACK of the same number followed it */
  SAMPLE_UNTIMED = 0x20   /* the capture has no time for it, or no credible one */
};

struct sample {
  int64_t time_ns; /* 0 .. SKETCH_TIME_MAX_NS */
  uint32_t seq, ack;
  uint32_t ts_val, ts_ecr; /* if SAMPLE_TIMESTAMPS, else 0 */
  uint32_t payload_hash;   /* of struct packet; 0: unknown */
  uint32_t payload_bytes;
  uint16_t ip_id; /* 0: unknown, or none */
  uint16_t window;
  uint8_t facts; /* enum sample_fact */
  uint8_t flags; /* the lower eight TCP flags */
  uint8_t ttl;   /* 0: unknown */
  uint8_t level; /* kept as long as this is at least the sketch's rate */
};

/* Times are those of 1970 to 2116: differences of differences fit into an int64_t. */
#define SKETCH_TIME_MAX_NS (INT64_MAX / 2)
#define SAMPLE_LEVEL_MAX   31u

/* What one of the two hosts sends. */
struct sketch_side {
  uint32_t isn;            /* if SKETCH_SIDE_SYN: of its latest SYN */
  uint32_t first_seq;      /* if SKETCH_SIDE_STARTED */
  uint32_t seq_next;       /* if SKETCH_SIDE_STARTED: the end of all sequence space sent so far */
  uint32_t pure_ack;       /* if SKETCH_SIDE_PURE_ACK: of the latest pure ACK */
  uint32_t ack_highest;    /* if SKETCH_SIDE_PURE_ACK */
  uint32_t ts_val, ts_ecr; /* of the latest packet with timestamps */
  uint32_t payload_hash;   /* of the latest packet that has one */
  uint32_t ack_sample;     /* index + 1 of the sample of the latest pure ACK; 0: not sampled */
  uint8_t facts;
  uint8_t forced; /* samples kept whatever their hash is */
};

enum sketch_side_fact {
  SKETCH_SIDE_STARTED = 0x01,
  SKETCH_SIDE_SYN = 0x02,
  SKETCH_SIDE_PURE_ACK = 0x04,
  SKETCH_SIDE_TIMESTAMPS = 0x08,
  SKETCH_SIDE_RST = 0x10,
  SKETCH_SIDE_HOLES = 0x20 /* bytes were passed over, or acknowledged though never seen */
};

enum sketch_fact {
  SKETCH_ESTABLISHED = 0x01, /* more than SYNs were seen */
  SKETCH_ENDED = 0x02,       /* a FIN or a RST was seen */
  SKETCH_CLIENT_IS_1 = 0x04, /* the client is key.address[1] */
  SKETCH_ROLES_FROM_SYN = 0x08,
  SKETCH_TIMESTAMPS_SHARED = 0x10 /* with another connection of this capture: for survey_match.c */
};

#define SKETCH_NONE UINT32_MAX

struct sketch {
  struct flow_key key;
  int64_t first_ns, last_ns;
  uint64_t first_frame, last_frame;
  int64_t sealed_ns; /* from here on its addresses are another connection's, which found no room */
  struct sample *samples; /* in order of capture */
  uint32_t sample_count, sample_capacity;
  struct sketch_side sides[2]; /* by index into key.address */
  /* Earlier connections of the same addresses; SKETCH_NONE: none. Ports may be used again many
   * thousand times: `jump` leads further back, so that the right one is found in few steps. */
  uint32_t older, jump;
  uint32_t reuses;         /* how many there are */
  uint32_t next_half_open; /* in the queue of its set; SKETCH_NONE: last */
  uint32_t pair;           /* for the owner of the set */
  uint8_t pair_member;     /* " */
  uint8_t facts;           /* enum sketch_fact */
  uint8_t rate;
};

/* Memory that several sets share. */
struct sketch_budget {
  uint64_t used_bytes, limit_bytes;
};

struct sketch_slot {
  uint32_t hash;
  uint32_t sketch; /* the newest of its addresses; SKETCH_NONE: empty */
};

#define SKETCH_SLAB 256u

/* All connections of one capture. */
struct sketch_set {
  struct sketch_budget *budget;
  struct sketch_slot *slots;
  uint32_t slot_count; /* a power of two, or 0 */
  uint32_t slots_used;
  struct sketch **slabs;
  uint32_t slab_count;
  uint32_t count; /* sketches */
  uint32_t max_count;
  /* Begun by a SYN, the oldest first: what nobody has answered makes room for others when the set
   * is full, so that a flood of SYNs does not hide the connections behind it. */
  uint32_t half_open_first, half_open_last;
  uint64_t hash_seed;
  uint64_t unsampled;     /* connections without a sketch, any more; nearly: see refused_bits */
  uint64_t *refused_bits; /* one bit per hash of those, so that each is counted once; or NULL */
};

void sketch_set_init(struct sketch_set *set, struct sketch_budget *budget, uint32_t max_count,
                     uint64_t hash_seed);
void sketch_set_free(struct sketch_set *set);

/* Takes one TCP packet. Returns 0 or ERROR_MEMORY (then nothing was changed). */
int sketch_set_packet(struct sketch_set *set, const struct packet *packet);

/* The same in steps, each to be taken a few packets after the one before, so that the memory is
 * there when it is needed: up to the last one they change nothing. */
struct sketch_ticket {
  uint32_t hash;
  uint32_t sketch; /* a guess; SKETCH_NONE: none */
};

void sketch_fetch_slot(const struct sketch_set *set, const struct packet *packet,
                       struct sketch_ticket *ticket);
void sketch_fetch_sketch(const struct sketch_set *set, struct sketch_ticket *ticket);
void sketch_fetch_samples(const struct sketch_set *set, const struct sketch_ticket *ticket);
int sketch_set_fetched(struct sketch_set *set, const struct packet *packet,
                       const struct sketch_ticket *ticket);

static inline struct sketch *sketch_at(const struct sketch_set *set, uint32_t index)
{
  return &set->slabs[index / SKETCH_SLAB][index % SKETCH_SLAB];
}

/* The newest connection of these addresses; SKETCH_NONE: there is none. The others follow through
 * sketch.older. */
uint32_t sketch_find(const struct sketch_set *set, const struct flow_key *key);
/* The one of them that a packet belongs to, by its frame number, or where it has none by its time;
 * SKETCH_NONE: none. */
uint32_t sketch_of_packet(const struct sketch_set *set, const struct packet *packet);

/* Both halves of a 128-bit product: no difference in the input stays in the upper bits alone. */
__extension__ typedef unsigned __int128 sketch_u128;
static inline uint64_t sketch_mix(uint64_t a, uint64_t b)
{
  sketch_u128 product =
      (sketch_u128)(a ^ UINT64_C(0x9e3779b97f4a7c15)) * (b ^ UINT64_C(0xe7037ed1a0b428db));
  return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* What the hashes are made of: each kind of number has hashes of its own. */
enum sample_key {
  SAMPLE_KEY_SEQ = 1,    /* data: where it begins */
  SAMPLE_KEY_ACK,        /* a pure ACK: the number */
  SAMPLE_KEY_TIMESTAMPS, /* TSval and TSecr */
  SAMPLE_KEY_PAYLOAD,    /* the payload's beginning */
  SAMPLE_KEY_IP_ID       /* and the length, where there are no timestamps */
};

static inline uint64_t sample_hash(enum sample_key kind, uint32_t high, uint32_t low)
{
  return sketch_mix((uint64_t)high << 32 | low,
                    UINT64_C(0x8ebc6af09c88c6e3) * (uint64_t)(unsigned)kind);
}

#endif
