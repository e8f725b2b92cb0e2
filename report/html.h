#ifndef REPORT_HTML_H
#define REPORT_HTML_H

/* The report as one HTML file that needs nothing else: the words of the text report, and what
 * happened drawn. The drawing needs the packets once more, after the analysis:
 *
 *     html_new();
 *     html_choose(html, collect);         which connections are drawn
 *     html_packet(html, &packet), ...     all packets of all ends, those of an end in their order
 *     html_write(html, collect, stream);
 *
 * Memory and size of the page are bounded by the limits below, whatever the trace; what they leave
 * out is said on the page. Without packets there are no drawings, and the page says so. */

#include "report/collect.h"
#include "report/report.h"

#include <stdbool.h>
#include <stdio.h>

#define HTML_VERDICTS_MAX    1000u /* sentences at the top */
#define HTML_FINDINGS_MAX    200u  /* told in full, the worst first */
#define HTML_CHARTS_MAX      60u   /* findings with a drawing of their own */
#define HTML_CONNECTIONS_MAX 2000u /* rows of the table: all with findings, then the first ones */
#define HTML_DRAWN_MAX       40u   /* connections of which packets are kept */
#define HTML_DRAWN_HEALTHY   8u    /* of these, without a finding: the largest ones */
/* Packets kept for drawing, of all connections together and of one; some 50 bytes of the page each,
 * and 150 of memory */
#define HTML_PACKETS_MAX      100000u
#define HTML_PACKETS_MAX_EACH 30000u
#define HTML_RUNGS_MAX        80u /* packets in a ladder */

struct html_options {
  bool local_time; /* the reader's time zone instead of UTC */
  const char *version;
  struct report_names names;
};

struct html; /* opaque */

struct html *html_new(const struct html_options *options); /* NULL: no memory */
void html_free(struct html *html);                         /* NULL is allowed */

/* Returns 0 or a negative error_code, then with *error. */
int html_choose(struct html *html, struct collect *collect, struct error *error);

/* packet->end set, time_ns on end A's clock. Lack of memory is told by html_write(). */
void html_packet(struct html *html, const struct packet *packet);

/* Returns 0 or a negative error_code, then with *error; ERROR_IO: errno says more. */
int html_write(struct html *html, struct collect *collect, FILE *stream, struct error *error);

#endif
