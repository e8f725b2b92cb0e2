#include "report/quality.h"

#include <assert.h>

struct meaning {
  enum quality bit;
  bool harmless;
  const char *text;
};

static const struct meaning meanings[] = {
    {QUALITY_MID_STREAM, false,
     "no handshake for some connections: MSS, window scale and SACK were negotiated before the "
     "capture began, so window sizes are bounds and the client is a guess"},
    {QUALITY_ONE_DIRECTION, false,
     "one direction only for some connections: what the other side answered is unknown, so "
     "nothing about it can be proven"},
    {QUALITY_CAPTURE_GAPS, false,
     "bytes were acknowledged that were never captured: the capture has holes, a missing "
     "segment is no proof of loss"},
    {QUALITY_DUPLICATES, true,
     "the same frames more than once (mirror port, stacked devices): copies were set aside and "
     "are not counted as retransmissions"},
    {QUALITY_TIME_BACKWARDS, false,
     "time runs backwards between some frames: intervals around there are uncertain"},
    {QUALITY_SUPER_SEGMENTS, true,
     "segments above the MSS (TSO, GSO or GRO): the capture was taken on an end host, the "
     "wire carried smaller ones"},
    {QUALITY_OFFLOADED_CHECKSUMS, true,
     "checksums not yet filled in (transmit offload): harmless, this host sent them"},
    {QUALITY_SNAPPED, true, "payload cut by the snap length: harmless"},
    {QUALITY_OPTIONS_CUT, false,
     "TCP options cut by the snap length: timestamps and SACK are missing as evidence; capture "
     "with -s 128 or more"},
    {QUALITY_MPTCP, false,
     "Multipath TCP: each connection here is one subflow of a larger one, data may have moved on "
     "another"},
    {QUALITY_NO_PURE_ACKS, false,
     "pure ACKs seem to be filtered out: what the receiver knew and when cannot be said"},
    {QUALITY_NO_TIMES, false,
     "records without a time: they count for sequence numbers, not for waits"},
};
_Static_assert(sizeof meanings / sizeof *meanings == QUALITY_BITS, "every quality has its meaning");

const char *quality_meaning(enum quality bit)
{
  for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++)
    if (meanings[i].bit == bit)
      return meanings[i].text;
  assert(false);
  return "";
}

bool quality_is_harmless(enum quality bit)
{
  for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++)
    if (meanings[i].bit == bit)
      return meanings[i].harmless;
  return false;
}

bool capture_has_flaw(const struct report_capture *capture, enum capture_flaw flaw)
{
  const struct analyzer_stats *stats = &capture->stats;
  switch (flaw) {
  case CAPTURE_CUT_OFF: return capture->damage[0] != '\0';
  case CAPTURE_INTERRUPTED: return capture->interrupted;
  case CAPTURE_DROPPED: return capture->has_dropped && capture->dropped > 0;
  case CAPTURE_GAPS: return capture->gaps > 0;
  case CAPTURE_SAMPLES_MISSING:
    return capture->samples.missing + capture->samples.damaged > 0 || capture->samples.cut_off;
  case CAPTURE_LIMITS:
    return stats->connections_retired > 0 || stats->half_open_forgotten > 0 ||
           stats->segments_forgotten > 0;
  case CAPTURE_UNSUPPORTED_LINK: return stats->packets[PACKET_UNSUPPORTED_LINK] > 0;
  case CAPTURE_FLAW_COUNT: break;
  }
  return false;
}

const char *capture_flaw_name(enum capture_flaw flaw)
{
  static const char *const names[CAPTURE_FLAW_COUNT] = {
      [CAPTURE_CUT_OFF] = "cut-off",
      [CAPTURE_INTERRUPTED] = "interrupted",
      [CAPTURE_DROPPED] = "capture-drops",
      [CAPTURE_SAMPLES_MISSING] = "samples-missing",
      [CAPTURE_GAPS] = "not-recorded",
      [CAPTURE_LIMITS] = "limits-reached",
      [CAPTURE_UNSUPPORTED_LINK] = "unsupported-link",
  };
  return names[flaw];
}

void quality_each_name(const struct report_capture *capture,
                       void (*each)(void *context, const char *name), void *context)
{
  for (unsigned i = 0; i < QUALITY_BITS; i++)
    if ((capture->quality & 1U << i) != 0)
      each(context, analyzer_quality_name((enum quality)(1U << i)));
  for (int flaw = 0; flaw < CAPTURE_FLAW_COUNT; flaw++)
    if (capture_has_flaw(capture, (enum capture_flaw)flaw))
      each(context, capture_flaw_name((enum capture_flaw)flaw));
}
