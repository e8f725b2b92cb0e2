#include "replay/plan_parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* What the path did, as rules of the scenario language. With one end alone, what it did is guessed
 * from what the hosts made of it: data that were sent again are taken for lost. */

/* A packet that takes that much longer than the fastest one was held; with less it queued. */
#define HOLD_MIN_NS (50 * NS_PER_MS)
/* What was held leaves in one burst: within so much, and that share of the hold. */
#define BURST_NS    (15 * NS_PER_MS)
#define BURST_SHARE 0.1
/* Losses of more different segments than that in one go are an outage. */
#define OUTAGE_SEGMENTS 4
#define OUTAGE_MIN_NS   (100 * NS_PER_MS)
/* Two SYN-ACKs that are that close belong together. */
#define SYNACK_CLOCKS_NS (300 * NS_PER_MS)
/* A mark may open a rule so much too early, where nothing is said of the time. */
#define MARK_EARLY_NS (2 * NS_PER_MS)
#define EARLY_MAX_NS  (200 * NS_PER_MS)
/* What left so shortly before the end of a capture may have arrived after the end of the other. */
#define END_NS NS_PER_S
/* Delays below that are those of the hosts. */
#define DELAY_MIN_NS (300 * NS_PER_US)
/* The path lies at the sender's end: what left is there at once. */

struct extracting {
  struct plan *plan;
  const struct plan_flow *flow;
  const struct recorded_finding *target;
  enum recording_side from; /* whose packets are looked at */
  const struct flow_passages *passages;
  const char *direction;
};

static const char *host_name(const struct plan *plan, enum recording_side side)
{
  return plan_host_of(plan, side) == PLAN_A ? "A" : "B";
}

/* ---- moments ---- */

/* The latest byte that passed for the first time at or before time_ns. */
static const struct passage *last_fresh(const struct flow_passages *passages, int64_t time_ns)
{
  const struct passage *best = NULL;
  for (size_t i = 0; i < passages->count; i++) {
    const struct passage *passage = &passages->passages[i];
    if (passage_left_ns(passage) > time_ns)
      break;
    if (passage->sent != NULL && passage->fresh && passage->end > passage->first)
      best = passage;
  }
  return best;
}

void plan_mark(const struct plan *plan, const struct plan_flow *flow, int64_t time_ns, char *text,
               size_t size)
{
  const struct passage *best = NULL;
  enum recording_side from = RECORDING_CLIENT;
  for (int side = 0; side < RECORDING_SIDES; side++) {
    const struct passage *passage = last_fresh(&flow->sides[side], time_ns);
    if (passage != NULL && (best == NULL || passage->sent_ns > best->sent_ns)) {
      best = passage;
      from = (enum recording_side)side;
    }
  }
  if (best == NULL) {
    snprintf(text, size, "syn:%" PRId64 "us", (time_ns - flow->origin_ns) / NS_PER_US);
    return;
  }
  const int64_t after_ns = time_ns - best->sent_ns;
  const int length =
      snprintf(text, size, "byte:%s:%" PRId64, plan_direction(plan, from), best->first);
  if (after_ns >= MARK_EARLY_NS && length > 0 && (size_t)length < size)
    snprintf(text + length, size - (size_t)length, ":%" PRId64 "us", after_ns / NS_PER_US);
}

/* ---- what is known to be lost ---- */

static int64_t last_ns(const struct flow_passages *passages)
{
  return passages->count > 0 ? passage_left_ns(&passages->passages[passages->count - 1]) : 0;
}

/* Left, and did not arrive, and that is not because the other capture began later or ended. */
static bool is_lost(const struct extracting *ex, size_t index)
{
  const struct passage *passage = &ex->passages->passages[index];
  if (passage->sent == NULL || passage->arrived != NULL)
    return false;
  bool before = ex->flow->recording->whole, behind = false;
  for (size_t i = 0; i < index && !before; i++)
    before = ex->passages->passages[i].arrived != NULL && ex->passages->passages[i].sent != NULL;
  for (size_t i = index + 1; i < ex->passages->count && !behind; i++)
    behind = ex->passages->passages[i].arrived != NULL;
  return before && (behind || last_ns(ex->passages) - passage->sent_ns > END_NS);
}

/* ---- losses ---- */

/* Losses that follow each other, with nothing arriving in between. */
struct loss_run {
  size_t first, last; /* indices */
  uint32_t segments;  /* different ones with data */
  uint32_t data, others;
  int64_t first_byte, end_byte;
};

static bool find_run(const struct extracting *ex, size_t from, struct loss_run *run)
{
  size_t i = from;
  while (i < ex->passages->count && !is_lost(ex, i))
    i++;
  if (i == ex->passages->count)
    return false;
  *run = (struct loss_run){.first = i, .last = i, .first_byte = INT64_MAX};
  for (; i < ex->passages->count; i++) {
    const struct passage *passage = &ex->passages->passages[i];
    if (!is_lost(ex, i)) {
      if (passage->arrived != NULL)
        break;
      continue;
    }
    run->last = i;
    if (passage->end == passage->first) {
      run->others++;
      continue;
    }
    run->data++;
    if (passage->first < run->first_byte || passage->end > run->end_byte)
      run->segments++;
    run->first_byte = passage->first < run->first_byte ? passage->first : run->first_byte;
    run->end_byte = passage->end > run->end_byte ? passage->end : run->end_byte;
  }
  return true;
}

/* When an outage that began with the first of the run was over: half way to what passed next. */
static int64_t run_over_ns(const struct extracting *ex, const struct loss_run *run)
{
  const int64_t last_lost_ns = ex->passages->passages[run->last].sent_ns;
  for (size_t i = run->last + 1; i < ex->passages->count; i++)
    if (ex->passages->passages[i].arrived != NULL && ex->passages->passages[i].sent != NULL)
      return last_lost_ns + (ex->passages->passages[i].sent_ns - last_lost_ns) / 2;
  return TIME_INVALID;
}

static uint32_t add_rule(const struct extracting *ex, int64_t from_ns, int64_t to_ns)
{
  return plan_add_condition(ex->plan, CONDITION_RULE, plan_host_of(ex->plan, ex->from), from_ns,
                            to_ns);
}

/* How much earlier than with this packet a rule may begin, and treat no other one: half way to the
 * one before it, so that neither live packet depends on a millisecond. */
static int64_t early_ns(const struct extracting *ex, size_t index)
{
  int64_t gap_ns = EARLY_MAX_NS * 2;
  for (size_t i = index; i-- > 0;)
    if (time_is_valid(ex->passages->passages[i].sent_ns)) {
      gap_ns = ex->passages->passages[index].sent_ns - ex->passages->passages[i].sent_ns;
      break;
    }
  return gap_ns / 2 < EARLY_MAX_NS ? gap_ns / 2 : EARLY_MAX_NS;
}

static void add_outage(const struct extracting *ex, const struct loss_run *run)
{
  const struct passage *first = &ex->passages->passages[run->first];
  const int64_t over_ns = run_over_ns(ex, run);
  const uint32_t condition =
      add_rule(ex, first->sent_ns, time_is_valid(over_ns) ? over_ns : INT64_MAX);
  char mark[96], text[SCENARIO_LINE_MAX];
  int64_t early = 0;
  if (first->fresh && first->end > first->first) {
    snprintf(mark, sizeof mark, "byte:%s:%" PRId64, ex->direction, first->first);
  } else {
    early = early_ns(ex, run->first);
    plan_mark(ex->plan, ex->flow, first->sent_ns - early, mark, sizeof mark);
  }
  int length = snprintf(text, sizeof text, "%s drop from=%s", ex->direction, mark);
  if (time_is_valid(over_ns))
    length += snprintf(text + length, sizeof text - (size_t)length, " for=%" PRId64 "us",
                       (over_ns - first->sent_ns + early) / NS_PER_US);
  snprintf(text + length, sizeof text - (size_t)length, " log=first");
  plan_condition_text(ex->plan, condition, "%s", text);
  plan_condition_why(ex->plan, condition, "%u packets in a row left %s and did not arrive",
                     run->data + run->others, host_name(ex->plan, ex->from));
}

/* The rule for the transmissions before this one, of the same bytes, where there is one. */
static uint32_t earlier_rule(const struct extracting *ex, const struct passage *passage)
{
  char start[96];
  const int length =
      snprintf(start, sizeof start, "%s drop bytes=%" PRId64 "..%" PRId64 " copies=", ex->direction,
               passage->first, passage->end - 1);
  for (uint32_t i = 0; i < ex->plan->condition_count; i++) {
    const struct plan_condition *condition = &ex->plan->conditions[i];
    if (condition->kind == CONDITION_RULE && condition->last_copy + 1 == passage->copy &&
        strncmp(condition->text, start, (size_t)length) == 0)
      return i;
  }
  return PLAN_NO_CONDITION;
}

/* Of each segment of the run by itself: which of its transmissions were lost. */
static void add_segment_losses(const struct extracting *ex, const struct loss_run *run)
{
  for (size_t i = run->first; i <= run->last; i++) {
    const struct passage *passage = &ex->passages->passages[i];
    uint32_t last_copy = passage->copy;
    bool told = false;
    if (!is_lost(ex, i) || passage->end == passage->first)
      continue;
    for (size_t k = run->first; k < i; k++)
      told = told || (is_lost(ex, k) && ex->passages->passages[k].first <= passage->first &&
                      ex->passages->passages[k].end > passage->first);
    if (told)
      continue;
    int64_t last_sent_ns = passage->sent_ns;
    for (size_t k = i + 1; k <= run->last; k++)
      if (is_lost(ex, k) && ex->passages->passages[k].first <= passage->first &&
          ex->passages->passages[k].end > passage->first) {
        last_copy = ex->passages->passages[k].copy;
        last_sent_ns = ex->passages->passages[k].sent_ns;
      }
    uint32_t condition = earlier_rule(ex, passage), first_copy = passage->copy;
    if (condition == PLAN_NO_CONDITION) {
      condition = add_rule(ex, passage->sent_ns, last_sent_ns);
    } else {
      first_copy = ex->plan->conditions[condition].first_copy;
      ex->plan->conditions[condition].to_ns = last_sent_ns;
    }
    if (condition != PLAN_NO_CONDITION) {
      ex->plan->conditions[condition].first_copy = first_copy;
      ex->plan->conditions[condition].last_copy = last_copy;
    }
    plan_condition_text(ex->plan, condition, "%s drop bytes=%" PRId64 "..%" PRId64 " copies=%u..%u",
                        ex->direction, passage->first, passage->end - 1, first_copy, last_copy);
    plan_condition_why(ex->plan, condition,
                       "%u transmission%s of these bytes left %s and did not "
                       "arrive",
                       last_copy - first_copy + 1, last_copy > first_copy ? "s" : "",
                       host_name(ex->plan, ex->from));
  }
}

/* When the first SYN-ACK arrived that did; TIME_INVALID: none. */
static int64_t first_arrived_ns(const struct extracting *ex, size_t from)
{
  for (size_t i = from; i < ex->passages->count; i++)
    if (ex->passages->passages[i].arrived != NULL &&
        ex->passages->passages[i].arrived->flags & TCP_SYN)
      return ex->passages->passages[i].arrived_ns;
  return TIME_INVALID;
}

/* SYN-ACKs leave by two clocks, this host's own and the other one's, whose SYN comes again: which
 * of two that leave at about the same time is the first is chance, and does not matter. */
static void add_handshake_losses(const struct extracting *ex, const struct loss_run *run)
{
  const struct passage *first = &ex->passages->passages[run->first];
  const bool answer = (first->sent->flags & TCP_ACK) != 0;
  const uint32_t condition =
      add_rule(ex, first->sent_ns, ex->passages->passages[run->last].sent_ns);
  const int64_t arrived_ns = first_arrived_ns(ex, run->last);
  const int64_t lost_ns =
      time_is_valid(arrived_ns) ? arrived_ns - ex->flow->origin_ns - SYNACK_CLOCKS_NS : 0;
  if (answer && lost_ns > 0)
    plan_condition_text(ex->plan, condition, "%s drop kind=synack from=syn for=%" PRId64 "us",
                        ex->direction, lost_ns / NS_PER_US);
  else
    plan_condition_text(ex->plan, condition, "%s drop kind=%s count=%u", ex->direction,
                        answer ? "synack" : "syn", run->others);
  plan_condition_why(ex->plan, condition, "%u of them left %s and did not arrive", run->others,
                     host_name(ex->plan, ex->from));
}

/* Only full-sized segments are lost, and smaller ones pass: the next link is too narrow. */
static bool add_black_hole(const struct extracting *ex, const struct loss_run *run)
{
  uint32_t smallest_lost = UINT32_MAX, largest_passed = 0;
  const char *cause = ex->target != NULL ? ex->target->cause : "";
  if (strcmp(cause, "pmtu-blackhole") != 0)
    return false;
  for (size_t i = run->first; i < ex->passages->count; i++) {
    const struct passage *passage = &ex->passages->passages[i];
    if (passage->sent == NULL || passage->end == passage->first)
      continue;
    const uint32_t bytes = passage->sent->frame_bytes - 14; /* without its Ethernet header */
    if (is_lost(ex, i))
      smallest_lost = bytes < smallest_lost ? bytes : smallest_lost;
    else if (passage->arrived != NULL)
      largest_passed = bytes > largest_passed ? bytes : largest_passed;
  }
  if (run->data < 2 || smallest_lost <= largest_passed)
    return false;
  const uint32_t mtu = largest_passed >= 576 ? largest_passed : smallest_lost - 1;
  const uint32_t condition = add_rule(ex, ex->passages->passages[run->first].sent_ns, INT64_MAX);
  plan_condition_text(ex->plan, condition, "%s too-big %u silent from=byte:%s:%" PRId64,
                      ex->direction, mtu, ex->direction, run->first_byte);
  plan_condition_why(ex->plan, condition,
                     "packets of %u bytes and more did not arrive, smaller ones did",
                     smallest_lost);
  return true;
}

static void find_losses(const struct extracting *ex)
{
  struct loss_run run;
  for (size_t at = 0; find_run(ex, at, &run); at = run.last + 1) {
    const struct passage *first = &ex->passages->passages[run.first];
    const int64_t lasted_ns = ex->passages->passages[run.last].sent_ns - first->sent_ns;
    if (first->sent->flags & TCP_SYN)
      add_handshake_losses(ex, &run);
    else if (run.data > 0 && add_black_hole(ex, &run))
      return;
    else if (run.data == 0 || run.segments > OUTAGE_SEGMENTS ||
             (run.others > 0 && lasted_ns >= OUTAGE_MIN_NS))
      add_outage(ex, &run);
    else
      add_segment_losses(ex, &run);
  }
}

/* ---- holds ---- */

/* More than the fastest one. */
static int64_t extra_ns(const struct extracting *ex, const struct passage *passage)
{
  if (passage->sent == NULL || passage->arrived == NULL)
    return 0;
  return passage->arrived_ns - passage->sent_ns - ex->passages->delay_ns;
}

/* Something that left later, and arrived before it: it alone was late. */
static bool was_overtaken(const struct extracting *ex, size_t index)
{
  const struct passage *passage = &ex->passages->passages[index];
  for (size_t i = index + 1; i < ex->passages->count; i++) {
    const struct passage *later = &ex->passages->passages[i];
    if (later->sent != NULL && later->sent_ns >= passage->arrived_ns)
      break;
    if (later->sent != NULL && later->arrived != NULL &&
        later->arrived_ns + HOLD_MIN_NS / 2 < passage->arrived_ns)
      return true;
  }
  return false;
}

/* All that left from here on until the release arrived with it. Returns the last one's index. */
static size_t find_hold_end(const struct extracting *ex, size_t first, int64_t *release_ns)
{
  size_t last = first;
  *release_ns = ex->passages->passages[first].arrived_ns;
  for (size_t i = first + 1; i < ex->passages->count; i++) {
    const struct passage *passage = &ex->passages->passages[i];
    if (passage->sent == NULL || passage->sent_ns >= *release_ns - ex->passages->delay_ns)
      break;
    if (passage->arrived != NULL)
      last = i;
  }
  return last;
}

static void add_late(const struct extracting *ex, const struct passage *passage, int64_t late_ns)
{
  const uint32_t condition = add_rule(ex, passage->sent_ns, passage->arrived_ns);
  if (passage->end == passage->first)
    return;
  plan_condition_text(
      ex->plan, condition, "%s reorder %" PRId64 "us bytes=%" PRId64 "..%" PRId64 " copies=%u",
      ex->direction, late_ns / NS_PER_US, passage->first, passage->end - 1, passage->copy);
  plan_condition_why(ex->plan, condition, "these bytes were overtaken by later ones");
}

static void add_hold(const struct extracting *ex, size_t first, size_t last, int64_t release_ns)
{
  const struct passage *passage = &ex->passages->passages[first];
  const int64_t open_ns = release_ns - ex->passages->delay_ns;
  const uint32_t condition = add_rule(ex, passage->sent_ns, open_ns);
  char mark[96];
  int64_t early = 0;
  if (passage->fresh && passage->end > passage->first) {
    snprintf(mark, sizeof mark, "byte:%s:%" PRId64, ex->direction, passage->first);
  } else {
    early = early_ns(ex, first);
    plan_mark(ex->plan, ex->flow, passage->sent_ns - early, mark, sizeof mark);
  }
  plan_condition_text(ex->plan, condition, "%s hold from=%s for=%" PRId64 "us log=first",
                      ex->direction, mark, (open_ns - passage->sent_ns + early) / NS_PER_US);
  plan_condition_why(ex->plan, condition, "%zu packets that left %s arrived in one burst",
                     last - first + 1, host_name(ex->plan, ex->from));
}

static void find_holds(const struct extracting *ex)
{
  for (size_t i = 0; i < ex->passages->count; i++) {
    const struct passage *passage = &ex->passages->passages[i];
    const int64_t late_ns = extra_ns(ex, passage);
    if (late_ns < HOLD_MIN_NS)
      continue;
    if (was_overtaken(ex, i)) {
      add_late(ex, passage, late_ns);
      continue;
    }
    /* The burst must be one: with a slow link each packet is late by much the same. */
    int64_t release_ns;
    const size_t last = find_hold_end(ex, i, &release_ns);
    const int64_t spread_ns = ex->passages->passages[last].arrived_ns != TIME_INVALID
                                  ? ex->passages->passages[last].arrived_ns - release_ns
                                  : 0;
    if (i > 0 && extra_ns(ex, &ex->passages->passages[i - 1]) > late_ns / 2)
      continue;
    if ((double)spread_ns <= (double)BURST_NS + BURST_SHARE * (double)late_ns) {
      add_hold(ex, i, last, release_ns);
      i = last;
    }
  }
}

/* ---- damage, forged resets ---- */

static void find_damage(const struct extracting *ex)
{
  for (size_t i = 0; i < ex->passages->count; i++) {
    const struct passage *passage = &ex->passages->passages[i];
    if (passage->sent == NULL || passage->arrived == NULL || passage->end == passage->first ||
        passage->arrived->checksum != CHECKSUM_BAD || passage->sent->checksum == CHECKSUM_BAD)
      continue;
    const uint32_t condition = add_rule(ex, passage->sent_ns, passage->arrived_ns);
    plan_condition_text(ex->plan, condition, "%s corrupt bytes=%" PRId64 "..%" PRId64 " copies=%u",
                        ex->direction, passage->first, passage->end - 1, passage->copy);
    plan_condition_why(ex->plan, condition,
                       "it left with a right checksum, and arrived with a "
                       "wrong one");
  }
}

/* A RST that arrives in the name of a side that never sent it: whatever the other side sent last
 * gave rise to it. */
static void find_forged(const struct extracting *ex)
{
  const enum recording_side to = plan_opposite(ex->from);
  for (size_t i = 0; i < ex->passages->count; i++) {
    const struct passage *passage = &ex->passages->passages[i];
    if (passage->sent != NULL || !(passage->arrived->flags & TCP_RST))
      continue;
    const struct passage *cause = last_fresh(&ex->flow->sides[to], passage->arrived_ns);
    const uint32_t condition = add_rule(ex, passage->arrived_ns, passage->arrived_ns);
    const char *back = plan_direction(ex->plan, to);
    plan_condition_text(ex->plan, condition,
                        "%s reset sender kind=data from=byte:%s:%" PRId64 " count=1", back, back,
                        cause != NULL ? cause->first : 0);
    plan_condition_why(ex->plan, condition, "a RST arrived in the name of %s, which never sent it",
                       host_name(ex->plan, ex->from));
    return;
  }
}

/* ---- one end alone ---- */

/* What was sent again, and acknowledged only then, is taken for lost. */
static void guess_losses(const struct extracting *ex)
{
  uint32_t guessed = 0;
  for (size_t i = 0; i < ex->passages->count; i++) {
    const struct passage *passage = &ex->passages->passages[i];
    uint32_t copies = 1;
    int64_t last_ns_of = passage->sent_ns;
    if (!passage->fresh || passage->end == passage->first)
      continue;
    for (size_t k = i + 1; k < ex->passages->count; k++) {
      const struct passage *again = &ex->passages->passages[k];
      if (again->end > again->first && again->first <= passage->first &&
          again->end > passage->first) {
        copies++;
        last_ns_of = again->sent_ns;
      }
    }
    if (copies == 1)
      continue;
    const uint32_t condition = add_rule(ex, passage->sent_ns, last_ns_of);
    plan_condition_text(ex->plan, condition, "%s drop bytes=%" PRId64 "..%" PRId64 " copies=1..%u",
                        ex->direction, passage->first, passage->end - 1, copies - 1);
    plan_condition_why(ex->plan, condition, "they were sent %u times", copies);
    guessed++;
  }
  if (guessed > 0)
    plan_assume(ex->plan,
                "of data that %s sent again the earlier transmissions were lost: only one "
                "end is known",
                host_name(ex->plan, ex->from));
}

/* ---- all ---- */

static void set_delays(struct plan *plan, const struct plan_flow *flow)
{
  int64_t round_ns = 0;
  for (int side = 0; side < RECORDING_SIDES; side++)
    round_ns += flow->sides[side].delay_ns;
  for (int side = 0; side < RECORDING_SIDES; side++) {
    const int64_t delay_ns = flow->sides[side].delay_ns;
    if (round_ns < DELAY_MIN_NS || delay_ns <= 0)
      continue;
    plan->delay_ns[plan_host_of(plan, (enum recording_side)side) == PLAN_A ? PATH_AB : PATH_BA] =
        delay_ns / (10 * NS_PER_US) * (10 * NS_PER_US);
  }
}

void plan_path(struct plan *plan, const struct plan_flow *flow,
               const struct recorded_finding *target)
{
  set_delays(plan, flow);
  for (int side = 0; side < RECORDING_SIDES; side++) {
    const struct extracting ex = {.plan = plan,
                                  .flow = flow,
                                  .target = target,
                                  .from = (enum recording_side)side,
                                  .passages = &flow->sides[side],
                                  .direction = plan_direction(plan, (enum recording_side)side)};
    if (!flow->both_ends) {
      guess_losses(&ex);
      continue;
    }
    find_losses(&ex);
    find_holds(&ex);
    find_damage(&ex);
    find_forged(&ex);
  }
  if (!flow->both_ends)
    plan_assume(plan, "the path's delay is half the shortest round trip each way, as only one end "
                      "was captured");
}
