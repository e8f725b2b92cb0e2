/* Sequence numbers, windows, payload and the fields of IP that the path altered. */

#include "analyzer/mismatch.h"
#include "analyzer/situation.h"

#include <stdio.h>

/* Routers on the way count down by one each. No path is that long: the diameter of the Internet is
 * about 30 hops. */
#define HOPS_MAX_CREDIBLE 64

/* A window is the limit where as much of it was filled, per cent. */
#define WINDOW_FILLED_PERCENT 90u

/* --- sequence numbers --- */

static void tell_sequence(struct mismatch *mismatch)
{
  const struct path_changes *changes = mismatch->changes, *back = mismatch->context->back;
  if (!mismatch_has(mismatch, PATH_CHANGE_SEQ))
    return;
  char before[80], after[80];
  snprintf(before, sizeof before, "a segment of %s leaves", side_words(mismatch->side));
  const bool lower = changes->seq_shift <= INT32_MAX;
  snprintf(after, sizeof after, "the same segment, its sequence number %s by %u (mod 2^32)",
           lower ? "lower" : "higher", lower ? changes->seq_shift : 0u - changes->seq_shift);
  mismatch_begin(mismatch, CAUSE_SEQUENCE_SHIFTED);
  mismatch->finding.settle = NULL;
  mismatch_copies(mismatch, mismatch_first(mismatch, PATH_CHANGE_SEQ), before, after);
  SUMMARY_ADD(mismatch, "The sequence numbers of %s's segments are shifted",
              side_words(mismatch->side));
  mismatch_add_between(mismatch);
  SUMMARY_ADD(mismatch, ", as firewalls do that randomise them or answer the SYN themselves: ");
  if (back != NULL && (back->changed & PATH_CHANGE_SACK_UNTRANSLATED) != 0)
    SUMMARY_ADD(mismatch, "SACK blocks are not translated back.");
  else if (back != NULL && back->sacks_translated > 0)
    SUMMARY_ADD(mismatch, "SACK blocks are translated back, as they should.");
  else
    SUMMARY_ADD(mismatch, "harmless, if SACK blocks are translated back (none was seen).");
  mismatch_report(mismatch);
}

/* The packets compared are the ACKs: the data goes the other way. */
static void tell_untranslated_sack(struct mismatch *mismatch)
{
  if (!mismatch_has(mismatch, PATH_CHANGE_SACK_UNTRANSLATED))
    return;
  enum stream_side sender = (enum stream_side)(mismatch->side ^ 1);
  const struct stream_summary *stream = mismatch_stream(mismatch, sender);
  mismatch_begin(mismatch, CAUSE_SACK_NOT_TRANSLATED);
  mismatch->finding.settle = NULL;
  mismatch->finding.sender = sender;
  mismatch->finding.location = LOCATION_REVERSE_PATH;
  mismatch_copies(mismatch, mismatch_first(mismatch, PATH_CHANGE_SACK_UNTRANSLATED),
                  "an ACK with SACK blocks in the sequence numbers as seen here",
                  "the same blocks, although the ACK number was translated");
  SUMMARY_ADD(
      mismatch,
      "The SACK blocks for %s's data are not translated between %c and %c although its "
      "sequence numbers are: in %llu ACKs they name bytes that %s never sent, and do not help "
      "to repair a loss",
      side_words(sender), end_letter(mismatch->from_end), end_letter(mismatch->to_end),
      (unsigned long long)mismatch_count(mismatch, PATH_CHANGE_SACK_UNTRANSLATED),
      side_words(sender));
  if (stream != NULL)
    SUMMARY_ADD(mismatch, " (%llu segments were sent again, %llu by timeout)",
                (unsigned long long)stream->retransmitted_segments,
                (unsigned long long)stream->rto_retransmits);
  SUMMARY_ADD(mismatch, ".");
  mismatch->finding.severity =
      stream != NULL && stream->retransmitted_segments == 0 ? SEVERITY_INFO : SEVERITY_PROBLEM;
  mismatch_report(mismatch);
}

void mismatch_sequence(struct mismatch *mismatch)
{
  tell_sequence(mismatch);
  tell_untranslated_sack(mismatch);
}

/* --- payload --- */

/* Whoever received damaged segments needs them again. Where they were not sent again, they were not
 * damaged: the capture has other bytes than the host had (cut away, made anonymous), or a checksum
 * that was still to be filled in. */
static bool damage_was_repaired(const struct mismatch *mismatch)
{
  const struct stream_summary *stream = mismatch_stream(mismatch, mismatch->side);
  return stream == NULL || stream->retransmitted_bytes * 2 >= mismatch->changes->damaged_bytes;
}

static void tell_damage(struct mismatch *mismatch)
{
  if (!mismatch_has(mismatch, PATH_CHANGE_CHECKSUM))
    return;
  unsigned long long count = mismatch_count(mismatch, PATH_CHANGE_CHECKSUM);
  mismatch_begin(mismatch, CAUSE_CORRUPTED);
  mismatch_copies(mismatch, mismatch_first(mismatch, PATH_CHANGE_CHECKSUM),
                  "leaves undamaged: its checksum is right, or left to the hardware",
                  "the same segment, its checksum wrong");
  if (damage_was_repaired(mismatch)) {
    mismatch->finding.severity = SEVERITY_PROBLEM;
    mismatch->finding.settle = NULL;
    SUMMARY_ADD(mismatch, "%llu of %s's segments were damaged", count, side_words(mismatch->side));
    mismatch_add_between(mismatch);
    SUMMARY_ADD(mismatch, ": they left with a right checksum and arrived with a wrong one.");
  } else {
    mismatch->finding.confidence = mismatch->finding.cause_confidence = CONFIDENCE_POSSIBLE;
    mismatch->finding.advice = NULL;
    SUMMARY_ADD(mismatch,
                "%llu of %s's segments have a wrong checksum at %c, but most were not sent again: "
                "rather the capture shows other bytes than the host received.",
                count, side_words(mismatch->side), end_letter(mismatch->to_end));
    finding_add_alternative(&mismatch->finding, LOCATION_NONE, CAUSE_UNKNOWN,
                            "a capture with payload cut or made anonymous, or with checksums not "
                            "yet filled in, looks the same");
  }
  mismatch_report(mismatch);
}

void mismatch_payload(struct mismatch *mismatch)
{
  tell_damage(mismatch);
  if (!mismatch_has(mismatch, PATH_CHANGE_PAYLOAD))
    return;
  uint64_t count = mismatch_count(mismatch, PATH_CHANGE_PAYLOAD);
  bool checked = mismatch->changes->payloads_unchecked < count;
  mismatch_begin(mismatch, CAUSE_PAYLOAD_ALTERED);
  mismatch->finding.severity = SEVERITY_PROBLEM;
  mismatch->finding.settle = checked ? NULL : mismatch->finding.settle;
  mismatch_copies(mismatch, mismatch_first(mismatch, PATH_CHANGE_PAYLOAD),
                  "a data segment as it left",
                  checked ? "the same bytes of the stream with other content, checksum right"
                          : "the same bytes of the stream with other content");
  SUMMARY_ADD(mismatch, "The content of %llu of %s's segments was changed",
              (unsigned long long)count, side_words(mismatch->side));
  mismatch_add_between(mismatch);
  SUMMARY_ADD(mismatch, checked ? ", with the checksum made right again: something on the path "
                                  "edits the stream."
                                : " (the captures are cut, so that the checksum cannot be "
                                  "verified).");
  if (!checked) {
    if (mismatch->finding.cause_confidence > CONFIDENCE_LIKELY)
      mismatch->finding.cause_confidence = CONFIDENCE_LIKELY;
    finding_add_alternative(&mismatch->finding, LOCATION_FORWARD_PATH, CAUSE_CORRUPTED,
                            "damage by chance would show in the checksum, which was not captured");
  }
  mismatch_report(mismatch);
}

/* --- window --- */

void mismatch_window(struct mismatch *mismatch)
{
  const struct path_changes *changes = mismatch->changes;
  uint64_t count = mismatch_count(mismatch, PATH_CHANGE_WINDOW);
  /* translated with the shift: told with the window scale */
  if (!mismatch_repeated(mismatch, PATH_CHANGE_WINDOW) || changes->windows_translated == count)
    return;
  enum stream_side sender = (enum stream_side)(mismatch->side ^ 1); /* of data so limited */
  const struct stream_summary *stream = mismatch_stream(mismatch, sender);
  bool filled = stream != NULL && stream->window_max != 0 &&
                stream->flight_max * 100 >= stream->window_max * WINDOW_FILLED_PERCENT;
  char before[80], after[80];
  snprintf(before, sizeof before, "a segment of %s with a window of %u (not scaled)",
           side_words(mismatch->side), changes->window_before);
  snprintf(after, sizeof after, "the same segment with a window of %u", changes->window_after);
  mismatch_begin(mismatch, CAUSE_WINDOW_ALTERED);
  mismatch->finding.settle = NULL;
  mismatch_copies(mismatch, mismatch_first(mismatch, PATH_CHANGE_WINDOW), before, after);
  SUMMARY_ADD(mismatch, "The windows that %s announces were rewritten", side_words(mismatch->side));
  mismatch_add_between(mismatch);
  SUMMARY_ADD(mismatch, " in %llu of %llu packets, %llu of them lowered", (unsigned long long)count,
              (unsigned long long)changes->compared, (unsigned long long)changes->windows_lowered);
  if (filled && changes->windows_lowered > 0) {
    mismatch->finding.severity = SEVERITY_PROBLEM;
    SUMMARY_ADD(mismatch, ": that limits what %s sends, as a traffic shaper does.",
                side_words(sender));
  } else {
    SUMMARY_ADD(mismatch, ".");
  }
  mismatch_report(mismatch);
}

/* --- fields that TCP does not stop for --- */

static const char *ecn_words(uint8_t ecn)
{
  static const char *const words[] = {"Not-ECT", "ECT(1)", "ECT(0)", "CE"}; /* RFC 3168, 5 */
  return words[ecn & 3];
}

#define ECN_FLAGS (TCP_ECE | TCP_CWR | TCP_AE)

static bool altered_flags(const struct mismatch *mismatch, uint16_t flags)
{
  const struct path_changes *changes = mismatch->changes;
  return (changes->syn_flags_changed & flags) != 0 ||
         ((changes->flags_changed & flags) != 0 && mismatch_repeated(mismatch, PATH_CHANGE_FLAGS));
}

static void tell_ecn(struct mismatch *mismatch)
{
  const struct path_changes *changes = mismatch->changes;
  bool field = mismatch_repeated(mismatch, PATH_CHANGE_ECN);
  bool flags = altered_flags(mismatch, ECN_FLAGS);
  if (!field && !flags)
    return;
  char before[80], after[80];
  mismatch_begin(mismatch, CAUSE_ECN_ALTERED);
  mismatch->finding.settle = NULL;
  SUMMARY_ADD(mismatch, "The ECN marks of %s's packets were altered", side_words(mismatch->side));
  mismatch_add_between(mismatch);
  if (field) {
    snprintf(before, sizeof before, "leaves as %s", ecn_words(changes->ecn_before));
    snprintf(after, sizeof after, "arrives as %s", ecn_words(changes->ecn_after));
    mismatch_copies(mismatch, mismatch_first(mismatch, PATH_CHANGE_ECN), before, after);
    SUMMARY_ADD(mismatch, " in %llu of %llu (first from %s to %s)",
                (unsigned long long)mismatch_count(mismatch, PATH_CHANGE_ECN),
                (unsigned long long)changes->compared, ecn_words(changes->ecn_before),
                ecn_words(changes->ecn_after));
  }
  if (flags) {
    mismatch_copies(mismatch, mismatch_first(mismatch, PATH_CHANGE_FLAGS),
                    "the ECE, CWR or AE flag as it left", "the same segment with another one");
    SUMMARY_ADD(mismatch, "%s ECE, CWR or AE was changed in the TCP header", field ? ", and" : ":");
  }
  SUMMARY_ADD(mismatch, field && changes->ecn_before == 3
                            ? ". A congestion mark was wiped out: the sender does not learn of it."
                            : ". Routers then drop instead of marking.");
  mismatch_report(mismatch);
}

static bool ttl_strange(const struct path_changes *changes)
{
  return (changes->changed & PATH_CHANGE_TTL) != 0 &&
         (changes->ttl_after > changes->ttl_before ||
          changes->ttl_before - changes->ttl_after > HOPS_MAX_CREDIBLE);
}

void mismatch_header(struct mismatch *mismatch)
{
  const struct path_changes *changes = mismatch->changes;
  tell_ecn(mismatch);
  bool ttl = ttl_strange(changes), dscp = mismatch_has(mismatch, PATH_CHANGE_DSCP);
  bool flags = altered_flags(mismatch, TCP_PSH | TCP_URG);
  if (!ttl && !dscp && !flags)
    return;
  char before[80], after[80];
  mismatch_begin(mismatch, CAUSE_HEADER_ALTERED);
  mismatch->finding.settle = NULL;
  SUMMARY_ADD(mismatch, "Header fields of %s's packets were rewritten", side_words(mismatch->side));
  mismatch_add_between(mismatch);
  const char *separator = ":";
  if (dscp) {
    snprintf(before, sizeof before, "leaves with DSCP %u", changes->tos_before >> 2);
    snprintf(after, sizeof after, "arrives with DSCP %u", changes->tos_after >> 2);
    mismatch_copies(mismatch, mismatch_first(mismatch, PATH_CHANGE_DSCP), before, after);
    SUMMARY_ADD(mismatch, "%s DSCP %u became %u", separator, changes->tos_before >> 2,
                changes->tos_after >> 2);
    separator = ",";
  }
  if (ttl) {
    snprintf(before, sizeof before, "leaves with TTL %u", changes->ttl_before);
    snprintf(after, sizeof after, "arrives with TTL %u", changes->ttl_after);
    mismatch_copies(mismatch, mismatch_first(mismatch, PATH_CHANGE_TTL), before, after);
    SUMMARY_ADD(mismatch, "%s TTL %u became %u, which no number of hops explains", separator,
                changes->ttl_before, changes->ttl_after);
    separator = ",";
  }
  if (flags) {
    snprintf(before, sizeof before, "leaves with flags 0x%03x", changes->flags_before);
    snprintf(after, sizeof after, "arrives with flags 0x%03x", changes->flags_after);
    mismatch_copies(mismatch, mismatch_first(mismatch, PATH_CHANGE_FLAGS), before, after);
    SUMMARY_ADD(mismatch, "%s TCP flags 0x%03x became 0x%03x", separator, changes->flags_before,
                changes->flags_after);
  }
  SUMMARY_ADD(mismatch, ".");
  mismatch_report(mismatch);
}
