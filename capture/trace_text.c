#include "capture/clean_text.h"
#include "capture/trace_reader.h"
#include "wire/tcpdump_text.h"

#include <stdlib.h>
#include <string.h>

#define LINKTYPE_RAW 101
/* A line longer than this is no packet of tcpdump's, and is fed in pieces. */
#define LINE_BYTES_MAX ((size_t)16 * 1024)
/* Frames made of text are headers only; a batch ends when their copies fill this. */
#define ARENA_BYTES ((size_t)64 * 1024)

/* tcpdump_text lends one frame at a time, so a batch is copied. The first frame of the next excerpt
 * is seen before the current one is over: it waits in `held`. */
struct trace_text_state {
  struct tcpdump_text *text;
  bool end_fed;
  unsigned excerpt;
  uint64_t next_number;
  bool has_held;
  unsigned held_excerpt;
  struct frame held;
  uint8_t held_bytes[ARENA_BYTES];
  size_t arena_used;
  uint8_t arena[ARENA_BYTES];
};

/* Describes interfaces up to `last`, by the names that -i any prints, or a comment of the excerpt.
 */
static int add_interfaces(struct trace *trace, uint32_t last, struct error *why)
{
  struct tcpdump_text_info info;
  tcpdump_text_get_info(trace->text->text, trace->text->excerpt, &info);
  while (trace->interfaces.count <= last) {
    const char *name = tcpdump_text_interface_name(trace->text->text, trace->interfaces.count);
    if (name[0] == '\0')
      name = info.interface;
    struct pcapng_interface_record interface = {.linktype = LINKTYPE_RAW,
                                                .name = {name, strlen(name)}};
    int rc = interface_table_add(&trace->interfaces, &interface, trace->filter_text, why);
    if (rc < 0)
      return rc;
  }
  return 0;
}

static int text_open_trace(struct trace *trace, struct error *error)
{
  struct error why;
  trace->text = calloc(1, sizeof *trace->text);
  if (trace->text != NULL)
    trace->text->text = tcpdump_text_new();
  trace->names = name_table_new();
  if (trace->text == NULL || trace->text->text == NULL || trace->names == NULL) {
    error_set(&why, ERROR_MEMORY, "no memory to read text");
    return trace_error(trace, &why, 0, error);
  }
  trace->text->next_number = 1;
  int rc = filter_check_linktype(trace->filter_text, LINKTYPE_RAW, &why);
  return rc < 0 ? trace_error(trace, &why, 0, error) : 0;
}

static void text_close(struct trace *trace)
{
  if (trace->text == NULL)
    return;
  tcpdump_text_free(trace->text->text);
  free(trace->text);
}

/* Copies the frame's bytes to `to`, which has room for them. */
static struct frame copy_frame(const struct frame *frame, uint8_t *to)
{
  struct frame copy = *frame;
  if (copy.captured_bytes > 0)
    memcpy(to, frame->bytes, copy.captured_bytes);
  copy.bytes = to;
  return copy;
}

static void note_name(struct trace *trace, const struct ip_address *address)
{
  const char *name = tcpdump_text_host_name(trace->text->text, address);
  if (name != NULL && name[0] != '\0')
    name_table_add(trace->names, address, name, strlen(name));
}

/* Names belong to addresses that the text reader made up, so each frame's two are looked up. */
static void note_names(struct trace *trace, const struct frame *frame)
{
  struct ip_address src = {{0}}, dst = {{0}};
  const uint8_t *bytes = frame->bytes;
  if (frame->captured_bytes >= 40 && bytes[0] >> 4 == 6) {
    memcpy(src.bytes, bytes + 8, 16);
    memcpy(dst.bytes, bytes + 24, 16);
  } else if (frame->captured_bytes >= 20 && bytes[0] >> 4 == 4) {
    src.bytes[10] = src.bytes[11] = dst.bytes[10] = dst.bytes[11] = 0xff;
    memcpy(src.bytes + 12, bytes + 12, 4);
    memcpy(dst.bytes + 12, bytes + 16, 4);
  } else {
    return;
  }
  note_name(trace, &src);
  note_name(trace, &dst);
}

/* The next complete packet of any excerpt goes to `held`. */
static bool hold_next(struct trace *trace)
{
  struct trace_text_state *state = trace->text;
  struct frame frame;
  if (state->has_held)
    return true;
  do {
    if (!tcpdump_text_take(state->text, &frame, &state->held_excerpt))
      return false;
  } while (frame.captured_bytes > ARENA_BYTES);
  state->held = copy_frame(&frame, state->held_bytes);
  state->has_held = true;
  note_names(trace, &state->held);
  return true;
}

/* One line of the window to the parser. Returns false if no whole one is there. */
static bool feed_line(struct trace *trace, size_t *needed)
{
  struct trace_text_state *state = trace->text;
  size_t size;
  const char *line = (const char *)byte_source_window(trace->source, &size);
  const char *newline = size == 0 ? NULL : memchr(line, '\n', size);
  size_t length = newline == NULL ? size : (size_t)(newline - line);
  size_t step = newline == NULL ? length : length + 1;
  if (length > LINE_BYTES_MAX)
    length = step = LINE_BYTES_MAX;
  else if (newline == NULL && (!trace->input_ended || size == 0)) {
    *needed = size + 1;
    return false;
  }
  if (length > 0 && line[length - 1] == '\r')
    length--;
  tcpdump_text_line(state->text, line, length);
  byte_source_consume(trace->source, step);
  return true;
}

/* Lines until a packet is complete; false if there is none in the window. */
static bool find_packet(struct trace *trace, size_t *needed)
{
  struct trace_text_state *state = trace->text;
  while (!hold_next(trace)) {
    if (feed_line(trace, needed))
      continue;
    if (!trace->input_ended || state->end_fed)
      return false;
    tcpdump_text_end(state->text);
    state->end_fed = true;
  }
  return true;
}

/* The host that the current excerpt says it was captured on. */
static void note_host(struct trace *trace)
{
  struct tcpdump_text_info info;
  tcpdump_text_get_info(trace->text->text, trace->text->excerpt, &info);
  clean_text_copy(trace->captured_on, sizeof trace->captured_on, info.captured_on,
                  strnlen(info.captured_on, sizeof info.captured_on));
}

static size_t text_take(struct trace *trace, struct frame *frames, size_t max, size_t *needed)
{
  struct trace_text_state *state = trace->text;
  size_t found = 0;
  state->arena_used = 0;
  while (found < max && find_packet(trace, needed)) {
    if (state->next_number == 1) /* prose alone makes no excerpt */
      state->excerpt = state->held_excerpt;
    if (state->held_excerpt != state->excerpt) {
      trace->excerpt_ended = found == 0;
      break;
    }
    if (state->held.captured_bytes > ARENA_BYTES - state->arena_used)
      break;
    struct error why;
    if (add_interfaces(trace, state->held.interface, &why) < 0) {
      trace_fail(trace, &why, 0);
      break;
    }
    struct frame *frame = &frames[found++];
    *frame = copy_frame(&state->held, state->arena + state->arena_used);
    frame->number = state->next_number++;
    trace->interfaces.entries[frame->interface].frames++;
    state->arena_used += frame->captured_bytes;
    state->has_held = false;
  }
  note_host(trace);
  return found;
}

static int text_finish(struct trace *trace, size_t size, struct error *error)
{
  (void)trace, (void)size, (void)error;
  return 0;
}

static void text_next_excerpt(struct trace *trace)
{
  trace->text->excerpt = trace->text->held_excerpt;
  trace->text->next_number = 1;
  for (uint32_t i = 0; i < trace->interfaces.count; i++)
    trace->interfaces.entries[i].frames = 0;
  note_host(trace);
}

static void text_get_info(const struct trace *trace, struct trace_info *info)
{
  struct tcpdump_text_info text;
  tcpdump_text_get_info(trace->text->text, trace->text->excerpt, &text);
  info->time_base = (enum trace_time_base)text.time_base;
  info->lines_not_understood = text.lines_not_understood;
}

const struct trace_reader trace_text_reader = {.format = "text",
                                               .open = text_open_trace,
                                               .take = text_take,
                                               .finish = text_finish,
                                               .next_excerpt = text_next_excerpt,
                                               .get_info = text_get_info,
                                               .close = text_close};
