#include "cli/replay_load.h"

#include "analyzer/clock_fit.h"
#include "analyzer/joint.h"
#include "cli/analysis.h"
#include "cli/commands.h"
#include "cli/complain.h"
#include "report/collect.h"
#include "report/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Packets of one connection at one point: 160 bytes each. */
#define PACKETS_MAX UINT64_C(4000000)
/* Frames that are kept whole. */
#define FRAME_BYTES_MAX (UINT64_C(2) << 30)
/* A connection's times are those of its packets; those of others nearby may matter too. */
#define TIME_SLACK_NS    NS_PER_MS
#define FOREIGN_SLACK_NS NS_PER_S
/* What a segment loses to the timestamps option (RFC 7323, appendix A). */
#define TIMESTAMPS_BYTES 12
#define WSCALE_MAX       14

struct loading {
  const struct replay_load_options *options;
  struct analysis analysis;
  struct recording *recording;
  struct report_connection connection;
  struct connection_material material; /* of it */
  size_t packets_room, bytes_room;
};

static int trouble(const char *text)
{
  complain("%s", text);
  return EXIT_TROUBLE;
}

/* ---- which finding, which connection ---- */

/* A mismatch or a hold alone keeps nothing waiting. */
static bool keeps_waiting(const struct finding *finding)
{
  return finding->kind == FINDING_STALL || finding->kind == FINDING_CRAWL ||
         finding->kind == FINDING_ABORT || finding->severity == SEVERITY_PROBLEM;
}

/* Index of the finding that is wanted, the number of findings if there is none. */
static int choose_finding(const struct loading *loading, uint32_t *chosen)
{
  const struct collect *collect = loading->analysis.collect;
  const uint32_t count = collect_finding_count(collect);
  struct finding finding;
  uint64_t id;
  if (loading->options->finding > count) {
    complain("--finding %" PRIu32 ": the analysis has %" PRIu32 " finding%s",
             loading->options->finding, count, count == 1 ? "" : "s");
    return EXIT_TROUBLE;
  }
  if (loading->options->finding > 0) {
    *chosen = loading->options->finding - 1;
    return 0;
  }
  for (*chosen = 0; *chosen < count; ++*chosen) {
    collect_finding(collect, *chosen, &finding, &id);
    if (keeps_waiting(&finding))
      break;
  }
  return 0;
}

/* The connection of the finding, or else the one with the most packets. */
static int choose_connection(struct loading *loading, uint32_t chosen)
{
  struct collect *collect = loading->analysis.collect;
  uint32_t index = UINT32_MAX;
  uint64_t id = 0, most = 0;
  if (chosen < collect_finding_count(collect)) {
    struct finding finding;
    collect_finding(collect, chosen, &finding, &id);
    index = collect_connection_index(collect, id);
  }
  for (uint32_t i = 0; id == 0 && i < collect_connection_count(collect); i++) {
    collect_connection(collect, i, &loading->connection, &loading->material);
    if (loading->connection.summary->packets > most) {
      most = loading->connection.summary->packets;
      index = i;
    }
  }
  if (index == UINT32_MAX)
    return trouble("there is no TCP connection in the trace: nothing can be replayed");
  collect_connection(collect, index, &loading->connection, &loading->material);
  return 0;
}

/* ---- findings ---- */

static void describe_finding(struct recorded_finding *recorded, const struct finding *finding,
                             uint32_t number)
{
  *recorded = (struct recorded_finding){.id = number,
                                        .problem = finding->severity == SEVERITY_PROBLEM,
                                        .sender = finding->sender == SIDE_CLIENT ? RECORDING_CLIENT
                                                                                 : RECORDING_SERVER,
                                        .kind = finding_kind_name(finding->kind),
                                        .location = location_name(finding->location),
                                        .cause = cause_info(finding->cause)->code,
                                        .confidence = confidence_name(finding->confidence),
                                        .ended_by = ended_by_name(finding->ended_by),
                                        .start_ns = finding->start_ns,
                                        .end_ns = finding->end_ns,
                                        .waited_ns = finding->waited_ns,
                                        .hold_min_ns = finding->hold_min_ns,
                                        .hold_max_ns = finding->hold_max_ns,
                                        .waits = finding->waits,
                                        .other_count = finding->alternative_count};
  snprintf(recorded->summary, sizeof recorded->summary, "%s", finding->summary);
  for (uint32_t i = 0; i < finding->alternative_count; i++) {
    recorded->other_locations[i] = location_name(finding->not_excluded[i].location);
    recorded->other_causes[i] = cause_info(finding->not_excluded[i].cause)->code;
  }
}

static int take_findings(struct loading *loading, uint32_t chosen)
{
  const struct collect *collect = loading->analysis.collect;
  struct recording *recording = loading->recording;
  uint32_t first = 0;
  const uint32_t count = collect_connection_findings(collect, recording->connection_id, &first);
  recording->findings = calloc(count + 1, sizeof *recording->findings);
  if (recording->findings == NULL)
    return trouble("out of memory");
  recording->finding_count = recording->target = count;
  for (uint32_t i = 0; i < count; i++) {
    struct finding finding;
    uint64_t id;
    const uint32_t index = collect_finding_at(collect, first + i);
    collect_finding(collect, index, &finding, &id);
    describe_finding(&recording->findings[i], &finding, index + 1);
    if (index == chosen)
      recording->target = i;
  }
  return 0;
}

/* ---- points ---- */

static enum recording_place place_of(enum vantage vantage)
{
  switch (vantage) {
  case VANTAGE_CLIENT: return RECORDED_AT_CLIENT;
  case VANTAGE_SERVER: return RECORDED_AT_SERVER;
  case VANTAGE_MIDDLE: return RECORDED_BETWEEN;
  case VANTAGE_UNKNOWN: break;
  }
  return RECORDED_SOMEWHERE;
}

static struct recorded_endpoint recorded_endpoint(const struct endpoint *endpoint)
{
  return (struct recorded_endpoint){endpoint->address, endpoint->port, endpoint->ip_version};
}

static void name_point(struct recording_point *point, const struct point *from, bool shares)
{
  const struct source *source = from->source;
  if (source->is_text && source->excerpts > 1)
    snprintf(point->name, sizeof point->name, "%.60s, excerpt %" PRIu32, source->path,
             from->excerpt + 1);
  else if (shares)
    snprintf(point->name, sizeof point->name, "%.58s, interface %" PRIu32, source->path,
             from->interface);
  else
    snprintf(point->name, sizeof point->name, "%.79s", source->path);
}

static void describe_point(struct loading *loading, uint32_t index)
{
  const struct report_connection *connection = &loading->connection;
  const struct connection_summary *view = connection->views[index];
  struct recording_point *point = &loading->recording->points[index];
  point->place = place_of(view->vantage);
  point->place_declared = view->vantage_source == VANTAGE_DECLARED;
  point->endpoints[RECORDING_CLIENT] = recorded_endpoint(&view->client);
  point->endpoints[RECORDING_SERVER] = recorded_endpoint(&view->server);
  for (int side = 0; side < RECORDING_SIDES && connection->pairing != NULL; side++)
    point->seq_shift[side] = connection->pairing->views[index].seq_shift[side];
  for (uint32_t i = 0; i < collect_capture_count(loading->analysis.collect); i++) {
    const struct report_capture *capture = collect_capture(loading->analysis.collect, i);
    if (capture->end == view->end)
      point->has_drops = capture->has_dropped && capture->dropped > 0;
  }
  name_point(point, &loading->analysis.points.points[view->end],
             loading->analysis.points.interfaces);
}

/* ---- packets ---- */

static bool is_endpoint(const struct recorded_endpoint *endpoint, const struct ip_address *address,
                        uint16_t port)
{
  return endpoint->port == port && memcmp(&endpoint->address, address, sizeof *address) == 0;
}

static bool is_host(const struct recording_point *point, const struct ip_address *address)
{
  return memcmp(&point->endpoints[0].address, address, sizeof *address) == 0 ||
         memcmp(&point->endpoints[1].address, address, sizeof *address) == 0;
}

/* Whose packet it is, or -1: it does not matter here. */
static int sender_of(const struct recording_point *point, const struct packet *packet)
{
  const struct recorded_endpoint *client = &point->endpoints[RECORDING_CLIENT];
  const struct recorded_endpoint *server = &point->endpoints[RECORDING_SERVER];
  if (packet->kind == PACKET_TCP) {
    if (is_endpoint(client, &packet->src, packet->src_port) &&
        is_endpoint(server, &packet->dst, packet->dst_port))
      return RECORDING_CLIENT;
    if (is_endpoint(server, &packet->src, packet->src_port) &&
        is_endpoint(client, &packet->dst, packet->dst_port))
      return RECORDING_SERVER;
    return -1;
  }
  if (packet->kind == PACKET_ICMP_ERROR || packet->kind == PACKET_ICMP ||
      packet->kind == PACKET_ARP || packet->kind == PACKET_ND || packet->kind == PACKET_UDP)
    return is_host(point, &packet->src) || is_host(point, &packet->dst) ? RECORDING_FOREIGN : -1;
  return -1;
}

static int keep_frame(struct loading *loading, struct recorded_packet *recorded,
                      const struct frame *frame)
{
  struct recording *recording = loading->recording;
  const size_t needed = recording->bytes_size + frame->captured_bytes;
  if (needed > FRAME_BYTES_MAX)
    return trouble("the trace is too large to be replayed frame by frame (2 GB)");
  if (needed > loading->bytes_room) {
    const size_t room = needed * 2 + 65536;
    uint8_t *longer = realloc(recording->bytes, room);
    if (longer == NULL)
      return trouble("out of memory");
    recording->bytes = longer;
    loading->bytes_room = room;
  }
  memcpy(recording->bytes + recording->bytes_size, frame->bytes, frame->captured_bytes);
  recorded->frame_at = recording->bytes_size;
  recorded->frame_bytes = frame->captured_bytes;
  recording->bytes_size = needed;
  return 0;
}

static struct recorded_packet *add_packet(struct loading *loading, struct recording_point *point)
{
  if (point->packet_count == loading->packets_room) {
    const size_t room = loading->packets_room * 2 + 1024;
    struct recorded_packet *longer =
        room <= 2 * PACKETS_MAX ? realloc(point->packets, room * sizeof *longer) : NULL;
    if (longer == NULL) {
      trouble("the connection has too many packets to be replayed");
      return NULL;
    }
    point->packets = longer;
    loading->packets_room = room;
  }
  return &point->packets[point->packet_count++];
}

/* More than that counts as that (RFC 7323, 2.3). */
static uint8_t used_scale(const struct packet *packet)
{
  return packet->wscale > WSCALE_MAX ? WSCALE_MAX : packet->wscale;
}

static void note_syn(struct recorded_syn *syn, const struct packet *packet)
{
  if (syn->seen)
    return;
  *syn = (struct recorded_syn){.seen = true,
                               .window = packet->window,
                               .mss = packet->options & TCP_OPT_MSS ? packet->mss : 0,
                               .has_wscale = (packet->options & TCP_OPT_WSCALE) != 0,
                               .wscale = packet->options & TCP_OPT_WSCALE ? used_scale(packet) : 0,
                               .sack_permitted = (packet->options & TCP_OPT_SACK_PERMITTED) != 0,
                               .timestamps = (packet->options & TCP_OPT_TIMESTAMPS) != 0};
  /* what the snap length cut off cannot be compared */
  syn->seen = (packet->options & (TCP_OPT_CUT | TCP_OPT_MALFORMED)) == 0;
}

static bool in_time(const struct recording *recording, const struct packet *packet, int from)
{
  const int64_t slack_ns = from == RECORDING_FOREIGN ? FOREIGN_SLACK_NS : TIME_SLACK_NS;
  return time_is_valid(packet->time_ns) && packet->time_ns >= recording->start_ns - slack_ns &&
         packet->time_ns <= recording->end_ns + slack_ns;
}

static int take_frame(struct loading *loading, uint32_t index, const struct clock_map *clock,
                      const struct frame *frame)
{
  struct recording_point *point = &loading->recording->points[index];
  struct packet packet;
  packet_decode(frame, &packet);
  int from = sender_of(point, &packet);
  if (from < 0 && loading->options->every_frame)
    from = RECORDING_FOREIGN;
  if (clock != NULL && time_is_valid(packet.time_ns))
    packet.time_ns = clock_map_to_a(clock, packet.time_ns);
  if (from < 0 || (!loading->options->every_frame && !in_time(loading->recording, &packet, from)))
    return 0;
  struct recorded_packet *recorded = add_packet(loading, point);
  if (recorded == NULL)
    return EXIT_TROUBLE;
  packet.end = (uint8_t)index;
  *recorded = (struct recorded_packet){.packet = packet,
                                       .captured_ns = frame->time_ns,
                                       .from = (uint8_t)from,
                                       .linktype = frame->linktype};
  if (from != RECORDING_FOREIGN && packet.flags & TCP_SYN)
    note_syn(&point->syns[from], &packet);
  return loading->options->keep_frames ? keep_frame(loading, recorded, frame) : 0;
}

/* Whether a frame of that interface belongs to the capture point. */
static bool belongs(const struct points *points, uint8_t end, uint32_t interface)
{
  const struct lane_ends *lane = &points->lanes[points->points[end].source_index];
  if (!points->interfaces || lane->count == 0)
    return true;
  return lane->ends[interface < lane->count ? interface : lane->count - 1] == end;
}

static int read_point(struct loading *loading, uint32_t index)
{
  const uint8_t end = loading->connection.views[index]->end;
  const struct points *points = &loading->analysis.points;
  const struct point *from = &points->points[end];
  const struct report_overview *overview = collect_overview(loading->analysis.collect);
  const struct clock_map *clock = end > 0 ? overview->joint.clocks[end] : NULL;
  const struct trace_options options = {.filter = loading->analysis.options->filter};
  struct trace *trace = NULL;
  struct frame frames[64];
  struct error error = {.code = ERROR_NONE};
  int count, status = 0;
  if (from->source->once)
    return trouble("a replay reads the trace twice: save the pipe to a file first");
  if (source_reopen(from->source, from->excerpt, &options, &trace, &error) < 0)
    return trouble(error.text);
  loading->packets_room = 0;
  while (status == 0 && (count = trace_next(trace, frames, 64, &error)) > 0)
    for (int i = 0; i < count && status == 0; i++)
      if (frames[i].number <= from->source->last_frame &&
          (from->source->is_text || belongs(points, end, frames[i].interface)))
        status = take_frame(loading, index, clock, &frames[i]);
  trace_close(trace);
  return status;
}

/* ---- what is known of the hosts ---- */

/* The largest payload, and the largest window as it is meant, of a side's packets. */
static void measure_side(struct recording *recording, const struct recording_point *point,
                         enum recording_side side)
{
  const enum recording_side other = side == RECORDING_CLIENT ? RECORDING_SERVER : RECORDING_CLIENT;
  struct recorded_host *host = &recording->hosts[side];
  uint32_t largest = 0;
  bool has_tos = false;
  for (size_t i = 0; i < point->packet_count; i++) {
    const struct packet *packet = &point->packets[i].packet;
    if (point->packets[i].from == other && packet->payload_bytes > largest)
      largest = packet->payload_bytes;
    if (point->packets[i].from != side)
      continue;
    const uint8_t shift = packet->flags & TCP_SYN || !host->window_scaling ? 0 : host->wscale;
    const uint64_t window = (uint64_t)packet->window << shift;
    host->window_max = window > host->window_max ? window : host->window_max;
    if (packet->payload_bytes > 0 && !has_tos) {
      host->tos = packet->tos;
      has_tos = true;
    }
  }
  if (host->mss == 0 && largest > 0)
    host->mss = (uint16_t)(largest + (host->timestamps ? TIMESTAMPS_BYTES : 0));
}

static bool any_has(const struct recording_point *point, enum recording_side side, uint16_t option)
{
  for (size_t i = 0; i < point->packet_count; i++)
    if (point->packets[i].from == side && point->packets[i].packet.options & option)
      return true;
  return false;
}

/* Mid-stream: what packets show, and what is usual. */
static void assume_host(struct recording *recording, const struct recording_point *point,
                        const struct connection_summary *summary, enum recording_side side)
{
  struct recorded_host *host = &recording->hosts[side];
  const char *name = side == RECORDING_CLIENT ? "client" : "server";
  const struct stream_summary *stream = &summary->streams[side];
  host->timestamps = any_has(point, side, TCP_OPT_TIMESTAMPS);
  host->sack = true;
  host->window_scaling = stream->wscale_state == WSCALE_INFERRED && stream->wscale > 0;
  host->wscale = host->window_scaling ? stream->wscale : 0;
  if (host->window_scaling)
    recording_assume(recording, "the %s's window scale is %u, inferred from its windows", name,
                     host->wscale);
  else
    recording_assume(recording, "the %s's windows are what their field says: no scale", name);
}

static void describe_host(struct recording *recording, const struct connection_summary *summary,
                          enum recording_side side)
{
  const enum recording_side other = side == RECORDING_CLIENT ? RECORDING_SERVER : RECORDING_CLIENT;
  struct recorded_host *host = &recording->hosts[side];
  bool at_it, peer_at_it;
  const struct recording_point *point = recording_nearest(recording, side, &at_it);
  const struct recording_point *far = recording_nearest(recording, other, &peer_at_it);
  const struct recorded_syn *syn = &point->syns[side], *peer = &far->syns[other];
  if (!syn->seen) {
    assume_host(recording, point, summary, side);
  } else {
    host->from_handshake = true;
    host->mss = syn->mss;
    host->syn_window = syn->window;
    host->window_scaling = syn->has_wscale && (!peer->seen || peer->has_wscale);
    host->wscale = syn->has_wscale ? syn->wscale : 0;
    host->sack = syn->sack_permitted;
    host->timestamps = syn->timestamps;
  }
  measure_side(recording, point, side);
  if (!host->from_handshake && host->mss > 0)
    recording_assume(recording, "the %s's MSS is %u: its peer's largest segments%s",
                     side == RECORDING_CLIENT ? "client" : "server", host->mss,
                     host->timestamps ? " and their timestamps" : "");
}

static void describe_hosts(struct loading *loading)
{
  struct recording *recording = loading->recording;
  recording->whole = recording->points[0].syns[RECORDING_CLIENT].seen;
  if (!recording->whole)
    recording_assume(recording, "the trace begins in mid-stream: a new connection takes the place "
                                "of the old one's beginning");
  if (!recording->roles_known)
    recording_assume(recording, "who opened the connection is guessed by the ports");
  for (int side = 0; side < RECORDING_SIDES; side++)
    describe_host(recording, loading->connection.summary, (enum recording_side)side);
  if (!recording->hosts[0].from_handshake && !recording->hosts[1].from_handshake)
    recording_assume(recording, "SACK is in use, as is usual");
}

/* ---- all ---- */

static int fill(struct loading *loading)
{
  struct recording *recording = loading->recording;
  const struct report_connection *connection = &loading->connection;
  recording->connection_id = connection->id;
  recording->roles_known = connection->summary->roles_from_syn;
  recording->start_ns = connection->summary->start_ns;
  recording->end_ns = connection->summary->end_ns;
  for (uint32_t i = 0; i < connection->view_count; i++) {
    const int64_t start_ns = connection->views[i]->start_ns, end_ns = connection->views[i]->end_ns;
    recording->start_ns = start_ns < recording->start_ns ? start_ns : recording->start_ns;
    recording->end_ns = end_ns > recording->end_ns ? end_ns : recording->end_ns;
  }
  recording->point_count = connection->view_count;
  for (uint32_t i = 0; i < connection->view_count; i++) {
    describe_point(loading, i);
    const int status = read_point(loading, i);
    if (status != 0)
      return status;
  }
  describe_hosts(loading);
  return 0;
}

int replay_load(const struct replay_load_options *options, struct recording *recording)
{
  struct loading *loading = calloc(1, sizeof *loading);
  uint32_t chosen = 0;
  *recording = (struct recording){.point_count = 0};
  if (loading == NULL)
    return trouble("out of memory");
  loading->options = options;
  loading->recording = recording;
  loading->analysis.options = options->analyze;
  int status = analysis_run(&loading->analysis);
  if (status == 0 && collect_arrange(loading->analysis.collect) < 0)
    status = trouble("out of memory");
  if (status == 0)
    status = choose_finding(loading, &chosen);
  if (status == 0)
    status = choose_connection(loading, chosen);
  if (status == 0)
    status = fill(loading);
  if (status == 0)
    status = take_findings(loading, chosen);
  if (status == 0 && !options->every_frame)
    recording_trim(recording);
  analysis_clear(&loading->analysis);
  free(loading);
  return status;
}
