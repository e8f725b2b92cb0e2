#include "analyzer/both_ends_internal.h"

#include "wire/seq.h"
#include "wire/timestamp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct news window_news = {"the window update", "window updates",
                                        "the window was open again"};

/* The way of the permission to send what S sent next. */
static void lay_window(struct judge *judge, uint8_t announced, uint8_t read)
{
  const struct situation *situation = judge->situation;
  const uint32_t bytes = situation->next_bytes > 0 ? situation->next_bytes : 1;
  uint32_t edge = situation->stream->snd_nxt + bytes;
  if (situation->segment != NULL && !situation->by_ack && situation->segment->new_data)
    edge = situation->segment->end;
  path_chain_window(&judge->chain, judge->view, judge->side, edge + judge->shift, announced, read,
                    judge->finding->start_ns, situation->end_ns);
  judge_find_owner(judge);
}

void judge_window(struct judge *judge)
{
  const struct situation *situation = judge->situation;
  struct finding *finding = judge->finding;
  uint8_t announced, read;
  bool known = true;
  if (!path_window_shifts(judge->view, judge->side, &announced, &read))
    announced = read = connection_shift(situation->connection, judge->side ^ 1, &known);
  if (!known)
    return;
  lay_window(judge, announced, read);
  if (!judge_owner_is_clear(judge))
    return;
  if (judge->owner == LOCATION_REVERSE_PATH) {
    const bool lost = judge->chain.ack != judge->chain.ack_arrived && judge->chain.acks_lost > 0;
    if (lost && judge_was_heard(judge, judge->side ^ 1, judge->chain.ack))
      return;
    judge_settle_on(judge, LOCATION_REVERSE_PATH, lost ? CAUSE_WINDOW_UPDATE_LOST : CAUSE_ACK_HOLD,
                    CONFIDENCE_LIKELY);
    judge_tell_reverse(judge, &window_news, lost);
  } else if (judge->owner == LOCATION_RECEIVER_TCP && at_receiver(finding->location)) {
    judge_keep_alternatives(finding, judge_keeps_owner, judge);
    if (finding->confidence < CONFIDENCE_LIKELY)
      finding->confidence = CONFIDENCE_LIKELY;
    if (judge->chain.ack != NULL)
      finding_add_evidence(finding, judge->far_end, judge->chain.ack->left_frame,
                           judge->chain.ack->left_ns, "the first larger window leaves %c",
                           end_letter(judge->far_end));
    judge_add_reason(finding,
                     "Not the path: the window was as small where the receiver announced it.");
  } else if (judge->owner == LOCATION_SENDER_TCP && finding->cause == CAUSE_WINDOW_UPDATE_LOST &&
             judge->chain.ack_arrived != NULL) {
    finding_add_evidence(finding, judge->near_end, judge->chain.ack_arrived->came_frame,
                         judge->chain.ack_arrived->came_ns, "the open window comes to %c",
                         end_letter(judge->near_end));
    judge_news_ignored(judge, CAUSE_WINDOW_UPDATE_IGNORED, CAUSE_WINDOW_UPDATE_LOST);
  }
}

bool is_about_window(enum cause cause)
{
  switch (cause) {
  case CAUSE_ZERO_WINDOW:
  case CAUSE_DEADLOCK:
  case CAUSE_SLOW_READER:
  case CAUSE_SILLY_WINDOW:
  case CAUSE_RCVBUF_LIMITED:
  case CAUSE_WINDOW_SHRINK:
  case CAUSE_WINDOW_SCALE_REWRITTEN:
  case CAUSE_WINDOW_SCALE_STRIPPED: return true;
  default: return false;
  }
}

/* A crawl: of R's packets that are remembered, most leave room for a whole segment as R means it.
 */
static bool was_open_as_meant(const struct judge *judge, uint8_t announced)
{
  const struct lane *reverse = &judge->view->lanes[judge->side ^ 1];
  uint32_t open = 0, count = 0;
  for (uint32_t n = reverse->first; n != reverse->next; n++) {
    const struct passage *passage = lane_passage(reverse, n);
    if ((passage->flags & (TCP_ACK | TCP_SYN | TCP_RST)) != TCP_ACK ||
        passage->left_ns < judge->finding->start_ns || passage->left_ns > judge->finding->end_ns)
      continue;
    count++;
    open += (uint64_t)passage->window << announced >= judge->segment_bytes;
  }
  return 2 * open >= count;
}

/* As R means it, and as far as it said so in packets that came to N, the window was open to a whole
 * segment for most of the wait. */
static bool is_open_as_meant(const struct judge *judge, uint8_t announced)
{
  const struct situation *situation = judge->situation;
  struct path_chain chain;
  if (situation == NULL)
    return was_open_as_meant(judge, announced);
  const uint32_t bytes = situation->next_bytes > 0 ? situation->next_bytes : 1;
  path_chain_window(&chain, judge->view, judge->side,
                    situation->stream->snd_nxt + bytes + judge->shift, announced, announced,
                    judge->finding->start_ns, situation->end_ns);
  return time_is_share(chain.sender_ns, situation->gap_ns, OWNER_PERCENT);
}

/* Both SYNs came as they left: the windows are as small as they look. */
static void deny_scale(struct judge *judge)
{
  struct finding *finding = judge->finding;
  if (finding->cause != CAUSE_WINDOW_SCALE_REWRITTEN &&
      finding->cause != CAUSE_WINDOW_SCALE_STRIPPED)
    return;
  verdict(finding, CAUSE_SILLY_WINDOW, LOCATION_RECEIVER_TCP, CONFIDENCE_LIKELY,
          CONFIDENCE_POSSIBLE);
  finding->alternative_count = 0;
  finding_add_alternative(finding, LOCATION_RECEIVER_APP, CAUSE_SLOW_READER,
                          "the receiving application may not have read");
  judge_add_reason(finding, "Not the window scale: both SYNs came as they had left.");
  snprintf(finding->summary, sizeof finding->summary,
           "The receiver announced too small a window for the next segment.");
}

static void tell_waits(struct finding *finding)
{
  const size_t used = strlen(finding->summary);
  char waited[32], span[32];
  snprintf(finding->summary + used, sizeof finding->summary - used, " It waited for %s of %s.",
           duration_words(finding->waited_ns, waited),
           duration_words(finding->end_ns - finding->start_ns, span));
}

/* The window that S reads is not the one that R means, which would have let it send. */
bool judge_scale(struct judge *judge)
{
  struct finding *finding = judge->finding;
  uint8_t announced, read;
  if (!is_about_window(finding->cause) ||
      !path_window_shifts(judge->view, judge->side, &announced, &read))
    return false;
  if (announced <= read)
    deny_scale(judge);
  if (announced <= read || !is_open_as_meant(judge, announced))
    return false;
  const struct path_changes *changes = &judge->view->lanes[judge->side ^ 1].changes;
  const bool stripped = (changes->changed & PATH_CHANGE_WSCALE_STRIPPED) != 0;
  const int bit = stripped ? 1 : 0; /* PATH_CHANGE_WSCALE, PATH_CHANGE_WSCALE_STRIPPED */
  judge->owner = LOCATION_REVERSE_PATH;
  const struct path_view *view = judge->view;
  const bool one = path_syn_is_one(&view->lanes[SIDE_CLIENT], view->drops[SIDE_CLIENT]) &&
                   path_syn_is_one(&view->lanes[SIDE_SERVER], view->drops[SIDE_SERVER]);
  const enum confidence confidence = view->sure && one ? CONFIDENCE_PROVEN : CONFIDENCE_LIKELY;
  verdict(finding, stripped ? CAUSE_WINDOW_SCALE_STRIPPED : CAUSE_WINDOW_SCALE_REWRITTEN,
          LOCATION_REVERSE_PATH, confidence, confidence);
  finding->alternative_count = 0; /* both SYNs were seen, before and after */
  finding->settle = NULL;
  finding_add_evidence(finding, judge->far_end, changes->first[bit].frame_before,
                       changes->first[bit].time_before_ns, "the receiver announces a shift of %u",
                       announced);
  finding_add_evidence(finding, judge->near_end, changes->first[bit].frame_after,
                       changes->first[bit].time_after_ns,
                       stripped ? "here the same SYN has no such option: a shift of %u"
                                : "here the same SYN has a shift of %u",
                       read);
  snprintf(finding->summary, sizeof finding->summary,
           "The sender reads the receiver's windows 1/%u as large as they are: the path %s the "
           "window scale.",
           1u << (announced - read), stripped ? "removed" : "rewrote");
  if (finding->kind == FINDING_CRAWL)
    tell_waits(finding);
  return true;
}
