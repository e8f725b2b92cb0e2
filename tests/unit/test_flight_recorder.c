/* The flight recorder between a recorder and the user, both played: a saved stall is shown to it as
 * if it happened now, and what it asks the recorder and the keeping side for is looked at. */

#include "capture/trace.h"
#include "cli/flight.h"
#include "cli/flight_keeper.h"
#include "wire/timestamp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define TICK_NS (20 * NS_PER_MS)
#define ASKED   64

/* ---- the recorder ---- */

struct recorder {
  int64_t now_ns, until_ns, first_trigger_ns;
  uint32_t triggers;
  bool finished;
  uint32_t asked;
  struct flight_request requests[ASKED];
};

void recorder_trigger(struct recorder *recorder, int64_t until_ns)
{
  if (recorder->triggers++ == 0)
    recorder->first_trigger_ns = recorder->now_ns;
  if (until_ns > recorder->until_ns)
    recorder->until_ns = until_ns;
}

bool recorder_is_writing(const struct recorder *recorder)
{
  return recorder->now_ns <= recorder->until_ns;
}

uint64_t recorder_file_number(const struct recorder *recorder, uint64_t number)
{
  return recorder->triggers > 0 ? number : 0;
}

void recorder_finish(struct recorder *recorder)
{
  recorder->finished = true;
}

uint64_t recorder_dropped(const struct recorder *recorder, uint32_t end)
{
  (void)recorder, (void)end;
  return 0;
}

void recorder_get_totals(const struct recorder *recorder, struct recorder_totals *totals)
{
  (void)recorder;
  *totals = (struct recorder_totals){.last_file = NULL};
}

bool recorder_ask(struct recorder *recorder, const void *bytes, size_t size)
{
  assert_int_equal(size, sizeof *recorder->requests);
  assert_true(recorder->asked < ASKED);
  memcpy(&recorder->requests[recorder->asked++], bytes, size);
  return true;
}

/* ---- playing ---- */

static struct flight *flight_of(const struct flight_options *options, struct recorder *recorder)
{
  static const struct recorder_end_options ends[2] = {{.interface = "tap0"}, {.interface = "tap1"}};
  const struct flight_setup setup = {
      .options = options, .ends = ends, .end_count = 2, .file = "stall.pcapng", .quiet = true};
  struct flight *flight;
  struct error error;
  if (flight_new(&flight, &setup, &error) != 0)
    fail_msg("%s", error.text);
  memset(recorder, 0, sizeof *recorder);
  flight_attach(flight, recorder);
  return flight;
}

static struct flight_options defaults(void)
{
  struct flight_options options = {.on = true,
                                   .min_stall_ns = 200 * NS_PER_MS,
                                   .before_ns = 10 * NS_PER_S,
                                   .after_ns = NS_PER_S,
                                   .memory_bytes = 16 << 20};
  options.filter.kinds[FINDING_STALL] = true;
  return options;
}

static void tick_until(struct flight *flight, struct recorder *recorder, int64_t time_ns)
{
  const struct recorder_observer *observer = flight_observer(flight);
  if (recorder->now_ns == 0)
    recorder->now_ns = time_ns;
  while (recorder->now_ns <= time_ns && !recorder->finished) {
    observer->tick(observer->context, recorder->now_ns, recorder->now_ns);
    recorder->now_ns += TICK_NS;
  }
}

/* Plays a sample, and two seconds more. Returns when its first frame was. */
static int64_t play(struct flight *flight, struct recorder *recorder, const char *sample)
{
  const struct recorder_observer *observer = flight_observer(flight);
  const struct trace_options options = {0};
  struct error error;
  struct trace *trace;
  struct frame frame;
  char path[512];
  int64_t first_ns = TIME_INVALID;
  snprintf(path, sizeof path, "%s/samples/%s.pcapng", SOURCE_DIR, sample);
  if (trace_open(&trace, path, &options, &error) < 0)
    fail_msg("%s", error.text);
  while (trace_next(trace, &frame, 1, &error) == 1 && !recorder->finished) {
    if (!time_is_valid(first_ns))
      first_ns = frame.time_ns;
    tick_until(flight, recorder, frame.time_ns);
    observer->frame(observer->context, frame.interface, &frame);
  }
  trace_close(trace);
  tick_until(flight, recorder, recorder->now_ns + 2 * NS_PER_S);
  observer->end(observer->context, recorder->now_ns);
  return first_ns;
}

static void a_stall_triggers_and_ends_the_recording(void **state)
{
  (void)state;
  struct flight_options options = defaults();
  struct recorder *recorder = calloc(1, sizeof *recorder);
  options.command = "true";
  struct flight *flight = flight_of(&options, recorder);
  const int64_t first_ns = play(flight, recorder, "zero-window");
  assert_true(recorder->triggers > 1);
  /* The window closes some 0.1 s after the beginning. */
  assert_true(recorder->first_trigger_ns - first_ns < NS_PER_S);
  assert_true(recorder->finished);
  assert_int_equal(recorder->asked, 2);
  const struct flight_request *detected = &recorder->requests[0], *saved = &recorder->requests[1];
  assert_int_equal(detected->what, FLIGHT_RUN);
  assert_int_equal(detected->of.command.event, FLIGHT_DETECTED);
  assert_string_equal(detected->of.command.state, "open");
  assert_string_equal(detected->of.command.location, "receiver-app");
  assert_int_equal(saved->of.command.event, FLIGHT_SAVED);
  assert_string_equal(saved->of.command.state, "closed");
  assert_string_equal(saved->of.command.cause, "zero-window");
  struct flight_totals totals;
  flight_get_totals(flight, &totals);
  assert_int_equal(totals.recordings, 1);
  flight_free(flight);
  free(recorder);
}

static void what_is_healthy_triggers_nothing(void **state)
{
  static const char *const samples[] = {"healthy", "app-idle", "keepalive-idle", "app-turnaround",
                                        "reordering"};
  (void)state;
  for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
    const struct flight_options options = defaults();
    struct recorder *recorder = calloc(1, sizeof *recorder);
    struct flight *flight = flight_of(&options, recorder);
    play(flight, recorder, samples[i]);
    assert_int_equal(recorder->triggers, 0);
    assert_false(recorder->finished);
    flight_free(flight);
    free(recorder);
  }
}

static void a_filter_lets_others_pass(void **state)
{
  (void)state;
  struct flight_options options = defaults();
  struct recorder *recorder = calloc(1, sizeof *recorder);
  options.filter.narrow = options.filter.locations[LOCATION_SENDER_QUEUE] = true;
  struct flight *flight = flight_of(&options, recorder);
  play(flight, recorder, "zero-window");
  struct flight_totals totals;
  flight_get_totals(flight, &totals);
  assert_int_equal(recorder->triggers, 0);
  assert_true(totals.findings >= 2); /* told all the same */
  flight_free(flight);
  /* ... and the other way round. */
  options.filter.causes[CAUSE_ZERO_WINDOW] = true;
  flight = flight_of(&options, recorder);
  play(flight, recorder, "zero-window");
  assert_true(recorder->triggers > 0);
  flight_free(flight);
  free(recorder);
}

static void rearmed_it_goes_on(void **state)
{
  (void)state;
  struct flight_options options = defaults();
  struct recorder *recorder = calloc(1, sizeof *recorder);
  options.rearm = true;
  options.command = "true";
  struct flight *flight = flight_of(&options, recorder);
  play(flight, recorder, "zero-window");
  assert_false(recorder->finished);
  assert_int_equal(recorder->asked, 2);
  flight_free(flight);
  free(recorder);
}

/* ---- the keeping side ---- */

static struct flight_request request_of(const char *summary)
{
  struct flight_request request = {.what = FLIGHT_RUN};
  struct flight_command *command = &request.of.command;
  *command =
      (struct flight_command){.id = 7, .connection = 3, .start_ns = 5, .duration_ns = NS_PER_S};
  strcpy(command->location, "sender-queue");
  strcpy(command->sender, "10.0.0.1:80");
  snprintf(command->summary, sizeof command->summary, "%s", summary);
  return request;
}

static void a_command_gets_values_in_its_environment_only(void **state)
{
  (void)state;
  char path[] = "flight_XXXXXX", command[200], got[400] = "";
  const int fd = mkstemp(path);
  assert_true(fd >= 0);
  snprintf(command, sizeof command,
           "echo \"$TCPSTALL_EVENT|$TCPSTALL_ID|$TCPSTALL_LOCATION|$TCPSTALL_SENDER|"
           "$TCPSTALL_DURATION|$TCPSTALL_FILE|$TCPSTALL_SUMMARY\" > %s",
           path);
  struct flight_options options = defaults();
  options.command = command;
  struct flight_keeper *keeper;
  struct error error;
  assert_int_equal(flight_keeper_new(&keeper, &options, NULL, 0, &error), 0);
  const struct flight_request request = request_of("$(id) `id` '; id");
  flight_keeper_request(keeper, "a b.pcapng", &request, sizeof request);
  flight_keeper_wait(keeper);
  flight_keeper_free(keeper);
  assert_true(read(fd, got, sizeof got - 1) > 0);
  assert_string_equal(got, "detected|7|sender-queue|10.0.0.1:80|1.000000000|a b.pcapng|"
                           "$(id) `id` '; id\n");
  close(fd);
  unlink(path);
}

/* The other side parses packets: whatever it sends must do no harm. */
static void nonsense_from_the_other_side_is_harmless(void **state)
{
  (void)state;
  struct flight_options options = defaults();
  options.command = "true";
  struct flight_keeper *keeper;
  struct error error;
  struct flight_request request;
  assert_int_equal(flight_keeper_new(&keeper, &options, NULL, 0, &error), 0);
  memset(&request, 0xff, sizeof request);
  flight_keeper_request(keeper, "a b.pcapng", &request, sizeof request);
  flight_keeper_request(keeper, "a b.pcapng", &request, 1);
  request.what = FLIGHT_RUN; /* no string in it ends */
  memset(&request.of, 'x', sizeof request.of);
  flight_keeper_request(keeper, "a b.pcapng", &request, sizeof request);
  request.what = FLIGHT_KICK;
  flight_keeper_request(keeper, "a b.pcapng", &request, sizeof request);
  flight_keeper_wait(keeper);
  flight_keeper_free(keeper);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_stall_triggers_and_ends_the_recording),
      cmocka_unit_test(what_is_healthy_triggers_nothing),
      cmocka_unit_test(a_filter_lets_others_pass),
      cmocka_unit_test(rearmed_it_goes_on),
      cmocka_unit_test(a_command_gets_values_in_its_environment_only),
      cmocka_unit_test(nonsense_from_the_other_side_is_harmless),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
