#ifndef CLI_CAPTURE_TELL_H
#define CLI_CAPTURE_TELL_H

/* What `tcpstall capture` says while it records, and at the end. */

#include "capture/recorder.h"
#include "cli/capture_options.h"

/* How the output is called. */
const char *capture_output_name(const struct capture_options *options);

void capture_tell_begin(const struct recorder *recorder, const struct capture_options *options);
/* One end went away, came back, was lost. */
void capture_tell_event(const struct capture_options *options, enum recorder_event event,
                        uint32_t end, const char *text);
/* Writing has failed, `why`: what is in the file all the same, and what is not. */
void capture_tell_failure(const struct recorder *recorder, const struct capture_options *options,
                          const char *why);
/* The counters. Losses are told even to the quiet. Returns the exit status. */
int capture_tell_result(const struct recorder *recorder, const struct capture_options *options);

#endif
