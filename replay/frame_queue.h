#ifndef REPLAY_FRAME_QUEUE_H
#define REPLAY_FRAME_QUEUE_H

/* Frames that wait for their time, in the order of it; those of the same time in the order in which
 * they came.
 *
 * Nearly all come in that order already and stand in a list. The few that are due before the list's
 * last one stand in a heap beside it; who is first of the two is taken first. */

#include <stdbool.h>
#include <stdint.h>

/* Which of a frame's rules are still to be applied when it leaves a hold. */
struct frame_plan {
  uint64_t rates;   /* bit i: rule i, a rate */
  int64_t delay_ns; /* after that */
  int64_t late_ns;  /* and so much later than its turn */
  int64_t copy_after_ns;
  uint32_t late_frames; /* or behind so many others */
  uint32_t copies;      /* additional ones */
  bool overtake;
};

struct queued_frame {
  struct queued_frame *next;
  int64_t due_ns;
  uint64_t order;
  uint64_t number; /* of its direction */
  int64_t held_since_ns;
  struct frame_plan plan;
  uint32_t size;
  uint8_t bytes[];
};

struct frame_queue {
  struct queued_frame *head, *tail; /* the list */
  struct queued_frame **heap;       /* owned */
  uint32_t heap_count, heap_capacity;
  uint32_t count;
  uint64_t next_order;
};

/* Frees what is in it as well. */
void frame_queue_clear(struct frame_queue *queue);

/* Takes the frame over. false: no memory; the frame stays the caller's. */
bool frame_queue_push(struct frame_queue *queue, struct queued_frame *frame, int64_t due_ns);

/* When the first one is due; INT64_MAX: empty. */
int64_t frame_queue_due_ns(const struct frame_queue *queue);

/* The first frame, now the caller's (free()); NULL: none. */
struct queued_frame *frame_queue_pop(struct frame_queue *queue);

#endif
