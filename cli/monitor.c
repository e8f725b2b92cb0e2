#include "cli/monitor.h"

#include "cli/study.h"
#include "wire/error.h"
#include "wire/host_sample.h"
#include "wire/timestamp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_WINDOW_BYTES  (UINT64_C(128) << 20)
#define DEFAULT_WINDOW_NS     (10 * NS_PER_S)
#define DEFAULT_STUDY_PACKETS 60000u
#define DEFAULT_CONNECTIONS   100000u

/* A verdict of both ends is not waited for longer than this: then the engine's own is told. With
 * the longest tick and the capture's own delay it stays well below a second. */
#define PATIENCE_NS (300 * NS_PER_MS)
#define RETRY_NS    (50 * NS_PER_MS)
/* After the end of a wait so long for what follows it: the released burst, the answers. */
#define SETTLE_NS (300 * NS_PER_MS)
/* What lasts is studied again after half of its length, within these. */
#define AGAIN_MIN_NS (500 * NS_PER_MS)
#define AGAIN_MAX_NS (10 * NS_PER_S)
/* Studies take a tenth of a processor at the most: some 2 us a packet. */
#define STUDY_PAUSE_NS (20 * NS_PER_US)
/* What comes over a network may be so late. */
#define REMOTE_DELAY_NS   (300 * NS_PER_MS)
#define CONNECTIONS_KNOWN 1024u
#define PAST_MAX          64u
/* Two waits that have so much of the shorter one in common are the same. */
#define SAME_WAIT_PERCENT 80

/* What one end's engine says about a wait. */
struct noticed {
  bool used, over;
  uint64_t connection; /* the engine's ids */
  uint32_t finding;
};

struct stall {
  uint32_t id; /* 0: the slot is free */
  uint32_t connection;
  enum finding_kind kind;
  struct endpoint sender, receiver; /* as at the end that noticed it first */
  uint8_t end;                      /* that one, on whose clock these are: */
  int64_t noticed_ns, over_ns;      /* over_ns: INT64_MAX while it lasts */
  int64_t due_ns;                   /* of its next study, on the monitor's clock */
  struct noticed noticed[ANALYZER_ENDS_MAX];
  /* The surest that one of them says, and the connection then. */
  uint8_t own_end;
  struct finding own;
  struct connection_summary summary;
  bool told;
  struct study_verdict *both; /* the last verdict of both ends; NULL: there was none */
  struct finding last;        /* as told, without its texts' meaning: compared by its verdict */
  int64_t both_until_ns;      /* the monitor's clock then */
};

/* What was told and is over: another end's engine may come with it once more. */
struct past {
  uint32_t connection;
  enum finding_kind kind;
  struct endpoint sender;
  int64_t start_ns, end_ns;
};

struct known_connection {
  struct endpoint a, b;
  uint32_t number;
};

struct end_context {
  struct monitor *monitor;
  uint8_t end;
};

struct monitor {
  struct monitor_options options;
  struct monitor_sink sink;
  struct analyzer *engines[ANALYZER_ENDS_MAX];
  struct end_context contexts[ANALYZER_ENDS_MAX];
  struct monitor_window window;
  struct packet packet; /* the last one */
  bool big_endian[ANALYZER_ENDS_MAX];
  bool drops_known[ANALYZER_ENDS_MAX], drops[ANALYZER_ENDS_MAX];
  int64_t clock_ns;                   /* the last tick's complete_ns */
  int64_t last_ns[ANALYZER_ENDS_MAX]; /* latest frame's time; of remote ends: */
  int64_t came_ns[ANALYZER_ENDS_MAX]; /* when it came */
  struct stall stalls[MONITOR_STALLS_MAX];
  uint32_t last_id;
  struct past past[PAST_MAX];
  uint32_t past_next;
  struct known_connection known[CONNECTIONS_KNOWN];
  uint32_t connections;
  int64_t study_free_ns; /* no study before */
  bool finishing;
  struct monitor_stats stats;
};

void monitor_options_default(struct monitor_options *options)
{
  struct analyzer_options engine;
  analyzer_options_default(&engine);
  *options = (struct monitor_options){.ends = 1,
                                      .min_stall_ns = engine.min_stall_ns,
                                      .limits = {.window_bytes = DEFAULT_WINDOW_BYTES,
                                                 .window_ns = DEFAULT_WINDOW_NS,
                                                 .study_packets = DEFAULT_STUDY_PACKETS,
                                                 .connections = DEFAULT_CONNECTIONS}};
}

/* ---- telling ---- */

static void release(struct stall *stall)
{
  free(stall->both);
  *stall = (struct stall){.id = 0};
}

static uint32_t number_of(struct monitor *monitor, const struct endpoint *a,
                          const struct endpoint *b)
{
  for (uint32_t i = 0; i < CONNECTIONS_KNOWN && i < monitor->connections; i++) {
    const struct known_connection *known = &monitor->known[i];
    if ((endpoint_equals(&known->a, a) && endpoint_equals(&known->b, b)) ||
        (endpoint_equals(&known->a, b) && endpoint_equals(&known->b, a)))
      return known->number;
  }
  const uint32_t number = ++monitor->connections;
  monitor->known[(number - 1) % CONNECTIONS_KNOWN] = (struct known_connection){*a, *b, number};
  return number;
}

static bool says_the_same(const struct finding *a, const struct finding *b)
{
  return a->location == b->location && a->cause == b->cause && a->confidence == b->confidence &&
         a->cause_confidence == b->cause_confidence && a->severity == b->severity;
}

static struct past past_of(const struct stall *stall, const struct finding *finding,
                           const struct endpoint *sender)
{
  return (struct past){.connection = stall->connection,
                       .kind = finding->kind,
                       .sender = *sender,
                       .start_ns = finding->start_ns,
                       .end_ns = finding->end_ns};
}

static bool is_same_wait(const struct past *a, const struct past *b)
{
  const int64_t from_ns = a->start_ns > b->start_ns ? a->start_ns : b->start_ns;
  const int64_t until_ns = a->end_ns < b->end_ns ? a->end_ns : b->end_ns;
  const int64_t a_ns = a->end_ns - a->start_ns, b_ns = b->end_ns - b->start_ns;
  return a->connection == b->connection && a->kind == b->kind && until_ns >= from_ns &&
         endpoint_equals(&a->sender, &b->sender) &&
         time_is_share(until_ns - from_ns, a_ns < b_ns ? a_ns : b_ns, SAME_WAIT_PERCENT);
}

/* The study's finding is one that was told under another id. */
static bool was_told_already(const struct monitor *monitor, const struct stall *stall,
                             const struct study_verdict *verdict)
{
  const struct connection_summary *summary = &verdict->connection;
  const struct past now =
      past_of(stall, &verdict->finding,
              verdict->finding.sender == SIDE_CLIENT ? &summary->client : &summary->server);
  for (uint32_t i = 0; i < PAST_MAX; i++)
    if (monitor->past[i].connection != 0 && is_same_wait(&monitor->past[i], &now))
      return true;
  for (uint32_t i = 0; i < MONITOR_STALLS_MAX; i++) {
    const struct stall *other = &monitor->stalls[i];
    if (other == stall || other->id == 0 || !other->told)
      continue;
    const struct past told = past_of(other, &other->last, &other->sender);
    if (is_same_wait(&told, &now))
      return true;
  }
  return false;
}

/* verdict: of both ends; NULL: the engine's own. */
static void tell(struct monitor *monitor, struct stall *stall, const struct study_verdict *verdict)
{
  struct finding finding = verdict != NULL ? verdict->finding : stall->own;
  const bool over = stall->over_ns != INT64_MAX;
  if (!stall->told && finding.severity != SEVERITY_PROBLEM)
    return;
  if (stall->told && !over && says_the_same(&finding, &stall->last))
    return;
  finding.id = stall->id;
  finding.state = over ? FINDING_CLOSED : stall->told ? FINDING_REVISED : FINDING_OPEN;
  const struct connection_summary *summary =
      verdict != NULL ? &verdict->connection : &stall->summary;
  const bool client = finding.sender == SIDE_CLIENT;
  const struct monitor_event event = {.id = stall->id,
                                      .connection = stall->connection,
                                      .summary = summary,
                                      .level = verdict != NULL               ? verdict->level
                                               : summary->sampled_sides != 0 ? EVIDENCE_WITH_SOCKETS
                                                                             : EVIDENCE_ONE_END,
                                      .pair = verdict != NULL ? &verdict->pair : NULL,
                                      .finding = &finding,
                                      .sender_end = summary->end,
                                      .sender = client ? summary->client : summary->server,
                                      .receiver = client ? summary->server : summary->client};
  stall->told = true;
  stall->last = finding;
  monitor->stats.events++;
  if (over)
    monitor->past[monitor->past_next++ % PAST_MAX] = past_of(stall, &finding, &event.sender);
  if (monitor->sink.event != NULL)
    monitor->sink.event(monitor->sink.context, &event);
}

/* ---- studying ---- */

/* The time that an end's capture has reached. */
static int64_t end_clock_ns(const struct monitor *monitor, uint32_t end)
{
  if (!monitor->options.remote[end])
    return monitor->clock_ns;
  if (!time_is_valid(monitor->last_ns[end]))
    return TIME_INVALID;
  return monitor->last_ns[end] + (monitor->clock_ns - monitor->came_ns[end]) - REMOTE_DELAY_NS;
}

/* A time of that end on this host's clock, about. */
static int64_t here_ns(const struct monitor *monitor, uint32_t end, int64_t time_ns)
{
  const int64_t end_ns = end_clock_ns(monitor, end);
  return monitor->options.remote[end] && time_is_valid(end_ns)
             ? time_ns - end_ns - REMOTE_DELAY_NS + monitor->clock_ns
             : time_ns;
}

static uint32_t ends_that_saw(const struct monitor *monitor, const struct window_part *part)
{
  uint32_t saw = 0;
  for (uint32_t end = 0; end < monitor->options.ends; end++)
    saw += part->counts[end] > 0;
  return saw;
}

static int study_part(struct monitor *monitor, const struct stall *stall,
                      const struct window_part *part, struct study_verdict *verdict)
{
  const bool over = stall->over_ns != INT64_MAX;
  struct study study = {.ends = monitor->options.ends,
                        .samples = part->samples,
                        .sample_count = part->sample_count,
                        .min_stall_ns = monitor->options.min_stall_ns,
                        .sender = stall->sender,
                        .receiver = stall->receiver,
                        .kind = stall->kind,
                        .end = stall->own_end,
                        .start_ns = stall->own.start_ns,
                        .end_ns = over ? stall->own.end_ns : end_clock_ns(monitor, stall->own_end),
                        .now_ns = end_clock_ns(monitor, 0),
                        .over = over};
  uint64_t packets = 0;
  for (uint32_t end = 0; end < study.ends; end++) {
    study.lanes[end] = (struct study_lane){.packets = part->packets[end],
                                           .count = part->counts[end],
                                           .drops_known = monitor->drops_known[end],
                                           .drops = monitor->drops[end]};
    packets += part->counts[end];
  }
  monitor->stats.studies++;
  monitor->stats.studied_packets += packets;
  monitor->study_free_ns = monitor->clock_ns + (int64_t)packets * STUDY_PAUSE_NS;
  return study_run(&study, verdict);
}

enum studied {
  STUDIED_ALONE, /* one end only has seen it, or memory was short */
  STUDIED_NOTHING,
  STUDIED_FOUND /* *verdict is that of both ends */
};

static enum studied study_stall(struct monitor *monitor, const struct stall *stall,
                                struct study_verdict *verdict)
{
  const int64_t start_ns = here_ns(monitor, stall->own_end, stall->own.start_ns);
  const struct window_wish wish = {.ends = monitor->options.ends,
                                   .a = stall->sender,
                                   .b = stall->receiver,
                                   .from_ns = start_ns - monitor->options.limits.window_ns,
                                   .start_ns = start_ns,
                                   .end_ns = here_ns(monitor, stall->own_end, stall->own.end_ns),
                                   .packets_max = monitor->options.limits.study_packets};
  struct window_part part;
  int found = monitor_window_take(&monitor->window, &wish, &part);
  const bool alone = found != 0 || ends_that_saw(monitor, &part) < 2;
  if (!alone)
    found = study_part(monitor, stall, &part, verdict);
  window_part_free(&part);
  if (found < 0)
    monitor->stats.out_of_memory++;
  if (alone || found < 0)
    return STUDIED_ALONE;
  return found > 0 ? STUDIED_FOUND : STUDIED_NOTHING;
}

static int64_t again_ns(const struct stall *stall, int64_t now_ns)
{
  const int64_t half_ns = (now_ns - stall->noticed_ns) / 2;
  if (half_ns < AGAIN_MIN_NS)
    return now_ns + AGAIN_MIN_NS;
  return now_ns + (half_ns < AGAIN_MAX_NS ? half_ns : AGAIN_MAX_NS);
}

/* It was noticed away from the sender, whose own end would know. */
static bool is_hearsay(const struct stall *stall)
{
  const enum vantage vantage = stall->summary.vantage;
  return vantage == (stall->own.sender == SIDE_CLIENT ? VANTAGE_SERVER : VANTAGE_CLIENT);
}

/* What both ends said last, brought to its end. */
static void tell_last_of_both(struct monitor *monitor, struct stall *stall)
{
  struct finding *finding = &stall->both->finding;
  finding->end_ns += here_ns(monitor, stall->own_end, stall->own.end_ns) - stall->both_until_ns;
  finding->waited_ns = finding->end_ns - finding->start_ns;
  finding->ended_by = stall->own.ended_by;
  tell(monitor, stall, stall->both);
}

/* Both ends together say nothing of it, now: where several have seen the connection, one end's
 * engine is only believed if it stands at the sender, and after a while. */
static void tell_own(struct monitor *monitor, struct stall *stall, bool seen_by_several)
{
  const bool over = stall->over_ns != INT64_MAX;
  const int64_t now_ns = monitor->clock_ns;
  const bool impatient = now_ns - stall->noticed_ns >= PATIENCE_NS;
  stall->due_ns = impatient ? again_ns(stall, now_ns) : now_ns + RETRY_NS;
  /* What one end alone makes of it, late, is nothing; before, it has to stand at the sender. */
  const bool believed = over ? stall->told : stall->both == NULL && impatient && !is_hearsay(stall);
  if (over && stall->both != NULL && seen_by_several)
    tell_last_of_both(monitor, stall);
  else if (believed || !seen_by_several)
    tell(monitor, stall, NULL);
}

static void tell_both(struct monitor *monitor, struct stall *stall,
                      const struct study_verdict *verdict)
{
  if (stall->told || !was_told_already(monitor, stall, verdict))
    tell(monitor, stall, verdict);
  if (stall->both == NULL)
    stall->both = malloc(sizeof *stall->both);
  if (stall->both != NULL)
    *stall->both = *verdict;
  stall->both_until_ns = monitor->clock_ns;
  stall->due_ns = again_ns(stall, monitor->clock_ns);
}

static void consider(struct monitor *monitor, struct stall *stall)
{
  const bool over = stall->over_ns != INT64_MAX;
  const bool busy = monitor->clock_ns < monitor->study_free_ns && !monitor->finishing;
  struct study_verdict *verdict = NULL;
  if (monitor->options.ends == 1) {
    tell(monitor, stall, NULL);
    stall->due_ns = INT64_MAX;
  } else if (busy && over) {
    return;
  } else if (busy) {
    tell_own(monitor, stall, true);
  } else if ((verdict = malloc(sizeof *verdict)) != NULL) {
    const enum studied studied = study_stall(monitor, stall, verdict);
    if (studied == STUDIED_FOUND)
      tell_both(monitor, stall, verdict);
    else
      tell_own(monitor, stall, studied != STUDIED_ALONE);
  }
  free(verdict);
  if (over)
    release(stall);
}

/* ---- what the engines notice ---- */

static bool is_of_stall(const struct stall *stall, uint8_t end, uint64_t connection,
                        uint32_t finding)
{
  const struct noticed *noticed = &stall->noticed[end];
  return stall->id != 0 && noticed->used && noticed->connection == connection &&
         noticed->finding == finding;
}

/* Another end's word about the same wait: it began there no more than a window apart. */
static bool is_seen_elsewhere(const struct stall *stall, uint8_t end, const struct finding *finding,
                              const struct endpoint *sender, const struct endpoint *receiver)
{
  return stall->id != 0 && !stall->noticed[end].used && stall->kind == finding->kind &&
         endpoint_equals(&stall->sender, sender) && endpoint_equals(&stall->receiver, receiver);
}

static struct stall *find_stall(struct monitor *monitor, uint8_t end, uint64_t connection,
                                const struct finding *finding, const struct endpoint *sender,
                                const struct endpoint *receiver)
{
  for (uint32_t i = 0; i < MONITOR_STALLS_MAX; i++)
    if (is_of_stall(&monitor->stalls[i], end, connection, finding->id))
      return &monitor->stalls[i];
  for (uint32_t i = 0; i < MONITOR_STALLS_MAX; i++)
    if (is_seen_elsewhere(&monitor->stalls[i], end, finding, sender, receiver))
      return &monitor->stalls[i];
  return NULL;
}

static struct stall *new_stall(struct monitor *monitor)
{
  for (uint32_t i = 0; i < MONITOR_STALLS_MAX; i++) {
    struct stall *stall = &monitor->stalls[i];
    if (stall->id != 0)
      continue;
    *stall = (struct stall){.id = ++monitor->last_id,
                            .noticed_ns = monitor->clock_ns,
                            .over_ns = INT64_MAX,
                            .due_ns = monitor->clock_ns};
    return stall;
  }
  monitor->stats.stalls_left_out++;
  return NULL;
}

static bool is_over_everywhere(const struct stall *stall)
{
  for (uint32_t end = 0; end < ANALYZER_ENDS_MAX; end++)
    if (stall->noticed[end].used && !stall->noticed[end].over)
      return false;
  return true;
}

/* The end that is surest of it speaks for itself; of equal ones the one that noticed it first. */
static void note(struct monitor *monitor, struct stall *stall, uint8_t end,
                 const struct connection_summary *summary, const struct finding *finding)
{
  struct noticed *noticed = &stall->noticed[end];
  const bool first = !stall->told && stall->own.evidence_count == 0 && stall->own.id == 0;
  *noticed = (struct noticed){true, finding->state == FINDING_CLOSED, summary->id, finding->id};
  if (first || end == stall->own_end || finding->confidence > stall->own.confidence) {
    stall->own_end = end;
    stall->own = *finding;
    stall->summary = *summary;
  }
  const int64_t now_ns = monitor->clock_ns;
  if (is_over_everywhere(stall)) {
    stall->over_ns = now_ns;
    stall->due_ns = now_ns + SETTLE_NS;
  } else if (stall->over_ns == INT64_MAX) {
    stall->due_ns = now_ns;
  }
}

static void take_finding(void *context, const struct connection_summary *summary,
                         const struct finding *finding)
{
  const struct end_context *at = context;
  struct monitor *monitor = at->monitor;
  const bool client = finding->sender == SIDE_CLIENT;
  const struct endpoint *sender = client ? &summary->client : &summary->server;
  const struct endpoint *receiver = client ? &summary->server : &summary->client;
  struct stall *stall = find_stall(monitor, at->end, summary->id, finding, sender, receiver);
  if (stall == NULL && finding->severity != SEVERITY_PROBLEM)
    return;
  if (stall == NULL && (stall = new_stall(monitor)) != NULL) {
    stall->kind = finding->kind;
    stall->sender = *sender;
    stall->receiver = *receiver;
    stall->end = at->end;
    stall->connection = number_of(monitor, sender, receiver);
  }
  if (stall != NULL)
    note(monitor, stall, at->end, summary, finding);
}

/* ---- what comes ---- */

struct monitor *monitor_new(const struct monitor_options *options, const struct monitor_sink *sink)
{
  struct monitor *monitor = calloc(1, sizeof *monitor);
  if (monitor == NULL)
    return NULL;
  monitor->options = *options;
  monitor->sink = *sink;
  monitor->clock_ns = TIME_INVALID;
  struct analyzer_options engine;
  analyzer_options_default(&engine);
  engine.min_stall_ns = options->min_stall_ns;
  engine.limits.connections = options->limits.connections;
  engine.limits.half_open = options->limits.connections / 8 + 1;
  engine.limits.findings_per_connection = UINT32_MAX;
  bool ready = monitor_window_init(&monitor->window, options->limits.window_bytes) == 0;
  for (uint32_t end = 0; end < options->ends && ready; end++) {
    monitor->contexts[end] = (struct end_context){monitor, (uint8_t)end};
    monitor->last_ns[end] = TIME_INVALID;
    const struct analyzer_sink engine_sink = {.context = &monitor->contexts[end],
                                              .finding = take_finding};
    monitor->engines[end] = analyzer_new(&engine, &engine_sink);
    ready = monitor->engines[end] != NULL;
  }
  if (ready)
    return monitor;
  monitor_free(monitor);
  return NULL;
}

void monitor_free(struct monitor *monitor)
{
  if (monitor == NULL)
    return;
  for (uint32_t end = 0; end < monitor->options.ends; end++)
    analyzer_free(monitor->engines[end]);
  for (uint32_t i = 0; i < MONITOR_STALLS_MAX; i++)
    free(monitor->stalls[i].both);
  monitor_window_free(&monitor->window);
  free(monitor);
}

const struct packet *monitor_frame(struct monitor *monitor, uint32_t end, const struct frame *frame)
{
  struct packet *packet = &monitor->packet;
  if (end >= monitor->options.ends)
    return NULL;
  packet_decode(frame, packet);
  packet->end = (uint8_t)end;
  monitor->stats.frames++;
  monitor->last_ns[end] = packet->time_ns;
  monitor->came_ns[end] = monitor->clock_ns;
  monitor_window_add(&monitor->window, packet,
                     monitor->options.remote[end] ? monitor->clock_ns : packet->time_ns);
  if (analyzer_packet(monitor->engines[end], packet) != 0)
    monitor->stats.out_of_memory++;
  return packet;
}

static bool is_big_endian(const struct sample_record *record, bool was)
{
  const char *value;
  size_t size;
  if (record->type != SAMPLE_HEADER || !sample_text_value(record, "byte_order", &value, &size))
    return was;
  return size == 3 && memcmp(value, "big", size) == 0;
}

void monitor_records(struct monitor *monitor, uint32_t end, int64_t time_ns,
                     const struct sample_records *records, bool big_endian)
{
  struct sample_records left = *records;
  struct sample_record record;
  uint32_t before_ns = 0;
  monitor->stats.samples++;
  while (end < monitor->options.ends && sample_next(&left, &record)) {
    struct host_sample sample = {.number = records->number, .interface = end, .end = (uint8_t)end};
    if (host_sample_is_late(&record, &before_ns) ||
        !host_sample_read(&sample, &record, big_endian, time_ns))
      continue;
    monitor_window_add_sample(&monitor->window, &sample,
                              monitor->options.remote[end] ? monitor->clock_ns : sample.time_ns);
    analyzer_sample(monitor->engines[end], &sample);
  }
}

void monitor_sample(struct monitor *monitor, uint32_t end, int64_t time_ns, const uint8_t *bytes,
                    size_t size)
{
  struct sample_records records;
  struct sample_record record;
  if (end >= monitor->options.ends || sample_open(&records, bytes, size) != SAMPLE_OK)
    return;
  struct sample_records all = records;
  while (sample_next(&all, &record))
    monitor->big_endian[end] = is_big_endian(&record, monitor->big_endian[end]);
  monitor_records(monitor, end, time_ns, &records, monitor->big_endian[end]);
}

void monitor_drops(struct monitor *monitor, uint32_t end, bool drops)
{
  monitor->drops_known[end] = true;
  monitor->drops[end] = drops;
  if (drops)
    analyzer_declare_drops(monitor->engines[end], (uint8_t)end);
  else
    analyzer_declare_complete(monitor->engines[end], (uint8_t)end);
}

/* Those first that have had no verdict of both ends yet: where many stop at once, there is not time
 * for all. */
static void consider_all(struct monitor *monitor, bool first)
{
  for (uint32_t i = 0; i < MONITOR_STALLS_MAX; i++) {
    struct stall *stall = &monitor->stalls[i];
    if (stall->id != 0 && (stall->both == NULL) == first && stall->due_ns <= monitor->clock_ns)
      consider(monitor, stall);
  }
}

void monitor_tick(struct monitor *monitor, int64_t now_ns, int64_t complete_ns)
{
  const int64_t clock_ns = complete_ns < now_ns ? complete_ns : now_ns;
  if (!time_is_valid(
          monitor->clock_ns)) { /* nothing was told before; remote ends count from here */
    monitor->study_free_ns = clock_ns;
    for (uint32_t end = 0; end < monitor->options.ends; end++)
      monitor->came_ns[end] = clock_ns;
  }
  if (!time_is_valid(monitor->clock_ns) || clock_ns > monitor->clock_ns)
    monitor->clock_ns = clock_ns;
  for (uint32_t end = 0; end < monitor->options.ends; end++) {
    const int64_t end_ns = end_clock_ns(monitor, end);
    if (time_is_valid(end_ns))
      analyzer_advance(monitor->engines[end], end_ns);
  }
  consider_all(monitor, true);
  consider_all(monitor, false);
}

void monitor_finish(struct monitor *monitor)
{
  if (!time_is_valid(monitor->clock_ns))
    return;
  for (uint32_t end = 0; end < monitor->options.ends; end++)
    analyzer_finish(monitor->engines[end]);
  monitor->finishing = true;
  for (uint32_t i = 0; i < MONITOR_STALLS_MAX; i++)
    if (monitor->stalls[i].id != 0)
      consider(monitor, &monitor->stalls[i]);
}

void monitor_each_now(struct monitor *monitor, uint32_t end, analyzer_now_visit *visit,
                      void *context)
{
  const int64_t now_ns = end_clock_ns(monitor, end);
  if (time_is_valid(now_ns))
    analyzer_each_now(monitor->engines[end], now_ns, visit, context);
}

int monitor_take(const struct monitor *monitor, const struct window_wish *wish,
                 struct window_part *part)
{
  return monitor_window_take(&monitor->window, wish, part);
}

void monitor_get_stats(const struct monitor *monitor, struct monitor_stats *stats)
{
  *stats = monitor->stats;
}

void monitor_get_end_stats(const struct monitor *monitor, uint32_t end,
                           struct analyzer_stats *stats)
{
  analyzer_get_stats(monitor->engines[end], stats);
}
