#include "capture/annotate.h"

#include "capture/annotate_stream.h"
#include "wire/pcapng_edit.h"
#include "wire/pcapng_writer.h"
#include "wire/timestamp.h"

#include <unistd.h>

struct annotation {
  const struct annotate_input *inputs;
  const struct annotate_handler *handler;
  struct annotate_totals *totals;
  struct block_stream streams[ANNOTATE_INPUTS_MAX];
  int64_t times_ns[ANNOTATE_INPUTS_MAX]; /* of the current block, on the common clock */
  uint32_t count;
  bool merging;
  uint32_t interfaces; /* written, when merging */
  struct pcapng_writer *writer;
  struct pcapng_edit edit;
};

static uint64_t moved(const struct annotation *annotation, uint32_t input, uint32_t in_section,
                      uint64_t units)
{
  const struct block_stream *stream = &annotation->streams[input];
  const struct stream_interface *of = block_stream_interface(stream, in_section);
  const int64_t time_ns = pcapng_time_ns(units, of->tsresol, of->tsoffset_s);
  if (!time_is_valid(time_ns) || annotation->handler->time == NULL)
    return units;
  const int64_t corrected_ns = annotation->handler->time(
      annotation->handler->context, input, stream->section_first + in_section, time_ns);
  return pcapng_time_moved(units, of->tsresol, corrected_ns - time_ns);
}

/* Interface and time as they are in the merged file. false: the block has neither, or its interface
 * is not described. */
static bool place(struct annotation *annotation, uint32_t input)
{
  uint32_t interface;
  uint64_t units;
  if (!pcapng_edit_get(&annotation->edit, &interface, &units))
    return false;
  const struct stream_interface *of =
      block_stream_interface(&annotation->streams[input], interface);
  return of != NULL &&
         pcapng_edit_set_time(&annotation->edit, moved(annotation, input, interface, units)) &&
         pcapng_edit_set_interface(&annotation->edit, of->written_as);
}

static int comment_frame(struct annotation *annotation, uint32_t input, const struct frame *frame,
                         struct error *error)
{
  const struct annotate_handler *handler = annotation->handler;
  const char *texts[ANNOTATE_COMMENTS_MAX];
  size_t count = handler->comments(handler->context, input, frame, texts);
  int rc = 0;
  annotation->totals->commented += count > 0;
  while (rc == 0 && count > 0) /* the last one added stands first */
    rc = pcapng_edit_comment(&annotation->edit, texts[--count], error);
  if (rc != ERROR_UNSUPPORTED)
    return rc;
  annotation->totals->commented--;
  annotation->totals->unmarked++;
  return 0;
}

static int write_edit(struct annotation *annotation, struct error *error)
{
  return pcapng_writer_block(annotation->writer, annotation->edit.bytes, annotation->edit.size,
                             error);
}

static int write_frame(struct annotation *annotation, uint32_t input, struct error *error)
{
  const struct annotate_handler *handler = annotation->handler;
  const struct frame *frame = &annotation->streams[input].frame;
  if (handler->keep != NULL && !handler->keep(handler->context, input, frame)) {
    annotation->totals->left_out++;
    return 0;
  }
  if (annotation->merging && !place(annotation, input)) {
    annotation->totals->unmergeable++;
    return 0;
  }
  annotation->totals->frames++;
  const int rc = comment_frame(annotation, input, frame, error);
  return rc < 0 ? rc : write_edit(annotation, error);
}

/* Blocks that are none of a frame, in a merged file. */
static int write_other(struct annotation *annotation, uint32_t input, struct error *error)
{
  struct block_stream *stream = &annotation->streams[input];
  const struct annotate_handler *handler = annotation->handler;
  if (stream->block.type == PCAPNG_SECTION_HEADER)
    return 0; /* it has one of ours */
  if (stream->block.type == PCAPNG_INTERFACE_STATISTICS && !place(annotation, input))
    return 0; /* of no interface */
  if (stream->block.type == PCAPNG_INTERFACE) {
    const uint32_t index = stream->interface_count - 1;
    const char *text =
        handler->interface != NULL ? handler->interface(handler->context, input, index) : NULL;
    const int rc = text != NULL ? pcapng_edit_comment(&annotation->edit, text, error) : 0;
    stream->interfaces[index].written_as = annotation->interfaces++;
    if (rc < 0)
      return rc;
  }
  return write_edit(annotation, error);
}

static int write_block(struct annotation *annotation, uint32_t input, struct error *error)
{
  const struct block_stream *stream = &annotation->streams[input];
  int rc = pcapng_edit_take(&annotation->edit, stream->bytes, stream->block.total_bytes,
                            stream->big_endian, error);
  if (rc < 0)
    return rc;
  if (stream->is_frame)
    return write_frame(annotation, input, error);
  return annotation->merging ? write_other(annotation, input, error)
                             : write_edit(annotation, error);
}

/* Blocks without a time come at once: they belong to what is behind them. */
static void note_time(struct annotation *annotation, uint32_t input)
{
  const struct block_stream *stream = &annotation->streams[input];
  const struct frame *frame = &stream->frame;
  annotation->times_ns[input] = INT64_MIN;
  if (!annotation->merging || !stream->is_frame || !time_is_valid(frame->time_ns))
    return;
  annotation->times_ns[input] = annotation->handler->time == NULL
                                    ? frame->time_ns
                                    : annotation->handler->time(annotation->handler->context, input,
                                                                frame->interface, frame->time_ns);
}

/* The input whose block is next; count: none is left. */
static uint32_t choose(const struct annotation *annotation)
{
  uint32_t best = annotation->count;
  for (uint32_t i = 0; i < annotation->count; i++)
    if (!annotation->streams[i].ended &&
        (best == annotation->count || annotation->times_ns[i] < annotation->times_ns[best]))
      best = i;
  return best;
}

static int write_blocks(struct annotation *annotation, struct error *error)
{
  uint32_t input;
  int rc = 0;
  while (rc == 0 && (input = choose(annotation)) < annotation->count) {
    rc = write_block(annotation, input, error);
    block_stream_next(&annotation->streams[input]);
    note_time(annotation, input);
  }
  return rc;
}

/* Merged files have one byte order: this machine's, which the section header of ours is in. */
static int check_byte_order(const struct annotation *annotation, struct error *error)
{
  const bool big_endian = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;
  for (uint32_t i = 0; annotation->merging && i < annotation->count; i++)
    if (!annotation->streams[i].ended && annotation->streams[i].big_endian != big_endian)
      return error_set(error, ERROR_UNSUPPORTED,
                       "%s: written by a machine of another byte order, it cannot be merged with "
                       "others: write each trace by itself",
                       annotation->inputs[i].path);
  return 0;
}

static int open_streams(struct annotation *annotation, uint32_t count, const char *application,
                        struct error *error)
{
  for (; annotation->count < count; annotation->count++) {
    const struct annotate_input *input = &annotation->inputs[annotation->count];
    const int rc = block_stream_open(&annotation->streams[annotation->count], input->path,
                                     input->fd, input->trace, application, error);
    if (rc < 0)
      return rc;
    note_time(annotation, annotation->count);
  }
  return check_byte_order(annotation, error);
}

static void close_streams(struct annotation *annotation, uint32_t count)
{
  for (uint32_t i = 0; i < annotation->count; i++) {
    struct block_stream *stream = &annotation->streams[i];
    block_stream_close(stream);
    if (stream->damage.code != ERROR_NONE && annotation->totals->damage.code == ERROR_NONE)
      annotation->totals->damage = stream->damage;
  }
  for (uint32_t i = 0; i < count; i++)
    trace_close(annotation->inputs[i].trace);
}

int annotate_write(const struct annotate_input *inputs, uint32_t count,
                   const struct annotate_handler *handler, const char *application, int fd,
                   struct annotate_totals *totals, struct error *error)
{
  *totals = (struct annotate_totals){.frames = 0};
  struct annotation annotation = {
      .inputs = inputs, .handler = handler, .totals = totals, .merging = count > 1};
  struct error closing;
  int rc = annotation.merging ? pcapng_writer_open(&annotation.writer, fd, application, error)
                              : pcapng_writer_open_bare(&annotation.writer, fd, error);
  if (rc == 0)
    rc = open_streams(&annotation, count, application, error);
  if (rc == 0)
    rc = write_blocks(&annotation, error);
  close_streams(&annotation, count);
  pcapng_edit_free(&annotation.edit);
  const int closed =
      annotation.writer != NULL ? pcapng_writer_close(annotation.writer, &closing) : 0;
  if (rc == 0 && closed < 0) {
    *error = closing;
    rc = closed;
  }
  return rc;
}
