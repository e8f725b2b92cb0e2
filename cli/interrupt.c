#include "cli/interrupt.h"

#include <signal.h>
#include <stdatomic.h>
#include <string.h>

/* The one thing that the signal handler touches: on whatever thread it runs, others read it. */
static volatile int interrupted;
_Static_assert(ATOMIC_INT_LOCK_FREE == 2, "a handler may write it at once");

static void on_signal(int number)
{
  (void)number;
  __atomic_store_n(&interrupted, 1, __ATOMIC_RELAXED);
}

volatile const int *interrupt_install(void)
{
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = on_signal;
  action.sa_flags = (int)SA_RESETHAND; /* no SA_RESTART: a waiting read returns */
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
  return &interrupted;
}

bool interrupt_seen(void)
{
  return __atomic_load_n(&interrupted, __ATOMIC_RELAXED) != 0;
}
