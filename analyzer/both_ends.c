#include "analyzer/both_ends.h"

#include "analyzer/path_chain.h"
#include "wire/seq.h"
#include "wire/timestamp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The place that had the stream for at least so much of a wait owns it. */
#define OWNER_PERCENT 50
/* Times are compared only where they differ by so many times what the clocks may be wrong. */
#define UNCERTAINTY_TIMES 4
/* A capture that has seen something so much later was still running. */
#define ALIVE_MARGIN_NS (100 * NS_PER_MS)
#define FACT_BYTES      48

struct judge {
  const struct situation *situation;
  const struct path_view *view;
  struct finding *finding;
  struct path_chain chain;
  enum stream_side side;
  uint8_t near_end, far_end; /* on the data sender's side, on the receiver's */
  enum location owner;       /* RECEIVER_TCP stands for both of the receiver's */
  int64_t owner_ns;
};

static char end_letter(uint8_t end)
{
  return (char)('A' + end);
}

static bool at_receiver(enum location location)
{
  return location == LOCATION_RECEIVER_TCP || location == LOCATION_RECEIVER_APP;
}

static bool at_sender(enum location location)
{
  return location == LOCATION_SENDER_APP || location == LOCATION_SENDER_TCP ||
         location == LOCATION_SENDER_QUEUE;
}

static bool is_owners(const struct judge *judge, enum location location)
{
  switch (judge->owner) {
  case LOCATION_RECEIVER_TCP: return at_receiver(location);
  case LOCATION_SENDER_TCP: return at_sender(location);
  default: return location == judge->owner;
  }
}

/* "bytes 1449-2896 (seq 17)": relative to the ISN where that is known. */
static const char *range_words(const struct judge *judge, const struct passage *passage, char *text)
{
  const struct stream *stream = judge->situation->stream;
  const uint32_t shift = 0;
  if ((passage->flags & TCP_SYN) != 0)
    snprintf(text, FACT_BYTES, "the %s", (passage->flags & TCP_ACK) != 0 ? "SYN-ACK" : "SYN");
  else if (passage->end - passage->seq == 1 && (passage->flags & TCP_FIN) != 0)
    snprintf(text, FACT_BYTES, "the FIN");
  else if ((stream->flags & STREAM_SYN) != 0)
    snprintf(text, FACT_BYTES, "bytes %u to %u", passage->seq - stream->isn + shift,
             passage->end - stream->isn - 1 + shift);
  else
    snprintf(text, FACT_BYTES, "seq %u to %u", passage->seq, passage->end - 1);
  return text;
}

/* Takes away the alternatives that the ledger contradicts. */
static void keep_alternatives(struct finding *finding,
                              bool (*keep)(const struct judge *judge, enum location location),
                              const struct judge *judge)
{
  uint32_t kept = 0;
  for (uint32_t i = 0; i < finding->alternative_count; i++) {
    if (keep(judge, finding->not_excluded[i].location))
      finding->not_excluded[kept++] = finding->not_excluded[i];
  }
  finding->alternative_count = kept;
}

static void find_owner(struct judge *judge)
{
  const struct path_chain *chain = &judge->chain;
  judge->owner = LOCATION_FORWARD_PATH;
  judge->owner_ns = chain->forward_ns;
  if (chain->receiver_ns > judge->owner_ns) {
    judge->owner = LOCATION_RECEIVER_TCP;
    judge->owner_ns = chain->receiver_ns;
  }
  if (chain->reverse_ns > judge->owner_ns) {
    judge->owner = LOCATION_REVERSE_PATH;
    judge->owner_ns = chain->reverse_ns;
  }
  if (chain->sender_ns > judge->owner_ns) {
    judge->owner = LOCATION_SENDER_TCP;
    judge->owner_ns = chain->sender_ns;
  }
}

static bool owner_is_clear(const struct judge *judge)
{
  return !judge->chain.contradicted &&
         time_is_share(judge->owner_ns, judge->situation->gap_ns, OWNER_PERCENT);
}

/* Whether what was not seen at the far end is known not to have been there. */
static bool far_was_watching(const struct judge *judge)
{
  const struct path_chain *chain = &judge->chain;
  const enum stream_side far_side = judge->side ^ 1;
  if (judge->view->drops[far_side] ||
      (judge->owner == LOCATION_FORWARD_PATH && chain->unwatched > 0))
    return false;
  if (chain->lost == 0 || chain->arrived != NULL || chain->ack != NULL)
    return true;
  return judge->view->last_ns[far_side] > chain->lost_first->left_ns + ALIVE_MARGIN_NS;
}

static bool is_provable(const struct judge *judge)
{
  const struct path_view *view = judge->view;
  const struct path_chain *chain = &judge->chain;
  return view->sure && time_is_valid(view->uncertainty_ns) &&
         judge->owner_ns > UNCERTAINTY_TIMES * view->uncertainty_ns && chain->complete &&
         !chain->ambiguous && !chain->contradicted && !view->drops[judge->side] &&
         far_was_watching(judge);
}

/* Packets that left between the first loss and the last one, and what became of them. */
struct loss_pattern {
  uint32_t came, lost, largest_came, smallest_lost;
};

static void look_at_losses(const struct judge *judge, struct loss_pattern *pattern)
{
  const struct lane *lane = &judge->view->lanes[judge->side];
  *pattern = (struct loss_pattern){.smallest_lost = UINT32_MAX};
  for (uint32_t n = lane->first; n != lane->next; n++) {
    const struct passage *passage = lane_passage(lane, n);
    const uint32_t bytes = passage->end - passage->seq;
    if (passage->left_ns < judge->chain.lost_first->left_ns ||
        passage->left_ns > judge->chain.lost_last->left_ns)
      continue;
    if (time_is_valid(passage->came_ns)) {
      pattern->came++;
      if (bytes > pattern->largest_came)
        pattern->largest_came = bytes;
    } else if (passage_is_lost(lane, passage, judge->situation->end_ns)) {
      pattern->lost++;
      if (bytes < pattern->smallest_lost)
        pattern->smallest_lost = bytes;
    }
  }
}

static bool was_last(const struct judge *judge)
{
  const struct lane *lane = &judge->view->lanes[judge->side];
  for (uint32_t n = lane->first; n != lane->next; n++) {
    const struct passage *passage = lane_passage(lane, n);
    if (passage->seq != passage->end && passage->left_ns <= judge->chain.until_ns &&
        seq_gt(passage->end, judge->chain.lost_first->end))
      return false;
  }
  return true;
}

static enum cause cause_of_loss(const struct judge *judge)
{
  const struct path_chain *chain = &judge->chain;
  const enum cause told = judge->finding->cause;
  struct loss_pattern pattern;
  if (chain->damaged > 0)
    return CAUSE_CORRUPTED;
  if ((chain->lost_first->flags & TCP_SYN) != 0)
    return judge->side == SIDE_CLIENT ? CAUSE_SYN_LOSS : CAUSE_SYNACK_LOSS;
  if (cause_info(told)->location == LOCATION_FORWARD_PATH && told != CAUSE_PATH_HOLD &&
      told != CAUSE_SLOW_LINK && told != CAUSE_REORDERING && told != CAUSE_SYN_LOSS)
    return told;
  if (chain->lost == 1)
    return was_last(judge) ? CAUSE_TAIL_LOSS : CAUSE_SEGMENT_LOSS;
  look_at_losses(judge, &pattern);
  if (pattern.came == 0)
    return CAUSE_PATH_OUTAGE;
  if (pattern.largest_came > 0 && pattern.smallest_lost > pattern.largest_came)
    return CAUSE_PMTU_BLACKHOLE;
  return CAUSE_RTO_BACKOFF;
}

static bool keeps_owner(const struct judge *judge, enum location location)
{
  return is_owners(judge, location);
}

/* Causes that say no more than what the ledger has seen; others tell a pattern, or why. */
static bool is_seen_itself(enum cause cause)
{
  switch (cause) {
  case CAUSE_SEGMENT_LOSS:
  case CAUSE_TAIL_LOSS:
  case CAUSE_SYN_LOSS:
  case CAUSE_CORRUPTED:
  case CAUSE_PATH_HOLD:
  case CAUSE_ACK_LOSS:
  case CAUSE_ACK_HOLD:
  case CAUSE_SYNACK_LOSS:
  case CAUSE_WINDOW_UPDATE_LOST: return true;
  default: return false;
  }
}

/* The verdict moves to where the ledger puts it. */
static void settle_on(struct judge *judge, enum location location, enum cause cause,
                      enum confidence cause_confidence)
{
  struct finding *finding = judge->finding;
  const enum severity severity = finding->severity;
  const bool same = cause == finding->cause && location == finding->location;
  const bool provable = is_provable(judge);
  const enum confidence had = same ? finding->cause_confidence : CONFIDENCE_POSSIBLE;
  verdict(finding, cause, location, provable ? CONFIDENCE_PROVEN : CONFIDENCE_LIKELY,
          cause_confidence > had ? cause_confidence : had);
  if (same)
    finding->severity = severity;
  keep_alternatives(finding, keeps_owner, judge);
  if (provable && !at_receiver(location)) {
    finding->alternative_count = 0; /* what happened was seen, at both ends */
    finding->settle = NULL;
    if (is_seen_itself(cause))
      finding->cause_confidence = CONFIDENCE_PROVEN;
  }
}

/* Which hop of several: the last point that has seen a copy of the byte. */
static void tell_hop(struct judge *judge)
{
  const struct path_view *view = judge->view;
  const bool client = judge->side == SIDE_CLIENT;
  for (uint32_t i = 0; i < view->hop_count; i++) {
    const uint32_t hop = client ? i : view->hop_count - 1 - i;
    const struct lane *lane = &view->hop_lanes[judge->side][hop];
    const uint8_t from = view->hop_ends[client ? hop : hop + 1];
    const uint8_t to = view->hop_ends[client ? hop + 1 : hop];
    struct path_view one = *view;
    one.lanes[judge->side] = *lane;
    struct path_chain chain;
    path_chain_lay(&chain, &one, judge->side, judge->chain.byte, judge->chain.from_ns,
                   judge->chain.until_ns);
    if (chain.first == NULL || !time_is_share(chain.forward_ns, judge->owner_ns, OWNER_PERCENT))
      continue;
    finding_add_evidence(judge->finding, from, chain.first->left_frame, chain.first->left_ns,
                         "it passed %c and %s %c: the hop between them", end_letter(from),
                         chain.lost > 0 ? "did not reach" : "came late to", end_letter(to));
    return;
  }
}

static void tell_loss(struct judge *judge)
{
  struct finding *finding = judge->finding;
  const struct path_chain *chain = &judge->chain;
  char range[FACT_BYTES], waited[32], copies[FACT_BYTES];
  const bool damaged = chain->damaged > 0;
  range_words(judge, chain->lost_first, range);
  finding_add_evidence(finding, judge->near_end, chain->lost_first->left_frame,
                       chain->lost_first->left_ns, "%s: left %c, and %s %c", range,
                       end_letter(judge->near_end), damaged ? "came damaged to" : "never came to",
                       end_letter(judge->far_end));
  if (chain->arrived != NULL)
    finding_add_evidence(finding, judge->far_end, chain->arrived->came_frame, chain->arrived_ns,
                         chain->arrived->left_ns < chain->lost_first->left_ns
                             ? "an earlier copy had come (left %c in frame %llu), but its ACK did "
                               "not get back"
                             : "the first whole copy here is the one that left %c in frame %llu",
                         end_letter(judge->near_end),
                         (unsigned long long)chain->arrived->left_frame);
  tell_hop(judge);
  if (chain->lost > 1)
    snprintf(copies, sizeof copies, "%u copies of them", chain->lost);
  else
    snprintf(copies, sizeof copies, "%s", chain->arrived != NULL ? "the first copy" : "them");
  snprintf(finding->summary, sizeof finding->summary,
           "The path from %c to %c %s %s: %s left %c and %s, for %s.", end_letter(judge->near_end),
           end_letter(judge->far_end), damaged ? "damaged" : "lost", range, copies,
           end_letter(judge->near_end), damaged ? "came with a bad checksum" : "did not come",
           duration_words(judge->owner_ns, waited));
}

static void tell_hold(struct judge *judge)
{
  struct finding *finding = judge->finding;
  const struct passage *held = judge->chain.slowest;
  char range[FACT_BYTES], delay[32], least[32];
  const struct lane_stats *stats = &judge->view->lanes[judge->side].stats;
  finding_add_evidence(finding, judge->near_end, held->left_frame, held->left_ns, "%s: left %c",
                       range_words(judge, held, range), end_letter(judge->near_end));
  finding_add_evidence(finding, judge->far_end, held->came_frame, held->came_ns,
                       "came to %c %s later; the fastest packet took %s",
                       end_letter(judge->far_end),
                       duration_words(held->came_ns - held->left_ns, delay),
                       duration_words(stats->delay_min_ns, least));
  tell_hop(judge);
  snprintf(finding->summary, sizeof finding->summary,
           "The path from %c to %c had %s under way for %s; nothing of it was lost.",
           end_letter(judge->near_end), end_letter(judge->far_end), range, delay);
}

/* While the byte was under way others came: a queue that drains, not one that stands still. */
static bool came_meanwhile(const struct judge *judge)
{
  const struct lane *lane = &judge->view->lanes[judge->side];
  uint32_t came = 0;
  for (uint32_t n = lane->first; n != lane->next; n++) {
    const struct passage *passage = lane_passage(lane, n);
    came += time_is_valid(passage->came_ns) && passage->came_ns > judge->chain.from_ns &&
            passage->came_ns < judge->chain.slowest->came_ns && passage->seq != passage->end;
  }
  return came >= 3;
}

static void judge_forward(struct judge *judge)
{
  const struct path_chain *chain = &judge->chain;
  if (judge->finding->cause == CAUSE_EXCESSIVE_RTO) {
    if (chain->lost_first != NULL)
      tell_loss(judge);
    return;
  }
  const bool lost = chain->lost > 0 && 2 * chain->lost_ns > chain->forward_ns;
  if (lost) {
    settle_on(judge, LOCATION_FORWARD_PATH, cause_of_loss(judge), CONFIDENCE_LIKELY);
    tell_loss(judge);
  } else if (chain->slowest != NULL) {
    settle_on(judge, LOCATION_FORWARD_PATH,
              came_meanwhile(judge) ? CAUSE_SLOW_LINK : CAUSE_PATH_HOLD, CONFIDENCE_LIKELY);
    tell_hold(judge);
  }
}

static const struct finding *receivers_own(const struct judge *judge)
{
  const struct finding *told = judge->view->last_told[judge->side];
  if (told == NULL || !at_receiver(told->location))
    return NULL;
  const struct situation *situation = judge->situation;
  const int64_t from_ns =
      told->start_ns > situation->start_ns ? told->start_ns : situation->start_ns;
  const int64_t until_ns = told->end_ns < situation->end_ns ? told->end_ns : situation->end_ns;
  return time_is_share(until_ns - from_ns, judge->owner_ns, OWNER_PERCENT) ? told : NULL;
}

static void adopt(struct judge *judge, const struct finding *told)
{
  struct finding *finding = judge->finding;
  settle_on(judge, told->location, told->cause, told->cause_confidence);
  finding->severity = told->severity;
  if (told->confidence < CONFIDENCE_LIKELY && finding->cause_confidence > told->confidence)
    finding->cause_confidence = told->confidence;
  for (uint32_t i = 0; i < told->evidence_count && i < EVIDENCE_MAX / 2; i++)
    finding_add_evidence(finding, told->evidence[i].end, told->evidence[i].frame,
                         told->evidence[i].time_ns, "%s", told->evidence[i].fact);
  for (uint32_t i = 0; i < told->alternative_count; i++) {
    const struct alternative *other = &told->not_excluded[i];
    if (at_receiver(other->location))
      finding_add_alternative(finding, other->location, other->cause, "%s", other->why);
  }
  snprintf(finding->summary, sizeof finding->summary, "%s", told->summary);
}

/* The receiver's capture point may stand before its host. */
static void limit_to_host(struct judge *judge)
{
  struct finding *finding = judge->finding;
  const struct analyzer *analyzer = judge->situation->analyzer;
  const uint8_t end = judge->far_end;
  if (analyzer->paths.declared != NULL && analyzer->paths.declared(analyzer->paths.context, end))
    return;
  if (finding->confidence == CONFIDENCE_PROVEN)
    finding->confidence = CONFIDENCE_LIKELY;
  finding_add_alternative(
      finding, LOCATION_FORWARD_PATH, CAUSE_UNKNOWN,
      "the way behind %c, if %c is not on the receiving host (--at declares it)", end_letter(end),
      end_letter(end));
}

static void tell_receiver(struct judge *judge)
{
  struct finding *finding = judge->finding;
  const struct path_chain *chain = &judge->chain;
  char range[FACT_BYTES], took[32];
  duration_words(chain->receiver_ns, took);
  finding_add_evidence(finding, judge->far_end, chain->arrived->came_frame, chain->arrived_ns,
                       "%s: came to %c, undamaged", range_words(judge, chain->arrived, range),
                       end_letter(judge->far_end));
  if (chain->ack != NULL)
    finding_add_evidence(finding, judge->far_end, chain->ack->left_frame, chain->ack->left_ns,
                         "the first ACK of them leaves %c, %s later", end_letter(judge->far_end),
                         took);
}

static void judge_receiver(struct judge *judge)
{
  struct finding *finding = judge->finding;
  const struct path_chain *chain = &judge->chain;
  const struct finding *told = receivers_own(judge);
  char range[FACT_BYTES], took[32];
  if (chain->arrived == NULL)
    return;
  if (told != NULL && !at_receiver(finding->location)) {
    adopt(judge, told);
  } else if (at_receiver(finding->location)) {
    settle_on(judge, finding->location, finding->cause, CONFIDENCE_POSSIBLE);
  } else {
    const bool syn = (chain->arrived->flags & TCP_SYN) != 0;
    settle_on(judge, syn ? LOCATION_RECEIVER_APP : LOCATION_RECEIVER_TCP,
              syn                  ? CAUSE_LISTEN_OVERFLOW
              : chain->ack != NULL ? CAUSE_UNKNOWN
                                   : CAUSE_LOCAL_DROP_INPUT,
              CONFIDENCE_POSSIBLE);
    range_words(judge, chain->arrived, range);
    duration_words(chain->receiver_ns, took);
    snprintf(finding->summary, sizeof finding->summary,
             chain->ack != NULL
                 ? "%s came to %c on time, and the receiver took %s to answer."
                 : "%s came to %c on time, and the receiver has not answered for %s.",
             range, end_letter(judge->far_end), took);
    if (range[0] >= 'a' && range[0] <= 'z')
      finding->summary[0] = (char)(finding->summary[0] - 'a' + 'A');
  }
  tell_receiver(judge);
  /* A zero window leaves application and TCP; DESIGN's limit of `proven`. */
  if (finding->confidence == CONFIDENCE_PROVEN &&
      (finding->location == LOCATION_RECEIVER_APP || finding->alternative_count > 0))
    finding->confidence = CONFIDENCE_LIKELY;
  limit_to_host(judge);
}

static enum cause cause_of_answer(const struct judge *judge, bool lost)
{
  const struct finding *finding = judge->finding;
  if ((judge->chain.ack->flags & TCP_SYN) != 0)
    return lost ? CAUSE_SYNACK_LOSS : CAUSE_ACK_HOLD;
  if (finding->location == LOCATION_REVERSE_PATH &&
      (finding->cause == CAUSE_WINDOW_UPDATE_LOST || finding->cause == CAUSE_SACK_NOT_TRANSLATED))
    return finding->cause;
  return lost ? CAUSE_ACK_LOSS : CAUSE_ACK_HOLD;
}

static void tell_reverse(struct judge *judge, const char *what, bool lost)
{
  struct finding *finding = judge->finding;
  const struct path_chain *chain = &judge->chain;
  char waited[32], delay[32], count[FACT_BYTES];
  finding_add_evidence(finding, judge->far_end, chain->ack->left_frame, chain->ack->left_ns,
                       lost ? "the first %s leaves %c and never comes to %c"
                            : "the first %s leaves %c for %c",
                       what, end_letter(judge->far_end), end_letter(judge->near_end));
  if (chain->ack_arrived != NULL)
    finding_add_evidence(
        finding, judge->near_end, chain->ack_arrived->came_frame, chain->ack_arrived->came_ns,
        "the first %s that comes to %c, %s after it left", what, end_letter(judge->near_end),
        duration_words(passage_delay_ns(chain->ack_arrived), delay));
  duration_words(judge->owner_ns, waited);
  if (lost)
    snprintf(finding->summary, sizeof finding->summary,
             "The path back from %c to %c lost %s of the %s%s: the sender did not learn it for %s.",
             end_letter(judge->far_end), end_letter(judge->near_end),
             count_words(chain->acks_lost > 0 ? chain->acks_lost : 1, "copy", "copies", count),
             what, chain->acks > chain->acks_lost ? ", as that end sent it" : "", waited);
  else
    snprintf(finding->summary, sizeof finding->summary,
             "The %s left %c on time and came to %c %s later: the path back held it.", what,
             end_letter(judge->far_end), end_letter(judge->near_end), waited);
}

static void judge_reverse(struct judge *judge)
{
  const struct path_chain *chain = &judge->chain;
  if (chain->ack == NULL)
    return;
  const bool lost = chain->ack != chain->ack_arrived && chain->acks_lost > 0;
  const char *what = (chain->ack->flags & TCP_SYN) != 0 ? "SYN-ACK" : "ACK";
  settle_on(judge, LOCATION_REVERSE_PATH, cause_of_answer(judge, lost), CONFIDENCE_LIKELY);
  tell_reverse(judge, what, lost);
}

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

static bool keeps_sender(const struct judge *judge, enum location location)
{
  (void)judge;
  return at_sender(location);
}

static void add_reason(struct finding *finding, const char *text)
{
  const size_t used = strlen(finding->reason);
  snprintf(finding->reason + used, sizeof finding->reason - used, "%s%s", used > 0 ? " " : "",
           text);
}

/* Everything was acknowledged, at this end, when the wait began: nobody but S can act. */
static void judge_acknowledged(struct judge *judge)
{
  struct finding *finding = judge->finding;
  const struct situation *situation = judge->situation;
  const struct path_view *view = judge->view;
  struct path_chain *chain = &judge->chain;
  char text[400], left[32], back[32];
  path_chain_lay(chain, view, judge->side, situation->stream->snd_nxt - 1,
                 situation->start_ns - NS_PER_S, situation->start_ns);
  keep_alternatives(finding, keeps_sender, judge);
  if (chain->arrived == NULL || chain->ack == NULL || chain->ack_arrived == NULL ||
      chain->contradicted)
    return;
  finding_add_evidence(finding, judge->far_end, chain->ack->left_frame, chain->ack->left_ns,
                       "%c acknowledges everything that had left %c", end_letter(judge->far_end),
                       end_letter(judge->near_end));
  snprintf(text, sizeof text,
           "Not the path, not the receiver: the last byte sent had come to %c, its ACK left there "
           "%s later and was back at %c after another %s, before the wait began; during the wait "
           "nothing was under way in either direction.",
           end_letter(judge->far_end),
           duration_words(chain->ack->left_ns - chain->arrived_ns, left),
           end_letter(judge->near_end), duration_words(passage_delay_ns(chain->ack_arrived), back));
  add_reason(finding, text);
}

static void judge_window(struct judge *judge)
{
  const struct situation *situation = judge->situation;
  struct finding *finding = judge->finding;
  const struct stream *stream = situation->stream;
  uint8_t announced, read;
  bool known;
  if (!path_window_shifts(judge->view, judge->side, &announced, &read))
    announced = read = connection_shift(situation->connection, judge->side ^ 1, &known);
  const uint32_t bytes = situation->next_bytes > 0 ? situation->next_bytes : 1;
  uint32_t edge = stream->snd_nxt + bytes;
  if (situation->segment != NULL && !situation->by_ack && situation->segment->new_data)
    edge = situation->segment->end;
  path_chain_window(&judge->chain, judge->view, judge->side, edge, announced, read,
                    finding->start_ns, situation->end_ns);
  find_owner(judge);
  if (!owner_is_clear(judge))
    return;
  if (judge->owner == LOCATION_REVERSE_PATH) {
    const bool lost = judge->chain.ack != judge->chain.ack_arrived && judge->chain.acks_lost > 0;
    settle_on(judge, LOCATION_REVERSE_PATH, lost ? CAUSE_WINDOW_UPDATE_LOST : CAUSE_ACK_HOLD,
              CONFIDENCE_LIKELY);
    tell_reverse(judge, "window update", lost);
  } else if (judge->owner == LOCATION_RECEIVER_TCP && at_receiver(finding->location)) {
    keep_alternatives(finding, keeps_owner, judge);
    if (finding->confidence < CONFIDENCE_LIKELY)
      finding->confidence = CONFIDENCE_LIKELY;
    if (judge->chain.ack != NULL)
      finding_add_evidence(finding, judge->far_end, judge->chain.ack->left_frame,
                           judge->chain.ack->left_ns, "the first larger window leaves %c",
                           end_letter(judge->far_end));
    add_reason(finding, "Not the path: the window was as small where the receiver announced it.");
  }
}

static bool is_about_window(enum cause cause)
{
  switch (cause) {
  case CAUSE_ZERO_WINDOW:
  case CAUSE_SLOW_READER:
  case CAUSE_SILLY_WINDOW:
  case CAUSE_RCVBUF_LIMITED:
  case CAUSE_WINDOW_SHRINK:
  case CAUSE_WINDOW_SCALE_REWRITTEN:
  case CAUSE_WINDOW_SCALE_STRIPPED: return true;
  default: return false;
  }
}

/* The window that S reads is not the one that R means: that is the cause of every wait for it. */
static bool judge_scale(struct judge *judge)
{
  struct finding *finding = judge->finding;
  uint8_t announced, read;
  if (!is_about_window(finding->cause) ||
      !path_window_shifts(judge->view, judge->side, &announced, &read) || announced <= read)
    return false;
  const struct path_changes *changes = &judge->view->lanes[judge->side ^ 1].changes;
  const bool stripped = (changes->changed & PATH_CHANGE_WSCALE_STRIPPED) != 0;
  const int bit = stripped ? 1 : 0; /* PATH_CHANGE_WSCALE, PATH_CHANGE_WSCALE_STRIPPED */
  judge->owner = LOCATION_REVERSE_PATH;
  judge->owner_ns = judge->situation->gap_ns;
  judge->chain = (struct path_chain){.complete = true};
  settle_on(judge, LOCATION_REVERSE_PATH,
            stripped ? CAUSE_WINDOW_SCALE_STRIPPED : CAUSE_WINDOW_SCALE_REWRITTEN,
            CONFIDENCE_PROVEN);
  finding_add_evidence(finding, judge->far_end, changes->first[bit].frame_before,
                       changes->first[bit].time_before_ns, "the receiver announces a shift of %u",
                       announced);
  finding_add_evidence(finding, judge->near_end, changes->first[bit].frame_after,
                       changes->first[bit].time_after_ns, "here it reads %s",
                       stripped ? "no such option" : "another one");
  snprintf(finding->summary, sizeof finding->summary,
           "The sender reads the receiver's windows 1/%u as large as they are: the path %s the "
           "window scale.",
           1u << (announced - read), stripped ? "removed" : "rewrote");
  return true;
}

static bool window_stops(const struct situation *situation, const struct finding *finding)
{
  return is_about_window(finding->cause) || finding->cause == CAUSE_WINDOW_UPDATE_LOST ||
         ((situation->stream->flags & STREAM_WINDOW) != 0 &&
          situation->window_left < situation->next_bytes);
}

static void judge_outstanding(struct judge *judge)
{
  const struct situation *situation = judge->situation;
  struct finding *finding = judge->finding;
  path_chain_lay(&judge->chain, judge->view, judge->side, situation->stream->snd_una,
                 situation->start_ns, situation->end_ns);
  find_owner(judge);
  if (!owner_is_clear(judge) || is_senders_own(finding->cause))
    return;
  /* S could have gone on, and did in the end, without an ACK: what it waited for is its own. */
  if (at_sender(finding->location) && !situation->by_ack && situation->segment != NULL)
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
  const uint32_t una = situation->stream->snd_una;
  path_stages(&judge->finding->stages, judge->view, judge->side, una, situation->end_ns - 1);
  if (judge_scale(judge))
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
  path_chain_lay(&judge->chain, judge->view, judge->side, situation->stream->snd_nxt,
                 situation->start_ns, situation->end_ns);
  judge->chain.receiver_ns = judge->chain.reverse_ns = 0;
  find_owner(judge);
  if (owner_is_clear(judge) && judge->owner == LOCATION_FORWARD_PATH)
    judge_forward(judge);
  else if (owner_is_clear(judge) && judge->owner == LOCATION_SENDER_TCP)
    keep_alternatives(finding, keeps_sender, judge);
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

void both_ends_judge(const struct situation *situation, struct finding *finding)
{
  const struct path_source *paths = &situation->analyzer->paths;
  const uint8_t end = situation->connection->end;
  if (paths->view == NULL)
    return;
  struct path_view *view = paths->view(paths->context, end, situation->connection->id);
  if (view == NULL || finding->location == LOCATION_NONE)
    return;
  struct judge judge = {.situation = situation,
                        .view = view,
                        .finding = finding,
                        .side = situation->side,
                        .near_end = view->end[situation->side],
                        .far_end = view->end[situation->side ^ 1]};
  if (end == judge.near_end)
    judge_near(&judge);
  else if (end == judge.far_end)
    judge_far(&judge);
  if (end == judge.far_end)
    remember(view, situation->side, finding);
}

enum reset_origin both_ends_reset_origin(const struct path_view *view, uint8_t end,
                                         enum stream_side sender, const struct packet *packet)
{
  if (view == NULL || !view->sure || view->drops[sender])
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
  const bool gaps = lane->stats.uncaptured > 1;
  return lane->stats.left > 0 && !gaps ? RESET_FORGED : RESET_UNKNOWN;
}
