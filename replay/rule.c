#include "replay/rule.h"

#include "wire/error.h"
#include "wire/timestamp.h"

#include <stdlib.h>

#define IPV4_FLAGS         6 /* offset in the header (RFC 791, 3.1) */
#define IPV4_DONT_FRAGMENT 0x40

int rule_state_init(struct rule_state *state, const struct rule *rule, uint64_t seed)
{
  *state = (struct rule_state){.rule = rule,
                               .closed_ns = INT64_MAX,
                               .syn_ns = TIME_INVALID,
                               .last_tcp_ns = TIME_INVALID,
                               .from_due_ns = INT64_MAX,
                               .until_due_ns = INT64_MAX};
  prng_seed(&state->prng, seed, rule->line);
  if (!rule->has_copies)
    return 0;
  state->copies = calloc(1, sizeof *state->copies);
  return state->copies == NULL ? ERROR_MEMORY : 0;
}

void rule_state_clear(struct rule_state *state)
{
  free(state->copies);
  state->copies = NULL;
}

static void open_at(struct rule_state *state, int64_t time_ns)
{
  state->phase = RULE_OPEN;
  state->opened_ns = time_ns;
  if (state->rule->for_ns != INT64_MAX)
    state->closed_ns = time_ns + state->rule->for_ns;
}

static void close_at(struct rule_state *state, int64_t time_ns)
{
  state->phase = RULE_CLOSED;
  state->closed_ns = time_ns;
}

/* When the clock alone reaches the mark; INT64_MAX: it does not, or not yet known. */
static int64_t mark_ns(const struct rule_state *state, const struct rule_mark *mark)
{
  if (mark->kind == MARK_START)
    return mark->value;
  if (mark->kind == MARK_SYN && time_is_valid(state->syn_ns))
    return state->syn_ns + mark->value;
  if (mark->kind == MARK_BYTE)
    return mark == &state->rule->from ? state->from_due_ns : state->until_due_ns;
  return INT64_MAX;
}

int64_t rule_next_ns(const struct rule_state *state)
{
  switch (state->phase) {
  case RULE_WAITING: return mark_ns(state, &state->rule->from);
  case RULE_OPEN: {
    const int64_t until_ns = mark_ns(state, &state->rule->until);
    return until_ns < state->closed_ns ? until_ns : state->closed_ns;
  }
  case RULE_CLOSED: break;
  }
  return INT64_MAX;
}

bool rule_advance(struct rule_state *state, int64_t now_ns)
{
  const int64_t next_ns = rule_next_ns(state);
  if (next_ns == INT64_MAX || next_ns > now_ns)
    return false;
  if (state->phase == RULE_WAITING)
    open_at(state, next_ns);
  else
    close_at(state, next_ns);
  return true;
}

static bool port_matches(const struct rule *rule, const struct frame_view *view)
{
  return rule->port == 0 ||
         (view->transport != 0 && (view->src_port == rule->port || view->dst_port == rule->port));
}

static bool mark_reached(const struct rule_state *state, const struct rule_mark *mark,
                         const struct rule_frame *frame)
{
  const bool tcp = frame->flow != NULL && port_matches(state->rule, frame->view);
  switch (mark->kind) {
  case MARK_SYN:
    return tcp && state->syn_ns + mark->value <= frame->now_ns && time_is_valid(state->syn_ns);
  case MARK_BYTE:
    return tcp && mark->after_ns == 0 && frame->flow->streams[mark->direction].passed > mark->value;
  case MARK_FRAME: return frame->numbers[mark->direction] >= (uint64_t)mark->value;
  case MARK_IDLE: return tcp && state->silence_ns >= mark->value;
  case MARK_START:
  case MARK_NEVER:
  case MARK_SIGNAL:
  case MARK_NEXT: break;
  }
  return false;
}

static void note_segment(struct rule_state *state, const struct rule_frame *frame)
{
  if (frame->flow == NULL || !port_matches(state->rule, frame->view))
    return;
  if (!time_is_valid(state->syn_ns) && frame->view->kinds & FRAME_SYN)
    state->syn_ns = frame->now_ns;
  state->silence_ns = time_is_valid(state->last_tcp_ns) ? frame->now_ns - state->last_tcp_ns : 0;
  state->last_tcp_ns = frame->now_ns;
}

/* The byte of such a mark passes: its time is known from now on. */
static void note_byte(const struct rule_state *state, const struct rule_mark *mark,
                      const struct rule_frame *frame, int64_t *due_ns)
{
  if (mark->kind == MARK_BYTE && mark->after_ns > 0 && *due_ns == INT64_MAX &&
      frame->flow != NULL && port_matches(state->rule, frame->view) &&
      frame->flow->streams[mark->direction].passed > mark->value)
    *due_ns = frame->now_ns + mark->after_ns;
}

bool rule_observe(struct rule_state *state, const struct rule_frame *frame, bool again)
{
  if (state->phase == RULE_CLOSED ||
      (state->phase == RULE_OPEN && state->rule->until.kind == MARK_NEVER))
    return false; /* nothing that a frame could change */
  if (!again) {
    note_segment(state, frame);
    note_byte(state, &state->rule->from, frame, &state->from_due_ns);
    note_byte(state, &state->rule->until, frame, &state->until_due_ns);
  }
  if (state->phase == RULE_WAITING && mark_reached(state, &state->rule->from, frame)) {
    open_at(state, frame->now_ns);
    return true;
  }
  if (state->phase == RULE_OPEN && mark_reached(state, &state->rule->until, frame)) {
    close_at(state, frame->now_ns);
    return true;
  }
  return rule_advance(state, frame->now_ns);
}

bool rule_signal(struct rule_state *state, int64_t now_ns)
{
  if (state->phase == RULE_WAITING && state->rule->from.kind == MARK_SIGNAL)
    open_at(state, now_ns);
  else if (state->phase == RULE_OPEN && state->rule->until.kind == MARK_SIGNAL)
    close_at(state, now_ns);
  else
    return false;
  return true;
}

static bool in_range(const struct rule_range *range, int64_t value)
{
  return value >= range->first && value <= range->last;
}

static bool carries(const struct rule *rule, const struct rule_frame *frame)
{
  return frame->flow != NULL && frame->bytes.end > frame->bytes.first &&
         frame->bytes.first <= rule->bytes.last && frame->bytes.end > rule->bytes.first;
}

static bool is_copy(struct rule_state *state, const struct rule_frame *frame)
{
  const struct rule *rule = state->rule;
  const int64_t first =
      frame->bytes.first > rule->bytes.first ? frame->bytes.first : rule->bytes.first;
  const int64_t end =
      frame->bytes.end - 1 < rule->bytes.last ? frame->bytes.end : rule->bytes.last + 1;
  return in_range(&rule->copies, copy_count_add(state->copies, frame->flow->id, first, end));
}

/* A router fragments an IPv4 packet that allows it (RFC 791, 2.3); this one lets it pass. */
static bool is_too_big(const struct rule *rule, const struct frame_view *view)
{
  if (view->ip_version == 0 || frame_view_wire_bytes(view) - view->network <= rule->too_big.mtu)
    return false;
  const bool dont_fragment =
      view->ip_version == 6 || (view->bytes[view->network + IPV4_FLAGS] & IPV4_DONT_FRAGMENT) != 0;
  return dont_fragment || rule->too_big.silent;
}

/* The conditions that only look. */
static bool fits(const struct rule *rule, const struct rule_frame *frame)
{
  const struct frame_view *view = frame->view;
  if (!(rule->kinds & view->kinds) || !port_matches(rule, view) ||
      (view->flags & rule->flags_set) != rule->flags_set || view->flags & rule->flags_clear)
    return false;
  if ((rule->flags_set | rule->flags_clear) != 0 && !(view->kinds & FRAME_TCP))
    return false;
  if (!in_range(&rule->frame_bytes, frame_view_wire_bytes(view)))
    return false;
  if (rule->payload_bytes.first > 0 || rule->payload_bytes.last != INT64_MAX)
    if (!(view->kinds & FRAME_TCP) || !in_range(&rule->payload_bytes, view->payload_bytes))
      return false;
  if (rule->verb == RULE_TOO_BIG && !is_too_big(rule, view))
    return false;
  return !rule->has_bytes || carries(rule, frame);
}

/* Rules that change numbers one way and what comes back of them the other. */
static bool looks_back(const struct rule *rule)
{
  return rule->verb == RULE_SEQ || (rule->verb == RULE_TIMESTAMPS && rule->change.translate);
}

bool rule_matches(struct rule_state *state, const struct rule_frame *frame)
{
  const struct rule *rule = state->rule;
  if (state->phase != RULE_OPEN)
    return false;
  if (!(rule->directions & PATH_BIT(frame->direction)) && !looks_back(rule))
    return false;
  if (!fits(rule, frame) || (rule->has_copies && !is_copy(state, frame)))
    return false;
  state->matched++;
  if (rule->has_nth && !in_range(&rule->nth, (int64_t)state->matched))
    return false;
  if (rule->every > 0 && state->matched % (uint64_t)rule->every != 0)
    return false;
  if (rule->probability < 1 && prng_unit(&state->prng) >= rule->probability)
    return false;
  if (state->treated >= (uint64_t)rule->count)
    return false;
  state->treated++;
  return true;
}

int64_t rule_draw_delay(struct rule_state *state)
{
  const struct rule *rule = state->rule;
  double spread = 0;
  if (rule->delay.jitter_ns > 0)
    switch (rule->delay.distribution) {
    case JITTER_UNIFORM: spread = 2 * prng_unit(&state->prng) - 1; break;
    case JITTER_NORMAL: spread = prng_normal(&state->prng); break;
    case JITTER_EXPONENTIAL: spread = prng_exponential(&state->prng); break;
    }
  const int64_t delay_ns = rule->delay.delay_ns + (int64_t)(spread * (double)rule->delay.jitter_ns);
  return delay_ns > 0 ? delay_ns : 0;
}
