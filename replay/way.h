#ifndef REPLAY_WAY_H
#define REPLAY_WAY_H

/* A way to replay a recording: who is live, and who is played. Each way is one table row; the
 * command chooses one (or is told), runs it in a child process of its own, as often as asked for,
 * and judges what the live run recorded. */

#include "replay/recording.h"
#include "wire/error.h"

#include <stdbool.h>
#include <stdint.h>

struct plan; /* replay/plan.h */

#define REPLAY_ENDS_MAX   2
#define REPLAY_NOTES_MAX  24
#define REPLAY_NOTE_BYTES 200

struct replay_job {
  const struct recording *recording;
  const struct recorded_finding *target; /* NULL: there is none */
  struct plan *plan;                     /* path only; a run may change its own copy */
  bool control; /* without the suspected condition: the stall must not come back */
  uint32_t run; /* 0-based */
  const char *congestion_control; /* NULL: the way's own guess, which it notes */
  const char *program;            /* the path of tcpstall itself, for `capture` */
  const char *record_path;        /* where the live run is recorded, pcapng */
  volatile const int *stop;       /* non-zero: the user wants an end */
};

/* How late what had a time was done. */
struct replay_lateness {
  uint64_t count;
  int64_t p50_ns, p99_ns, max_ns;
};

/* Lives in memory that both processes share: plain data only. */
struct replay_outcome {
  uint32_t end_count;                           /* capture points of the live recording */
  enum recording_place places[REPLAY_ENDS_MAX]; /* where they stand */
  struct replay_lateness lateness;
  uint64_t frames_sent;
  uint64_t ring_drops, write_failures; /* frames that the kernel lost, or did not take */
  bool control_same;                   /* with job.control: there was nothing to leave out */
  uint32_t note_count;
  char notes[REPLAY_NOTES_MAX][REPLAY_NOTE_BYTES]; /* clauses: assumptions, divergences */
};

struct replay_way {
  const char *name;    /* as --as says it */
  const char *purpose; /* a clause */
  bool judged;         /* a live run is recorded and compared; else the outcome's numbers are all */
  /* Whether this way can bring the target back; why (160 bytes) says so in a clause. */
  bool (*suits)(const struct recording *recording, const struct recorded_finding *target,
                char *why);
  /* One run, in a process of its own with one thread, which may enter namespaces for good. Returns
   * 0 or a negative error_code. */
  int (*run)(const struct replay_job *job, struct replay_outcome *outcome, struct error *error);
};

/* printf-like; beyond the limit silently full. */
void replay_note(struct replay_outcome *outcome, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

extern const struct replay_way replay_way_path;   /* plan_way.c */
extern const struct replay_way replay_way_peer;   /* peer.c */
extern const struct replay_way replay_way_sender; /* peer_sender.c */

#endif
