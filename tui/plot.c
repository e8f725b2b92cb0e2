#include "tui/plot.h"

#include "tui/words.h"
#include "wire/timestamp.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define TICK_ROWS        3 /* between two numbers of an axis, at least */
#define TICK_COLUMNS     16
#define EDGE_SHARE       1.5 /* the window's edge is within the plot if it is not farther than that */
#define TIME_LABEL_BYTES 40

int plot_x(const struct plot_scale *scale, int64_t time_ns)
{
  const double share = (double)(time_ns - scale->from_ns) / (double)(scale->to_ns - scale->from_ns);
  return share < -1 ? -scale->width : share > 2 ? 2 * scale->width : (int)(share * scale->width);
}

int plot_y(const struct plot_scale *scale, double bytes)
{
  const double share = (bytes - scale->low) / (scale->high - scale->low);
  return share < -1  ? -scale->height
         : share > 2 ? 2 * scale->height
                     : (int)(share * (scale->height - 1) + 0.5);
}

int64_t plot_time(const struct plot_scale *scale, int column)
{
  const double share = (column * 2 + 1) / (double)scale->width;
  return scale->from_ns + (int64_t)(share * (double)(scale->to_ns - scale->from_ns));
}

/* ---- axes ---- */

double plot_ticks(double low, double high, int count, double *step)
{
  const double least = (high - low) / (count > 1 ? count : 1);
  double power = pow(10, floor(log10(least > 1 ? least : 1)));
  static const int nice[] = {1, 2, 5, 10};
  *step = power * 10;
  for (size_t i = 0; i < sizeof nice / sizeof *nice; i++)
    if (power * nice[i] >= least) {
      *step = power * nice[i];
      break;
    }
  return ceil(low / *step) * *step;
}

int64_t plot_time_ticks(int64_t from_ns, int64_t to_ns, int count, int64_t *step_ns)
{
  static const int seconds[] = {1,   2,   5,    10,   15,   30,    60,    120,  300,
                                600, 900, 1800, 3600, 7200, 14400, 43200, 86400};
  const int64_t least_ns = (to_ns - from_ns) / (count > 1 ? count : 1) + 1;
  int64_t step = 0;
  double small;
  if (least_ns <= NS_PER_S / 2) {
    plot_ticks(0, (double)least_ns, 1, &small);
    step = (int64_t)small;
  }
  for (size_t i = 0; i < sizeof seconds / sizeof *seconds && step == 0; i++)
    if (seconds[i] * NS_PER_S >= least_ns)
      step = seconds[i] * NS_PER_S;
  if (step == 0)
    step = (least_ns / (86400 * NS_PER_S) + 1) * 86400 * NS_PER_S;
  *step_ns = step;
  const int64_t below = from_ns / step * step;
  return below < from_ns ? below + step : below;
}

/* All numbers of an axis in one unit, so that neighbours differ. */
static void write_bytes(char out[WORD_SIZE], double value, double step)
{
  const double unit = step >= 1e9 ? 1e9 : step >= 1e6 ? 1e6 : step >= 1e3 ? 1e3 : 1;
  const char *name = step >= 1e9 ? "GB" : step >= 1e6 ? "MB" : step >= 1e3 ? "kB" : "B";
  if (value < 1)
    snprintf(out, WORD_SIZE, "0");
  else
    snprintf(out, WORD_SIZE, "%.0f%s", value / unit, name);
  if (strlen(out) + 1 >= PLOT_AXIS_COLUMNS)
    word_bytes(out, value);
}

static void draw_bytes(const struct area *area, const struct plot_scale *scale)
{
  char text[WORD_SIZE];
  double step;
  const int count = area->rows / TICK_ROWS;
  const double first = plot_ticks(scale->low, scale->high, count > 1 ? count : 2, &step);
  for (int row = 0; row < area->rows; row++)
    area_glyph(area, row, PLOT_AXIS_COLUMNS - 1, STYLE_FRAME, 0x2502);
  for (int i = 0; i < area->rows; i++) {
    const double value = first + i * step;
    if (value > scale->high)
      break;
    const int row = area->rows - 1 - plot_y(scale, value) / 4;
    write_bytes(text, value, step);
    area_right(area, row, PLOT_AXIS_COLUMNS - 1, STYLE_DIM, text);
    area_glyph(area, row, PLOT_AXIS_COLUMNS - 1, STYLE_FRAME, 0x2524);
  }
}

/* "07:52:40", with as many decimals as the step needs. */
static void write_time(char out[TIME_LABEL_BYTES], int64_t time_ns, int64_t step_ns)
{
  char clock[WORD_SIZE];
  const long long rest = (long long)(time_ns % NS_PER_S);
  word_clock(clock, time_ns);
  char *point = strchr(clock, '.');
  if (point != NULL)
    *point = '\0';
  if (step_ns >= NS_PER_S)
    snprintf(out, TIME_LABEL_BYTES, "%s", clock);
  else if (step_ns >= NS_PER_MS)
    snprintf(out, TIME_LABEL_BYTES, "%s.%03lld", clock, rest / NS_PER_MS);
  else
    snprintf(out, TIME_LABEL_BYTES, "%s.%06lld", clock, rest / NS_PER_US);
}

void plot_times(const struct plot *plot, const struct area *area)
{
  const struct area axis =
      area_part(area, 0, PLOT_AXIS_COLUMNS, 1, area->columns - PLOT_AXIS_COLUMNS);
  const struct plot_scale scale = {
      .from_ns = plot->from_ns, .to_ns = plot->to_ns, .width = axis.columns * 2};
  char text[TIME_LABEL_BYTES];
  int64_t step_ns;
  int64_t time_ns =
      plot_time_ticks(plot->from_ns, plot->to_ns, axis.columns / TICK_COLUMNS, &step_ns);
  if (axis.columns < 2)
    return;
  for (int i = 0; i < axis.columns && time_ns <= plot->to_ns; i++, time_ns += step_ns) {
    const int column = plot_x(&scale, time_ns) / 2;
    write_time(text, time_ns, step_ns);
    if (column + 1 + text_columns(text) > axis.columns)
      break;
    area_glyph(&axis, 0, column, STYLE_FRAME, 0x2575);
    area_text(&axis, 0, column + 1, STYLE_DIM, text);
  }
}

/* ---- what both plots have ---- */

/* Waits are shaded in the colour of whoever held the stream. */
static void shade_waits(const struct plot *plot, const struct area *area,
                        const struct plot_scale *scale)
{
  const struct model_connection *connection = plot->connection;
  for (uint32_t i = connection->finding_count; i-- > 0;) {
    const struct finding *finding = connection->findings[i];
    if (finding->sender != plot->side || finding->kind != FINDING_STALL)
      continue;
    int from = plot_x(scale, finding->start_ns) / 2;
    int to = plot_x(scale, model_finding_end_ns(plot->model, finding)) / 2;
    from = from < 0 ? 0 : from;
    to = to >= area->columns ? area->columns - 1 : to;
    const enum style style = finding->severity == SEVERITY_PROBLEM
                                 ? (enum style)style_of_location(finding->location)
                                 : STYLE_DIM;
    for (int row = 0; row < area->rows; row++)
      area_line(area, row, from, to - from + 1, style, 0x00b7);
  }
}

static void draw_now(const struct plot *plot, const struct area *area,
                     const struct plot_scale *scale)
{
  const int column = plot_x(scale, plot->now_ns) / 2;
  if (plot->now_ns < scale->from_ns || plot->now_ns > scale->to_ns)
    return;
  for (int row = 0; row < area->rows; row++) {
    const struct cell *cell = grid_cell(area->grid, area->row + row, area->column + column);
    if (cell != NULL && (cell->glyph == ' ' || cell->glyph == 0x00b7))
      area_glyph(area, row, column, STYLE_STRONG, 0x2502);
  }
}

/* A step line: stays where it was until the next value. */
struct steps {
  int x, y;
  bool begun;
};

static void step_to(struct canvas *canvas, struct steps *steps, int x, int y, enum style style)
{
  if (steps->begun) {
    canvas_line(canvas, steps->x, steps->y, x, steps->y, style);
    canvas_line(canvas, x, steps->y, x, y, style);
  }
  *steps = (struct steps){x, y, true};
}

static void step_out(struct canvas *canvas, struct steps *steps, int x, enum style style)
{
  if (steps->begun && steps->x < x)
    canvas_line(canvas, steps->x, steps->y, x, steps->y, style);
}

static bool is_shown(const struct plot *plot, const struct model_packet *packet)
{
  return packet->kind == MODEL_TCP && packet->end == plot->end;
}

static bool begin(const struct plot *plot, const struct area *area, struct area *inner,
                  struct canvas *canvas, struct plot_scale *scale)
{
  *inner = area_part(area, 0, PLOT_AXIS_COLUMNS, area->rows, area->columns - PLOT_AXIS_COLUMNS);
  if (inner->rows < 2 || inner->columns < 4 || !canvas_init(canvas, inner->rows, inner->columns))
    return false;
  *scale = (struct plot_scale){.from_ns = plot->from_ns,
                               .to_ns = plot->to_ns,
                               .width = canvas->width,
                               .height = canvas->height};
  return true;
}

static void finish(const struct plot *plot, const struct area *area, const struct area *inner,
                   struct canvas *canvas, const struct plot_scale *scale)
{
  shade_waits(plot, inner, scale);
  canvas_draw(canvas, inner);
  draw_now(plot, inner, scale);
  canvas_free(canvas);
  draw_bytes(area, scale);
}

/* Where the moving on of time ends: what was last stays so until then. */
static int64_t last_ns(const struct plot *plot)
{
  const struct model_packets *packets = plot->packets;
  const int64_t last = packets->count > 0 ? packets->list[packets->count - 1].time_ns : 0;
  return last < plot->to_ns ? last : plot->to_ns;
}

/* ---- sequence numbers ---- */

static bool is_ack(const struct plot *plot, const struct model_packet *packet)
{
  return packet->side != plot->side && (packet->flags & TCP_ACK) != 0 &&
         (packet->flags & TCP_SYN) == 0;
}

static void find_limits(const struct plot *plot, struct plot_scale *scale)
{
  bool any = false;
  double edge = 0;
  for (uint32_t i = 0; i < plot->packets->count; i++) {
    const struct model_packet *packet = &plot->packets->list[i];
    if (!is_shown(plot, packet) || packet->time_ns < scale->from_ns ||
        packet->time_ns > scale->to_ns)
      continue;
    const bool data = packet->side == plot->side;
    if (!data && !is_ack(plot, packet))
      continue;
    const double low = (double)(data ? packet->seq : packet->ack);
    const double high = low + (data ? packet->payload_bytes : 0);
    if (!data && low + packet->window_bytes > edge)
      edge = low + packet->window_bytes;
    scale->low = !any || low < scale->low ? low : scale->low;
    scale->high = !any || high > scale->high ? high : scale->high;
    any = true;
  }
  if (scale->high <= scale->low)
    scale->high = scale->low + 1;
  if (edge > scale->high && edge - scale->low <= EDGE_SHARE * (scale->high - scale->low))
    scale->high = edge;
}

void plot_sequence(const struct plot *plot, const struct area *area)
{
  struct steps acks = {.begun = false}, edges = {.begun = false};
  struct plot_scale scale;
  struct canvas canvas;
  struct area inner;
  if (!begin(plot, area, &inner, &canvas, &scale))
    return;
  find_limits(plot, &scale);
  for (uint32_t i = 0; i < plot->packets->count; i++) {
    const struct model_packet *packet = &plot->packets->list[i];
    if (!is_shown(plot, packet))
      continue;
    const int x = plot_x(&scale, packet->time_ns);
    if (packet->side == plot->side && packet->payload_bytes > 0)
      canvas_line(&canvas, x, plot_y(&scale, (double)packet->seq), x,
                  plot_y(&scale, (double)(packet->seq + packet->payload_bytes)),
                  packet->again ? STYLE_AGAIN : STYLE_DATA);
    if (!is_ack(plot, packet))
      continue;
    step_to(&canvas, &acks, x, plot_y(&scale, (double)packet->ack), STYLE_ACK);
    step_to(&canvas, &edges, x, plot_y(&scale, (double)packet->ack + packet->window_bytes),
            STYLE_EDGE);
  }
  step_out(&canvas, &acks, plot_x(&scale, last_ns(plot)), STYLE_ACK);
  step_out(&canvas, &edges, plot_x(&scale, last_ns(plot)), STYLE_EDGE);
  finish(plot, area, &inner, &canvas, &scale);
}

/* ---- flight and window ---- */

struct levels {
  bool begun;
  int64_t next, una;
  double window;
};

/* false: it changes nothing. */
static bool take(const struct plot *plot, const struct model_packet *packet, struct levels *levels)
{
  const bool data = packet->side == plot->side;
  if (!is_shown(plot, packet) || (packet->flags & TCP_SYN) != 0 ||
      (!data && (packet->flags & TCP_ACK) == 0))
    return false;
  if (!levels->begun) {
    levels->begun = true;
    levels->next = levels->una = data ? packet->seq : packet->ack;
  }
  if (data && packet->seq + packet->payload_bytes > levels->next)
    levels->next = packet->seq + packet->payload_bytes;
  if (!data && packet->ack > levels->una)
    levels->una = packet->ack;
  if (!data)
    levels->window = packet->window_bytes;
  return true;
}

static double flight_of(const struct levels *levels)
{
  return levels->next > levels->una ? (double)(levels->next - levels->una) : 0;
}

static void find_highest(const struct plot *plot, struct plot_scale *scale)
{
  struct levels levels = {.begun = false};
  scale->high = 1;
  for (uint32_t i = 0; i < plot->packets->count; i++) {
    const struct model_packet *packet = &plot->packets->list[i];
    if (!take(plot, packet, &levels) || packet->time_ns < scale->from_ns ||
        packet->time_ns > scale->to_ns)
      continue;
    const double flight = flight_of(&levels);
    scale->high = flight > scale->high ? flight : scale->high;
    scale->high = levels.window > scale->high ? levels.window : scale->high;
  }
}

void plot_windows(const struct plot *plot, const struct area *area)
{
  struct steps flights = {.begun = false}, windows = {.begun = false};
  struct levels levels = {.begun = false};
  struct plot_scale scale;
  struct canvas canvas;
  struct area inner;
  if (!begin(plot, area, &inner, &canvas, &scale))
    return;
  find_highest(plot, &scale);
  for (uint32_t i = 0; i < plot->packets->count; i++) {
    const struct model_packet *packet = &plot->packets->list[i];
    if (!take(plot, packet, &levels))
      continue;
    const int x = plot_x(&scale, packet->time_ns);
    step_to(&canvas, &flights, x, plot_y(&scale, flight_of(&levels)), STYLE_DATA);
    if (packet->side != plot->side)
      step_to(&canvas, &windows, x, plot_y(&scale, levels.window), STYLE_EDGE);
  }
  step_out(&canvas, &flights, plot_x(&scale, last_ns(plot)), STYLE_DATA);
  step_out(&canvas, &windows, plot_x(&scale, last_ns(plot)), STYLE_EDGE);
  finish(plot, area, &inner, &canvas, &scale);
}
