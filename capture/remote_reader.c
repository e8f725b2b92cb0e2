#include "capture/remote_reader.h"

#include "capture/remote_reader_internal.h"
#include "wire/pcap_format.h"
#include "wire/timestamp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define READ_BYTES_MAX  65536 /* at a time: other ends have their turn */
#define PROBE_BYTES     12    /* that tell pcapng from other things */
#define SHOWN_BYTES_MAX 80    /* of what is no capture, in the message about it */

int remote_reader_new(struct remote_reader **reader_out, const struct remote_sink *sink,
                      struct error *error)
{
  struct remote_reader *reader = calloc(1, sizeof *reader);
  *reader_out = reader;
  if (reader == NULL)
    return error_set(error, ERROR_MEMORY, "no memory for a remote end");
  reader->sink = *sink;
  reader->latest_ns = INT64_MIN;
  return 0;
}

void remote_reader_free(struct remote_reader *reader)
{
  free(reader);
}

enum remote_reader_state remote_reader_state(const struct remote_reader *reader)
{
  return reader->state;
}

const char *remote_reader_format(const struct remote_reader *reader)
{
  switch (reader->format) {
  case REMOTE_FORMAT_PCAPNG: return "pcapng";
  case REMOTE_FORMAT_PCAP: return "pcap";
  case REMOTE_FORMAT_UNKNOWN: break;
  }
  return "";
}

uint32_t remote_reader_interfaces(const struct remote_reader *reader)
{
  return reader->interface_count;
}

int64_t remote_reader_latest_ns(const struct remote_reader *reader)
{
  return reader->latest_ns;
}

bool remote_reader_finished(const struct remote_reader *reader)
{
  for (uint32_t i = 0; i < reader->interface_count; i++)
    if (!reader->interfaces[i].finished)
      return false;
  return reader->interface_count > 0 && reader->state != REMOTE_CUT &&
         reader->state != REMOTE_DAMAGED;
}

int remote_reader_note_time(struct remote_reader *reader, int64_t time_ns, struct error *error)
{
  if (time_ns < 0 || time_ns > REMOTE_TIME_NS_MAX)
    return error_set(error, ERROR_FORMAT,
                     "damaged: a packet or statistics block without a time, "
                     "or with an impossible one");
  if (time_ns > reader->latest_ns)
    reader->latest_ns = time_ns;
  return 0;
}

int remote_reader_give_frame(struct remote_reader *reader, struct frame *frame, struct error *error)
{
  int rc = remote_reader_note_time(reader, frame->time_ns, error);
  if (rc < 0)
    return rc;
  frame->number = 0;
  if (reader->sink.frame != NULL)
    reader->sink.frame(reader->sink.context, frame);
  return 1;
}

/* The bytes as far as they can be printed. */
static void show(char *text, const uint8_t *bytes, size_t size)
{
  size_t used = 0;
  for (; used < size && used < SHOWN_BYTES_MAX && bytes[used] != '\n'; used++)
    text[used] = (char)(bytes[used] >= ' ' && bytes[used] < 0x7f ? bytes[used] : '?');
  text[used] = '\0';
}

static int refuse(const uint8_t *bytes, size_t size, struct error *error)
{
  char text[SHOWN_BYTES_MAX + 1];
  show(text, bytes, size);
  return error_set(
      error, ERROR_FORMAT,
      "what came is no capture, it begins with \"%s\" (a shell's start-up file on that "
      "host must print nothing)",
      text);
}

static int open_pcap(struct remote_reader *reader, const uint8_t *bytes, size_t size,
                     struct error *error)
{
  int rc = pcap_format_open(&reader->pcap, bytes, size, error);
  if (rc < 0)
    return rc;
  const struct remote_interface interface = {.name = "",
                                             .description = "",
                                             .linktype = reader->pcap.linktype,
                                             .snaplen_bytes = reader->pcap.snaplen_bytes};
  reader->format = REMOTE_FORMAT_PCAP;
  reader->begin += reader->pcap.file_header_bytes;
  reader->interface_count = 1;
  if (reader->sink.interface != NULL)
    reader->sink.interface(reader->sink.context, 0, &interface);
  return 0;
}

/* 0 and the state REMOTE_OPENING: more bytes are needed. */
static int open_format(struct remote_reader *reader, struct error *error)
{
  const uint8_t *bytes = reader->bytes + reader->begin;
  size_t size = reader->end - reader->begin;
  bool pcap = pcap_format_probe(bytes, size);
  if (!reader->input_ended && size < (pcap ? PCAP_FILE_HEADER_BYTES : PROBE_BYTES))
    return 0;
  int rc = 0;
  if (pcap)
    rc = open_pcap(reader, bytes, size, error);
  else if (pcapng_probe(bytes, size))
    reader->format = REMOTE_FORMAT_PCAPNG;
  else if (size == 0)
    rc = error_set(error, ERROR_IO, "nothing came");
  else
    rc = refuse(bytes, size, error);
  if (rc == 0)
    reader->state = REMOTE_READING;
  else
    reader->state = size == 0 ? REMOTE_ENDED : REMOTE_DAMAGED;
  return rc;
}

static int take_pcap_record(struct remote_reader *reader, struct error *error)
{
  struct frame frame;
  size_t count = 0;
  struct pcap_walk walk = {.next_number = 1};
  enum pcap_walk_stop stop =
      pcap_format_walk(&reader->pcap, reader->bytes + reader->begin, reader->end - reader->begin,
                       &frame, 1, &count, &walk);
  if (stop == PCAP_WALK_BAD)
    return error_set(error, walk.error.code, "%s", walk.error.text);
  if (stop == PCAP_WALK_MORE) {
    reader->needed = walk.needed;
    return REMOTE_TAKE_MORE;
  }
  reader->begin += walk.used;
  return remote_reader_give_frame(reader, &frame, error);
}

static int take(struct remote_reader *reader, struct error *error)
{
  int rc = reader->format == REMOTE_FORMAT_PCAP ? take_pcap_record(reader, error)
                                                : remote_reader_take_block(reader, error);
  if (rc == REMOTE_TAKE_MORE && reader->needed > REMOTE_READER_BLOCK_BYTES_MAX)
    return error_set(error, ERROR_FORMAT,
                     "damaged: a block of %zu bytes (at most %zu are possible)", reader->needed,
                     REMOTE_READER_BLOCK_BYTES_MAX);
  return rc;
}

/* Everything that can be had was given away, and nothing more will come. */
static int tell_end(struct remote_reader *reader, struct error *error)
{
  size_t left = reader->end - reader->begin;
  reader->state = left == 0 ? REMOTE_ENDED : REMOTE_CUT;
  if (left == 0)
    return error_set(error, ERROR_IO, "the stream has ended");
  return error_set(error, ERROR_FORMAT, "the stream was cut off within a packet");
}

/* One more of what is there: 0 or 1, REMOTE_TAKE_MORE, or a negative error_code: nothing more. */
static int next(struct remote_reader *reader, struct error *error)
{
  if (reader->state == REMOTE_OPENING) {
    int rc = open_format(reader, error);
    if (rc < 0 || reader->state == REMOTE_OPENING)
      return rc < 0 ? rc : REMOTE_TAKE_MORE;
  }
  int rc = take(reader, error);
  if (rc == REMOTE_TAKE_MORE && reader->input_ended)
    return tell_end(reader, error);
  if (rc < 0)
    reader->state = REMOTE_DAMAGED;
  return rc;
}

int remote_reader_deliver(struct remote_reader *reader, int max, struct error *error)
{
  int given = 0;
  while (given < max && reader->failure.code == ERROR_NONE) {
    int rc = next(reader, &reader->failure);
    if (rc == REMOTE_TAKE_MORE)
      return given;
    given += rc > 0 ? rc : 0;
  }
  if (given > 0 || reader->failure.code == ERROR_NONE)
    return given;
  return error_set(error, reader->failure.code, "%s", reader->failure.text);
}

/* Whole blocks leave at the front: what is left of one is moved there before more is added. */
static size_t make_room(struct remote_reader *reader)
{
  if (reader->begin > 0) {
    memmove(reader->bytes, reader->bytes + reader->begin, reader->end - reader->begin);
    reader->end -= reader->begin;
    reader->begin = 0;
  }
  return sizeof reader->bytes - reader->end;
}

size_t remote_reader_feed(struct remote_reader *reader, const uint8_t *bytes, size_t size)
{
  size_t room = make_room(reader), taken = size < room ? size : room;
  memcpy(reader->bytes + reader->end, bytes, taken);
  reader->end += taken;
  return taken;
}

void remote_reader_end(struct remote_reader *reader)
{
  reader->input_ended = true;
}

/* Returns true if there are new bytes, or the end was met. */
static bool fill(struct remote_reader *reader, int fd)
{
  size_t room = make_room(reader);
  if (reader->input_ended || room == 0)
    return false;
  if (room > READ_BYTES_MAX)
    room = READ_BYTES_MAX;
  ssize_t count = read(fd, reader->bytes + reader->end, room);
  if (count < 0 && (errno == EAGAIN || errno == EINTR))
    return false;
  if (count <= 0)
    reader->input_ended = true;
  else
    reader->end += (size_t)count;
  return true;
}

int remote_reader_read(struct remote_reader *reader, int fd, int max, struct error *error)
{
  int given = remote_reader_deliver(reader, max, error);
  if (given < 0 || given == max || !fill(reader, fd))
    return given;
  int more = remote_reader_deliver(reader, max - given, error);
  if (more < 0)
    return given > 0 ? given : more; /* it is told the next time as well */
  return given + more;
}
