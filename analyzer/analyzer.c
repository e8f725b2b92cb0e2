#include "analyzer/analyzer.h"

#include "analyzer/advance.h"
#include "analyzer/crawl.h"
#include "analyzer/engine.h"
#include "analyzer/handshake.h"
#include "analyzer/hold_watch.h"
#include "analyzer/limit_run.h"
#include "analyzer/neighbours.h"
#include "analyzer/resume_watch.h"
#include "analyzer/sample_store.h"
#include "analyzer/summary.h"
#include "analyzer/track.h"
#include "analyzer/wait.h"
#include "analyzer/whole_connection.h"
#include "wire/seq.h"
#include "wire/timestamp.h"

#include <stdlib.h>
#include <string.h>

/* Default limits: connections * sizeof(struct connection) stays below 0.5 GB. */
#define DEFAULT_MIN_STALL_NS            (200 * NS_PER_MS)
#define DEFAULT_CONNECTIONS             500000u
#define DEFAULT_HALF_OPEN               65536u
#define DEFAULT_SEGMENTS_IN_FLIGHT      65536u
#define DEFAULT_FINDINGS_PER_CONNECTION 100u

#define TIME_MAX_NS (INT64_MAX / 2)
/* A silence that covers this part of a wait is the same silence. */
#define SILENT_SHARE_PERCENT 90
/* A closed connection is kept this long for what straggles in (Linux: TIME-WAIT lasts 60 s). */
#define CLOSED_KEPT_NS (60 * NS_PER_S)
/* A SYN with another ISN begins a new connection if the old one is over or has been quiet this
 * long. */
#define REUSE_QUIET_NS NS_PER_S

void analyzer_options_default(struct analyzer_options *options)
{
  *options = (struct analyzer_options){
      .min_stall_ns = DEFAULT_MIN_STALL_NS,
      .limits = {.connections = DEFAULT_CONNECTIONS,
                 .half_open = DEFAULT_HALF_OPEN,
                 .segments_in_flight = DEFAULT_SEGMENTS_IN_FLIGHT,
                 .findings_per_connection = DEFAULT_FINDINGS_PER_CONNECTION},
  };
}

struct analyzer *analyzer_new(const struct analyzer_options *options,
                              const struct analyzer_sink *sink)
{
  struct analyzer *analyzer = calloc(1, sizeof *analyzer);
  if (analyzer == NULL)
    return NULL;
  analyzer->options = *options;
  analyzer->sink = *sink;
  analyzer->now_ns = analyzer->clock_ns = TIME_INVALID;
  analyzer->stats.first_ns = analyzer->stats.last_ns = TIME_INVALID;
  flight_pool_init(&analyzer->flights, options->limits.segments_in_flight);
  if (flow_table_init(&analyzer->flows, options->limits.connections) != 0) {
    free(analyzer);
    return NULL;
  }
  return analyzer;
}

static void free_streams(struct analyzer *analyzer, struct connection *connection)
{
  abort_release(NULL, connection);
  for (int side = 0; side < 2; side++) {
    struct stream *stream = &connection->stream[side];
    flight_clear(&stream->flight, &analyzer->flights);
    if (stream->trouble != NULL) {
      if (stream->trouble->crawl != NULL) {
        crawl_drop(analyzer, stream->trouble);
      }
      free(stream->trouble);
      stream->trouble = NULL;
      analyzer->trouble_bytes -= sizeof(struct trouble);
    }
  }
}

static void drop_connection(void *context, struct connection *connection)
{
  free_streams(context, connection);
}

void analyzer_free(struct analyzer *analyzer)
{
  if (analyzer == NULL)
    return;
  flow_table_each(&analyzer->flows, drop_connection, analyzer);
  while (analyzer->watching > 0)
    free(analyzer->watches[--analyzer->watching]);
  while (analyzer->resuming > 0)
    free(analyzer->resumes[--analyzer->resuming]);
  advance_free(analyzer);
  sample_store_free(analyzer->samples);
  flow_table_free(&analyzer->flows);
  flight_pool_free(&analyzer->flights);
  free(analyzer);
}

void analyzer_declare_vantage(struct analyzer *analyzer, uint8_t end, enum vantage vantage)
{
  if (end < ANALYZER_ENDS_MAX)
    analyzer->declared[end] = vantage;
}

void analyzer_declare_host(struct analyzer *analyzer, uint8_t end, const struct ip_address *address)
{
  if (end < ANALYZER_ENDS_MAX) {
    analyzer->host_declared[end] = true;
    analyzer->host[end] = *address;
  }
}

struct trouble *stream_trouble(struct analyzer *analyzer, struct stream *stream)
{
  if (stream->trouble == NULL) {
    stream->trouble = calloc(1, sizeof *stream->trouble);
    if (stream->trouble != NULL)
      analyzer->trouble_bytes += sizeof *stream->trouble;
  }
  return stream->trouble;
}

void analyzer_sample(struct analyzer *analyzer, const struct host_sample *sample)
{
  if (analyzer->samples == NULL)
    analyzer->samples = sample_store_new();
  if (analyzer->samples != NULL)
    sample_store_add(analyzer->samples, sample);
}

static uint64_t memory_of(const struct analyzer *analyzer)
{
  const uint64_t samples = analyzer->samples != NULL ? analyzer->samples->memory_bytes : 0;
  return sizeof *analyzer + samples + analyzer->due.capacity * sizeof(struct due) +
         analyzer->flows.memory_bytes + analyzer->flights.memory_bytes + analyzer->trouble_bytes;
}

const struct recent_packet *engine_recent_from(const struct analyzer *analyzer,
                                               const struct ip_address *src, uint64_t connection_id,
                                               uint8_t end, int64_t time_ns, int64_t within_ns)
{
  for (uint32_t i = 1; i <= RECENT_PACKETS; i++) {
    const struct recent_packet *recent =
        &analyzer->recent[(analyzer->recent_next - i) % RECENT_PACKETS];
    if (recent->frame == 0 || time_ns - recent->time_ns > within_ns)
      return NULL;
    if (recent->connection_id != connection_id && recent->end == end &&
        memcmp(&recent->src, src, sizeof *src) == 0)
      return recent;
  }
  return NULL;
}

uint32_t engine_recent_count(const struct analyzer *analyzer, const struct ip_address *src,
                             uint64_t connection_id, uint8_t end, int64_t time_ns,
                             int64_t within_ns)
{
  uint32_t count = 0;
  for (uint32_t i = 0; i < RECENT_PACKETS; i++) {
    const struct recent_packet *recent = &analyzer->recent[i];
    if (recent->frame != 0 && time_ns - recent->time_ns <= within_ns &&
        recent->connection_id != connection_id && recent->end == end &&
        memcmp(&recent->src, src, sizeof *src) == 0)
      count++;
  }
  return count;
}

static void note_message(struct analyzer *analyzer, const struct packet *packet,
                         uint64_t connection_id)
{
  if (packet->payload_bytes == 0 || packet->payload_bytes > MESSAGE_BYTES_MAX ||
      (packet->flags & TCP_PSH) == 0)
    return;
  struct message *message = &analyzer->messages[analyzer->message_next++ % MESSAGES];
  message->time_ns = packet->time_ns;
  message->frame = packet->frame;
  message->connection_id = connection_id;
  message->src = packet->src;
  message->dst = packet->dst;
}

const struct message *engine_message_between(const struct analyzer *analyzer,
                                             const struct connection *connection, int64_t time_ns,
                                             int64_t within_ns)
{
  const struct ip_address *a = &connection->key.address[0], *b = &connection->key.address[1];
  for (uint32_t i = 1; i <= MESSAGES; i++) {
    const struct message *message = &analyzer->messages[(analyzer->message_next - i) % MESSAGES];
    if (message->frame == 0 || time_ns - message->time_ns > within_ns)
      return NULL;
    bool same_hosts =
        (memcmp(&message->src, a, sizeof *a) == 0 && memcmp(&message->dst, b, sizeof *b) == 0) ||
        (memcmp(&message->src, b, sizeof *b) == 0 && memcmp(&message->dst, a, sizeof *a) == 0);
    if (message->connection_id != connection->id && same_hosts)
      return message;
  }
  return NULL;
}

static bool covers(int64_t silent_from_ns, int64_t silent_until_ns, int64_t start_ns,
                   int64_t end_ns)
{
  int64_t from_ns = silent_from_ns > start_ns ? silent_from_ns : start_ns;
  int64_t until_ns = silent_until_ns < end_ns ? silent_until_ns : end_ns;
  return time_is_share(until_ns - from_ns, end_ns - start_ns, SILENT_SHARE_PERCENT);
}

bool engine_captured_nothing(const struct analyzer *analyzer, int64_t start_ns, int64_t end_ns)
{
  if (analyzer->live && analyzer->clock_ns - analyzer->now_ns >= SILENCE_MIN_NS &&
      covers(analyzer->now_ns, analyzer->clock_ns, start_ns, end_ns))
    return true; /* the present one */
  for (uint32_t i = 0; i < SILENCES; i++) {
    const struct silence *silence = &analyzer->silences[i];
    if (covers(silence->start_ns, silence->end_ns, start_ns, end_ns))
      return true;
  }
  return false;
}

bool engine_was_silent(const struct analyzer *analyzer, int64_t start_ns, int64_t end_ns)
{
  const bool others = analyzer->flows.count > 1 || analyzer->other_parts;
  return others && engine_captured_nothing(analyzer, start_ns, end_ns);
}

static void note_recent(struct analyzer *analyzer, const struct packet *packet,
                        uint64_t connection_id)
{
  struct recent_packet *recent = &analyzer->recent[analyzer->recent_next++ % RECENT_PACKETS];
  recent->time_ns = packet->time_ns;
  recent->frame = packet->frame;
  recent->connection_id = connection_id;
  recent->src = packet->src;
  recent->kind = packet->kind;
  recent->icmp_type = packet->icmp_type;
  recent->end = packet->end;
  recent->own_kick = (packet->facts & PACKET_KICK) != 0;
}

static void note_time(struct analyzer *analyzer, const struct packet *packet)
{
  if (!time_is_valid(packet->time_ns))
    return;
  if (!time_is_valid(analyzer->now_ns)) {
    analyzer->now_ns = analyzer->stats.first_ns = packet->time_ns;
  } else if (packet->time_ns < analyzer->now_ns) {
    analyzer->stats.time_backwards++;
    if (packet->time_ns < analyzer->stats.first_ns)
      analyzer->stats.first_ns = packet->time_ns;
  } else {
    if (packet->time_ns - analyzer->now_ns >= SILENCE_MIN_NS)
      analyzer->silences[analyzer->silence_next++ % SILENCES] =
          (struct silence){analyzer->now_ns, packet->time_ns};
    analyzer->now_ns = packet->time_ns;
  }
}

void engine_retire(struct analyzer *analyzer, struct connection *connection, enum ended_by how)
{
  int64_t end_ns = connection->last_ns;
  if (how == ENDED_BY_CAPTURE_END && (connection->flags & CONNECTION_CLOSED) == 0 &&
      time_is_valid(analyzer->now_ns) && analyzer->now_ns > end_ns)
    end_ns = analyzer->now_ns; /* an unclosed connection ends with the capture */
  if (how == ENDED_BY_CAPTURE_END && analyzer->live &&
      (connection->flags & CONNECTION_CLOSED) == 0 && analyzer->clock_ns > end_ns)
    end_ns = analyzer->clock_ns; /* until which there would have been packets */
  if (how == ENDED_BY_CAPTURE_END && (connection->flags & CONNECTION_CLOSED) == 0 &&
      analyzer->samples != NULL && analyzer->samples->last_ns > end_ns)
    end_ns = analyzer->samples->last_ns; /* when its host still spoke, of it or of others */
  whole_connection_findings(analyzer, connection);
  abort_release(analyzer, connection);
  abort_by_silence(analyzer, connection);
  resume_watch_flush(analyzer, connection);
  for (int side = 0; side < 2; side++) {
    wait_end(analyzer, connection, (enum stream_side)side, how, end_ns);
    limit_run_close(analyzer, connection, (enum stream_side)side);
    crawl_close(analyzer, connection, (enum stream_side)side);
  }
  hold_watch_flush(analyzer, connection);
  connection->last_ns = end_ns;
  if ((connection->flags & CONNECTION_ESTABLISHED) == 0 && connection->syn_acks == 0)
    analyzer->stats.syns_unanswered++;
  if (analyzer->sink.connection != NULL) {
    struct connection_summary summary;
    connection_summarise(analyzer, connection, &summary);
    analyzer->sink.connection(analyzer->sink.context, &summary);
  }
  uint64_t memory = memory_of(analyzer);
  if (memory > analyzer->stats.memory_peak_bytes)
    analyzer->stats.memory_peak_bytes = memory;
  free_streams(analyzer, connection);
  advance_forget(analyzer, connection);
  flow_table_release(&analyzer->flows, connection);
}

/* A SYN flood: the oldest SYN that nobody answered is only counted. */
static void forget_half_open(struct analyzer *analyzer)
{
  while (analyzer->flows.half_open.count >= analyzer->options.limits.half_open &&
         analyzer->flows.half_open.first != NULL) {
    struct connection *connection = analyzer->flows.half_open.first;
    if (connection->findings > 0) { /* something was said of it: it gets its summary */
      analyzer->stats.connections_retired++;
      engine_retire(analyzer, connection, ENDED_BY_UNKNOWN);
      continue;
    }
    analyzer->stats.half_open_forgotten++;
    if (connection->syn_acks == 0)
      analyzer->stats.syns_unanswered++;
    hold_watch_drop(analyzer, connection);
    resume_watch_drop(analyzer, connection);
    free_streams(analyzer, connection);
    advance_forget(analyzer, connection);
    flow_table_release(&analyzer->flows, connection);
  }
}

void engine_retire_closed(struct analyzer *analyzer, int64_t now_ns)
{
  const struct connection *closed = analyzer->flows.closed.first;
  while (closed != NULL && now_ns - closed->last_ns > CLOSED_KEPT_NS) {
    engine_retire(analyzer, analyzer->flows.closed.first, ENDED_BY_UNKNOWN);
    closed = analyzer->flows.closed.first;
  }
}

static void make_room(struct analyzer *analyzer)
{
  engine_retire_closed(analyzer, analyzer->now_ns);
  struct connection *victim = flow_table_victim(&analyzer->flows);
  if (victim != NULL) {
    analyzer->stats.connections_retired++;
    engine_retire(analyzer, victim, ENDED_BY_UNKNOWN); /* forgotten, not over */
  }
}

/* Client = who sent the SYN. Without it a guess: the lower port is the server's, but 20 (ftp-data)
 * opens. */
static bool source_is_client(const struct packet *packet)
{
  if ((packet->flags & TCP_SYN) != 0)
    return (packet->flags & TCP_ACK) == 0;
  if (packet->src_port == 20 || packet->dst_port == 20)
    return packet->src_port == 20;
  return packet->src_port >= packet->dst_port;
}

static struct connection *open_connection(struct analyzer *analyzer, const struct packet *packet,
                                          const struct flow_key *key, uint32_t hash, bool swapped)
{
  make_room(analyzer);
  bool syn = (packet->flags & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_SYN;
  if (syn)
    forget_half_open(analyzer);
  struct connection *connection = flow_table_add(&analyzer->flows, key, hash);
  if (connection == NULL)
    return NULL;
  int source = swapped ? 1 : 0;
  int client = source_is_client(packet) ? source : source ^ 1;
  connection->id = ++analyzer->stats.connections;
  if (client == 1)
    connection->flags |= CONNECTION_CLIENT_IS_1;
  if ((packet->flags & TCP_SYN) != 0)
    connection->flags |= CONNECTION_ROLES_FROM_SYN;
  if (syn) {
    connection->flags |= CONNECTION_HALF_OPEN;
    connection_list_push(&analyzer->flows.half_open, connection);
  }
  connection->start_ns = connection->last_ns = packet->time_ns;
  if (analyzer->stats.time_strange > 0)
    connection->quality |= QUALITY_NO_TIMES;
  connection->first_frame = packet->frame;
  for (int side = 0; side < 2; side++) {
    connection->stream[side].progress_ns = connection->start_ns;
    connection->stream[side].turn_min_ns = TIME_INVALID;
  }
  return connection;
}

/* RFC 9293, 3.10.7.4 wants a challenge ACK for a SYN inside a live connection; a new ISN after its
 * end, or after a silence, is a new connection on the same ports. */
static bool is_reuse(const struct connection *connection, const struct packet *packet)
{
  if ((packet->flags & (TCP_SYN | TCP_ACK | TCP_RST)) != TCP_SYN)
    return false;
  const struct stream *stream = &connection->stream[connection_side(connection, packet)];
  if ((stream->flags & STREAM_SYN) != 0 && stream->isn == packet->seq)
    return false;
  if ((connection->flags & CONNECTION_SIMULTANEOUS) != 0 ||
      (connection->flags & CONNECTION_ESTABLISHED) == 0)
    return (stream->flags & STREAM_SYN) != 0;
  uint32_t ended =
      (connection->stream[0].flags | connection->stream[1].flags) & (STREAM_FIN | STREAM_RST);
  return ended != 0 || packet->time_ns - connection->last_ns > REUSE_QUIET_NS ||
         seq_gt(packet->seq, stream->snd_nxt + UINT16_MAX);
}

static void note_closed(struct analyzer *analyzer, struct connection *connection)
{
  uint32_t both = connection->stream[0].flags & connection->stream[1].flags;
  uint32_t any = connection->stream[0].flags | connection->stream[1].flags;
  if ((connection->flags & CONNECTION_CLOSED) != 0 ||
      ((any & STREAM_RST) == 0 && (both & STREAM_FIN_ACKED) == 0))
    return;
  if ((connection->flags & CONNECTION_HALF_OPEN) != 0) {
    connection_list_remove(&analyzer->flows.half_open, connection);
    connection->flags &= (uint16_t)~CONNECTION_HALF_OPEN;
  }
  connection->flags |= CONNECTION_CLOSED;
  connection_list_push(&analyzer->flows.closed, connection);
}

static int feed_tcp(struct analyzer *analyzer, const struct packet *packet, uint32_t hash)
{
  struct flow_key key;
  bool swapped;
  flow_key_of(packet, &key, &swapped);
  struct connection *connection = flow_table_find(&analyzer->flows, &key, hash);
  if (connection != NULL && is_reuse(connection, packet)) {
    engine_retire(analyzer, connection, ENDED_BY_UNKNOWN);
    connection = NULL;
  }
  if (connection == NULL)
    connection = open_connection(analyzer, packet, &key, hash, swapped);
  if (connection == NULL)
    return ERROR_MEMORY;
  note_recent(analyzer, packet, connection->id);
  note_message(analyzer, packet, connection->id);
  if (analyzer->watching > 0)
    hold_watch_packet(analyzer, packet, connection->id);
  track_packet(analyzer, connection, packet);
  note_closed(analyzer, connection);
  if (analyzer->live)
    advance_watch(analyzer, connection);
  return 0;
}

static void feed_icmp_error(struct analyzer *analyzer, const struct packet *packet)
{
  struct packet quoted = {.src = packet->quote.src,
                          .dst = packet->quote.dst,
                          .src_port = packet->quote.src_port,
                          .dst_port = packet->quote.dst_port,
                          .ip_version = packet->ip_version,
                          .end = packet->end};
  struct flow_key key;
  bool swapped;
  flow_key_of(&quoted, &key, &swapped);
  uint32_t hash = flow_hash(&analyzer->flows, &quoted);
  struct connection *connection = flow_table_find(&analyzer->flows, &key, hash);
  if (connection != NULL)
    track_icmp_error(analyzer, connection, packet);
}

/* The id that no connection has: of those in other parts of a trace. */
#define OTHER_PART_ID UINT64_MAX

/* A connection that another part of the trace has: it may have kicked a queue loose, and its hosts
 * may have agreed to end this one. */
static void feed_other_part(struct analyzer *analyzer, const struct packet *packet)
{
  analyzer->other_parts = true;
  note_message(analyzer, packet, OTHER_PART_ID);
  if (packet->kind == PACKET_OTHER_PART)
    note_recent(analyzer, packet, OTHER_PART_ID);
  if (packet->kind == PACKET_OTHER_PART && analyzer->watching > 0)
    hold_watch_packet(analyzer, packet, OTHER_PART_ID);
}

static int feed_timed(struct analyzer *analyzer, const struct packet *packet, uint32_t hash)
{
  if (packet->kind < PACKET_KIND_COUNT)
    analyzer->stats.packets[packet->kind]++;
  if (packet->kind != PACKET_OTHER_PART_LATE) {
    note_time(analyzer, packet);
    analyzer->now_frame = packet->frame;
  }
  if (packet->kind == PACKET_TCP)
    return feed_tcp(analyzer, packet, hash);
  if (packet->kind == PACKET_OTHER_PART || packet->kind == PACKET_OTHER_PART_LATE) {
    feed_other_part(analyzer, packet);
    return 0;
  }
  if (packet->kind == PACKET_ICMP_ERROR)
    feed_icmp_error(analyzer, packet);
  else if (packet->kind == PACKET_ARP || packet->kind == PACKET_ND)
    neighbours_see(&analyzer->neighbours, packet);
  note_recent(analyzer, packet, 0);
  if (analyzer->watching > 0)
    hold_watch_packet(analyzer, packet, 0);
  return 0;
}

/* Times that no clock shows (none at all, before 1970, after 2116) are taken for the latest one
 * known, so that differences of times always fit. */
static bool has_strange_time(const struct packet *packet)
{
  return packet->time_ns < 0 || packet->time_ns > TIME_MAX_NS;
}

static void start_at(void *context, struct connection *connection)
{
  const struct packet *packet = context;
  connection->start_ns = connection->last_ns = packet->time_ns;
  connection->stream[0].progress_ns = connection->stream[1].progress_ns = packet->time_ns;
}

int engine_feed(struct analyzer *analyzer, const struct packet *packet, uint32_t hash)
{
  if (!has_strange_time(packet)) {
    if (analyzer->time_pending) { /* what came before had no time: it begins now */
      struct packet copy = *packet;
      flow_table_each(&analyzer->flows, start_at, &copy);
      analyzer->now_ns = analyzer->stats.first_ns = packet->time_ns;
      analyzer->time_pending = false;
    }
    return feed_timed(analyzer, packet, hash);
  }
  struct packet copy = *packet;
  copy.time_ns = time_is_valid(analyzer->now_ns) ? analyzer->now_ns : 0;
  analyzer->stats.time_strange++;
  if (!time_is_valid(analyzer->now_ns))
    analyzer->time_pending = true;
  return feed_timed(analyzer, &copy, hash);
}

int analyzer_packet(struct analyzer *analyzer, const struct packet *packet)
{
  return engine_feed(analyzer, packet, flow_hash(&analyzer->flows, packet));
}

/* With many connections none is in the cache any more when its next packet comes, and each look-up
 * hangs on the one before: bucket, connection, its segments in flight. So the way to a packet's
 * memory is begun some packets ahead, a step at a time. */
#define AHEAD_BUCKET     12
#define AHEAD_CONNECTION 8
#define AHEAD_SEGMENTS   3
#define AHEAD_SLOTS      16 /* a power of two above AHEAD_BUCKET */

int analyzer_packets(struct analyzer *analyzer, const struct packet *packets, size_t count)
{
  const struct flow_table *flows = &analyzer->flows;
  uint32_t hashes[AHEAD_SLOTS] = {0};
  for (size_t i = 0; i < count + AHEAD_BUCKET; i++) {
    if (i < count) {
      hashes[i % AHEAD_SLOTS] = flow_hash(flows, &packets[i]);
      flow_table_prefetch_bucket(flows, hashes[i % AHEAD_SLOTS]);
    }
    /* In the first rounds these wrap around, to far above count. */
    size_t at = i - (AHEAD_BUCKET - AHEAD_CONNECTION);
    if (at < count)
      flow_table_prefetch_connection(flows, hashes[at % AHEAD_SLOTS]);
    at = i - (AHEAD_BUCKET - AHEAD_SEGMENTS);
    if (at < count)
      flow_table_prefetch_segments(flows, hashes[at % AHEAD_SLOTS]);
    at = i - AHEAD_BUCKET;
    int status = at < count ? engine_feed(analyzer, &packets[at], hashes[at % AHEAD_SLOTS]) : 0;
    if (status != 0)
      return status;
  }
  return 0;
}

static void retire_at_end(void *context, struct connection *connection)
{
  engine_retire(context, connection, ENDED_BY_CAPTURE_END);
}

void analyzer_finish(struct analyzer *analyzer)
{
  analyzer->stats.connections_live = analyzer->flows.count;
  flow_table_each(&analyzer->flows, retire_at_end, analyzer);
}

void analyzer_get_stats(const struct analyzer *analyzer, struct analyzer_stats *stats)
{
  *stats = analyzer->stats;
  stats->last_ns = analyzer->now_ns;
  stats->segments_forgotten = analyzer->flights.forgotten;
  stats->memory_bytes = memory_of(analyzer);
  if (stats->memory_bytes > stats->memory_peak_bytes)
    stats->memory_peak_bytes = stats->memory_bytes;
}

const char *analyzer_quality_name(enum quality bit)
{
  switch (bit) {
  case QUALITY_MID_STREAM: return "mid-stream";
  case QUALITY_ONE_DIRECTION: return "one-direction";
  case QUALITY_CAPTURE_GAPS: return "capture-gaps";
  case QUALITY_DUPLICATES: return "duplicates";
  case QUALITY_TIME_BACKWARDS: return "time-backwards";
  case QUALITY_SUPER_SEGMENTS: return "super-segments";
  case QUALITY_OFFLOADED_CHECKSUMS: return "offloaded-checksums";
  case QUALITY_SNAPPED: return "snapped";
  case QUALITY_OPTIONS_CUT: return "options-cut";
  case QUALITY_MPTCP: return "mptcp-subflow";
  case QUALITY_NO_PURE_ACKS: return "no-pure-acks";
  case QUALITY_NO_TIMES: return "no-times";
  }
  return "unknown";
}

const char *vantage_name(enum vantage vantage)
{
  static const char *const names[] = {"unknown", "client", "server", "middle"};
  return names[vantage];
}

const char *window_scale_state_name(enum window_scale_state state)
{
  static const char *const names[] = {"unknown", "absent", "known", "inferred"};
  return names[state];
}
