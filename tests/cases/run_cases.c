/* Runs rule cases: each is a short trace as tcpdump prints it, headed by what the analyzer has to
 * make of it. README.md in this folder has the grammar. Prints every mismatch, and then what was
 * found. Exit status: 0 all expectations hold, 1 some do not, 2 the case cannot be run. */

#include "analyzer/analyzer.h"
#include "analyzer/cause.h"
#include "analyzer/finding.h"
#include "tests/cases/case_run.h"
#include "tests/cases/case_term.h"
#include "wire/timestamp.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPECTS_MAX 64
#define LINE_SIZE   1024

enum expect_kind {
  EXPECT_FINDING,     /* "expect:"            some finding has all these properties */
  EXPECT_NOT,         /* "expect-not:"        no finding has all of them */
  EXPECT_STREAM,      /* "expect-stream:"     SIDE, then fields of its summary */
  EXPECT_CONNECTION,  /* "expect-connection:" fields of the connection's summary */
  EXPECT_CONNECTIONS, /* "expect-connections:" how many there are */
  EXPECT_CLOCK,       /* "expect-clock:"      B's clock against A's */
};

struct expect {
  enum expect_kind kind;
  unsigned line;
  char text[LINE_SIZE];
};

struct run {
  const char *path;
  struct expect expects[EXPECTS_MAX];
  unsigned expect_count;
  struct case_run made;
  unsigned mismatches;
};

/* ---- reading the head of a case ---- */

static void add_expect(struct run *run, enum expect_kind kind, unsigned line, const char *text)
{
  if (run->expect_count >= EXPECTS_MAX) {
    fprintf(stderr, "%s:%u: too many expectations\n", run->path, line);
    exit(2);
  }
  struct expect *expect = &run->expects[run->expect_count++];
  expect->kind = kind;
  expect->line = line;
  snprintf(expect->text, sizeof expect->text, "%s", text);
}

static void read_directive(struct run *run, unsigned line, const char *text)
{
  const char *rest = NULL;
  if (starts_with(text, "expect:", &rest)) {
    add_expect(run, EXPECT_FINDING, line, rest);
  } else if (starts_with(text, "expect-not:", &rest)) {
    add_expect(run, EXPECT_NOT, line, rest);
  } else if (starts_with(text, "expect-stream:", &rest)) {
    add_expect(run, EXPECT_STREAM, line, rest);
  } else if (starts_with(text, "expect-connection:", &rest)) {
    add_expect(run, EXPECT_CONNECTION, line, rest);
  } else if (starts_with(text, "expect-connections:", &rest)) {
    add_expect(run, EXPECT_CONNECTIONS, line, rest);
  } else if (starts_with(text, "expect-clock:", &rest)) {
    add_expect(run, EXPECT_CLOCK, line, rest);
  } else if (starts_with(text, "expect", &rest)) {
    fprintf(stderr, "%s:%u: not understood: %s\n", run->path, line, text);
    exit(2);
  }
}

static void read_head(struct run *run)
{
  FILE *file = fopen(run->path, "r");
  if (file == NULL) {
    perror(run->path);
    exit(2);
  }
  char text[LINE_SIZE];
  for (unsigned line = 1; fgets(text, sizeof text, file) != NULL; line++) {
    text[strcspn(text, "\r\n")] = '\0';
    const char *rest = NULL;
    if (starts_with(text, "#", &rest))
      read_directive(run, line, rest);
  }
  fclose(file);
  if (run->expect_count == 0) {
    fprintf(stderr, "%s: the case expects nothing\n", run->path);
    exit(2);
  }
}

/* ---- comparing ---- */

static bool has_alternative(const struct finding *finding, const char *list)
{
  for (uint32_t i = 0; i < finding->alternative_count; i++) {
    const struct alternative *alternative = &finding->not_excluded[i];
    if (in_list(list, location_name(alternative->location)) ||
        in_list(list, cause_info(alternative->cause)->code))
      return true;
  }
  return false;
}

/* Some piece of evidence is from one of these capture points. */
static bool has_evidence_of(const struct finding *finding, const char *list)
{
  for (uint32_t i = 0; i < finding->evidence_count; i++) {
    const char end[] = {(char)('A' + finding->evidence[i].end), '\0'};
    if (in_list(list, end))
      return true;
  }
  return false;
}

/* 1: it has the property, 0: it has not, -1: unknown property. */
static int finding_has(const struct run *run, const struct case_finding *seen,
                       const struct term *term)
{
  const struct finding *finding = &seen->finding;
  const char *key = term->key, *value = term->value;
  (void)run;
  if (strcmp(key, "kind") == 0)
    return in_list(value, finding_kind_name(finding->kind));
  if (strcmp(key, "sender") == 0)
    return in_list(value, stream_side_name(finding->sender));
  if (strcmp(key, "location") == 0)
    return in_list(value, location_name(finding->location));
  if (strcmp(key, "cause") == 0)
    return in_list(value, cause_info(finding->cause)->code);
  if (strcmp(key, "severity") == 0)
    return in_list(value, severity_name(finding->severity));
  if (strcmp(key, "ended_by") == 0)
    return in_list(value, ended_by_name(finding->ended_by));
  if (strcmp(key, "confidence") == 0)
    return compare_confidence(finding->confidence, term);
  if (strcmp(key, "cause_confidence") == 0)
    return compare_confidence(finding->cause_confidence, term);
  if (strcmp(key, "not_excluded") == 0)
    return has_alternative(finding, value);
  if (strcmp(key, "mentions") == 0)
    return has_alternative(finding, value) || in_list(value, location_name(finding->location)) ||
           in_list(value, cause_info(finding->cause)->code);
  if (strcmp(key, "evidence_end") == 0)
    return has_evidence_of(finding, value);
  if (strcmp(key, "duration") == 0)
    return compare_numbers(time_to_s(finding->end_ns - finding->start_ns), term);
  if (strcmp(key, "waited") == 0)
    return compare_numbers(time_to_s(finding->waited_ns), term);
  if (strcmp(key, "hold_min") == 0)
    return compare_numbers(seconds_of(finding->hold_min_ns), term);
  if (strcmp(key, "hold_max") == 0)
    return compare_numbers(seconds_of(finding->hold_max_ns), term);
  if (strcmp(key, "waits") == 0)
    return compare_numbers(finding->waits, term);
  if (strcmp(key, "connection") == 0)
    return compare_numbers((double)seen->connection, term);
  return -1;
}

static void bad_expectation(const struct run *run, const struct expect *expect)
{
  fprintf(stderr, "%s:%u: not understood: %s\n", run->path, expect->line, expect->text);
  exit(2);
}

static bool finding_matches(const struct run *run, const struct case_finding *seen,
                            const struct expect *expect)
{
  const char *text = expect->text;
  struct term term;
  bool matches = true;
  while (next_term(&text, &term)) {
    int has = finding_has(run, seen, &term);
    if (has < 0)
      bad_expectation(run, expect);
    matches = matches && has == 1;
  }
  if (text[strspn(text, " ")] != '\0')
    bad_expectation(run, expect);
  return matches;
}

static void mismatch(struct run *run, const struct expect *expect, const char *what)
{
  printf("%s:%u: %s: %s\n", run->path, expect->line, what, expect->text);
  run->mismatches++;
}

static void check_finding(struct run *run, const struct expect *expect)
{
  unsigned matches = 0;
  if (strcmp(expect->text, "none") == 0) {
    for (unsigned i = 0; i < run->made.finding_count; i++)
      matches += run->made.findings[i].finding.severity == SEVERITY_PROBLEM;
    if (matches > 0)
      mismatch(run, expect, "a problem was found, expected");
    return;
  }
  for (unsigned i = 0; i < run->made.finding_count; i++)
    matches += finding_matches(run, &run->made.findings[i], expect);
  if (expect->kind == EXPECT_FINDING && matches == 0)
    mismatch(run, expect, "no such finding");
  if (expect->kind == EXPECT_NOT && matches > 0)
    mismatch(run, expect, "must not be found");
}

static bool stream_has(const struct stream_summary *s, const struct term *term, bool *known)
{
  if (strcmp(term->key, "wscale_state") == 0) {
    *known = true;
    return in_list(term->value, window_scale_state_name(s->wscale_state));
  }
  const struct field fields[] = {
      {"bytes", (double)s->bytes},
      {"segments", (double)s->segments},
      {"packets", (double)s->packets},
      {"acks", (double)s->acks},
      {"retransmitted_segments", (double)s->retransmitted_segments},
      {"retransmitted_bytes", (double)s->retransmitted_bytes},
      {"fast_retransmits", (double)s->fast_retransmits},
      {"rto_retransmits", (double)s->rto_retransmits},
      {"tlp_probes", (double)s->tlp_probes},
      {"spurious_retransmits", (double)s->spurious_retransmits},
      {"duplicate_acks", (double)s->duplicate_acks},
      {"sack_segments", (double)s->sack_segments},
      {"dsack_segments", (double)s->dsack_segments},
      {"out_of_order", (double)s->out_of_order},
      {"zero_windows", (double)s->zero_windows},
      {"window_probes", (double)s->window_probes},
      {"keepalives", (double)s->keepalives},
      {"duplicates", (double)s->duplicates},
      {"bad_checksums", (double)s->bad_checksums},
      {"unseen_bytes", (double)s->unseen_bytes},
      {"mss", s->mss},
      {"largest_segment", s->largest_segment},
      {"ts_clock_hz", s->ts_clock_hz},
      {"srtt", seconds_of(s->srtt_ns)},
      {"rtt_min", seconds_of(s->rtt_min_ns)},
      {"window_min", (double)s->window_min},
      {"window_max", (double)s->window_max},
      {"flight_max", (double)s->flight_max},
      {"wscale", s->wscale},
      {"wscale_min", s->wscale_min},
      {"wscale_max", s->wscale_max},
      {"idle", time_to_s(s->idle_ns)},
      {"moving", time_to_s(s->moving_ns)},
      {"sender-app", time_to_s(s->budget_ns[LOCATION_SENDER_APP])},
      {"sender-queue", time_to_s(s->budget_ns[LOCATION_SENDER_QUEUE])},
      {"forward-path", time_to_s(s->budget_ns[LOCATION_FORWARD_PATH])},
      {"receiver-app", time_to_s(s->budget_ns[LOCATION_RECEIVER_APP])},
  };
  return check_field(fields, sizeof fields / sizeof *fields, term, known);
}

static bool has_quality(const struct connection_summary *connection, const char *list)
{
  for (unsigned bit = 0; bit < QUALITY_BITS; bit++) {
    if ((connection->quality & (1U << bit)) != 0 &&
        in_list(list, analyzer_quality_name((enum quality)(1U << bit))))
      return true;
  }
  return false;
}

static bool connection_has(const struct connection_summary *c, const struct term *term, bool *known)
{
  *known = true;
  if (strcmp(term->key, "quality") == 0)
    return has_quality(c, term->value) == (strcmp(term->op, "~") == 0);
  if (strcmp(term->key, "vantage") == 0)
    return in_list(term->value, vantage_name(c->vantage));
  const struct field fields[] = {
      {"packets", (double)c->packets}, {"established", c->established},
      {"closed", c->closed},           {"roles_from_syn", c->roles_from_syn},
      {"findings", c->findings},       {"client_port", c->client.port},
      {"server_port", c->server.port},
  };
  return check_field(fields, sizeof fields / sizeof *fields, term, known);
}

static const struct connection_summary *connection_of(const struct run *run, uint64_t id)
{
  for (unsigned i = 0; i < run->made.connection_count && i < CASE_CONNECTIONS_MAX; i++) {
    if (run->made.connections[i].id == id)
      return &run->made.connections[i];
  }
  return NULL;
}

static void check_summary(struct run *run, const struct expect *expect)
{
  const char *text = expect->text;
  uint64_t id = 1;
  int side = -1;
  if (expect->kind == EXPECT_STREAM) {
    if (starts_with(text, "client ", &text))
      side = SIDE_CLIENT;
    else if (starts_with(text, "server ", &text))
      side = SIDE_SERVER;
    else
      bad_expectation(run, expect);
  }
  struct term term;
  while (next_term(&text, &term)) {
    if (strcmp(term.key, "connection") == 0) {
      id = strtoull(term.value, NULL, 10);
      continue;
    }
    const struct connection_summary *connection = connection_of(run, id);
    bool known = true, good = false;
    if (connection != NULL)
      good = side >= 0 ? stream_has(&connection->streams[side], &term, &known)
                       : connection_has(connection, &term, &known);
    if (!known)
      bad_expectation(run, expect);
    if (!good) {
      mismatch(run, expect, "summary differs");
      return;
    }
  }
  if (text[strspn(text, " ")] != '\0')
    bad_expectation(run, expect);
}

/* Of the first piece; pairs is how many connections were paired. */
static void check_clock(struct run *run, const struct expect *expect)
{
  const struct clock_piece *piece = &run->made.clock.pieces[0];
  const struct field fields[] = {{"offset", time_to_s(piece->offset_ns)},
                                 {"uncertainty", seconds_of(piece->uncertainty_ns)},
                                 {"skew_ppm", piece->skew_ppm},
                                 {"pieces", run->made.clock.piece_count},
                                 {"pairs", run->made.pairs}};
  const char *text = expect->text;
  struct term term;
  while (next_term(&text, &term)) {
    bool known;
    const bool good = check_field(fields, sizeof fields / sizeof *fields, &term, &known);
    if (!known)
      bad_expectation(run, expect);
    if (!good)
      mismatch(run, expect, "clock differs");
  }
}

static void check(struct run *run, const struct expect *expect)
{
  switch (expect->kind) {
  case EXPECT_FINDING:
  case EXPECT_NOT: check_finding(run, expect); break;
  case EXPECT_STREAM:
  case EXPECT_CONNECTION: check_summary(run, expect); break;
  case EXPECT_CLOCK: check_clock(run, expect); break;
  case EXPECT_CONNECTIONS:
    if (run->made.connection_count != strtoul(expect->text, NULL, 10))
      mismatch(run, expect, "number of connections");
    break;
  }
}

/* ---- what holds for every case ---- */

/* One capture cannot prove these: a window may be shut by TCP or by the reader, silence may be the
 * application's or TCP's, and what was lost beyond the capture point was never seen. */
static bool provable_from_one_end(enum cause cause)
{
  switch (cause) {
  case CAUSE_APP_IDLE:
  case CAUSE_APP_TURNAROUND:
  case CAUSE_LOST_WAKEUP:
  case CAUSE_ZERO_WINDOW:
  case CAUSE_SLOW_READER:
  case CAUSE_DEADLOCK:
  case CAUSE_SEGMENT_LOSS:
  case CAUSE_TAIL_LOSS:
  case CAUSE_RTO_BACKOFF:
  case CAUSE_PATH_OUTAGE:
  case CAUSE_PMTU_BLACKHOLE:
  case CAUSE_SYN_LOSS:
  case CAUSE_NAT_TIMEOUT:
  case CAUSE_ACK_LOSS:
  case CAUSE_WINDOW_UPDATE_LOST:
  case CAUSE_SYNACK_LOSS:
  case CAUSE_PEER_SILENT: return false;
  default: return true;
  }
}

static void broken(struct run *run, const struct finding *finding, const char *what)
{
  printf("%s: finding %u (%s): %s\n", run->path, finding->id, cause_info(finding->cause)->code,
         what);
  run->mismatches++;
}

static void check_finding_is_sound(struct run *run, const struct finding *finding)
{
  if (finding->summary[0] == '\0')
    broken(run, finding, "no summary");
  if (finding->evidence_count == 0)
    broken(run, finding, "no evidence");
  if (finding->start_ns > finding->end_ns)
    broken(run, finding, "ends before it starts");
  if (finding->confidence == CONFIDENCE_POSSIBLE && finding->alternative_count == 0)
    broken(run, finding, "only possible, but nothing else is said to be");
  if (run->made.trace.end_count == 1 && finding->confidence == CONFIDENCE_PROVEN &&
      !provable_from_one_end(finding->cause))
    broken(run, finding, "claims proof that one end cannot have");
  if (finding->confidence == CONFIDENCE_PROVEN && finding->alternative_count > 0)
    broken(run, finding, "proven, but alternatives are not excluded");
  for (uint32_t i = 0; i < finding->evidence_count; i++) {
    if (finding->evidence[i].frame > run->made.trace.ends[finding->evidence[i].end].count)
      broken(run, finding, "evidence names a frame that is not there");
  }
}

static void check_budget(struct run *run, const struct connection_summary *connection)
{
  for (int side = SIDE_CLIENT; side <= SIDE_SERVER; side++) {
    const struct stream_summary *stream = &connection->streams[side];
    int64_t sum = stream->moving_ns + stream->idle_ns;
    for (int location = 0; location < LOCATION_COUNT; location++)
      sum += stream->budget_ns[location];
    int64_t life = connection->end_ns - connection->start_ns;
    if (llabs(sum - life) > NS_PER_US) {
      printf("%s: connection %llu, %s: budget %.6f s of %.6f s\n", run->path,
             (unsigned long long)connection->id, stream_side_name((enum stream_side)side),
             time_to_s(sum), time_to_s(life));
      run->mismatches++;
    }
  }
}

static bool run_case(const char *path, bool verbose)
{
  struct run *run = calloc(1, sizeof *run);
  if (run == NULL)
    exit(2);
  run->path = path;
  read_head(run);
  case_run_load(&run->made, path);
  case_run_analyze(&run->made);
  for (unsigned i = 0; i < run->expect_count; i++)
    check(run, &run->expects[i]);
  for (unsigned i = 0; i < run->made.finding_count; i++)
    check_finding_is_sound(run, &run->made.findings[i].finding);
  for (unsigned i = 0; i < run->made.connection_count && i < CASE_CONNECTIONS_MAX; i++)
    check_budget(run, &run->made.connections[i]);
  bool good = run->mismatches == 0;
  if (!good || verbose)
    case_run_print(&run->made);
  case_trace_clear(&run->made.trace);
  free(run);
  return good;
}

int main(int argc, char **argv)
{
  bool verbose = argc > 1 && strcmp(argv[1], "-v") == 0;
  int first = verbose ? 2 : 1;
  if (first >= argc) {
    fprintf(stderr, "usage: run_cases [-v] CASE...\n");
    return 2;
  }
  unsigned failed = 0;
  for (int i = first; i < argc; i++)
    failed += !run_case(argv[i], verbose);
  if (argc - first > 1)
    printf("%d cases, %u with mismatches\n", argc - first, failed);
  return failed > 0 ? 1 : 0;
}
