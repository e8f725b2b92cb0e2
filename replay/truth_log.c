#include "replay/truth_log.h"

#include "wire/packet.h"

#include <jansson.h>
#include <stdlib.h>

struct truth_log {
  FILE *stream;
  uint64_t failures;
  bool dirty;
};

struct truth_log *truth_log_new(FILE *stream)
{
  struct truth_log *log = calloc(1, sizeof *log);
  if (log != NULL)
    log->stream = stream;
  return log;
}

void truth_log_free(struct truth_log *log)
{
  free(log);
}

static void set_integer(json_t *object, const char *key, int64_t value)
{
  json_object_set_new_nocheck(object, key, json_integer(value));
}

static void set_count(json_t *object, const char *key, uint64_t value)
{
  set_integer(object, key, value > INT64_MAX ? INT64_MAX : (int64_t)value);
}

/* Not valid UTF-8: a name that nobody can write is left out. */
static void set_text(json_t *object, const char *key, const char *text)
{
  json_object_set_new(object, key, json_string(text));
}

static json_t *new_line(const char *act, int64_t time_ns, int64_t wall_ns)
{
  json_t *object = json_object();
  set_integer(object, "wall_ns", wall_ns);
  set_integer(object, "time_ns", time_ns);
  set_text(object, "act", act);
  return object;
}

/* Takes the object over. */
static void write_line(struct truth_log *log, json_t *object)
{
  if (object == NULL || json_dumpf(object, log->stream, JSON_COMPACT | JSON_PRESERVE_ORDER) != 0 ||
      fputc('\n', log->stream) == EOF)
    log->failures++;
  json_decref(object);
  log->dirty = true;
}

static const char *direction_name(enum path_direction direction)
{
  return direction == PATH_AB ? "ab" : "ba";
}

static json_t *pair(int64_t ab, int64_t ba)
{
  json_t *object = json_object();
  set_integer(object, "ab", ab);
  set_integer(object, "ba", ba);
  return object;
}

void truth_log_start(struct truth_log *log, const struct scenario *scenario, int64_t wall_ns,
                     const char *const names[PATH_DIRECTIONS])
{
  json_t *object = new_line("start", 0, wall_ns), *rules = json_array();
  set_text(object, "a", names[PATH_AB]);
  set_text(object, "b", names[PATH_BA]);
  set_count(object, "seed", scenario->seed);
  json_object_set_new(object, "offload", json_boolean(scenario->offload));
  for (uint32_t i = 0; i < scenario->rule_count; i++) {
    json_t *rule = json_object();
    set_integer(rule, "line", scenario->rules[i].line);
    set_text(rule, "text", scenario->rules[i].text);
    json_array_append_new(rules, rule);
  }
  json_object_set_new(object, "rules", rules);
  write_line(log, object);
}

/* As tcpdump writes them: the flags' letters, "." for ACK. */
static void set_flags(json_t *object, uint16_t flags)
{
  static const char letters[] = "FSRP.UEWe"; /* enum tcp_flag, from the lowest bit */
  char text[sizeof letters];
  size_t length = 0;
  for (unsigned bit = 0; bit < sizeof letters - 1; bit++)
    if (flags & 1U << bit)
      text[length++] = letters[bit];
  text[length] = '\0';
  set_text(object, "flags", text);
}

static const char *kind_name(uint32_t kinds)
{
  static const struct {
    uint32_t kind;
    const char *name;
  } names[] = {{FRAME_SYNACK, "synack"}, {FRAME_SYN, "syn"},   {FRAME_RST, "rst"},
               {FRAME_FIN, "fin"},       {FRAME_DATA, "data"}, {FRAME_ACK, "ack"},
               {FRAME_ARP, "arp"},       {FRAME_ICMP, "icmp"}, {FRAME_UDP, "udp"}};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    if (kinds & names[i].kind)
      return names[i].name;
  return "other";
}

static void set_frame(json_t *object, const struct path_act *act)
{
  const struct frame_view *view = act->view;
  set_text(object, "direction", direction_name(act->direction));
  set_count(object, "frame", act->frame_number);
  set_integer(object, "frame_bytes", view->frame_bytes);
  if (frame_view_wire_frames(view) > 1)
    set_integer(object, "wire_frames", frame_view_wire_frames(view));
  set_text(object, "kind", kind_name(view->kinds));
  if (!(view->kinds & FRAME_TCP))
    return;
  set_integer(object, "src_port", view->src_port);
  set_integer(object, "dst_port", view->dst_port);
  set_flags(object, view->flags);
  set_integer(object, "seq", view->seq);
  set_integer(object, "ack", view->ack);
  set_integer(object, "payload_bytes", view->payload_bytes);
  if (act->bytes.end > act->bytes.first)
    set_integer(object, "stream_byte", act->bytes.first);
}

void truth_log_act(struct truth_log *log, const struct path_act *act, int64_t wall_ns)
{
  json_t *object = new_line(act->name, act->time_ns, wall_ns);
  if (act->rule != NULL)
    set_integer(object, "line", act->rule->line);
  if (act->view != NULL)
    set_frame(object, act);
  if (act->held_ns >= 0)
    set_integer(object, "held_ns", act->held_ns);
  if (act->old_value >= 0)
    set_integer(object, "old", act->old_value);
  if (act->new_value >= 0)
    set_integer(object, "new", act->new_value);
  write_line(log, object);
}

void truth_log_write_failure(struct truth_log *log, int64_t time_ns, int64_t wall_ns,
                             enum path_direction direction, uint32_t frame_bytes,
                             const char *error_text)
{
  json_t *object = new_line("write-failure", time_ns, wall_ns);
  set_text(object, "direction", direction_name(direction));
  set_integer(object, "frame_bytes", frame_bytes);
  set_text(object, "error", error_text);
  write_line(log, object);
}

static void set_pair(json_t *object, const char *key, const uint64_t values[PATH_DIRECTIONS])
{
  json_object_set_new(object, key, pair((int64_t)values[PATH_AB], (int64_t)values[PATH_BA]));
}

static json_t *lateness_object(const struct lateness *lateness)
{
  json_t *object = json_object();
  set_count(object, "frames", lateness->count);
  set_integer(object, "p50_ns", lateness_percentile_ns(lateness, 0.5));
  set_integer(object, "p99_ns", lateness_percentile_ns(lateness, 0.99));
  set_integer(object, "max_ns", lateness->max_ns);
  return object;
}

static json_t *rules_array(const struct scenario *scenario, const struct path *path)
{
  json_t *rules = json_array();
  for (uint32_t i = 0; i < scenario->rule_count; i++) {
    struct path_rule_stats stats;
    path_get_rule_stats(path, i, &stats);
    json_t *rule = json_object();
    set_integer(rule, "line", scenario->rules[i].line);
    set_count(rule, "matched", stats.matched);
    set_count(rule, "treated", stats.treated);
    json_array_append_new(rules, rule);
  }
  return rules;
}

void truth_log_end(struct truth_log *log, const struct scenario *scenario,
                   const struct truth_end *end)
{
  struct path_stats stats;
  path_get_stats(end->path, &stats);
  json_t *object = new_line("stop", end->time_ns, end->wall_ns);
  set_integer(object, "cpu_ns", end->cpu_ns);
  set_pair(object, "frames_in", stats.frames_in);
  set_pair(object, "frames_out", stats.frames_out);
  set_pair(object, "bytes_in", stats.bytes_in);
  set_pair(object, "bytes_out", stats.bytes_out);
  set_pair(object, "dropped", stats.dropped);
  set_pair(object, "queue_dropped", stats.queue_dropped);
  set_pair(object, "overflowed", stats.overflowed);
  set_pair(object, "write_failures", end->write_failures);
  json_object_set_new(object, "ring_drops",
                      pair(end->ring_drops[PATH_AB], end->ring_drops[PATH_BA]));
  set_count(object, "duplicated", stats.duplicated);
  set_count(object, "forged", stats.forged);
  set_count(object, "not_forged", stats.not_forged);
  set_count(object, "connections_forgotten", stats.flows_forgotten);
  set_count(object, "copies_uncounted", stats.copies_uncounted);
  set_count(object, "memory_peak_bytes", stats.memory_peak_bytes);
  set_count(object, "log_failures", log->failures);
  json_object_set_new(object, "lateness", lateness_object(end->lateness));
  json_object_set_new(object, "rules", rules_array(scenario, end->path));
  write_line(log, object);
  truth_log_flush(log);
}

void truth_log_flush(struct truth_log *log)
{
  if (log->dirty && fflush(log->stream) != 0)
    log->failures++;
  log->dirty = false;
}

bool truth_log_is_whole(const struct truth_log *log)
{
  return log->failures == 0;
}
