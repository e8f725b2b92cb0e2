#ifndef CLI_CAPTURE_OPTIONS_H
#define CLI_CAPTURE_OPTIONS_H

/* The options of `tcpstall capture`. */

#include "capture/recorder.h"
#include "cli/flight_options.h"

#include <stdbool.h>

struct capture_options {
  /* interface: "ssh:..." (capture/remote_target.h) for an end on another host, checked */
  struct recorder_end_options ends[RECORDER_ENDS_MAX];
  uint32_t end_count;
  const char *output;
  char *filter; /* NULL = everything */
  bool filter_from_words, quiet, no_promiscuous_mode, no_samples;
  bool list;       /* no recording: the interfaces are listed */
  const char *ssh; /* the program for ends on other hosts; NULL = ssh */
  uint64_t snaplen_bytes, buffer_bytes, packets_max, file_bytes_max;
  int64_t duration_ns, sample_interval_ns;
  uint64_t ring_bytes, ring_count; /* a ring of files: 0 = no limit of this kind */
  int64_t ring_ns;
  const char *user;    /* NULL = the usual one */
  const char *metrics; /* where they are served; NULL = nowhere */
  bool verbose;
  struct flight_options flight;
  enum kick_kind orders; /* kicks that a program on another host orders (cli/kick_orders.h) */
  int64_t orders_interval_ns;
};

/* Fills *options; on bad usage it says so and ends the program. The strings belong to argv or to
 * *options (capture_options_free()). */
void capture_options_parse(struct capture_options *options, int argc, char **argv);
/* As if no option had been given. */
void capture_options_default(struct capture_options *options);
/* Takes the value of -i, which is cut in two in its place; argp_error() where it is wrong. */
struct argp_state;
void capture_options_interface(struct capture_options *options, char *text,
                               struct argp_state *state);
void capture_options_free(struct capture_options *options);

#endif
