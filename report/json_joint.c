#include "report/json_joint.h"

#include "report/json_objects.h"
#include "wire/timestamp.h"

/* ---- clocks ---- */

static const char *clock_source(const struct clock_map *map)
{
  switch (map->host) {
  case CLOCK_HOST_SHARED: return "one-host";
  case CLOCK_HOST_DOUBTED: return "fitted-not-one-host";
  case CLOCK_HOST_UNKNOWN: break;
  }
  return "fitted";
}

json_t *json_clock_object(uint8_t end, const struct clock_map *map, uint32_t index)
{
  const struct clock_piece *piece = &map->pieces[index];
  json_t *object = json_object();
  json_object_set_new(object, "from", json_end(0));
  json_object_set_new(object, "to", json_end(end));
  json_set_text(object, "source", clock_source(map));
  json_set_time(object, "from_s", "from_ns", piece->from_ns);
  json_set_time(object, "to_s", "to_ns", piece->to_ns);
  json_set_time(object, "offset_s", "offset_ns", piece->offset_ns);
  json_object_set_new(object, "skew_ppm",
                      piece->skew_known ? json_real(piece->skew_ppm) : json_null());
  json_set_time(object, "uncertainty_s", "uncertainty_ns", piece->uncertainty_ns);
  json_set_time(object, "usual_uncertainty_s", "usual_uncertainty_ns", piece->usual_uncertainty_ns);
  return object;
}

/* ---- pairing ---- */

static const char *certainty_name(enum pair_certainty certainty)
{
  switch (certainty) {
  case PAIR_CERTAIN: return "certain";
  case PAIR_LIKELY: return "likely";
  case PAIR_POSSIBLE: break;
  }
  return "possible";
}

json_t *json_pairing_object(const struct report_connection *connection)
{
  const struct report_pairing *pairing = connection->pairing;
  json_t *object = json_object(), *shifts = json_array();
  json_set_text(object, "certainty", certainty_name(pairing->certainty));
  json_set_text(object, "reason", pairing->reason);
  json_object_set_new(object, "order_known", json_boolean(pairing->order_known));
  for (uint32_t i = 0; i < connection->view_count; i++) {
    json_t *shift = json_object();
    json_object_set_new(shift, "end", json_end(connection->views[i]->end));
    json_set_count(shift, "place", pairing->views[i].place);
    json_set_count(shift, "client", pairing->views[i].seq_shift[SIDE_CLIENT]);
    json_set_count(shift, "server", pairing->views[i].seq_shift[SIDE_SERVER]);
    json_array_append_new(shifts, shift);
  }
  json_object_set_new(object, "seq_shift", shifts);
  return object;
}

/* ---- path ---- */

/* A value before and after the path; NULL references stand for "there is none". */
struct two_values {
  json_t *before, *after;
};

static struct two_values numbers(uint64_t before, uint64_t after)
{
  return (struct two_values){json_count(before), json_count(after)};
}

static struct two_values options(const struct path_changes *changes, enum tcp_option_bit option)
{
  return (struct two_values){json_boolean((changes->options_before & (uint16_t)option) != 0),
                             json_boolean((changes->options_after & (uint16_t)option) != 0)};
}

static json_t *present(bool there, uint64_t value)
{
  return there ? json_count(value) : json_null();
}

static struct two_values values_of(const struct path_changes *changes, enum path_change bit)
{
  switch (bit) {
  case PATH_CHANGE_WSCALE:
  case PATH_CHANGE_WSCALE_STRIPPED:
  case PATH_CHANGE_WSCALE_ADDED:
    return (struct two_values){present(changes->wscale_before_present, changes->wscale_before),
                               present(changes->wscale_after_present, changes->wscale_after)};
  case PATH_CHANGE_MSS:
    return (struct two_values){present(changes->mss_before != 0, changes->mss_before),
                               present(changes->mss_after != 0, changes->mss_after)};
  case PATH_CHANGE_SACK_PERMITTED: return options(changes, TCP_OPT_SACK_PERMITTED);
  case PATH_CHANGE_TIMESTAMPS: return options(changes, TCP_OPT_TIMESTAMPS);
  case PATH_CHANGE_TTL: return numbers(changes->ttl_before, changes->ttl_after);
  case PATH_CHANGE_DSCP: return numbers(changes->tos_before >> 2, changes->tos_after >> 2);
  case PATH_CHANGE_ECN: return numbers(changes->ecn_before, changes->ecn_after);
  case PATH_CHANGE_WINDOW: return numbers(changes->window_before, changes->window_after);
  case PATH_CHANGE_FLAGS: return numbers(changes->flags_before, changes->flags_after);
  default: return (struct two_values){json_null(), json_null()};
  }
}

static void add_example(json_t *evidence, uint8_t end, uint64_t frame, int64_t time_ns)
{
  if (frame == 0)
    return;
  json_t *object = json_object();
  json_object_set_new(object, "end", json_end(end));
  json_set_count(object, "frame", frame);
  json_set_time(object, "time_s", "time_ns", time_ns);
  json_array_append_new(evidence, object);
}

static json_t *change_object(const struct hop_summary *hop, unsigned index)
{
  const struct path_changes *changes = &hop->changes;
  const struct path_change_example *first = &changes->first[index];
  const enum path_change bit = (enum path_change)(1U << index);
  const struct two_values values = values_of(changes, bit);
  json_t *object = json_object(), *evidence = json_array();
  json_set_text(object, "what", path_change_name(bit));
  json_object_set_new(object, "before", values.before);
  json_object_set_new(object, "after", values.after);
  json_set_count(object, "count", changes->counts[index]);
  if (bit == PATH_CHANGE_SEQ)
    json_set_count(object, "shift", changes->seq_shift);
  add_example(evidence, hop->from_end, first->frame_before, first->time_before_ns);
  add_example(evidence, hop->to_end, first->frame_after, first->time_after_ns);
  json_object_set_new(object, "evidence", evidence);
  return object;
}

static json_t *changes_array(const struct hop_summary *hop)
{
  json_t *array = json_array();
  for (unsigned i = 0; i < PATH_CHANGE_BITS; i++)
    if ((hop->changes.changed & 1U << i) != 0)
      json_array_append_new(array, change_object(hop, i));
  return array;
}

static json_t *hop_object(const struct hop_summary *hop, enum stream_side sender)
{
  json_t *object = json_object();
  json_set_text(object, "sender", stream_side_name(sender));
  json_object_set_new(object, "from", json_end(hop->from_end));
  json_object_set_new(object, "to", json_end(hop->to_end));
  json_set_count(object, "packets", hop->packets);
  json_set_count(object, "arrived", hop->arrived);
  json_set_count(object, "lost_segments", hop->lost_segments);
  json_set_count(object, "lost_bytes", hop->lost_bytes);
  json_set_count(object, "lost_acks", hop->lost_acks);
  json_set_count(object, "unsettled", hop->unsettled);
  json_set_count(object, "uncaptured", hop->uncaptured);
  json_object_set_new(object, "delay_min_s", json_seconds(hop->delay_min_ns));
  json_object_set_new(object, "delay_mean_s", json_seconds(hop->delay_mean_ns));
  json_object_set_new(object, "delay_max_s", json_seconds(hop->delay_max_ns));
  json_set_count(object, "reordered", hop->reordered);
  json_set_count(object, "duplicated", hop->duplicated);
  json_set_count(object, "corrupted", hop->corrupted);
  json_set_count(object, "ce_marked", hop->changes.ce_marked);
  json_object_set_new(object, "changes", changes_array(hop));
  return object;
}

json_t *json_path_array(const struct report_connection *connection)
{
  json_t *array = json_array();
  for (int side = 0; side < 2; side++)
    for (uint32_t i = 0; i < connection->hop_count; i++)
      json_array_append_new(array, hop_object(&connection->hops[side][i], (enum stream_side)side));
  return array;
}
