#ifndef REPORT_FORMAT_H
#define REPORT_FORMAT_H

/* Values as people read them. Each function fills the caller's text and returns it. */

#include "report/report.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FORMAT_TEXT_SIZE     64
#define FORMAT_ENDPOINT_SIZE 330 /* a DNS name of 255 bytes, an address, a port */

/* "37 µs", "412.3 ms", "10.864 s", "12 min 3 s", "3 h 4 min"; "-" for TIME_INVALID. Cut, not
 * rounded: a bound from below must not be overstated. */
const char *format_duration(int64_t duration_ns, char text[FORMAT_TEXT_SIZE]);

/* The same rounded up: for a bound from above. */
const char *format_duration_up(int64_t duration_ns, char text[FORMAT_TEXT_SIZE]);

/* "1,586,641" */
const char *format_count(uint64_t count, char text[FORMAT_TEXT_SIZE]);

/* "12.3 MB": powers of 1000. */
const char *format_bytes(uint64_t bytes, char text[FORMAT_TEXT_SIZE]);

/* "93.1 %" of whole; "0 %" of nothing; what is there at all is at least "< 0.1 %". */
const char *format_percent(int64_t part, int64_t whole, char text[FORMAT_TEXT_SIZE]);

/* How a clock time is written. */
struct format_clock {
  enum report_time_base base;
  bool local_time; /* the reader's time zone; else UTC. Only for REPORT_TIME_EPOCH */
  unsigned digits; /* of the second's fraction: 6 or 9 */
};

/* 6 or 9 digits, as the time needs. */
unsigned format_digits(int64_t time_ns);
/* "07:52:38.998900", relative: "12.998900"; "no time" for TIME_INVALID. */
const char *format_time(const struct format_clock *clock, int64_t time_ns,
                        char text[FORMAT_TEXT_SIZE]);
/* "2003-11-05", "" where there is no date. */
const char *format_date(const struct format_clock *clock, int64_t time_ns,
                        char text[FORMAT_TEXT_SIZE]);
/* "UTC", "CET", or "". */
const char *format_zone(const struct format_clock *clock, int64_t time_ns,
                        char text[FORMAT_TEXT_SIZE]);

/* "test-local:33133", "192.0.2.1:80", "[2001:db8::1]:80". The name is not cleaned. */
const char *format_endpoint(const struct report_names *names, uint8_t end,
                            const struct endpoint *endpoint, char text[FORMAT_ENDPOINT_SIZE]);

#endif
