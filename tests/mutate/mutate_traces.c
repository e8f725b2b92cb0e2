/* Spoils captures a little, in every way of mutations.c at every packet, and looks for a proof that
 * this makes: a location called proven that is not the one of the unspoilt trace.
 *
 *   mutate_traces [--every N] [-v] FILE...
 *   mutate_traces --show MUTATION END PACKET FILE
 *
 * FILE is a rule case (tests/cases) or a recording; several recordings joined by commas are the
 * ends of one path. --every: only every Nth packet. --show: what is found in one
 * of them. Prints each kind of wrong proof once for each
 * file, and a table of what was tried. Exit status: 0 none, 1 some, 2 a file cannot be used. */

#include "analyzer/cause.h"
#include "tests/cases/case_run.h"
#include "tests/mutate/mutations.h"
#include "wire/timestamp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A finding is about the same wait as another if they have so much of it in common. */
#define SAME_WAIT_PERCENT 50
/* Times of findings differ by so much without meaning another wait. */
#define SLACK_NS       (50 * NS_PER_MS)
#define PATH_MAX_BYTES 1024

struct totals {
  unsigned long tried[64], proven[64], wrong[64];
  unsigned long files, kept, of_proven;
};

struct truth {
  struct case_run *base;
  struct case_run *mutant;
  const struct mutation *mutation;
  int64_t slack_ns;
};

static const struct connection_summary *summary_of(const struct case_run *run, uint64_t id)
{
  for (unsigned i = 0; i < run->connection_count && i < CASE_CONNECTIONS_MAX; i++)
    if (run->connections[i].id == id)
      return &run->connections[i];
  return NULL;
}

/* Ids and roles may change; addresses do not. */
static bool is_same_sender(const struct case_run *a, const struct case_finding *of_a,
                           const struct case_run *b, const struct case_finding *of_b)
{
  const struct connection_summary *x = summary_of(a, of_a->connection);
  const struct connection_summary *y = summary_of(b, of_b->connection);
  if (x == NULL || y == NULL)
    return false;
  const struct endpoint *s = of_a->finding.sender == SIDE_CLIENT ? &x->client : &x->server;
  const struct endpoint *t = of_b->finding.sender == SIDE_CLIENT ? &y->client : &y->server;
  return s->port == t->port && memcmp(&s->address, &t->address, sizeof s->address) == 0;
}

static int64_t common_ns(const struct finding *a, const struct finding *b, int64_t slack_ns)
{
  const int64_t from = a->start_ns > b->start_ns - slack_ns ? a->start_ns : b->start_ns - slack_ns;
  const int64_t until = a->end_ns < b->end_ns + slack_ns ? a->end_ns : b->end_ns + slack_ns;
  return until - from;
}

/* What the unspoilt trace says of that time: the location of the finding that has most of it. The
 * same location anywhere in most of it is good. */
static bool is_true(const struct truth *truth, const struct case_finding *told,
                    const struct case_finding **was)
{
  const struct finding *finding = &told->finding;
  const int64_t length_ns = finding->end_ns - finding->start_ns;
  int64_t most_ns = -1;
  bool covered = false, same = false, touched = false;
  *was = NULL;
  for (unsigned i = 0; i < truth->base->finding_count; i++) {
    const struct case_finding *other = &truth->base->findings[i];
    if (other->finding.kind == FINDING_MISMATCH ||
        !is_same_sender(truth->base, other, truth->mutant, told))
      continue;
    const int64_t ns = common_ns(finding, &other->finding, truth->slack_ns);
    if (ns < 0)
      continue;
    const bool most = time_is_share(ns, length_ns, SAME_WAIT_PERCENT) || length_ns == 0;
    const bool equal = other->finding.location == finding->location;
    covered |= most;
    same |= most && equal;
    touched |= equal;
    if (ns > most_ns) {
      most_ns = ns;
      *was = other;
    }
  }
  /* A pause behind the end of a message is told as such where the end itself was not captured. */
  const bool pause = finding->severity == SEVERITY_INFO &&
                     finding->location == LOCATION_SENDER_APP && *was == NULL;
  return same || (!covered && touched) || pause;
}

static void print_wrong(const struct truth *truth, unsigned end, size_t at,
                        const struct case_finding *told, const struct case_finding *was)
{
  printf("%s: %s at %c, packet %zu: %s %s proven (%.3f s, %s %s)", truth->base->path,
         truth->mutation->name, 'A' + end, at + 1, location_name(told->finding.location),
         cause_info(told->finding.cause)->code,
         time_to_s(told->finding.end_ns - told->finding.start_ns),
         finding_kind_name(told->finding.kind), severity_name(told->finding.severity));
  if (was != NULL)
    printf(", was %s %s %s\n", location_name(was->finding.location),
           cause_info(was->finding.cause)->code, confidence_name(was->finding.confidence));
  else
    printf(", was nothing\n");
}

/* "FILE: MUTATION: LOCATION", as known.txt beside this file has it. */
static bool is_known(const struct truth *truth, const struct case_finding *told)
{
  const char *name = strrchr(truth->base->path, '/');
  char line[256], text[256];
  FILE *file = fopen(KNOWN_FILE, "r");
  bool known = false;
  name = name == NULL ? truth->base->path : name + 1;
  snprintf(text, sizeof text, "%.*s: %s: %s", (int)strcspn(name, "."), name, truth->mutation->name,
           location_name(told->finding.location));
  while (file != NULL && !known && fgets(line, sizeof line, file) != NULL) {
    line[strcspn(line, "\r\n")] = '\0';
    known = strcmp(line, text) == 0;
  }
  if (file != NULL)
    fclose(file);
  return known;
}

/* Number of wrong proofs. */
static unsigned check(const struct truth *truth, struct totals *totals, unsigned end, size_t at,
                      bool print)
{
  unsigned wrong = 0;
  const size_t kind = (size_t)(truth->mutation - mutations);
  totals->tried[kind]++;
  for (unsigned i = 0; i < truth->mutant->finding_count; i++) {
    const struct case_finding *told = &truth->mutant->findings[i];
    const struct case_finding *was;
    if (told->finding.confidence != CONFIDENCE_PROVEN || told->finding.kind == FINDING_MISMATCH)
      continue;
    totals->proven[kind]++;
    if (is_true(truth, told, &was) || is_known(truth, told))
      continue;
    if (wrong++ == 0 && print)
      print_wrong(truth, end, at, told, was);
  }
  totals->wrong[kind] += wrong;
  return wrong;
}

static void number_frames(struct case_end *end)
{
  for (size_t i = 0; i < end->count; i++)
    end->packets[i].frame = i + 1;
}

/* One kind of mutation at one end, at each packet. */
static unsigned mutate_end(struct truth *truth, struct totals *totals, unsigned number,
                           unsigned every, bool verbose)
{
  const struct case_end *from = &truth->base->trace.ends[number];
  struct case_end room = *from;
  unsigned wrong = 0;
  room.packets = malloc((from->count + 1) * sizeof *room.packets);
  room.samples = malloc((from->sample_count + 1) * sizeof *room.samples);
  if (room.packets == NULL || room.samples == NULL)
    exit(2);
  memcpy(truth->mutant, truth->base, sizeof *truth->mutant);
  if (truth->mutation->loses)
    truth->mutant->drops[number] = CASE_DROPS_UNKNOWN;
  for (size_t at = 0; at < from->count; at += truth->mutation->once ? from->count : every) {
    struct case_end *to = &truth->mutant->trace.ends[number];
    *to = room;
    to->sample_count = from->sample_count;
    if (from->sample_count > 0)
      memcpy(to->samples, from->samples, from->sample_count * sizeof *from->samples);
    if (!truth->mutation->apply(truth->mutation, from, at, to))
      continue;
    number_frames(to);
    case_run_analyze(truth->mutant);
    wrong += check(truth, totals, number, at, verbose || wrong == 0);
  }
  free(room.packets);
  free(room.samples);
  return wrong;
}

static void load(struct case_run *run, const char *path, char names[PATH_MAX_BYTES])
{
  const size_t length = strlen(path);
  if (length > 4 && strcmp(path + length - 4, ".txt") == 0) {
    case_run_load(run, path);
    return;
  }
  snprintf(names, PATH_MAX_BYTES, "%s", path);
  char *rest = NULL;
  for (char *name = strtok_r(names, ",", &rest); name != NULL; name = strtok_r(NULL, ",", &rest))
    case_run_add_recording(run, name);
  run->path = path;
}

static unsigned mutate_file(const char *path, struct totals *totals, unsigned every, bool verbose)
{
  char names[PATH_MAX_BYTES];
  struct truth truth = {.base = calloc(1, sizeof *truth.base),
                        .mutant = calloc(1, sizeof *truth.mutant)};
  unsigned wrong = 0;
  if (truth.base == NULL || truth.mutant == NULL)
    exit(2);
  load(truth.base, path, names);
  case_run_analyze(truth.base);
  totals->files++;
  for (unsigned m = 0; m < mutation_count; m++) {
    truth.mutation = &mutations[m];
    truth.slack_ns = SLACK_NS + (mutations[m].steps ? llabs(mutations[m].amount) : 0);
    for (unsigned end = 0; end < truth.base->trace.end_count; end++)
      wrong += mutate_end(&truth, totals, end, every, verbose);
  }
  case_trace_clear(&truth.base->trace);
  free(truth.base);
  free(truth.mutant);
  return wrong;
}

/* END: "A", ...; PACKET: from 1. */
static int show(const char *name, const char *end, const char *packet, const char *path)
{
  static struct case_run run;
  char names[PATH_MAX_BYTES];
  const unsigned number = (unsigned)(end[0] - 'A');
  const size_t at = strtoul(packet, NULL, 10) - 1;
  load(&run, path, names);
  for (unsigned m = 0; m < mutation_count; m++) {
    if (strcmp(mutations[m].name, name) != 0 || number >= run.trace.end_count)
      continue;
    const struct case_end from = run.trace.ends[number];
    struct case_end *to = &run.trace.ends[number];
    to->packets = calloc(from.count + 1, sizeof *to->packets);
    to->samples = calloc(from.sample_count + 1, sizeof *to->samples);
    if (to->packets == NULL || to->samples == NULL)
      exit(2);
    if (from.sample_count > 0)
      memcpy(to->samples, from.samples, from.sample_count * sizeof *from.samples);
    if (mutations[m].loses)
      run.drops[number] = CASE_DROPS_UNKNOWN;
    if (at >= from.count || !mutations[m].apply(&mutations[m], &from, at, to))
      return 2;
    number_frames(to);
    case_run_analyze(&run);
    case_run_print(&run);
    for (uint32_t piece = 0; piece < run.clock.piece_count; piece++)
      printf("  clock of B: offset %.6f s, uncertainty %.6f s\n",
             time_to_s(run.clock.pieces[piece].offset_ns),
             time_to_s(run.clock.pieces[piece].uncertainty_ns));
    free(from.packets);
    free(from.samples);
    case_trace_clear(&run.trace);
    return 0;
  }
  return 2;
}

static void print_table(const struct totals *totals)
{
  unsigned long tried = 0, proven = 0, wrong = 0;
  printf("%-40s %9s %9s %7s\n", "", "spoilt", "proofs", "wrong");
  for (unsigned m = 0; m < mutation_count; m++) {
    printf("%-40s %9lu %9lu %7lu\n", mutations[m].name, totals->tried[m], totals->proven[m],
           totals->wrong[m]);
    tried += totals->tried[m];
    proven += totals->proven[m];
    wrong += totals->wrong[m];
  }
  printf("%lu files %*s %9lu %9lu %7lu\n", totals->files, 33, "", tried, proven, wrong);
}

int main(int argc, char **argv)
{
  setvbuf(stdout, NULL, _IOLBF, 0);
  struct totals totals = {.files = 0};
  unsigned every = 1, wrong = 0;
  bool verbose = false;
  int first = 1;
  if (argc == 6 && strcmp(argv[1], "--show") == 0)
    return show(argv[2], argv[3], argv[4], argv[5]);
  for (; first < argc && argv[first][0] == '-'; first++) {
    if (strcmp(argv[first], "-v") == 0)
      verbose = true;
    else if (strcmp(argv[first], "--every") == 0 && first + 1 < argc)
      every = (unsigned)strtoul(argv[++first], NULL, 10);
  }
  if (first >= argc || every == 0) {
    fprintf(stderr, "usage: mutate_traces [--every N] [-v] FILE...\n");
    return 2;
  }
  for (int i = first; i < argc; i++)
    wrong += mutate_file(argv[i], &totals, every, verbose);
  print_table(&totals);
  return wrong > 0 ? 1 : 0;
}
