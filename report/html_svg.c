#include "report/html_svg.h"

#include "wire/timestamp.h"

#include <inttypes.h>
#include <math.h>
#include <stddef.h>

#define BAR_LEAST 1.6 /* high: a byte must be seen as well */

void svg_number(FILE *stream, double value)
{
  const double rounded = round(value * 10) / 10;
  if (rounded == round(rounded))
    fprintf(stream, "%.0f", rounded == 0 ? 0 : rounded);
  else
    fprintf(stream, "%.1f", rounded);
}

double svg_x(const struct svg_time *time, int64_t at_ns)
{
  const double share =
      ((double)at_ns - (double)time->from_ns) / ((double)time->to_ns - (double)time->from_ns);
  return time->x0 + share * (time->x1 - time->x0);
}

double svg_y(const struct svg_bytes *bytes, double at)
{
  const double share = (at - bytes->low) / (bytes->high - bytes->low);
  return bytes->y_low + share * (bytes->y_high - bytes->y_low);
}

double svg_bytes_step(double range, unsigned ticks)
{
  static const double steps[] = {1, 2, 5, 10};
  const double least = range / ticks;
  const double power = pow(10, floor(log10(least > 1 ? least : 1)));
  for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
    if (steps[i] * power >= least)
      return steps[i] * power;
  return 10 * power;
}

int64_t svg_time_step_ns(int64_t range_ns, unsigned ticks)
{
  static const int64_t clock_s[] = {60,   120,  300,   600,   1200,  1800,
                                    3600, 7200, 14400, 21600, 43200, 86400};
  const double least_ns = (double)range_ns / ticks;
  if (least_ns <= 50e9)
    return (int64_t)svg_bytes_step((double)range_ns, ticks);
  for (size_t i = 0; i < sizeof clock_s / sizeof *clock_s; i++)
    if ((double)clock_s[i] * 1e9 >= least_ns)
      return clock_s[i] * NS_PER_S;
  return (int64_t)svg_bytes_step((double)range_ns / 86400e9, ticks) * 86400 * NS_PER_S;
}

const char *svg_time_label(int64_t since_ns, int64_t step_ns, char text[SVG_LABEL_SIZE])
{
  int digits = 0;
  for (int64_t unit = NS_PER_S; digits < 9 && step_ns % unit != 0; unit /= 10)
    digits++;
  if (step_ns >= 3600 * NS_PER_S && since_ns % (3600 * NS_PER_S) == 0)
    snprintf(text, SVG_LABEL_SIZE, "%" PRId64 " h", since_ns / (3600 * NS_PER_S));
  else if (step_ns >= 60 * NS_PER_S)
    snprintf(text, SVG_LABEL_SIZE, "%" PRId64 " min", since_ns / (60 * NS_PER_S));
  else
    snprintf(text, SVG_LABEL_SIZE, "%.*f s", digits, (double)since_ns / 1e9);
  return text;
}

const char *svg_bytes_label(double bytes, double step, char text[SVG_LABEL_SIZE])
{
  static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
  size_t unit = 0;
  while (fabs(bytes) >= 1000 && unit + 1 < sizeof units / sizeof *units) {
    bytes /= 1000;
    step /= 1000;
    unit++;
  }
  int digits = 0;
  for (double rest = step; digits < 6 && rest < 1 && unit > 0; rest *= 10)
    digits++;
  snprintf(text, SVG_LABEL_SIZE, "%.*f %s", bytes == 0 ? 0 : digits, bytes, units[unit]);
  return text;
}

/* ---- bars ---- */

static void put_bar(struct svg_bars *bars)
{
  if (!bars->any)
    return;
  if (bars->bottom - bars->top < BAR_LEAST) {
    const double middle = (bars->bottom + bars->top) / 2;
    bars->top = middle - BAR_LEAST / 2;
    bars->bottom = middle + BAR_LEAST / 2;
  }
  fprintf(bars->stream, "M%d ", bars->column);
  svg_number(bars->stream, bars->bottom);
  fputc('V', bars->stream);
  svg_number(bars->stream, bars->top);
}

void svg_bars_begin(struct svg_bars *bars, FILE *stream, const char *css_class)
{
  *bars = (struct svg_bars){.stream = stream};
  fprintf(stream, "<path class=\"%s\" d=\"", css_class);
}

void svg_bars_add(struct svg_bars *bars, double x, double top, double bottom)
{
  const int column = (int)floor(x + 0.5);
  if (bars->any && column == bars->column) {
    bars->top = top < bars->top ? top : bars->top;
    bars->bottom = bottom > bars->bottom ? bottom : bars->bottom;
    return;
  }
  put_bar(bars);
  bars->any = true;
  bars->column = column;
  bars->top = top;
  bars->bottom = bottom;
}

void svg_bars_end(struct svg_bars *bars)
{
  put_bar(bars);
  fputs("\"/>\n", bars->stream);
}

/* ---- steps ---- */

void svg_steps_begin(struct svg_steps *steps, FILE *stream, const char *css_class)
{
  *steps = (struct svg_steps){.stream = stream};
  fprintf(stream, "<path class=\"%s\" d=\"", css_class);
}

static void put_column(struct svg_steps *steps)
{
  if (steps->top < steps->last - 0.05) {
    fputc('V', steps->stream);
    svg_number(steps->stream, steps->top);
  }
  if (steps->bottom > steps->last + 0.05) {
    fputc('V', steps->stream);
    svg_number(steps->stream, steps->bottom);
  }
  fputc('V', steps->stream);
  svg_number(steps->stream, steps->last);
}

void svg_steps_add(struct svg_steps *steps, double x, double y)
{
  const int column = (int)floor(x + 0.5);
  if (!steps->begun) {
    fprintf(steps->stream, "M%d ", column);
    svg_number(steps->stream, y);
    *steps = (struct svg_steps){steps->stream, column, y, y, y, true};
    return;
  }
  if (column != steps->column) {
    put_column(steps);
    fprintf(steps->stream, "H%d", column);
    steps->column = column;
    steps->top = steps->bottom = steps->last;
  }
  steps->top = y < steps->top ? y : steps->top;
  steps->bottom = y > steps->bottom ? y : steps->bottom;
  steps->last = y;
}

void svg_steps_end(struct svg_steps *steps, double x)
{
  if (steps->begun) {
    put_column(steps);
    fprintf(steps->stream, "H%d", (int)floor(x + 0.5));
  }
  fputs("\"/>\n", steps->stream);
}
