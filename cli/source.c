#include "cli/source.h"

#include "cli/values.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PREVIEW_FRAMES 64

/* Reads the current excerpt to its end. */
static int drain(struct trace *trace, struct error *error)
{
  struct frame frames[PREVIEW_FRAMES];
  int count;
  do
    count = trace_next(trace, frames, PREVIEW_FRAMES, error);
  while (count > 0);
  return count;
}

/* Regular files are read again by their path, by a copy of standard input, or from the spool. */
int source_identify(struct source *source, const char *path, struct error *error)
{
  *source = (struct source){.path = path, .interfaces = 1, .last_frame = UINT64_MAX};
  struct stat status;
  const bool is_stdin = strcmp(path, "-") == 0;
  if ((is_stdin ? fstat(STDIN_FILENO, &status) : stat(path, &status)) != 0)
    return error_set(error, ERROR_IO, "%s: %s", is_stdin ? "standard input" : path,
                     strerror(errno));
  source->device = status.st_dev;
  source->inode = status.st_ino;
  source->once = !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode);
  if (!is_stdin || source->once)
    return 0;
  source->fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  source->own_fd = source->fd > 0;
  return source->own_fd ? 0 : error_set(error, ERROR_IO, "standard input: %s", strerror(errno));
}

/* A pipe's bytes are kept from the first one on, until it is known that nobody wants them again. */
static int start_spool(struct source *source, const struct source_options *options,
                       struct error *error)
{
  struct error why;
  if (!source->once || spool_new(&source->spool, options->spool_max_bytes, &why) == 0)
    return 0;
  return options->twice
             ? error_set(error, why.code, "%s: a pipe among several traces has to be kept: %s",
                         source->path, why.text)
             : 0;
}

static void stop_spool(struct source *source)
{
  trace_stop_spooling(source->trace);
  spool_free(source->spool);
  source->spool = NULL;
}

/* A pipe that is being kept can be read again as far as it was read. */
static void use_spool(struct source *source)
{
  source->fd = spool_fd(source->spool);
  source->once = false;
}

static int note_excerpt(struct source *source, const struct trace *trace)
{
  struct trace_info info;
  char(*grown)[64] =
      realloc(source->captured_on, (source->excerpts + 1) * sizeof *source->captured_on);
  if (grown == NULL)
    return ERROR_MEMORY;
  source->captured_on = grown;
  trace_get_info(trace, &info);
  snprintf(grown[source->excerpts++], sizeof *grown, "%s", info.captured_on);
  return 0;
}

/* Reads a text to its end: excerpts, hosts and names. */
static int read_text(struct source *source, struct trace *trace, struct error *error)
{
  struct error damage = {.code = ERROR_NONE};
  do {
    drain(trace, &damage);
    if (note_excerpt(source, trace) < 0)
      return error_set(error, ERROR_MEMORY, "out of memory");
  } while (trace_next_excerpt(trace));
  if (source->spool != NULL && (damage.code == ERROR_LIMIT || damage.code == ERROR_IO))
    source->damage = damage;
  return 0;
}

/* Text has its names where its packets are, and may hold several excerpts: it is looked through
 * before. */
static int look_through_text(struct source *source, const struct source_options *options,
                             struct error *error)
{
  struct trace_options plain = {.stop = options->trace.stop};
  if (source->spool == NULL) {
    if (source->once || source_reopen(source, 0, &plain, &source->preview, error) < 0)
      return 0; /* it is read once, then */
    return read_text(source, source->preview, error);
  }
  source->preview = source->trace;
  source->trace = NULL;
  const int result = read_text(source, source->preview, error);
  if (result < 0)
    return result;
  use_spool(source);
  struct trace_options again = options->trace;
  source->taken_until_stop =
      again.stop != NULL && __atomic_load_n(again.stop, __ATOMIC_RELAXED) != 0;
  if (source->taken_until_stop)
    again.stop = NULL; /* what was taken is short and there */
  return source_reopen(source, 0, &again, &source->trace, error);
}

bool source_note_interfaces(struct source *source, const struct trace *read)
{
  struct trace_info info;
  trace_get_info(read, &info);
  if (source->is_text || info.interface_count <= source->interfaces)
    return false;
  source->interfaces = info.interface_count;
  return true;
}

static int look_at(struct source *source, const struct source_options *options, struct error *error)
{
  struct trace_info info;
  trace_get_info(source->trace, &info);
  source->is_text = strcmp(info.format, "text") == 0;
  if (source->is_text)
    return look_through_text(source, options, error);
  if (strcmp(info.format, "pcapng") == 0)
    trace_peek(source->trace);
  source_note_interfaces(source, source->trace);
  if (note_excerpt(source, source->trace) < 0)
    return error_set(error, ERROR_MEMORY, "out of memory");
  if (source->spool != NULL && !options->twice && source->interfaces == 1)
    stop_spool(source);
  if (source->spool != NULL)
    use_spool(source);
  return 0;
}

int source_open(struct source *source, const struct source_options *options, struct error *error)
{
  int result = start_spool(source, options, error);
  if (result < 0)
    return result;
  struct trace_options own = options->trace;
  own.spool = source->spool;
  own.fd = source->fd;
  own.on_sample = sample_queue_take;
  own.sample_context = &source->samples;
  result = trace_open(&source->trace, source->path, &own, error);
  if (result == 0)
    result = look_at(source, options, error);
  if (source->excerpts == 0)
    source->excerpts = 1;
  return result;
}

void source_close(struct source *source)
{
  trace_close(source->trace);
  trace_close(source->preview);
  sample_queue_clear(&source->samples);
  spool_free(source->spool);
  free(source->captured_on);
  if (source->own_fd)
    close(source->fd);
  *source = (struct source){.path = source->path};
}

int source_rewind(struct source *source, const struct trace_options *options, struct error *error)
{
  struct trace_options own = *options;
  own.on_sample = sample_queue_take;
  own.sample_context = &source->samples;
  trace_close(source->trace);
  source->trace = NULL;
  sample_queue_clear(&source->samples);
  return source_reopen(source, 0, &own, &source->trace, error);
}

int source_reopen(const struct source *source, uint32_t excerpt,
                  const struct trace_options *options, struct trace **trace, struct error *error)
{
  struct trace_options own = *options;
  own.fd = source->fd;
  own.spool = NULL;
  const int result = trace_open(trace, source->path, &own, error);
  for (uint32_t i = 0; result == 0 && i < excerpt; i++)
    if (!trace_next_excerpt(*trace))
      break;
  return result;
}

const char *source_captured_on(const struct source *source, uint32_t excerpt)
{
  return source->captured_on != NULL && excerpt < source->excerpts ? source->captured_on[excerpt]
                                                                   : "";
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
  const char *name = source->preview != NULL ? trace_host_name(source->preview, address) : NULL;
  return name != NULL ? name : trace_host_name(source->trace, address);
}
