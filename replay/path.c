#include "replay/path.h"

#include "replay/path_internal.h"

#include <linux/virtio_net.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(sizeof(struct virtio_net_hdr) == PATH_VNET_BYTES, "the header the tun driver uses");

/* ---- birth and death ---- */

static int make_rules(struct path *path, const struct scenario *scenario)
{
  for (uint32_t i = 0; i < scenario->rule_count; i++) {
    const struct rule *rule = &scenario->rules[i];
    if (rule_state_init(&path->states[i], rule, scenario->seed) != 0)
      return ERROR_MEMORY;
    for (int direction = 0; direction < PATH_DIRECTIONS && rule->verb == RULE_RATE; direction++)
      if (link_rate_init(&path->rates[i][direction], rule->rate.bits_per_s, rule->rate.queue_bytes,
                         rule->rate.queue_frames) != 0)
        return ERROR_MEMORY;
  }
  return 0;
}

struct path *path_new(const struct scenario *scenario, const struct path_sink *sink,
                      struct error *error)
{
  struct path *path = calloc(1, sizeof *path);
  if (path == NULL) {
    error_set(error, ERROR_MEMORY, "no memory for a path");
    return NULL;
  }
  path->scenario = scenario;
  path->sink = *sink;
  path->vnet_bytes = scenario->offload ? PATH_VNET_BYTES : 0;
  path->flows = flow_track_new();
  path->builder = frame_builder_new(error);
  if (path->flows != NULL && path->builder != NULL && make_rules(path, scenario) == 0)
    return path;
  if (path->builder != NULL)
    error_set(error, ERROR_MEMORY, "no memory for a path");
  path_free(path);
  return NULL;
}

void path_free(struct path *path)
{
  if (path == NULL)
    return;
  path_line_clear(path);
  for (uint32_t i = 0; i < path->scenario->rule_count; i++) {
    rule_state_clear(&path->states[i]);
    for (int direction = 0; direction < PATH_DIRECTIONS; direction++)
      link_rate_clear(&path->rates[i][direction]);
  }
  flow_track_free(path->flows);
  frame_builder_free(path->builder);
  free(path);
}

/* ---- the log ---- */

static bool is_logged(const struct path *path, const struct rule *rule)
{
  if (rule == NULL || rule->log == RULE_LOG_ALL)
    return true;
  return rule->log == RULE_LOG_FIRST && path->states[rule - path->scenario->rules].changed <= 1;
}

static struct path_act act_of(const char *name, const struct rule *rule, int64_t time_ns)
{
  return (struct path_act){.name = name,
                           .rule = rule,
                           .time_ns = time_ns,
                           .held_ns = -1,
                           .old_value = -1,
                           .new_value = -1};
}

void path_tell_change(const struct path *path, const char *name, const struct rule *rule,
                      const struct rule_frame *frame, int64_t old_value, int64_t new_value)
{
  if (!is_logged(path, rule))
    return;
  struct path_act act = act_of(name, rule, frame->now_ns);
  act.direction = frame->direction;
  act.view = frame->view;
  act.frame_number = frame->numbers[frame->direction];
  act.bytes = frame->bytes;
  act.old_value = old_value;
  act.new_value = new_value;
  path->sink.act(path->sink.context, &act);
}

void path_tell(const struct path *path, const char *name, const struct rule *rule,
               const struct rule_frame *frame)
{
  path_tell_change(path, name, rule, frame, -1, -1);
}

void path_tell_bytes(const struct path *path, const char *name, const struct rule *rule,
                     enum path_direction direction, const struct carried *carried, int64_t time_ns,
                     int64_t held_ns)
{
  if (!is_logged(path, rule))
    return;
  struct path_act act = act_of(name, rule, time_ns);
  struct frame_view view;
  path_view(path, &view, carried->bytes, carried->size);
  act.direction = direction;
  act.view = &view;
  act.frame_number = carried->number;
  act.held_ns = held_ns;
  path->sink.act(path->sink.context, &act);
}

/* That a rule is open from the start needs no telling. */
static void tell_phase(const struct path *path, const struct rule_state *state)
{
  const struct rule *rule = state->rule;
  const bool begins = state->phase == RULE_OPEN;
  if (begins && rule->from.kind == MARK_START && rule->from.value == 0)
    return;
  const struct path_act act =
      act_of(begins ? "begin" : "end", rule, begins ? state->opened_ns : state->closed_ns);
  path->sink.act(path->sink.context, &act);
}

/* ---- rules open and close ---- */

static void phase_changed(struct path *path, uint32_t index)
{
  const struct rule_state *state = &path->states[index];
  tell_phase(path, state);
  if (state->phase != RULE_CLOSED || state->rule->verb != RULE_HOLD ||
      state->rule->until.kind == MARK_NEXT)
    return;
  for (int direction = 0; direction < PATH_DIRECTIONS; direction++)
    path_line_release(path, index, (enum path_direction)direction, state->closed_ns);
}

static void find_next_rule(struct path *path)
{
  path->next_rule_ns = INT64_MAX;
  for (uint32_t i = 0; i < path->scenario->rule_count; i++) {
    const int64_t next_ns = rule_next_ns(&path->states[i]);
    if (next_ns < path->next_rule_ns)
      path->next_rule_ns = next_ns;
  }
}

/* In the order of time, so that what two holds release stays in order. */
static void advance_rules(struct path *path, int64_t now_ns)
{
  while (path->next_rule_ns <= now_ns) {
    for (uint32_t i = 0; i < path->scenario->rule_count; i++)
      if (rule_advance(&path->states[i], path->next_rule_ns))
        phase_changed(path, i);
    find_next_rule(path);
  }
}

/* A hold that ended and waits for any frame to set it going again. */
static void release_by_next(struct path *path, enum path_direction direction)
{
  for (uint32_t i = 0; i < path->scenario->rule_count; i++)
    if (path->holds[i][direction].head != NULL && path->states[i].phase == RULE_CLOSED)
      path_line_release(path, i, direction, path->now_ns);
}

static void observe(struct path *path, const struct rule_frame *frame)
{
  bool changed = (frame->view->kinds & FRAME_SYN) != 0;
  for (uint32_t i = 0; i < path->scenario->rule_count; i++) {
    struct rule_state *state = &path->states[i];
    for (bool again = false; rule_observe(state, frame, again); again = true) {
      phase_changed(path, i);
      changed = true;
    }
  }
  if (changed)
    find_next_rule(path);
}

/* ---- frames and time ---- */

void path_view(const struct path *path, struct frame_view *view, uint8_t *bytes, uint32_t size)
{
  frame_view_parse(view, bytes + path->vnet_bytes, size - path->vnet_bytes);
  if (path->vnet_bytes == 0)
    return;
  struct virtio_net_hdr header;
  memcpy(&header, bytes, sizeof header);
  view->checksum_partial = (header.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) != 0;
  if (header.gso_type != VIRTIO_NET_HDR_GSO_NONE)
    view->gso_bytes = header.gso_size;
}

void path_advance(struct path *path, int64_t now_ns)
{
  if (now_ns > path->now_ns)
    path->now_ns = now_ns;
  advance_rules(path, path->now_ns);
  path_line_advance(path, PATH_AB, path->now_ns);
  path_line_advance(path, PATH_BA, path->now_ns);
}

void path_frame(struct path *path, enum path_direction direction, uint8_t *bytes, uint32_t size,
                int64_t now_ns)
{
  if (size <= path->vnet_bytes || size > PATH_FRAME_MAX)
    return;
  path_advance(path, now_ns);
  path->numbers[direction]++;
  path->stats.frames_in[direction]++;
  path->stats.bytes_in[direction] += size - path->vnet_bytes;
  struct frame_view view;
  path_view(path, &view, bytes, size);
  struct rule_frame frame = {.view = &view, .direction = direction, .now_ns = path->now_ns};
  memcpy(frame.numbers, path->numbers, sizeof frame.numbers);
  frame.flow = flow_track_segment(path->flows, direction, &view, path->now_ns, &frame.bytes);
  observe(path, &frame);
  release_by_next(path, direction);
  struct carried carried = {.bytes = bytes, .size = size, .number = path->numbers[direction]};
  path_apply(path, &frame, &carried);
  path_line_advance(path, PATH_AB, path->now_ns);
  path_line_advance(path, PATH_BA, path->now_ns);
}

void path_signal(struct path *path, int64_t now_ns)
{
  path_advance(path, now_ns);
  for (uint32_t i = 0; i < path->scenario->rule_count; i++)
    if (rule_signal(&path->states[i], path->now_ns))
      phase_changed(path, i);
  find_next_rule(path);
  path_advance(path, now_ns);
}

int64_t path_next_ns(const struct path *path)
{
  int64_t next_ns = path->next_rule_ns;
  for (int direction = 0; direction < PATH_DIRECTIONS; direction++) {
    const int64_t line_ns = path_line_next_ns(path, (enum path_direction)direction);
    if (line_ns < next_ns)
      next_ns = line_ns;
  }
  return next_ns;
}

void path_get_stats(const struct path *path, struct path_stats *stats)
{
  *stats = path->stats;
  stats->flows_forgotten = flow_track_forgotten(path->flows);
  for (uint32_t i = 0; i < path->scenario->rule_count; i++)
    if (path->states[i].copies != NULL)
      stats->copies_uncounted += path->states[i].copies->overflows;
}

void path_get_rule_stats(const struct path *path, uint32_t rule, struct path_rule_stats *stats)
{
  const struct rule_state *state = &path->states[rule];
  *stats = (struct path_rule_stats){.matched = state->matched, .treated = state->treated};
}
