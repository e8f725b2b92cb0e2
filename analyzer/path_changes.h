#ifndef ANALYZER_PATH_CHANGES_H
#define ANALYZER_PATH_CHANGES_H

/* What the path did to the packets of one side between two capture points: the difference between
 * what left and what arrived. Plain data, fed by matched packets. */

#include "wire/packet.h"

#include <stdbool.h>
#include <stdint.h>

/* What was found to differ, or'ed. */
enum path_change {
  PATH_CHANGE_WSCALE = 0x0001,          /* another shift */
  PATH_CHANGE_WSCALE_STRIPPED = 0x0002, /* the option left and did not arrive */
  PATH_CHANGE_WSCALE_ADDED = 0x0004,
  PATH_CHANGE_MSS = 0x0008, /* value, or the option went missing (mss_after 0) or came */
  PATH_CHANGE_SACK_PERMITTED = 0x0010,
  /* the option went missing or came; of the SYN: see options_before, options_after */
  PATH_CHANGE_TIMESTAMPS = 0x0020,
  PATH_CHANGE_TS_VALUES = 0x0040,         /* TSval or TSecr rewritten */
  PATH_CHANGE_OTHER_OPTIONS = 0x0080,     /* another set of options (MPTCP, Fast Open, ...) */
  PATH_CHANGE_SEQ = 0x0100,               /* sequence numbers shifted by a constant */
  PATH_CHANGE_SACK_UNTRANSLATED = 0x0200, /* the other side's were, but not those in SACK blocks */
  PATH_CHANGE_TTL = 0x0400,               /* lowered: routers on the way, or set */
  PATH_CHANGE_DSCP = 0x0800,
  PATH_CHANGE_ECN = 0x1000, /* the ECN field cleared or set; CE marks are counted, not a change */
  PATH_CHANGE_ADDRESSES = 0x2000,
  PATH_CHANGE_CHECKSUM = 0x4000, /* right (or left to hardware) before, bad after: damaged */
  PATH_CHANGE_PAYLOAD = 0x8000,  /* other bytes, and the checksum does not say damage */
  PATH_CHANGE_WINDOW = 0x10000,  /* the window field rewritten */
  PATH_CHANGE_FLAGS = 0x20000,   /* TCP flags (ECE, CWR, PSH, URG) rewritten */
  PATH_CHANGE_IP_ID = 0x40000
};
#define PATH_CHANGE_BITS 19

struct path_change_example {
  uint64_t frame_before, frame_after; /* 0: none */
  int64_t time_before_ns, time_after_ns;
};

struct path_changes {
  uint32_t changed; /* enum path_change, or'ed */
  /* of these, seen on two sightings with the same IP-ID: one packet beyond doubt, even where equal
   * ACKs or retransmissions could be taken for each other */
  uint32_t sure;
  uint64_t compared, counts[PATH_CHANGE_BITS];
  struct path_change_example first[PATH_CHANGE_BITS];
  /* of the SYN or SYN-ACK that was seen at both points: the first that differs, else the first */
  bool syn_compared, wscale_before_present, wscale_after_present;
  uint8_t wscale_before, wscale_after; /* as on the wire; 0: no option */
  uint16_t mss_before, mss_after;      /* 0: no option */
  uint8_t ttl_before, ttl_after, tos_before,
      tos_after;                          /* of the first that differ, else the first */
  uint16_t options_before, options_after; /* enum tcp_option_bit, of the SYN */
  uint32_t seq_shift;
  uint64_t ce_marked; /* CE that was not there before */

  struct path_change_example syn;     /* of which the fields above tell */
  uint8_t ecn_before, ecn_after;      /* of the first PATH_CHANGE_ECN: RFC 3168, 5 */
  uint16_t flags_before, flags_after; /* enum tcp_flag, of the first PATH_CHANGE_FLAGS */
  uint16_t flags_changed;             /* of all of them, or'ed */
  uint16_t syn_flags_changed;         /* of those on a SYN */
  /* enum tcp_option_bit that came or went, over all packets that PATH_CHANGE_OTHER_OPTIONS counts
   */
  uint16_t options_lost, options_added;
  uint16_t window_before, window_after; /* raw, of the first PATH_CHANGE_WINDOW */
  uint64_t windows_lowered;             /* of the rewritten, read by the receiver as smaller ... */
  uint64_t windows_translated; /* ... and these mean the same as before, with the rewritten shift */
  uint64_t payloads_unchecked; /* PATH_CHANGE_PAYLOAD where the checksum could not be verified */
  uint64_t sacks_translated;   /* packets whose SACK blocks follow the other side's shift */
  uint64_t damaged_bytes;      /* payload of what PATH_CHANGE_CHECKSUM counts */
  uint32_t ts_val_before, ts_val_after; /* of the first PATH_CHANGE_TS_VALUES */
  uint32_t ts_ecr_before, ts_ecr_after;
  uint64_t timestamped; /* whole packets compared that had the option at both points */
};

void path_changes_clear(struct path_changes *changes);

/* One packet seen before and after, as captured there (own sequence numbers). seq_shift and
 * ack_shift: what has to be added to the sequence numbers of this side, and of the other, after the
 * path to have those before it. whole: the same segment boundaries at both points (else only what
 * holds for a part of a segment is compared). Called often: cheap where nothing differs. */
void path_changes_compare(struct path_changes *changes, const struct packet *before,
                          const struct packet *after, uint32_t seq_shift, uint32_t ack_shift,
                          bool whole);

/* "wscale", "mss", ...; static. */
const char *path_change_name(enum path_change bit);

/* Index of the bit in counts[] and first[]. */
static inline unsigned path_change_index(enum path_change bit)
{
  unsigned index = 0;
  while (((unsigned)bit >> index) > 1)
    index++;
  return index;
}

#endif
