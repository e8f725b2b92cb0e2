#include "analyzer/advance.h"

#include "analyzer/crawl.h"
#include "analyzer/hold_watch.h"
#include "analyzer/report_finding.h"
#include "analyzer/resume_watch.h"
#include "analyzer/summary.h"
#include "analyzer/wait.h"
#include "wire/error.h"
#include "wire/timestamp.h"

#include <stdio.h>
#include <stdlib.h>

/* A connection that was let alone and shows a packet (a retransmission, a probe) is looked at so
 * much later: what belongs together comes together. */
#define SETTLE_NS (20 * NS_PER_MS)
/* An open wait is looked at again after an eighth of its length, within these. */
#define AGAIN_MIN_NS (50 * NS_PER_MS)
#define AGAIN_MAX_NS (250 * NS_PER_MS)
/* A quiet stream is looked at again when it has been quiet half as long again: some verdicts need
 * time to pass. Not after this: only a packet can make more of it. Linux gives up a SYN after two
 * minutes, the longest that a timer of TCP takes to show. */
#define QUIET_MAX_NS (150 * NS_PER_S)
#define DUE_FIRST    64u

/* ---- the queue ---- */

static void place(struct due_queue *queue, uint32_t index, struct due due)
{
  queue->items[index] = due;
  due.connection->due = index + 1;
}

static void sift_up(struct due_queue *queue, uint32_t index)
{
  const struct due moved = queue->items[index];
  while (index > 0 && queue->items[(index - 1) / 2].at_ns > moved.at_ns) {
    place(queue, index, queue->items[(index - 1) / 2]);
    index = (index - 1) / 2;
  }
  place(queue, index, moved);
}

static void sift_down(struct due_queue *queue, uint32_t index)
{
  const struct due moved = queue->items[index];
  for (;;) {
    uint32_t child = 2 * index + 1;
    if (child >= queue->count)
      break;
    if (child + 1 < queue->count && queue->items[child + 1].at_ns < queue->items[child].at_ns)
      child++;
    if (queue->items[child].at_ns >= moved.at_ns)
      break;
    place(queue, index, queue->items[child]);
    index = child;
  }
  place(queue, index, moved);
}

/* Without memory the connection is not looked at until its next packet. */
static void push(struct due_queue *queue, struct connection *connection, int64_t at_ns)
{
  if (queue->count == queue->capacity) {
    const uint32_t capacity = queue->capacity > 0 ? 2 * queue->capacity : DUE_FIRST;
    struct due *items = realloc(queue->items, capacity * sizeof *items);
    if (items == NULL)
      return;
    queue->items = items;
    queue->capacity = capacity;
  }
  queue->items[queue->count] = (struct due){at_ns, connection};
  sift_up(queue, queue->count++);
}

static void take_out(struct due_queue *queue, uint32_t index)
{
  queue->items[index].connection->due = 0;
  const struct due last = queue->items[--queue->count];
  if (index == queue->count)
    return;
  queue->items[index] = last;
  if (index > 0 && queue->items[(index - 1) / 2].at_ns > last.at_ns)
    sift_up(queue, index);
  else
    sift_down(queue, index);
}

/* It may wait for a later look at what had been quiet. */
static void bring_forward(struct due_queue *queue, uint32_t index, int64_t at_ns)
{
  if (queue->items[index].at_ns <= at_ns)
    return;
  queue->items[index].at_ns = at_ns;
  sift_up(queue, index);
}

void advance_watch(struct analyzer *analyzer, struct connection *connection)
{
  if (!analyzer->live || (connection->flags & CONNECTION_CLOSED) != 0)
    return;
  /* What has just moved on has min_stall before it; what had been let alone is asked soon. */
  const int64_t last_ns = connection->last_ns;
  const bool moved = connection->stream[SIDE_CLIENT].progress_ns == last_ns ||
                     connection->stream[SIDE_SERVER].progress_ns == last_ns;
  const int64_t at_ns = last_ns + (moved ? analyzer->options.min_stall_ns : SETTLE_NS);
  if (connection->due == 0)
    push(&analyzer->due, connection, at_ns);
  else
    bring_forward(&analyzer->due, connection->due - 1, at_ns);
}

void advance_forget(struct analyzer *analyzer, struct connection *connection)
{
  if (connection->due != 0)
    take_out(&analyzer->due, connection->due - 1);
}

void advance_free(struct analyzer *analyzer)
{
  free(analyzer->due.items);
  analyzer->due = (struct due_queue){0};
}

/* ---- telling ---- */

static struct open_wait *open_of(struct connection *connection, enum stream_side side)
{
  struct trouble *trouble = connection->stream[side].trouble;
  return trouble != NULL && trouble->open.id != 0 ? &trouble->open : NULL;
}

static bool is_told_already(const struct open_wait *open, const struct finding *finding)
{
  return open->location == finding->location && open->cause == finding->cause &&
         open->confidence == finding->confidence &&
         open->cause_confidence == finding->cause_confidence && open->severity == finding->severity;
}

static void tell(struct analyzer *analyzer, struct connection *connection, struct finding *finding)
{
  struct trouble *trouble = stream_trouble(analyzer, &connection->stream[finding->sender]);
  if (trouble == NULL)
    return;
  struct open_wait *open = &trouble->open;
  if (open->id != 0 && is_told_already(open, finding))
    return;
  if (open->id == 0 && connection->findings >= analyzer->options.limits.findings_per_connection)
    return; /* counted when it is over */
  finding->id = open->id;
  finding->state = open->id == 0 ? FINDING_OPEN : FINDING_REVISED;
  report_finding(analyzer, connection, finding);
  *open = (struct open_wait){.id = finding->id,
                             .start_ns = finding->start_ns,
                             .location = finding->location,
                             .cause = finding->cause,
                             .confidence = finding->confidence,
                             .cause_confidence = finding->cause_confidence,
                             .severity = finding->severity};
}

void advance_close(struct analyzer *analyzer, struct connection *connection, enum stream_side side,
                   const struct finding *finding, int64_t end_ns)
{
  struct open_wait *open = open_of(connection, side);
  if (open == NULL)
    return;
  struct finding closed;
  if (finding != NULL) {
    closed = *finding;
  } else {
    finding_begin(&closed, FINDING_STALL, side, open->start_ns, end_ns);
    closed.location = LOCATION_NONE;
    snprintf(closed.summary, sizeof closed.summary,
             "The stream went on; seen from there, nothing held it up.");
  }
  closed.id = open->id;
  closed.state = FINDING_CLOSED;
  open->id = 0;
  report_finding(analyzer, connection, &closed);
}

void advance_keep(struct analyzer *analyzer, struct connection *connection, struct finding *finding)
{
  struct open_wait *open = open_of(connection, finding->sender);
  if (open == NULL)
    return;
  struct finding revised = *finding;
  finding->id = revised.id = open->id;
  revised.state = FINDING_REVISED;
  open->id = 0;
  report_finding(analyzer, connection, &revised);
}

/* ---- looking ---- */

static int64_t later(int64_t clock_ns, int64_t step_ns)
{
  return clock_ns + (step_ns < AGAIN_MIN_NS ? AGAIN_MIN_NS
                                            : (step_ns > AGAIN_MAX_NS ? AGAIN_MAX_NS : step_ns));
}

/* Nothing was ever sent in this direction, and nothing is due. */
static bool is_unused(const struct stream *stream)
{
  return stream->bytes == 0 && stream_outstanding(stream) == 0 &&
         (stream->trouble == NULL || stream->trouble->open.id == 0);
}

/* Returns when to look again; TIME_INVALID: not before something comes. */
static int64_t look_at_stream(struct analyzer *analyzer, struct connection *connection,
                              enum stream_side side)
{
  const struct stream *stream = &connection->stream[side];
  const int64_t clock_ns = analyzer->clock_ns;
  int64_t limit_ns = wait_allowance_ns(connection, side);
  if (limit_ns < analyzer->options.min_stall_ns)
    limit_ns = analyzer->options.min_stall_ns;
  const int64_t gap_ns = clock_ns - stream->progress_ns;
  if (gap_ns <= limit_ns)
    return is_unused(stream) ? TIME_INVALID : stream->progress_ns + limit_ns + 1;
  if (is_unused(stream) || crawl_is_part_of_run(connection, side, gap_ns))
    return is_unused(stream) || gap_ns > QUIET_MAX_NS ? TIME_INVALID : clock_ns + gap_ns / 2;
  struct finding *finding = &analyzer->scratch;
  wait_judge_open(analyzer, connection, side, clock_ns, finding);
  if (finding->location != LOCATION_NONE && finding->waited_ns >= analyzer->options.min_stall_ns) {
    tell(analyzer, connection, finding);
    return later(clock_ns, gap_ns / 8);
  }
  if (open_of(connection, side) != NULL)
    return later(clock_ns, gap_ns / 8);
  return gap_ns > QUIET_MAX_NS ? TIME_INVALID : clock_ns + gap_ns / 2;
}

static int64_t earlier(int64_t a_ns, int64_t b_ns)
{
  if (!time_is_valid(a_ns))
    return b_ns;
  return time_is_valid(b_ns) && b_ns < a_ns ? b_ns : a_ns;
}

static int64_t look_at(struct analyzer *analyzer, struct connection *connection)
{
  int64_t next_ns = TIME_INVALID;
  if ((connection->flags & CONNECTION_CLOSED) != 0)
    return next_ns;
  for (int side = 0; side < 2; side++) {
    next_ns = earlier(next_ns, look_at_stream(analyzer, connection, (enum stream_side)side));
    next_ns = earlier(next_ns, crawl_settle(analyzer, connection, (enum stream_side)side));
  }
  return next_ns;
}

static void begin(void *context, struct connection *connection)
{
  advance_watch(context, connection);
}

void analyzer_advance(struct analyzer *analyzer, int64_t now_ns)
{
  if (now_ns < 0 || now_ns > INT64_MAX / 2 || analyzer->time_pending)
    return; /* a time that no clock shows, or packets that have none */
  if (!analyzer->live) {
    analyzer->live = true;
    flow_table_each(&analyzer->flows, begin, analyzer);
  }
  if (!time_is_valid(analyzer->clock_ns) || now_ns > analyzer->clock_ns)
    analyzer->clock_ns = now_ns;
  engine_retire_closed(analyzer, analyzer->clock_ns);
  hold_watch_advance(analyzer, analyzer->clock_ns);
  resume_watch_advance(analyzer, analyzer->clock_ns);
  struct due_queue *queue = &analyzer->due;
  while (queue->count > 0 && queue->items[0].at_ns <= analyzer->clock_ns) {
    struct connection *connection = queue->items[0].connection;
    take_out(queue, 0);
    const int64_t next_ns = look_at(analyzer, connection);
    if (time_is_valid(next_ns))
      push(queue, connection, next_ns > analyzer->clock_ns ? next_ns : analyzer->clock_ns + 1);
  }
}

/* ---- who has to act now ---- */

static void owner_now(struct analyzer *analyzer, struct connection *connection,
                      enum stream_side side, int64_t now_ns, struct stream_now *now)
{
  const struct stream *stream = &connection->stream[side];
  const struct open_wait *open = open_of(connection, side);
  *now = (struct stream_now){.state = STREAM_IDLE,
                             .owner = LOCATION_NONE,
                             .since_ns = stream->progress_ns,
                             .finding = open != NULL ? open->id : 0};
  if (is_unused(stream) || (connection->flags & CONNECTION_CLOSED) != 0)
    return;
  if (now_ns - stream->progress_ns <= wait_allowance_ns(connection, side)) {
    now->state = STREAM_MOVING;
    return;
  }
  struct finding *finding = &analyzer->scratch;
  wait_judge_open(analyzer, connection, side, now_ns, finding);
  if (finding->location == LOCATION_NONE)
    return;
  now->state = STREAM_WAITING;
  now->owner = finding->location;
  now->cause = finding->cause;
  now->confidence = finding->confidence;
  now->since_ns = finding->start_ns;
}

struct each_now {
  struct analyzer *analyzer;
  int64_t now_ns;
  analyzer_now_visit *visit;
  void *context;
};

static void visit_now(void *context, struct connection *connection)
{
  const struct each_now *each = context;
  struct connection_summary summary;
  struct stream_now now[2];
  for (int side = 0; side < 2; side++)
    owner_now(each->analyzer, connection, (enum stream_side)side, each->now_ns, &now[side]);
  connection_summarise(each->analyzer, connection, &summary);
  each->visit(each->context, &summary, now);
}

void analyzer_each_now(struct analyzer *analyzer, int64_t now_ns, analyzer_now_visit *visit,
                       void *context)
{
  struct each_now each = {analyzer, now_ns, visit, context};
  flow_table_each(&analyzer->flows, visit_now, &each);
}
