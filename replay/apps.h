#ifndef REPLAY_APPS_H
#define REPLAY_APPS_H

/* The applications of a replay: for each side that is live a socket, a writer and a reader that
 * follow the plan's steps, all in one loop of one thread.
 *
 * Of one side alone (the other one is played by somebody): leave the other host's netns at -1. */

#include "replay/plan.h"

struct live_apps; /* opaque */

struct live_apps_options {
  const struct plan *plan; /* borrowed */
  int netns[PLAN_HOSTS];   /* -1: this side is not live */
  struct ip_address addresses[PLAN_HOSTS];
  const char *congestion_control;    /* for sides that name none; NULL: the kernel's */
  volatile const int *queue_stopped; /* for STEP_AWAIT_QUEUE; NULL: no queue is to be stopped */
};

enum live_apps_end {
  LIVE_APPS_DONE,   /* both sides did all they had to, and closed */
  LIVE_APPS_LIMIT,  /* the plan's limit: something still waited */
  LIVE_APPS_BROKEN, /* the connection was reset, refused or given up */
  LIVE_APPS_STOPPED
};

/* Makes the sockets; the listening one listens. NULL: error says. */
struct live_apps *live_apps_new(const struct live_apps_options *options, struct error *error);
void live_apps_free(struct live_apps *apps); /* NULL is allowed */

/* Connects, and runs to the end. *stop non-zero ends it within some 100 ms. */
enum live_apps_end live_apps_run(struct live_apps *apps, volatile const int *stop);

/* From now on the side's TCP hears nothing that arrives, or hears again. For another thread. */
void live_apps_deafen(struct live_apps *apps, enum plan_host host, bool deaf);

/* Bytes that a side has written and read, for notes. */
void live_apps_totals(const struct live_apps *apps, enum plan_host host, int64_t *written,
                      int64_t *read);

#endif
