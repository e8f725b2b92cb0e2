#ifndef REPORT_HTML_SVG_H
#define REPORT_HTML_SVG_H

/* What the drawings have in common: scales, ticks, and lines that are reduced to what can be seen.
 * Coordinates are those of the SVG, y downwards. The page's script draws the same when it zooms
 * (html/chart.js). Only html*.c include this. */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define SVG_LABEL_SIZE 48

/* "12.3", "12" */
void svg_number(FILE *stream, double value);

/* Time from left to right. */
struct svg_time {
  int64_t from_ns, to_ns; /* from < to */
  double x0, x1;
};
double svg_x(const struct svg_time *time, int64_t at_ns);

/* Bytes from bottom to top. */
struct svg_bytes {
  double low, high; /* low < high */
  double y_low, y_high;
};
double svg_y(const struct svg_bytes *bytes, double at);

/* Steps between ticks: at most `ticks` of them in the range; 1, 2 or 5 times a power of ten, and
 * beyond a minute those of clocks. */
int64_t svg_time_step_ns(int64_t range_ns, unsigned ticks);
double svg_bytes_step(double range, unsigned ticks);
/* "0.512 s", "20 min"; since_ns from the drawing's zero, as precise as the step asks for. */
const char *svg_time_label(int64_t since_ns, int64_t step_ns, char text[SVG_LABEL_SIZE]);
/* "1.5 MB" */
const char *svg_bytes_label(double bytes, double step, char text[SVG_LABEL_SIZE]);

/* Vertical bars: those in one column of pixels become one, from the lowest to the highest. */
struct svg_bars {
  FILE *stream;
  int column;
  double top, bottom;
  bool any;
};
void svg_bars_begin(struct svg_bars *bars, FILE *stream, const char *css_class);
void svg_bars_add(struct svg_bars *bars, double x, double top, double bottom);
void svg_bars_end(struct svg_bars *bars);

/* A line of steps: stays where it is until the next value. In one column of pixels it visits the
 * lowest, the highest and the last value. */
struct svg_steps {
  FILE *stream;
  int column;
  double top, bottom, last;
  bool begun;
};
void svg_steps_begin(struct svg_steps *steps, FILE *stream, const char *css_class);
void svg_steps_add(struct svg_steps *steps, double x, double y);
/* Goes on to x. */
void svg_steps_end(struct svg_steps *steps, double x);

#endif
