#include "capture/byte_source.h"

#include "capture/inflater.h"
#include "capture/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The window's usual size: it stays in the second-level cache, which makes reading into it as fast
 * as mapping the file (measured), without a mapping's trouble when the file is truncated meanwhile.
 */
#define WINDOW_BYTES     ((size_t)256 * 1024)
#define COMPRESSED_BYTES ((size_t)64 * 1024)
#define POLL_MS          100 /* how long a stop flag may go unnoticed */

/* Compressed input: raw bytes wait here until the inflater takes them. */
struct compressed {
  struct inflater *inflater;
  uint8_t *buffer;
  const uint8_t *next;
  size_t left;
  bool file_ended;
};

struct byte_source {
  int fd;
  bool close_fd;
  bool is_regular;
  bool by_position; /* the file is read at `position`: it is not ours alone */
  off_t position;
  volatile const int *stop;
  struct spool *spool;
  char *name;
  const char *compression;

  /* The window is buffer[begin .. end). */
  uint8_t *buffer;
  size_t capacity, begin, end;

  struct compressed compressed;
  uint64_t offset, bytes_read, bytes_total;
  bool ended, stopped;
  struct error failure; /* to be reported once the window is used up */
};

static bool is_stopped(struct byte_source *source)
{
  if (source->stop != NULL && __atomic_load_n(source->stop, __ATOMIC_RELAXED) != 0)
    source->stopped = true;
  return source->stopped;
}

/* A FIFO is opened without waiting for its writer, so that the stop flag works from the first
 * moment. */
static int open_path(struct byte_source *source, const char *path, int fd, struct error *error)
{
  if (fd != 0) {
    source->fd = fd;
    source->by_position = true;
    source->position = lseek(fd, 0, SEEK_CUR);
  } else if (strcmp(path, "-") == 0) {
    source->fd = STDIN_FILENO;
  } else {
    source->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    source->close_fd = true;
  }
  struct stat st;
  if (source->fd < 0 || source->position < 0 || fstat(source->fd, &st) != 0)
    return error_set(error, ERROR_IO, "%s: %s", source->name, strerror(errno));
  if (S_ISDIR(st.st_mode))
    return error_set(error, ERROR_IO, "%s: is a directory", source->name);
  source->is_regular = S_ISREG(st.st_mode);
  if (source->is_regular) {
    source->bytes_total = (uint64_t)st.st_size;
    posix_fadvise(source->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
  }
  return 0;
}

/* Waits until a pipe has bytes or has been closed: 1; or the stop flag was set: 0; or an error. */
static int wait_readable(struct byte_source *source, struct error *error)
{
  while (!is_stopped(source)) {
    struct pollfd entry = {.fd = source->fd, .events = POLLIN};
    int ready = poll(&entry, 1, POLL_MS);
    if (ready > 0)
      return 1;
    if (ready < 0 && errno != EINTR)
      return error_set(error, ERROR_IO, "%s: %s", source->name, strerror(errno));
  }
  return 0;
}

static int keep(struct byte_source *source, const uint8_t *bytes, size_t size, struct error *error)
{
  struct error why;
  if (source->spool == NULL || size == 0 || spool_append(source->spool, bytes, size, &why) == 0)
    return 0;
  return error_set(error, why.code, "%s: %s", source->name, why.text);
}

static ssize_t read_here(struct byte_source *source, uint8_t *to, size_t size)
{
  if (!source->by_position)
    return read(source->fd, to, size);
  const ssize_t got = pread(source->fd, to, size, source->position);
  source->position += got > 0 ? got : 0;
  return got;
}

/* One read: the number of bytes, 0 at the end or when stopped, or a negative error_code. */
static ssize_t read_some(struct byte_source *source, uint8_t *to, size_t size, struct error *error)
{
  for (;;) {
    if (is_stopped(source))
      return 0;
    if (!source->is_regular) {
      int ready = wait_readable(source, error);
      if (ready <= 0)
        return ready;
    }
    const ssize_t got = read_here(source, to, size);
    if (got >= 0) {
      source->bytes_read += (uint64_t)got;
      const int kept = keep(source, to, (size_t)got, error);
      return kept < 0 ? kept : got;
    }
    if (errno != EINTR && errno != EAGAIN)
      return error_set(error, ERROR_IO, "%s: %s", source->name, strerror(errno));
  }
}

/* Keeps the unread bytes, moved to the front, and makes room behind them. */
static int make_room(struct byte_source *source, size_t wanted, struct error *error)
{
  if (source->begin > 0) {
    memmove(source->buffer, source->buffer + source->begin, source->end - source->begin);
    source->end -= source->begin;
    source->begin = 0;
  }
  if (source->end < source->capacity &&
      (wanted <= source->capacity || source->end < source->capacity / 2))
    return 0;
  /* Doubling, not jumping to `wanted`: a length that lies costs no more memory than the file has
   * bytes. */
  size_t capacity = source->capacity * 2;
  if (wanted > source->capacity && wanted < capacity)
    capacity = wanted;
  uint8_t *buffer = realloc(source->buffer, capacity);
  if (buffer == NULL)
    return error_set(error, ERROR_MEMORY, "%s: no memory for a record of %zu bytes", source->name,
                     wanted);
  source->buffer = buffer;
  source->capacity = capacity;
  return 0;
}

static int fill_plain(struct byte_source *source, struct error *error)
{
  ssize_t got =
      read_some(source, source->buffer + source->end, source->capacity - source->end, error);
  if (got <= 0)
    return (int)got;
  source->end += (size_t)got;
  return 1;
}

static int read_compressed(struct byte_source *source, struct error *error)
{
  struct compressed *compressed = &source->compressed;
  if (compressed->left > 0 || compressed->file_ended)
    return 0;
  ssize_t got = read_some(source, compressed->buffer, COMPRESSED_BYTES, error);
  if (got < 0)
    return (int)got;
  compressed->next = compressed->buffer;
  compressed->left = (size_t)got;
  compressed->file_ended = got == 0;
  return 0;
}

static int compressed_end(struct byte_source *source, struct error *error)
{
  if (source->stopped || inflater_at_boundary(source->compressed.inflater))
    return 0;
  return error_set(
      error, ERROR_FORMAT,
      "%s: cut off in the %s data, at offset %llu of the compressed file: the rest is missing",
      source->name, source->compression, (unsigned long long)source->bytes_read);
}

static int fill_compressed(struct byte_source *source, struct error *error)
{
  struct compressed *compressed = &source->compressed;
  uint8_t *const start = source->buffer + source->end;
  for (;;) {
    int rc = read_compressed(source, error);
    if (rc < 0)
      return rc;
    uint8_t *out = start;
    size_t room = source->capacity - source->end;
    struct error why;
    rc =
        inflater_run(compressed->inflater, &compressed->next, &compressed->left, &out, &room, &why);
    source->end = (size_t)(out - source->buffer);
    if (rc < 0)
      rc = error_set(error, why.code, "%s: %s, at offset %llu of the compressed file", source->name,
                     why.text, (unsigned long long)(source->bytes_read - compressed->left));
    if (rc < 0 && out > start)
      source->failure = *error; /* after the bytes that are good */
    if (out > start)
      return 1;
    if (rc < 0)
      return rc;
    if (compressed->file_ended)
      return compressed_end(source, error);
  }
}

int byte_source_fill(struct byte_source *source, size_t wanted, struct error *error)
{
  if (source->failure.code != ERROR_NONE) {
    source->ended = true;
    *error = source->failure;
    return error->code;
  }
  if (source->ended)
    return 0;
  int rc = make_room(source, wanted, error);
  if (rc == 0)
    rc = source->compressed.inflater != NULL ? fill_compressed(source, error)
                                             : fill_plain(source, error);
  if (rc <= 0)
    source->ended = true;
  return rc;
}

/* What was read so far becomes the first compressed bytes. */
static int start_inflater(struct byte_source *source, const char *compression, struct error *error)
{
  struct compressed *compressed = &source->compressed;
  struct error why;
  int rc = inflater_open(&compressed->inflater, compression, &why);
  if (rc < 0)
    return error_set(error, why.code, "%s: %s", source->name, why.text);
  source->compression = compression;
  size_t size = source->end - source->begin;
  compressed->buffer = malloc(size > COMPRESSED_BYTES ? size : COMPRESSED_BYTES);
  if (compressed->buffer == NULL)
    return error_set(error, ERROR_MEMORY, "%s: no memory to decompress", source->name);
  memcpy(compressed->buffer, source->buffer + source->begin, size);
  compressed->next = compressed->buffer;
  compressed->left = size;
  compressed->file_ended = source->ended;
  source->begin = source->end = 0;
  source->ended = false;
  return 0;
}

static int find_compression(struct byte_source *source, struct error *error)
{
  while (source->end < 4) {
    int rc = byte_source_fill(source, 4, error);
    if (rc < 0)
      return rc;
    if (rc == 0)
      return 0;
  }
  const char *compression = inflater_probe(source->buffer);
  return compression == NULL ? 0 : start_inflater(source, compression, error);
}

int byte_source_open(struct byte_source **source_out, const char *path,
                     const struct byte_source_options *options, struct error *error)
{
  *source_out = NULL;
  struct byte_source *source = calloc(1, sizeof *source);
  if (source == NULL)
    return error_set(error, ERROR_MEMORY, "%s: no memory", path);
  source->fd = -1;
  source->stop = options->stop;
  source->compression = "";
  source->name = strdup(strcmp(path, "-") == 0 ? "standard input" : path);
  source->capacity = WINDOW_BYTES;
  source->buffer = malloc(source->capacity);
  int rc = 0;
  if (source->name == NULL || source->buffer == NULL)
    rc = error_set(error, ERROR_MEMORY, "%s: no memory", path);
  if (rc == 0)
    rc = open_path(source, path, options->fd, error);
  source->spool = source->is_regular ? NULL : options->spool;
  if (rc == 0)
    rc = find_compression(source, error);
  if (rc < 0) {
    byte_source_close(source);
    return rc;
  }
  *source_out = source;
  return 0;
}

void byte_source_stop_spooling(struct byte_source *source)
{
  source->spool = NULL;
}

void byte_source_close(struct byte_source *source)
{
  if (source == NULL)
    return;
  if (source->close_fd && source->fd >= 0)
    close(source->fd);
  inflater_close(source->compressed.inflater);
  free(source->compressed.buffer);
  free(source->buffer);
  free(source->name);
  free(source);
}

const uint8_t *byte_source_window(const struct byte_source *source, size_t *size)
{
  *size = source->end - source->begin;
  return source->buffer + source->begin;
}

void byte_source_consume(struct byte_source *source, size_t size)
{
  source->begin += size;
  source->offset += size;
}

void byte_source_get_info(const struct byte_source *source, struct byte_source_info *info)
{
  *info = (struct byte_source_info){
      .name = source->name,
      .compression = source->compression,
      .bytes_read = source->bytes_read - source->compressed.left,
      .bytes_total = source->bytes_total,
      .offset = source->offset,
      .ended = source->ended,
      .stopped = source->stopped,
  };
}
