#ifndef REPORT_HTML_PARTS_H
#define REPORT_HTML_PARTS_H

/* The parts of the page, which share its stream and what was chosen. Only html*.c include this. */

#include "report/html.h"
#include "report/html_drawn.h"
#include "report/html_words.h"

/* A life of addresses and ports at one end: how packets find their connection. */
struct html_flow {
  struct ip_address client, server;
  uint16_t client_port, server_port;
  uint8_t end;
  uint8_t view;   /* of the drawn connection */
  uint32_t drawn; /* its index */
  int64_t start_ns, end_ns;
};

/* A frame that some finding points at. */
struct html_frame {
  uint64_t frame;
  uint32_t drawn; /* index */
  uint8_t end;
  uint8_t found; /* so many frames had that number */
};

struct html {
  struct html_options options;
  const struct report_overview *overview;
  struct html_words words;
  FILE *stream; /* while the page is written */
  struct html_drawn *drawn[HTML_DRAWN_MAX];
  uint32_t drawn_count, healthy_count;
  struct html_flow *flows; /* in order, once all are chosen */
  uint32_t flow_count, flow_capacity;
  struct html_frame *frames; /* in order */
  uint32_t frame_count, frame_capacity;
  uint64_t packets_seen;
  bool no_memory;
  /* while the page is written: */
  uint64_t findings_told, verdicts_told, charts, rows, healthy_rows, rows_left_out;
  uint64_t verdicts_left_out;
  struct text_verdict last_verdict; /* times 0: none is open */
  bool harmless_begun, verdicts_ended, connections_begun, table_ended;
};

/* NULL: that connection is not drawn. */
struct html_drawn *html_find_drawn(const struct html *html, uint64_t id);
/* NULL: not drawn. */
const struct html_span *html_find_span(const struct html_drawn *drawn, uint64_t rank);

/* html_choose.c: writes nothing; sets which connections and what of them is drawn. */
struct report_writer html_choose_writer(struct html *html);
int html_choose_finish(struct html *html);

/* html_page.c: head and foot. */
void html_page_begin(struct html *html);
void html_page_end(struct html *html);
/* html_capture.c */
void html_capture(struct html *html, const struct report_capture *capture);
/* <dl> lines of what a part of the text report wrote; label "" goes on. */
void html_list_line(void *context, const char *label, const char *value, const char *right);

/* html_verdicts.c */
void html_verdict(struct html *html, uint64_t rank, const struct report_connection *connection,
                  const struct finding *finding);
void html_verdicts_end(struct html *html);
/* html_finding.c */
void html_finding(struct html *html, uint64_t rank, const struct report_connection *connection,
                  const struct finding *finding);
/* html_connections.c: the rows of the table, and below it those that are drawn. */
void html_connections_begin(struct html *html);
int html_connection_row(struct html *html, const struct report_connection *connection);
void html_connections_end(struct html *html);
void html_connection_details(struct html *html, const struct report_connection *connection);
/* html_budget.c: who had to act, how much of the time. */
void html_budget(struct html *html, const char *label, int64_t moving_ns, int64_t idle_ns,
                 const int64_t budget_ns[LOCATION_COUNT]);
/* CSS class of a place: "forward-path", "moving", "idle". */
const char *html_owner_class(unsigned owner);
#define HTML_OWNER_MOVING LOCATION_COUNT
#define HTML_OWNER_IDLE   (LOCATION_COUNT + 1)
#define HTML_OWNER_SHORT  (LOCATION_COUNT + 2) /* a wait too short to be reported */
#define HTML_OWNERS       (LOCATION_COUNT + 3)

/* html_chart.c: the figure of a finding (span != NULL) or of a whole connection. */
void html_chart(struct html *html, const struct html_drawn *drawn, const struct html_span *span);
/* html_ladder.c */
void html_ladder(struct html *html, const struct html_drawn *drawn, const struct html_span *span,
                 const struct report_connection *connection);
/* html_data.c: packets and findings for the page's script. */
void html_data(struct html *html, const struct html_drawn *drawn,
               const struct report_connection *connection);

#endif
