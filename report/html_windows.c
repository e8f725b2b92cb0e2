#include "report/html_figure.h"

/* How many bytes were on their way, and how many the receiver allowed, as the sender's end saw it.
 */

#define LOOK_BACK_MAX 20000u /* packets */

struct flight {
  double bytes, window;
  bool bytes_known, window_known;
};

static void take(const struct figure *figure, struct flight *flight,
                 const struct html_packet *packet)
{
  if (packet->end != figure->near || (packet->marks & HTML_FOREIGN) != 0)
    return;
  const bool own = packet->side == figure->side;
  flight->bytes = own ? packet->own_flight_bytes : packet->other_flight_bytes;
  flight->bytes_known = true;
  if (!own && (packet->flags & TCP_ACK) != 0 && (packet->flags & (TCP_SYN | TCP_RST)) == 0) {
    flight->window = packet->window_bytes;
    flight->window_known = true;
  }
}

typedef void flight_visit(void *context, const struct figure *figure, double x,
                          const struct flight *flight);

static void walk(const struct figure *figure, flight_visit *visit, void *context)
{
  struct flight flight = {.bytes_known = false};
  /* what it was when the window begins */
  const uint32_t least = figure->first > LOOK_BACK_MAX ? figure->first - LOOK_BACK_MAX : 0;
  for (uint32_t i = least; i < figure->first; i++)
    take(figure, &flight, &figure->drawn->list[i]);
  visit(context, figure, 0, &flight);
  for (uint32_t i = figure->first; i < figure->last; i++) {
    take(figure, &flight, &figure->drawn->list[i]);
    visit(context, figure, svg_x(&figure->time, figure->drawn->list[i].time_ns), &flight);
  }
}

static void find_most(void *context, const struct figure *figure, double x,
                      const struct flight *flight)
{
  double *most = context;
  (void)figure;
  (void)x;
  *most = flight->bytes > *most ? flight->bytes : *most;
  *most = flight->window > *most ? flight->window : *most;
}

struct line {
  struct svg_steps steps;
  struct svg_bytes bytes;
  bool window;
};

static void add_step(void *context, const struct figure *figure, double x,
                     const struct flight *flight)
{
  struct line *line = context;
  (void)figure;
  if (line->window ? flight->window_known : flight->bytes_known)
    svg_steps_add(&line->steps, x,
                  svg_y(&line->bytes, line->window ? flight->window : flight->bytes));
}

static void put_line(const struct figure *figure, const struct svg_bytes *bytes, bool window)
{
  struct line line = {.bytes = *bytes, .window = window};
  svg_steps_begin(&line.steps, figure->stream, window ? "edge" : "flight");
  walk(figure, add_step, &line);
  svg_steps_end(&line.steps, figure->time.x1);
}

void figure_windows(const struct figure *figure, double top, double height)
{
  double most = 1;
  walk(figure, find_most, &most);
  const struct svg_bytes bytes = {-most * 0.03, most * 1.08, height, 0};
  figure_bytes_scale(figure, &bytes, top, 3);
  figure_panel(figure, top, height);
  put_line(figure, &bytes, false);
  put_line(figure, &bytes, true); /* above: its dashes let the other one through */
  fputs("</svg>\n", figure->stream);
}
