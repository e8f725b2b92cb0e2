#include "cli/progress.h"

#include "cli/terminal.h"
#include "report/clean.h"
#include "report/format.h"
#include "wire/timestamp.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#define FIRST_AFTER_NS  (500 * NS_PER_MS) /* shorter work needs no progress */
#define REDRAW_AFTER_NS (100 * NS_PER_MS)
#define LEFT_AFTER_NS   (2 * NS_PER_S) /* before that, the time left is a guess */
#define CALLS_PER_CLOCK                                                                            \
  16 /* callbacks (batches of up to 256 packets) between two looks at the clock */

static int64_t monotonic_ns(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

void progress_start(struct progress *progress, FILE *stream, bool wanted, const char *name)
{
  *progress = (struct progress){.stream = stream};
  progress->enabled = wanted && isatty(fileno(stream)) != 0;
  progress->utf8 = terminal_utf8();
  if (!progress->enabled)
    return;
  const char *base = strrchr(name, '/');
  clean_text(progress->utf8 ? CLEAN_UTF8 : CLEAN_ASCII,
             strcmp(name, "-") == 0 ? "standard input"
             : base != NULL         ? base + 1
                                    : name,
             progress->name, sizeof progress->name);
  progress->start_ns = monotonic_ns();
  progress->next_ns = progress->start_ns + FIRST_AFTER_NS;
}

static void draw(struct progress *progress, int64_t now_ns, uint64_t bytes_read,
                 uint64_t bytes_total)
{
  char read[FORMAT_TEXT_SIZE], total[FORMAT_TEXT_SIZE], left[FORMAT_TEXT_SIZE];
  const int64_t spent_ns = now_ns - progress->start_ns;
  progress->drawn = true;
  fprintf(progress->stream, "\r\x1b[Kreading %s: ", progress->name);
  if (bytes_total == 0) {
    fprintf(progress->stream, "%s so far, Ctrl-C ends it and reports",
            format_bytes(bytes_read, read));
  } else {
    const double done = (double)bytes_read / (double)bytes_total;
    fprintf(progress->stream, "%3.0f %%, %s of %s", 100 * (done > 1 ? 1 : done),
            format_bytes(bytes_read, read), format_bytes(bytes_total, total));
    if (done > 0.01 && done < 1 && spent_ns > LEFT_AFTER_NS)
      fprintf(progress->stream, ", %s left",
              format_duration(
                  (int64_t)((double)spent_ns / done * (1 - done)) / NS_PER_S * NS_PER_S + NS_PER_S,
                  left));
  }
  fflush(progress->stream);
}

void progress_update(void *context, uint64_t bytes_read, uint64_t bytes_total)
{
  struct progress *progress = context;
  if (!progress->enabled || (bytes_total != 0 && progress->calls++ % CALLS_PER_CLOCK != 0))
    return;
  const int64_t now_ns = monotonic_ns();
  if (now_ns < progress->next_ns)
    return;
  progress->next_ns = now_ns + REDRAW_AFTER_NS;
  draw(progress, now_ns, bytes_read, bytes_total);
}

void progress_update_part(struct progress *progress, uint32_t parts, uint32_t part,
                          uint64_t bytes_read, uint64_t bytes_total)
{
  uint64_t read = 0, total = 0;
  bool known = true;
  progress->read[part] = bytes_read;
  progress->total[part] = bytes_total;
  for (uint32_t i = 0; i < parts; i++) {
    read += progress->read[i];
    total += progress->total[i];
    known = known && (progress->total[i] > 0 || progress->read[i] == 0);
  }
  progress_update(progress, read, known ? total : 0);
}

void progress_end(struct progress *progress)
{
  if (!progress->drawn)
    return;
  fputs("\r\x1b[K", progress->stream);
  fflush(progress->stream);
  progress->drawn = false;
}
