/* R does not let S send: its window is closed, or smaller than a segment. */

#include "analyzer/situation.h"
#include "analyzer/window_scale.h"
#include "wire/seq.h"
#include "wire/timestamp.h"

#include <stdio.h>

static int64_t closed_ns(const struct situation *situation)
{
  const struct wait *wait = situation->wait;
  int64_t from_ns = wait->zero_window.time_ns > situation->start_ns ? wait->zero_window.time_ns
                                                                    : situation->start_ns;
  int64_t until_ns =
      wait->window_opened.frame != 0 ? wait->window_opened.time_ns : situation->end_ns;
  return until_ns - from_ns;
}

static void tell_shrink(const struct situation *situation, struct finding *finding)
{
  const struct wait *wait = situation->wait;
  if (wait->window_shrunk.frame == 0)
    return;
  finding_add_evidence(
      finding, situation->connection->end, wait->window_shrunk.frame, wait->window_shrunk.time_ns,
      "the right edge moves left by %llu bytes (RFC 9293, 3.8.6: strongly discouraged)",
      (unsigned long long)wait->shrunk_bytes);
  finding_add_alternative(finding, LOCATION_RECEIVER_TCP, CAUSE_WINDOW_SHRINK,
                          "the receiver's TCP took back window that it had given");
}

static void tell_closed(const struct situation *situation, struct finding *finding)
{
  char probes[48], answers[48];
  const struct wait *wait = situation->wait;
  uint8_t end = situation->connection->end;
  finding_add_evidence(finding, end, wait->zero_window.frame, wait->zero_window.time_ns,
                       "the receiver closes its window: 0 bytes");
  tell_shrink(situation, finding);
  if (wait->first_probe.frame != 0)
    finding_add_evidence(finding, end, wait->first_probe.frame, wait->first_probe.time_ns,
                         "first of %s; %s",
                         count_words(wait->probes, "window probe", "window probes", probes),
                         count_words(wait->probe_answers, "answer", "answers", answers));
  if (wait->window_opened.frame != 0)
    finding_add_evidence(finding, end, wait->window_opened.frame, wait->window_opened.time_ns,
                         "the window opens again%s",
                         wait->opened_by_probe_answer ? ", in the answer to a probe"
                                                      : ", by itself");
  else if (wait->last_probe_answer.frame != 0)
    finding_add_evidence(finding, end, wait->last_probe_answer.frame,
                         wait->last_probe_answer.time_ns, "the last answer still says 0 bytes");
}

/* The update passed here, and S went on waiting: it was lost behind this point, or S ignored it. */
static bool update_unheeded(const struct situation *situation, struct finding *finding)
{
  const struct wait *wait = situation->wait;
  if (wait->window_opened.frame == 0 || wait->last_probe.time_ns <= wait->window_opened.time_ns ||
      situation->end_ns - wait->window_opened.time_ns <= situation->limit_ns)
    return false;
  char late[32];
  bool at_sender = situation->near == NEAR_SENDER;
  verdict(finding, at_sender ? CAUSE_WINDOW_UPDATE_IGNORED : CAUSE_WINDOW_UPDATE_LOST,
          at_sender ? LOCATION_SENDER_TCP : LOCATION_REVERSE_PATH,
          situation->near == NEAR_UNKNOWN || situation->near == NEAR_MIDDLE ? CONFIDENCE_POSSIBLE
                                                                            : CONFIDENCE_LIKELY,
          CONFIDENCE_LIKELY);
  tell_closed(situation, finding);
  finding_add_evidence(finding, situation->connection->end, wait->last_probe.frame,
                       wait->last_probe.time_ns,
                       "the sender still probes, as if the window were closed");
  if (at_sender)
    finding_add_alternative(
        finding, LOCATION_REVERSE_PATH, CAUSE_WINDOW_UPDATE_LOST,
        "the update may have been dropped between this capture point and the sender's TCP");
  else
    finding_add_alternative(finding, LOCATION_SENDER_TCP, CAUSE_WINDOW_UPDATE_IGNORED,
                            "the sender may have received and ignored it");
  snprintf(finding->summary, sizeof finding->summary,
           "The receiver opened its window, but the sender went on probing for another %s.",
           duration_words(situation->end_ns - wait->window_opened.time_ns, late));
  return true;
}

/* The other direction's window was closed during most of this wait as well. */
static bool is_deadlock(const struct situation *situation)
{
  const struct trouble *trouble = situation->other->trouble;
  if (trouble == NULL || trouble->wait.zero_window.frame == 0)
    return false;
  int64_t from_ns = trouble->wait.zero_window.time_ns > situation->start_ns
                        ? trouble->wait.zero_window.time_ns
                        : situation->start_ns;
  int64_t until_ns = trouble->wait.window_opened.frame != 0 ? trouble->wait.window_opened.time_ns
                                                            : situation->end_ns;
  return (until_ns - from_ns) * 2 > situation->gap_ns;
}

bool rule_zero_window(const struct situation *situation, struct finding *finding)
{
  const struct wait *wait = situation->wait;
  if (wait->zero_window.frame == 0 || closed_ns(situation) * 2 < situation->gap_ns)
    return wait->zero_window.frame != 0 && update_unheeded(situation, finding);
  /* Without a probe, and without data as soon as it opened, S may have had nothing to send. */
  bool sent_at_once = situation->segment != NULL && !situation->by_ack &&
                      wait->window_opened.frame != 0 &&
                      situation->end_ns - wait->window_opened.time_ns <= situation->limit_ns;
  if (wait->probes == 0 && situation->open && situation->outstanding == 0 &&
      wait->window_opened.frame == 0) {
    finding->location = LOCATION_NONE; /* a probe will show whether S has more to send */
    finding->severity = SEVERITY_INFO;
    return true;
  }
  if (wait->probes == 0 && !sent_at_once && situation->outstanding == 0)
    return false;
  if (update_unheeded(situation, finding))
    return true;
  char gap[32];
  bool deadlock = is_deadlock(situation);
  bool doubtful = wait->opened_by_probe_answer, hole = lacks_first_byte(situation);
  verdict(finding, deadlock ? CAUSE_DEADLOCK : CAUSE_ZERO_WINDOW, LOCATION_RECEIVER_APP,
          doubtful || hole ? CONFIDENCE_POSSIBLE : CONFIDENCE_LIKELY,
          hole ? CONFIDENCE_POSSIBLE : CONFIDENCE_LIKELY);
  if (wait->window_opened.frame != 0)
    finding->ended_by = ENDED_BY_WINDOW_UPDATE;
  tell_closed(situation, finding);
  finding_add_alternative(
      finding, LOCATION_RECEIVER_TCP, CAUSE_UNKNOWN,
      "packets cannot show whether the receive queue was full or its memory limited");
  if (hole)
    finding_add_alternative(finding, LOCATION_FORWARD_PATH, CAUSE_SEGMENT_LOSS,
                            "the receiver lacks a segment: what came behind it may be what fills "
                            "its buffer");
  if (doubtful && situation->near != NEAR_RECEIVER)
    finding_add_alternative(
        finding, LOCATION_REVERSE_PATH, CAUSE_WINDOW_UPDATE_LOST,
        "the window was found open by a probe: an earlier update may have been lost");
  snprintf(finding->summary, sizeof finding->summary,
           deadlock ? "Neither application reads: both windows were closed, for %s."
                    : "The receiving application did not read: its window was closed, for %s.",
           duration_words(situation->gap_ns, gap));
  return true;
}

static void tell_scale(const struct situation *situation, struct finding *finding, uint8_t visible)
{
  const struct stream *announcer = situation->other;
  uint8_t end = situation->connection->end;
  if (announcer->est_wscale_min > visible)
    finding_add_evidence(finding, end, 0, situation->start_ns,
                         "SYN window %u, but the first window after it, read with the visible "
                         "shift %u, pulls the right edge far left: "
                         "the true shift is at least %u",
                         announcer->syn_window, visible, announcer->est_wscale_min);
  if (situation->stream->raw_hits > 0)
    finding_add_evidence(
        finding, end, situation->stream->last_data.frame, situation->stream->last_data.time_ns,
        "%u flights ended exactly at the raw, unscaled window (the last at %u bytes)",
        situation->stream->raw_hits, situation->stream->window_raw);
}

static bool scale_rewritten(const struct situation *situation, struct finding *finding)
{
  bool known;
  uint8_t visible = connection_shift(situation->connection, situation->side ^ 1, &known);
  bool edge_pulled = known && situation->other->est_wscale_min > visible;
  bool at_raw = known && visible > 0 && situation->stream->raw_hits >= RAW_HITS_MIN;
  if (!edge_pulled && !at_raw)
    return false;
  char gap[32];
  verdict(finding, CAUSE_WINDOW_SCALE_REWRITTEN, LOCATION_REVERSE_PATH, CONFIDENCE_LIKELY,
          CONFIDENCE_LIKELY);
  tell_scale(situation, finding, visible);
  finding_add_alternative(finding, LOCATION_RECEIVER_TCP, CAUSE_SILLY_WINDOW,
                          "a receiver that shrinks its window against RFC 9293 would look alike");
  snprintf(finding->summary, sizeof finding->summary,
           "The two ends disagree about the window scale: the sender takes the window for %u "
           "bytes%s, and waited %s.",
           situation->stream->window_raw, edge_pulled ? ", the receiver means more" : "",
           duration_words(situation->gap_ns, gap));
  return true;
}

/* No SYN was seen, but S stops at the raw window again and again, and full segments exist on this
 * path. */
static bool scale_doubtful(const struct situation *situation, struct finding *finding)
{
  const struct stream *stream = situation->stream;
  char gap[32];
  if (situation->window_scale_known || stream->raw_hits < RAW_HITS_MIN ||
      stream->window_raw >= situation->other->largest_segment)
    return false;
  verdict(finding, CAUSE_WINDOW_SCALE_REWRITTEN, LOCATION_REVERSE_PATH, CONFIDENCE_POSSIBLE,
          CONFIDENCE_POSSIBLE);
  tell_scale(situation, finding, 0);
  finding_add_alternative(
      finding, LOCATION_RECEIVER_TCP, CAUSE_SILLY_WINDOW,
      "without the SYN it cannot be told whether the receiver scales its window at all");
  finding_add_alternative(finding, LOCATION_RECEIVER_APP, CAUSE_SLOW_READER,
                          "the window may really be that small");
  snprintf(finding->summary, sizeof finding->summary,
           "The sender sends exactly the raw window of %u bytes and waits: %s this time. It may "
           "not know the window scale.",
           stream->window_raw, duration_words(situation->gap_ns, gap));
  return true;
}

bool rule_small_window(const struct situation *situation, struct finding *finding)
{
  const struct stream *stream = situation->stream;
  if ((stream->flags & STREAM_WINDOW) == 0 || stream->window_raw == 0 || stream->bytes == 0)
    return false;
  if (scale_rewritten(situation, finding) || scale_doubtful(situation, finding))
    return true;
  if (!situation->window_scale_known || stream->window_bytes >= situation->next_bytes ||
      situation->next_bytes == 0 || situation->window_left >= situation->next_bytes)
    return false;
  bool ended_here = situation->segment == NULL || situation->by_ack ||
                    situation->segment->packet->payload_bytes <= stream->window_bytes;
  if (!ended_here && situation->segment->packet->payload_bytes < situation->next_bytes)
    return false;
  char gap[32];
  if (!situation->by_ack)
    finding->ended_by = ENDED_BY_UNKNOWN; /* the sender's own (persist) timer */
  bool read_slowly = stream->trouble != NULL && stream->trouble->zero_windows > 0;
  bool was_larger = stream->window_max >= 4 * situation->next_bytes;
  verdict(finding, read_slowly || was_larger ? CAUSE_SLOW_READER : CAUSE_SILLY_WINDOW,
          read_slowly || was_larger ? LOCATION_RECEIVER_APP : LOCATION_RECEIVER_TCP,
          CONFIDENCE_POSSIBLE, CONFIDENCE_POSSIBLE);
  tell_shrink(situation, finding);
  finding_add_evidence(finding, situation->connection->end, stream->last_ack.frame,
                       stream->last_ack.time_ns,
                       "the receiver's window is %u bytes, less than a segment of %u",
                       stream->window_bytes, situation->next_bytes);
  if (read_slowly || was_larger)
    finding_add_alternative(finding, LOCATION_RECEIVER_TCP, CAUSE_SILLY_WINDOW,
                            "the receiver may have read, and not said so");
  else
    finding_add_alternative(finding, LOCATION_RECEIVER_APP, CAUSE_SLOW_READER,
                            "the application may read in small pieces");
  finding_add_alternative(finding, LOCATION_REVERSE_PATH, CAUSE_WINDOW_SCALE_REWRITTEN,
                          "the shift in the SYN may have been changed on the way here");
  snprintf(finding->summary, sizeof finding->summary,
           "The receiver's window of %u bytes is less than a segment: the stream waited %s.",
           stream->window_bytes, duration_words(situation->gap_ns, gap));
  return true;
}
