#include "cli/replay_wire_feed.h"

#include "analyzer/survey.h"
#include "cli/source.h"
#include "replay/frame_queue.h"
#include "replay/wire_replay_frame.h"
#include "wire/timestamp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Frames looked ahead for one that is earlier: a recording of several interfaces is written batch
 * by batch. */
#define AHEAD_FRAMES   4096
#define AHEAD_BYTES    (UINT64_C(16) << 20)
#define BATCH_FRAMES   64
#define INTERFACES_MAX 64
#define SPOOL_BYTES    (UINT64_C(8) << 30)
#define ALL_ENDS       UINT32_MAX
#define UNKNOWN_END    UINT8_MAX

/* One reading: a trace, or an excerpt of one. */
struct lane_reader {
  struct source *source;
  uint32_t excerpt;
  struct trace *trace; /* owned, or the source's own */
  bool own_trace;
  uint8_t ends[INTERFACES_MAX]; /* by interface */
  struct clock_map clock;       /* against the first end's */
  struct frame batch[BATCH_FRAMES];
  int count, next; /* of the batch */
  bool ended;
  int64_t last_ns; /* time of the frame at hand, or of the one before it that had one */
};

struct wire_feed {
  struct wire_feed_options options;
  struct source sources[WIRE_REPLAY_LANES_MAX];
  uint32_t source_count;
  struct lane_reader readers[WIRE_REPLAY_LANES_MAX];
  uint32_t reader_count;
  struct wire_feed_end ends[WIRE_REPLAY_LANES_MAX];
  uint32_t end_count, chosen;
  struct survey *survey; /* owned; NULL: there is one end */
  struct frame_queue queue;
  uint64_t queued_bytes;
  struct queued_frame *given; /* the one that wire_feed_next() gave out last */
  int64_t first_ns, given_ns; /* on the common clock */
  struct error error;         /* the first that any trace had */
  uint8_t frame[WIRE_REPLAY_FRAME_MAX];
};

/* ---- reading ---- */

static struct trace_options trace_options_of(const struct wire_feed *feed)
{
  return (struct trace_options){.filter = feed->options.filter, .stop = feed->options.stop};
}

static int open_reader(struct wire_feed *feed, struct lane_reader *reader, struct error *error)
{
  const struct trace_options options = trace_options_of(feed);
  if (reader->own_trace)
    trace_close(reader->trace);
  reader->count = reader->next = 0;
  reader->ended = false;
  reader->last_ns = TIME_INVALID;
  reader->trace = reader->source->trace;
  reader->own_trace = false;
  if (reader->source->once)
    return 0;
  reader->own_trace = true;
  reader->trace = NULL;
  return source_reopen(reader->source, reader->excerpt, &options, &reader->trace, error);
}

/* The frame at hand; NULL: there is none left. */
static const struct frame *reader_frame(struct wire_feed *feed, struct lane_reader *reader)
{
  struct error error;
  while (!reader->ended && reader->next == reader->count) {
    reader->next = 0;
    reader->count = trace_next(reader->trace, reader->batch, BATCH_FRAMES, &error);
    if (reader->count < 0 && feed->error.code == ERROR_NONE)
      feed->error = error;
    if (reader->count <= 0) {
      reader->count = 0;
      reader->ended = true;
    }
  }
  if (reader->ended)
    return NULL;
  const struct frame *frame = &reader->batch[reader->next];
  if (time_is_valid(frame->time_ns))
    reader->last_ns = frame->time_ns;
  return frame;
}

/* Interfaces of one file become ends in the order in which they first have a frame. */
static uint8_t end_of_frame(struct wire_feed *feed, struct lane_reader *reader,
                            const struct frame *frame)
{
  const uint32_t index = frame->interface < INTERFACES_MAX ? frame->interface : INTERFACES_MAX - 1;
  if (reader->ends[index] != UNKNOWN_END)
    return reader->ends[index];
  if (feed->end_count == WIRE_REPLAY_LANES_MAX) /* the last one takes the rest */
    return reader->ends[index] = WIRE_REPLAY_LANES_MAX - 1;
  struct trace_interface interface;
  struct wire_feed_end *end = &feed->ends[feed->end_count];
  trace_get_interface(reader->trace, frame->interface, &interface);
  if (interface.name[0] != '\0')
    snprintf(end->name, sizeof end->name, "%s", interface.name);
  else if (reader->source->excerpts > 1)
    snprintf(end->name, sizeof end->name, "%.60s, excerpt %u", reader->source->path,
             reader->excerpt + 1);
  else
    snprintf(end->name, sizeof end->name, "%s", reader->source->path);
  return reader->ends[index] = (uint8_t)feed->end_count++;
}

/* ---- the first reading: ends and clocks ---- */

static int survey_reader(struct wire_feed *feed, struct lane_reader *reader)
{
  const struct frame *frame = NULL;
  int status = 0;
  while (status == 0 && (frame = reader_frame(feed, reader)) != NULL) {
    struct packet packet;
    packet_decode(frame, &packet);
    packet.end = end_of_frame(feed, reader, frame);
    status = survey_packet(feed->survey, &packet);
    reader->next++;
  }
  return status;
}

/* The clocks of several captures; interfaces of one file share theirs. */
static void take_clocks(struct wire_feed *feed)
{
  for (uint32_t i = 0; i < feed->reader_count; i++) {
    struct lane_reader *reader = &feed->readers[i];
    uint8_t first = UNKNOWN_END;
    for (uint32_t j = 0; j < INTERFACES_MAX; j++)
      if (reader->ends[j] < first)
        first = reader->ends[j];
    if (first != UNKNOWN_END && feed->reader_count > 1)
      reader->clock = *survey_clock(feed->survey, first);
  }
}

static int look_through(struct wire_feed *feed, struct error *error)
{
  struct survey_limits limits;
  int status = 0;
  survey_limits_default(&limits);
  feed->survey = survey_new(WIRE_REPLAY_LANES_MAX, &limits);
  if (feed->survey == NULL)
    return error_set(error, ERROR_MEMORY, "out of memory");
  for (uint32_t i = 0; i < feed->reader_count && status == 0; i++)
    status = survey_reader(feed, &feed->readers[i]);
  if (feed->end_count > 1 && status == 0) {
    status = survey_solve(feed->survey);
    if (status == 0)
      take_clocks(feed);
  } else {
    survey_free(feed->survey);
    feed->survey = NULL;
  }
  return status == 0 ? 0 : error_set(error, ERROR_MEMORY, "out of memory");
}

static int add_reader(struct wire_feed *feed, struct source *source, uint32_t excerpt,
                      struct error *error)
{
  if (feed->reader_count == WIRE_REPLAY_LANES_MAX)
    return error_set(error, ERROR_LIMIT, "%s: more than %d captures", source->path,
                     WIRE_REPLAY_LANES_MAX);
  struct lane_reader *reader = &feed->readers[feed->reader_count++];
  *reader = (struct lane_reader){.source = source, .excerpt = excerpt};
  memset(reader->ends, UNKNOWN_END, sizeof reader->ends);
  clock_map_identity(&reader->clock);
  return open_reader(feed, reader, error);
}

static int add_source(struct wire_feed *feed, const char *path, struct error *error)
{
  struct source *source = &feed->sources[feed->source_count++];
  const struct source_options options = {.trace = trace_options_of(feed),
                                         .twice = feed->options.path_count > 1,
                                         .spool_max_bytes = SPOOL_BYTES};
  int result = source_identify(source, path, error);
  if (result == 0)
    result = source_open(source, &options, error);
  for (uint32_t i = 0; i < source->excerpts && result == 0; i++)
    result = add_reader(feed, source, i, error);
  return result;
}

/* A pipe of one interface is played as it comes; everything else is looked through before. */
static bool is_read_once(const struct wire_feed *feed)
{
  return feed->source_count == 1 && feed->sources[0].once;
}

static int open_all(struct wire_feed *feed, struct error *error)
{
  int result = 0;
  for (uint32_t i = 0; i < feed->options.path_count && result == 0; i++)
    result = add_source(feed, feed->options.paths[i], error);
  if (result != 0)
    return result;
  if (is_read_once(feed)) {
    const struct frame *frame = reader_frame(feed, &feed->readers[0]);
    if (frame != NULL)
      end_of_frame(feed, &feed->readers[0], frame);
  } else {
    result = look_through(feed, error);
    for (uint32_t i = 0; i < feed->reader_count && result == 0; i++)
      result = open_reader(feed, &feed->readers[i], error);
  }
  if (result == 0 && feed->end_count == 0)
    result = feed->error.code != ERROR_NONE
                 ? error_set(error, feed->error.code, "%s", feed->error.text)
                 : error_set(error, ERROR_FORMAT, "%s: no frame to play", feed->options.paths[0]);
  feed->error.code = ERROR_NONE; /* the second reading meets it again */
  return result;
}

int wire_feed_open(struct wire_feed **feed, const struct wire_feed_options *options,
                   struct error *error)
{
  *feed = calloc(1, sizeof **feed);
  if (*feed == NULL)
    return error_set(error, ERROR_MEMORY, "out of memory");
  (*feed)->options = *options;
  (*feed)->chosen = ALL_ENDS;
  (*feed)->first_ns = (*feed)->given_ns = TIME_INVALID;
  const int result = open_all(*feed, error);
  if (result == 0)
    return 0;
  wire_feed_close(*feed);
  *feed = NULL;
  return result;
}

void wire_feed_close(struct wire_feed *feed)
{
  if (feed == NULL)
    return;
  for (uint32_t i = 0; i < feed->reader_count; i++)
    if (feed->readers[i].own_trace)
      trace_close(feed->readers[i].trace);
  for (uint32_t i = 0; i < feed->source_count; i++)
    source_close(&feed->sources[i]);
  survey_free(feed->survey);
  frame_queue_clear(&feed->queue);
  free(feed->given);
  free(feed);
}

uint32_t wire_feed_end_count(const struct wire_feed *feed)
{
  return feed->end_count;
}

const struct wire_feed_end *wire_feed_end(const struct wire_feed *feed, uint32_t end)
{
  return &feed->ends[end];
}

void wire_feed_choose(struct wire_feed *feed, uint32_t end)
{
  feed->chosen = end;
}

/* ---- giving out ---- */

static bool same_address(const struct ip_address *a, const struct ip_address *b)
{
  return memcmp(a, b, sizeof *a) == 0;
}

/* Which way a packet goes at a capture point of which others saw the same connection: out where
 * that is the closest one to its sender. */
static enum packet_direction direction_of_member(const struct connection_pair *pair,
                                                 const struct pair_member *member,
                                                 const struct packet *packet)
{
  uint8_t last = 0;
  for (uint32_t i = 0; i < pair->member_count; i++)
    last = pair->members[i].place > last ? pair->members[i].place : last;
  if (last == 0)
    return PACKET_DIR_UNKNOWN;
  const bool by_client = same_address(&packet->src, &member->client.address) &&
                         packet->src_port == member->client.port;
  return member->place == (by_client ? 0 : last) ? PACKET_DIR_OUT : PACKET_DIR_IN;
}

static enum packet_direction guess_direction(const struct wire_feed *feed,
                                             const struct frame *frame, uint8_t end)
{
  struct packet packet;
  const struct pair_member *member = NULL;
  if (feed->options.local_count == 0 && feed->survey == NULL)
    return PACKET_DIR_UNKNOWN;
  packet_decode(frame, &packet);
  for (uint32_t i = 0; i < feed->options.local_count && packet.ip_version != 0; i++)
    if (same_address(&packet.src, &feed->options.locals[i]))
      return PACKET_DIR_OUT;
  packet.end = end;
  if (feed->options.local_count > 0)
    return PACKET_DIR_IN;
  const struct connection_pair *pair =
      packet.kind == PACKET_TCP ? survey_find(feed->survey, &packet, &member) : NULL;
  return pair != NULL ? direction_of_member(pair, member, &packet) : PACKET_DIR_UNKNOWN;
}

/* queued_frame.number: which end, and in bit 0 whether it leaves. */
static int enqueue(struct wire_feed *feed, struct lane_reader *reader, const struct frame *frame)
{
  const uint8_t index = end_of_frame(feed, reader, frame);
  struct wire_feed_end *end = &feed->ends[index];
  uint32_t size = 0;
  if (feed->chosen != ALL_ENDS && feed->chosen != index)
    return 0;
  const enum wire_replay_change change = wire_replay_frame_make(frame, feed->frame, &size);
  if (change == WIRE_REPLAY_IMPOSSIBLE) {
    end->impossible++;
    return 0;
  }
  const enum packet_direction direction = frame->direction != PACKET_DIR_UNKNOWN
                                              ? (enum packet_direction)frame->direction
                                              : guess_direction(feed, frame, index);
  const bool out = direction == PACKET_DIR_OUT;
  const int64_t time_ns = time_is_valid(reader->last_ns)
                              ? clock_map_to_a(&reader->clock, reader->last_ns)
                              : feed->given_ns;
  struct queued_frame *queued = malloc(sizeof *queued + size);
  if (queued == NULL)
    return ERROR_MEMORY;
  *queued = (struct queued_frame){.number = (uint64_t)index << 1 | out, .size = size};
  memcpy(queued->bytes, feed->frame, size);
  if (!frame_queue_push(&feed->queue, queued, time_is_valid(time_ns) ? time_ns : 0)) {
    free(queued);
    return ERROR_MEMORY;
  }
  feed->queued_bytes += size;
  end->undirected += direction == PACKET_DIR_UNKNOWN;
  end->filled += change == WIRE_REPLAY_FILLED;
  end->headed += change == WIRE_REPLAY_HEADED;
  return 0;
}

/* The reader whose next frame is the earliest; NULL: all have ended. */
static struct lane_reader *earliest_reader(struct wire_feed *feed)
{
  struct lane_reader *earliest = NULL;
  int64_t earliest_ns = 0;
  for (uint32_t i = 0; i < feed->reader_count; i++) {
    struct lane_reader *reader = &feed->readers[i];
    if (reader_frame(feed, reader) == NULL)
      continue;
    const int64_t time_ns =
        time_is_valid(reader->last_ns) ? clock_map_to_a(&reader->clock, reader->last_ns) : 0;
    if (earliest == NULL || time_ns < earliest_ns) {
      earliest = reader;
      earliest_ns = time_ns;
    }
  }
  return earliest;
}

/* A pipe's frames do not wait for later ones. */
static int look_ahead(struct wire_feed *feed)
{
  const uint32_t frames = is_read_once(feed) ? 1 : AHEAD_FRAMES;
  while (feed->queue.count < frames &&
         (feed->queue.count == 0 || feed->queued_bytes < AHEAD_BYTES)) {
    struct lane_reader *reader = earliest_reader(feed);
    if (reader == NULL)
      return 0;
    const int status = enqueue(feed, reader, &reader->batch[reader->next]);
    if (status != 0)
      return status;
    reader->next++;
  }
  return 0;
}

int wire_feed_next(void *context, struct wire_replay_frame *frame, const uint8_t **bytes,
                   struct error *error)
{
  struct wire_feed *feed = context;
  if (look_ahead(feed) != 0)
    return error_set(error, ERROR_MEMORY, "out of memory");
  free(feed->given);
  const int64_t due_ns = frame_queue_due_ns(&feed->queue);
  struct queued_frame *given = feed->given = frame_queue_pop(&feed->queue);
  if (given == NULL)
    return feed->error.code == ERROR_NONE
               ? 0
               : error_set(error, feed->error.code, "%s", feed->error.text);
  struct wire_feed_end *end = &feed->ends[given->number >> 1];
  if (!time_is_valid(feed->first_ns))
    feed->first_ns = feed->given_ns = due_ns;
  end->late += due_ns < feed->given_ns;
  if (due_ns > feed->given_ns)
    feed->given_ns = due_ns;
  feed->queued_bytes -= given->size;
  end->frames++;
  *frame = (struct wire_replay_frame){
      .lane = feed->chosen == ALL_ENDS ? (uint32_t)(given->number >> 1) : 0,
      .size = given->size,
      .out = given->number & 1};
  if (__builtin_sub_overflow(feed->given_ns, feed->first_ns, &frame->at_ns))
    frame->at_ns = INT64_MAX;
  *bytes = given->bytes;
  return 1;
}
