/* What each rule does to a frame. */
#include "replay/path_internal.h"

#include "replay/rewrite.h"
#include "wire/byte_reader.h"

#include <stddef.h>
#include <string.h>

#define DSCP_SHIFT 2 /* RFC 2474, 3 */
#define DSCP_MASK  0xfc
#define ECN_MASK   0x03

enum fate { FATE_PASS, FATE_DROP };

/* One frame under treatment. */
struct treatment {
  struct path *path;
  struct rule_frame *frame;
  struct frame_view *view; /* frame->view, to be changed */
  struct frame_plan plan;
  int32_t hold; /* the rule that holds it, -1: none */
  /* A reset that goes before it, when the whole plan is known. */
  uint32_t forged_bytes; /* 0: none */
  uint8_t forged[PATH_VNET_BYTES + FRAME_BUILDER_MAX];
};

/* ---- fields ---- */

static uint8_t field_option(enum rule_verb verb)
{
  switch (verb) {
  case RULE_WSCALE: return TCP_OPTION_KIND_WINDOW_SCALE;
  case RULE_MSS: return TCP_OPTION_KIND_MSS;
  case RULE_TIMESTAMPS: return TCP_OPTION_KIND_TIMESTAMPS;
  default: return TCP_OPTION_KIND_END;
  }
}

/* The field that the verb speaks of; -1: it is not there. */
static int64_t field_get(const struct frame_view *view, enum rule_verb verb)
{
  const uint8_t *ip = view->bytes + view->network;
  const uint8_t *option = frame_view_option(view, field_option(verb));
  switch (verb) {
  case RULE_WSCALE: return option != NULL && option[1] == 3 ? option[2] : -1;
  case RULE_MSS: return option != NULL && option[1] == 4 ? read_be16(option + 2) : -1;
  case RULE_TIMESTAMPS:
    return option != NULL && option[1] == 10 ? (int64_t)read_be32(option + 2) : -1;
  case RULE_WINDOW: return view->kinds & FRAME_TCP ? view->window : -1;
  case RULE_TTL: return view->ip_version != 0 ? rewrite_get_ttl(view) : -1;
  case RULE_DSCP:
  case RULE_ECN: {
    if (view->ip_version == 0)
      return -1;
    const int tos = view->ip_version == 4 ? ip[1] : (ip[0] << 4 | ip[1] >> 4) & 0xff;
    return verb == RULE_DSCP ? tos >> DSCP_SHIFT : tos & ECN_MASK;
  }
  default: return -1;
  }
}

static bool field_set(struct frame_view *view, enum rule_verb verb, int64_t value)
{
  switch (verb) {
  case RULE_WSCALE: return rewrite_window_scale(view, (uint8_t)value);
  case RULE_MSS: return rewrite_mss(view, (uint16_t)value);
  case RULE_WINDOW: return rewrite_window(view, (uint16_t)value);
  case RULE_TTL: return rewrite_ttl(view, (uint8_t)value);
  case RULE_DSCP: return rewrite_traffic_class(view, (uint8_t)(value << DSCP_SHIFT), DSCP_MASK);
  case RULE_ECN: return rewrite_traffic_class(view, (uint8_t)value, ECN_MASK);
  default: return false;
  }
}

static bool strip(struct frame_view *view, enum rule_verb verb)
{
  if (verb != RULE_SACK)
    return rewrite_strip_option(view, field_option(verb));
  const bool permitted = rewrite_strip_option(view, TCP_OPTION_KIND_SACK_PERMITTED);
  return rewrite_strip_option(view, TCP_OPTION_KIND_SACK) || permitted;
}

/* A TTL stops at its ends; all other numbers go round. */
static bool field_add(struct frame_view *view, enum rule_verb verb, int64_t value)
{
  if (verb == RULE_TIMESTAMPS)
    return rewrite_add_tsval(view, (uint32_t)value);
  const int64_t ttl = field_get(view, verb) + value;
  return view->ip_version != 0 && rewrite_ttl(view, (uint8_t)(ttl < 1 ? 1 : ttl > 255 ? 255 : ttl));
}

static void change_field(struct treatment *t, struct rule_state *state)
{
  const struct rule *rule = state->rule;
  const int64_t old_value = field_get(t->view, rule->verb);
  bool changed = false;
  switch (rule->change.change) {
  case CHANGE_SET: changed = field_set(t->view, rule->verb, rule->change.value); break;
  case CHANGE_STRIP: changed = strip(t->view, rule->verb); break;
  case CHANGE_ADD: changed = field_add(t->view, rule->verb, rule->change.value); break;
  case CHANGE_CLAMP:
    changed = old_value > rule->change.value && field_set(t->view, rule->verb, rule->change.value);
    break;
  case CHANGE_NONE: break;
  }
  if (!changed)
    return;
  int64_t new_value = field_get(t->view, rule->verb);
  if (rule->verb == RULE_WINDOW)
    new_value = rule->change.value;
  state->changed++;
  path_tell_change(t->path, rule_verb_name(rule->verb), rule, t->frame, old_value, new_value);
}

/* Sequence numbers this way are moved, and the acknowledgments that come back are moved back. */
static void shift_sequence(struct treatment *t, struct rule_state *state)
{
  const struct rule *rule = state->rule;
  const uint32_t offset = (uint32_t)rule->seq.offset;
  bool changed = false;
  if (rule->directions & PATH_BIT(t->frame->direction))
    changed |= rewrite_add_seq(t->view, offset);
  if (rule->directions & ~PATH_BIT(t->frame->direction))
    changed |= rewrite_add_ack(t->view, 0 - offset, !rule->seq.keep_sack);
  if (!changed)
    return;
  state->changed++;
  path_tell(t->path, rule_verb_name(rule->verb), rule, t->frame);
}

/* The same with the timestamps' clock. */
static void shift_timestamps(struct treatment *t, struct rule_state *state)
{
  const struct rule *rule = state->rule;
  const uint32_t ticks = (uint32_t)rule->change.value;
  bool changed = false;
  if (rule->directions & PATH_BIT(t->frame->direction))
    changed |= rewrite_add_tsval(t->view, ticks);
  /* Without ACK the field means nothing (RFC 7323, 3.2). */
  if (rule->directions & ~PATH_BIT(t->frame->direction) && t->view->flags & TCP_ACK)
    changed |= rewrite_add_tsecr(t->view, 0 - ticks);
  if (!changed)
    return;
  state->changed++;
  path_tell(t->path, rule_verb_name(rule->verb), rule, t->frame);
}

static void corrupt(struct treatment *t, struct rule_state *state)
{
  const struct rule *rule = state->rule;
  const enum rewrite_corrupt how =
      rule->corrupt.checksum_fixed ? REWRITE_CHECKSUM_FIXED : REWRITE_CHECKSUM_WRONG;
  const bool partial = t->view->checksum_partial;
  if (!rewrite_corrupt(t->view, rule->corrupt.at, how))
    return;
  /* The checksum is there now: the receiving kernel has to look at it. A super-segment so becomes
   * one large segment. */
  if (partial && !t->view->checksum_partial)
    memset(t->view->bytes - PATH_VNET_BYTES, 0, PATH_VNET_BYTES);
  state->changed++;
  path_tell(t->path, rule_verb_name(rule->verb), rule, t->frame);
}

/* ---- frames in another's name ---- */

/* Whether `made` bytes were: tells so, or that they were not. */
static bool is_forged(struct treatment *t, const struct rule *rule, int made)
{
  if (made < 0) {
    t->path->stats.not_forged++;
    path_tell(t->path, "not-forged", rule, t->frame);
    return false;
  }
  t->path->stats.forged++;
  path_tell(t->path, rule_verb_name(rule->verb), rule, t->frame);
  return true;
}

/* An answer to the frame's sender waits for nothing. */
static void answer(struct treatment *t, uint8_t *bytes, int made)
{
  const struct frame_plan at_once = {.overtake = true};
  struct carried carried = {.bytes = bytes, .size = (uint32_t)made + t->path->vnet_bytes};
  path_line_enter(t->path, t->frame->direction == PATH_AB ? PATH_BA : PATH_AB, &carried, &at_once,
                  t->path->now_ns);
}

static void reset(struct treatment *t, struct rule_state *state)
{
  const struct rule *rule = state->rule;
  struct path *path = t->path;
  state->changed++;
  if (rule->reset.to & RESET_TO_SENDER) {
    uint8_t bytes[PATH_VNET_BYTES + FRAME_BUILDER_MAX] = {0};
    const int made = forge_reset(path->builder, t->frame, rule, true, bytes + path->vnet_bytes);
    if (is_forged(t, rule, made))
      answer(t, bytes, made);
  }
  if (rule->reset.to & RESET_TO_RECEIVER && t->forged_bytes == 0) {
    memset(t->forged, 0, PATH_VNET_BYTES);
    const int made =
        forge_reset(path->builder, t->frame, rule, false, t->forged + path->vnet_bytes);
    if (is_forged(t, rule, made))
      t->forged_bytes = (uint32_t)made + path->vnet_bytes;
  }
}

static void answer_too_big(struct treatment *t, struct rule_state *state)
{
  const struct rule *rule = state->rule;
  struct path *path = t->path;
  uint8_t bytes[PATH_VNET_BYTES + FRAME_BUILDER_MAX] = {0};
  state->changed++;
  if (rule->too_big.silent) {
    path_tell(path, rule_verb_name(rule->verb), rule, t->frame);
    return;
  }
  const int made = forge_too_big(path->builder, t->frame, rule, bytes + path->vnet_bytes);
  if (is_forged(t, rule, made))
    answer(t, bytes, made);
}

/* ---- all together ---- */

static enum fate treat_timing(struct treatment *t, uint32_t index, struct rule_state *state)
{
  const struct rule *rule = state->rule;
  struct frame_plan *plan = &t->plan;
  switch (rule->verb) {
  case RULE_DELAY:
    plan->delay_ns += rule_draw_delay(state);
    plan->overtake |= rule->delay.overtake;
    return FATE_PASS;
  case RULE_RATE: plan->rates |= UINT64_C(1) << index; return FATE_PASS;
  case RULE_HOLD:
    if (t->hold >= 0)
      return FATE_PASS;
    t->hold = (int32_t)index;
    break;
  case RULE_REORDER:
    plan->late_ns += rule->reorder.late_ns;
    plan->late_frames = rule->reorder.frames;
    break;
  case RULE_DUPLICATE:
    plan->copies += rule->duplicate.times;
    plan->copy_after_ns = rule->duplicate.after_ns;
    break;
  default: break;
  }
  state->changed++;
  path_tell(t->path, rule_verb_name(rule->verb), rule, t->frame);
  return FATE_PASS;
}

static enum fate treat(struct treatment *t, uint32_t index)
{
  struct rule_state *state = &t->path->states[index];
  const struct rule *rule = state->rule;
  switch (rule->verb) {
  case RULE_DELAY:
  case RULE_RATE:
  case RULE_HOLD:
  case RULE_REORDER:
  case RULE_DUPLICATE: return treat_timing(t, index, state);
  case RULE_DROP:
    state->changed++;
    path_tell(t->path, rule_verb_name(rule->verb), rule, t->frame);
    return FATE_DROP;
  case RULE_CORRUPT: corrupt(t, state); break;
  case RULE_WSCALE:
  case RULE_MSS:
  case RULE_SACK:
  case RULE_WINDOW:
  case RULE_TTL:
  case RULE_DSCP:
  case RULE_ECN: change_field(t, state); break;
  case RULE_TIMESTAMPS:
    if (rule->change.translate)
      shift_timestamps(t, state);
    else
      change_field(t, state);
    break;
  case RULE_SEQ: shift_sequence(t, state); break;
  case RULE_RESET: reset(t, state); return rule->reset.drop ? FATE_DROP : FATE_PASS;
  case RULE_TOO_BIG: answer_too_big(t, state); return FATE_DROP;
  case RULE_VERB_COUNT: break;
  }
  return FATE_PASS;
}

/* The reset takes the frame's place in line: rates and delays are the frame's, nothing else. */
static void send_forged(struct treatment *t)
{
  const struct frame_plan plan = {.rates = t->plan.rates, .delay_ns = t->plan.delay_ns};
  struct carried carried = {.bytes = t->forged, .size = t->forged_bytes};
  if (t->forged_bytes > 0)
    path_line_enter(t->path, t->frame->direction, &carried, &plan, t->frame->now_ns);
}

/* Of a frame that is lost, only what goes in its place still needs a plan. */
static bool is_wanted(const struct treatment *t, enum fate fate, const struct rule *rule)
{
  return fate == FATE_PASS ||
         (t->forged_bytes > 0 && (rule->verb == RULE_DELAY || rule->verb == RULE_RATE));
}

void path_apply(struct path *path, struct rule_frame *frame, struct carried *carried)
{
  struct frame_view view = *frame->view;
  struct treatment t; /* the forged frame is left undefined */
  t.path = path;
  t.frame = frame;
  t.view = &view;
  t.plan = (struct frame_plan){0};
  t.hold = -1;
  t.forged_bytes = 0;
  enum fate fate = FATE_PASS;
  for (uint32_t i = 0; i < path->scenario->rule_count; i++)
    if (is_wanted(&t, fate, &path->scenario->rules[i]) && rule_matches(&path->states[i], frame) &&
        treat(&t, i) == FATE_DROP)
      fate = FATE_DROP;
  send_forged(&t);
  if (fate == FATE_DROP)
    path->stats.dropped[frame->direction]++;
  else if (t.hold >= 0)
    path_line_hold(path, (uint32_t)t.hold, frame->direction, carried, &t.plan, frame->now_ns);
  else
    path_line_enter(path, frame->direction, carried, &t.plan, frame->now_ns);
}
