#include "cli/replay_wire.h"

#include "cli/commands.h"
#include "cli/complain.h"
#include "replay/netns.h"
#include "wire/timestamp.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEVICE_NAME "tap0" /* in namespaces of our own */

struct wire_run {
  const struct replay_wire_options *options;
  struct wire_feed *feed;
  struct wire_replay_device devices[WIRE_REPLAY_LANES_MAX];
  int netns[WIRE_REPLAY_LANES_MAX]; /* owned; -1: the present one */
  uint32_t lanes;                   /* devices that are open */
  struct wire_replay_result result;
};

/* ---- devices ---- */

static uint32_t end_of_lane(const struct wire_run *run, uint32_t lane)
{
  return run->options->end >= 0 ? (uint32_t)run->options->end : lane;
}

/* A name as `ip netns` has it, a path, or the id of a process. */
static int open_named_netns(const char *name, struct error *error)
{
  char path[300];
  struct error as_given;
  int descriptor = netns_open(name, &as_given);
  if (descriptor >= 0)
    return descriptor;
  snprintf(path, sizeof path, "/run/netns/%.200s", name);
  descriptor = netns_open(path, error);
  if (descriptor < 0 && error != NULL)
    *error = as_given;
  return descriptor;
}

static int open_device(struct wire_run *run, uint32_t lane, struct error *error)
{
  const struct replay_wire_options *options = run->options;
  const bool ours = options->tap_count == 0;
  const char *name = ours ? DEVICE_NAME : options->taps[lane].name;
  const char *netns = ours ? NULL : options->taps[lane].netns;
  if (netns != NULL && (run->netns[lane] = open_named_netns(netns, error)) < 0)
    return ERROR_IO;
  const int result =
      wire_replay_device_open(&run->devices[lane], run->netns[lane], name, ours, error);
  run->lanes += result == 0;
  return result;
}

static int open_devices(struct wire_run *run, struct error *error)
{
  const uint32_t ends = wire_feed_end_count(run->feed);
  const uint32_t wanted = run->options->end >= 0 ? 1 : ends;
  const uint32_t taps = run->options->tap_count;
  if (run->options->end >= 0 && (uint32_t)run->options->end >= ends)
    return error_set(error, ERROR_USAGE, "there is no end %c: the trace has %u",
                     'A' + run->options->end, ends);
  if (taps != 0 && taps != wanted)
    return error_set(error, ERROR_USAGE,
                     "%u ends are to be played: say --tap once for each, or --end for one of them",
                     wanted);
  if (run->options->end >= 0)
    wire_feed_choose(run->feed, (uint32_t)run->options->end);
  int result = taps == 0 ? netns_make(run->netns, wanted, error) : 0;
  for (uint32_t lane = 0; lane < wanted && result == 0; lane++)
    result = open_device(run, lane, error);
  return result;
}

static void close_devices(struct wire_run *run)
{
  for (uint32_t lane = 0; lane < run->lanes; lane++)
    wire_replay_device_close(&run->devices[lane]);
  for (uint32_t lane = 0; lane < WIRE_REPLAY_LANES_MAX; lane++)
    if (run->netns[lane] >= 0)
      close(run->netns[lane]);
}

/* ---- what is told ---- */

/* Where other programs find the device: for `nsenter --net=...`. */
static void tell_devices(const struct wire_run *run)
{
  for (uint32_t lane = 0; lane < run->lanes; lane++) {
    const uint32_t end = end_of_lane(run, lane);
    char where[64] = "";
    if (run->options->tap_count == 0)
      snprintf(where, sizeof where, " in /proc/%d/fd/%d", (int)getpid(), run->netns[lane]);
    complain("end %c: %s is played onto %s%s", 'A' + (int)end, wire_feed_end(run->feed, end)->name,
             run->devices[lane].tap.name, where);
  }
}

/* Frames that were handed over and did not pass the device; -1: the kernel does not tell. */
static int64_t lost_frames(const struct wire_replay_device *device)
{
  struct wire_replay_counts counts;
  wire_replay_device_counts(device, &counts);
  if (counts.received < 0 || counts.sent_dropped < 0)
    return -1;
  const int64_t not_received = (int64_t)device->arrived - counts.received;
  return (not_received > 0 ? not_received : 0) + counts.sent_dropped;
}

static bool tell_losses(const struct wire_run *run, uint32_t lane)
{
  const struct wire_replay_device *device = &run->devices[lane];
  const uint32_t index = end_of_lane(run, lane);
  const struct wire_feed_end *end = wire_feed_end(run->feed, index);
  const int letter = 'A' + (int)index;
  const int64_t lost = lost_frames(device);
  if (device->refused > 0)
    complain("end %c: %s did not take %" PRIu64 " frames: %s", letter, device->tap.name,
             device->refused, strerror(device->refused_errno));
  if (lost > 0)
    complain("end %c: %s dropped %" PRId64 " frames that it had taken", letter, device->tap.name,
             lost);
  if (lost < 0)
    complain("end %c: the kernel does not tell whether %s dropped frames", letter,
             device->tap.name);
  if (end->impossible > 0)
    complain("end %c: %" PRIu64 " frames left out: of a link type that Ethernet has no place for, "
             "or longer than a TAP takes",
             letter, end->impossible);
  return device->refused == 0 && lost == 0;
}

static void tell_changes(const struct wire_run *run, uint32_t lane)
{
  const uint32_t index = end_of_lane(run, lane);
  const struct wire_feed_end *end = wire_feed_end(run->feed, index);
  const int letter = 'A' + (int)index;
  if (end->filled > 0)
    complain("note: end %c: %" PRIu64
             " frames were cut off when recorded: zeros stand for the rest, "
             "with TCP checksums that fit",
             letter, end->filled);
  if (end->headed > 0)
    complain("note: end %c: %" PRIu64 " frames had no Ethernet header: one was made up", letter,
             end->headed);
  if (end->undirected > 0 && run->options->feed.local_count == 0)
    complain("note: end %c: the trace does not tell the direction of %" PRIu64 " frames: they all "
             "arrive (--local ADDR for those that leave)",
             letter, end->undirected);
  if (end->late > 0)
    complain("note: end %c: %" PRIu64 " frames stand in the trace behind later ones, and were "
             "played late for that",
             letter, end->late);
}

static double us(int64_t ns)
{
  return (double)ns / 1e3;
}

static uint64_t bytes_played(const struct wire_run *run)
{
  uint64_t bytes = 0;
  for (uint32_t lane = 0; lane < run->lanes; lane++)
    bytes += run->devices[lane].bytes;
  return bytes;
}

static void print_text(const struct wire_run *run)
{
  const struct wire_replay_result *result = &run->result;
  const double seconds = time_to_s(result->played_ns);
  const double rate = seconds > 0 ? (double)result->frames / seconds : 0;
  printf("%" PRIu64 " frames, %" PRIu64
         " bytes, played in %.6f s (recorded: %.6f s): %.0f frames/s, "
         "%.1f Mbit/s\n",
         result->frames, bytes_played(run), seconds, time_to_s(result->recorded_ns), rate,
         seconds > 0 ? (double)bytes_played(run) * 8e-6 / seconds : 0);
  if (run->options->speed > 0 && result->frames > 0)
    printf("late: p50 %.1f us, p99 %.1f us, max %.1f us; the last frame %.1f us; %s priority\n",
           us(lateness_percentile_ns(&result->lateness, 0.5)),
           us(lateness_percentile_ns(&result->lateness, 0.99)), us(result->lateness.max_ns),
           us(result->drift_ns), result->realtime ? "real-time" : "ordinary");
  for (uint32_t lane = 0; lane < run->lanes; lane++) {
    const struct wire_replay_device *device = &run->devices[lane];
    printf("end %c: %s: %" PRIu64 " frames arrived, %" PRIu64 " left, %" PRIu64 " refused, %" PRId64
           " dropped\n",
           'A' + (int)end_of_lane(run, lane), device->tap.name, device->arrived, device->left,
           device->refused, lost_frames(device));
  }
}

static json_t *number_or_null(int64_t value)
{
  return value < 0 ? json_null() : json_integer(value);
}

static void print_json(const struct wire_run *run)
{
  const struct wire_replay_result *result = &run->result;
  json_t *ends = json_array();
  for (uint32_t lane = 0; lane < run->lanes; lane++) {
    const struct wire_replay_device *device = &run->devices[lane];
    const uint32_t index = end_of_lane(run, lane);
    const struct wire_feed_end *end = wire_feed_end(run->feed, index);
    json_array_append_new(
        ends,
        json_pack("{s:s#, s:s, s:I, s:I, s:I, s:o, s:I, s:I, s:I, s:I}", "end", &"ABCDEFGH"[index],
                  1, "device", device->tap.name, "arrived", (json_int_t)device->arrived, "left",
                  (json_int_t)device->left, "refused", (json_int_t)device->refused, "dropped",
                  number_or_null(lost_frames(device)), "filled", (json_int_t)end->filled, "headed",
                  (json_int_t)end->headed, "left_out", (json_int_t)end->impossible, "out_of_order",
                  (json_int_t)end->late));
  }
  json_t *root = json_pack(
      "{s:s, s:s, s:I, s:I, s:f, s:f, s:f, s:b, s:b, s:I, s:o}", "schema", "tcpstall-replay/1",
      "way", "wire", "frames", (json_int_t)result->frames, "bytes", (json_int_t)bytes_played(run),
      "played_s", time_to_s(result->played_ns), "recorded_s", time_to_s(result->recorded_ns),
      "speed", run->options->speed, "realtime", (int)result->realtime, "interrupted",
      (int)result->interrupted, "starved", (json_int_t)result->starved, "ends", ends);
  if (run->options->speed > 0)
    json_object_set_new(root, "lateness_us",
                        json_pack("{s:f, s:f, s:f, s:f}", "p50",
                                  us(lateness_percentile_ns(&result->lateness, 0.5)), "p99",
                                  us(lateness_percentile_ns(&result->lateness, 0.99)), "max",
                                  us(result->lateness.max_ns), "last", us(result->drift_ns)));
  json_dumpf(root, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(9));
  putchar('\n');
  json_decref(root);
}

/* ---- the run ---- */

static int play(struct wire_run *run)
{
  const struct replay_wire_options *options = run->options;
  const struct wire_replay_options replay = {.source = {run->feed, wire_feed_next},
                                             .devices = run->devices,
                                             .device_count = run->lanes,
                                             .speed = options->speed,
                                             .lead_ns = options->lead_ns,
                                             .stop = options->feed.stop,
                                             .ordinary = options->ordinary};
  struct error error;
  bool whole = true;
  if (!options->quiet)
    tell_devices(run);
  const int result = wire_replay_run(&replay, &run->result, &error);
  if (result != 0)
    complain("%s; the frames before were played", error.text);
  for (uint32_t lane = 0; lane < run->lanes; lane++) {
    whole = tell_losses(run, lane) && whole;
    if (!options->quiet)
      tell_changes(run, lane);
  }
  if (run->result.starved > 0 && !options->quiet)
    complain("note: the trace could not be read fast enough %" PRIu64 " times",
             run->result.starved);
  if (run->result.interrupted)
    complain("interrupted: the rest was not played");
  (options->json ? print_json : print_text)(run);
  return result == 0 && whole && !run->result.interrupted ? EXIT_NO_PROBLEM : EXIT_TROUBLE;
}

int replay_wire(const struct replay_wire_options *options)
{
  struct wire_run *run = calloc(1, sizeof *run);
  struct error error;
  int status = EXIT_TROUBLE;
  if (run == NULL) {
    complain("out of memory");
    return status;
  }
  run->options = options;
  for (uint32_t lane = 0; lane < WIRE_REPLAY_LANES_MAX; lane++)
    run->netns[lane] = -1;
  if (wire_feed_open(&run->feed, &options->feed, &error) == 0 && open_devices(run, &error) == 0)
    status = play(run);
  else
    complain("%s", error.text);
  close_devices(run);
  wire_feed_close(run->feed);
  free(run);
  return status;
}
