#include "capture/annotate_convert.h"

#include "capture/name_table.h"
#include "wire/pcapng_writer.h"
#include "wire/timestamp.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BATCH          256
#define INTERFACES_MAX 256u /* that are told apart */
/* "captured on: HOST", as a description says it */
#define CAPTURED_ON_BYTES 96

/* An interface of the trace can hold frames of several link types (text): one of ours for each. */
struct written_interface {
  uint32_t interface, linktype;
};

struct converter {
  struct conversion *conversion;
  struct pcapng_writer *writer;
  struct written_interface interfaces[INTERFACES_MAX];
  uint32_t count;
  struct name_table *named; /* whose names are written */
};

static int find_interface(struct converter *converter, const struct frame *frame,
                          struct error *error)
{
  for (uint32_t i = 0; i < converter->count; i++)
    if (converter->interfaces[i].interface == frame->interface &&
        converter->interfaces[i].linktype == frame->linktype)
      return (int)i;
  if (converter->count == INTERFACES_MAX)
    return error_set(error, ERROR_LIMIT, "more than %u interfaces", INTERFACES_MAX);
  struct trace_interface of;
  struct trace_info info;
  char host[CAPTURED_ON_BYTES];
  trace_get_interface(converter->conversion->trace, frame->interface, &of);
  trace_get_info(converter->conversion->trace, &info);
  snprintf(host, sizeof host, "captured on: %s", info.captured_on);
  const bool says_host = of.description[0] == '\0' && info.captured_on[0] != '\0';
  const struct pcapng_interface interface = {.name = of.name,
                                             .description = says_host ? host : of.description,
                                             .linktype = frame->linktype,
                                             .snaplen_bytes = of.snaplen_bytes};
  const int index = pcapng_writer_interface(converter->writer, &interface, error);
  if (index >= 0)
    converter->interfaces[converter->count++] =
        (struct written_interface){frame->interface, frame->linktype};
  return index;
}

/* A name resolution block ahead of the first frame of a host that the trace has a name for. */
static int write_name(struct converter *converter, const struct packet *packet,
                      const struct ip_address *address, struct error *error)
{
  const char *name = trace_host_name(converter->conversion->trace, address);
  if (name == NULL || name_table_name(converter->named, address) != NULL)
    return 0;
  name_table_add(converter->named, address, name, strlen(name));
  return pcapng_writer_name(converter->writer, address, packet->ip_version, name, error);
}

static int write_names(struct converter *converter, const struct frame *frame, struct error *error)
{
  struct packet packet;
  packet_decode(frame, &packet);
  if (packet.ip_version == 0)
    return 0;
  const int rc = write_name(converter, &packet, &packet.src, error);
  return rc < 0 ? rc : write_name(converter, &packet, &packet.dst, error);
}

static int convert_frame(struct converter *converter, const struct frame *frame,
                         struct error *error)
{
  const int interface = find_interface(converter, frame, error);
  const struct pcapng_packet packet = {.interface = (uint32_t)interface,
                                       .time_ns =
                                           time_is_valid(frame->time_ns) ? frame->time_ns : 0,
                                       .bytes = frame->bytes,
                                       .captured_bytes = frame->captured_bytes,
                                       .original_bytes = frame->original_bytes,
                                       .direction = frame->direction};
  const int named = interface < 0 ? interface : write_names(converter, frame, error);
  return named < 0 ? named : pcapng_writer_packet(converter->writer, &packet, error);
}

static int convert(struct converter *converter, struct error *error)
{
  struct frame frames[BATCH];
  int count, rc = 0;
  while (rc == 0 && (count = trace_next(converter->conversion->trace, frames, BATCH, error)) != 0) {
    if (count < 0)
      return count;
    for (int i = 0; rc == 0 && i < count; i++)
      rc = convert_frame(converter, &frames[i], error);
  }
  return rc;
}

static void *run(void *argument)
{
  struct conversion *conversion = argument;
  struct converter converter = {.conversion = conversion};
  struct error closing = {.code = ERROR_NONE};
  int rc = pcapng_writer_open(&converter.writer, conversion->write_fd, conversion->application,
                              &conversion->error);
  if (rc == 0 && (converter.named = name_table_new()) == NULL)
    rc = error_set(&conversion->error, ERROR_MEMORY, "no memory for names");
  if (rc == 0)
    rc = convert(&converter, &conversion->error);
  if (converter.writer != NULL && pcapng_writer_close(converter.writer, &closing) < 0 && rc == 0)
    conversion->error = closing;
  name_table_free(converter.named);
  return NULL;
}

/* A reader that gives up must not end the program by SIGPIPE: the thread has it blocked, and the
 * write fails. */
static int start(struct conversion *conversion)
{
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const int rc = pthread_create(&conversion->thread, NULL, run, conversion);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return rc;
}

int conversion_begin(struct conversion *conversion, struct trace *trace, const char *application,
                     struct error *error)
{
  int fds[2];
  *conversion = (struct conversion){.trace = trace, .application = application, .read_fd = -1};
  if (pipe2(fds, O_CLOEXEC) != 0)
    return error_set(error, ERROR_IO, "no pipe: %s", strerror(errno));
  conversion->read_fd = fds[0];
  conversion->write_fd = fds[1];
  const int rc = start(conversion);
  if (rc == 0) {
    conversion->running = true;
    return 0;
  }
  close(fds[0]);
  close(fds[1]);
  return error_set(error, ERROR_MEMORY, "no further thread: %s", strerror(rc));
}

void conversion_end(struct conversion *conversion)
{
  if (conversion->running)
    pthread_join(conversion->thread, NULL);
  conversion->running = false;
}
