#include "report/html_figure.h"

#include "report/html_escape.h"
#include "wire/timestamp.h"

#include <inttypes.h>
#include <stdlib.h>

/* The packets around a finding as arrows between the ends, the client's at the left. Time goes
 * downwards, by the fitted clocks, so that a slope is the way's delay; long silences are cut and
 * their length is said. */

#define LADDER_WIDTH   860.0
#define LADDER_LEFT    196.0 /* the lines of the ends */
#define LADDER_RIGHT   664.0
#define LADDER_TOP     46.0
#define LINE_HEIGHT    15.0 /* between two stamps of one side */
#define EVENT_HEIGHT   5.0  /* between any two events */
#define SLOPE_HEIGHT   60.0 /* of a usual delay, at most */
#define SILENCE_HEIGHT 40.0
#define AROUND_EDGE    10 /* packets before and behind a finding's begin and end */
#define ALL_OF_IT      (HTML_RUNGS_MAX * 3 / 4) /* so few are shown without a choice */

struct rung {
  const struct html_packet *sent; /* as its sender's end saw it; NULL: it did not */
  const struct html_packet *came; /* NULL: not seen to come */
  double sent_y, came_y;
};

/* Something on one of the two lines. */
struct event {
  int64_t time_ns;
  uint32_t rung;
  bool came, right;
  double y;
};

struct ladder {
  const struct html *html;
  const struct html_drawn *drawn;
  const struct html_span *span;
  const struct report_connection *connection;
  FILE *stream;
  bool two_ends;
  uint32_t chosen[HTML_RUNGS_MAX * 2]; /* packets' indices, in their order */
  uint32_t chosen_count, wanted_count;
  struct rung rungs[HTML_RUNGS_MAX];
  uint32_t count;
  struct event events[HTML_RUNGS_MAX * 2];
  uint32_t event_count;
  double height;
};

/* ---- which packets ---- */

static bool is_shown(const struct ladder *ladder, const struct html_packet *packet)
{
  const struct html_drawn *drawn = ladder->drawn;
  return (packet->marks & HTML_FOREIGN) != 0 || packet->end == drawn->client_end ||
         packet->end == drawn->server_end;
}

static bool is_evidence(const struct ladder *ladder, const struct html_packet *packet)
{
  for (uint32_t i = 0; packet != NULL && i < ladder->span->evidence_count; i++)
    if (ladder->span->evidence[i].frame == packet->frame &&
        ladder->span->evidence[i].end == packet->end)
      return true;
  return false;
}

static void choose(struct ladder *ladder, uint32_t index)
{
  for (uint32_t i = 0; i < ladder->chosen_count; i++)
    if (ladder->chosen[i] == index)
      return;
  if (!is_shown(ladder, &ladder->drawn->list[index]))
    return;
  if (ladder->chosen_count < HTML_RUNGS_MAX)
    ladder->chosen[ladder->chosen_count++] = index;
}

static void choose_around(struct ladder *ladder, int64_t edge_ns)
{
  const uint32_t at = html_packets_from(ladder->drawn, edge_ns);
  for (uint32_t i = 0; i < AROUND_EDGE; i++) {
    if (at + i < ladder->drawn->count)
      choose(ladder, at + i);
    if (at > i)
      choose(ladder, at - 1 - i);
  }
}

static int compare_indices(const void *left, const void *right)
{
  const uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
  return a < b ? -1 : a > b;
}

/* All of the finding's time if that is not much; else its evidence, its begin and its end. */
static void choose_packets(struct ladder *ladder)
{
  const struct html_drawn *drawn = ladder->drawn;
  const struct html_span *span = ladder->span;
  const uint32_t from = html_packets_from(drawn, span->from_ns);
  const uint32_t to = html_packets_from(drawn, span->to_ns + 1);
  ladder->wanted_count = to - from;
  for (uint32_t i = 0; i < span->evidence_count; i++) {
    const uint32_t found = figure_find_packet(drawn, &span->evidence[i]);
    if (found != UINT32_MAX)
      choose(ladder, found);
  }
  if (span->from_ns == span->to_ns) {
    for (uint32_t i = 0; i < 2 * AROUND_EDGE && i < drawn->count; i++)
      choose(ladder, i);
  } else {
    choose_around(ladder, span->from_ns);
    choose_around(ladder, span->to_ns);
    for (uint32_t i = from; i < to && to - from <= ALL_OF_IT; i++)
      choose(ladder, i);
  }
  qsort(ladder->chosen, ladder->chosen_count, sizeof *ladder->chosen, compare_indices);
}

/* ---- rungs ---- */

static bool is_near(const struct ladder *ladder, const struct html_packet *packet)
{
  return (packet->marks & HTML_FOREIGN) != 0 || !ladder->two_ends ||
         packet->end == html_near(ladder->drawn, (enum stream_side)packet->side);
}

static void make_rungs(struct ladder *ladder)
{
  const struct html_packet *list = ladder->drawn->list;
  for (uint32_t i = 0; i < ladder->chosen_count && ladder->count < HTML_RUNGS_MAX; i++) {
    const struct html_packet *packet = &list[ladder->chosen[i]];
    const struct html_packet *other = packet->other != UINT32_MAX ? &list[packet->other] : NULL;
    const bool near = is_near(ladder, packet);
    struct rung rung = {near ? packet : other, near ? other : packet, 0, 0};
    bool there = false;
    for (uint32_t k = 0; k < ladder->count && !there; k++)
      there = (rung.sent != NULL && ladder->rungs[k].sent == rung.sent) ||
              (rung.came != NULL && ladder->rungs[k].came == rung.came &&
               ladder->rungs[k].sent == rung.sent);
    if (!there)
      ladder->rungs[ladder->count++] = rung;
  }
}

/* ---- where they stand ---- */

static bool stands_right(const struct ladder *ladder, const struct html_packet *packet)
{
  return ladder->two_ends && packet->end == ladder->drawn->server_end;
}

static int compare_events(const void *left, const void *right)
{
  const struct event *a = left, *b = right;
  if (a->time_ns != b->time_ns)
    return a->time_ns < b->time_ns ? -1 : 1;
  return a->rung < b->rung ? -1 : a->rung > b->rung;
}

static void make_events(struct ladder *ladder)
{
  for (uint32_t i = 0; i < ladder->count; i++) {
    const struct rung *rung = &ladder->rungs[i];
    if (rung->sent != NULL)
      ladder->events[ladder->event_count++] =
          (struct event){rung->sent->time_ns, i, false, stands_right(ladder, rung->sent), 0};
    if (rung->came != NULL)
      ladder->events[ladder->event_count++] =
          (struct event){rung->came->time_ns, i, true, stands_right(ladder, rung->came), 0};
  }
  qsort(ladder->events, ladder->event_count, sizeof *ladder->events, compare_events);
}

static int compare_times(const void *left, const void *right)
{
  const int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
  return a < b ? -1 : a > b;
}

/* A usual delay between the ends, or between packets where there is only one. */
static double usual_ns(const struct ladder *ladder)
{
  int64_t delays[HTML_RUNGS_MAX * 2];
  uint32_t count = 0;
  for (uint32_t i = 0; i < ladder->count; i++) {
    const struct rung *rung = &ladder->rungs[i];
    if (rung->sent != NULL && rung->came != NULL && rung->came->time_ns > rung->sent->time_ns)
      delays[count++] = rung->came->time_ns - rung->sent->time_ns;
  }
  for (uint32_t i = 1; i < ladder->event_count && !ladder->two_ends; i++)
    delays[count++] = ladder->events[i].time_ns - ladder->events[i - 1].time_ns;
  if (count == 0)
    return 1e6;
  qsort(delays, count, sizeof *delays, compare_times);
  const int64_t median_ns = delays[count / 2];
  return median_ns > 0 ? (double)median_ns : 1e3;
}

/* Time is a slope's height for each usual delay, but that stamps never overlap and a silence is not
 * longer than SILENCE_HEIGHT. */
static void place(struct ladder *ladder)
{
  const double per_ns = SLOPE_HEIGHT / usual_ns(ladder);
  double side_y[2] = {LADDER_TOP - LINE_HEIGHT, LADDER_TOP - LINE_HEIGHT};
  double y = LADDER_TOP;
  for (uint32_t i = 0; i < ladder->event_count; i++) {
    struct event *event = &ladder->events[i];
    double step = i == 0 ? 0 : (double)(event->time_ns - ladder->events[i - 1].time_ns) * per_ns;
    step = step > SILENCE_HEIGHT ? SILENCE_HEIGHT : step;
    step = i > 0 && step < EVENT_HEIGHT ? EVENT_HEIGHT : step;
    y += step;
    y = y < side_y[event->right] + LINE_HEIGHT ? side_y[event->right] + LINE_HEIGHT : y;
    side_y[event->right] = y;
    event->y = y;
    if (event->came)
      ladder->rungs[event->rung].came_y = y;
    else
      ladder->rungs[event->rung].sent_y = y;
  }
  ladder->height = y + 24;
}

/* ---- drawing ---- */

static void stamp(const struct ladder *ladder, const struct html_packet *packet, double y)
{
  const struct format_clock clock = {ladder->html->overview->capture_list[0].time_base,
                                     ladder->html->options.local_time, 6};
  const bool right = stands_right(ladder, packet);
  char time[FORMAT_TEXT_SIZE];
  format_time(&clock, packet->time_ns, time);
  fprintf(ladder->stream,
          "<text class=\"stamp%s%s\" x=\"%.0f\" y=\"%.1f\">%s<tspan class=\"frame\">%s%" PRIu64
          "%s</tspan></text>\n",
          right ? " right" : "", is_evidence(ladder, packet) ? " proof" : "",
          right ? LADDER_RIGHT + 10 : LADDER_LEFT - 10, y + 4, time, "  #", packet->frame, "");
}

static const char *rung_class(const struct html_packet *packet)
{
  if ((packet->marks & HTML_FOREIGN) != 0)
    return "stranger-line";
  if ((packet->flags & TCP_RST) != 0)
    return "reset";
  if ((packet->marks & HTML_AGAIN) != 0)
    return "again";
  return packet->payload_bytes > 0 ? "data" : "ack";
}

static int put_flags(char *text, size_t size, uint16_t flags)
{
  static const struct {
    uint16_t flag;
    const char *name;
  } names[] = {{TCP_SYN, "SYN"}, {TCP_FIN, "FIN"}, {TCP_RST, "RST"}};
  int used = 0;
  text[0] = '\0';
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if ((flags & names[i].flag) != 0)
      used += snprintf(text + used, size - (size_t)used, "%s ", names[i].name);
  return used;
}

static void describe(const struct html_packet *packet, char *text, size_t size)
{
  if ((packet->marks & HTML_FOREIGN) != 0) {
    snprintf(text, size, "%s, %" PRIu32 " bytes", packet_kind_name((enum packet_kind)packet->kind),
             packet->frame_bytes);
    return;
  }
  int used = put_flags(text, size, packet->flags);
  if (packet->payload_bytes > 0)
    used += snprintf(text + used, size - (size_t)used, "%" PRId64 ":%" PRId64 "%s ", packet->seq,
                     packet->seq + packet->payload_bytes,
                     (packet->marks & HTML_AGAIN) != 0 ? " again" : "");
  if ((packet->flags & TCP_ACK) != 0)
    used += snprintf(text + used, size - (size_t)used, "ack %" PRId64 " win %" PRIu32, packet->ack,
                     packet->window_bytes);
  if (packet->sack_count > 0)
    snprintf(text + used, size - (size_t)used, " sack %" PRId64 ":%" PRId64 "%s",
             packet->sack[0][0], packet->sack[0][1], packet->sack_count > 1 ? "..." : "");
}

/* The line of an arrow. */
struct arrow {
  double x0, y0, x1, y1;
};

static struct arrow arrow_of(const struct ladder *ladder, const struct rung *rung)
{
  const struct html_packet *packet = rung->sent != NULL ? rung->sent : rung->came;
  const bool rightwards = packet->side == SIDE_CLIENT;
  const double from = rightwards ? LADDER_LEFT : LADDER_RIGHT;
  const double to = rightwards ? LADDER_RIGHT : LADDER_LEFT;
  struct arrow arrow = {from, rung->sent_y, to, rung->came_y};
  if (rung->sent == NULL) { /* came from nowhere */
    arrow.x0 = from + (to - from) * 0.3;
    arrow.y0 = rung->came_y;
  } else if (rung->came == NULL) {
    arrow.y1 = rung->sent_y;
    if (ladder->two_ends)
      arrow.x1 = from + (to - from) * 0.7; /* ends in mid-air */
  }
  return arrow;
}

static void arrow_head(FILE *stream, const struct arrow *arrow, const char *css_class)
{
  const double back = arrow->x1 > arrow->x0 ? -8 : 8;
  const double rise = (arrow->y1 - arrow->y0) / (arrow->x1 - arrow->x0) * back;
  fprintf(stream, "<path class=\"head %s\" d=\"M%.1f %.1fL%.1f %.1fL%.1f %.1fz\"/>", css_class,
          arrow->x1, arrow->y1, arrow->x1 + back, arrow->y1 + rise - 3.5, arrow->x1 + back,
          arrow->y1 + rise + 3.5);
}

static void put_rung(const struct ladder *ladder, const struct rung *rung)
{
  const struct html_packet *packet = rung->sent != NULL ? rung->sent : rung->came;
  const struct arrow arrow = arrow_of(ladder, rung);
  const char *css_class = rung_class(packet);
  char text[200];
  describe(packet, text, sizeof text);
  fprintf(ladder->stream, "<g class=\"rung\" data-packet=\"%u:%" PRIu64 "\">",
          (unsigned)packet->end, packet->frame);
  fprintf(ladder->stream, "<path class=\"line %s\" d=\"M%.1f %.1fL%.1f %.1f\"/>", css_class,
          arrow.x0, arrow.y0, arrow.x1, arrow.y1);
  if (ladder->two_ends && rung->came == NULL)
    fprintf(ladder->stream,
            (packet->marks & HTML_NOT_THERE) != 0
                ? "<path class=\"gone\" d=\"M%.1f %.1fl9 9m0 -9l-9 9\"/>"
                : "<circle class=\"open\" cx=\"%.1f\" cy=\"%.1f\" r=\"4\"/>",
            arrow.x1 - ((packet->marks & HTML_NOT_THERE) != 0 ? 4.5 : 0),
            arrow.y1 - ((packet->marks & HTML_NOT_THERE) != 0 ? 4.5 : 0));
  else
    arrow_head(ladder->stream, &arrow, css_class);
  /* beside its stamp, where no other packet's label can stand */
  const bool right = rung->sent != NULL ? arrow.x0 > arrow.x1 : arrow.x1 > arrow.x0;
  fprintf(ladder->stream, "<text class=\"packet%s%s\" x=\"%.0f\" y=\"%.1f\">",
          right ? " right" : "",
          is_evidence(ladder, rung->sent) || is_evidence(ladder, rung->came) ? " proof" : "",
          right ? LADDER_RIGHT - 12 : LADDER_LEFT + 12,
          (rung->sent != NULL ? rung->sent_y : rung->came_y) - 2.5);
  html_text(ladder->stream, text);
  fputs("</text></g>\n", ladder->stream);
}

/* Is a packet on its way then? */
static bool is_crossed(const struct ladder *ladder, const struct event *before,
                       const struct event *behind)
{
  for (uint32_t i = 0; i < ladder->count; i++) {
    const struct rung *rung = &ladder->rungs[i];
    if (rung->sent != NULL && rung->came != NULL && rung->sent->time_ns <= before->time_ns &&
        rung->came->time_ns >= behind->time_ns)
      return true;
  }
  return false;
}

static void silence(const struct ladder *ladder, const struct event *before,
                    const struct event *behind, double per_ns)
{
  char duration[FORMAT_TEXT_SIZE];
  const int64_t length_ns = behind->time_ns - before->time_ns;
  const double least = is_crossed(ladder, before, behind) ? SLOPE_HEIGHT * 3 : SILENCE_HEIGHT * 1.5;
  if ((double)length_ns * per_ns < least)
    return;
  const double y = (before->y + behind->y) / 2;
  fprintf(ladder->stream,
          "<path class=\"silence\" d=\"M%.0f %.1fH%.0f\"/><text class=\"silence\" x=\"%.0f\" "
          "y=\"%.1f\">%s later</text>\n",
          LADDER_LEFT, y, LADDER_RIGHT, (LADDER_LEFT + LADDER_RIGHT) / 2, y + 4,
          format_duration(length_ns, duration));
}

static void lifelines(const struct ladder *ladder)
{
  const struct connection_summary *summary = ladder->connection->summary;
  char client[FORMAT_ENDPOINT_SIZE], server[FORMAT_ENDPOINT_SIZE];
  const uint8_t end = ladder->connection->capture->end;
  const bool left_seen = ladder->two_ends || summary->vantage != VANTAGE_SERVER;
  const bool right_seen = ladder->two_ends || summary->vantage == VANTAGE_SERVER;
  format_endpoint(&ladder->html->options.names, end, &summary->client, client);
  format_endpoint(&ladder->html->options.names, end, &summary->server, server);
  for (int right = 0; right < 2; right++) {
    const double x = right ? LADDER_RIGHT : LADDER_LEFT;
    const bool seen = right ? right_seen : left_seen;
    fprintf(ladder->stream, "<text class=\"end\" x=\"%.0f\" y=\"14\">", x);
    html_text(ladder->stream, right ? server : client);
    fprintf(ladder->stream, "</text><text class=\"end dim\" x=\"%.0f\" y=\"30\">", x);
    if (ladder->two_ends)
      fprintf(ladder->stream, "%s, end %c", right ? "server" : "client",
              'A' + (right ? ladder->drawn->server_end : ladder->drawn->client_end) % 26);
    else
      fprintf(ladder->stream, "%s%s", right ? "server" : "client",
              seen ? "" : " (not captured there)");
    fprintf(ladder->stream, "</text><path class=\"life%s\" d=\"M%.0f 36V%.0f\"/>\n",
            seen ? "" : " unseen", x, ladder->height);
  }
}

static void draw(const struct ladder *ladder)
{
  const double per_ns = SLOPE_HEIGHT / usual_ns(ladder);
  fprintf(ladder->stream,
          "<div class=\"scroll\"><svg class=\"ladder\" viewBox=\"0 0 %.0f %.0f\" role=\"img\" "
          "aria-label=\"The packets around the finding, as arrows between the two ends\">\n",
          LADDER_WIDTH, ladder->height + 6);
  lifelines(ladder);
  for (uint32_t i = 1; i < ladder->event_count; i++)
    silence(ladder, &ladder->events[i - 1], &ladder->events[i], per_ns);
  for (uint32_t i = 0; i < ladder->count; i++)
    put_rung(ladder, &ladder->rungs[i]);
  for (uint32_t i = 0; i < ladder->count; i++) {
    const struct rung *rung = &ladder->rungs[i];
    if (rung->sent != NULL)
      stamp(ladder, rung->sent, rung->sent_y);
    if (rung->came != NULL)
      stamp(ladder, rung->came, rung->came_y);
  }
  fputs("</svg></div>\n", ladder->stream);
}

static void caption(const struct ladder *ladder)
{
  FILE *stream = ladder->stream;
  fputs("<figure class=\"steps\"><figcaption>The packets around it, evidence in bold; #n is the "
        "frame.",
        stream);
  if (ladder->two_ends)
    fputs(" \u2715: not seen at the other end, whose capture went on; \u25cb: not seen there, "
          "where the "
          "capture may have been over, or not kept for the drawing.",
          stream);
  else
    fputs(" The other end was not captured.", stream);
  fputs("</figcaption>\n", stream);
}

void html_ladder(struct html *html, const struct html_drawn *drawn, const struct html_span *span,
                 const struct report_connection *connection)
{
  struct ladder *ladder = calloc(1, sizeof *ladder);
  html->no_memory |= ladder == NULL;
  if (ladder == NULL)
    return;
  ladder->html = html;
  ladder->drawn = drawn;
  ladder->span = span;
  ladder->connection = connection;
  ladder->stream = html->stream;
  ladder->two_ends = drawn->client_end != drawn->server_end;
  choose_packets(ladder);
  make_rungs(ladder);
  make_events(ladder);
  place(ladder);
  if (ladder->count > 0) {
    caption(ladder);
    draw(ladder);
    fputs("</figure>\n", html->stream);
  }
  free(ladder);
}
