#include "cli/source.h"

#include "cli/stdin_text.h"
#include "cli/values.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define PREVIEW_FRAMES 64

/* Reads the current excerpt to its end. */
static void drain(struct trace *trace)
{
  struct frame frames[PREVIEW_FRAMES];
  while (trace_next(trace, frames, PREVIEW_FRAMES, NULL) > 0)
    continue;
}

/* Names and the capturing host are needed before the first packet. Text has them where its packets
 * are: such files are small and read twice. pcapng has them ahead of its packets: one frame is
 * enough. */
static void open_preview(struct source *source, const struct trace_options *options)
{
  struct trace_info info;
  struct stat status;
  struct error ignored;
  const struct trace_options plain = {.stop = options->stop};
  trace_get_info(source->trace, &info);
  const char *path = strcmp(source->path, "-") == 0 ? "/dev/stdin" : source->path;
  const bool text = strcmp(info.format, "text") == 0;
  if ((!text && strcmp(info.format, "pcapng") != 0) || stat(path, &status) != 0 ||
      !S_ISREG(status.st_mode) || trace_open(&source->preview, path, &plain, &ignored) != 0)
    return;
  struct frame first;
  if (text)
    drain(source->preview);
  else
    trace_next(source->preview, &first, 1, &ignored);
}

int source_open(struct source *source, const char *path, const struct trace_options *options,
                struct error *error)
{
  *source = (struct source){.path = path};
  struct trace_options own = *options;
  const int kept = strcmp(path, "-") == 0 ? stdin_keep_text(options->stop, error) : 0;
  if (kept < 0)
    return kept;
  if (kept > 0)
    own.stop = NULL; /* the signal has ended the taking; what was taken is short and there */
  const int result = trace_open(&source->trace, path, &own, error);
  if (result == 0)
    open_preview(source, &own);
  return result;
}

void source_close(struct source *source)
{
  trace_close(source->trace);
  trace_close(source->preview);
  *source = (struct source){.path = source->path};
}

void source_captured_on(struct source *source, uint32_t excerpt, char *host, size_t size)
{
  struct trace_info info;
  if (excerpt > 0 && source->preview != NULL && trace_next_excerpt(source->preview))
    drain(source->preview);
  trace_get_info(source->preview != NULL ? source->preview : source->trace, &info);
  snprintf(host, size, "%s", info.captured_on);
}

bool source_host_address(const struct source *source, const char *host, struct ip_address *address)
{
  uint8_t ip_version;
  if (host[0] == '\0')
    return false;
  if (parse_address(host, address, &ip_version))
    return true;
  if (source->preview != NULL && trace_host_address(source->preview, host, address))
    return true;
  return trace_host_address(source->trace, host, address);
}

const char *source_host_name(const struct source *source, const struct ip_address *address)
{
  return trace_host_name(source->trace, address);
}
