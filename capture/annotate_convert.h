#ifndef CAPTURE_ANNOTATE_CONVERT_H
#define CAPTURE_ANNOTATE_CONVERT_H

/* Turns a trace of any format into a stream of pcapng, in a thread of its own, through a pipe. */

#include "capture/trace.h"

#include <pthread.h>

struct conversion {
  struct trace *trace; /* an excerpt of it, to its end */
  const char *application;
  int read_fd; /* the stream: for who reads, and closes it */
  int write_fd;
  pthread_t thread;
  bool running;
  struct error error; /* after conversion_end(): what went wrong, code ERROR_NONE if nothing */
};

/* trace stays the caller's, who leaves it alone until conversion_end(). */
int conversion_begin(struct conversion *conversion, struct trace *trace, const char *application,
                     struct error *error);
/* The reader has closed read_fd. One that was never begun (all zero) is allowed. */
void conversion_end(struct conversion *conversion);

#endif
