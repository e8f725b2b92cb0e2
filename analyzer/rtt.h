#ifndef ANALYZER_RTT_H
#define ANALYZER_RTT_H

/* Round-trip time and retransmission timeout, RFC 6298 section 2, from what passes the capture
 * point: the time from a segment to the ACK that covers it. At the sender's end this is the
 * sender's own estimate. */

#include <stdbool.h>
#include <stdint.h>

/* RFC 6298 (2.1): before the first measurement RTO is 1 s. */
#define RTO_INITIAL_NS INT64_C(1000000000)
/* Linux TCP_RTO_MIN: the variance term counts at least 200 ms (tcp_rtt_estimator, __tcp_set_rto).
 */
#define RTO_MIN_LINUX_NS INT64_C(200000000)
/* RFC 6298 (2.4): at least 1 s; what a strict stack may use. */
#define RTO_MIN_RFC_NS INT64_C(1000000000)

/* What takes longer is no round trip, but a clock that was set. */
#define RTT_MAX_NS (INT64_C(3600) * 1000000000)

struct rtt {
  int64_t srtt_ns, rttvar_ns; /* 0 until the first sample */
  int64_t min_ns, max_ns;     /* valid if samples > 0 */
  uint32_t samples;
};

void rtt_sample(struct rtt *rtt, int64_t sample_ns);

/* SRTT + 4 RTTVAR, but at least SRTT + 200 ms: Linux's RTO; RTO_INITIAL_NS without a sample. */
int64_t rtt_rto_ns(const struct rtt *rtt);

/* The longest that RFC 6298 or Linux lets a first retransmission wait: max(RTO, 1 s). */
int64_t rtt_rto_bound_ns(const struct rtt *rtt);

#endif
