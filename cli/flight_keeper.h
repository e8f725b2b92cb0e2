#ifndef CLI_FLIGHT_KEEPER_H
#define CLI_FLIGHT_KEEPER_H

/* What the flight recorder does on the keeping side of the recorder: it starts the user's command
 * and sends kicks, as it is asked to by the side that sees the packets. What comes from there is
 * plain data of a fixed size and is not trusted: strings are ended here, nothing of it is ever a
 * word of a command, only a value in its environment. */

#include "capture/recorder.h"
#include "cli/flight_options.h"
#include "cli/kick.h"

enum flight_event { FLIGHT_DETECTED, FLIGHT_SAVED };

#define FLIGHT_TEXT_SIZE 128

/* For TCPSTALL_*: what the command is told. */
struct flight_command {
  uint32_t event; /* enum flight_event */
  uint32_t id, connection;
  int64_t start_ns, duration_ns;
  char kind[16], state[16], location[32], cause[40], confidence[16], ended_by[24];
  char sender[FLIGHT_TEXT_SIZE], receiver[FLIGHT_TEXT_SIZE];
  char summary[SUMMARY_SIZE];
};

struct flight_request {
  enum { FLIGHT_RUN = 1, FLIGHT_KICK = 2 } what;
  union {
    struct flight_command command;
    struct kick_request kick;
  } of;
};

struct flight_keeper; /* opaque */

/* kick: KICK_NONE opens nothing. 0 or a negative error_code. */
int flight_keeper_new(struct flight_keeper **keeper, const struct flight_options *options,
                      const struct recorder_end_options *ends, uint32_t end_count,
                      struct error *error);
void flight_keeper_free(struct flight_keeper *keeper); /* NULL is allowed */

/* Who sends the kicks of ends that are no interfaces of this host. */
void flight_keeper_set_remote(struct flight_keeper *keeper, kick_handler *kick, void *context);

/* file: that is being written, for the command. */
void flight_keeper_request(struct flight_keeper *keeper, const char *file, const void *bytes,
                           size_t size);
/* From time to time. */
void flight_keeper_tick(struct flight_keeper *keeper);

/* Waits for commands that still run, some seconds at most. */
void flight_keeper_wait(struct flight_keeper *keeper);
uint64_t flight_keeper_kicks(const struct flight_keeper *keeper);

#endif
