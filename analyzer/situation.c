#include "analyzer/situation.h"

#include "wire/seq.h"
#include "wire/timestamp.h"

#include <stdio.h>

void verdict(struct finding *finding, enum cause cause, enum location location,
             enum confidence confidence, enum confidence cause_confidence)
{
  const struct cause_info *info = cause_info(cause);
  finding->cause = cause;
  finding->location = location;
  finding->confidence = confidence;
  finding->cause_confidence = cause_confidence < confidence ? cause_confidence : confidence;
  finding->severity = SEVERITY_PROBLEM;
  finding->settle = info->settle;
  finding->advice = info->advice;
}

bool built_fresh(const struct situation *situation)
{
  const struct ts_clock *clock = &situation->stream->clock;
  if (situation->segment == NULL ||
      (situation->segment->packet->options & TCP_OPT_TIMESTAMPS) == 0 || !clock->started ||
      clock->hz == 0)
    return false;
  int64_t ticks = seq_diff(situation->segment->packet->ts_val, clock->last_val);
  return ticks * ts_clock_tick_ns(clock) >= situation->gap_ns / 2;
}

bool ack_built_early(const struct situation *situation)
{
  const struct ts_clock *clock = &situation->other->clock;
  if (situation->segment == NULL || !clock->started ||
      (situation->segment->packet->options & TCP_OPT_TIMESTAMPS) == 0 ||
      ts_clock_is_ambiguous(clock, situation->end_ns - clock->last_ns))
    return false;
  int64_t early_ns =
      situation->end_ns - ts_clock_latest_ns(clock, situation->segment->packet->ts_val);
  return early_ns > situation->limit_ns && early_ns > situation->gap_ns / 2;
}

const char *side_words(enum stream_side side)
{
  return side == SIDE_CLIENT ? "the client" : "the server";
}

const char *count_words(uint32_t count, const char *noun, const char *plural, char *text)
{
  snprintf(text, 48, "%u %s", count, count == 1 ? noun : plural);
  return text;
}

const char *duration_words(int64_t duration_ns, char *text)
{
  if (duration_ns < NS_PER_MS)
    snprintf(text, 32, "%.0f us", (double)duration_ns / 1e3);
  else if (duration_ns < NS_PER_S)
    snprintf(text, 32, "%.3g ms", /* 999.5 would be 1e+03 */
             (double)(duration_ns < 999 * NS_PER_MS ? duration_ns : 999 * NS_PER_MS) / 1e6);
  else if (duration_ns < 100 * NS_PER_S) /* cut, not rounded: "at least" stays true */
    snprintf(text, 32, "%lld.%03lld s", (long long)(duration_ns / NS_PER_S),
             (long long)(duration_ns % NS_PER_S / NS_PER_MS));
  else
    snprintf(text, 32, "%lld.%lld s", (long long)(duration_ns / NS_PER_S),
             (long long)(duration_ns % NS_PER_S / (100 * NS_PER_MS)));
  return text;
}

void tell_icmp(const struct situation *situation, struct finding *finding)
{
  const struct wait *wait = situation->wait;
  if (wait->icmp.frame == 0)
    return;
  const char *what = "an ICMP error";
  bool ipv6 = situation->connection->key.ip_version == 6;
  if (wait->icmp_mtu > 0)
    what = "ICMP: packet too big";
  else if (wait->icmp_type == (ipv6 ? 1 : 3)) /* RFC 792, RFC 4443: destination unreachable */
    what = "ICMP: destination unreachable";
  else if (wait->icmp_type == (ipv6 ? 3 : 11))
    what = "ICMP: time exceeded";
  finding_add_evidence(finding, situation->connection->end, wait->icmp.frame, wait->icmp.time_ns,
                       "%s (type %u, code %u) comes back for a segment of this stream", what,
                       wait->icmp_type, wait->icmp_code);
}

bool lacks_first_byte(const struct situation *situation)
{
  const struct trouble *trouble = situation->stream->trouble;
  return situation->outstanding > 0 && trouble != NULL && trouble->sacked &&
         seq_gt(trouble->sack_high, situation->stream->snd_una);
}
