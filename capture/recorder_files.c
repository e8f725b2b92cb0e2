#include "capture/recorder_channel.h"
#include "capture/recorder_keeper.h"
#include "capture/recorder_worker.h"
#include "wire/timestamp.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* A recording in several files: the keeper makes them, and removes the oldest (recorder_made); the
 * worker asks for the next one and gets a descriptor. */

/* The name's end from its last point on, if that is behind the last slash. */
static size_t stem_bytes(const char *path)
{
  const char *slash = strrchr(path, '/'), *name = slash != NULL ? slash + 1 : path;
  const char *point = strrchr(name, '.');
  return point != NULL && point != name ? (size_t)(point - path) : strlen(path);
}

/* As dumpcap names them: STEM_00001_20261122131500.pcapng, by local time. */
static char *make_name(const struct recorder *recorder)
{
  const char *path = recorder->output.path;
  size_t stem = stem_bytes(path), size = strlen(path) + 64;
  struct timespec now;
  struct tm when;
  char time_text[32];
  char *name = malloc(size);
  if (name == NULL)
    return NULL;
  clock_gettime(CLOCK_REALTIME, &now);
  if (localtime_r(&now.tv_sec, &when) == NULL ||
      strftime(time_text, sizeof time_text, "%Y%m%d%H%M%S", &when) == 0)
    time_text[0] = '\0';
  snprintf(name, size, "%.*s_%05u_%s%s", (int)stem, path, recorder->made.count + 1, time_text,
           path + stem);
  return name;
}

/* The list grows with the number of files that are to stay. */
static int remember(struct recorder *recorder, char *name, struct error *error)
{
  struct recorder_made *made = &recorder->made;
  uint32_t stay = recorder->output.ring_count > 0 ? recorder->output.ring_count : 1;
  if (made->count == 0)
    made->names = calloc(stay, sizeof *made->names);
  if (made->names == NULL) {
    free(name);
    return error_set(error, ERROR_MEMORY, "no memory for the files' names");
  }
  char **place = &made->names[made->count % stay];
  if (*place != NULL && recorder->output.ring_count > 0 && unlink(*place) != 0)
    made->not_removed++;
  free(*place);
  *place = name;
  made->latest = name;
  made->count++;
  return 0;
}

static int open_next(struct recorder *recorder, struct error *error)
{
  char *name = make_name(recorder);
  if (name == NULL)
    return error_set(error, ERROR_MEMORY, "no memory for a file's name");
  int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (fd < 0) {
    int rc = error_set(error, ERROR_IO, "%.300s: %s", name, strerror(errno));
    free(name);
    return rc;
  }
  int rc = remember(recorder, name, error);
  if (rc == 0)
    return fd;
  close(fd);
  return rc;
}

void recorder_files_serve(struct recorder *recorder)
{
  const struct recorder_message message = {.type = RECORDER_MESSAGE_FILE};
  struct error error;
  int fd = recorder->output.path != NULL ? open_next(recorder, &error)
                                         : error_set(&error, ERROR_USAGE, "there is one file only");
  if (fd < 0) {
    recorder_channel_send(recorder->channel, &message, error.text, strlen(error.text), -1, true);
    return;
  }
  recorder_channel_send(recorder->channel, &message, NULL, 0, fd, true);
  close(fd);
}

void recorder_files_free(struct recorder *recorder)
{
  uint32_t stay = recorder->output.ring_count > 0 ? recorder->output.ring_count : 1;
  for (uint32_t i = 0; recorder->made.names != NULL && i < stay; i++)
    free(recorder->made.names[i]);
  free(recorder->made.names);
}

/* The worker's side: a descriptor, or a negative error_code. */
static int ask_for_file(struct recorder_worker *worker, struct error *error)
{
  struct recorder_message message = {.type = RECORDER_MESSAGE_FILE};
  bool sent = recorder_channel_send(worker->channel, &message, NULL, 0, -1, true);
  while (sent) {
    char text[sizeof error->text] = "";
    size_t size = sizeof text - 1;
    int fd;
    enum recorder_channel_result result =
        recorder_channel_receive(worker->channel, &message, text, &size, &fd, true);
    if (result == RECORDER_CHANNEL_ENDED)
      break;
    if (result == RECORDER_CHANNEL_MESSAGE && message.type == RECORDER_MESSAGE_FILE)
      return fd >= 0 ? fd : error_set(error, ERROR_IO, "cannot go on in a new file: %s", text);
    if (result == RECORDER_CHANNEL_MESSAGE && message.type == RECORDER_MESSAGE_GAP)
      recorder_worker_defer_gap(worker, &message);
  }
  return error_set(error, ERROR_IO,
                   "cannot go on in a new file: the process that opens it is gone");
}

int recorder_files_next(struct recorder *recorder,
                        const struct recorder_counters base[RECORDER_ENDS_MAX], struct error *error)
{
  if (recorder->output.path == NULL)
    return 0;
  int fd = ask_for_file(recorder->work, error);
  if (fd < 0)
    return fd;
  return recorder_file_begin(recorder, fd, recorder_clock_ns(CLOCK_REALTIME), base, error);
}

int recorder_files_rotate(struct recorder *recorder,
                          const struct recorder_counters now[RECORDER_ENDS_MAX],
                          struct error *error)
{
  const struct recorder_output *output = &recorder->output;
  const struct recorder_file *file = recorder->file;
  if (output->path == NULL || file->writer == NULL)
    return 0;
  bool full = output->ring_bytes > 0 && pcapng_writer_bytes(file->writer) >= output->ring_bytes;
  bool old = output->ring_ns > 0 &&
             recorder_clock_ns(CLOCK_MONOTONIC_COARSE) - file->begun_ns >= output->ring_ns;
  if (!full && !old)
    return 0;
  int rc = recorder_file_end(recorder, false, now, error);
  return rc == 0 ? recorder_files_next(recorder, now, error) : rc;
}
