#ifndef REPORT_TEXT_PARTS_H
#define REPORT_TEXT_PARTS_H

/* The parts of the text report, which share its page and its look. Only text*.c include this,
 * and html_words.h: the page says the same. */

#include "report/format.h"
#include "report/page.h"
#include "report/text.h"

/* A sentence of the first lines that waits for others that say the same. */
struct text_verdict {
  uint64_t rank, times; /* times 0: none waits */
  uint64_t connection_id;
  enum severity severity;
  enum confidence confidence;
  enum stream_side sender;
  char summary[SUMMARY_SIZE];
  char stream[2 * FORMAT_ENDPOINT_SIZE + 8];
};

/* The last finding that was told in full. */
struct text_told {
  uint64_t rank, connection_id; /* rank 0: none yet */
  enum stream_side sender;
  enum location location;
  enum cause cause;
  enum confidence confidence, cause_confidence;
  uint32_t alternatives;
  uint32_t repeats; /* told behind it that say the same */
  char summary[SUMMARY_SIZE];
};

struct text {
  struct text_options options;
  struct text_told last_told;
  struct text_verdict verdict;
  uint64_t sentences; /* of verdicts, begun */
  struct page page;
  const struct report_overview *overview;
  uint64_t told;            /* findings told in full so far */
  bool passed_over;         /* some that say the same were left out */
  uint64_t connection_told; /* the connection of the last one */
  struct {
    uint64_t rank; /* of the first finding with this cause; 0 = none yet */
    const char *settle, *advice;
  } causes[CAUSE_COUNT];
  bool captures_begun, connections_begun;
};

/* Where the values of "label  value" lines begin. */
#define TEXT_LABEL_COLUMN 2
#define TEXT_VALUE_COLUMN 16

/* Text that grows within its array; what does not fit is left out. */
struct text_buffer {
  char text[1600];
  size_t used;
};

void text_append(struct text_buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* "" or "s" */
const char *text_plural(uint64_t count);

/* Starts a line with its label; the value begins at TEXT_VALUE_COLUMN. */
void text_label(struct page *page, const char *label);
/* A whole line: label and wrapped value. */
void text_line(struct page *page, const char *label, const char *value);

struct format_clock text_clock(const struct text *text, const struct report_capture *capture,
                               unsigned digits);

/* "A:80 → B:1234" from the sender's end to the receiver's. */
#define TEXT_STREAM_SIZE (2 * FORMAT_ENDPOINT_SIZE + 8)
const char *text_stream(const struct text *text, const struct report_connection *connection,
                        enum stream_side sender, char out[TEXT_STREAM_SIZE]);

/* "end A, at the client (declared)"; of a joined connection all ends */
void text_vantage(const struct report_connection *connection, struct text_buffer *out);

/* text_finding.c: everything about one finding, and whether it only says once more what was said of
 * this connection more than once. */
bool text_finding_is_one_too_many(const struct text *text,
                                  const struct report_connection *connection,
                                  const struct finding *finding);
void text_finding(struct text *text, uint64_t rank, const struct report_connection *connection,
                  const struct finding *finding);
/* text_capture.c */
void text_capture(struct text *text, const struct report_capture *capture);
/* text_connection.c: the table of -v. */
void text_connection(struct text *text, const struct report_connection *connection);
/* text_joint.c: what captures that were diagnosed together have in common. Nothing is written if
 * they were not. */
void text_joint_headline(struct text *text);
void text_joint_sums(struct text *text);
/* Addresses at the other ends where they differ, and how sure it is that they are one connection:
 * always, or where that may be doubted. */
void text_joint_which(struct text *text, const struct report_connection *connection, bool always);
/* Where the outstanding bytes were. */
void text_stages(struct text *text, const struct report_connection *connection,
                 const struct finding *finding);
/* Whether times of several clocks are compared that agree less closely than to a microsecond: more
 * digits would say nothing. */
bool text_joint_is_coarse(const struct text *text);
/* Whether one-way delays between two ends mean anything, and how far wrong they may be;
 * TIME_INVALID: no bound. */
bool text_clocks_compared(const struct text *text, uint8_t from_end, uint8_t to_end);
int64_t text_clock_uncertainty_ns(const struct text *text, uint8_t from_end, uint8_t to_end);
/* text_path.c: what became of the packets between two points, and what the path changed. syn:
 * "SYN", "SYN-ACK" or both. `changed` says of how many of the connections, NULL: of all. */
void text_hop(struct text *text, const struct hop_summary *hop, const char *syn,
              const uint64_t changed[PATH_CHANGE_BITS], uint64_t connections);
/* Of one joined connection; for -v */
void text_path(struct text *text, const struct report_connection *connection);
/* text_overview.c: the first lines, and the sums at the end. */
void text_headline(struct text *text);
void text_verdict(struct text *text, uint64_t rank, const struct report_connection *connection,
                  const struct finding *finding);
/* Nothing more comes that could say the same as the last verdict. */
void text_verdicts_end(struct text *text);
void text_sums(struct text *text);
/* "moving 93.1 %, sender-app 6.9 %", largest first, zeros left out. */
#define TEXT_BUDGET_SIZE 400
const char *text_budget(int64_t moving_ns, int64_t idle_ns, const int64_t budget_ns[LOCATION_COUNT],
                        char out[TEXT_BUDGET_SIZE]);

#endif
