#include "cli/split.h"

#include "capture/trace.h"
#include "cli/split_files.h"
#include "wire/timestamp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINK_TYPES_MAX  64u  /* interfaces of ours, of a trace that is no pcapng */
#define NAMES_MAX       256u /* hosts of a text that are named in the parts */
#define PROGRESS_FRAMES 4096u

/* An interface of the trace can hold frames of several link types (text): one of ours for each. */
struct own_interface {
  uint32_t interface, linktype;
};

struct split {
  const struct split_options *options;
  struct split_files files;
  struct split_place *place;
  struct trace *trace;
  struct stat input; /* st_ino 0: not known */
  bool is_pcapng, is_text, begun;
  int status;                 /* of what is done while the trace is read */
  struct error error, damage; /* damage: what ended the reading, if anything did */
  /* pcapng: the frame's own block, while trace_next() has one */
  struct trace_block block;
  uint32_t interfaces, section_first; /* described so far */
  struct own_interface own[LINK_TYPES_MAX];
  uint32_t own_count;
  struct ip_address names[NAMES_MAX];
  uint32_t name_count;
  uint64_t frames;
};

static int begin_files(struct split *split)
{
  split->begun = true;
  return split_files_open(&split->files, split->is_pcapng, split->input.st_dev, split->input.st_ino,
                          &split->error);
}

/* The blocks of a pcapng, as they are read. */
static void on_block(void *context, const struct trace_block *block)
{
  struct split *split = context;
  const bool frame = block->type == PCAPNG_PACKET || block->type == PCAPNG_SIMPLE_PACKET ||
                     block->type == PCAPNG_ENHANCED_PACKET;
  split->block = *block;
  if (frame || split->status < 0)
    return;
  split->is_pcapng = true;
  if (!split->begun)
    split->status = begin_files(split);
  if (block->type == PCAPNG_SECTION_HEADER) {
    split_place_section(split->place);
    split->section_first = split->interfaces;
  } else if (block->type == PCAPNG_INTERFACE) {
    split->interfaces++;
  }
  if (split->status == 0)
    split->status = split_files_block(&split->files, block->bytes, block->size, block->big_endian,
                                      &split->error);
}

static int write_part(void *context, uint32_t part, const struct split_frame *frame)
{
  struct split *split = context;
  return split_files_frame(&split->files, part, frame, &split->error);
}

/* ---- frames of pcapng ---- */

static int place_block(struct split *split, const struct frame *frame, const struct packet *packet)
{
  struct pcapng_block block;
  struct split_frame out = {.big_endian = split->block.big_endian,
                            .block = split->block.bytes,
                            .block_bytes = split->block.size};
  bool big_endian = split->block.big_endian;
  size_t needed = 0;
  if (pcapng_block_read(&block, &big_endian, split->block.bytes, split->block.size, &needed,
                        &split->error) != PCAPNG_OK ||
      pcapng_packet_read(&out.record, &block, big_endian, frame->captured_bytes, &split->error) !=
          PCAPNG_OK)
    return split->error.code;
  if (out.record.has_mark || block.type == PCAPNG_SIMPLE_PACKET)
    out.block = NULL; /* it has a mark already, or cannot have one */
  out.record.captured_bytes = frame->captured_bytes;
  out.mark = (struct part_mark){frame->number, frame->part_flags};
  if (!out.record.has_time)
    out.mark.flags |= PART_MARK_NO_TIME;
  return split_place_frame(split->place, &out, packet);
}

/* ---- frames of other formats ---- */

static int own_interface(struct split *split, const struct frame *frame)
{
  for (uint32_t i = 0; i < split->own_count; i++)
    if (split->own[i].interface == frame->interface && split->own[i].linktype == frame->linktype)
      return (int)i;
  if (split->own_count == LINK_TYPES_MAX)
    return error_set(&split->error, ERROR_LIMIT, "%.300s: more than %u interfaces",
                     split->options->input, LINK_TYPES_MAX);
  struct trace_interface of;
  struct trace_info info;
  trace_get_interface(split->trace, frame->interface, &of);
  trace_get_info(split->trace, &info);
  char description[128] = "";
  if (of.description[0] == '\0' && info.captured_on[0] != '\0')
    snprintf(description, sizeof description, "captured on: %s", info.captured_on);
  const struct pcapng_interface interface = {
      .name = of.name,
      .description = of.description[0] != '\0' ? of.description : description,
      .linktype = frame->linktype,
      .snaplen_bytes = of.snaplen_bytes};
  int index = 0;
  for (uint32_t p = 0; index >= 0 && p < split->files.parts; p++)
    index = pcapng_writer_interface(split->files.writers[p], &interface, &split->error);
  if (index >= 0)
    split->own[split->own_count++] = (struct own_interface){frame->interface, frame->linktype};
  return index;
}

/* Names that a text has for its hosts. */
static int write_name(struct split *split, const struct ip_address *address, uint8_t ip_version)
{
  for (uint32_t i = 0; i < split->name_count; i++)
    if (memcmp(&split->names[i], address, sizeof *address) == 0)
      return 0;
  const char *name = trace_host_name(split->trace, address);
  if (name == NULL || split->name_count == NAMES_MAX)
    return 0;
  split->names[split->name_count++] = *address;
  int rc = 0;
  for (uint32_t p = 0; rc == 0 && p < split->files.parts; p++)
    rc = pcapng_writer_name(split->files.writers[p], address, ip_version, name, &split->error);
  return rc;
}

static int place_frame(struct split *split, const struct frame *frame, const struct packet *packet)
{
  const bool timed = time_is_valid(frame->time_ns) && frame->time_ns >= 0;
  int rc = split->begun ? 0 : begin_files(split);
  if (rc == 0 && split->is_text)
    rc = write_name(split, &packet->src, packet->ip_version);
  if (rc == 0 && split->is_text)
    rc = write_name(split, &packet->dst, packet->ip_version);
  const int interface = rc == 0 ? own_interface(split, frame) : rc;
  const struct split_frame out = {.record = {.interface = (uint32_t)interface,
                                             .has_time = timed,
                                             .time_units = timed ? (uint64_t)frame->time_ns : 0,
                                             .captured_bytes = frame->captured_bytes,
                                             .original_bytes = frame->original_bytes,
                                             .bytes = frame->bytes,
                                             .direction = frame->direction},
                                  .big_endian = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__,
                                  .mark = {frame->number, timed ? 0 : PART_MARK_NO_TIME}};
  return interface < 0 ? interface : split_place_frame(split->place, &out, packet);
}

/* ---- the whole ---- */

static int take_frame(struct split *split, const struct frame *frame)
{
  struct packet packet;
  packet_decode(frame, &packet);
  split->frames++;
  return split->is_pcapng ? place_block(split, frame, &packet) : place_frame(split, frame, &packet);
}

/* What ended the reading goes to *damage; the parts are whole all the same. */
static int read_all(struct split *split, struct error *damage)
{
  struct frame frame;
  const struct split_options *options = split->options;
  struct trace_info info;
  while (split->status == 0 && trace_next(split->trace, &frame, 1, damage) > 0) {
    if (split->status == 0)
      split->status = take_frame(split, &frame);
    if (options->progress == NULL || split->frames % PROGRESS_FRAMES != 0)
      continue;
    trace_get_info(split->trace, &info);
    options->progress(options->context, info.bytes_read, info.bytes_total);
  }
  if (split->status == 0 && split->begun)
    split->status = split_place_end(split->place);
  return split->status;
}

/* A text with several excerpts is several captures, whose frames are numbered anew. */
static int check_excerpts(struct split *split)
{
  if (!split->is_text || !trace_next_excerpt(split->trace))
    return 0;
  return error_set(&split->error, ERROR_USAGE,
                   "%.300s: holds several captures one below the other: make a trace of each with "
                   "tcpstall import --excerpt N",
                   split->options->input);
}

static int run(struct split *split)
{
  struct error damage = {.code = ERROR_NONE}, closing;
  struct trace_info info;
  const struct trace_options options = {
      .stop = split->options->stop, .on_block = on_block, .block_context = split};
  int rc = trace_open(&split->trace, split->options->input, &options, &split->error);
  if (rc < 0)
    return rc;
  trace_get_info(split->trace, &info);
  split->is_text = strcmp(info.format, "text") == 0;
  split->is_pcapng = strcmp(info.format, "pcapng") == 0;
  rc = read_all(split, &damage);
  if (rc == 0)
    rc = check_excerpts(split);
  if (rc == 0 && split->frames == 0 && damage.code != ERROR_NONE)
    rc = error_set(&split->error, damage.code, "%s", damage.text);
  if (rc == 0 && !split->begun) /* a trace without frames has parts without frames */
    rc = begin_files(split);
  const int closed = split_files_close(&split->files, &closing);
  if (rc == 0 && closed < 0)
    rc = error_set(&split->error, closed, "%s", closing.text);
  split->damage = damage;
  return rc;
}

static void look_at_input(struct split *split)
{
  const char *input = split->options->input;
  if ((strcmp(input, "-") == 0 ? fstat(STDIN_FILENO, &split->input) : stat(input, &split->input)) !=
      0)
    memset(&split->input, 0, sizeof split->input);
}

int split_trace(const struct split_options *options, struct split_result *result,
                struct error *error)
{
  struct split *split = calloc(1, sizeof *split);
  int rc = ERROR_MEMORY;
  if (split != NULL) {
    const struct split_sink sink = {split, write_part};
    split->options = options;
    split->files = (struct split_files){
        .prefix = options->prefix, .input = options->input, .parts = options->parts};
    split->place = split_place_new(options->parts, &sink);
    look_at_input(split);
  }
  if (split == NULL || split->place == NULL) {
    error_set(error, ERROR_MEMORY, "out of memory");
  } else {
    rc = run(split);
    if (rc < 0)
      *error = split->error;
    result->frames = split->frames;
    result->damage = split->damage;
    memcpy(result->own, split->files.own, sizeof result->own);
    memcpy(result->context, split->files.context, sizeof result->context);
  }
  if (split != NULL) {
    trace_close(split->trace);
    split_place_free(split->place);
  }
  free(split);
  return rc;
}
