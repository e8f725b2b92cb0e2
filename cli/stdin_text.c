#include "cli/stdin_text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PEEK_BYTES     16 /* every capture format has shown a byte outside text by then */
#define KEEP_BYTES_MAX (UINT64_C(256) << 20) /* some two million packets as text */

/* The first bytes of the pipe, which stay in it (tee(2)). False if it is no pipe, or closed
 * already. */
static bool peek(uint8_t bytes[PEEK_BYTES], size_t *size)
{
  int copy[2];
  if (pipe2(copy, O_CLOEXEC) != 0)
    return false;
  const ssize_t copied = tee(STDIN_FILENO, copy[1], PEEK_BYTES, 0);
  const ssize_t got = copied > 0 ? read(copy[0], bytes, PEEK_BYTES) : 0;
  close(copy[0]);
  close(copy[1]);
  *size = got > 0 ? (size_t)got : 0;
  return *size > 0;
}

static bool looks_like_text(const uint8_t *bytes, size_t size)
{
  for (size_t i = 0; i < size; i++)
    if (bytes[i] == 0x7f || (bytes[i] < 0x20 && strchr("\t\n\r\f", bytes[i]) == NULL))
      return false;
  const bool zstd = size >= 4 && memcmp(bytes, "\x28\xb5\x2f\xfd", 4) == 0; /* RFC 8878, 3.1.1 */
  return !zstd && memchr(bytes, 0, size) == NULL;
}

static int copy_all(int memory, volatile const int *stop, struct error *error)
{
  uint64_t total = 0;
  char block[65536];
  while (stop == NULL || *stop == 0) {
    const ssize_t got = read(STDIN_FILENO, block, sizeof block);
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return error_set(error, ERROR_IO, "standard input: %s", strerror(errno));
    if (got == 0)
      return 0;
    total += (uint64_t)got;
    if (total > KEEP_BYTES_MAX)
      return error_set(
          error, ERROR_LIMIT,
          "standard input: more than 256 MiB of text; save it to a file and name that");
    for (ssize_t at = 0; at < got;) {
      const ssize_t put = write(memory, block + at, (size_t)(got - at));
      if (put < 0 && errno != EINTR)
        return error_set(error, ERROR_IO, "keeping standard input: %s", strerror(errno));
      at += put > 0 ? put : 0;
    }
  }
  return 0;
}

int stdin_keep_text(volatile const int *stop, struct error *error)
{
  uint8_t bytes[PEEK_BYTES];
  size_t size;
  if (!peek(bytes, &size) || !looks_like_text(bytes, size))
    return 0;
  const int memory = memfd_create("standard input", MFD_CLOEXEC);
  if (memory < 0)
    return 0; /* it can be read once, then */
  int result = copy_all(memory, stop, error);
  if (result == 0 && (lseek(memory, 0, SEEK_SET) != 0 || dup2(memory, STDIN_FILENO) < 0))
    result = error_set(error, ERROR_IO, "keeping standard input: %s", strerror(errno));
  close(memory);
  return result == 0 ? 1 : result;
}
