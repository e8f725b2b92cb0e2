#ifndef REPLAY_DRILL_H
#define REPLAY_DRILL_H

/* A recorded connection as a script for packetdrill (github.com/google/packetdrill): one end is a
 * kernel under test, with the application's calls; what arrived there is injected at its time, and
 * what a right kernel sends is expected. docs/replay.md says what is taken from the recording and
 * what is asserted in its place. */

#include "replay/recording.h"
#include "wire/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Packets of a script; of a longer recording only what is close to the stall is taken. */
#define DRILL_PACKETS_MAX 4000

#define DRILL_NOTES_MAX  16
#define DRILL_NOTE_BYTES 200

struct drill_options {
  bool has_side;                  /* else the end that the verdict is about */
  enum recording_side side;       /* the kernel under test */
  const char *congestion_control; /* NULL: guessed */
  const char *source;             /* names the trace in the script's head; one line */
};

struct drill_summary {
  enum recording_side side;
  uint32_t injected, expected, calls; /* lines of each */
  bool asserts; /* something is expected that the recorded kernel did not do in time */
  uint32_t note_count;
  char notes[DRILL_NOTES_MAX]
            [DRILL_NOTE_BYTES]; /* clauses: what the script cannot say, or assumes */
};

/* The side that the verdict is about: the data receiver of a stall at it, else the data sender. */
enum recording_side drill_side(const struct recorded_finding *target);

/* The script, for the recording's target (or, without one, for all of it). The recording may lose
 * what is too much. The text is the caller's, free(). NULL: error says what is missing. */
char *drill_script(struct recording *recording, const struct drill_options *options,
                   struct drill_summary *summary, struct error *error);

#endif
