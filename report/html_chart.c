#include "report/html_figure.h"

#include "report/html_escape.h"
#include "wire/timestamp.h"

#include <inttypes.h>
#include <math.h>

/* The frame of a figure: its panels from top to bottom, the time axis below all of them, and what
 * the page's script has to know to draw it anew. */

bool figure_has_row(const struct html_drawn *drawn, enum stream_side side)
{
  if (drawn->bytes[side] > 0)
    return true;
  for (uint32_t i = 0; i < drawn->span_count; i++)
    if (drawn->spans[i].sender == side && drawn->spans[i].to_ns > drawn->spans[i].from_ns)
      return true;
  return false;
}

uint32_t figure_find_packet(const struct html_drawn *drawn, const struct html_evidence *evidence)
{
  if (evidence->frame == 0 || !time_is_valid(evidence->time_ns))
    return UINT32_MAX;
  for (uint32_t i = html_packets_from(drawn, evidence->time_ns);
       i < drawn->count && drawn->list[i].time_ns == evidence->time_ns; i++)
    if (drawn->list[i].frame == evidence->frame && drawn->list[i].end == evidence->end)
      return i;
  for (uint32_t i = 0; i < drawn->count; i++)
    if (drawn->list[i].frame == evidence->frame && drawn->list[i].end == evidence->end)
      return i;
  return UINT32_MAX;
}

void figure_panel(const struct figure *figure, double top, double height)
{
  fprintf(figure->stream,
          "<svg class=\"panel\" x=\"%.0f\" y=\"%.0f\" width=\"%.0f\" height=\"%.0f\">\n",
          FIGURE_LEFT, top, FIGURE_WIDTH - FIGURE_LEFT - FIGURE_RIGHT, height);
}

void figure_bytes_scale(const struct figure *figure, const struct svg_bytes *bytes, double top,
                        unsigned ticks)
{
  const double step = svg_bytes_step(bytes->high - bytes->low, ticks);
  char label[SVG_LABEL_SIZE];
  const double first = bytes->low > 0 ? ceil(bytes->low / step) : 0;
  const int count = (int)floor(bytes->high / step - first) + 1;
  for (int i = 0; i < count; i++) {
    const double at = (first + i) * step;
    const double y = top + svg_y(bytes, at);
    fprintf(figure->stream, "<path class=\"grid\" d=\"M%.0f %.1fH%.0f\"/>", FIGURE_LEFT, y,
            FIGURE_WIDTH - FIGURE_RIGHT);
    fprintf(figure->stream, "<text class=\"y\" x=\"%.0f\" y=\"%.1f\">%s</text>\n", FIGURE_LEFT - 6,
            y + 4, svg_bytes_label(at, step, label));
  }
}

static void time_axis(const struct figure *figure, double top, double bottom)
{
  const int64_t zero_ns = figure->drawn->start_ns;
  const struct svg_time *time = &figure->time;
  const int64_t step_ns = svg_time_step_ns(time->to_ns - time->from_ns, 8);
  char label[SVG_LABEL_SIZE];
  int64_t since_ns = (time->from_ns - zero_ns) / step_ns * step_ns;
  for (; zero_ns + since_ns <= time->to_ns; since_ns += step_ns) {
    if (zero_ns + since_ns < time->from_ns)
      continue;
    const double x = FIGURE_LEFT + svg_x(time, zero_ns + since_ns);
    fprintf(figure->stream, "<path class=\"grid\" d=\"M%.1f %.0fV%.0f\"/>", x, top, bottom);
    fprintf(figure->stream, "<text class=\"x\" x=\"%.1f\" y=\"%.0f\">%s</text>\n", x, bottom + 16,
            svg_time_label(since_ns, step_ns, label));
  }
}

static void panel_title(const struct figure *figure, double top, const char *text)
{
  fprintf(figure->stream, "<text class=\"title\" x=\"%.0f\" y=\"%.0f\">%s</text>\n", FIGURE_LEFT,
          top - 7, text);
}

static void bytes_title(const struct figure *figure, double top)
{
  char text[200];
  const char *who = stream_side_name(figure->side);
  if (figure->near == figure->far)
    snprintf(text, sizeof text, "bytes that the %s sends, as %c saw them", who,
             'A' + figure->near % 26);
  else
    snprintf(text, sizeof text, "bytes that the %s sends: as they left %c, and as they came to %c",
             who, 'A' + figure->near % 26, 'A' + figure->far % 26);
  panel_title(figure, top, text);
}

/* The panels; returns the height of all. */
static double panels(const struct figure *figure, bool write)
{
  const unsigned rows = (unsigned)figure_has_row(figure->drawn, SIDE_CLIENT) +
                        (unsigned)figure_has_row(figure->drawn, SIDE_SERVER);
  const double bytes_top = FIGURE_TITLE;
  const double strip_top = bytes_top + FIGURE_BYTES + (rows > 0 ? FIGURE_TITLE : 0);
  const double windows_top = strip_top + rows * FIGURE_ROW + FIGURE_TITLE;
  const double bottom = windows_top + FIGURE_WINDOWS;
  if (!write)
    return bottom + FIGURE_AXIS;
  time_axis(figure, bytes_top, bottom);
  bytes_title(figure, bytes_top);
  figure_bytes(figure, bytes_top, FIGURE_BYTES);
  if (rows > 0)
    panel_title(figure, strip_top, "who holds it");
  figure_strip(figure, strip_top);
  panel_title(figure, windows_top, "bytes in flight, and the receiver's window");
  figure_windows(figure, windows_top, FIGURE_WINDOWS);
  return bottom + FIGURE_AXIS;
}

static void svg(const struct figure *figure)
{
  const double height = panels(figure, false);
  fprintf(figure->stream,
          "<div class=\"scroll\"><svg class=\"chart\" viewBox=\"0 0 %.0f %.0f\" role=\"img\" "
          "aria-label=\"Bytes over time, who holds the stream, and the window\">\n",
          FIGURE_WIDTH, height);
  panels(figure, true);
  fputs("</svg></div>\n", figure->stream);
}

static void swatch(FILE *stream, const char *shape, const char *text)
{
  fprintf(
      stream,
      "<li><svg class=\"swatch\" width=\"22\" height=\"14\" aria-hidden=\"true\">%s</svg>%s</li>",
      shape, text);
}

static void legend(const struct figure *figure)
{
  FILE *stream = figure->stream;
  char text[120];
  fputs("<ul class=\"legend\">", stream);
  swatch(stream, "<path class=\"data\" d=\"M6 12V3M11 9V2M16 7V1\"/>", "data");
  swatch(stream,
         "<path class=\"again\" d=\"M11 13V5\"/><path class=\"again-mark\" d=\"M7 5h8l-4-5z\"/>",
         "sent again");
  swatch(stream, "<path class=\"ack\" d=\"M1 11H11V4H21\"/>", "acknowledged");
  swatch(stream, "<path class=\"edge\" d=\"M1 10H11V4H21\"/>", "right edge of the window");
  swatch(stream, "<path class=\"sack\" d=\"M8 12V3M14 12V3\"/>", "SACK");
  if (figure->near != figure->far) {
    snprintf(text, sizeof text, "came to %c", 'A' + figure->far % 26);
    swatch(stream, "<path class=\"came\" d=\"M6 12V3M11 9V2M16 7V1\"/>", text);
    snprintf(text, sizeof text, "not seen at %c", 'A' + figure->far % 26);
    swatch(stream, "<path class=\"gone\" d=\"M7 3l8 8M15 3l-8 8\"/>", text);
  }
  swatch(stream, "<circle class=\"spot\" cx=\"11\" cy=\"7\" r=\"6\"/>", "evidence, by its number");
  swatch(stream, "<path class=\"stranger\" d=\"M11 1l6 11H5z\"/>", "a packet of something else");
  fputs("</ul>\n", stream);
}

static void owner_item(FILE *stream, unsigned owner, const char *text)
{
  fprintf(stream,
          "<li><svg class=\"swatch\" width=\"22\" height=\"14\" aria-hidden=\"true\"><rect "
          "class=\"o o-%s\" y=\"1\" width=\"22\" height=\"12\"/></svg>%s</li>",
          html_owner_class(owner), text);
}

/* The places that the strip may show. */
static void owners(const struct figure *figure)
{
  const struct html_drawn *drawn = figure->drawn;
  bool told[LOCATION_COUNT] = {false};
  fputs("<ul class=\"legend\">", figure->stream);
  for (uint32_t i = 0; i < drawn->span_count; i++) {
    const enum location location = drawn->spans[i].location;
    if (!told[location] && drawn->spans[i].to_ns > drawn->spans[i].from_ns)
      owner_item(figure->stream, location, location_name(location));
    told[location] = true;
  }
  owner_item(figure->stream, HTML_OWNER_MOVING, "moving");
  owner_item(figure->stream, HTML_OWNER_IDLE, "idle: nothing under way");
  owner_item(figure->stream, HTML_OWNER_SHORT, "a wait too short to be reported");
  fputs("</ul>\n", figure->stream);
}

static void caption(const struct figure *figure)
{
  const struct html *html = figure->html;
  const struct html_drawn *drawn = figure->drawn;
  const struct format_clock clock = {html->overview->capture_list[0].time_base,
                                     html->options.local_time, 6};
  char time[FORMAT_TEXT_SIZE], zone[FORMAT_TEXT_SIZE], count[FORMAT_TEXT_SIZE];
  format_time(&clock, drawn->start_ns, time);
  format_zone(&clock, drawn->start_ns, zone);
  fprintf(figure->stream,
          "<figcaption>Connection %" PRIu64 "; 0 s is its first packet, at %s%s%s%s", drawn->id,
          time, zone[0] != '\0' ? " " : "", zone,
          html->overview->joint.ends > 1 ? " on A's clock" : "");
  if (drawn->left_out > 0)
    fprintf(figure->stream,
            ". Drawn from %s of its packets, those that mark the extremes of what can be seen",
            format_count(drawn->count, count));
  fputs(".</figcaption>\n", figure->stream);
}

/* The direction that the finding is about, unless nothing went there. */
static enum stream_side shown_side(const struct html_drawn *drawn, const struct html_span *span)
{
  const enum stream_side more =
      drawn->bytes[SIDE_SERVER] > drawn->bytes[SIDE_CLIENT] ? SIDE_SERVER : SIDE_CLIENT;
  return span != NULL && drawn->bytes[span->sender] > 0 ? span->sender : more;
}

void html_chart(struct html *html, const struct html_drawn *drawn, const struct html_span *span)
{
  struct figure figure = {.html = html, .drawn = drawn, .span = span, .stream = html->stream};
  const int64_t margin_ns = (drawn->end_ns - drawn->start_ns) / 50 + NS_PER_MS;
  figure.time = (struct svg_time){span != NULL ? span->window_from_ns : drawn->start_ns - margin_ns,
                                  span != NULL ? span->window_to_ns : drawn->end_ns + margin_ns, 0,
                                  FIGURE_WIDTH - FIGURE_LEFT - FIGURE_RIGHT};
  if (figure.time.to_ns <= figure.time.from_ns)
    figure.time.to_ns = figure.time.from_ns + NS_PER_MS;
  figure.side = shown_side(drawn, span);
  figure.near = html_near(drawn, figure.side);
  figure.far = html_far(drawn, figure.side);
  figure.first = html_packets_from(drawn, figure.time.from_ns);
  figure.last = html_packets_from(drawn, figure.time.to_ns);
  fprintf(html->stream,
          "<figure class=\"plot\" data-connection=\"%" PRIu64 "\" data-from=\"%" PRId64
          "\" data-to=\"%" PRId64 "\" data-side=\"%d\" data-rows=\"%d\" data-finding=\"%" PRIu64
          "\">\n",
          drawn->id, figure.time.from_ns - drawn->start_ns, figure.time.to_ns - drawn->start_ns,
          figure.side, figure_has_row(drawn, SIDE_CLIENT) + figure_has_row(drawn, SIDE_SERVER),
          span != NULL ? span->rank : 0);
  svg(&figure);
  legend(&figure);
  owners(&figure);
  caption(&figure);
  fputs("</figure>\n", html->stream);
}
