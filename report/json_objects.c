#include "report/json_objects.h"

#include "report/clean.h"
#include "report/json_joint.h"
#include "report/json_kernel.h"
#include "report/quality.h"
#include "wire/timestamp.h"

#include <stdio.h>
#include <string.h>

json_t *json_seconds(int64_t time_ns)
{
  return time_is_valid(time_ns) ? json_real(time_to_s(time_ns)) : json_null();
}

json_t *json_nanoseconds(int64_t time_ns)
{
  return time_is_valid(time_ns) ? json_integer(time_ns) : json_null();
}

json_t *json_count(uint64_t count)
{
  return json_integer(count > INT64_MAX ? INT64_MAX : (json_int_t)count);
}

json_t *json_text(const char *text)
{
  char clean[4096];
  const size_t length = clean_text(CLEAN_JSON, text, clean, sizeof clean);
  return json_stringn(clean, length);
}

void json_set_time(json_t *object, const char *key_s, const char *key_ns, int64_t time_ns)
{
  json_object_set_new(object, key_s, json_seconds(time_ns));
  json_object_set_new(object, key_ns, json_nanoseconds(time_ns));
}

void json_set_text(json_t *object, const char *key, const char *text)
{
  json_object_set_new(object, key, json_text(text));
}

void json_set_count(json_t *object, const char *key, uint64_t count)
{
  json_object_set_new(object, key, json_count(count));
}

/* ---- captures and totals ---- */

static void append_name(void *context, const char *name)
{
  json_array_append_new(context, json_string(name));
}

static const char *time_base_name(enum report_time_base base)
{
  switch (base) {
  case REPORT_TIME_OF_DAY: return "time-of-day";
  case REPORT_TIME_RELATIVE: return "relative";
  case REPORT_TIME_EPOCH: break;
  }
  return "epoch";
}

json_t *json_end(uint8_t end)
{
  const char letter[2] = {(char)('A' + end % 26), '\0'};
  return json_string(letter);
}

static json_t *kinds_object(const struct analyzer_stats *stats)
{
  json_t *object = json_object();
  for (int kind = 0; kind < PACKET_KIND_COUNT; kind++)
    if (stats->packets[kind] != 0)
      json_set_count(object, packet_kind_name((enum packet_kind)kind), stats->packets[kind]);
  return object;
}

static json_t *engine_object(const struct analyzer_stats *stats)
{
  json_t *object = json_object();
  json_set_count(object, "connections", stats->connections);
  json_set_count(object, "syns_unanswered", stats->syns_unanswered);
  json_set_count(object, "connections_retired", stats->connections_retired);
  json_set_count(object, "half_open_forgotten", stats->half_open_forgotten);
  json_set_count(object, "segments_forgotten", stats->segments_forgotten);
  json_set_count(object, "time_backwards", stats->time_backwards);
  json_set_count(object, "memory_peak_bytes", stats->memory_peak_bytes);
  return object;
}

json_t *json_capture_object(const struct report_capture *capture)
{
  json_t *object = json_object();
  json_t *quality = json_array();
  quality_each_name(capture, append_name, quality);
  json_object_set_new(object, "end", json_end(capture->end));
  json_set_text(object, "file", capture->file);
  if (capture->excerpt != 0)
    json_set_count(object, "excerpt", capture->excerpt);
  if (capture->interface[0] != '\0')
    json_set_text(object, "interface", capture->interface);
  json_set_text(object, "format", capture->format);
  json_set_text(object, "compression", capture->compression);
  json_set_text(object, "captured_on", capture->captured_on);
  json_set_count(object, "frames", capture->frames);
  json_set_count(object, "filtered_out", capture->filtered_out);
  json_set_count(object, "bytes", capture->bytes);
  json_object_set_new(object, "dropped",
                      capture->has_dropped ? json_count(capture->dropped) : json_null());
  json_set_samples(object, capture);
  json_object_set_new(object, "quality", quality);
  json_object_set_new(object, "damage",
                      capture->damage[0] != '\0' ? json_text(capture->damage) : json_null());
  json_object_set_new(object, "time_base", json_string(time_base_name(capture->time_base)));
  json_set_time(object, "first_s", "first_ns", capture->stats.first_ns);
  json_set_time(object, "last_s", "last_ns", capture->stats.last_ns);
  json_object_set_new(object, "packets", kinds_object(&capture->stats));
  json_object_set_new(object, "analysis", engine_object(&capture->stats));
  json_set_count(object, "lines_not_understood", capture->lines_not_understood);
  return object;
}

json_t *json_totals_object(const struct report_overview *overview)
{
  json_t *object = json_object();
  json_set_count(object, "connections", overview->connections);
  json_set_count(object, "syns_unanswered", overview->syns_unanswered);
  json_set_count(object, "connections_left_out", overview->connections_left_out);
  json_set_count(object, "packets", overview->packets);
  json_set_count(object, "problems", overview->problems);
  json_set_count(object, "infos", overview->infos);
  json_set_count(object, "findings_left_out", overview->findings_left_out);
  json_set_count(object, "findings_suppressed", overview->findings_suppressed);
  json_object_set_new(object, "min_stall_s", json_seconds(overview->min_stall_ns));
  return object;
}

/* ---- connections ---- */

static json_t *endpoint_object(const struct endpoint *endpoint, uint8_t end,
                               const struct report_names *names)
{
  json_t *object = json_object();
  char address[IP_ADDRESS_TEXT_BYTES];
  ip_address_format(&endpoint->address, endpoint->ip_version, address);
  json_set_text(object, "addr", address);
  json_set_count(object, "port", endpoint->port);
  const char *name =
      names->name != NULL ? names->name(names->context, end, &endpoint->address) : NULL;
  if (name != NULL && name[0] != '\0')
    json_set_text(object, "name", name);
  return object;
}

static json_t *end_object(const struct connection_summary *view, uint8_t end,
                          const struct report_names *names)
{
  json_t *object = json_object();
  json_object_set_new(object, "end", json_end(end));
  json_object_set_new(object, "client", endpoint_object(&view->client, end, names));
  json_object_set_new(object, "server", endpoint_object(&view->server, end, names));
  json_set_text(object, "vantage", vantage_name(view->vantage));
  json_set_text(object, "vantage_source",
                view->vantage_source == VANTAGE_DECLARED ? "declared" : "inferred");
  json_set_text(object, "vantage_reason", view->vantage_reason);
  return object;
}

/* Of a connection that one capture point saw, the view may lack its end: the capture knows. */
static uint8_t view_end(const struct report_connection *connection, uint32_t view)
{
  return connection->view_count == 1 ? connection->capture->end : connection->views[view]->end;
}

static json_t *ends_array(const struct report_connection *connection,
                          const struct report_names *names)
{
  json_t *array = json_array();
  for (uint32_t i = 0; i < connection->view_count; i++)
    json_array_append_new(array, end_object(connection->views[i], view_end(connection, i), names));
  return array;
}

static json_t *window_scale_object(const struct stream_summary *stream, uint8_t end)
{
  const bool known = stream->wscale_state == WSCALE_KNOWN;
  const bool bounded = known || stream->wscale_state == WSCALE_INFERRED;
  json_t *object = json_object();
  json_object_set_new(object, "end", json_end(end));
  json_set_text(object, "state", window_scale_state_name(stream->wscale_state));
  json_object_set_new(object, "value", known ? json_count(stream->wscale) : json_null());
  json_object_set_new(object, "min",
                      bounded ? json_count(known ? stream->wscale : stream->wscale_min)
                              : json_null());
  json_object_set_new(object, "max",
                      bounded ? json_count(known ? stream->wscale : stream->wscale_max)
                              : json_null());
  return object;
}

/* As each end saw it: that they differ is what the path did. */
static json_t *window_scale_array(const struct report_connection *connection, enum stream_side side)
{
  json_t *array = json_array();
  for (uint32_t i = 0; i < connection->view_count; i++)
    json_array_append_new(
        array, window_scale_object(&connection->views[i]->streams[side], view_end(connection, i)));
  return array;
}

static json_t *budget_object(const struct stream_summary *stream)
{
  json_t *object = json_object();
  json_object_set_new(object, "moving", json_seconds(stream->moving_ns));
  json_object_set_new(object, "idle", json_seconds(stream->idle_ns));
  for (int location = LOCATION_NONE + 1; location < LOCATION_COUNT; location++)
    json_object_set_new(object, location_name((enum location)location),
                        json_seconds(stream->budget_ns[location]));
  return object;
}

static void set_counters(json_t *object, const struct stream_summary *stream)
{
  json_set_count(object, "packets", stream->packets);
  json_set_count(object, "acks", stream->acks);
  json_set_count(object, "retransmitted_bytes", stream->retransmitted_bytes);
  json_set_count(object, "fast_retransmits", stream->fast_retransmits);
  json_set_count(object, "rto_retransmits", stream->rto_retransmits);
  json_set_count(object, "tlp_probes", stream->tlp_probes);
  json_set_count(object, "spurious_retransmits", stream->spurious_retransmits);
  json_set_count(object, "duplicate_acks", stream->duplicate_acks);
  json_set_count(object, "sack_segments", stream->sack_segments);
  json_set_count(object, "dsack_segments", stream->dsack_segments);
  json_set_count(object, "out_of_order", stream->out_of_order);
  json_set_count(object, "zero_windows", stream->zero_windows);
  json_set_count(object, "window_probes", stream->window_probes);
  json_set_count(object, "keepalives", stream->keepalives);
  json_set_count(object, "duplicates", stream->duplicates);
  json_set_count(object, "bad_checksums", stream->bad_checksums);
  json_set_count(object, "unseen_bytes", stream->unseen_bytes);
}

static void set_measures(json_t *object, const struct stream_summary *stream)
{
  json_set_count(object, "mss", stream->mss);
  json_set_count(object, "largest_segment", stream->largest_segment);
  json_object_set_new(object, "timestamps", json_boolean(stream->timestamps));
  json_object_set_new(object, "sack_permitted", json_boolean(stream->sack_permitted));
  json_set_count(object, "est_ts_clock_hz", stream->ts_clock_hz);
  json_set_count(object, "rtt_samples", stream->rtt_samples);
  json_object_set_new(object, "rtt_min_s", json_seconds(stream->rtt_min_ns));
  json_object_set_new(object, "rtt_max_s", json_seconds(stream->rtt_max_ns));
  json_object_set_new(object, "srtt_s", json_seconds(stream->srtt_ns));
  json_object_set_new(object, "rttvar_s", json_seconds(stream->rttvar_ns));
  json_object_set_new(object, "est_rto_s", json_seconds(stream->est_rto_ns));
  json_set_count(object, "window_min", stream->window_min);
  json_set_count(object, "window_max", stream->window_max);
  json_set_count(object, "est_flight_max", stream->flight_max);
}

static json_t *stream_object(const struct report_connection *connection, enum stream_side side)
{
  const struct stream_summary *stream = &connection->summary->streams[side];
  json_t *object = json_object();
  json_set_text(object, "sender", stream_side_name(side));
  json_set_count(object, "bytes", stream->bytes);
  json_set_count(object, "segments", stream->segments);
  json_set_count(object, "retransmitted_segments", stream->retransmitted_segments);
  json_object_set_new(object, "window_scale", window_scale_array(connection, side));
  json_object_set_new(object, "budget_s", budget_object(stream));
  set_counters(object, stream);
  set_measures(object, stream);
  return object;
}

static json_t *connection_quality(uint32_t quality)
{
  json_t *array = json_array();
  for (unsigned i = 0; i < QUALITY_BITS; i++)
    if ((quality & 1U << i) != 0)
      json_array_append_new(array, json_string(analyzer_quality_name((enum quality)(1U << i))));
  return array;
}

json_t *json_connection_object(const struct report_connection *connection,
                               const struct report_names *names)
{
  const struct connection_summary *summary = connection->summary;
  const uint8_t end = connection->capture->end;
  json_t *object = json_object();
  json_t *streams = json_array();
  json_set_count(object, "id", connection->id);
  json_object_set_new(object, "client", endpoint_object(&summary->client, end, names));
  json_object_set_new(object, "server", endpoint_object(&summary->server, end, names));
  json_set_text(object, "role_source", summary->roles_from_syn ? "syn" : "guess");
  json_object_set_new(object, "ends", ends_array(connection, names));
  json_set_text(object, "evidence_level", evidence_level_name(connection->level));
  json_object_set_new(object, "quality", connection_quality(summary->quality));
  json_set_time(object, "start_s", "start_ns", summary->start_ns);
  json_set_time(object, "end_s", "end_ns", summary->end_ns);
  json_set_count(object, "packets", summary->packets);
  json_object_set_new(object, "established", json_boolean(summary->established));
  json_object_set_new(object, "closed", json_boolean(summary->closed));
  json_set_count(object, "findings_suppressed", summary->findings_suppressed);
  json_array_append_new(streams, stream_object(connection, SIDE_CLIENT));
  json_array_append_new(streams, stream_object(connection, SIDE_SERVER));
  json_object_set_new(object, "streams", streams);
  if (connection->pairing != NULL) {
    json_object_set_new(object, "pairing", json_pairing_object(connection));
    json_object_set_new(object, "path", json_path_array(connection));
  }
  json_object_set_new(object, "findings", json_array());
  return object;
}

/* ---- findings ---- */

static json_t *alternatives_array(const struct finding *finding)
{
  json_t *array = json_array();
  for (uint32_t i = 0; i < finding->alternative_count; i++) {
    const struct alternative *one = &finding->not_excluded[i];
    json_t *object = json_object();
    json_set_text(object, "location", location_name(one->location));
    json_set_text(object, "cause", cause_info(one->cause)->code);
    json_set_text(object, "why", one->why);
    json_array_append_new(array, object);
  }
  return array;
}

static json_t *evidence_array(const struct finding *finding)
{
  json_t *array = json_array();
  for (uint32_t i = 0; i < finding->evidence_count; i++) {
    const struct evidence *one = &finding->evidence[i];
    json_t *object = json_object();
    json_object_set_new(object, "end", json_end(one->end));
    json_object_set_new(object, "frame", one->frame != 0 ? json_count(one->frame) : json_null());
    json_set_time(object, "time_s", "time_ns", one->time_ns);
    json_set_text(object, "fact", one->fact);
    json_array_append_new(array, object);
  }
  return array;
}

static void set_stages(json_t *finding, const struct byte_stages *stages)
{
  if (!time_is_valid(stages->at_ns) || stages->outstanding_bytes == 0)
    return;
  json_t *object = json_object();
  json_set_time(object, "at_s", "at_ns", stages->at_ns);
  json_set_count(object, "outstanding_bytes", stages->outstanding_bytes);
  json_set_count(object, "in_path_bytes", stages->in_path_bytes);
  json_set_count(object, "lost_bytes", stages->lost_bytes);
  json_set_count(object, "unacked_at_receiver_bytes", stages->unacked_at_receiver_bytes);
  json_set_count(object, "ack_in_path_bytes", stages->ack_in_path_bytes);
  json_object_set_new(finding, "stages", object);
}

static void set_verdict(json_t *object, const struct finding *finding)
{
  json_set_text(object, "location", location_name(finding->location));
  json_set_text(object, "cause", cause_info(finding->cause)->code);
  json_set_text(object, "confidence", confidence_name(finding->confidence));
  json_set_text(object, "cause_confidence", confidence_name(finding->cause_confidence));
  json_object_set_new(object, "not_excluded", alternatives_array(finding));
  json_set_text(object, "ended_by", ended_by_name(finding->ended_by));
  json_object_set_new(object, "evidence", evidence_array(finding));
  json_set_text(object, "summary", finding->summary);
  json_set_text(object, "reason", finding->reason);
  json_set_text(object, "settle", finding->settle != NULL ? finding->settle : "");
  json_set_text(object, "advice", finding->advice != NULL ? finding->advice : "");
}

json_t *json_finding_object(const struct finding *finding)
{
  json_t *object = json_object();
  const bool timed = time_is_valid(finding->start_ns) && time_is_valid(finding->end_ns);
  json_set_count(object, "id", finding->id);
  json_set_text(object, "state", finding_state_name(finding->state));
  json_set_text(object, "severity", severity_name(finding->severity));
  json_set_text(object, "kind", finding_kind_name(finding->kind));
  json_set_text(object, "sender", stream_side_name(finding->sender));
  json_set_time(object, "start_s", "start_ns", finding->start_ns);
  json_set_time(object, "end_s", "end_ns", finding->end_ns);
  json_set_time(object, "duration_s", "duration_ns",
                timed ? finding->end_ns - finding->start_ns : TIME_INVALID);
  json_set_time(object, "hold_min_s", "hold_min_ns", finding->hold_min_ns);
  json_set_time(object, "hold_max_s", "hold_max_ns", finding->hold_max_ns);
  json_set_count(object, "waits", finding->waits);
  json_object_set_new(object, "waited_s", json_seconds(finding->waited_ns));
  set_stages(object, &finding->stages);
  json_set_kernel(object, finding);
  set_verdict(object, finding);
  return object;
}
