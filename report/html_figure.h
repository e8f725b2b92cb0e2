#ifndef REPORT_HTML_FIGURE_H
#define REPORT_HTML_FIGURE_H

/* The figure of a finding or a connection: panels above each other that share the time axis. Each
 * panel is drawn by a file of its own. Only html*.c include this. */

#include "report/html_parts.h"
#include "report/html_svg.h"

/* The page's script draws by the same measures (html/chart.js). */
#define FIGURE_WIDTH   960.0
#define FIGURE_LEFT    76.0
#define FIGURE_RIGHT   14.0
#define FIGURE_TITLE   22.0 /* above each panel */
#define FIGURE_BYTES   270.0
#define FIGURE_ROW     18.0 /* of the strip, for each direction */
#define FIGURE_WINDOWS 84.0
#define FIGURE_AXIS    26.0

struct figure {
  const struct html *html;
  const struct html_drawn *drawn;
  const struct html_span *span; /* NULL: of a whole connection */
  FILE *stream;
  struct svg_time time; /* x0, x1: within a panel, from its left edge on */
  enum stream_side side;
  uint8_t near, far;    /* the sender's end, the receiver's */
  uint32_t first, last; /* packets from the window's first one up to behind its last one */
};

/* Which directions the strip shows. */
bool figure_has_row(const struct html_drawn *drawn, enum stream_side side);

/* html_bytes.c: the time-sequence diagram, `height` high; and what marks the evidence. */
void figure_bytes(const struct figure *figure, double top, double height);
/* html_strip.c: who holds it; returns the rows that it drew. */
unsigned figure_strip(const struct figure *figure, double top);
/* html_windows.c: bytes in flight and the window. */
void figure_windows(const struct figure *figure, double top, double height);

/* A panel's own coordinates, clipped to it; `</svg>` ends it. */
void figure_panel(const struct figure *figure, double top, double height);
/* Lines and labels of a scale of bytes beside a panel. */
void figure_bytes_scale(const struct figure *figure, const struct svg_bytes *bytes, double top,
                        unsigned ticks);

/* Of the packet that is that evidence; UINT32_MAX: not among those kept. */
uint32_t figure_find_packet(const struct html_drawn *drawn, const struct html_evidence *evidence);

#endif
