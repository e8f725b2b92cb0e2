#ifndef CLI_FLIGHT_OPTIONS_H
#define CLI_FLIGHT_OPTIONS_H

/* The options of `tcpstall capture --until-stall`, the flight recorder. */

#include "analyzer/cause.h"
#include "analyzer/finding.h"
#include "cli/kick.h"

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>

#define FLIGHT_KINDS (FINDING_HOLD + 1)

/* What is recorded: a finding of one of the kinds; and, if any were named, with one of the
 * locations or one of the causes. */
struct flight_filter {
  bool kinds[FLIGHT_KINDS];
  bool narrow; /* some were named */
  bool locations[LOCATION_COUNT];
  bool causes[CAUSE_COUNT];
};
bool flight_filter_takes(const struct flight_filter *filter, const struct finding *finding);

struct flight_options {
  bool on; /* --until-stall; nothing else counts without it */
  int64_t min_stall_ns, before_ns, after_ns;
  uint64_t memory_bytes; /* of what is kept for the file, and of what is kept for the analysis */
  bool rearm, json;
  const char *command; /* --on-stall; NULL = none */
  struct flight_filter filter;
  enum kick_kind kick;
  bool kick_where_possible; /* an interface that takes no kicks is no reason not to start */
  int64_t kick_interval_ns;
  const char *given; /* an option that means nothing without --until-stall; NULL = none */
};

void flight_options_default(struct flight_options *options);

/* A child of the parser of `tcpstall capture`; its input is the struct, which it fills with
 * defaults first. */
extern const struct argp flight_argp;

#endif
