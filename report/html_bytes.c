#include "report/html_figure.h"

#include "wire/timestamp.h"

#include <inttypes.h>

/* The time-sequence diagram: data as bars from its first to its last byte, what was acknowledged
 * and how far the window reached as lines of steps, as the sender's end saw it all; and what came
 * to the other end. */

/* The right edge is brought into the picture if that makes it no more than so many times as high.
 */
#define EDGE_STRETCH   2.5
#define LOOK_BACK_MAX  20000u /* packets before the window, for what the lines begin with */
#define SPOT_RADIUS    9.0
#define SPOT_LIFTS_MAX 6
#define GONE_MAX       400u /* crosses */

static bool is_data(const struct figure *figure, const struct html_packet *packet)
{
  return packet->side == figure->side && packet->payload_bytes > 0 &&
         (packet->marks & HTML_FOREIGN) == 0;
}

/* Acknowledges the stream, at the sender's end. */
static bool is_ack(const struct figure *figure, const struct html_packet *packet)
{
  return packet->side != figure->side && packet->end == figure->near &&
         (packet->flags & TCP_ACK) != 0 && (packet->marks & HTML_FOREIGN) == 0;
}

/* A SYN's window is not scaled (RFC 7323, 2.2): its edge would be out of line. */
static bool has_edge(const struct html_packet *packet)
{
  return (packet->flags & (TCP_SYN | TCP_RST)) == 0;
}

struct range {
  double low, high, most_edge;
  bool any, any_edge;
};

static void widen(struct range *range, int64_t low, int64_t high)
{
  if (!range->any || (double)low < range->low)
    range->low = (double)low;
  if (!range->any || (double)high > range->high)
    range->high = (double)high;
  range->any = true;
}

static void widen_by_ack(struct range *range, const struct html_packet *packet)
{
  widen(range, packet->ack, packet->ack);
  if (!has_edge(packet))
    return;
  const double edge = (double)packet->ack + packet->window_bytes;
  range->most_edge = !range->any_edge || edge > range->most_edge ? edge : range->most_edge;
  range->any_edge = true;
}

/* The last ACK before the window, with which its lines begin. */
static const struct html_packet *ack_before(const struct figure *figure)
{
  const uint32_t least = figure->first > LOOK_BACK_MAX ? figure->first - LOOK_BACK_MAX : 0;
  for (uint32_t i = figure->first; i-- > least;)
    if (is_ack(figure, &figure->drawn->list[i]) && has_edge(&figure->drawn->list[i]))
      return &figure->drawn->list[i];
  return NULL;
}

static void find_range(const struct figure *figure, const struct html_packet *before, double height,
                       struct svg_bytes *bytes)
{
  struct range range = {.any = false};
  for (uint32_t i = figure->first; i < figure->last; i++) {
    const struct html_packet *packet = &figure->drawn->list[i];
    if (is_data(figure, packet) && (packet->end == figure->near || packet->end == figure->far))
      widen(&range, packet->seq, packet->seq + packet->payload_bytes);
    else if (is_ack(figure, packet))
      widen_by_ack(&range, packet);
  }
  if (before != NULL)
    widen_by_ack(&range, before);
  if (range.high <= range.low)
    range.high = range.low + 1;
  const double span = range.high - range.low;
  if (range.any_edge && range.most_edge > range.high &&
      range.most_edge - range.low <= span * EDGE_STRETCH)
    range.high = range.most_edge;
  const double margin = (range.high - range.low) * 0.06;
  *bytes = (struct svg_bytes){range.low - margin, range.high + margin, height, 0};
}

/* One way of looking at data: near or far, sent again or not. */
static void data_bars(const struct figure *figure, const struct svg_bytes *bytes, uint8_t end,
                      uint8_t mask, uint8_t marks, const char *css_class)
{
  struct svg_bars bars;
  svg_bars_begin(&bars, figure->stream, css_class);
  for (uint32_t i = figure->first; i < figure->last; i++) {
    const struct html_packet *packet = &figure->drawn->list[i];
    if (!is_data(figure, packet) || packet->end != end || (packet->marks & mask) != marks)
      continue;
    svg_bars_add(&bars, svg_x(&figure->time, packet->time_ns),
                 svg_y(bytes, (double)packet->seq + packet->payload_bytes),
                 svg_y(bytes, (double)packet->seq));
  }
  svg_bars_end(&bars);
}

/* A shape besides the colour: a triangle on top of what was sent again. */
static void again_marks(const struct figure *figure, const struct svg_bytes *bytes)
{
  double last_x = -100;
  fputs("<path class=\"again-mark\" d=\"", figure->stream);
  for (uint32_t i = figure->first; i < figure->last; i++) {
    const struct html_packet *packet = &figure->drawn->list[i];
    const double x = svg_x(&figure->time, packet->time_ns);
    if (!is_data(figure, packet) || packet->end != figure->near ||
        (packet->marks & HTML_AGAIN) == 0 || x < last_x + 3)
      continue;
    last_x = x;
    fprintf(figure->stream, "M%.1f %.1fh6l-3 -5z", x - 3,
            svg_y(bytes, (double)packet->seq + packet->payload_bytes) - 1);
  }
  fputs("\"/>\n", figure->stream);
}

static void gone_marks(const struct figure *figure, const struct svg_bytes *bytes)
{
  uint32_t count = 0;
  fputs("<path class=\"gone\" d=\"", figure->stream);
  for (uint32_t i = figure->first; i < figure->last && count < GONE_MAX; i++) {
    const struct html_packet *packet = &figure->drawn->list[i];
    if (!is_data(figure, packet) || (packet->marks & HTML_NOT_THERE) == 0)
      continue;
    fprintf(figure->stream, "M%.1f %.1fl7 7m0 -7l-7 7", svg_x(&figure->time, packet->time_ns) - 3.5,
            svg_y(bytes, (double)packet->seq + packet->payload_bytes / 2.0) - 3.5);
    count++;
  }
  fputs("\"/>\n", figure->stream);
}

static void sack_bars(const struct figure *figure, const struct svg_bytes *bytes)
{
  struct svg_bars bars;
  svg_bars_begin(&bars, figure->stream, "sack");
  for (uint32_t i = figure->first; i < figure->last; i++) {
    const struct html_packet *packet = &figure->drawn->list[i];
    for (unsigned k = 0; is_ack(figure, packet) && k < packet->sack_count; k++)
      svg_bars_add(&bars, svg_x(&figure->time, packet->time_ns),
                   svg_y(bytes, (double)packet->sack[k][1]),
                   svg_y(bytes, (double)packet->sack[k][0]));
  }
  svg_bars_end(&bars);
}

static void ack_lines(const struct figure *figure, const struct svg_bytes *bytes,
                      const struct html_packet *before, bool edge)
{
  struct svg_steps steps;
  svg_steps_begin(&steps, figure->stream, edge ? "edge" : "ack");
  if (before != NULL)
    svg_steps_add(&steps, 0, svg_y(bytes, (double)before->ack + (edge ? before->window_bytes : 0)));
  for (uint32_t i = figure->first; i < figure->last; i++) {
    const struct html_packet *packet = &figure->drawn->list[i];
    if (is_ack(figure, packet) && has_edge(packet))
      svg_steps_add(&steps, svg_x(&figure->time, packet->time_ns),
                    svg_y(bytes, (double)packet->ack + (edge ? packet->window_bytes : 0)));
  }
  svg_steps_end(&steps, figure->time.x1);
}

/* ---- findings ---- */

static void shade(const struct figure *figure, const struct html_span *span, double height)
{
  double from = svg_x(&figure->time, span->from_ns), to = svg_x(&figure->time, span->to_ns);
  if (to < figure->time.x0 || from > figure->time.x1)
    return;
  from = from < -2 ? -2 : from;
  to = to > figure->time.x1 + 2 ? figure->time.x1 + 2 : to;
  fprintf(figure->stream,
          "<rect class=\"shade%s\" x=\"%.1f\" y=\"-1\" width=\"%.1f\" height=\"%.0f\"/>\n",
          span == figure->span ? " own" : "", from, to - from > 1 ? to - from : 1, height + 2);
}

static void shades(const struct figure *figure, double height)
{
  const struct html_drawn *drawn = figure->drawn;
  for (uint32_t i = 0; i < drawn->span_count; i++)
    if (&drawn->spans[i] != figure->span && drawn->spans[i].to_ns > drawn->spans[i].from_ns &&
        drawn->spans[i].severity == SEVERITY_PROBLEM)
      shade(figure, &drawn->spans[i], height);
  if (figure->span != NULL)
    shade(figure, figure->span, height);
}

struct spot {
  double x, y;
};

static void place_spot(const struct figure *figure, const struct svg_bytes *bytes,
                       const struct html_evidence *evidence, double height, struct spot *spot)
{
  const uint32_t found = figure_find_packet(figure->drawn, evidence);
  spot->x = svg_x(&figure->time, evidence->time_ns);
  spot->y = height - 12;
  if (found == UINT32_MAX || (figure->drawn->list[found].marks & HTML_FOREIGN) != 0)
    return;
  const struct html_packet *packet = &figure->drawn->list[found];
  spot->x = svg_x(&figure->time, packet->time_ns);
  spot->y = packet->side == figure->side
                ? svg_y(bytes, (double)packet->seq + packet->payload_bytes / 2.0)
                : svg_y(bytes, (double)packet->ack);
}

/* Upwards, or down again, until it covers no other one. */
static struct spot lifted(const struct spot *spots, unsigned count, struct spot spot, double height)
{
  const double apart = 2 * SPOT_RADIUS + 1;
  const double home = spot.y < SPOT_RADIUS + 2            ? SPOT_RADIUS + 2
                      : spot.y > height - SPOT_RADIUS - 2 ? height - SPOT_RADIUS - 2
                                                          : spot.y;
  for (int lift = 0; lift < 2 * SPOT_LIFTS_MAX; lift++) {
    const int places = lift % 2 != 0 ? -(lift + 1) / 2 : lift / 2;
    const double by = places * apart;
    bool free_place = true;
    spot.y = home + by;
    if (spot.y < SPOT_RADIUS || spot.y > height - SPOT_RADIUS)
      continue;
    for (unsigned i = 0; i < count && free_place; i++)
      free_place = spots[i].x - spot.x > apart || spot.x - spots[i].x > apart ||
                   spots[i].y - spot.y >= apart || spot.y - spots[i].y >= apart;
    if (free_place)
      return spot;
  }
  spot.y = home;
  return spot;
}

static void put_spot(const struct figure *figure, unsigned number, const struct spot *at,
                     const struct spot *spot)
{
  const uint64_t rank = figure->span->rank;
  fprintf(figure->stream,
          "<a href=\"#f%" PRIu64 "e%u\" class=\"evidence\" id=\"f%" PRIu64
          "m%u\" aria-label=\"evidence %u\">",
          rank, number, rank, number, number);
  if (at->y - spot->y > 1 || spot->y - at->y > 1)
    fprintf(figure->stream, "<path class=\"leader\" d=\"M%.1f %.1fL%.1f %.1f\"/>", at->x, at->y,
            spot->x, spot->y);
  fprintf(figure->stream,
          "<circle class=\"spot\" cx=\"%.1f\" cy=\"%.1f\" r=\"%.0f\"/>"
          "<text class=\"number\" x=\"%.1f\" y=\"%.1f\">%u</text></a>\n",
          spot->x, spot->y, SPOT_RADIUS, spot->x, spot->y + 4, number);
}

static void evidence_spots(const struct figure *figure, const struct svg_bytes *bytes,
                           double height)
{
  struct spot spots[EVIDENCE_MAX];
  unsigned count = 0;
  for (uint32_t i = 0; figure->span != NULL && i < figure->span->evidence_count; i++) {
    const struct html_evidence *evidence = &figure->span->evidence[i];
    struct spot at, spot;
    if (evidence->frame == 0 || !time_is_valid(evidence->time_ns) ||
        evidence->time_ns < figure->time.from_ns || evidence->time_ns > figure->time.to_ns)
      continue;
    place_spot(figure, bytes, evidence, height, &at);
    spot = lifted(spots, count, at, height);
    spots[count++] = spot;
    put_spot(figure, i + 1, &at, &spot);
  }
}

static void strangers(const struct figure *figure, double height)
{
  for (uint32_t i = figure->first; i < figure->last; i++) {
    const struct html_packet *packet = &figure->drawn->list[i];
    if ((packet->marks & HTML_FOREIGN) != 0)
      fprintf(figure->stream, "<path class=\"stranger\" d=\"M%.1f %.1fh12l-6 -11z\"/>\n",
              svg_x(&figure->time, packet->time_ns) - 6, height - 1);
  }
}

void figure_bytes(const struct figure *figure, double top, double height)
{
  const struct html_packet *before = ack_before(figure);
  struct svg_bytes bytes;
  find_range(figure, before, height, &bytes);
  figure_bytes_scale(figure, &bytes, top, 7);
  figure_panel(figure, top, height);
  shades(figure, height);
  ack_lines(figure, &bytes, before, true);
  if (figure->far != figure->near)
    data_bars(figure, &bytes, figure->far, 0, 0, "came");
  data_bars(figure, &bytes, figure->near, HTML_AGAIN, 0, "data");
  data_bars(figure, &bytes, figure->near, HTML_AGAIN, HTML_AGAIN, "again");
  again_marks(figure, &bytes);
  sack_bars(figure, &bytes);
  ack_lines(figure, &bytes, before, false);
  gone_marks(figure, &bytes);
  strangers(figure, height);
  evidence_spots(figure, &bytes, height);
  fputs("</svg>\n", figure->stream);
}
