#include "analyzer/summary.h"

#include "analyzer/socket_witness.h"
#include "analyzer/vantage.h"
#include "wire/timestamp.h"

#include <stdio.h>
#include <string.h>

/* Finished checksums that look open are 1 in 65536: fewer than this, or a smaller share of the
 * packets, is chance. */
#define OFFLOADED_MIN   2u
#define OFFLOADED_SHARE 4u
/* Below this many data segments, the lack of pure ACKs is no sign of a filter. */
#define PURE_ACKS_EXPECTED_FROM 20u

static void summarise_trouble(const struct trouble *trouble, struct stream_summary *summary)
{
  summary->retransmitted_segments = trouble->retransmitted_segments;
  summary->retransmitted_bytes = trouble->retransmitted_bytes;
  summary->fast_retransmits = trouble->fast_retransmits;
  summary->rto_retransmits = trouble->rto_retransmits;
  summary->tlp_probes = trouble->tlp_probes;
  summary->spurious_retransmits = trouble->spurious_retransmits;
  summary->sack_segments = trouble->sack_segments;
  summary->dsack_segments = trouble->dsack_segments;
  summary->out_of_order = trouble->out_of_order;
  summary->zero_windows = trouble->zero_windows;
  summary->window_probes = trouble->window_probes;
  summary->keepalives = trouble->keepalives;
  summary->duplicates = trouble->duplicates;
  summary->bad_checksums = trouble->bad_checksums;
  summary->unseen_bytes = trouble->unseen_bytes;
  for (int i = 0; i < LOCATION_COUNT; i++)
    summary->budget_ns[i] = trouble->owed_ns[i];
}

static void summarise_scale(const struct connection *connection, enum stream_side side,
                            struct stream_summary *summary)
{
  const struct stream *stream = &connection->stream[side];
  bool known;
  summary->wscale_state = connection_wscale_state(connection, side);
  summary->wscale = connection_shift(connection, side, &known);
  summary->wscale_min = summary->wscale_max = summary->wscale;
  if (summary->wscale_state == WSCALE_INFERRED || summary->wscale_state == WSCALE_UNKNOWN) {
    summary->wscale_min = stream->est_wscale_min;
    summary->wscale_max = 14; /* RFC 7323, 2.3 */
  }
}

static void summarise_stream(const struct connection *connection, enum stream_side side,
                             struct stream_summary *summary)
{
  const struct stream *stream = &connection->stream[side];
  memset(summary, 0, sizeof *summary);
  if (stream->trouble != NULL)
    summarise_trouble(stream->trouble, summary);
  summary->bytes = stream->bytes;
  summary->segments = stream->segments;
  summary->packets = stream->packets;
  summary->acks = stream->acks;
  summary->duplicate_acks = stream->duplicate_ack_count;
  summary->mss = stream->mss;
  summary->largest_segment = stream->largest_segment;
  summary->timestamps = (stream->flags & STREAM_TIMESTAMPS) != 0;
  summary->sack_permitted = (stream->flags & STREAM_SACK_PERMITTED) != 0;
  summary->fin = (stream->flags & STREAM_FIN) != 0;
  summary->rst = (stream->flags & STREAM_RST) != 0;
  summary->syn = (stream->flags & STREAM_SYN) != 0;
  summary->ts_clock_hz = stream->clock.hz;
  bool sampled = stream->rtt.samples > 0;
  summary->rtt_samples = stream->rtt.samples;
  summary->rtt_min_ns = sampled ? stream->rtt.min_ns : TIME_INVALID;
  summary->rtt_max_ns = sampled ? stream->rtt.max_ns : TIME_INVALID;
  summary->srtt_ns = sampled ? stream->rtt.srtt_ns : TIME_INVALID;
  summary->rttvar_ns = sampled ? stream->rtt.rttvar_ns : TIME_INVALID;
  summary->est_rto_ns = sampled ? rtt_rto_ns(&stream->rtt) : TIME_INVALID;
  summary->window_min = stream->window_min;
  summary->window_max = stream->window_max;
  summary->flight_max = stream->flight_max;
  summarise_scale(connection, side, summary);
  summary->moving_ns = stream->moving_ns;
  summary->idle_ns = stream->idle_ns;
}

static uint32_t quality_of(const struct connection *connection)
{
  uint32_t quality = connection->quality;
  for (int side = 0; side < 2; side++) {
    const struct stream *stream = &connection->stream[side];
    if (stream->offloaded >= OFFLOADED_MIN &&
        stream->offloaded >= stream->packets / OFFLOADED_SHARE)
      quality |= QUALITY_OFFLOADED_CHECKSUMS;
  }
  const struct stream *client = &connection->stream[SIDE_CLIENT],
                      *server = &connection->stream[SIDE_SERVER];
  if (((client->flags | server->flags) & STREAM_SYN) == 0)
    quality |= QUALITY_MID_STREAM;
  if (client->packets == 0 || server->packets == 0)
    quality |= QUALITY_ONE_DIRECTION;
  for (int side = 0; side < 2; side++) {
    const struct stream *stream = &connection->stream[side];
    if ((stream->flags & STREAM_PURE_ACKS) == 0 && stream->segments >= PURE_ACKS_EXPECTED_FROM &&
        connection->stream[side ^ 1].packets > 0)
      quality |= QUALITY_NO_PURE_ACKS;
  }
  return quality;
}

void connection_summarise(const struct analyzer *analyzer, const struct connection *connection,
                          struct connection_summary *summary)
{
  struct vantage_view view;
  vantage_of(analyzer, connection, &view);
  memset(summary, 0, sizeof *summary);
  int client = (connection->flags & CONNECTION_CLIENT_IS_1) != 0 ? 1 : 0;
  struct endpoint *ends[2] = {&summary->client, &summary->server};
  for (int i = 0; i < 2; i++) {
    int index = i == 0 ? client : client ^ 1;
    ends[i]->address = connection->key.address[index];
    ends[i]->port = connection->key.port[index];
    ends[i]->ip_version = connection->key.ip_version;
  }
  summary->id = connection->id;
  summary->roles_from_syn = (connection->flags & CONNECTION_ROLES_FROM_SYN) != 0;
  summary->end = connection->end;
  summary->sampled_sides = socket_witness_sides(analyzer, connection);
  summary->vantage = view.vantage;
  summary->vantage_source = view.source;
  snprintf(summary->vantage_reason, sizeof summary->vantage_reason, "%s", view.reason);
  summary->start_ns = connection->start_ns;
  summary->end_ns = connection->last_ns;
  summary->packets = connection->packets;
  summary->established = (connection->flags & CONNECTION_ESTABLISHED) != 0;
  summary->closed = (connection->flags & CONNECTION_CLOSED) != 0;
  summary->quality = quality_of(connection);
  summary->findings = connection->findings;
  summary->findings_suppressed = connection->findings_suppressed;
  for (int side = 0; side < 2; side++)
    summarise_stream(connection, (enum stream_side)side, &summary->streams[side]);
}
