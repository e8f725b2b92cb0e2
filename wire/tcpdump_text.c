/* Lines in, packets out. What belongs to one packet is collected line by line and parsed anew with
 * each, so the text itself decides where it ends: a line that does not continue it in any reading
 * is prose. Finished packets wait in a queue for what only later packets can tell
 * (tcpdump_text_clock.h, tcpdump_text_seq.h). */
#include "wire/tcpdump_text.h"

#include "wire/tcpdump_text_clock.h"
#include "wire/tcpdump_text_fields.h"
#include "wire/tcpdump_text_frame.h"
#include "wire/tcpdump_text_names.h"
#include "wire/tcpdump_text_scan.h"
#include "wire/tcpdump_text_seq.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define NAME_BYTES 64 /* of captured_on and interface, with the final NUL */

/* What stood between two packets. */
enum separator { SEPARATOR_NONE, SEPARATOR_WEAK, SEPARATOR_PROSE, SEPARATOR_COMMENT };

struct queued {
  struct text_frame frame;
  int64_t time_ns, printed_ns;
  uint64_t number;
  uint32_t interface;
  unsigned excerpt;
};

struct excerpt {
  uint64_t packets, lines, lines_not_understood;
  uint8_t time_base;        /* enum text_time_base */
  bool captured_on_certain; /* by a comment line, not by "is us" */
  char captured_on[NAME_BYTES], interface[NAME_BYTES];
};

#define QUEUE_SLOTS (TCPDUMP_TEXT_HOLD_MAX + 8)

struct tcpdump_text {
  struct text_names *names;
  struct text_flows *flows;
  struct text_clock clock;

  /* the packet that is being collected */
  bool open;
  enum text_status status;
  struct text_fields fields; /* spans point into line */
  size_t size;
  size_t complete_size; /* up to where it was a whole packet once; 0: never */
  char line[TCPDUMP_TEXT_LINE_MAX];
  char trial[TCPDUMP_TEXT_LINE_MAX];
  enum separator before; /* what stood before it */

  enum separator separator; /* since the last packet's line */
  bool timed;               /* packets here have times: lines without are no packets */
  struct excerpt next;      /* names for the next excerpt, from prose and comments */
  struct excerpt excerpts[TCPDUMP_TEXT_EXCERPTS_MAX];
  unsigned excerpt_count;

  char interfaces[TCPDUMP_TEXT_INTERFACES_MAX][NAME_BYTES];
  unsigned interface_count;

  struct queued *queue; /* ring of QUEUE_SLOTS */
  size_t head, queued;
  bool ended;
  struct queued taken; /* what tcpdump_text_take() lent out */
  uint64_t limits_reached;
};

struct tcpdump_text *tcpdump_text_new(void)
{
  struct tcpdump_text *text = calloc(1, sizeof *text);
  if (text == NULL)
    return NULL;
  text->names = text_names_new();
  text->flows = text_flows_new();
  text->queue = calloc(QUEUE_SLOTS, sizeof *text->queue);
  if (text->names == NULL || text->flows == NULL || text->queue == NULL) {
    tcpdump_text_free(text);
    return NULL;
  }
  return text;
}

void tcpdump_text_free(struct tcpdump_text *text)
{
  if (text == NULL)
    return;
  text_names_free(text->names);
  text_flows_free(text->flows);
  free(text->queue);
  free(text);
}

/* ---- lines ---- */

struct body {
  struct text_span text;
  bool indented; /* by white space, behind the quote marks */
  bool quoted;
};

static bool is_blank(char c)
{
  return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f' || c == '\v' || c == '\0';
}

/* Takes off quote marks ("> ", ">> ", "| ") and white space at both ends. */
static struct body strip(const char *line, size_t size)
{
  struct body body = {.text = {line, size}};
  while (size > 0 && is_blank(line[size - 1]))
    size--;
  size_t at = 0;
  while (at < size && (is_blank(line[at]) || line[at] == '>' || line[at] == '|')) {
    body.indented = is_blank(line[at]);
    if (!body.indented)
      body.quoted = true;
    /* one blank belongs to the quote mark */
    if (!body.indented && at + 1 < size && line[at + 1] == ' ')
      at++;
    at++;
  }
  body.text = (struct text_span){line + at, size - at};
  return body;
}

/* Appends with white space collapsed; returns the new size. Cuts at the limit. */
static size_t append(struct tcpdump_text *text, char *line, size_t size, struct text_span more)
{
  for (size_t i = 0; i < more.size; i++) {
    char c = is_blank(more.start[i]) ? ' ' : more.start[i];
    if (c == ' ' && size > 0 && line[size - 1] == ' ')
      continue;
    if (size == TCPDUMP_TEXT_LINE_MAX) {
      text->limits_reached++;
      break;
    }
    line[size++] = c;
  }
  return size;
}

/* A word of a host's name that ends right before `end`. */
static struct text_span word_before(const char *start, const char *end)
{
  const char *at = end;
  while (at > start && (isalnum((unsigned char)at[-1]) || at[-1] == '-' || at[-1] == '_' ||
                        at[-1] == '.' || at[-1] == ':'))
    at--;
  return (struct text_span){at, (size_t)(end - at)};
}

static void copy_name(char out[NAME_BYTES], struct text_span name)
{
  size_t size = name.size < NAME_BYTES ? name.size : NAME_BYTES - 1;
  memcpy(out, name.start, size);
  out[size] = '\0';
}

/* "HOST is us" */
static void note_prose(struct tcpdump_text *text, struct text_span line)
{
  struct text_scan scan = {line.start, line.start + line.size};
  const char *found = scan_find(&scan, " is us");
  if (found == NULL || text->next.captured_on_certain)
    return;
  const char *behind = found + strlen(" is us");
  struct text_span host = word_before(line.start, found);
  if (host.size > 0 && (behind == scan.end || !isalnum((unsigned char)*behind)))
    copy_name(text->next.captured_on, host);
}

static bool comment_value(struct text_span line, const char *name, char out[NAME_BYTES])
{
  struct text_scan scan = {line.start, line.start + line.size};
  struct text_span value;
  while (scan_literal(&scan, "#"))
    continue;
  scan_spaces(&scan);
  if (!scan_literal(&scan, name))
    return false;
  scan_spaces(&scan);
  if (!scan_word(&scan, &value))
    return false;
  copy_name(out, value);
  return true;
}

static void note_comment(struct tcpdump_text *text, struct text_span line)
{
  if (comment_value(line, "captured on:", text->next.captured_on))
    text->next.captured_on_certain = true;
  else if (!comment_value(line, "interface:", text->next.interface))
    return;
  text->separator = SEPARATOR_COMMENT;
}

/* ---- excerpts and the queue ---- */

static struct excerpt *current_excerpt(struct tcpdump_text *text)
{
  return &text->excerpts[text->excerpt_count > 0 ? text->excerpt_count - 1 : 0];
}

static struct queued *queue_at(struct tcpdump_text *text, size_t index)
{
  return &text->queue[(text->head + index) % QUEUE_SLOTS];
}

static void settle_seq(struct tcpdump_text *text, struct text_frame *frame)
{
  uint32_t seq;
  if (frame->seq_pending && text_flows_origin(text->flows, &frame->flow, &seq))
    text_frame_set_seq(frame, seq);
}

/* What the old excerpt's packets still wait for will not come any more. */
static void settle_all(struct tcpdump_text *text)
{
  for (size_t i = 0; i < text->queued; i++) {
    settle_seq(text, &queue_at(text, i)->frame);
    queue_at(text, i)->frame.seq_pending = false;
  }
}

static void adopt_names(struct tcpdump_text *text, struct excerpt *excerpt)
{
  if (excerpt->captured_on[0] == '\0') {
    memcpy(excerpt->captured_on, text->next.captured_on, NAME_BYTES);
    excerpt->captured_on_certain = text->next.captured_on_certain;
  }
  if (excerpt->interface[0] == '\0')
    memcpy(excerpt->interface, text->next.interface, NAME_BYTES);
  memset(&text->next, 0, sizeof text->next);
}

static bool begins_excerpt(const struct tcpdump_text *text)
{
  if (text->excerpt_count == 0)
    return true;
  if (text->excerpts[text->excerpt_count - 1].packets == 0 || text->before == SEPARATOR_NONE)
    return false;
  return text->before == SEPARATOR_COMMENT ||
         text_clock_steps_back(&text->clock, &text->fields.time, text->before == SEPARATOR_PROSE);
}

static void enter_excerpt(struct tcpdump_text *text)
{
  if (begins_excerpt(text)) {
    if (text->excerpt_count == TCPDUMP_TEXT_EXCERPTS_MAX) {
      text->limits_reached++;
    } else {
      settle_all(text);
      text_flows_clear(text->flows);
      text->excerpt_count++;
    }
    text_clock_restart(&text->clock);
  }
  adopt_names(text, current_excerpt(text));
}

static uint32_t interface_index(struct tcpdump_text *text, struct text_span name)
{
  if (name.size == 0)
    return 0;
  char copy[NAME_BYTES];
  copy_name(copy, name);
  for (unsigned i = 0; i < text->interface_count; i++) {
    if (strcmp(text->interfaces[i], copy) == 0)
      return i;
  }
  if (text->interface_count == TCPDUMP_TEXT_INTERFACES_MAX) {
    text->limits_reached++;
    return TCPDUMP_TEXT_INTERFACES_MAX - 1;
  }
  memcpy(text->interfaces[text->interface_count], copy, NAME_BYTES);
  return text->interface_count++;
}

/* It has turned out that times are since the previous packet: those that were placed otherwise are
 * all still here. */
static void place_again(struct tcpdump_text *text, unsigned excerpt)
{
  int64_t sum_ns = 0;
  for (size_t i = 0; i < text->queued; i++) {
    struct queued *queued = queue_at(text, i);
    if (queued->excerpt != excerpt)
      continue;
    sum_ns += queued->printed_ns;
    queued->time_ns = sum_ns;
  }
}

static void enqueue(struct tcpdump_text *text, const struct text_frame *frame)
{
  struct excerpt *excerpt = current_excerpt(text);
  bool undecided = text->clock.undecided;
  int64_t time_ns = text_clock_place(&text->clock, &text->fields.time);
  if (undecided && text->clock.since_previous)
    place_again(text, text->excerpt_count - 1);
  if (excerpt->packets == 0)
    excerpt->time_base = text->clock.base;
  excerpt->packets++;
  if (text->queued == QUEUE_SLOTS) {
    text->limits_reached++;
    return;
  }
  *queue_at(text, text->queued) = (struct queued){
      .frame = *frame,
      .time_ns = time_ns,
      .printed_ns = text->fields.time.ns,
      .number = excerpt->packets,
      .interface = interface_index(text, text->fields.interface),
      .excerpt = text->excerpt_count - 1,
  };
  text->queued++;
}

static void parse_collected(struct tcpdump_text *text)
{
  text->status = text_parse(text->line, text->size, &text->fields);
  if (text->status == TEXT_COMPLETE)
    text->complete_size = text->size;
}

/* The packet that was being collected is complete, or it never will be. */
static void end_packet(struct tcpdump_text *text)
{
  if (!text->open)
    return;
  text->open = false;
  if (text->status == TEXT_INCOMPLETE && text->complete_size > 0) {
    text->size = text->complete_size; /* what seemed to continue it never came to an end */
    parse_collected(text);
  }
  bool timed = text->fields.time.kind != TEXT_TIME_NONE;
  /* Without a time, prose like "this > that: it is faster" looks the same. */
  if (!timed && text->status != TEXT_INCOMPLETE && text->fields.protocol == TEXT_IP_OTHER)
    return;
  struct text_frame frame;
  bool built = false;
  if (text->status == TEXT_COMPLETE) {
    enter_excerpt(text);
    built = text_frame_build(text->names, text->flows, &text->fields, &frame);
  }
  if (!built) {
    current_excerpt(text)->lines_not_understood++;
    return;
  }
  text->timed = text->timed || timed;
  enqueue(text, &frame);
}

static void begin_packet(struct tcpdump_text *text, struct text_span line)
{
  text->size = append(text, text->line, 0, line);
  text->complete_size = 0;
  parse_collected(text);
  text->open = true;
  text->before = text->separator;
  text->separator = SEPARATOR_NONE;
}

/* ---- wrapped lines ---- */

/* Above all scores of guesses: a line has fewer items than bytes. */
#define KNOWN_PROTOCOL_SCORE (4u * TCPDUMP_TEXT_LINE_MAX)

/* How well the packet's text reads with one more line joined to it by `glue`; 0: not at all. */
static unsigned try_join(struct tcpdump_text *text, const char *glue, struct text_span line,
                         size_t *size)
{
  struct text_fields fields;
  memcpy(text->trial, text->line, text->size);
  *size = append(text, text->trial, text->size, (struct text_span){glue, strlen(glue)});
  *size = append(text, text->trial, *size, line);
  enum text_status status = text_parse(text->trial, *size, &fields);
  bool fits =
      status != TEXT_BAD && (text->status == TEXT_INCOMPLETE || fields.items > text->fields.items);
  /* "host.1 > host.2: Flags": some UDP, it seemed, and now the rest comes */
  if (text->status == TEXT_COMPLETE && text->fields.guessed && !fields.guessed)
    return status != TEXT_BAD ? KNOWN_PROTOCOL_SCORE + fields.items : 0;
  if (!fits || fields.items < text->fields.items)
    return 0;
  return 1 + 2 * fields.items + (status == TEXT_COMPLETE ? 1 : 0);
}

/* Tries the line as a continuation: wrapped at a blank, cut anywhere (folded), or wrapped before
 * the ">" between two hosts, which looks like a quote mark. */
static bool extend(struct tcpdump_text *text, const struct body *body)
{
  static const char *const glues[] = {" ", "", " > "};
  size_t count = body->quoted ? 3 : 2, size;
  const char *best = NULL;
  unsigned best_score = 0;
  if (text->status == TEXT_BAD)
    return false;
  for (size_t i = 0; i < count; i++) {
    unsigned score = try_join(text, glues[i], body->text, &size);
    if (score > best_score) {
      best_score = score;
      best = glues[i];
    }
  }
  if (best == NULL)
    return false;
  text->size = append(text, text->line, text->size, (struct text_span){best, strlen(best)});
  text->size = append(text, text->line, text->size, body->text);
  parse_collected(text);
  return true;
}

static void take_prose(struct tcpdump_text *text, const struct body *body)
{
  end_packet(text);
  /* -v prints payloads indented: they separate nothing */
  if (!body->indented && text->separator < SEPARATOR_PROSE)
    text->separator = SEPARATOR_PROSE;
  note_prose(text, body->text);
}

/* A line of white space that has a tab is an empty line of a payload. */
static void take_empty(struct tcpdump_text *text, const char *line, size_t size)
{
  end_packet(text);
  if (text->separator == SEPARATOR_NONE && memchr(line, '\t', size) == NULL)
    text->separator = SEPARATOR_WEAK;
}

void tcpdump_text_line(struct tcpdump_text *text, const char *line, size_t size)
{
  struct body body = strip(line, size);
  current_excerpt(text)->lines++;
  if (body.text.size == 0) {
    take_empty(text, line, size);
    return;
  }
  if (body.text.start[0] == '#') {
    end_packet(text);
    if (text->separator < SEPARATOR_PROSE)
      text->separator = SEPARATOR_PROSE;
    note_comment(text, body.text);
    return;
  }
  if (body.text.size > 2 && memcmp(body.text.start, "0x", 2) == 0 && !text->open)
    return; /* -x: the packet's bytes */
  enum text_start start = text_starts_packet(body.text);
  bool inner = body.indented || text->status == TEXT_INCOMPLETE;
  if (start == TEXT_START_UNTIMED && text->open && (inner || text->timed) && extend(text, &body))
    return;
  if (start == TEXT_START_TIMED || (start == TEXT_START_UNTIMED && !text->timed)) {
    end_packet(text);
    begin_packet(text, body.text);
  } else if (!text->open || !extend(text, &body)) {
    take_prose(text, &body);
  }
}

void tcpdump_text_end(struct tcpdump_text *text)
{
  end_packet(text);
  settle_all(text);
  text_clock_decide(&text->clock);
  text->ended = true;
}

/* ---- what callers ask ---- */

/* Whether the first packet still has to wait. */
static bool must_wait(struct tcpdump_text *text, struct queued *first)
{
  if (text->ended || first->excerpt + 1 != text->excerpt_count)
    return false;
  settle_seq(text, &first->frame);
  if (!text->clock.undecided && !first->frame.seq_pending)
    return false;
  if (text->queued < TCPDUMP_TEXT_HOLD_MAX)
    return true;
  text_clock_decide(&text->clock);
  return false;
}

bool tcpdump_text_take(struct tcpdump_text *text, struct frame *frame, unsigned *excerpt)
{
  if (text->queued == 0 || must_wait(text, queue_at(text, 0)))
    return false;
  text->taken = *queue_at(text, 0);
  text->head = (text->head + 1) % QUEUE_SLOTS;
  text->queued--;
  const struct queued *taken = &text->taken;
  *frame = (struct frame){
      .time_ns = taken->time_ns,
      .number = taken->number,
      .interface = taken->interface,
      .linktype = taken->frame.linktype,
      .captured_bytes = taken->frame.captured_bytes,
      .original_bytes = taken->frame.original_bytes,
      .direction = taken->frame.direction,
      .bytes = taken->frame.bytes,
  };
  *excerpt = taken->excerpt;
  return true;
}

unsigned tcpdump_text_excerpt_count(const struct tcpdump_text *text)
{
  return text->excerpt_count;
}

static bool is_known_host(const struct tcpdump_text *text, const char *name)
{
  return text_names_has(text->names, (struct text_span){name, strlen(name)});
}

void tcpdump_text_get_info(const struct tcpdump_text *text, unsigned excerpt,
                           struct tcpdump_text_info *info)
{
  memset(info, 0, sizeof *info);
  info->numbers_unresolved = text_flows_unresolved(text->flows);
  info->limits_reached = text->limits_reached + text_names_refused(text->names);
  if (excerpt >= TCPDUMP_TEXT_EXCERPTS_MAX)
    return;
  const struct excerpt *from = &text->excerpts[excerpt];
  info->time_base = from->time_base;
  info->packets = from->packets;
  info->lines = from->lines;
  info->lines_not_understood = from->lines_not_understood;
  memcpy(info->interface, from->interface, NAME_BYTES);
  /* "This is us" in prose names no host */
  if (from->captured_on_certain || is_known_host(text, from->captured_on))
    memcpy(info->captured_on, from->captured_on, NAME_BYTES);
}

const char *tcpdump_text_host_name(const struct tcpdump_text *text,
                                   const struct ip_address *address)
{
  return text_names_host(text->names, address);
}

const char *tcpdump_text_host(const struct tcpdump_text *text, size_t index, uint8_t *ip_version,
                              struct ip_address *address)
{
  return text_names_entry(text->names, index, ip_version, address);
}

const char *tcpdump_text_interface_name(const struct tcpdump_text *text, uint32_t interface)
{
  return interface < text->interface_count ? text->interfaces[interface] : "";
}

bool tcpdump_text_probe(const char *bytes, size_t size)
{
  struct text_fields fields;
  if (memchr(bytes, '\0', size) != NULL)
    return false;
  for (size_t at = 0; at < size;) {
    const char *newline = memchr(bytes + at, '\n', size - at);
    size_t length = newline == NULL ? size - at : (size_t)(newline - bytes) - at;
    struct body body = strip(bytes + at, length);
    at += length + 1;
    enum text_start start = text_starts_packet(body.text);
    if (start == TEXT_START_NONE)
      continue;
    enum text_status status = text_parse(body.text.start, body.text.size, &fields);
    bool certain = start == TEXT_START_TIMED || fields.protocol != TEXT_IP_OTHER;
    if (status != TEXT_BAD && fields.items > 0 && certain)
      return true;
  }
  return false;
}
