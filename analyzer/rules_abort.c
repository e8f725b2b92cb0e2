/* Who ended it: resets, and connections that were given up in silence. The finding's sender is who
 * reset or gave up. */

#include "analyzer/both_ends.h"
#include "analyzer/handshake.h"
#include "analyzer/report_finding.h"
#include "analyzer/situation.h"
#include "analyzer/wait.h"
#include "wire/seq.h"
#include "wire/timestamp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the edge may be off by where the window scale is not known (RFC 7323, 2.3: 2^30 at the
 * most). */
#define SEQ_UNSCALED_SLACK (1u << 20)
/* A reset this soon after a message on another connection of the two hosts may have been asked for.
 */
#define AGREED_WITHIN_NS (100 * NS_PER_MS)
/* A RST whose TTL is off by more than this from its alleged sender's other packets came from
 * elsewhere. */
#define RST_TTL_SLACK 1
/* RFC 9293, 3.8.3 wants 100 s and more; Linux gives up after tcp_retries2 = 15. This many copies
 * are on the way there. */
#define GAVE_UP_COPIES_MIN 5
/* Linux: an orphan or a user timeout may end it sooner; silence of this many intervals after the
 * last copy tells. */
#define GAVE_UP_INTERVALS 3

static void begin_abort(struct finding *finding, const struct connection *connection,
                        enum stream_side sender, enum cause cause, enum confidence confidence,
                        int64_t now_ns)
{
  int64_t start_ns = connection->stream[sender].progress_ns;
  if (connection->stream[sender ^ 1].progress_ns > start_ns)
    start_ns = connection->stream[sender ^ 1].progress_ns;
  if (start_ns > now_ns) /* the capture's time ran backwards in between */
    start_ns = now_ns;
  finding_begin(finding, FINDING_ABORT, sender, start_ns, now_ns);
  finding->ended_by = ENDED_BY_RESET;
  verdict(finding, cause, cause_info(cause)->location, confidence, confidence);
}

static bool ttl_is_foreign(const struct stream *stream, const struct packet *packet)
{
  if (stream->ttl == 0 || (packet->facts & PACKET_TTL_VALID) == 0)
    return false;
  int difference = (int)packet->ttl - (int)stream->ttl;
  return difference > RST_TTL_SLACK || difference < -RST_TTL_SLACK;
}

static void tell_reset(struct finding *finding, const struct connection *connection,
                       const struct segment *segment, const char *what)
{
  finding_add_evidence(finding, connection->end, segment->packet->frame, segment->time_ns,
                       "RST%s%s", (segment->packet->flags & TCP_ACK) != 0 ? " with ACK" : "", what);
}

static void refused(struct finding *finding, const struct connection *connection,
                    enum stream_side side, const struct segment *segment)
{
  begin_abort(finding, connection, side, CAUSE_REFUSED, CONFIDENCE_LIKELY, segment->time_ns);
  finding_add_evidence(finding, connection->end, connection->first_frame, connection->start_ns,
                       "SYN");
  tell_reset(finding, connection, segment, " in answer to the SYN");
  finding_add_alternative(finding, LOCATION_FORWARD_PATH, CAUSE_RST_INJECTED,
                          "a firewall on the way may have answered in the server's name");
  snprintf(finding->summary, sizeof finding->summary,
           "The server refused the connection: nothing listens on that port.");
}

static void injected(struct finding *finding, const struct connection *connection,
                     enum stream_side side, const struct segment *segment)
{
  begin_abort(finding, connection, side, CAUSE_RST_INJECTED, CONFIDENCE_LIKELY, segment->time_ns);
  finding->location = LOCATION_FORWARD_PATH;
  tell_reset(finding, connection, segment, "");
  finding_add_evidence(finding, connection->end, segment->packet->frame, segment->time_ns,
                       "its TTL is %u, that side's other packets had %u", segment->packet->ttl,
                       connection->stream[side].ttl);
  finding_add_alternative(finding, LOCATION_SENDER_APP, CAUSE_APP_RESET,
                          "a route change alters the TTL as well");
  snprintf(finding->summary, sizeof finding->summary,
           "A RST in the name of %s ended the connection, but its TTL is not that side's: "
           "something on the way sent it.",
           side_words(side));
}

/* The capture at that side's end did not see it leave; both_ends_settle_reset() may prove it. */
static void unseen(struct finding *finding, const struct connection *connection,
                   enum stream_side side, const struct segment *segment,
                   const struct path_view *view)
{
  begin_abort(finding, connection, side, CAUSE_RST_INJECTED, CONFIDENCE_LIKELY, segment->time_ns);
  finding->location = LOCATION_FORWARD_PATH;
  finding_add_alternative(finding, LOCATION_SENDER_APP, CAUSE_APP_RESET,
                          view->drops[side] == DROPS_NONE
                              ? "%c's capture may have been over when it left"
                              : "%c's capture may have missed just this frame: it does not say "
                                "what it lost",
                          'A' + view->end[side]);
  tell_reset(finding, connection, segment, " in that side's name");
  finding_add_evidence(finding, view->end[side], 0, segment->time_ns,
                       "no RST had left %c, where %s is", 'A' + view->end[side], side_words(side));
  snprintf(finding->summary, sizeof finding->summary,
           "A RST in the name of %s ended the connection, and none was seen to leave %c: "
           "something between %c and %c sent it.",
           side_words(side), 'A' + view->end[side], 'A' + view->end[side], 'A' + connection->end);
}

/* After the SYN-ACK and before the connection is open. */
static void reset_while_opening(struct finding *finding, const struct connection *connection,
                                enum stream_side side, const struct segment *segment)
{
  bool client = side == SIDE_CLIENT;
  begin_abort(finding, connection, side, client ? CAUSE_APP_RESET : CAUSE_GAVE_UP,
              CONFIDENCE_LIKELY, segment->time_ns);
  if (client)
    finding->severity = SEVERITY_INFO;
  tell_reset(finding, connection, segment,
             client ? " in answer to the SYN-ACK" : " after the SYN-ACK was not acknowledged");
  finding_add_alternative(finding, LOCATION_FORWARD_PATH, CAUSE_RST_INJECTED,
                          "something on the way may have sent it");
  snprintf(
      finding->summary, sizeof finding->summary,
      client
          ? "The client reset the connection before it was open: a scan, or it no longer wanted it."
          : "The server gave up opening the connection: its SYN-ACK was not acknowledged.");
}

/* RFC 5961, 3.2: a RST counts only inside the window; one exactly at the next number is sure to be
 * meant. */
static bool is_out_of_window(const struct stream *stream, const struct packet *reset)
{
  if ((stream->flags & STREAM_STARTED) == 0 || reset->seq == stream->snd_nxt ||
      reset->seq == stream->snd_una)
    return false;
  if ((stream->flags & STREAM_WINDOW) == 0)
    return false;
  return seq_lt(reset->seq, stream->snd_una) ||
         seq_gt(reset->seq, stream->right_edge + SEQ_UNSCALED_SLACK);
}

/* RFC 9293, 3.10.7.1: a host that knows nothing of the connection answers an ACK with a bare RST of
 * that number. */
static bool is_half_open(const struct connection *connection, enum stream_side side,
                         const struct packet *packet)
{
  const struct stream *stream = &connection->stream[side];
  return (packet->flags & TCP_ACK) == 0 && (stream->flags & STREAM_FIN) == 0 &&
         (connection->flags & CONNECTION_ESTABLISHED) != 0;
}

static void half_open(struct finding *finding, const struct connection *connection,
                      enum stream_side side, const struct segment *segment)
{
  begin_abort(finding, connection, side, CAUSE_HALF_OPEN, CONFIDENCE_POSSIBLE, segment->time_ns);
  tell_reset(finding, connection, segment,
             " without ACK, as a host answers that does not know the connection");
  finding_add_alternative(finding, LOCATION_SENDER_APP, CAUSE_APP_RESET,
                          "an application that closed with data unread causes it as well");
  finding_add_alternative(finding, LOCATION_FORWARD_PATH, CAUSE_RST_INJECTED,
                          "something on the way may have sent it");
  snprintf(finding->summary, sizeof finding->summary,
           "%s no longer knew the connection and answered with a RST.",
           side == SIDE_CLIENT ? "The client" : "The server");
}

/* Bytes that the reset cuts off: what its sender had not acknowledged, not even by the RST itself.
 */
static uint32_t cut_off_bytes(const struct connection *connection, enum stream_side side,
                              const struct packet *reset, const struct path_view *view)
{
  const struct stream *other = &connection->stream[side ^ 1];
  bool acks = (reset->flags & TCP_ACK) != 0 && seq_leq(reset->ack, other->snd_nxt) &&
              seq_geq(reset->ack, other->snd_una);
  const uint32_t ack = acks ? reset->ack : other->snd_una;
  const uint32_t seen = other->snd_nxt - ack;
  if (!acks && (reset->flags & TCP_ACK) != 0)
    return seen;
  const uint32_t left = both_ends_under_way(view, connection->end, side ^ 1, ack, reset->time_ns);
  return left > seen ? left : seen;
}

/* How many applications close: one side has said FIN, or everything is delivered both ways and the
 * server had the last word, so that nobody waits for an answer. */
static bool is_ordinary_close(const struct connection *connection, enum stream_side side,
                              uint32_t cut_off)
{
  const struct stream *stream = &connection->stream[side], *other = &connection->stream[side ^ 1];
  if (((stream->flags | other->flags) & STREAM_FIN) != 0)
    return true;
  bool in_message = other->last_data.frame != 0 && (other->last_data.flags & TCP_PSH) == 0 &&
                    other->last_data.bytes >= full_segment_bytes(other);
  bool delivered = cut_off == 0 && stream_outstanding(stream) == 0 && !in_message;
  return delivered && (connection->stream[SIDE_SERVER].flags & STREAM_LATEST_SPEAKER) != 0;
}

/* What the side that resets had gone through since its last progress; taken before the waits are
 * closed. */
struct last_wait {
  bool probes_unanswered, resent, stalled;
  uint32_t cut_off;             /* bytes under way to the side that resets */
  bool at_home;                 /* captured on the host that resets */
  const struct message *agreed; /* the two hosts had just talked on another connection */
};

static struct last_wait last_wait_of(const struct analyzer *analyzer,
                                     const struct connection *connection, enum stream_side side,
                                     int64_t now_ns)
{
  const struct trouble *trouble = connection->stream[side].trouble;
  const struct stream *other = &connection->stream[side ^ 1];
  struct last_wait last = {
      .stalled = now_ns - other->progress_ns >= analyzer->options.min_stall_ns,
      .agreed = engine_message_between(analyzer, connection, now_ns, AGREED_WITHIN_NS)};
  struct vantage_view view;
  vantage_of(analyzer, connection, &view);
  last.at_home = view.certain && vantage_nearness(&view, side) == NEAR_SENDER;
  if (trouble != NULL) {
    last.probes_unanswered = trouble->wait.probes > 0 && trouble->wait.probe_answers == 0;
    last.resent = trouble->wait.lost.retransmissions > 1;
  }
  return last;
}

/* A pure reader that ends a stream which was moving, right after the two hosts talked on another
 * connection: how programs with a control connection end their data connections (iperf3, FTP's
 * ABOR). */
static bool reader_had_enough(const struct connection *connection, enum stream_side side,
                              const struct last_wait *last)
{
  return connection->stream[side].bytes == 0 && !last->stalled && last->agreed != NULL;
}

static const char *const CUT_OFF = " while data for it was on the way";

static void tell_app_reset(struct finding *finding, bool cut_off)
{
  snprintf(finding->summary, sizeof finding->summary, "%s reset the connection%s.",
           finding->sender == SIDE_CLIENT ? "The client" : "The server", cut_off ? CUT_OFF : "");
}

/* The reset came when all that had come was acknowledged, and nobody had said FIN: whether it cut
 * anything off shows in what comes behind it, sent before its sender could know. Data does: a
 * small message may be a farewell (TLS close_notify) if the FIN follows. */
struct kept_reset {
  struct finding finding;
  struct sighting late;
  uint32_t late_bytes;
};

static bool may_cut_off(const struct connection *connection, const struct finding *finding,
                        const struct last_wait *last)
{
  return finding->cause == CAUSE_APP_RESET && finding->severity == SEVERITY_INFO &&
         (connection->flags & CONNECTION_ESTABLISHED) != 0 &&
         ((connection->stream[0].flags | connection->stream[1].flags) & STREAM_FIN) == 0 &&
         !reader_had_enough(connection, finding->sender, last);
}

static bool keep_reset(struct analyzer *analyzer, struct connection *connection,
                       const struct finding *finding)
{
  struct trouble *trouble = stream_trouble(analyzer, &connection->stream[finding->sender]);
  struct kept_reset *kept = trouble != NULL ? malloc(sizeof *kept) : NULL;
  if (kept == NULL)
    return false;
  *kept = (struct kept_reset){.finding = *finding};
  trouble->kept_reset = kept;
  connection->flags |= CONNECTION_RESET_KEPT;
  return true;
}

static struct kept_reset *kept_of(const struct connection *connection)
{
  for (int side = 0; side < 2 && (connection->flags & CONNECTION_RESET_KEPT) != 0; side++) {
    const struct trouble *trouble = connection->stream[side].trouble;
    if (trouble != NULL && trouble->kept_reset != NULL)
      return trouble->kept_reset;
  }
  return NULL;
}

void abort_release(struct analyzer *analyzer, struct connection *connection)
{
  struct kept_reset *kept = kept_of(connection);
  if (kept == NULL)
    return;
  connection->flags &= (uint16_t)~CONNECTION_RESET_KEPT;
  connection->stream[kept->finding.sender].trouble->kept_reset = NULL;
  const struct stream *other = &connection->stream[kept->finding.sender ^ 1];
  if (kept->late_bytes > 0 &&
      ((other->flags & STREAM_FIN) == 0 || kept->late_bytes >= full_segment_bytes(other))) {
    struct finding *finding = &kept->finding;
    finding->severity = SEVERITY_PROBLEM;
    finding_add_evidence(finding, connection->end, kept->late.frame, kept->late.time_ns,
                         "data for the side that has reset it comes behind the reset: it was under "
                         "way");
    tell_app_reset(finding, true);
  }
  if (analyzer != NULL)
    report_finding(analyzer, connection, &kept->finding);
  free(kept);
}

void abort_note_late_data(struct analyzer *analyzer, struct connection *connection,
                          enum stream_side side, const struct segment *segment)
{
  struct kept_reset *kept = kept_of(connection);
  if (kept == NULL || side == kept->finding.sender || segment->packet->payload_bytes == 0)
    return;
  if (kept->late.frame == 0)
    kept->late = (struct sighting){segment->time_ns, segment->packet->frame};
  kept->late_bytes += segment->packet->payload_bytes;
  if (kept->late_bytes >= full_segment_bytes(&connection->stream[side]))
    abort_release(analyzer, connection);
}

static void app_reset(struct finding *finding, const struct connection *connection,
                      enum stream_side side, const struct segment *segment,
                      const struct last_wait *last)
{
  bool probes = last->probes_unanswered, resent = last->resent;
  enum cause cause = probes ? CAUSE_KEEPALIVE_TIMEOUT : resent ? CAUSE_GAVE_UP : CAUSE_APP_RESET;
  begin_abort(finding, connection, side, cause, CONFIDENCE_LIKELY, segment->time_ns);
  tell_reset(finding, connection, segment, "");
  if (cause == CAUSE_APP_RESET && (is_ordinary_close(connection, side, last->cut_off) ||
                                   reader_had_enough(connection, side, last)))
    finding->severity = SEVERITY_INFO;
  if (!last->at_home)
    finding_add_alternative(finding, LOCATION_FORWARD_PATH, CAUSE_RST_INJECTED,
                            "something on the way may have sent it");
  if (cause == CAUSE_APP_RESET)
    tell_app_reset(finding, last->cut_off > 0);
  else
    snprintf(finding->summary, sizeof finding->summary,
             "%s gave up: %s, then it reset the connection.",
             side == SIDE_CLIENT ? "The client" : "The server",
             probes ? "its probes were not answered" : "its retransmissions were not answered");
}

/* It left that side's end and came here: nobody between the two has made it. */
static void exclude_injection(struct finding *finding)
{
  uint32_t kept = 0;
  for (uint32_t i = 0; i < finding->alternative_count; i++) {
    if (finding->not_excluded[i].cause != CAUSE_RST_INJECTED)
      finding->not_excluded[kept++] = finding->not_excluded[i];
  }
  finding->alternative_count = kept;
}

bool reset_is_ignored(const struct connection *connection, enum stream_side side,
                      const struct packet *reset)
{
  return (connection->flags & CONNECTION_ESTABLISHED) != 0 &&
         is_out_of_window(&connection->stream[side], reset);
}

void handshake_or_abort_by_reset(struct analyzer *analyzer, struct connection *connection,
                                 enum stream_side side, const struct segment *segment)
{
  struct stream *stream = &connection->stream[side];
  bool first = (connection->flags & (CONNECTION_ABORT_REPORTED | CONNECTION_CLOSED)) == 0;
  bool both_fins = (connection->stream[0].flags & connection->stream[1].flags & STREAM_FIN) != 0;
  bool opening = (connection->flags & CONNECTION_ESTABLISHED) == 0;
  bool in_handshake = opening && side == SIDE_SERVER && connection->syn_acks == 0;
  struct finding *finding = &analyzer->scratch;
  struct last_wait last = last_wait_of(analyzer, connection, side, segment->time_ns);
  const struct path_view *view =
      analyzer->paths.view != NULL
          ? analyzer->paths.view(analyzer->paths.context, connection->end, connection->id)
          : NULL;
  last.cut_off = cut_off_bytes(connection, side, segment->packet, view);
  const enum reset_origin origin =
      both_ends_reset_origin(view, connection->end, side, segment->packet);
  for (int i = 0; i < 2 && first; i++)
    wait_end(analyzer, connection, (enum stream_side)i, ENDED_BY_RESET, segment->time_ns);
  if (first && !both_fins) {
    if (origin == RESET_UNSEEN)
      unseen(finding, connection, side, segment, view);
    else if (in_handshake)
      refused(finding, connection, side, segment);
    else if (opening)
      reset_while_opening(finding, connection, side, segment);
    else if (origin == RESET_UNKNOWN && ttl_is_foreign(stream, segment->packet))
      injected(finding, connection, side, segment);
    else if (is_half_open(connection, side, segment->packet))
      half_open(finding, connection, side, segment);
    else
      app_reset(finding, connection, side, segment, &last);
    if (origin == RESET_GENUINE)
      exclude_injection(finding);
    connection->flags |= CONNECTION_ABORT_REPORTED;
    if (!may_cut_off(connection, finding, &last) || !keep_reset(analyzer, connection, finding))
      report_finding(analyzer, connection, finding);
  }
}

/* Somebody said that the server cannot be reached, and it never answered. */
static bool refused_by_icmp(struct analyzer *analyzer, struct connection *connection)
{
  const struct trouble *trouble = connection->stream[SIDE_CLIENT].trouble;
  if ((connection->flags & CONNECTION_ESTABLISHED) != 0 || connection->syn_acks > 0 ||
      trouble == NULL || trouble->wait.icmp.frame == 0)
    return false;
  struct finding *finding = &analyzer->scratch;
  begin_abort(finding, connection, SIDE_CLIENT, CAUSE_REFUSED, CONFIDENCE_LIKELY,
              trouble->wait.icmp.time_ns);
  finding->location = LOCATION_FORWARD_PATH;
  finding->ended_by = ENDED_BY_UNKNOWN;
  finding_add_evidence(finding, connection->end, connection->first_frame, connection->start_ns,
                       "SYN");
  finding_add_evidence(finding, connection->end, trouble->wait.icmp.frame,
                       trouble->wait.icmp.time_ns,
                       "an ICMP error (type %u, code %u) comes back for it, and nothing else",
                       trouble->wait.icmp_type, trouble->wait.icmp_code);
  finding_add_alternative(
      finding, LOCATION_RECEIVER_TCP, CAUSE_REFUSED,
      "the server's own host may have sent the ICMP error: its source address tells");
  snprintf(finding->summary, sizeof finding->summary,
           "The connection did not open: an ICMP error came back for the SYN.");
  connection->flags |= CONNECTION_ABORT_REPORTED;
  report_finding(analyzer, connection, finding);
  return true;
}

void abort_by_silence(struct analyzer *analyzer, struct connection *connection)
{
  if ((connection->flags & (CONNECTION_ABORT_REPORTED | CONNECTION_CLOSED)) != 0 ||
      refused_by_icmp(analyzer, connection))
    return;
  for (int i = 0; i < 2; i++) {
    const struct stream *stream = &connection->stream[i];
    const struct trouble *trouble = stream->trouble;
    if (trouble == NULL || (stream->flags & STREAM_ACKED) == 0)
      continue;
    const struct lost_segment *lost = &trouble->wait.lost;
    int64_t quiet_ns = analyzer->now_ns - lost->last_retransmission_ns;
    if (lost->retransmissions < GAVE_UP_COPIES_MIN ||
        quiet_ns / GAVE_UP_INTERVALS < lost->last_interval_ns)
      continue;
    /* progress in the other direction since: the peer is there, whatever it leaves unanswered */
    if (connection->stream[i ^ 1].progress_ns > lost->last_retransmission_ns)
      continue;
    struct finding *finding = &analyzer->scratch;
    begin_abort(finding, connection, (enum stream_side)i, CAUSE_GAVE_UP, CONFIDENCE_LIKELY,
                lost->last_retransmission_ns);
    finding->ended_by = ENDED_BY_UNKNOWN;
    finding_add_evidence(
        finding, connection->end, lost->last_retransmission_frame, lost->last_retransmission_ns,
        "copy number %u, the last; none of them was answered", lost->retransmissions);
    finding_add_alternative(finding, LOCATION_SENDER_TCP, CAUSE_UNKNOWN,
                            "the sending host itself may have gone away");
    snprintf(finding->summary, sizeof finding->summary,
             "%s gave up after %u retransmissions without an answer.",
             i == SIDE_CLIENT ? "The client" : "The server", lost->retransmissions);
    connection->flags |= CONNECTION_ABORT_REPORTED;
    report_finding(analyzer, connection, finding);
  }
}
