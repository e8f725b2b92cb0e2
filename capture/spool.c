#include "capture/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BYTES_PER_GIB ((double)(1 << 30))

struct spool {
  int fd;
  uint64_t size, max_bytes;
};

/* A file without a name; where the file system has no such thing, one that loses its name at once.
 */
static int open_unlinked(const char *directory)
{
  int fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (fd >= 0)
    return fd;
  char path[PATH_MAX];
  if (snprintf(path, sizeof path, "%s/tcpstall-XXXXXX", directory) >= (int)sizeof path) {
    errno = ENAMETOOLONG;
    return -1;
  }
  fd = mkostemp(path, O_CLOEXEC);
  if (fd >= 0)
    unlink(path);
  return fd;
}

int spool_new(struct spool **spool_out, uint64_t max_bytes, struct error *error)
{
  *spool_out = NULL;
  const char *directory = getenv("TMPDIR");
  if (directory == NULL || directory[0] == '\0')
    directory = "/tmp";
  struct spool *spool = malloc(sizeof *spool);
  if (spool == NULL)
    return error_set(error, ERROR_MEMORY, "no memory to keep a pipe");
  *spool = (struct spool){.fd = open_unlinked(directory), .max_bytes = max_bytes};
  if (spool->fd < 0) {
    error_set(error, ERROR_IO, "no temporary file in %s (TMPDIR): %s", directory, strerror(errno));
    free(spool);
    return ERROR_IO;
  }
  *spool_out = spool;
  return 0;
}

void spool_free(struct spool *spool)
{
  if (spool == NULL)
    return;
  close(spool->fd);
  free(spool);
}

int spool_append(struct spool *spool, const uint8_t *bytes, size_t size, struct error *error)
{
  if (size > spool->max_bytes - spool->size)
    return error_set(error, ERROR_LIMIT,
                     "the copy for the second reading has reached its limit of %.3g GiB "
                     "(--spool-max); or save it to a file and name that",
                     (double)spool->max_bytes / BYTES_PER_GIB);
  for (size_t at = 0; at < size;) {
    /* by position: the file's own stays at its beginning, for those who read it */
    const ssize_t put = pwrite(spool->fd, bytes + at, size - at, (off_t)(spool->size + at));
    if (put < 0 && errno != EINTR)
      return error_set(error, ERROR_IO, "the copy for the second reading (in TMPDIR): %s",
                       strerror(errno));
    at += put > 0 ? (size_t)put : 0;
  }
  spool->size += size;
  return 0;
}

int spool_fd(const struct spool *spool)
{
  return spool->fd;
}
