#ifndef ANALYZER_SOCKET_JUDGE_INTERNAL_H
#define ANALYZER_SOCKET_JUDGE_INTERNAL_H

/* Shared by the files that judge a wait by what the kernels said of its sockets: socket_judge.c
 * asks, socket_sender.c has the data sender's socket, socket_receiver.c its receiver's,
 * socket_device.c what lies below the sender's TCP, socket_facts.c the words. */

#include "analyzer/socket_judge.h"
#include "analyzer/socket_witness.h"

/* A state that was there for so much of the time that was sampled is the wait's. */
#define SOCKET_MAIN_PERCENT 80
/* So much of the wait must have been sampled for a proof. */
#define SOCKET_KNOWN_PERCENT 50

/* The data sender's socket at one instant, by who has to act next. */
enum sender_class {
  SENDER_EMPTY,        /* nothing unsent, nothing unacknowledged */
  SENDER_HELD,         /* sent by TCP, not seen by the capture, its memory still in use */
  SENDER_GONE,         /* sent by TCP, not seen by the capture, its memory free again */
  SENDER_REFUSED,      /* could send, tries, and nothing comes out of it */
  SENDER_WINDOW,       /* unsent bytes, nothing outstanding, the window too small */
  SENDER_STALE_WINDOW, /* the same, though a larger window has passed the capture */
  SENDER_STALE_ACK,    /* an ACK has passed the capture that the socket does not know */
  SENDER_READY,        /* unsent bytes, room, and no attempt */
  SENDER_ELSEWHERE,    /* it contradicts the capture: another socket, or another time */
  SENDER_FLIGHT,       /* all that it sent has passed the capture and waits for its ACK */
  SENDER_CLASSES
};

/* One socket, over one stretch of time. */
struct socket_sight {
  bool sampled;
  struct socket_witness witness;
  uint8_t end;
  enum stream_side side;     /* whose socket */
  int64_t from_ns, until_ns; /* asked for */
  int64_t known_ns;          /* sampled of it */
  uint32_t samples;
  int64_t first_ns, last_ns;        /* of the first and the last sample, if samples > 0 */
  struct sample_socket first, last; /* states at its beginning and end, if samples > 0 */
  struct socket_piece longest;      /* of the pieces that count for `main` */
  int64_t main_from_ns;             /* the first of them */
  int64_t main_ns;
};

struct sender_sight {
  struct socket_sight socket;
  bool here; /* sampled at the very point where the wait is judged */
  int64_t class_ns[SENDER_CLASSES];
  enum sender_class main;
  int64_t begun_ns;  /* the wait's start, or when there was something to send first */
  bool clear, proof; /* main was there for long enough; enough of the wait was sampled, too */
};

struct receiver_sight {
  struct socket_sight socket;
  int64_t unread_ns, read_ns; /* something waits for the application; nothing does */
  bool unread, read, proof;   /* for long enough */
  uint32_t rqueue_max_bytes;
};

struct socket_case {
  const struct situation *situation;
  struct finding *finding;
  struct sender_sight sender;
  struct receiver_sight receiver;
};

static inline char socket_end_letter(const struct socket_sight *sight)
{
  return (char)('A' + sight->end);
}

/* ---- socket_identity.c ---- */

/* The ACKs that the socket knows, against those that were captured at its own host. */
enum socket_fit {
  SOCKET_UNKNOWN, /* not to be told */
  SOCKET_EQUAL,
  SOCKET_BEHIND, /* an ACK was captured that it does not know */
  SOCKET_AHEAD   /* it knows one that was not captured */
};
enum socket_fit socket_fit(const struct socket_case *one, const struct sample_socket *state);
uint32_t socket_flight_bytes(const struct sample_socket *state);
/* Bytes that TCP has sent and the capture at the sender's end has not seen; < 0: it has seen more;
 * false: not to be told. */
bool socket_held_bytes(const struct socket_case *one, const struct sample_socket *state,
                       int64_t *held_bytes);

/* ---- socket_sender.c ---- */

void socket_see_sender(struct socket_case *one);
/* true: the verdict is made. */
bool socket_judge_sender(struct socket_case *one);

/* The part of the wait that counts. */
void socket_sight_span(const struct socket_case *one, struct socket_sight *sight);
void socket_sight_add(struct socket_sight *sight, const struct socket_piece *piece);
/* A few samples of a short wait, one of a row perhaps, overrule nothing. */
bool socket_may_judge(const struct socket_case *one, bool proof);
/* Enough of it was sampled, with no gap in which the host may have stood still, and the clocks
 * agree. */
bool socket_sight_is_proof(const struct socket_case *one, const struct socket_sight *sight);

/* ---- socket_receiver.c ---- */

void socket_see_receiver(struct socket_case *one);
void socket_judge_receiver(struct socket_case *one);

/* ---- socket_device.c ---- */

/* Below TCP: the queue, its neighbour, a filter. The sender's main class says it. */
void socket_judge_below(struct socket_case *one);
/* Segments that left, and that the device dropped. */
void socket_judge_device(struct socket_case *one);

/* ---- socket_facts.c ---- */

/* A fact with frame 0; it is there even if the list is full. */
void socket_fact(struct finding *finding, uint8_t end, int64_t time_ns, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Evidence of a sight, as a line and as finding->kernel. */
void socket_tell_sender(struct socket_case *one);
void socket_tell_receiver(struct socket_case *one);

/* The verdict moves there. What other places were left open goes where it is proven; else what
 * `keep` (NULL: nothing) wants stays. A summary and a reason that tell something else go. */
void socket_settle(struct socket_case *one, enum location location, enum cause cause,
                   enum confidence confidence, enum confidence cause_confidence);
/* Frames that the capture at this end lost, or may have lost, or has and that say nothing of a
 * connection: what is not seen may have been among them. */
bool socket_capture_misses(const struct socket_case *one);
/* It says itself that it lost some, or shows it. */
bool socket_capture_lost(const struct socket_case *one);
/* Says so, as an alternative on the forward path, and how to know. */
void socket_tell_missing(struct socket_case *one, const char *what);
/* Unless it is there already. */
void socket_leave_open(struct finding *finding, enum location location, enum cause cause,
                       const char *why);
/* Takes away the alternatives at that place. */
void socket_exclude(struct finding *finding, enum location location);
void socket_exclude_cause(struct finding *finding, enum cause cause);

#endif
