#include "report/html_parts.h"

#include "wire/timestamp.h"

#include <stdlib.h>
#include <string.h>

/* Which connections are drawn: those of the worst findings, then the largest healthy ones; and what
 * is shown of each finding at first. */

/* Around a finding is shown so much of its length, and this at least. */
#define MARGIN_SHARE  3
#define MARGIN_MIN_NS (INT64_C(20) * NS_PER_MS)
/* A finding without a length of its own is shown with that around it. */
#define POINT_MARGIN_NS (INT64_C(2) * NS_PER_S)
/* Evidence from so many lengths before still is in the picture. */
#define EVIDENCE_REACH 2
/* ... of this at most: clocks that were set make waits of a century */
#define EVIDENCE_REACH_OF_NS (INT64_MAX / 16)
/* As the analysis has it (analyzer/wait.h): a delayed ACK */
#define MOVING_ALLOWANCE_NS (INT64_C(40) * NS_PER_MS)

struct html_drawn *html_find_drawn(const struct html *html, uint64_t id)
{
  for (uint32_t i = 0; i < html->drawn_count; i++)
    if (html->drawn[i]->id == id)
      return html->drawn[i];
  return NULL;
}

const struct html_span *html_find_span(const struct html_drawn *drawn, uint64_t rank)
{
  for (uint32_t i = 0; i < drawn->span_count; i++)
    if (drawn->spans[i].rank == rank)
      return &drawn->spans[i];
  return NULL;
}

static struct html_drawn *take_drawn(struct html *html, uint64_t id)
{
  struct html_drawn *drawn = html_find_drawn(html, id);
  if (drawn != NULL || html->drawn_count == HTML_DRAWN_MAX)
    return drawn;
  drawn = calloc(1, sizeof *drawn);
  if (drawn == NULL) {
    html->no_memory = true;
    return NULL;
  }
  drawn->id = id;
  html->drawn[html->drawn_count++] = drawn;
  return drawn;
}

static struct html_span *append_span(struct html_drawn *drawn)
{
  if (drawn->span_count == HTML_SPANS_MAX) {
    drawn->spans_left_out++;
    return NULL;
  }
  if (drawn->span_count == drawn->span_capacity) {
    const uint32_t capacity = drawn->span_capacity == 0 ? 4 : drawn->span_capacity * 2;
    struct html_span *spans = realloc(drawn->spans, capacity * sizeof *spans);
    if (spans == NULL)
      return NULL;
    drawn->spans = spans;
    drawn->span_capacity = capacity;
  }
  return &drawn->spans[drawn->span_count++];
}

static int64_t longer(int64_t a_ns, int64_t b_ns)
{
  return a_ns > b_ns ? a_ns : b_ns;
}

static int64_t earlier(int64_t a_ns, int64_t b_ns)
{
  return a_ns < b_ns ? a_ns : b_ns;
}

/* Stretches [*from, *to] so that it shows evidence that is not too far away. */
static void include_evidence(struct html_span *span)
{
  const int64_t length_ns = earlier(span->to_ns - span->from_ns, EVIDENCE_REACH_OF_NS);
  const int64_t reach_ns = longer(length_ns * EVIDENCE_REACH, POINT_MARGIN_NS);
  for (uint32_t i = 0; i < span->evidence_count; i++) {
    const int64_t at_ns = span->evidence[i].time_ns;
    if (!time_is_valid(at_ns) || at_ns < span->from_ns - reach_ns || at_ns > span->to_ns + reach_ns)
      continue;
    span->window_from_ns = earlier(span->window_from_ns, at_ns);
    span->window_to_ns = longer(span->window_to_ns, at_ns);
  }
}

static void choose_window(struct html_span *span)
{
  span->window_from_ns = span->from_ns;
  span->window_to_ns = span->to_ns;
  include_evidence(span);
  const int64_t length_ns = span->window_to_ns - span->window_from_ns;
  const int64_t margin_ns = span->to_ns > span->from_ns
                                ? longer(length_ns / MARGIN_SHARE, MARGIN_MIN_NS)
                                : POINT_MARGIN_NS;
  span->window_from_ns -= margin_ns;
  span->window_to_ns += margin_ns;
}

static int add_frame(struct html *html, const struct evidence *evidence, uint32_t drawn)
{
  if (html->frame_count == html->frame_capacity) {
    const uint32_t capacity = html->frame_capacity == 0 ? 64 : html->frame_capacity * 2;
    struct html_frame *frames = realloc(html->frames, capacity * sizeof *frames);
    if (frames == NULL)
      return ERROR_MEMORY;
    html->frames = frames;
    html->frame_capacity = capacity;
  }
  html->frames[html->frame_count++] =
      (struct html_frame){.frame = evidence->frame, .drawn = drawn, .end = evidence->end};
  return 0;
}

static uint32_t index_of(const struct html *html, const struct html_drawn *drawn)
{
  uint32_t i = 0;
  while (i < html->drawn_count && html->drawn[i] != drawn)
    i++;
  return i;
}

static int on_finding(void *context, uint64_t rank, const struct report_connection *connection,
                      const struct finding *finding)
{
  struct html *html = context;
  struct html_drawn *drawn = take_drawn(html, connection->id);
  struct html_span *span = drawn != NULL ? append_span(drawn) : NULL;
  int rc = 0;
  if (span == NULL)
    return html->no_memory ? ERROR_MEMORY : 0;
  *span = (struct html_span){.rank = rank,
                             .from_ns = finding->start_ns,
                             .to_ns = finding->end_ns,
                             .sender = finding->sender,
                             .location = finding->location,
                             .severity = finding->severity,
                             .kind = finding->kind,
                             .evidence_count = finding->evidence_count};
  for (uint32_t i = 0; rc == 0 && i < finding->evidence_count; i++) {
    const struct evidence *evidence = &finding->evidence[i];
    span->evidence[i] = (struct html_evidence){evidence->frame, evidence->time_ns, evidence->end};
    if (evidence->frame != 0)
      rc = add_frame(html, evidence, index_of(html, drawn));
  }
  choose_window(span);
  return rc;
}

static uint8_t shift_of(const struct connection_summary *view, enum stream_side side)
{
  const struct stream_summary *stream = &view->streams[side];
  const uint8_t shift = stream->wscale_state == WSCALE_KNOWN      ? stream->wscale
                        : stream->wscale_state == WSCALE_INFERRED ? stream->wscale_min
                                                                  : 0;
  /* both have to offer it (RFC 7323, 2.2) */
  if (view->streams[html_other(side)].wscale_state == WSCALE_ABSENT)
    return 0;
  return shift > 14 ? 14 : shift;
}

static void describe_view(struct html_view *to, const struct connection_summary *view,
                          const struct report_pairing *pairing, uint32_t number)
{
  *to = (struct html_view){.client = view->client,
                           .server = view->server,
                           .start_ns = view->start_ns,
                           .end_ns = view->end_ns,
                           .end = view->end};
  for (int side = 0; side < 2; side++) {
    to->window_shift[side] = shift_of(view, (enum stream_side)side);
    to->seq_shift[side] = pairing != NULL ? pairing->views[number].seq_shift[side] : 0;
  }
}

static int64_t allowance_of(const struct stream_summary *stream)
{
  return stream->rtt_samples > 0 && time_is_valid(stream->srtt_ns) &&
                 time_is_valid(stream->rttvar_ns)
             ? stream->srtt_ns + 4 * stream->rttvar_ns + MOVING_ALLOWANCE_NS
             : 10 * MOVING_ALLOWANCE_NS;
}

/* The longest that one of that side's packets took over all hops. */
static int64_t delay_max_ns(const struct report_connection *connection, enum stream_side side)
{
  int64_t sum_ns = 0;
  for (uint32_t i = 0; i < connection->hop_count; i++) {
    const int64_t most_ns = connection->hops[side][i].delay_max_ns;
    if (!time_is_valid(most_ns))
      return TIME_INVALID;
    sum_ns += most_ns > 0 ? most_ns : 0;
  }
  return connection->hop_count > 0 ? sum_ns : TIME_INVALID;
}

static void describe_ends(struct html_drawn *drawn, const struct report_connection *connection)
{
  drawn->client_end = drawn->server_end = connection->views[0]->end;
  if (connection->view_count < 2)
    return;
  drawn->server_end = connection->views[connection->view_count - 1]->end;
  if (connection->hop_count == 0)
    return;
  const struct hop_summary *there = connection->hops[SIDE_CLIENT];
  drawn->client_end = there[0].from_end;
  drawn->server_end = there[connection->hop_count - 1].to_end;
  for (uint32_t i = 0; i < connection->hop_count; i++)
    for (int side = 0; side < 2; side++)
      drawn->no_timestamps |= (connection->hops[side][i].changes.changed &
                               (PATH_CHANGE_TIMESTAMPS | PATH_CHANGE_TS_VALUES)) != 0;
}

static void describe(struct html_drawn *drawn, const struct report_connection *connection)
{
  const struct connection_summary *summary = connection->summary;
  drawn->described = true;
  drawn->level = connection->level;
  drawn->packets = summary->packets;
  drawn->start_ns = summary->start_ns;
  drawn->end_ns = summary->end_ns;
  drawn->view_count = connection->view_count;
  for (uint32_t i = 0; i < connection->view_count; i++)
    describe_view(&drawn->views[i], connection->views[i], connection->pairing, i);
  for (int side = 0; side < 2; side++) {
    drawn->allowance_ns[side] = allowance_of(&summary->streams[side]);
    drawn->bytes[side] = summary->streams[side].bytes;
    drawn->delay_max_ns[side] = delay_max_ns(connection, (enum stream_side)side);
  }
  describe_ends(drawn, connection);
}

/* The smallest of the healthy ones so far; only asked for if there is one. */
static struct html_drawn *smallest_healthy(const struct html *html)
{
  struct html_drawn *smallest = NULL;
  for (uint32_t i = 0; i < html->drawn_count; i++)
    if (html->drawn[i]->span_count == 0 &&
        (smallest == NULL || html->drawn[i]->packets < smallest->packets))
      smallest = html->drawn[i];
  return smallest;
}

static int on_connection(void *context, const struct report_connection *connection)
{
  struct html *html = context;
  struct html_drawn *drawn = html_find_drawn(html, connection->id);
  if (drawn == NULL && connection->summary->findings == 0) {
    if (html->healthy_count < HTML_DRAWN_HEALTHY && html->drawn_count < HTML_DRAWN_MAX) {
      drawn = take_drawn(html, connection->id);
      html->healthy_count += drawn != NULL;
    } else if (html->healthy_count > 0) {
      drawn = smallest_healthy(html);
      if (drawn == NULL || drawn->packets >= connection->summary->packets)
        return 0;
      drawn->id = connection->id;
    }
  }
  if (drawn != NULL)
    describe(drawn, connection);
  return html->no_memory ? ERROR_MEMORY : 0;
}

struct report_writer html_choose_writer(struct html *html)
{
  return (struct report_writer){.context = html,
                                .layout = REPORT_WORST_FIRST,
                                .wants_info = true,
                                .finding = on_finding,
                                .connection = on_connection};
}

static int add_flow(struct html *html, uint32_t drawn, uint8_t number)
{
  const struct html_view *view = &html->drawn[drawn]->views[number];
  if (html->flow_count == html->flow_capacity) {
    const uint32_t capacity = html->flow_capacity == 0 ? 64 : html->flow_capacity * 2;
    struct html_flow *flows = realloc(html->flows, capacity * sizeof *flows);
    if (flows == NULL)
      return ERROR_MEMORY;
    html->flows = flows;
    html->flow_capacity = capacity;
  }
  html->flows[html->flow_count++] = (struct html_flow){.client = view->client.address,
                                                       .server = view->server.address,
                                                       .client_port = view->client.port,
                                                       .server_port = view->server.port,
                                                       .end = view->end,
                                                       .view = number,
                                                       .drawn = drawn,
                                                       .start_ns = view->start_ns,
                                                       .end_ns = view->end_ns};
  return 0;
}

/* What a finding's picture shows lies within the connection's life. */
static void clip_windows(struct html_drawn *drawn)
{
  for (uint32_t i = 0; i < drawn->span_count; i++) {
    struct html_span *span = &drawn->spans[i];
    const int64_t margin_ns = (drawn->end_ns - drawn->start_ns) / 50 + NS_PER_MS;
    span->window_from_ns =
        longer(span->window_from_ns, earlier(drawn->start_ns, span->from_ns) - margin_ns);
    span->window_to_ns =
        earlier(span->window_to_ns, longer(drawn->end_ns, span->to_ns) + margin_ns);
  }
}

/* So many packets may come in, at all ends together. */
static uint64_t expected(const struct html_drawn *drawn)
{
  return drawn->packets * (drawn->view_count > 0 ? drawn->view_count : 1) + drawn->span_count;
}

/* What each connection may keep, so that all together stay below HTML_PACKETS_MAX: who needs less
 * than an equal share leaves the rest to the others. */
static uint32_t fair_share(const struct html *html)
{
  uint64_t share = html->drawn_count > 0 ? HTML_PACKETS_MAX / html->drawn_count : 0;
  for (int round = 0; round < 8; round++) {
    uint64_t spent = 0, greedy = 0;
    for (uint32_t i = 0; i < html->drawn_count; i++)
      if (expected(html->drawn[i]) <= share)
        spent += expected(html->drawn[i]);
      else
        greedy++;
    if (greedy == 0 || spent >= HTML_PACKETS_MAX)
      break;
    share = (HTML_PACKETS_MAX - spent) / greedy;
  }
  return share < HTML_PACKETS_MAX_EACH ? (uint32_t)share : HTML_PACKETS_MAX_EACH;
}

int html_choose_finish(struct html *html)
{
  const uint32_t share = fair_share(html);
  int rc = 0;
  for (uint32_t i = 0; rc == 0 && i < html->drawn_count; i++) {
    struct html_drawn *drawn = html->drawn[i];
    drawn->limit = share;
    clip_windows(drawn);
    html_reduce_plan(drawn);
    for (uint32_t k = 0; rc == 0 && k < drawn->view_count; k++)
      rc = add_flow(html, i, (uint8_t)k);
  }
  return rc;
}
