#ifndef ANALYZER_MISMATCH_H
#define ANALYZER_MISMATCH_H

/* What the files behind rules_path_changes.h share. */

#include "analyzer/rules_path_changes.h"

#include <stddef.h>

struct mismatch {
  const struct path_changes *changes;
  const struct mismatch_context *context;
  const struct mismatch_sink *sink;
  enum stream_side side; /* whose packets were altered */
  uint8_t from_end, to_end;
  bool proxied;           /* the window scale is that of two SYNs which are no copies */
  struct finding finding; /* the one being written */
};

/* Starts the finding: info, forward path, as sure as the pairing of the captures. */
void mismatch_begin(struct mismatch *mismatch, enum cause cause);
/* The two copies of the first packet altered so: what it was at the first point, and at the second.
 */
void mismatch_copies(struct mismatch *mismatch, const struct path_change_example *example,
                     const char *before, const char *after);
void mismatch_report(struct mismatch *mismatch);

/* Adds to the finding's summary or reason; what does not fit is cut. */
void text_add(char *text, size_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
#define SUMMARY_ADD(mismatch, ...)                                                                 \
  text_add((mismatch)->finding.summary, sizeof(mismatch)->finding.summary, __VA_ARGS__)
#define REASON_ADD(mismatch, ...)                                                                  \
  text_add((mismatch)->finding.reason, sizeof(mismatch)->finding.reason, __VA_ARGS__)

/* 'A' + end, for sentences. */
static inline char end_letter(uint8_t end)
{
  return (char)('A' + end);
}

/* "SYN" / "SYN-ACK". */
const char *syn_words(enum stream_side side);

/* The data that `sender` sent, as the point closest to it saw it; NULL: nothing did. */
const struct stream_summary *mismatch_stream(const struct mismatch *mismatch,
                                             enum stream_side sender);

uint64_t mismatch_count(const struct mismatch *mismatch, enum path_change bit);
const struct path_change_example *mismatch_first(const struct mismatch *mismatch,
                                                 enum path_change bit);
bool mismatch_has(const struct mismatch *mismatch, enum path_change bit);
/* Seen on a packet known beyond doubt, or so often that mistaken copies do not explain it. */
bool mismatch_repeated(const struct mismatch *mismatch, enum path_change bit);
/* Adds " between A and B" to the summary. */
void mismatch_add_between(struct mismatch *mismatch);

/* Each reports what of its field was altered, if anything. */
void mismatch_window_scale(struct mismatch *mismatch); /* mismatch_scale.c */
void mismatch_options(struct mismatch *mismatch);  /* mismatch_options.c: but the window scale */
void mismatch_sequence(struct mismatch *mismatch); /* mismatch_header.c, as the rest */
void mismatch_payload(struct mismatch *mismatch);
void mismatch_window(struct mismatch *mismatch);
void mismatch_header(struct mismatch *mismatch);

#endif
