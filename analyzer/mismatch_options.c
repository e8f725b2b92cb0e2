/* Options of the SYN, and of all segments, that the path removed, put in or changed. */

#include "analyzer/mismatch.h"
#include "analyzer/situation.h"

#include <stdio.h>

/* A SYN without the option: RFC 9293, 3.7.1 (IPv4; over IPv6 1220). */
#define MSS_DEFAULT_IPV4 536u

/* Of the segments with timestamps so many are as good as all, per cent: a SYN may be left alone. */
#define ALL_PERCENT 90u

/* An option of the SYN in all four sightings; what is not known is taken to be as next to it. */
struct negotiation {
  bool client_sent, server_got, server_sent, client_got;
};

static struct negotiation negotiation_of(const struct mismatch *mismatch, uint16_t option)
{
  const struct path_changes *mine = mismatch->changes, *back = mismatch->context->back;
  bool sent = (mine->options_before & option) != 0, got = (mine->options_after & option) != 0;
  bool back_known = back != NULL && back->syn_compared;
  bool back_sent =
      back_known ? (back->options_before & option) != 0 : mismatch->side == SIDE_SERVER || got;
  bool back_got = back_known ? (back->options_after & option) != 0 : back_sent;
  if (mismatch->side == SIDE_CLIENT)
    return (struct negotiation){sent, got, back_sent, back_got};
  return (struct negotiation){back_sent, back_got, sent, got};
}

/* --- options of the SYN --- */

static void mss_words(char *text, size_t size, const char *what, uint16_t mss)
{
  if (mss == 0)
    snprintf(text, size, "%s carries no MSS", what);
  else
    snprintf(text, size, "%s carries MSS %u", what, mss);
}

static void tell_mss(struct mismatch *mismatch)
{
  const struct path_changes *changes = mismatch->changes;
  if (!mismatch_has(mismatch, PATH_CHANGE_MSS))
    return;
  const char *who = side_words(mismatch->side), *syn = syn_words(mismatch->side);
  const char *other = side_words((enum stream_side)(mismatch->side ^ 1));
  char what[40], before[80], after[80];
  snprintf(what, sizeof what, "%s's %s", who, syn);
  mss_words(before, sizeof before, what, changes->mss_before);
  snprintf(what, sizeof what, "the same %s", syn);
  mss_words(after, sizeof after, what, changes->mss_after);
  mismatch_begin(mismatch, CAUSE_MSS_REWRITTEN);
  mismatch->finding.settle = NULL;
  mismatch_copies(mismatch, mismatch_first(mismatch, PATH_CHANGE_MSS), before, after);
  if (changes->mss_after == 0)
    SUMMARY_ADD(mismatch, "The MSS option (%u) was removed from %s's %s", changes->mss_before, who,
                syn);
  else
    SUMMARY_ADD(mismatch, "The MSS in %s's %s was changed from %u to %u", who, syn,
                changes->mss_before, changes->mss_after);
  mismatch_add_between(mismatch);
  if (changes->mss_after == 0)
    SUMMARY_ADD(mismatch, ": %s falls back to segments of %u bytes (over IPv6 1220).", other,
                MSS_DEFAULT_IPV4);
  else if (changes->mss_after < changes->mss_before)
    SUMMARY_ADD(mismatch,
                ": %s sends no segment above %u bytes, as a tunnel or a link with a small MTU "
                "calls for.",
                other, changes->mss_after);
  else
    SUMMARY_ADD(mismatch, ": %s may send larger segments than %s asked for.", other, who);
  mismatch_report(mismatch);
}

/* Linux tolerates segments without timestamps once they are agreed; RFC 7323, 3.2 says to drop
 * them. */
static void tell_timestamps(struct mismatch *mismatch)
{
  const struct path_changes *changes = mismatch->changes;
  if (!mismatch_has(mismatch, PATH_CHANGE_TIMESTAMPS))
    return;
  const char *who = side_words(mismatch->side), *syn = syn_words(mismatch->side);
  bool in_syn = ((changes->options_before ^ changes->options_after) & TCP_OPT_TIMESTAMPS) != 0;
  bool removed = !in_syn || (changes->options_before & TCP_OPT_TIMESTAMPS) != 0;
  if (!in_syn && !mismatch_repeated(mismatch, PATH_CHANGE_TIMESTAMPS))
    return;
  struct negotiation option = negotiation_of(mismatch, TCP_OPT_TIMESTAMPS);
  bool client = option.client_sent && option.client_got;
  bool server = option.server_got && option.server_sent;
  mismatch_begin(mismatch, CAUSE_TIMESTAMPS_STRIPPED);
  mismatch->finding.settle = NULL;
  mismatch_copies(mismatch,
                  in_syn ? &changes->syn : mismatch_first(mismatch, PATH_CHANGE_TIMESTAMPS),
                  removed ? "the option is there" : "no timestamps option",
                  removed ? "the same segment without it" : "the same segment with one");
  SUMMARY_ADD(mismatch, "The timestamps option was %s %s's %s",
              removed ? "removed from" : "put into", who,
              in_syn                  ? syn
              : changes->syn_compared ? "segments, but not from its SYN,"
                                      : "segments");
  mismatch_add_between(mismatch);
  if (!in_syn || client != server) {
    mismatch->finding.severity = SEVERITY_PROBLEM;
    SUMMARY_ADD(mismatch,
                ": %s expects timestamps that it does not get, and may drop the segments "
                "(RFC 7323, 3.2).",
                !in_syn  ? side_words((enum stream_side)(mismatch->side ^ 1))
                : server ? "the server"
                         : "the client");
  } else {
    SUMMARY_ADD(mismatch, ": both ends do without; round trips are measured less often, and old "
                          "duplicates are not told apart (PAWS).");
  }
  mismatch_report(mismatch);
}

static void tell_sack_permitted(struct mismatch *mismatch)
{
  const struct path_changes *changes = mismatch->changes;
  if (!mismatch_has(mismatch, PATH_CHANGE_SACK_PERMITTED))
    return;
  bool removed = (changes->options_before & TCP_OPT_SACK_PERMITTED) != 0;
  struct negotiation option = negotiation_of(mismatch, TCP_OPT_SACK_PERMITTED);
  bool client = option.client_sent && option.client_got;
  bool server = option.server_got && option.server_sent;
  uint64_t resent = 0;
  for (int side = 0; side < 2; side++) {
    const struct stream_summary *stream = mismatch_stream(mismatch, (enum stream_side)side);
    resent += stream != NULL ? stream->retransmitted_segments : 0;
  }
  mismatch_begin(mismatch, CAUSE_SACK_STRIPPED);
  mismatch->finding.settle = NULL;
  mismatch_copies(mismatch, mismatch_first(mismatch, PATH_CHANGE_SACK_PERMITTED),
                  removed ? "SACK permitted" : "no SACK-permitted option",
                  removed ? "the same segment without SACK permitted" : "the same with the option");
  SUMMARY_ADD(mismatch, "The SACK-permitted option was %s %s's %s",
              removed ? "removed from" : "put into", side_words(mismatch->side),
              syn_words(mismatch->side));
  mismatch_add_between(mismatch);
  if (client == server)
    SUMMARY_ADD(mismatch, ": both ends do without selective acknowledgments");
  else
    SUMMARY_ADD(mismatch,
                ": only %s sends selective acknowledgments, and the other end ignores them",
                client ? "the client" : "the server");
  SUMMARY_ADD(mismatch,
              resent > 0 ? ", so that repairing losses takes longer (%llu segments were "
                           "sent again)."
                         : "; nothing was lost that they would have helped with.",
              (unsigned long long)resent);
  mismatch_report(mismatch);
}

struct option_word {
  uint16_t bit;
  const char *name;
};

/* " MPTCP, Fast Open" */
static void add_options(struct mismatch *mismatch, uint16_t options)
{
  static const struct option_word words[] = {
      {TCP_OPT_MPTCP, "MPTCP"},        {TCP_OPT_FASTOPEN, "Fast Open"}, {TCP_OPT_MD5, "MD5"},
      {TCP_OPT_AO, "TCP-AO"},          {TCP_OPT_ACCECN, "AccECN"},      {TCP_OPT_SACK, "SACK"},
      {TCP_OPT_OTHER, "unknown ones"},
  };
  const char *separator = " ";
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
    if ((options & words[i].bit) == 0)
      continue;
    SUMMARY_ADD(mismatch, "%s%s", separator, words[i].name);
    separator = ", ";
  }
}

static void tell_options(struct mismatch *mismatch)
{
  const struct path_changes *changes = mismatch->changes;
  uint16_t lost = changes->options_lost, added = changes->options_added;
  /* SACK blocks come and go between equal ACKs in a row */
  if (((lost | added) & ~TCP_OPT_SACK) == 0 &&
      !mismatch_repeated(mismatch, PATH_CHANGE_OTHER_OPTIONS))
    return;
  mismatch_begin(mismatch, CAUSE_OPTIONS_ALTERED);
  mismatch->finding.settle = NULL;
  mismatch_copies(mismatch, mismatch_first(mismatch, PATH_CHANGE_OTHER_OPTIONS),
                  "the segment with its options as it left", "the same segment with other ones");
  SUMMARY_ADD(mismatch, "TCP options of %s's segments were altered", side_words(mismatch->side));
  mismatch_add_between(mismatch);
  if (lost != 0) {
    SUMMARY_ADD(mismatch, ": removed");
    add_options(mismatch, lost);
  }
  if (added != 0) {
    SUMMARY_ADD(mismatch, lost != 0 ? "; put in" : ": put in");
    add_options(mismatch, added);
  }
  SUMMARY_ADD(mismatch, ".");
  /* Signed segments are dropped without their signature: RFC 2385, 2.0; RFC 5925, 7.3. */
  if ((lost & (TCP_OPT_MD5 | TCP_OPT_AO)) != 0)
    mismatch->finding.severity = SEVERITY_PROBLEM;
  mismatch_report(mismatch);
}

/* Rewritten on all segments alike they mean the same, since a clock may start anywhere. */
static void tell_timestamp_values(struct mismatch *mismatch)
{
  const struct path_changes *changes = mismatch->changes;
  if (!mismatch_repeated(mismatch, PATH_CHANGE_TS_VALUES))
    return;
  uint64_t count = mismatch_count(mismatch, PATH_CHANGE_TS_VALUES);
  bool all = count * 100 >= changes->timestamped * ALL_PERCENT;
  char before[80], after[80];
  snprintf(before, sizeof before, "leaves with TSval %u, TSecr %u", changes->ts_val_before,
           changes->ts_ecr_before);
  snprintf(after, sizeof after, "the same segment with TSval %u, TSecr %u", changes->ts_val_after,
           changes->ts_ecr_after);
  mismatch_begin(mismatch, CAUSE_TIMESTAMPS_REWRITTEN);
  mismatch->finding.settle = NULL;
  mismatch->finding.severity = all ? SEVERITY_INFO : SEVERITY_PROBLEM;
  mismatch_copies(mismatch, mismatch_first(mismatch, PATH_CHANGE_TS_VALUES), before, after);
  SUMMARY_ADD(mismatch, "The timestamps of %llu of %s's %llu segments were rewritten",
              (unsigned long long)count, side_words(mismatch->side),
              (unsigned long long)changes->timestamped);
  mismatch_add_between(mismatch);
  SUMMARY_ADD(mismatch, all ? ", which does no harm as long as they keep their distances."
                            : ": where some are and some are not, the receiver may take segments "
                              "for old ones and drop them (PAWS).");
  mismatch_report(mismatch);
}

void mismatch_options(struct mismatch *mismatch)
{
  tell_mss(mismatch);
  tell_timestamps(mismatch);
  tell_sack_permitted(mismatch);
  tell_timestamp_values(mismatch);
  tell_options(mismatch);
}
