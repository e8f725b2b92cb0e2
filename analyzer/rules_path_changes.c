#include "analyzer/rules_path_changes.h"

#include "analyzer/mismatch.h"
#include "analyzer/situation.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Copies are matched by what they carry, and equal ACKs in a row may be taken for each other now
 * and then. Unless the IP-ID says that it is the same packet, an alteration that shows only in such
 * a field has to show so often, and in so large a share of what was compared (per cent), to be none
 * of these. */
#define REPEATED_MIN     5u
#define REPEATED_PERCENT 10u

/* --- shared by the files of this rule --- */

void text_add(char *text, size_t size, const char *format, ...)
{
  size_t used = strlen(text);
  va_list args;
  va_start(args, format);
  vsnprintf(text + used, size - used, format, args);
  va_end(args);
}

const char *syn_words(enum stream_side side)
{
  return side == SIDE_CLIENT ? "SYN" : "SYN-ACK";
}

const struct stream_summary *mismatch_stream(const struct mismatch *mismatch,
                                             enum stream_side sender)
{
  const struct connection_summary *view = mismatch->context->views[sender];
  if (view == NULL)
    view = mismatch->context->whole;
  return view != NULL ? &view->streams[sender] : NULL;
}

void mismatch_begin(struct mismatch *mismatch, enum cause cause)
{
  const struct mismatch_context *context = mismatch->context;
  const struct connection_summary *time = context->whole;
  for (unsigned i = 0; i < 2 && time == NULL; i++)
    time = context->views[i];
  const struct path_change_example *syn = &mismatch->changes->syn;
  finding_begin(&mismatch->finding, FINDING_MISMATCH, mismatch->side,
                time != NULL ? time->start_ns : syn->time_before_ns,
                time != NULL ? time->end_ns : syn->time_after_ns);
  enum confidence confidence = context->certain ? CONFIDENCE_PROVEN : CONFIDENCE_LIKELY;
  verdict(&mismatch->finding, cause, LOCATION_FORWARD_PATH, confidence, confidence);
  mismatch->finding.severity = SEVERITY_INFO;
  mismatch->finding.waited_ns = 0; /* nobody waited: it is how the path is */
}

void mismatch_copies(struct mismatch *mismatch, const struct path_change_example *example,
                     const char *before, const char *after)
{
  finding_add_evidence(&mismatch->finding, mismatch->from_end, example->frame_before,
                       example->time_before_ns, "%s", before);
  finding_add_evidence(&mismatch->finding, mismatch->to_end, example->frame_after,
                       example->time_after_ns, "%s", after);
}

void mismatch_report(struct mismatch *mismatch)
{
  if (!mismatch->context->certain)
    REASON_ADD(mismatch, "%sThat both captures show the same connection is likely, not certain.",
               mismatch->finding.reason[0] != '\0' ? " " : "");
  mismatch->sink->finding(mismatch->sink->context, &mismatch->finding);
}

uint64_t mismatch_count(const struct mismatch *mismatch, enum path_change bit)
{
  return mismatch->changes->counts[path_change_index(bit)];
}

const struct path_change_example *mismatch_first(const struct mismatch *mismatch,
                                                 enum path_change bit)
{
  return &mismatch->changes->first[path_change_index(bit)];
}

bool mismatch_has(const struct mismatch *mismatch, enum path_change bit)
{
  return (mismatch->changes->changed & bit) != 0;
}

bool mismatch_repeated(const struct mismatch *mismatch, enum path_change bit)
{
  uint64_t count = mismatch_count(mismatch, bit);
  if ((mismatch->changes->sure & bit) != 0)
    return true;
  return count >= REPEATED_MIN && count * 100 >= mismatch->changes->compared * REPEATED_PERCENT;
}

void mismatch_add_between(struct mismatch *mismatch)
{
  SUMMARY_ADD(mismatch, " between %c and %c", end_letter(mismatch->from_end),
              end_letter(mismatch->to_end));
}

/* --- the rule --- */

void mismatch_findings(const struct path_changes *changes, enum stream_side packets_from,
                       uint8_t from_end, uint8_t to_end, const struct mismatch_context *context,
                       const struct mismatch_sink *sink)
{
  struct mismatch mismatch = {.changes = changes,
                              .context = context,
                              .sink = sink,
                              .side = packets_from,
                              .from_end = from_end,
                              .to_end = to_end};
  mismatch_window_scale(&mismatch);
  mismatch_sequence(&mismatch);
  mismatch_payload(&mismatch);
  mismatch_window(&mismatch);
  mismatch_options(&mismatch);
  mismatch_header(&mismatch);
}
