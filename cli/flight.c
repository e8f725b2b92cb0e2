#include "cli/flight.h"

#include "cli/complain.h"
#include "cli/flight_keeper.h"
#include "cli/monitor.h"
#include "report/format.h"
#include "report/json_event.h"
#include "wire/timestamp.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* From the threshold to the verdict that starts the recording: a second, the promise. */
#define DETECTION_MAX_NS NS_PER_S
/* A stall that lasts is recorded no longer than this. */
#define FOLLOW_MAX_NS (120 * NS_PER_S)
/* What the user starts and ends goes on so long behind the end. */
#define HELD_NS (INT64_C(500) * NS_PER_MS)
/* A sender's host is suspected for so long before it is kicked, and again after each interval. */
#define KICK_AFTER_NS NS_PER_S
/* Of the memory, for the analysis; the rest is for what will be written. */
#define ANALYSIS_SHARE    2u
#define LINKTYPE_ETHERNET 1u
#define ETHERNET_BYTES    14u

/* Neighbours' link addresses, as seen in frames that left: kicks need them. */
#define NEIGHBOURS 256u
struct neighbour {
  struct ip_address src, dst;
  uint8_t end, ip_version; /* ip_version 0: free */
  uint8_t ether_dst[6], ether_src[6];
};

/* A finding that was told open. */
struct watched {
  uint32_t id;                                /* 0 = free */
  bool wanted;                                /* it is to be recorded */
  int64_t wanted_ns, suspected_ns, kicked_ns; /* TIME_INVALID: not (yet) */
  uint64_t kick_frame;
  uint8_t sender_end;
  struct endpoint sender, receiver;
};

struct flight {
  struct flight_setup setup;
  struct flight_options options;
  struct recorder *recorder;
  const struct flight_watcher *watcher; /* NULL = none */
  struct monitor *monitor;
  struct flight_keeper *keeper;
  struct recorder_observer observer;
  struct watched watched[MONITOR_STALLS_MAX];
  struct neighbour neighbours[NEIGHBOURS];
  bool away[RECORDER_ENDS_MAX]; /* the interface was, once */
  bool held;                    /* recording until the user ends it */
  int64_t now_ns, until_ns;     /* until_ns: recording, TIME_INVALID: not */
  struct flight_command last;   /* what is being recorded, for the command */
  struct flight_totals *totals; /* shared by both sides */
};

/* ---- telling ---- */

static const char *kind_words(enum finding_kind kind)
{
  return kind == FINDING_STALL ? "stall" : finding_kind_name(kind);
}

static void tell_line(const struct flight *flight, const struct monitor_event *event)
{
  const struct finding *finding = event->finding;
  const struct format_clock clock = {.base = REPORT_TIME_EPOCH, .digits = 6};
  const struct report_names nobody = {0};
  char now[FORMAT_TEXT_SIZE], lasted[FORMAT_TEXT_SIZE], ended[64] = "";
  char sender[FORMAT_ENDPOINT_SIZE], receiver[FORMAT_ENDPOINT_SIZE];
  format_time(&clock, flight->now_ns, now);
  format_duration(finding->waited_ns, lasted);
  format_endpoint(&nobody, 0, &event->sender, sender);
  format_endpoint(&nobody, 0, &event->receiver, receiver);
  if (finding->state == FINDING_CLOSED && finding->ended_by != ENDED_BY_UNKNOWN)
    snprintf(ended, sizeof ended, ", ended by %s", ended_by_name(finding->ended_by));
  complain("%s %s %" PRIu32 " %s: %s to %s, %s%s: %s, %s, %s. %s", now, kind_words(finding->kind),
           event->id, finding_state_name(finding->state), sender, receiver, lasted, ended,
           location_name(finding->location), cause_info(finding->cause)->code,
           confidence_name(finding->confidence), finding->summary);
}

static void tell_json(const struct flight *flight, const struct monitor_event *event)
{
  const struct json_event line = {.time_ns = flight->now_ns,
                                  .file =
                                      time_is_valid(flight->until_ns) ? flight->setup.file : NULL,
                                  .connection_id = event->connection,
                                  .summary = event->summary,
                                  .level = event->level,
                                  .finding = event->finding};
  json_event_write(stdout, &line);
}

static void note_for_command(struct flight *flight, const struct monitor_event *event)
{
  const struct finding *finding = event->finding;
  const struct report_names nobody = {0};
  struct flight_command *last = &flight->last;
  char endpoint[FORMAT_ENDPOINT_SIZE];
  *last = (struct flight_command){.id = event->id,
                                  .connection = event->connection,
                                  .start_ns = finding->start_ns,
                                  .duration_ns = finding->waited_ns};
  snprintf(last->kind, sizeof last->kind, "%s", finding_kind_name(finding->kind));
  snprintf(last->state, sizeof last->state, "%s", finding_state_name(finding->state));
  snprintf(last->location, sizeof last->location, "%s", location_name(finding->location));
  snprintf(last->cause, sizeof last->cause, "%s", cause_info(finding->cause)->code);
  snprintf(last->confidence, sizeof last->confidence, "%s", confidence_name(finding->confidence));
  snprintf(last->ended_by, sizeof last->ended_by, "%s", ended_by_name(finding->ended_by));
  format_endpoint(&nobody, 0, &event->sender, endpoint);
  snprintf(last->sender, sizeof last->sender, "%.*s", FLIGHT_TEXT_SIZE - 1, endpoint);
  format_endpoint(&nobody, 0, &event->receiver, endpoint);
  snprintf(last->receiver, sizeof last->receiver, "%.*s", FLIGHT_TEXT_SIZE - 1, endpoint);
  snprintf(last->summary, sizeof last->summary, "%s", finding->summary);
}

static void ask_for_command(const struct flight *flight, enum flight_event what)
{
  struct flight_request request = {.what = FLIGHT_RUN, .of.command = flight->last};
  request.of.command.event = what;
  if (flight->options.command != NULL && !recorder_ask(flight->recorder, &request, sizeof request))
    complain("--on-stall: too much at once, no command for number %" PRIu32, flight->last.id);
}

/* ---- recording ---- */

static void record(struct flight *flight)
{
  const int64_t until_ns = flight->now_ns + flight->options.after_ns;
  if (!time_is_valid(flight->until_ns))
    flight->totals->recordings++;
  if (!time_is_valid(flight->until_ns) || until_ns > flight->until_ns)
    flight->until_ns = until_ns;
  recorder_trigger(flight->recorder, flight->until_ns);
}

/* By the user's wish: a little further at each tick, so that it ends soon after the wish does. */
static void hold_on(struct flight *flight)
{
  flight->until_ns = flight->now_ns + HELD_NS;
  recorder_trigger(flight->recorder, flight->until_ns);
}

static void end_recording(struct flight *flight)
{
  flight->until_ns = TIME_INVALID;
  if (flight->setup.screen != NULL)
    return;
  if (!flight->setup.quiet)
    complain("number %" PRIu32 " is saved in %s%s", flight->last.id, flight->setup.file,
             flight->options.rearm ? "; waiting for the next one" : "");
  ask_for_command(flight, FLIGHT_SAVED);
  if (!flight->options.rearm)
    recorder_finish(flight->recorder);
}

/* ---- what is open ---- */

static struct watched *watch(struct flight *flight, const struct monitor_event *event)
{
  struct watched *free_one = NULL;
  for (uint32_t i = 0; i < MONITOR_STALLS_MAX; i++) {
    struct watched *watched = &flight->watched[i];
    if (watched->id == event->id)
      return watched;
    if (watched->id == 0 && free_one == NULL)
      free_one = watched;
  }
  if (free_one != NULL)
    *free_one = (struct watched){.id = event->id,
                                 .suspected_ns = TIME_INVALID,
                                 .kicked_ns = TIME_INVALID,
                                 .sender_end = event->sender_end,
                                 .sender = event->sender,
                                 .receiver = event->receiver};
  return free_one;
}

/* Nothing of the stream is under way, as far as is known: its own host has to act. */
static bool is_at_sender(const struct finding *finding)
{
  return finding->kind == FINDING_STALL && finding->severity == SEVERITY_PROBLEM &&
         (finding->location == LOCATION_SENDER_QUEUE || finding->location == LOCATION_SENDER_TCP ||
          finding->location == LOCATION_SENDER_APP);
}

static bool want(struct flight *flight, struct watched *watched, const struct finding *finding)
{
  if (watched->wanted || finding->severity != SEVERITY_PROBLEM ||
      !flight_filter_takes(&flight->options.filter, finding))
    return false;
  watched->wanted = true;
  watched->wanted_ns = flight->now_ns;
  return true;
}

/* The frames of the evidence as numbers of the file that they are in. */
static void number_frames(const struct flight *flight, struct finding *finding)
{
  for (uint32_t i = 0; i < finding->evidence_count; i++)
    if (finding->evidence[i].frame != 0)
      finding->evidence[i].frame =
          recorder_file_number(flight->recorder, finding->evidence[i].frame);
}

/* Told, and nothing else: it is recorded anyhow, or not at all. */
static void only_tell(struct flight *flight, const struct monitor_event *event)
{
  struct finding finding = *event->finding;
  struct monitor_event numbered = *event;
  numbered.finding = &finding;
  number_frames(flight, &finding);
  flight->totals->findings++;
  if (!flight->setup.quiet)
    tell_line(flight, &numbered);
  if (flight->options.json)
    tell_json(flight, &numbered);
}

static bool watches_only(const struct flight *flight)
{
  return !flight->options.on && flight->setup.screen == NULL;
}

static void on_event(void *context, const struct monitor_event *event)
{
  struct flight *flight = context;
  if (flight->watcher != NULL)
    flight->watcher->event(flight->watcher->context, event);
  if (watches_only(flight)) {
    only_tell(flight, event);
    return;
  }
  if (flight->setup.screen != NULL) {
    flight->totals->findings++;
    flight->setup.screen->event(flight->setup.screen->context, event);
    return;
  }
  struct watched *watched = watch(flight, event);
  const bool newly = watched != NULL && want(flight, watched, event->finding);
  const bool wanted = watched != NULL && watched->wanted;
  struct finding finding = *event->finding;
  struct monitor_event numbered = *event;
  numbered.finding = &finding;
  if (wanted) {
    record(flight);
    note_for_command(flight, event);
  }
  number_frames(flight, &finding);
  flight->totals->findings++;
  tell_line(flight, &numbered);
  if (flight->options.json)
    tell_json(flight, &numbered);
  if (newly)
    ask_for_command(flight, FLIGHT_DETECTED);
  if (watched == NULL)
    return;
  if (!is_at_sender(&finding))
    watched->suspected_ns = TIME_INVALID;
  else if (!time_is_valid(watched->suspected_ns))
    watched->suspected_ns = flight->now_ns;
  if (finding.state == FINDING_CLOSED)
    watched->id = 0;
}

/* ---- kicks ---- */

static uint32_t slot_of(uint8_t end, const struct ip_address *src, const struct ip_address *dst)
{
  uint32_t hash = end;
  for (unsigned i = 0; i < sizeof src->bytes; i++)
    hash = (hash ^ src->bytes[i] ^ (uint32_t)dst->bytes[i] << 8) * UINT32_C(0x01000193);
  return (hash ^ hash >> 16) % NEIGHBOURS;
}

static void note_neighbour(struct flight *flight, const struct frame *frame,
                           const struct packet *packet)
{
  if (frame->linktype != LINKTYPE_ETHERNET || frame->captured_bytes < ETHERNET_BYTES ||
      packet->direction != PACKET_DIR_OUT || packet->kind != PACKET_TCP)
    return;
  struct neighbour *neighbour =
      &flight->neighbours[slot_of(packet->end, &packet->src, &packet->dst)];
  neighbour->src = packet->src;
  neighbour->dst = packet->dst;
  neighbour->end = packet->end;
  neighbour->ip_version = packet->ip_version;
  memcpy(neighbour->ether_dst, frame->bytes, 6);
  memcpy(neighbour->ether_src, frame->bytes + 6, 6);
}

/* true: it goes by an interface and to a neighbour that are known. */
static bool request_kick(struct flight *flight, uint8_t end, const struct endpoint *from,
                         const struct endpoint *to)
{
  struct flight_request request = {.what = FLIGHT_KICK};
  struct kick_request *kick = &request.of.kick;
  const struct neighbour *neighbour =
      &flight->neighbours[slot_of(end, &from->address, &to->address)];
  kick->end = end;
  kick->ip_version = from->ip_version;
  kick->src = from->address;
  kick->dst = to->address;
  kick->src_port = from->port;
  kick->dst_port = to->port;
  kick->has_ether = neighbour->ip_version == kick->ip_version && neighbour->end == kick->end &&
                    memcmp(&neighbour->src, &kick->src, sizeof kick->src) == 0 &&
                    memcmp(&neighbour->dst, &kick->dst, sizeof kick->dst) == 0;
  memcpy(kick->ether_src, neighbour->ether_src, sizeof kick->ether_src);
  memcpy(kick->ether_dst, neighbour->ether_dst, sizeof kick->ether_dst);
  recorder_ask(flight->recorder, &request, sizeof request);
  return kick->has_ether;
}

static void ask_for_kick(struct flight *flight, struct watched *watched)
{
  watched->kicked_ns = flight->now_ns;
  request_kick(flight, watched->sender_end, &watched->sender, &watched->receiver);
}

static void kick_if_due(struct flight *flight, struct watched *watched)
{
  const int64_t now_ns = flight->now_ns;
  if (flight->options.kick == KICK_NONE || !watched->wanted ||
      !time_is_valid(watched->suspected_ns) || now_ns - watched->suspected_ns < KICK_AFTER_NS ||
      (time_is_valid(watched->kicked_ns) &&
       now_ns - watched->kicked_ns < flight->options.kick_interval_ns))
    return;
  ask_for_kick(flight, watched);
}

/* ---- what the recorder calls ---- */

static void on_frame(void *context, uint32_t end, const struct frame *frame)
{
  struct flight *flight = context;
  const struct packet *packet = monitor_frame(flight->monitor, end, frame);
  if (flight->watcher != NULL)
    flight->watcher->frame(flight->watcher->context, end, frame);
  if (packet == NULL || flight->options.kick == KICK_NONE)
    return;
  note_neighbour(flight, frame, packet);
  flight->totals->kicks +=
      (packet->facts & PACKET_KICK) != 0 && packet->direction == PACKET_DIR_OUT;
}

static void on_sample(void *context, uint32_t end, int64_t time_ns, const uint8_t *bytes,
                      size_t size)
{
  struct flight *flight = context;
  monitor_sample(flight->monitor, end, time_ns, bytes, size);
}

static void on_tick(void *context, int64_t now_ns, int64_t complete_ns)
{
  struct flight *flight = context;
  flight->now_ns = now_ns;
  for (uint32_t end = 0; end < flight->setup.end_count; end++)
    monitor_drops(flight->monitor, end,
                  flight->away[end] || recorder_dropped(flight->recorder, end) > 0);
  monitor_tick(flight->monitor, now_ns, complete_ns);
  if (flight->watcher != NULL) {
    const struct flight_now now = {flight->monitor, flight->recorder, flight->totals, now_ns};
    flight->watcher->tick(flight->watcher->context, &now);
  }
  for (uint32_t i = 0; i < MONITOR_STALLS_MAX; i++) {
    struct watched *watched = &flight->watched[i];
    if (watched->id == 0)
      continue;
    kick_if_due(flight, watched);
    if (watched->wanted && now_ns - watched->wanted_ns < FOLLOW_MAX_NS)
      record(flight);
  }
  if (flight->held)
    hold_on(flight);
  if (time_is_valid(flight->until_ns) && complete_ns > flight->until_ns)
    end_recording(flight);
  if (flight->setup.screen != NULL)
    flight->setup.screen->tick(flight->setup.screen->context, flight->monitor, now_ns);
}

/* What the interface lacks from then on proves nothing. */
static void on_gap(void *context, uint32_t end, int64_t from_ns, int64_t to_ns)
{
  struct flight *flight = context;
  (void)from_ns, (void)to_ns;
  flight->away[end] = true;
}

static void on_end(void *context, int64_t now_ns)
{
  struct flight *flight = context;
  flight->now_ns = now_ns;
  monitor_finish(flight->monitor);
  struct monitor_stats stats;
  monitor_get_stats(flight->monitor, &stats);
  flight->totals->left_out = stats.stalls_left_out;
  flight->totals->packets = stats.frames;
  if (time_is_valid(flight->until_ns))
    ask_for_command(flight, FLIGHT_SAVED);
}

/* ---- life ---- */

static struct monitor *new_monitor(struct flight *flight)
{
  struct monitor_options options;
  const struct monitor_sink sink = {flight, on_event};
  monitor_options_default(&options);
  options.ends = flight->setup.end_count;
  for (uint32_t i = 0; i < options.ends; i++)
    options.remote[i] = flight->setup.ends[i].kind == RECORDER_STREAM;
  options.min_stall_ns = flight->options.min_stall_ns;
  options.limits.window_bytes = flight->options.memory_bytes / ANALYSIS_SHARE;
  if (flight->options.before_ns > options.limits.window_ns)
    options.limits.window_ns = flight->options.before_ns;
  return monitor_new(&options, &sink);
}

int flight_new(struct flight **flight_out, const struct flight_setup *setup, struct error *error)
{
  struct flight *flight = calloc(1, sizeof *flight);
  if (flight == NULL)
    return error_set(error, ERROR_MEMORY, "no memory for the flight recorder");
  flight->setup = *setup;
  flight->options = *setup->options;
  flight->until_ns = TIME_INVALID;
  flight->observer = (struct recorder_observer){.context = flight,
                                                .frame = on_frame,
                                                .sample = on_sample,
                                                .tick = on_tick,
                                                .gap = on_gap,
                                                .end = on_end};
  void *shared =
      mmap(NULL, sizeof *flight->totals, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  flight->totals = shared != MAP_FAILED ? shared : NULL;
  flight->monitor = new_monitor(flight);
  int rc = 0;
  if (flight->totals == NULL || flight->monitor == NULL)
    rc = error_set(error, ERROR_MEMORY, "no memory for the flight recorder (--memory)");
  if (rc == 0)
    rc = flight_keeper_new(&flight->keeper, &flight->options, setup->ends, setup->end_count, error);
  if (rc == 0)
    flight_keeper_set_remote(flight->keeper, setup->kick_remote, setup->kick_context);
  if (rc < 0) {
    flight_free(flight);
    return rc;
  }
  *flight_out = flight;
  return 0;
}

void flight_free(struct flight *flight)
{
  if (flight == NULL)
    return;
  monitor_free(flight->monitor);
  flight_keeper_free(flight->keeper);
  if (flight->totals != NULL)
    munmap(flight->totals, sizeof *flight->totals);
  free(flight);
}

const struct recorder_observer *flight_observer(struct flight *flight)
{
  return &flight->observer;
}

/* Where several files are written, their names are known on the keeping side. */
void flight_request(struct flight *flight, const void *bytes, size_t size)
{
  struct recorder_totals totals;
  recorder_get_totals(flight->recorder, &totals);
  flight_keeper_request(flight->keeper,
                        totals.last_file != NULL ? totals.last_file : flight->setup.file, bytes,
                        size);
}

void flight_tick(struct flight *flight)
{
  flight_keeper_tick(flight->keeper);
}

uint64_t flight_keep_bytes(const struct flight *flight)
{
  return flight->options.memory_bytes - flight->options.memory_bytes / ANALYSIS_SHARE;
}

/* What comes before the stall, until it is detected, and what the detection takes. */
int64_t flight_keep_ns(const struct flight *flight)
{
  return flight->options.before_ns + flight->options.min_stall_ns + DETECTION_MAX_NS;
}

bool flight_kick(struct flight *flight, const struct endpoint *from, const struct endpoint *to)
{
  for (uint32_t end = 0; end < flight->setup.end_count; end++) {
    const struct neighbour *neighbour =
        &flight->neighbours[slot_of((uint8_t)end, &from->address, &to->address)];
    if (neighbour->ip_version != from->ip_version || neighbour->end != end ||
        memcmp(&neighbour->src, &from->address, sizeof from->address) != 0)
      continue;
    return request_kick(flight, (uint8_t)end, from, to);
  }
  return false;
}

bool flight_record(struct flight *flight)
{
  flight->held = !flight->held;
  if (flight->held && !time_is_valid(flight->until_ns))
    flight->totals->recordings++;
  if (flight->held)
    hold_on(flight);
  return flight->held;
}

bool flight_is_recording(const struct flight *flight)
{
  return time_is_valid(flight->until_ns);
}

struct recorder *flight_recorder(const struct flight *flight)
{
  return flight->recorder;
}

void flight_finish(struct flight *flight)
{
  recorder_finish(flight->recorder);
}

void flight_watch(struct flight *flight, const struct flight_watcher *watcher)
{
  flight->watcher = watcher;
}

void flight_attach(struct flight *flight, struct recorder *recorder)
{
  flight->recorder = recorder;
}

void flight_tell_end(struct flight *flight)
{
  flight_keeper_wait(flight->keeper);
  if (flight->setup.screen != NULL)
    return;
  if (flight->totals->left_out > 0)
    complain("%" PRIu64 " more findings were not told: there were too many at once",
             flight->totals->left_out);
  if (flight->totals->recordings == 0 && !watches_only(flight))
    complain("nothing was recorded: no stall was seen in %" PRIu64 " packets",
             flight->totals->packets);
}

void flight_get_totals(const struct flight *flight, struct flight_totals *totals)
{
  *totals = *flight->totals;
}
