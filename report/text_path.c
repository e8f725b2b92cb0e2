#include "report/text_parts.h"

#include "wire/timestamp.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* One clause a change: "MSS 1460 -> 904 in the SYN". */
struct change_text {
  const struct path_changes *changes;
  const char *syn;            /* "SYN", "SYN-ACK" */
  const uint64_t *changed;    /* of how many connections each, or NULL */
  uint64_t connections;       /* in all */
  char before_end, after_end; /* their letters */
  struct text_buffer line;
  bool begun;
};

static void begin_clause(struct change_text *text)
{
  if (text->begun)
    text_append(&text->line, "; ");
  text->begun = true;
}

/* What a user hardly wants to look up, since every packet or every router does it. */
#define CHANGES_OF_EVERY_PACKET (PATH_CHANGE_ADDRESSES | PATH_CHANGE_TTL | PATH_CHANGE_IP_ID)

/* "(frames A 17, B 18)" and of how many connections. */
static void end_clause(struct change_text *text, enum path_change bit)
{
  const unsigned index = path_change_index(bit);
  const struct path_change_example *first = &text->changes->first[index];
  char count[FORMAT_TEXT_SIZE];
  const bool known = first->frame_before != 0 && first->frame_after != 0 &&
                     ((unsigned)bit & CHANGES_OF_EVERY_PACKET) == 0;
  const bool some = text->changed != NULL && text->changed[index] < text->connections;
  if (!known && !some)
    return;
  text_append(&text->line, " (");
  if (known)
    text_append(&text->line, "frames %c %" PRIu64 ", %c %" PRIu64, text->before_end,
                first->frame_before, text->after_end, first->frame_after);
  if (some)
    text_append(&text->line, "%s%s connection%s", known ? "; " : "",
                format_count(text->changed[index], count), text_plural(text->changed[index]));
  text_append(&text->line, ")");
}

static bool has(const struct change_text *text, enum path_change bit)
{
  return (text->changes->changed & (uint32_t)bit) != 0;
}

/* What is said of a change that has no values. */
static void plain(struct change_text *text, enum path_change bit, const char *what)
{
  if (!has(text, bit))
    return;
  begin_clause(text);
  text_append(&text->line, "%s", what);
  end_clause(text, bit);
}

/* The same with the number of packets. */
static void counted(struct change_text *text, enum path_change bit, const char *what)
{
  char number[FORMAT_TEXT_SIZE];
  const uint64_t count = text->changes->counts[path_change_index(bit)];
  if (!has(text, bit))
    return;
  begin_clause(text);
  text_append(&text->line, "%s in %s packet%s", what, format_count(count, number),
              text_plural(count));
  end_clause(text, bit);
}

static void option(struct change_text *text, enum path_change bit, enum tcp_option_bit tcp_option,
                   const char *name)
{
  const uint16_t before = text->changes->options_before & (uint16_t)tcp_option;
  const uint16_t after = text->changes->options_after & (uint16_t)tcp_option;
  if (!has(text, bit))
    return;
  begin_clause(text);
  if (before != 0 && after == 0)
    text_append(&text->line, "%s removed from the %s", name, text->syn);
  else if (before == 0 && after != 0)
    text_append(&text->line, "%s added to the %s", name, text->syn);
  else
    text_append(&text->line, "%s removed or added", name);
  end_clause(text, bit);
}

static void window_scale(struct change_text *text)
{
  const struct path_changes *changes = text->changes;
  static const enum path_change bits[] = {PATH_CHANGE_WSCALE, PATH_CHANGE_WSCALE_STRIPPED,
                                          PATH_CHANGE_WSCALE_ADDED};
  for (size_t i = 0; i < sizeof bits / sizeof *bits; i++) {
    if (!has(text, bits[i]))
      continue;
    begin_clause(text);
    if (bits[i] == PATH_CHANGE_WSCALE)
      text_append(&text->line, "window scale %u → %u in the %s", changes->wscale_before,
                  changes->wscale_after, text->syn);
    else if (bits[i] == PATH_CHANGE_WSCALE_STRIPPED)
      text_append(&text->line, "window scale %u removed from the %s", changes->wscale_before,
                  text->syn);
    else
      text_append(&text->line, "window scale %u added to the %s", changes->wscale_after, text->syn);
    end_clause(text, bits[i]);
  }
}

static void mss(struct change_text *text)
{
  const struct path_changes *changes = text->changes;
  if (!has(text, PATH_CHANGE_MSS))
    return;
  begin_clause(text);
  if (changes->mss_after == 0)
    text_append(&text->line, "MSS %u removed from the %s", changes->mss_before, text->syn);
  else if (changes->mss_before == 0)
    text_append(&text->line, "MSS %u added to the %s", changes->mss_after, text->syn);
  else
    text_append(&text->line, "MSS %u → %u in the %s", changes->mss_before, changes->mss_after,
                text->syn);
  end_clause(text, PATH_CHANGE_MSS);
}

static void two_values(struct change_text *text, enum path_change bit, const char *name,
                       unsigned before, unsigned after)
{
  if (!has(text, bit))
    return;
  begin_clause(text);
  text_append(&text->line, "%s %u → %u", name, before, after);
  end_clause(text, bit);
}

static void congestion_marks(struct change_text *text)
{
  char count[FORMAT_TEXT_SIZE];
  const uint64_t marked = text->changes->ce_marked;
  if (marked == 0)
    return;
  begin_clause(text);
  text_append(&text->line, "%s packet%s marked CE (congestion)", format_count(marked, count),
              text_plural(marked));
}

/* What can break a connection first, what every router does last. */
static void all_changes(struct change_text *text)
{
  const struct path_changes *changes = text->changes;
  counted(text, PATH_CHANGE_PAYLOAD, "other payload");
  window_scale(text);
  mss(text);
  option(text, PATH_CHANGE_SACK_PERMITTED, TCP_OPT_SACK_PERMITTED, "SACK-permitted");
  option(text, PATH_CHANGE_TIMESTAMPS, TCP_OPT_TIMESTAMPS, "timestamps");
  plain(text, PATH_CHANGE_OTHER_OPTIONS, "other TCP options");
  plain(text, PATH_CHANGE_SEQ, "sequence numbers shifted");
  plain(text, PATH_CHANGE_SACK_UNTRANSLATED,
        "SACK blocks left with the sequence numbers of the other side of the shift");
  counted(text, PATH_CHANGE_WINDOW, "window field rewritten");
  counted(text, PATH_CHANGE_TS_VALUES, "timestamps rewritten");
  counted(text, PATH_CHANGE_FLAGS, "TCP flags rewritten");
  two_values(text, PATH_CHANGE_ECN, "ECN field", changes->ecn_before, changes->ecn_after);
  congestion_marks(text);
  two_values(text, PATH_CHANGE_DSCP, "DSCP", changes->tos_before >> 2, changes->tos_after >> 2);
  plain(text, PATH_CHANGE_ADDRESSES, "addresses or ports translated");
  two_values(text, PATH_CHANGE_TTL, "TTL", changes->ttl_before, changes->ttl_after);
  plain(text, PATH_CHANGE_IP_ID, "IP-ID rewritten");
}

static void changes_line(struct text *text, const struct hop_summary *hop, const char *syn,
                         const uint64_t *changed, uint64_t connections)
{
  struct change_text change = {.changes = &hop->changes,
                               .syn = syn,
                               .changed = changed,
                               .connections = connections,
                               .before_end = (char)('A' + hop->from_end % 26),
                               .after_end = (char)('A' + hop->to_end % 26)};
  text_append(&change.line, "changed on the way: ");
  all_changes(&change);
  if (change.begun)
    text_line(&text->page, "", change.line.text);
}

static void losses(struct text_buffer *line, const struct hop_summary *hop)
{
  char first[FORMAT_TEXT_SIZE], second[FORMAT_TEXT_SIZE];
  if (hop->lost_segments == 0 && hop->lost_acks == 0) {
    text_append(line, ", none %slost", hop->unsettled > 0 ? "known to be " : "");
    return;
  }
  if (hop->lost_segments > 0)
    text_append(line, ", %s segment%s lost (%s bytes)", format_count(hop->lost_segments, first),
                text_plural(hop->lost_segments), format_count(hop->lost_bytes, second));
  if (hop->lost_acks > 0)
    text_append(line, ", %s pure ACK%s lost", format_count(hop->lost_acks, first),
                text_plural(hop->lost_acks));
}

static void damages(struct text_buffer *line, const struct hop_summary *hop, char from)
{
  const unsigned index = path_change_index(PATH_CHANGE_CHECKSUM);
  const struct path_change_example *first = &hop->changes.first[index];
  char count[FORMAT_TEXT_SIZE];
  const uint64_t damaged = hop->corrupted > 0 ? hop->corrupted : hop->changes.counts[index];
  if (damaged == 0)
    return;
  text_append(line, ", %s damaged", format_count(damaged, count));
  if (first->frame_before != 0 && first->frame_after != 0)
    text_append(line, " (first in frames %c %" PRIu64 ", %c %" PRIu64 ")", from,
                first->frame_before, 'A' + hop->to_end % 26, first->frame_after);
}

static void oddities(struct text_buffer *line, const struct hop_summary *hop, char from)
{
  char count[FORMAT_TEXT_SIZE];
  damages(line, hop, from);
  if (hop->reordered > 0)
    text_append(line, ", %s reordered", format_count(hop->reordered, count));
  if (hop->duplicated > 0)
    text_append(line, ", %s duplicated", format_count(hop->duplicated, count));
  if (hop->unsettled > 0)
    text_append(line, ", %s undecided", format_count(hop->unsettled, count));
  if (hop->uncaptured > 0)
    text_append(line, ", %s more not in %c's capture", format_count(hop->uncaptured, count), from);
}

/* Below the clocks' uncertainty a delay may come out negative: that is no delay worth a sign. */
static int64_t not_negative(int64_t delay_ns)
{
  return delay_ns < 0 ? 0 : delay_ns;
}

static void delays(struct text *text, struct text_buffer *line, const struct hop_summary *hop)
{
  char least[FORMAT_TEXT_SIZE], mean[FORMAT_TEXT_SIZE], most[FORMAT_TEXT_SIZE],
      wrong[FORMAT_TEXT_SIZE];
  if (!time_is_valid(hop->delay_min_ns) || !time_is_valid(hop->delay_max_ns) ||
      !text_clocks_compared(text, hop->from_end, hop->to_end))
    return;
  text_append(line, "; one-way delay %s to %s, mean %s",
              format_duration(not_negative(hop->delay_min_ns), least),
              format_duration_up(not_negative(hop->delay_max_ns), most),
              format_duration(not_negative(hop->delay_mean_ns), mean));
  const int64_t uncertainty_ns = text_clock_uncertainty_ns(text, hop->from_end, hop->to_end);
  if (time_is_valid(uncertainty_ns))
    text_append(line, " (each ± %s)", format_duration_up(uncertainty_ns, wrong));
  else
    text_append(line, " (more than the fastest packet's, which is not known)");
}

void text_hop(struct text *text, const struct hop_summary *hop, const char *syn,
              const uint64_t changed[PATH_CHANGE_BITS], uint64_t connections)
{
  struct text_buffer line = {.used = 0};
  char label[32], count[FORMAT_TEXT_SIZE];
  if (hop->packets + hop->uncaptured == 0)
    return;
  const char from = (char)('A' + hop->from_end % 26);
  snprintf(label, sizeof label, "path %c → %c", from, 'A' + hop->to_end % 26);
  text_append(&line, "%s packet%s", format_count(hop->packets, count), text_plural(hop->packets));
  losses(&line, hop);
  oddities(&line, hop, from);
  delays(text, &line, hop);
  text_line(&text->page, label, line.text);
  changes_line(text, hop, syn, changed, connections);
}

void text_path(struct text *text, const struct report_connection *connection)
{
  for (int side = 0; side < 2; side++)
    for (uint32_t i = 0; i < connection->hop_count; i++)
      text_hop(text, &connection->hops[side][i], side == SIDE_CLIENT ? "SYN" : "SYN-ACK", NULL, 1);
}
