#ifndef TUI_PLOT_H
#define TUI_PLOT_H

/* Plots over time in braille, as tcptrace has them: where a value is on the canvas, the axes, and
 * the two plots of a connection. */

#include "tui/canvas.h"
#include "tui/model.h"

#define PLOT_AXIS_COLUMNS 9 /* left of a plot, for its numbers */

struct plot_scale {
  int64_t from_ns, to_ns; /* to > from */
  double low, high;       /* bytes; high > low */
  int width, height;      /* dots */
};

/* Dots from the left and from the bottom; far outside, but bounded, for what is not shown. */
int plot_x(const struct plot_scale *scale, int64_t time_ns);
int plot_y(const struct plot_scale *scale, double bytes);
/* The time at a column of cells. */
int64_t plot_time(const struct plot_scale *scale, int column);

/* Round numbers for an axis: at most `count` of them between low and high; the step is 1, 2 or 5
 * times a power of ten. Returns the first one; *step > 0. */
double plot_ticks(double low, double high, int count, double *step);
/* The same for times: 1, 2, 5 ... ms, 1, 2, 5, 10, 15, 30 s, minutes, hours. */
int64_t plot_time_ticks(int64_t from_ns, int64_t to_ns, int count, int64_t *step_ns);

struct plot {
  const struct model *model;
  const struct model_connection *connection;
  const struct model_packets *packets;
  enum stream_side side; /* whose data */
  uint8_t end;           /* as seen there */
  int64_t from_ns, to_ns;
  int64_t now_ns;
};

/* Sequence numbers: data, what is sent again, ACKs, the right edge of the window, waits shaded. The
 * first PLOT_AXIS_COLUMNS of the area are the axis. */
void plot_sequence(const struct plot *plot, const struct area *area);
/* What is not acknowledged, and the window. */
void plot_windows(const struct plot *plot, const struct area *area);
/* The axis of time, one row. */
void plot_times(const struct plot *plot, const struct area *area);

#endif
