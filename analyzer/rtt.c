#include "analyzer/rtt.h"

void rtt_sample(struct rtt *rtt, int64_t sample_ns)
{
  if (sample_ns < 0 || sample_ns > RTT_MAX_NS)
    return;
  if (rtt->samples == 0) {
    rtt->srtt_ns = sample_ns; /* RFC 6298 (2.2) */
    rtt->rttvar_ns = sample_ns / 2;
    rtt->min_ns = rtt->max_ns = sample_ns;
  } else {
    int64_t deviation = rtt->srtt_ns - sample_ns;
    if (deviation < 0)
      deviation = -deviation;
    rtt->rttvar_ns += (deviation - rtt->rttvar_ns) / 4; /* (2.3): beta 1/4, alpha 1/8 */
    rtt->srtt_ns += (sample_ns - rtt->srtt_ns) / 8;
    if (sample_ns < rtt->min_ns)
      rtt->min_ns = sample_ns;
    if (sample_ns > rtt->max_ns)
      rtt->max_ns = sample_ns;
  }
  if (rtt->samples < UINT32_MAX)
    rtt->samples++;
}

int64_t rtt_rto_ns(const struct rtt *rtt)
{
  if (rtt->samples == 0)
    return RTO_INITIAL_NS;
  int64_t variance = 4 * rtt->rttvar_ns;
  return rtt->srtt_ns + (variance > RTO_MIN_LINUX_NS ? variance : RTO_MIN_LINUX_NS);
}

int64_t rtt_rto_bound_ns(const struct rtt *rtt)
{
  int64_t rto = rtt_rto_ns(rtt);
  return rto > RTO_MIN_RFC_NS ? rto : RTO_MIN_RFC_NS;
}
