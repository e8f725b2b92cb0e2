#ifndef REPLAY_SCENARIO_VALUE_H
#define REPLAY_SCENARIO_VALUE_H

/* The values of the scenario language: numbers with units, ranges, moments. Each reader takes the
 * whole of `text` and returns false if it is anything else. */

#include "replay/scenario.h"

bool value_count(const char *text, int64_t min, int64_t max, int64_t *value);
bool value_signed(const char *text, int64_t *value);       /* -2^32 .. 2^32, with or without sign */
bool value_unit_interval(const char *text, double *value); /* 0.01, 1e-3 or 1% */
bool value_duration(const char *text, int64_t *ns);        /* 20ms; ns us ms s m; 0 needs no unit */
bool value_rate(const char *text, int64_t *bits_per_s);    /* 10mbit, 2.5MB/s */
bool value_bytes(const char *text, int64_t *bytes);        /* 64kB, 64KiB, 1500 */
bool value_range(const char *text, struct rule_range *range);       /* 5, 5..9, 5.., ..9 */
bool value_bytes_range(const char *text, struct rule_range *range); /* the same with units */
bool value_mark(const char *text, struct rule_mark *mark);
bool value_address(const char *text, struct ip_address *address, uint8_t *version);

struct value_name {
  const char *name;
  uint32_t value;
};

/* One of `count` names. */
bool value_named(const struct value_name *names, size_t count, const char *text, uint32_t *value);

#endif
