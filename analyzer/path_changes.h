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
  PATH_CHANGE_TIMESTAMPS = 0x0020,        /* the option of the SYN went missing or came */
  PATH_CHANGE_TS_VALUES = 0x0040,         /* TSval or TSecr rewritten */
  PATH_CHANGE_OTHER_OPTIONS = 0x0080,     /* another set of options (MPTCP, Fast Open, ...) */
  PATH_CHANGE_SEQ = 0x0100,               /* sequence numbers shifted by a constant */
  PATH_CHANGE_SACK_UNTRANSLATED = 0x0200, /* ... but not those in SACK blocks */
  PATH_CHANGE_TTL = 0x0400,               /* lowered: routers on the way, or set */
  PATH_CHANGE_DSCP = 0x0800,
  PATH_CHANGE_ECN = 0x1000, /* the ECN field cleared or set; CE marks are counted, not a change */
  PATH_CHANGE_ADDRESSES = 0x2000,
  PATH_CHANGE_CHECKSUM = 0x4000, /* good before, bad after: damaged on the way */
  PATH_CHANGE_PAYLOAD = 0x8000,  /* other bytes, checksum right */
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
  uint64_t compared, counts[PATH_CHANGE_BITS];
  struct path_change_example first[PATH_CHANGE_BITS];
  /* of the SYN or SYN-ACK that was seen at both points */
  bool syn_compared, wscale_before_present, wscale_after_present;
  uint8_t wscale_before, wscale_after;
  uint16_t mss_before, mss_after; /* 0: no option */
  uint8_t ttl_before, ttl_after, tos_before,
      tos_after;                          /* of the first that differ, else the first */
  uint16_t options_before, options_after; /* enum tcp_option_bit, of the SYN */
  uint32_t seq_shift;
  uint64_t ce_marked; /* CE that was not there before */
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

#endif
