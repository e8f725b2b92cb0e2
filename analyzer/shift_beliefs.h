#ifndef ANALYZER_SHIFT_BELIEFS_H
#define ANALYZER_SHIFT_BELIEFS_H

/* Which window scale each end goes by once the handshake is over, when the path may have altered
 * the options on their way.
 *
 * RFC 7323, 2.2: an end scales only if it has sent the option and has received one. Then it shifts
 * the windows that it announces by its own shift, and those that it receives by the other's, as it
 * arrived. Without, it shifts neither. A SYN's own window is never scaled. */

#include <stdbool.h>
#include <stdint.h>

/* A window scale option in one sighting of a SYN or SYN-ACK. */
struct syn_shift {
  bool known;   /* that SYN was seen there */
  bool present; /* with the option */
  uint8_t shift;
};

/* By enum stream_side of who sent the SYN. */
struct syn_sightings {
  struct syn_shift sent[2], received[2];
};

/* About the windows that one side announces: what they are shifted by, and what the other side
 * takes them to be shifted by (0 .. 14). */
struct shift_belief {
  bool known;
  uint8_t announced, read;
};

/* RFC 7323, 2.3: larger ones are used as 14. */
#define WINDOW_SHIFT_MAX 14u

/* belief[] by enum stream_side of who announces. Where only one sighting of a SYN is known, it is
 * taken to have passed unaltered; where none is, to have carried the option (that side's own
 * windows are then not known). */
void shift_beliefs(const struct syn_sightings *seen, struct shift_belief belief[2]);

#endif
