#include "report/text_parts.h"

#include "wire/timestamp.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* "3 TCP connections" */
static const char *connections_text(const struct report_overview *overview,
                                    char out[FORMAT_TEXT_SIZE * 2])
{
  char count[FORMAT_TEXT_SIZE];
  snprintf(out, FORMAT_TEXT_SIZE * 2, "%s%s TCP connection%s",
           format_count(overview->connections, count), overview->selected ? " chosen" : "",
           text_plural(overview->connections));
  return out;
}

/* Waits of an application that are worth a word in the first line: what somebody who looks for a
 * freeze came for. */
#define TELLING_WAIT_NS NS_PER_S

static void longest_wait(struct text *text)
{
  const struct report_longest *longest = &text->overview->longest[SEVERITY_INFO];
  char duration[FORMAT_TEXT_SIZE];
  if (text->overview->infos == 0 || longest->waited_ns < TELLING_WAIT_NS)
    return;
  page_printf(&text->page, PAGE_PLAIN, "; the longest wait, %s, was for %s (%s)",
              format_duration(longest->waited_ns, duration), location_phrase(longest->location),
              cause_info(longest->cause)->code);
}

void text_headline(struct text *text)
{
  const struct report_overview *overview = text->overview;
  struct page *page = &text->page;
  char connections[FORMAT_TEXT_SIZE * 2], count[FORMAT_TEXT_SIZE];
  connections_text(overview, connections);
  if (overview->problems > 0) {
    page_printf(page, PAGE_PROBLEM, "%s problem%s", format_count(overview->problems, count),
                text_plural(overview->problems));
    page_printf(page, PAGE_PLAIN, " in %s", connections);
  } else if (overview->connections > 0) {
    page_put(page, PAGE_GOOD, "No problem found");
    page_printf(page, PAGE_PLAIN, " in %s, %s packet%s", connections,
                format_count(overview->packets, count), text_plural(overview->packets));
    if (overview->joint.ends > 1)
      page_printf(page, PAGE_PLAIN, " in %" PRIu32 " captures", overview->captures);
    longest_wait(text);
  } else {
    page_put(page, PAGE_BOLD, "No TCP connections");
    page_put(page, PAGE_PLAIN, ": there is nothing to judge");
  }
  page_newline(page);
  text_joint_headline(text);
}

static void write_verdict(struct text *text, const struct text_verdict *verdict)
{
  struct page *page = &text->page;
  const bool problem = verdict->severity == SEVERITY_PROBLEM;
  char number[FORMAT_TEXT_SIZE], line[TEXT_STREAM_SIZE + 40];
  if (verdict->rank == 1)
    page_newline(page);
  snprintf(number, sizeof number, "%" PRIu64, verdict->rank);
  page_right(page, problem ? PAGE_PROBLEM : PAGE_INFO, 4, number);
  page_to_column(page, 6);
  page_wrap(page, problem ? PAGE_BOLD : PAGE_PLAIN, 6, verdict->summary);
  if (verdict->confidence == CONFIDENCE_POSSIBLE)
    page_wrap(page, PAGE_DIM, 6, " (possible, not the only explanation)");
  if (text->overview->connections > 1) {
    snprintf(line, sizeof line, " (connection %" PRIu64 ", %s)", verdict->connection_id,
             verdict->stream);
    page_wrap(page, PAGE_DIM, 6, line);
  }
  if (verdict->times > 1) {
    snprintf(line, sizeof line, " (%" PRIu64 " times: %" PRIu64 " to %" PRIu64 ")", verdict->times,
             verdict->rank, verdict->rank + verdict->times - 1);
    page_wrap(page, PAGE_DIM, 6, line);
  }
  page_newline(page);
}

void text_verdicts_end(struct text *text)
{
  if (text->verdict.times > 0)
    write_verdict(text, &text->verdict);
  text->verdict.times = 0;
}

/* What says the same of the same connection is said once. */
void text_verdict(struct text *text, uint64_t rank, const struct report_connection *connection,
                  const struct finding *finding)
{
  struct text_verdict *last = &text->verdict;
  if (last->times > 0 && last->rank + last->times == rank &&
      last->connection_id == connection->id && last->severity == finding->severity &&
      last->confidence == finding->confidence && last->sender == finding->sender &&
      strcmp(last->summary, finding->summary) == 0) {
    last->times++;
    return;
  }
  text_verdicts_end(text);
  if (text->options.details != 0 && text->sentences >= text->options.details * TEXT_SENTENCES)
    return;
  text->sentences++;
  *last = (struct text_verdict){.rank = rank,
                                .times = 1,
                                .connection_id = connection->id,
                                .severity = finding->severity,
                                .confidence = finding->confidence,
                                .sender = finding->sender};
  snprintf(last->summary, sizeof last->summary, "%s", finding->summary);
  text_stream(text, connection, finding->sender, last->stream);
}

struct share {
  const char *name;
  int64_t ns;
};

static void insert_share(struct share *shares, unsigned *count, const char *name, int64_t ns)
{
  if (ns <= 0)
    return;
  unsigned at = (*count)++;
  for (; at > 0 && shares[at - 1].ns < ns; at--)
    shares[at] = shares[at - 1];
  shares[at] = (struct share){name, ns};
}

const char *text_budget(int64_t moving_ns, int64_t idle_ns, const int64_t budget_ns[LOCATION_COUNT],
                        char out[TEXT_BUDGET_SIZE])
{
  struct share shares[LOCATION_COUNT + 2];
  unsigned count = 0;
  int64_t whole = moving_ns + idle_ns;
  insert_share(shares, &count, "moving", moving_ns);
  insert_share(shares, &count, "idle", idle_ns);
  for (int location = LOCATION_NONE + 1; location < LOCATION_COUNT; location++) {
    insert_share(shares, &count, location_name((enum location)location), budget_ns[location]);
    whole += budget_ns[location];
  }
  size_t used = 0;
  out[0] = '\0';
  for (unsigned i = 0; i < count; i++) {
    char percent[FORMAT_TEXT_SIZE];
    const int written = snprintf(out + used, TEXT_BUDGET_SIZE - used, "%s%s %s", i > 0 ? ", " : "",
                                 shares[i].name, format_percent(shares[i].ns, whole, percent));
    used += (size_t)written < TEXT_BUDGET_SIZE - used ? (size_t)written : 0;
  }
  return out;
}

/* "9 app-idle, 3 keepalive-idle", most frequent first, at most as many as fit. */
static void causes_text(const uint64_t counts[CAUSE_COUNT], char *out, size_t size)
{
  bool told[CAUSE_COUNT] = {false};
  size_t used = 0;
  out[0] = '\0';
  for (unsigned round = 0; round < CAUSE_COUNT; round++) {
    int best = -1;
    for (int cause = 0; cause < CAUSE_COUNT; cause++)
      if (!told[cause] && counts[cause] > 0 && (best < 0 || counts[cause] > counts[best]))
        best = cause;
    if (best < 0 || used + 60 > size)
      return;
    told[best] = true;
    char count[FORMAT_TEXT_SIZE];
    used += (size_t)snprintf(out + used, size - used, "%s%s %s", round > 0 ? ", " : "",
                             format_count(counts[best], count), cause_info((enum cause)best)->code);
  }
}

/* Where not every problem was told in full, their sum. */
static void untold_problems(struct text *text)
{
  const struct report_overview *overview = text->overview;
  char causes[400], count[FORMAT_TEXT_SIZE], told[FORMAT_TEXT_SIZE], line[700];
  if (text->told >= overview->problems)
    return;
  causes_text(overview->causes[SEVERITY_PROBLEM], causes, sizeof causes);
  snprintf(line, sizeof line,
           "%s: %s. Told in full: %s%s%s (--limits details=N tells more, --connection chooses, "
           "--json has all)",
           format_count(overview->problems, count), causes, text->passed_over ? "" : "the first ",
           format_count(text->told, told), text->passed_over ? ", those that differ" : "");
  text_line(&text->page, "all problems", line);
}

static void harmless(struct text *text)
{
  const struct report_overview *overview = text->overview;
  if (overview->infos == 0 || text->options.all)
    return;
  const struct report_longest *longest = &overview->longest[SEVERITY_INFO];
  char causes[400], duration[FORMAT_TEXT_SIZE], took[200] = "", line[700];
  causes_text(overview->causes[SEVERITY_INFO], causes, sizeof causes);
  if (longest->waited_ns > 0)
    snprintf(took, sizeof took, "; the longest took %s (%s, %s, connection %" PRIu64 ")",
             format_duration(longest->waited_ns, duration), cause_info(longest->cause)->code,
             location_name(longest->location), longest->connection_id);
  snprintf(line, sizeof line, "%s%s; --all tells them one by one", causes, took);
  text_line(&text->page, "harmless", line);
}

static void left_out(struct text *text)
{
  const struct report_overview *overview = text->overview;
  char count[FORMAT_TEXT_SIZE], line[300];
  if (overview->findings_left_out > 0) {
    snprintf(line, sizeof line,
             "%s finding%s beyond the limit (--limits findings=N), the least telling ones",
             format_count(overview->findings_left_out, count),
             text_plural(overview->findings_left_out));
    text_line(&text->page, "left out", line);
  }
  if (overview->findings_suppressed > 0) {
    snprintf(line, sizeof line,
             "%s finding%s of connections that had more than --limits findings-per-connection=N",
             format_count(overview->findings_suppressed, count),
             text_plural(overview->findings_suppressed));
    text_line(&text->page, "left out", line);
  }
  if (overview->connections_left_out > 0 && text->options.verbose) {
    snprintf(line, sizeof line,
             "%s connection%s without a finding beyond the limits (--limits "
             "listed-connections=N,listed-syns=N)",
             format_count(overview->connections_left_out, count),
             text_plural(overview->connections_left_out));
    text_line(&text->page, "left out", line);
  }
}

void text_sums(struct text *text)
{
  const struct report_overview *overview = text->overview;
  struct page *page = &text->page;
  char budget[TEXT_BUDGET_SIZE], line[300];
  page_newline(page);
  untold_problems(text);
  harmless(text);
  if (overview->connections > 0) {
    text_budget(overview->moving_ns, overview->idle_ns, overview->budget_ns, budget);
    if (budget[0] != '\0')
      text_line(page, "time spent", budget);
  }
  if (overview->connections > 0 && overview->problems + overview->infos == 0) {
    char duration[FORMAT_TEXT_SIZE];
    snprintf(line, sizeof line, "none as long as %s (--min-stall)",
             format_duration(overview->min_stall_ns, duration));
    text_line(page, "waits", line);
  }
  if (overview->syns_unanswered > 0) {
    char count[FORMAT_TEXT_SIZE];
    snprintf(line, sizeof line, "%s %s", format_count(overview->syns_unanswered, count),
             overview->syns_unanswered == 1 ? "connection never got beyond its SYN"
                                            : "connections never got beyond their SYN");
    text_line(page, "unanswered", line);
  }
  left_out(text);
  text_joint_sums(text);
}
