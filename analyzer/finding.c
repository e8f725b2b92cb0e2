#include "analyzer/finding.h"

#include "wire/timestamp.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

const char *finding_kind_name(enum finding_kind kind)
{
  static const char *const names[] = {
      [FINDING_STALL] = "stall",       [FINDING_ABORT] = "abort", [FINDING_CRAWL] = "crawl",
      [FINDING_MISMATCH] = "mismatch", [FINDING_HOLD] = "hold",
  };
  assert((unsigned)kind < COUNT_OF(names));
  return names[kind];
}

const char *finding_state_name(enum finding_state state)
{
  static const char *const names[] = {
      [FINDING_OPEN] = "open",
      [FINDING_REVISED] = "revised",
      [FINDING_CLOSED] = "closed",
  };
  assert((unsigned)state < COUNT_OF(names));
  return names[state];
}

const char *severity_name(enum severity severity)
{
  static const char *const names[] = {
      [SEVERITY_INFO] = "info",
      [SEVERITY_PROBLEM] = "problem",
  };
  assert((unsigned)severity < COUNT_OF(names));
  return names[severity];
}

const char *confidence_name(enum confidence confidence)
{
  static const char *const names[] = {
      [CONFIDENCE_POSSIBLE] = "possible",
      [CONFIDENCE_LIKELY] = "likely",
      [CONFIDENCE_PROVEN] = "proven",
  };
  assert((unsigned)confidence < COUNT_OF(names));
  return names[confidence];
}

const char *ended_by_name(enum ended_by ended_by)
{
  static const char *const names[ENDED_BY_COUNT] = {
      [ENDED_BY_UNKNOWN] = "unknown",
      [ENDED_BY_ACK] = "ack",
      [ENDED_BY_WINDOW_UPDATE] = "window-update",
      [ENDED_BY_RETRANSMISSION] = "retransmission",
      [ENDED_BY_FOREIGN_PACKET] = "foreign-packet",
      [ENDED_BY_KICK] = "kick",
      [ENDED_BY_APPLICATION] = "application",
      [ENDED_BY_RESET] = "reset",
      [ENDED_BY_CAPTURE_END] = "capture-end",
  };
  assert((unsigned)ended_by < COUNT_OF(names));
  return names[ended_by];
}

const char *stream_side_name(enum stream_side side)
{
  static const char *const names[] = {
      [SIDE_CLIENT] = "client",
      [SIDE_SERVER] = "server",
  };
  assert((unsigned)side < COUNT_OF(names));
  return names[side];
}

void finding_begin(struct finding *finding, enum finding_kind kind, enum stream_side sender,
                   int64_t start_ns, int64_t end_ns)
{
  finding->id = 0;
  finding->state = FINDING_CLOSED;
  finding->severity = SEVERITY_INFO;
  finding->kind = kind;
  finding->sender = sender;
  finding->start_ns = start_ns;
  finding->end_ns = end_ns;
  finding->hold_min_ns = finding->hold_max_ns = TIME_INVALID;
  finding->location = LOCATION_UNKNOWN;
  finding->cause = CAUSE_UNKNOWN;
  finding->confidence = finding->cause_confidence = CONFIDENCE_POSSIBLE;
  finding->ended_by = ENDED_BY_UNKNOWN;
  finding->waits = 1;
  finding->waited_ns = end_ns - start_ns;
  finding->stages = (struct byte_stages){.at_ns = TIME_INVALID};
  finding->kernel_count = 0;
  finding->alternative_count = finding->evidence_count = 0;
  finding->summary[0] = finding->reason[0] = '\0';
  finding->settle = finding->advice = NULL;
}

void finding_add_evidence(struct finding *finding, uint8_t end, uint64_t frame, int64_t time_ns,
                          const char *format, ...)
{
  if (finding->evidence_count >= EVIDENCE_MAX)
    return;
  struct evidence *evidence = &finding->evidence[finding->evidence_count++];
  evidence->end = end;
  evidence->frame = frame;
  evidence->time_ns = time_ns;
  va_list args;
  va_start(args, format);
  vsnprintf(evidence->fact, sizeof evidence->fact, format, args);
  va_end(args);
}

void finding_add_alternative(struct finding *finding, enum location location, enum cause cause,
                             const char *format, ...)
{
  if (finding->alternative_count >= NOT_EXCLUDED_MAX)
    return;
  struct alternative *alternative = &finding->not_excluded[finding->alternative_count++];
  alternative->location = location;
  alternative->cause = cause;
  va_list args;
  va_start(args, format);
  vsnprintf(alternative->why, sizeof alternative->why, format, args);
  va_end(args);
}
