#include "analyzer/both_ends_internal.h"

#include "wire/seq.h"
#include "wire/timestamp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of so many packets the fastest tells how fast a path is, to this. */
#define DELAYS_MIN     4u
#define DELAY_SLACK_NS NS_PER_MS
#define CAPTURE_BOTH   "Capture at both ends at once"

/* Rules of one end that already weigh who waits for whom: the chain cannot overrule them. */
static bool is_senders_own(enum cause cause)
{
  switch (cause) {
  case CAUSE_NAGLE_DELAYED_ACK:
  case CAUSE_CWND_LIMITED:
  case CAUSE_SNDBUF_LIMITED:
  case CAUSE_ACK_IGNORED:
  case CAUSE_WINDOW_UPDATE_IGNORED:
  case CAUSE_TX_QUEUE_HOLD:
  case CAUSE_NEIGHBOUR_UNRESOLVED:
  case CAUSE_LOCAL_DROP_OUTPUT: return true;
  default: return false;
  }
}

/* What there is before N, nobody has seen, unless N is on S's host. */
static bool keeps_sender(const struct judge *judge, enum location location)
{
  return at_sender(location) ||
         (location == LOCATION_FORWARD_PATH && !judge->situation->view.certain);
}

/* Everything was acknowledged, at this end, when the wait began: nobody but S can act. */
static void judge_acknowledged(struct judge *judge)
{
  struct finding *finding = judge->finding;
  const struct situation *situation = judge->situation;
  const struct path_view *view = judge->view;
  struct path_chain *chain = &judge->chain;
  char text[400], left[32], back[32];
  if (at_receiver(finding->location)) /* for reasons of its own */
    return;
  path_chain_lay(chain, view, judge->side, situation->stream->snd_nxt - 1 + judge->shift,
                 situation->start_ns - NS_PER_S, situation->start_ns);
  judge_keep_alternatives(finding, keeps_sender, judge);
  if (chain->arrived == NULL || chain->ack == NULL || chain->ack_arrived == NULL ||
      chain->contradicted)
    return;
  finding_add_evidence(finding, judge->far_end, chain->ack->left_frame, chain->ack->left_ns,
                       "%c acknowledges everything that had left %c", end_letter(judge->far_end),
                       end_letter(judge->near_end));
  snprintf(text, sizeof text,
           "Not the path, not the receiver: the last byte sent had come to %c, its ACK left there "
           "%s later and was back at %c after another %s, before the wait began: nothing of this "
           "stream was under way.",
           end_letter(judge->far_end),
           duration_words(chain->ack->left_ns - chain->arrived_ns, left),
           end_letter(judge->near_end), duration_words(passage_delay_ns(chain->ack_arrived), back));
  judge_add_reason(finding, text);
  if (finding->location == LOCATION_REVERSE_PATH)
    judge_news_ignored(judge, CAUSE_ACK_IGNORED, CAUSE_ACK_LOSS);
}

static bool window_stops(const struct situation *situation, const struct finding *finding)
{
  return is_about_window(finding->cause) || finding->cause == CAUSE_WINDOW_UPDATE_LOST ||
         (situation->window_scale_known && (situation->stream->flags & STREAM_WINDOW) != 0 &&
          situation->window_left < situation->next_bytes);
}

static void judge_outstanding(struct judge *judge)
{
  const struct situation *situation = judge->situation;
  struct finding *finding = judge->finding;
  path_chain_lay(&judge->chain, judge->view, judge->side, situation->stream->snd_una + judge->shift,
                 situation->start_ns, situation->end_ns);
  judge_find_owner(judge);
  judge->ack_unseen = situation->by_ack && judge->chain.ack_arrived == NULL;
  if (!judge_owner_is_clear(judge) || is_senders_own(finding->cause))
    return;
  /* An ACK that nobody saw leave: R's capture does not tell when R got the data, or whether, unless
   * it goes on. */
  if (judge->ack_unseen &&
      (judge->owner != LOCATION_FORWARD_PATH || judge->chain.arrived == NULL ||
       (judge->chain.lost_first != NULL &&
        judge->view->last_ns[judge->side ^ 1] < judge->chain.lost_first->left_ns)))
    return;
  /* S could have gone on, and did in the end, without an ACK: what it waited for is its own. */
  if ((at_sender(finding->location) || judge->owner == LOCATION_REVERSE_PATH) &&
      !situation->by_ack && situation->segment != NULL)
    return;
  if (judge->chain.lost > 0 && judge_was_heard(judge, judge->side, judge->chain.lost_first))
    return;
  switch (judge->owner) {
  case LOCATION_FORWARD_PATH: judge_forward(judge); break;
  case LOCATION_RECEIVER_TCP: judge_receiver(judge); break;
  case LOCATION_REVERSE_PATH: judge_reverse(judge); break;
  default: break;
  }
}

static void judge_near(struct judge *judge)
{
  const struct situation *situation = judge->situation;
  const uint32_t una = situation->stream->snd_una + judge->shift;
  path_stages(&judge->finding->stages, judge->view, judge->side, una,
              situation->start_ns + situation->gap_ns / 2);
  if (judge_scale(judge) || judge_spoiled(judge) || judge_paused(judge))
    return;
  if (situation->outstanding > 0)
    judge_outstanding(judge);
  else if (window_stops(situation, judge->finding))
    judge_window(judge);
  else
    judge_acknowledged(judge);
}

/* At the receiver's end: what it waited for was under way, or had not left. */
static void judge_far(struct judge *judge)
{
  const struct situation *situation = judge->situation;
  struct finding *finding = judge->finding;
  if (situation->segment == NULL || situation->by_ack)
    return;
  path_chain_lay(&judge->chain, judge->view, judge->side, situation->stream->snd_nxt + judge->shift,
                 situation->start_ns, situation->end_ns);
  judge->chain.receiver_ns = judge->chain.reverse_ns = 0;
  judge_find_owner(judge);
  if (judge_owner_is_clear(judge) && judge->owner == LOCATION_FORWARD_PATH)
    judge_forward(judge);
  else if (judge_owner_is_clear(judge) && judge->owner == LOCATION_SENDER_TCP)
    judge_keep_alternatives(finding, keeps_sender, judge);
}

/* For the sender's end, which will ask when the news has come there. */
static void remember(struct path_view *view, enum stream_side side, const struct finding *finding)
{
  if (!at_receiver(finding->location))
    return;
  if (view->last_told[side] == NULL)
    view->last_told[side] = malloc(sizeof *finding);
  if (view->last_told[side] != NULL)
    *view->last_told[side] = *finding;
}

static struct path_view *view_of(const struct situation *situation)
{
  const struct path_source *paths = &situation->analyzer->paths;
  return paths->view == NULL
             ? NULL
             : paths->view(paths->context, situation->connection->end, situation->connection->id);
}

bool both_ends_is_near(const struct situation *situation)
{
  const struct path_view *view = view_of(situation);
  return view != NULL && view->end[situation->side] == situation->connection->end;
}

/* A clock that was set in that time makes waits, and delays, that there were not. What was lost is
 * lost whatever the clocks say. */
static void limit_by_steps(struct judge *judge)
{
  const struct situation *situation = judge->situation;
  const struct path_source *paths = &situation->analyzer->paths;
  struct finding *finding = judge->finding;
  char text[32];
  for (int side = 0; side < 2 && paths->stepped_ns != NULL; side++) {
    const int64_t step_ns = paths->stepped_ns(paths->context, judge->view->end[side],
                                              situation->start_ns, situation->end_ns);
    if (!time_is_share(llabs(step_ns), situation->gap_ns, OWNER_PERCENT) ||
        (step_ns > 0 && judge->chain.lost > 0))
      continue;
    const enum confidence most = step_ns < 0 ? CONFIDENCE_POSSIBLE : CONFIDENCE_LIKELY;
    if (finding->confidence > most)
      finding->confidence = most;
    if (finding->cause_confidence > finding->confidence)
      finding->cause_confidence = finding->confidence;
    finding_add_alternative(finding, LOCATION_NONE, CAUSE_UNKNOWN,
                            "a capture's clock was set by %s in that time: there may have been no "
                            "wait, or another one",
                            duration_words(llabs(step_ns), text));
  }
}

void both_ends_judge(const struct situation *situation, struct finding *finding)
{
  const uint8_t end = situation->connection->end;
  struct path_view *view = view_of(situation);
  if (view == NULL || finding->location == LOCATION_NONE)
    return;
  struct judge judge = {.situation = situation,
                        .view = view,
                        .finding = finding,
                        .side = situation->side,
                        .near_end = view->end[situation->side],
                        .far_end = view->end[situation->side ^ 1]};
  judge.shift = view->shift[end == judge.near_end ? judge.side : judge.side ^ 1][judge.side];
  if (end == judge.near_end)
    judge_near(&judge);
  else if (end == judge.far_end)
    judge_far(&judge);
  limit_by_steps(&judge);
  /* What that text asks for has been done. */
  if (finding->settle != NULL && strncmp(finding->settle, CAPTURE_BOTH, strlen(CAPTURE_BOTH)) == 0)
    finding->settle = NULL;
  if (end == judge.far_end)
    remember(view, situation->side, finding);
}

void both_ends_judge_limit(const struct analyzer *analyzer, const struct connection *connection,
                           enum stream_side side, struct finding *finding)
{
  const struct path_source *paths = &analyzer->paths;
  const struct path_view *view =
      paths->view == NULL ? NULL : paths->view(paths->context, connection->end, connection->id);
  if (view == NULL || view->end[side] != connection->end)
    return;
  struct judge judge = {.view = view,
                        .finding = finding,
                        .side = side,
                        .near_end = view->end[side],
                        .far_end = view->end[side ^ 1],
                        .segment_bytes = full_segment_bytes(&connection->stream[side])};
  if (!judge_scale(&judge))
    judge_reader(&judge);
}

int64_t both_ends_receiver_ns(const struct analyzer *analyzer, const struct connection *connection,
                              enum stream_side side, int64_t from_ns, int64_t until_ns)
{
  const struct path_source *paths = &analyzer->paths;
  const struct path_view *view =
      paths->view == NULL ? NULL : paths->view(paths->context, connection->end, connection->id);
  struct path_chain chain;
  if (view == NULL || view->end[side] != connection->end)
    return 0;
  path_chain_lay(&chain, view, side, connection->stream[side].snd_una + view->shift[side][side],
                 from_ns, until_ns);
  return chain.contradicted || chain.ambiguous || chain.lost > 0 ? 0 : chain.receiver_ns;
}

uint32_t both_ends_under_way(const struct path_view *view, uint8_t end, enum stream_side sender,
                             uint32_t ack, int64_t at_ns)
{
  if (view == NULL || !view->sure)
    return 0;
  const struct lane *lane = &view->lanes[sender];
  const uint32_t from = ack + view->shift[end == view->end[sender] ? sender : sender ^ 1][sender];
  uint32_t top = from;
  for (uint32_t n = lane->first; n != lane->next; n++) {
    const struct passage *passage = lane_passage(lane, n);
    if (passage->left_ns <= at_ns && (passage->flags & (TCP_SYN | TCP_FIN | TCP_RST)) == 0 &&
        seq_gt(passage->end, top))
      top = passage->end;
  }
  return top - from;
}

enum reset_origin both_ends_reset_origin(const struct path_view *view, uint8_t end,
                                         enum stream_side sender, const struct packet *packet)
{
  if (view == NULL || !view->sure || view->drops[sender] == DROPS_SOME)
    return RESET_UNKNOWN;
  if (end == view->end[sender])
    return RESET_UNKNOWN; /* seen where it left: how it got there is not for the path to say */
  const struct lane *lane = &view->lanes[sender];
  for (uint32_t n = lane->first; n != lane->next; n++) {
    const struct passage *passage = lane_passage(lane, n);
    if ((passage->flags & TCP_RST) != 0 && passage->left_ns <= packet->time_ns)
      return RESET_GENUINE;
  }
  /* Other packets came here that were not seen to leave: neither need this one have been. */
  const bool gaps = lane_gaps(lane, packet->time_ns) > 0;
  return lane->stats.left == 0 || gaps ? RESET_UNKNOWN : RESET_UNSEEN;
}

/* That side was in the connection before the RST can have left, and went on after. Clocks need not
 * be right for that: they put the fastest packet as wrong as this one. */
static bool went_on_after(const struct lane *lane, int64_t came_ns)
{
  if (lane->stats.delays < DELAYS_MIN)
    return false;
  const int64_t before_ns = came_ns - lane->stats.delay_max_ns,
                after_ns = came_ns - lane->stats.delay_min_ns + DELAY_SLACK_NS;
  bool before = time_is_valid(lane->forgotten_ns), after = false;
  for (uint32_t n = lane->first; n != lane->next; n++) {
    const struct passage *passage = lane_passage(lane, n);
    if ((passage->flags & TCP_SYN) != 0 && passage->left_ns > before_ns)
      return false; /* another connection of the same addresses */
    if ((passage->flags & (TCP_SYN | TCP_RST | TCP_ACK)) != TCP_ACK)
      continue;
    before |= passage->left_ns < before_ns;
    after |= passage->left_ns > after_ns;
  }
  return before && after;
}

/* That side's capture was running when the RST would have left: it shows a packet that the other
 * side sent only after the RST came there. */
static bool ran_on_after(const struct lane *reverse, int64_t came_ns)
{
  for (uint32_t n = reverse->first; n != reverse->next; n++) {
    const struct passage *passage = lane_passage(reverse, n);
    if (passage->left_ns > came_ns && time_is_valid(passage->came_ns))
      return true;
  }
  return false;
}

static bool has_reset(const struct lane *lane)
{
  for (uint32_t n = lane->first; n != lane->next; n++)
    if ((lane_passage(lane, n)->flags & TCP_RST) != 0)
      return true;
  return false;
}

static void doubt_reset(const struct path_view *view, struct finding *finding)
{
  finding->confidence = finding->cause_confidence = CONFIDENCE_POSSIBLE;
  finding->alternative_count = 0;
  finding_add_alternative(finding, LOCATION_SENDER_APP, CAUSE_APP_RESET,
                          "a RST leaves %c, later than this one came as far as the clocks can tell",
                          end_letter(view->end[finding->sender]));
}

void both_ends_settle_reset(const struct path_view *view, struct finding *finding)
{
  const enum stream_side sender = finding->sender;
  const struct lane *lane = &view->lanes[sender];
  if (finding->cause != CAUSE_RST_INJECTED || finding->kind != FINDING_ABORT || !view->sure ||
      view->drops[sender] == DROPS_SOME || lane_gaps(lane, finding->end_ns) > 0)
    return;
  if (has_reset(lane)) {
    doubt_reset(view, finding);
    return;
  }
  const bool went_on = went_on_after(lane, finding->end_ns);
  const bool watched =
      view->drops[sender] == DROPS_NONE && ran_on_after(&view->lanes[sender ^ 1], finding->end_ns);
  if (!went_on && !watched)
    return;
  finding->confidence = finding->cause_confidence = CONFIDENCE_PROVEN;
  finding->alternative_count = 0;
  finding->settle = NULL;
  if (finding->evidence_count > 0) /* the RST itself is the first */
    snprintf(finding->summary, sizeof finding->summary,
             "A RST in the name of %s ended the connection, and %s never sent it: something "
             "between %c and %c did.",
             side_words(sender), side_words(sender), end_letter(view->end[sender]),
             end_letter(finding->evidence[0].end));
  judge_add_reason(finding,
                   went_on ? "That side went on with the connection after it."
                           : "The capture at that side's end dropped nothing, and was running.");
}
