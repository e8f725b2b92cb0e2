#ifndef WIRE_TCPDUMP_TEXT_CLOCK_H
#define WIRE_TCPDUMP_TEXT_CLOCK_H

/* From printed times to nanoseconds: midnights, days, and times relative to the first or to the
 * previous packet.
 *
 * -ttt (since the previous packet) and -ttttt (since the first) look alike, and both begin with
 * 00:00:00.000000. Such a text is undecided until a time is smaller than the one before it (then it
 * is -ttt), or enough of them have grown (then it is -ttttt): until then packets have to wait, and
 * their places are asked for later. */

#include "wire/tcpdump_text_fields.h"
#include "wire/timestamp.h"

#include <stdbool.h>
#include <stdint.h>

enum text_time_base { TEXT_BASE_EPOCH, TEXT_BASE_TIME_OF_DAY, TEXT_BASE_RELATIVE };

struct text_clock {
  bool started;        /* a packet was placed in this excerpt */
  bool first_known;    /* first_ns, of the first excerpt, is valid */
  bool undecided;      /* times relative to the first or to the previous packet? */
  bool since_previous; /* -ttt */
  uint8_t base;        /* enum text_time_base */
  unsigned growing;    /* how many times in a row have grown while undecided */
  int64_t first_ns;    /* where the first excerpt began: later ones are put into the nearest day */
  int64_t last_ns;     /* the previous packet's place */
  int64_t printed_ns;  /* the previous packet's printed time */
  int64_t sum_ns;      /* of all printed times of a relative excerpt */
  int64_t day_ns;      /* days that passed since the text's first midnight */
};

/* Whether a packet with this time begins a new excerpt, behind prose, or (!prose) behind an empty
 * line or something that may still belong to the packet before. */
bool text_clock_steps_back(const struct text_clock *clock, const struct text_time *time,
                           bool prose);

/* Begins a new excerpt. */
void text_clock_restart(struct text_clock *clock);

/* The packet's place; TIME_INVALID without a time. While undecided it is provisional, as since the
 * first packet. */
int64_t text_clock_place(struct text_clock *clock, const struct text_time *time);

/* Nothing will come that could still decide: since the first packet. */
void text_clock_decide(struct text_clock *clock);

#endif
