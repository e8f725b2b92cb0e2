#ifndef REPLAY_PLAN_H
#define REPLAY_PLAN_H

/* What two live hosts and the path between them have to do so that a recorded stall comes back.
 *
 * A plan is a list of *conditions* (a loss, a hold, a pause of an application, a queue that stops)
 * on top of hosts that are set up as the recorded ones and applications that write and read what
 * the recorded ones did. A condition can be left out: that is how the cause is proven (--control)
 * and how the smallest scenario is found (--minimize).
 *
 * Its text form (plan_text.h) is a scenario of the path emulator (docs/scenario.md) in which lines
 * that begin with "#@" say what the hosts do; the emulator takes them for comments. */

#include "replay/recording.h"
#include "replay/scenario.h"
#include "wire/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLAN_CONDITIONS_MAX 256
#define PLAN_STEPS_MAX      8192 /* of one side's writer or reader */
#define PLAN_WHY_BYTES      160
#define PLAN_WORD_BYTES     32
#define PLAN_MARK_BYTES     64
#define PLAN_TEXT_MAX       (1 << 20) /* bytes of a plan's text */

/* Host A is where direction `ab` begins. */
enum plan_host { PLAN_A, PLAN_B, PLAN_HOSTS };

enum plan_step_kind {
  STEP_WRITE,       /* value bytes, in one call where the socket takes them */
  STEP_WAIT,        /* value ns */
  STEP_AWAIT_READ,  /* until this side has read value bytes in all */
  STEP_AWAIT_SENT,  /* until all that was written is acknowledged */
  STEP_AWAIT_QUEUE, /* until the transmit queue has been stopped, if it is to be */
  STEP_READ,        /* until value bytes have been read in all */
  STEP_READ_ALL,    /* until the end of the stream */
  STEP_SHUT,        /* FIN */
  STEP_ABORT        /* RST */
};

#define PLAN_NO_CONDITION UINT32_MAX

struct plan_step {
  enum plan_step_kind kind;
  int64_t value;
  uint32_t condition; /* the wait is left out with it; PLAN_NO_CONDITION: it is always there */
};

struct plan_steps {
  uint32_t count;
  struct plan_step *steps; /* owned, PLAN_STEPS_MAX */
};

/* One host: its TCP, its application. Where a number is 0, the kernel's default stays. */
struct plan_side {
  bool opens; /* connects; the other one listens */
  uint16_t port;
  uint16_t mss;   /* that it announces */
  uint8_t wscale; /* that it announces; with window_scaling */
  bool window_scaling, timestamps, sack;
  bool nodelay;
  uint8_t tos;
  uint32_t receive_buffer_bytes; /* SO_RCVBUF; 0: the kernel tunes it */
  uint32_t send_buffer_bytes;
  uint32_t buffer_condition; /* receive_buffer_bytes belongs to it */
  uint32_t nagle_condition;  /* without it: nodelay */
  /* Of its route to the other host (ip-route(8)), locked; 0: none. */
  int64_t route_rto_min_ns;
  uint32_t route_condition;       /* it belongs to it */
  uint32_t keep_alive_s[3];       /* idle, interval; probes; 0: no SO_KEEPALIVE */
  int64_t listen_full_ns;         /* its accept queue is full so long; 0: not at all */
  uint32_t listen_full_condition; /* it belongs to it */
  char congestion_control[16];
  struct plan_steps writer, reader; /* run beside each other */
};

enum plan_condition_kind {
  CONDITION_RULE,         /* of the path: `text` is the line */
  CONDITION_WRITER_WAITS, /* steps of `host` refer to it */
  CONDITION_READER_STOPS,
  CONDITION_SMALL_BUFFER,
  CONDITION_NAGLE,
  CONDITION_ROUTE,      /* what the route of `host` lays down for TCP */
  CONDITION_QUEUE_HOLD, /* below TCP, in the transmit queue of `host` */
  CONDITION_DEAF,       /* `host` drops what arrives, behind the capture, before its TCP */
  CONDITION_NEIGHBOUR,  /* `host` forgets the other's link-layer address, and its questions are lost
                         */
  CONDITION_LISTEN_FULL
};

/* Built by a host, and not sent by its transmit queue until something kicks it. */
struct plan_queue_hold {
  int64_t byte;   /* the queue is stopped when this one of the host's stream has left */
  int64_t for_ns; /* then a foreign packet (a ping) is sent */
};

/* Something that goes on at a host for a while. */
struct plan_spell {
  char from[PLAN_MARK_BYTES]; /* a moment of the scenario language */
  int64_t for_ns;
};

struct plan_condition {
  enum plan_condition_kind kind;
  enum plan_host host;            /* that does it, or whose frames meet it */
  bool suspected;                 /* it is what the finding blames */
  bool off;                       /* left out */
  int64_t from_ns, to_ns;         /* in the recording; TIME_INVALID: all the time */
  uint32_t first_copy, last_copy; /* of a loss: these transmissions of its bytes */
  char text[SCENARIO_LINE_MAX];
  char why[PLAN_WHY_BYTES];    /* what of the recording it stands for, a clause */
  struct plan_queue_hold hold; /* CONDITION_QUEUE_HOLD */
  struct plan_spell spell;     /* CONDITION_DEAF, CONDITION_NEIGHBOUR */
};

/* What has to come back; strings are words of JSON. */
struct plan_target {
  bool there, problem;
  enum recording_side sender;
  char kind[PLAN_WORD_BYTES], location[PLAN_WORD_BYTES], cause[PLAN_WORD_BYTES],
      ended_by[PLAN_WORD_BYTES];
  int64_t waited_ns;
};

struct plan {
  uint8_t ip_version; /* 4 or 6 */
  struct plan_side sides[PLAN_HOSTS];
  int64_t delay_ns[PATH_DIRECTIONS]; /* of the path, one way */
  bool old_pacing;  /* TCP hands a whole window down at once, as kernels before 2017 */
  int64_t limit_ns; /* a run is ended after so long */
  uint32_t condition_count;
  struct plan_condition conditions[PLAN_CONDITIONS_MAX];
  uint32_t conditions_left_out; /* beyond the limit */
  struct plan_target target;
  uint32_t assumption_count;
  char assumptions[RECORDING_ASSUMPTIONS_MAX][PLAN_WHY_BYTES];
};

struct plan *plan_new(void);       /* NULL: no memory */
void plan_free(struct plan *plan); /* NULL is allowed */

/* From the recording, for the finding that is its target. `congestion_control`: NULL to guess.
 * Returns NULL if it cannot be replayed so: error says what is missing. */
struct plan *plan_extract(const struct recording *recording, const char *congestion_control,
                          struct error *error);

/* Returns its index, or PLAN_NO_CONDITION if there are too many. text and why are printf-like
 * through plan_condition_text(). */
uint32_t plan_add_condition(struct plan *plan, enum plan_condition_kind kind, enum plan_host host,
                            int64_t from_ns, int64_t to_ns);
void plan_condition_text(struct plan *plan, uint32_t condition, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void plan_condition_why(struct plan *plan, uint32_t condition, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* false: no room. */
bool plan_add_step(struct plan_steps *steps, enum plan_step_kind kind, int64_t value,
                   uint32_t condition);
void plan_assume(struct plan *plan, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Puts a step between byte `at` of what the steps write and the one before it. */
void plan_split_write(struct plan_steps *steps, int64_t at, enum plan_step_kind kind,
                      int64_t value);

bool plan_is_off(const struct plan *plan, uint32_t condition);
uint32_t plan_suspected_count(const struct plan *plan);

static inline enum plan_host plan_other(enum plan_host host)
{
  return host == PLAN_A ? PLAN_B : PLAN_A;
}

/* Who is host A: the recorded client or server. */
enum recording_side plan_side_of(const struct plan *plan, enum plan_host host);
enum plan_host plan_host_of(const struct plan *plan, enum recording_side side);

#endif
