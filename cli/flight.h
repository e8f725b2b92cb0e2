#ifndef CLI_FLIGHT_H
#define CLI_FLIGHT_H

/* The flight recorder: what `tcpstall capture --until-stall` does beyond recording.
 *
 * On the writing side of the recorder (capture/recorder.h), which parses packets and has no rights,
 * it feeds the live model (monitor.h), tells findings, and lets the recorder write what is kept.
 * On the keeping side, which has the rights and parses nothing, it runs commands and sends kicks
 * (flight_keeper.h). */

#include "capture/recorder.h"
#include "cli/flight_options.h"

struct flight; /* opaque */
struct monitor;
struct monitor_event;

/* A dashboard in place of lines: findings go there, and it has its turn at each tick. Nothing is
 * then recorded or kicked but by its wish. All on the writing side. */
struct flight_screen {
  void *context;
  void (*event)(void *context, const struct monitor_event *event);
  void (*tick)(void *context, struct monitor *monitor, int64_t now_ns);
  /* On the keeping side. What the screen has asked for with recorder_ask(): false, it was nothing
   * of its own. What happened to an end, as struct recorder_keeper has it. And when nothing more
   * will be shown: messages may follow. */
  bool (*request)(void *context, const void *bytes, size_t size);
  void (*end_event)(void *context, enum recorder_event event, uint32_t end, const char *text);
  void (*over)(void *context);
};

/* Who counts what happens (--metrics), beside whatever else is done. All on the writing side. */
struct flight_totals;
struct flight_now {
  struct monitor *monitor;
  const struct recorder *recorder;
  const struct flight_totals *totals;
  int64_t now_ns;
};
struct flight_watcher {
  void *context;
  void (*frame)(void *context, uint32_t end, const struct frame *frame);
  void (*event)(void *context, const struct monitor_event *event);
  void (*tick)(void *context, const struct flight_now *now);
};

/* Without options->on, and without a screen, it only watches: findings are told, and nothing is
 * triggered, kicked or run because of them. */
struct flight_setup {
  const struct flight_options *options;
  const struct recorder_end_options *ends; /* as the recorder's */
  uint32_t end_count;
  const char *file;                   /* the recording's name, for findings and commands */
  bool quiet;                         /* say only what is asked for, and findings */
  const struct flight_screen *screen; /* NULL = none */
  /* Who kicks at ends on other hosts; NULL = nobody. */
  kick_handler *kick_remote;
  void *kick_context;
};

/* Copies what it needs but the strings. Opens the interfaces for kicks. 0 or a negative error_code.
 */
int flight_new(struct flight **flight, const struct flight_setup *setup, struct error *error);
void flight_free(struct flight *flight); /* NULL is allowed */

/* For recorder_options; valid as long as the flight. */
const struct recorder_observer *flight_observer(struct flight *flight);
/* For struct recorder_keeper. */
void flight_request(struct flight *flight, const void *bytes, size_t size);
void flight_tick(struct flight *flight);
/* For recorder_output: how much is kept until something happens. */
uint64_t flight_keep_bytes(const struct flight *flight);
int64_t flight_keep_ns(const struct flight *flight);

/* For a screen, from its hooks. */
struct endpoint;
/* Kicks the stream of data from one to the other, through the interface that its segments were seen
 * to leave by. false: none is known. */
bool flight_kick(struct flight *flight, const struct endpoint *from, const struct endpoint *to);
/* Writes what is kept and what follows, or ends that. Returns whether it writes. */
bool flight_record(struct flight *flight);
bool flight_is_recording(const struct flight *flight);
/* To ask it, as an observer may. */
struct recorder *flight_recorder(const struct flight *flight);
/* Ends the recording. */
void flight_finish(struct flight *flight);

/* Before recorder_run(): who counts. It has to stay. */
void flight_watch(struct flight *flight, const struct flight_watcher *watcher);

/* Before recorder_run(). */
void flight_attach(struct flight *flight, struct recorder *recorder);

/* After recorder_run(): waits for commands that still run, some seconds at most, and says what was
 * seen. */
void flight_tell_end(struct flight *flight);

struct flight_totals {
  uint64_t packets;    /* watched */
  uint64_t findings;   /* told */
  uint64_t recordings; /* times that what was kept was written */
  uint64_t kicks;
  uint64_t left_out; /* findings beyond MONITOR_STALLS_MAX at once */
};
void flight_get_totals(const struct flight *flight, struct flight_totals *totals);

#endif
