#include "report/html_figure.h"

#include "wire/timestamp.h"

/* Who has to act, at every instant: the findings' places where there are findings; else whether the
 * stream moves, as the analysis defines it, has nothing to do, or waits too shortly to be reported.
 */

const char *html_owner_class(unsigned owner)
{
  if (owner == HTML_OWNER_MOVING)
    return "moving";
  if (owner == HTML_OWNER_IDLE)
    return "idle";
  return owner == HTML_OWNER_SHORT ? "short" : location_name((enum location)owner);
}

struct strip {
  const struct figure *figure;
  enum stream_side side;
  double top;
  int64_t from_ns; /* of the run that is not drawn yet */
  unsigned owner;
  bool begun;
};

/* What is narrower than that joins its neighbour. */
#define LEAST_WIDTH 0.4
#define LETTER      6.6 /* wide */

static void put_run(const struct strip *strip, int64_t from_ns, int64_t to_ns, unsigned owner,
                    bool named)
{
  const struct figure *figure = strip->figure;
  const char *name = html_owner_class(owner);
  double x0 = svg_x(&figure->time, from_ns), x1 = svg_x(&figure->time, to_ns);
  x0 = x0 < figure->time.x0 ? figure->time.x0 : x0;
  x1 = x1 > figure->time.x1 ? figure->time.x1 : x1;
  if (x1 <= x0)
    return;
  fprintf(figure->stream,
          "<rect class=\"o o-%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>", name, x0,
          strip->top + 1, x1 - x0 > 1 ? x1 - x0 : 1, FIGURE_ROW - 3);
  size_t letters = 0;
  while (name[letters] != '\0')
    letters++;
  if (named && x1 - x0 > LETTER * (double)letters + 10)
    fprintf(figure->stream, "<text class=\"owner on-%s\" x=\"%.1f\" y=\"%.1f\">%s</text>", name,
            (x0 + x1) / 2, strip->top + 12.5, name);
  fputc('\n', figure->stream);
}

/* From at_ns on it is owner's. */
static void run_to(struct strip *strip, int64_t at_ns, unsigned owner)
{
  const struct svg_time *time = &strip->figure->time;
  if (strip->begun && owner == strip->owner)
    return;
  if (strip->begun && svg_x(time, at_ns) - svg_x(time, strip->from_ns) < LEAST_WIDTH) {
    strip->owner = owner;
    return;
  }
  if (strip->begun)
    put_run(strip, strip->from_ns, at_ns, strip->owner, false);
  strip->from_ns = at_ns;
  strip->owner = owner;
  strip->begun = true;
}

/* The stream's bytes as its sender's end saw them. */
struct progress {
  int64_t sent, acked, last_ns;
  bool any;
};

/* Does the stream move on with that packet? */
static bool moves(struct progress *progress, const struct html_packet *packet,
                  enum stream_side side)
{
  const bool own = packet->side == side;
  int64_t *reached = own ? &progress->sent : &progress->acked;
  const int64_t to = own ? packet->seq + packet->payload_bytes : packet->ack;
  if ((packet->marks & HTML_FOREIGN) != 0 || (!own && (packet->flags & TCP_ACK) == 0))
    return false;
  const bool first = !progress->any;
  if (first)
    progress->sent = progress->acked = to;
  progress->any = true;
  if (to <= *reached && !first && (packet->flags & (TCP_SYN | TCP_FIN)) == 0)
    return false;
  *reached = to > *reached ? to : *reached;
  return true;
}

static void base_runs(struct strip *strip)
{
  const struct html_drawn *drawn = strip->figure->drawn;
  const int64_t allowance_ns = drawn->allowance_ns[strip->side];
  const uint8_t near = html_near(drawn, strip->side);
  struct progress progress = {.last_ns = drawn->start_ns};
  for (uint32_t i = 0; i <= drawn->count; i++) {
    const struct html_packet *packet = i < drawn->count ? &drawn->list[i] : NULL;
    const bool waits = progress.sent > progress.acked;
    const int64_t at_ns = packet != NULL ? packet->time_ns : drawn->end_ns;
    if (packet != NULL && (packet->end != near || !moves(&progress, packet, strip->side)))
      continue;
    if (at_ns - progress.last_ns > allowance_ns) {
      run_to(strip, progress.last_ns, HTML_OWNER_MOVING);
      run_to(strip, progress.last_ns + allowance_ns, waits ? HTML_OWNER_SHORT : HTML_OWNER_IDLE);
    }
    if (packet != NULL)
      run_to(strip, at_ns, HTML_OWNER_MOVING);
    progress.last_ns = at_ns;
  }
  if (strip->begun)
    put_run(strip, strip->from_ns, drawn->end_ns, strip->owner, false);
}

static void row(const struct figure *figure, enum stream_side side, double top)
{
  struct strip strip = {.figure = figure, .side = side, .top = top};
  fprintf(figure->stream, "<text class=\"y\" x=\"%.0f\" y=\"%.1f\">%s</text>", FIGURE_LEFT - 6,
          top + 12.5, side == SIDE_CLIENT ? "client \u2192" : "server \u2192");
  fprintf(figure->stream, "<g transform=\"translate(%.0f 0)\">\n", FIGURE_LEFT);
  base_runs(&strip);
  for (int pass = SEVERITY_INFO; pass <= SEVERITY_PROBLEM; pass++)
    for (uint32_t i = figure->drawn->span_count; i-- > 0;) {
      const struct html_span *span = &figure->drawn->spans[i];
      if (span->sender == side && (int)span->severity == pass &&
          (span->kind == FINDING_STALL || span->kind == FINDING_CRAWL ||
           span->kind == FINDING_HOLD))
        put_run(&strip, span->from_ns, span->to_ns, span->location, true);
    }
  fputs("</g>\n", figure->stream);
}

unsigned figure_strip(const struct figure *figure, double top)
{
  unsigned rows = 0;
  for (int side = SIDE_CLIENT; side <= SIDE_SERVER; side++)
    if (figure_has_row(figure->drawn, (enum stream_side)side))
      row(figure, (enum stream_side)side, top + FIGURE_ROW * rows++);
  return rows;
}
