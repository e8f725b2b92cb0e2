#include "wire/pcapng_writer.h"

#include "wire/pcapng_format.h"
#include "wire/timestamp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUFFER_BYTES           ((size_t)64 * 1024)
#define BYTE_ORDER_MAGIC       UINT32_C(0x1a2b3c4d)
#define SECTION_LENGTH_UNKNOWN UINT64_MAX
#define TSRESOL_NANOSECONDS    9
#define OPTION_BYTES_MAX       65535U
#define NAME_BYTES_MAX         255U /* a DNS name (RFC 1035, 2.3.4) */
#define BLOCK_BYTES_MIN        12U  /* type and twice the length */

enum written_option {
  SHB_USERAPPL = 4,
  IF_NAME = 2,
  IF_DESCRIPTION = 3,
  IF_TSRESOL = 9,
  IF_FILTER = 11,
  EPB_FLAGS = 2,
  EPB_PACKETID = 5,
  ISB_STARTTIME = 2,
  ISB_ENDTIME = 3,
  ISB_IFRECV = 4,
  ISB_IFDROP = 5,
  ISB_USRDELIV = 8
};

/* A block is laid out in `block` first, which grows as needed, and then goes into the buffer whole.
 */
struct pcapng_writer {
  int fd;
  uint32_t interface_count;
  bool out_of_memory; /* while the current block was laid out */
  uint8_t *block;
  size_t block_bytes, block_capacity;
  uint64_t total_bytes, flushed_bytes;
  size_t buffered, buffered_blocks;
  uint32_t ends[BUFFER_BYTES / BLOCK_BYTES_MIN]; /* where each of the buffer's blocks ends */
  uint8_t buffer[BUFFER_BYTES];
};

/* Room for size more bytes of the block; NULL: no memory, which end_block() reports. */
static uint8_t *grow(struct pcapng_writer *writer, size_t size)
{
  size_t wanted = writer->block_bytes + size;
  if (wanted > writer->block_capacity) {
    size_t capacity = wanted * 2;
    uint8_t *block = realloc(writer->block, capacity);
    if (block == NULL) {
      writer->out_of_memory = true;
      return NULL;
    }
    writer->block = block;
    writer->block_capacity = capacity;
  }
  uint8_t *place = writer->block + writer->block_bytes;
  writer->block_bytes = wanted;
  return place;
}

static void put_bytes(struct pcapng_writer *writer, const void *bytes, size_t size)
{
  if (size == 0)
    return;
  uint8_t *place = grow(writer, size);
  if (place != NULL)
    memcpy(place, bytes, size);
}

static void put_u16(struct pcapng_writer *writer, uint16_t value)
{
  put_bytes(writer, &value, sizeof value);
}

static void put_u32(struct pcapng_writer *writer, uint32_t value)
{
  put_bytes(writer, &value, sizeof value);
}

static void put_u64(struct pcapng_writer *writer, uint64_t value)
{
  put_bytes(writer, &value, sizeof value);
}

static void put_padding(struct pcapng_writer *writer)
{
  static const uint8_t zeros[4] = {0};
  put_bytes(writer, zeros, -writer->block_bytes & 3);
}

static void put_option(struct pcapng_writer *writer, uint16_t code, const void *value, size_t size)
{
  put_u16(writer, code);
  put_u16(writer, (uint16_t)size);
  put_bytes(writer, value, size);
  put_padding(writer);
}

/* Too long a text is cut, at a character's border (UTF-8's continuation bytes are 10xxxxxx). */
static void put_text_option(struct pcapng_writer *writer, uint16_t code, const char *text)
{
  if (text == NULL || text[0] == '\0')
    return;
  size_t size = strlen(text);
  if (size > OPTION_BYTES_MAX)
    for (size = OPTION_BYTES_MAX; size > 0 && ((unsigned char)text[size] & 0xc0) == 0x80;)
      size--;
  put_option(writer, code, text, size);
}

static void put_end_of_options(struct pcapng_writer *writer)
{
  put_u32(writer, PCAPNG_OPTION_END);
}

static void begin_block(struct pcapng_writer *writer, uint32_t type)
{
  writer->block_bytes = 0;
  writer->out_of_memory = false;
  put_u32(writer, type);
  put_u32(writer, 0); /* its length, when it is known */
}

/* Takes the part of a block that was written before the disk was full away again. false: that
 * cannot be done, or there is none. */
static bool cut_back(int fd, size_t bytes)
{
  off_t place = bytes > 0 ? lseek(fd, 0, SEEK_CUR) : -1;
  return place >= (off_t)bytes && ftruncate(fd, place - (off_t)bytes) == 0 &&
         lseek(fd, place - (off_t)bytes, SEEK_SET) >= 0;
}

/* Of the first `done` bytes of the buffer, those of whole blocks. */
static size_t whole_blocks(const struct pcapng_writer *writer, size_t done)
{
  size_t whole = 0;
  for (size_t i = 0; i < writer->buffered_blocks && writer->ends[i] <= done; i++)
    whole = writer->ends[i];
  return whole;
}

/* The bytes are whole blocks: the buffer's, or one. */
static int write_all(struct pcapng_writer *writer, const uint8_t *bytes, size_t size,
                     struct error *error)
{
  size_t done = 0;
  int fd = writer->fd;
  while (done < size) {
    ssize_t written = write(fd, bytes + done, size - done);
    if (written < 0 && errno == EINTR)
      continue;
    if (written < 0) {
      int why = errno;
      const size_t whole = bytes == writer->buffer ? whole_blocks(writer, done) : 0;
      if (done == whole || cut_back(fd, done - whole))
        writer->flushed_bytes += whole;
      return error_set(error, ERROR_IO, "cannot write the trace: %s", strerror(why));
    }
    done += (size_t)written;
  }
  writer->flushed_bytes += size;
  return 0;
}

uint64_t pcapng_writer_flushed_bytes(const struct pcapng_writer *writer)
{
  return writer->flushed_bytes;
}

uint64_t pcapng_writer_bytes(const struct pcapng_writer *writer)
{
  return writer->total_bytes;
}

int pcapng_writer_flush(struct pcapng_writer *writer, struct error *error)
{
  size_t size = writer->buffered;
  writer->buffered = 0; /* what could not be written is lost, and has been reported */
  int rc = write_all(writer, writer->buffer, size, error);
  writer->buffered_blocks = 0;
  return rc;
}

int pcapng_writer_block(struct pcapng_writer *writer, const uint8_t *block, size_t size,
                        struct error *error)
{
  writer->total_bytes += size;
  if (size > BUFFER_BYTES - writer->buffered) {
    int rc = pcapng_writer_flush(writer, error);
    if (rc < 0)
      return rc;
  }
  if (size > BUFFER_BYTES)
    return write_all(writer, block, size, error);
  memcpy(writer->buffer + writer->buffered, block, size);
  writer->buffered += size;
  writer->ends[writer->buffered_blocks++] = (uint32_t)writer->buffered;
  return 0;
}

static int end_block(struct pcapng_writer *writer, struct error *error)
{
  uint32_t length = (uint32_t)writer->block_bytes + 4;
  put_u32(writer, length);
  if (writer->out_of_memory)
    return error_set(error, ERROR_MEMORY, "no memory for a block of the trace");
  memcpy(writer->block + 4, &length, sizeof length);
  return pcapng_writer_block(writer, writer->block, length, error);
}

static int write_section_header(struct pcapng_writer *writer, const char *application,
                                struct error *error)
{
  begin_block(writer, PCAPNG_SECTION_HEADER);
  put_u32(writer, BYTE_ORDER_MAGIC);
  put_u16(writer, 1);
  put_u16(writer, 0);
  put_u64(writer, SECTION_LENGTH_UNKNOWN);
  put_text_option(writer, SHB_USERAPPL, application);
  put_end_of_options(writer);
  int rc = end_block(writer, error);
  return rc < 0 ? rc : pcapng_writer_flush(writer, error);
}

int pcapng_writer_open_bare(struct pcapng_writer **writer, int fd, struct error *error)
{
  *writer = calloc(1, sizeof **writer);
  if (*writer == NULL) {
    close(fd);
    return error_set(error, ERROR_MEMORY, "no memory to write a trace");
  }
  (*writer)->fd = fd;
  return 0;
}

int pcapng_writer_open(struct pcapng_writer **writer, int fd, const char *application,
                       struct error *error)
{
  int rc = pcapng_writer_open_bare(writer, fd, error);
  if (*writer == NULL)
    return rc;
  rc = write_section_header(*writer, application, error);
  if (rc < 0) {
    pcapng_writer_close(*writer, NULL);
    *writer = NULL;
  }
  return rc;
}

/* if_filter is one byte, 0 for libpcap's language, and the text. */
static void put_filter(struct pcapng_writer *writer, const char *filter)
{
  if (filter == NULL || filter[0] == '\0')
    return;
  size_t size = strnlen(filter, OPTION_BYTES_MAX - 1);
  put_u16(writer, IF_FILTER);
  put_u16(writer, (uint16_t)(size + 1));
  put_bytes(writer, "", 1);
  put_bytes(writer, filter, size);
  put_padding(writer);
}

int pcapng_writer_interface(struct pcapng_writer *writer, const struct pcapng_interface *interface,
                            struct error *error)
{
  static const uint8_t tsresol = TSRESOL_NANOSECONDS;
  if (interface->linktype > UINT16_MAX)
    return error_set(error, ERROR_USAGE, "pcapng has no link type %u", interface->linktype);
  begin_block(writer, PCAPNG_INTERFACE);
  put_u16(writer, (uint16_t)interface->linktype);
  put_u16(writer, 0);
  put_u32(writer, interface->snaplen_bytes);
  put_text_option(writer, IF_NAME, interface->name);
  put_text_option(writer, IF_DESCRIPTION, interface->description);
  put_option(writer, IF_TSRESOL, &tsresol, sizeof tsresol);
  put_filter(writer, interface->filter);
  put_text_option(writer, PCAPNG_OPTION_COMMENT, interface->comment);
  put_end_of_options(writer);
  int rc = end_block(writer, error);
  return rc < 0 ? rc : (int)writer->interface_count++;
}

/* Times before 1970 (and none at all) have no form in this interface's resolution: they become 0.
 */
static void put_time(struct pcapng_writer *writer, int64_t time_ns)
{
  uint64_t units = time_ns > 0 ? (uint64_t)time_ns : 0;
  put_u32(writer, (uint32_t)(units >> 32));
  put_u32(writer, (uint32_t)units);
}

static void put_packet_options(struct pcapng_writer *writer, const struct pcapng_packet *packet)
{
  size_t before = writer->block_bytes;
  for (size_t i = 0; i < packet->comment_count; i++)
    put_text_option(writer, PCAPNG_OPTION_COMMENT, packet->comments[i]);
  if (packet->direction != PACKET_DIR_UNKNOWN) {
    uint32_t flags = packet->direction == PACKET_DIR_IN ? 1 : 2;
    put_option(writer, EPB_FLAGS, &flags, sizeof flags);
  }
  if (packet->packet_id != 0)
    put_option(writer, EPB_PACKETID, &packet->packet_id, sizeof packet->packet_id);
  if (writer->block_bytes != before)
    put_end_of_options(writer);
}

static int check_interface(const struct pcapng_writer *writer, uint32_t interface,
                           struct error *error)
{
  if (interface < writer->interface_count)
    return 0;
  return error_set(error, ERROR_USAGE, "interface %u of the trace was not described", interface);
}

int pcapng_writer_packet(struct pcapng_writer *writer, const struct pcapng_packet *packet,
                         struct error *error)
{
  int rc = check_interface(writer, packet->interface, error);
  if (rc < 0)
    return rc;
  begin_block(writer, PCAPNG_ENHANCED_PACKET);
  put_u32(writer, packet->interface);
  put_time(writer, packet->time_ns);
  put_u32(writer, packet->captured_bytes);
  put_u32(writer, packet->original_bytes);
  put_bytes(writer, packet->bytes, packet->captured_bytes);
  put_padding(writer);
  put_packet_options(writer, packet);
  return end_block(writer, error);
}

static void put_counter(struct pcapng_writer *writer, uint16_t code, uint64_t count)
{
  if (count != UINT64_MAX)
    put_option(writer, code, &count, sizeof count);
}

static void put_time_option(struct pcapng_writer *writer, uint16_t code, int64_t time_ns)
{
  if (!time_is_valid(time_ns))
    return;
  put_u16(writer, code);
  put_u16(writer, sizeof(uint64_t));
  put_time(writer, time_ns);
}

static void put_custom(struct pcapng_writer *writer, const struct pcapng_statistics *statistics)
{
  if (statistics->custom_bytes == 0)
    return;
  put_u16(writer, PCAPNG_OPTION_CUSTOM_BINARY);
  put_u16(writer, (uint16_t)(statistics->custom_bytes + sizeof statistics->custom_pen));
  put_u32(writer, statistics->custom_pen);
  put_bytes(writer, statistics->custom, statistics->custom_bytes);
  put_padding(writer);
}

int pcapng_writer_statistics_block(struct pcapng_writer *writer,
                                   const struct pcapng_statistics *statistics, struct error *error)
{
  int rc = check_interface(writer, statistics->interface, error);
  if (rc < 0)
    return rc;
  if (statistics->custom_bytes > PCAPNG_CUSTOM_BYTES_MAX)
    return error_set(error, ERROR_LIMIT, "a custom option of %zu bytes is too large",
                     statistics->custom_bytes);
  begin_block(writer, PCAPNG_INTERFACE_STATISTICS);
  put_u32(writer, statistics->interface);
  put_time(writer, statistics->time_ns);
  put_time_option(writer, ISB_STARTTIME, statistics->start_ns);
  put_time_option(writer, ISB_ENDTIME, statistics->end_ns);
  put_counter(writer, ISB_IFRECV, statistics->received);
  put_counter(writer, ISB_IFDROP, statistics->dropped);
  put_counter(writer, ISB_USRDELIV, statistics->delivered);
  put_custom(writer, statistics);
  put_text_option(writer, PCAPNG_OPTION_COMMENT, statistics->comment);
  put_end_of_options(writer);
  return end_block(writer, error);
}

int pcapng_writer_statistics(struct pcapng_writer *writer, uint32_t interface, int64_t time_ns,
                             uint64_t received_or_none, uint64_t dropped_or_none,
                             struct error *error)
{
  const struct pcapng_statistics statistics = {.interface = interface,
                                               .time_ns = time_ns,
                                               .start_ns = TIME_INVALID,
                                               .end_ns = TIME_INVALID,
                                               .received = received_or_none,
                                               .dropped = dropped_or_none,
                                               .delivered = UINT64_MAX};
  return pcapng_writer_statistics_block(writer, &statistics, error);
}

int pcapng_writer_name(struct pcapng_writer *writer, const struct ip_address *address,
                       uint8_t ip_version, const char *name, struct error *error)
{
  size_t address_bytes = ip_version == 4 ? 4 : 16, name_bytes = strnlen(name, NAME_BYTES_MAX);
  begin_block(writer, PCAPNG_NAME_RESOLUTION);
  put_u16(writer, ip_version == 4 ? 1 : 2);
  put_u16(writer, (uint16_t)(address_bytes + name_bytes + 1));
  put_bytes(writer, address->bytes + 16 - address_bytes, address_bytes);
  put_bytes(writer, name, name_bytes);
  put_bytes(writer, "", 1);
  put_padding(writer);
  put_u32(writer, 0); /* end of records */
  return end_block(writer, error);
}

int pcapng_writer_close(struct pcapng_writer *writer, struct error *error)
{
  if (writer == NULL)
    return 0;
  int rc = pcapng_writer_flush(writer, error);
  if (close(writer->fd) != 0 && rc == 0)
    rc = error_set(error, ERROR_IO, "cannot close the trace: %s", strerror(errno));
  free(writer->block);
  free(writer);
  return rc;
}
