#ifndef CAPTURE_RECORDER_KEEPER_H
#define CAPTURE_RECORDER_KEEPER_H

/* The keeper's part of a recorder: it starts the other processes and looks after them. */

#include "capture/recorder_internal.h"

/* Forks; the reader then opens the end: shared->state tells. */
int recorder_keeper_start_reader(struct recorder_end *end, struct error *error);

/* Kills what still runs, and waits for it. */
void recorder_keeper_end_all(struct recorder *recorder);

/* The worker wants the next file: it gets it, or the reason why not. */
void recorder_files_serve(struct recorder *recorder);
void recorder_files_free(struct recorder *recorder);

/* Why an end is gone, as its reader said; clean text. */
void recorder_end_why(const struct recorder_end *end, char *why, size_t size);

#endif
