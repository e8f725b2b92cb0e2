#include "report/html.h"

#include "report/html_parts.h"
#include "wire/timestamp.h"

#include <stdlib.h>
#include <string.h>

/* Frames with the number of one that is evidence: a file can lie about numbers (wire/part_mark.h),
 * and evidence is kept whatever it takes. */
#define FRAME_FOUND_MAX 4u

struct html *html_new(const struct html_options *options)
{
  struct html *html = calloc(1, sizeof *html);
  if (html != NULL)
    html->options = *options;
  return html;
}

void html_free(struct html *html)
{
  if (html == NULL)
    return;
  for (uint32_t i = 0; i < html->drawn_count; i++) {
    free(html->drawn[i]->spans);
    free(html->drawn[i]->list);
    free(html->drawn[i]);
  }
  free(html->flows);
  free(html->frames);
  free(html);
}

/* ---- the way of a packet to its connection ---- */

static int compare_endpoints(const struct html_flow *a, const struct html_flow *b)
{
  int order = memcmp(&a->client, &b->client, sizeof a->client);
  if (order == 0)
    order = memcmp(&a->server, &b->server, sizeof a->server);
  if (order == 0)
    order = (int)a->client_port - (int)b->client_port;
  if (order == 0)
    order = (int)a->server_port - (int)b->server_port;
  return order == 0 ? (int)a->end - (int)b->end : order;
}

static int compare_flows(const void *left, const void *right)
{
  const struct html_flow *a = left, *b = right;
  const int order = compare_endpoints(a, b);
  return order != 0 ? order : a->start_ns < b->start_ns ? -1 : a->start_ns > b->start_ns;
}

static int compare_frames(const void *left, const void *right)
{
  const struct html_frame *a = left, *b = right;
  if (a->end != b->end)
    return a->end < b->end ? -1 : 1;
  if (a->frame != b->frame)
    return a->frame < b->frame ? -1 : 1;
  return a->drawn < b->drawn ? -1 : a->drawn > b->drawn;
}

/* In order, and each once, however many findings point at it. */
static void sort_frames(struct html *html)
{
  uint32_t kept = 0;
  if (html->frame_count > 1)
    qsort(html->frames, html->frame_count, sizeof *html->frames, compare_frames);
  for (uint32_t i = 0; i < html->frame_count; i++)
    if (i == 0 || compare_frames(&html->frames[i], &html->frames[kept - 1]) != 0)
      html->frames[kept++] = html->frames[i];
  html->frame_count = kept;
}

int html_choose(struct html *html, struct collect *collect, struct error *error)
{
  const struct report_writer writer = html_choose_writer(html);
  int rc = report_write(collect, &writer, error);
  if (rc == 0)
    rc = html_choose_finish(html);
  if (rc < 0)
    return error_set(error, ERROR_MEMORY, "out of memory while the report was put together");
  if (html->flow_count > 1)
    qsort(html->flows, html->flow_count, sizeof *html->flows, compare_flows);
  sort_frames(html);
  return 0;
}

/* The life of these addresses and ports to which that time belongs; another connection with them,
 * later, is none of it. */
static const struct html_flow *find_flow(const struct html *html, const struct html_flow *wanted,
                                         int64_t time_ns)
{
  uint32_t low = 0, high = html->flow_count;
  while (low < high) {
    const uint32_t middle = low + (high - low) / 2;
    if (compare_endpoints(&html->flows[middle], wanted) < 0)
      low = middle + 1;
    else
      high = middle;
  }
  for (; low < html->flow_count && compare_endpoints(&html->flows[low], wanted) == 0; low++)
    if (time_ns >= html->flows[low].start_ns && time_ns <= html->flows[low].end_ns)
      return &html->flows[low];
  return NULL;
}

static const struct html_flow *flow_of(const struct html *html, const struct packet *packet,
                                       enum stream_side *side)
{
  struct html_flow wanted = {.client = packet->src,
                             .server = packet->dst,
                             .client_port = packet->src_port,
                             .server_port = packet->dst_port,
                             .end = packet->end};
  *side = SIDE_CLIENT;
  const struct html_flow *flow = find_flow(html, &wanted, packet->time_ns);
  if (flow != NULL)
    return flow;
  wanted.client = packet->dst;
  wanted.server = packet->src;
  wanted.client_port = packet->dst_port;
  wanted.server_port = packet->src_port;
  *side = SIDE_SERVER;
  return find_flow(html, &wanted, packet->time_ns);
}

/* The first of the frames that findings point at which is that one. */
static uint32_t find_frame(const struct html *html, const struct packet *packet)
{
  const struct html_frame wanted = {.frame = packet->frame, .end = packet->end};
  uint32_t low = 0, high = html->frame_count;
  while (low < high) {
    const uint32_t middle = low + (high - low) / 2;
    if (compare_frames(&html->frames[middle], &wanted) < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

void html_packet(struct html *html, const struct packet *packet)
{
  enum stream_side side;
  const struct html_flow *flow = NULL;
  uint8_t marks = 0;
  if (html->no_memory || !time_is_valid(packet->time_ns))
    return;
  html->packets_seen++;
  if (packet->kind == PACKET_TCP)
    flow = flow_of(html, packet, &side);
  for (uint32_t i = find_frame(html, packet);
       i < html->frame_count && html->frames[i].end == packet->end &&
       html->frames[i].frame == packet->frame;
       i++) {
    struct html_frame *frame = &html->frames[i];
    if (frame->found == FRAME_FOUND_MAX)
      continue;
    frame->found++;
    if (flow != NULL && flow->drawn == frame->drawn)
      marks = HTML_EVIDENCE;
    else
      html->no_memory |= !html_packets_add_foreign(html->drawn[frame->drawn], packet);
  }
  if (flow == NULL)
    return;
  struct html_drawn *drawn = html->drawn[flow->drawn];
  html->no_memory |= !html_packets_add(drawn, &drawn->views[flow->view], packet, side, marks);
}

/* ---- the page, part after part ---- */

static int result(const struct html *html)
{
  return html->no_memory || html->words.failed ? ERROR_MEMORY : ferror(html->stream) ? ERROR_IO : 0;
}

static int on_begin(void *context, const struct report_overview *overview)
{
  struct html *html = context;
  html->overview = overview;
  html_words_init(&html->words, overview, &html->options.names, html->options.local_time);
  html_page_begin(html);
  return result(html);
}

static int on_verdict(void *context, uint64_t rank, const struct report_connection *connection,
                      const struct finding *finding)
{
  html_verdict(context, rank, connection, finding);
  return result(context);
}

static int on_finding(void *context, uint64_t rank, const struct report_connection *connection,
                      const struct finding *finding)
{
  html_finding(context, rank, connection, finding);
  return result(context);
}

static int on_connection(void *context, const struct report_connection *connection)
{
  return html_connection_row(context, connection);
}

static int on_end(void *context, const struct report_overview *overview)
{
  struct html *html = context;
  (void)overview;
  html_connections_end(html);
  return result(html);
}

static int on_details(void *context, const struct report_connection *connection)
{
  html_connection_details(context, connection);
  return result(context);
}

static int on_capture(void *context, const struct report_capture *capture)
{
  html_capture(context, capture);
  return result(context);
}

static int on_page_end(void *context, const struct report_overview *overview)
{
  struct html *html = context;
  (void)overview;
  html_page_end(html);
  return fflush(html->stream) != 0 ? ERROR_IO : result(html);
}

static void finish_drawn(struct html *html, struct html_drawn *drawn, const struct collect *collect)
{
  const uint8_t ends[2] = {drawn->client_end, drawn->server_end};
  for (uint32_t i = 0; i < collect_capture_count(collect); i++)
    for (int side = 0; side < 2; side++) {
      const struct report_capture *capture = collect_capture(collect, i);
      if (capture->end != ends[side])
        continue;
      drawn->capture_from_ns[side] = capture->stats.first_ns;
      drawn->capture_to_ns[side] = capture->stats.last_ns;
    }
  html_packets_finish(drawn);
  html->no_memory |= !html_match(drawn);
}

int html_write(struct html *html, struct collect *collect, FILE *stream, struct error *error)
{
  /* the captures stand behind the connections: two walks */
  const struct report_writer first = {.context = html,
                                      .layout = REPORT_WORST_FIRST,
                                      .wants_info = true,
                                      .max_findings = HTML_FINDINGS_MAX,
                                      .begin = on_begin,
                                      .verdict = on_verdict,
                                      .finding = on_finding,
                                      .connection = on_connection,
                                      .end = on_end};
  const struct report_writer second = {.context = html,
                                       .layout = REPORT_BY_CONNECTION,
                                       .connection = on_details,
                                       .capture = on_capture,
                                       .end = on_page_end};
  html->stream = stream;
  for (uint32_t i = 0; i < html->drawn_count; i++)
    finish_drawn(html, html->drawn[i], collect);
  int rc = html->no_memory ? ERROR_MEMORY : report_write(collect, &first, error);
  if (rc == 0)
    rc = report_write(collect, &second, error);
  if (rc == ERROR_MEMORY)
    return error_set(error, ERROR_MEMORY, "out of memory while the report was written");
  return rc;
}
