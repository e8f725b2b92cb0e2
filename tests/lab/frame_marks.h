#ifndef LAB_FRAME_MARKS_H
#define LAB_FRAME_MARKS_H

/* The frames of captures, put beside each other. */

#include <stdint.h>

/* Compares the frames of the recording's interface `end` with those of a capture that began after
 * it and ended before it; prints what differs. Returns the number of differences, or -1. */
long compare_recording(const char *recording, uint32_t end, const char *capture);

/* The longest that a frame which is in both captures just once took from the one to the other, in
 * nanoseconds, or -1: not to be read. Both tell the time by the same clock. */
int64_t longest_delay_ns(const char *capture, const char *other);

#endif
