#include "cli/interrupt.h"

#include <signal.h>
#include <string.h>

/* The one thing that a signal handler may touch; int is what sig_atomic_t is on the systems we run
 * on. */
static volatile int interrupted;
_Static_assert(sizeof(int) == sizeof(sig_atomic_t), "a handler may write an int at once");

static void on_signal(int number)
{
  (void)number;
  interrupted = 1;
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
  return interrupted != 0;
}
