#include "replay/drill_parts.h"

#include "replay/script_text.h"
#include "wire/timestamp.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_BYTES 512

/* ---- events ---- */

struct drill_event *drill_add(struct drill *drill, enum drill_kind kind, int64_t at_ns)
{
  if (drill->event_count == drill->event_room) {
    const uint32_t room = drill->event_room * 2 + 256;
    struct drill_event *longer = realloc(drill->events, room * sizeof *longer);
    drill->failed = drill->failed || longer == NULL;
    if (longer == NULL)
      return &drill->spare;
    drill->events = longer;
    drill->event_room = room;
  }
  /* a script's time does not go backwards */
  if (drill->event_count > 0 && drill->events[drill->event_count - 1].at_ns > at_ns)
    at_ns = drill->events[drill->event_count - 1].at_ns;
  struct drill_event *event = &drill->events[drill->event_count++];
  *event = (struct drill_event){.kind = kind,
                                .time = drill->relative ? DRILL_AFTER : DRILL_AT,
                                .at_ns = at_ns,
                                .packet = {.window = -1}};
  return event;
}

void drill_call(struct drill *drill, int64_t at_ns, const char *format, ...)
{
  struct drill_event *event = drill_add(drill, DRILL_CALL, at_ns);
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(event->text, sizeof event->text, format, arguments);
  va_end(arguments);
  drill->summary->calls++;
}

void drill_remark(struct drill *drill, int64_t at_ns, const char *format, ...)
{
  struct drill_event *event = drill_add(drill, DRILL_REMARK, at_ns);
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(event->text, sizeof event->text, format, arguments);
  va_end(arguments);
}

void drill_note(struct drill *drill, const char *format, ...)
{
  struct drill_summary *summary = drill->summary;
  char text[DRILL_NOTE_BYTES];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  for (uint32_t i = 0; i < summary->note_count; i++)
    if (strcmp(summary->notes[i], text) == 0)
      return;
  if (summary->note_count < DRILL_NOTES_MAX)
    memcpy(summary->notes[summary->note_count++], text, sizeof text);
}

/* ---- packets ---- */

static void add_flags(struct script_text *text, uint16_t flags)
{
  script_text_add(text, "%s%s%s%s%s", flags & TCP_SYN ? "S" : "", flags & TCP_FIN ? "F" : "",
                  flags & TCP_RST ? "R" : "", flags & TCP_PSH ? "P" : "",
                  flags & TCP_ACK ? "." : "");
}

/* In the order in which Linux has them, padded as it does. */
static void add_syn_options(struct script_text *text, const struct drill_packet *packet)
{
  const struct recorded_syn *syn = packet->syn;
  const char *comma = "";
  script_text_add(text, " <");
  if (packet->mss > 0) {
    script_text_add(text, "mss %u", packet->mss);
    comma = ",";
  }
  if (syn->sack_permitted && packet->timestamps)
    script_text_add(text, "%ssackOK", comma);
  else if (syn->sack_permitted || packet->timestamps)
    script_text_add(text, "%snop,nop%s", comma, syn->sack_permitted ? ",sackOK" : "");
  if (syn->sack_permitted || packet->timestamps)
    comma = ",";
  if (packet->timestamps)
    script_text_add(text, "%sTS val %" PRIu32 " ecr %" PRIu32, comma, packet->ts_val,
                    packet->ts_ecr);
  if (syn->has_wscale)
    script_text_add(text, "%snop,wscale %u", comma, syn->wscale);
  script_text_add(text, ">");
}

static void add_options(struct script_text *text, const struct drill_packet *packet)
{
  if (packet->options == DRILL_OPTIONS_ANY) {
    script_text_add(text, " <...>");
    return;
  }
  if (packet->syn != NULL) {
    add_syn_options(text, packet);
    return;
  }
  if (!packet->timestamps && packet->sack_count == 0)
    return;
  script_text_add(text, " <");
  if (packet->timestamps)
    script_text_add(text, "nop,nop,TS val %" PRIu32 " ecr %" PRIu32 "%s", packet->ts_val,
                    packet->ts_ecr, packet->sack_count > 0 ? "," : "");
  if (packet->sack_count > 0)
    script_text_add(text, "nop,nop,sack");
  for (uint32_t i = 0; i < packet->sack_count; i++)
    script_text_add(text, " %" PRId64 ":%" PRId64, packet->sack[i].first + 1,
                    packet->sack[i].end + 1);
  script_text_add(text, ">");
}

static void add_packet(struct script_text *text, const struct drill_packet *packet, char arrow)
{
  const int64_t seq = packet->syn != NULL ? 0 : packet->seq + 1;
  script_text_add(text, "%c ", arrow);
  add_flags(text, packet->flags);
  script_text_add(text, " %" PRIu32 ":%" PRIu32 "(%" PRIu32 ")", (uint32_t)seq,
                  (uint32_t)(seq + packet->payload), packet->payload);
  if (packet->flags & TCP_ACK)
    script_text_add(text, " ack %" PRIu32, (uint32_t)(packet->ack + 1));
  if (packet->window >= 0)
    script_text_add(text, " win %" PRId32, packet->window);
  add_options(text, packet);
}

/* ---- the head ---- */

static const char *side_name(enum recording_side side)
{
  return side == RECORDING_CLIENT ? "client" : "server";
}

/* Words of a file's name, or of ours, in a comment of one line. */
static void add_comment(struct script_text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void add_comment(struct script_text *text, const char *format, ...)
{
  char line[LINE_BYTES];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  for (char *c = line; *c != '\0'; c++)
    if ((unsigned char)*c < ' ' || *c == 0x7f)
      *c = '?';
  script_text_add(text, "// %s\n", line);
}

static void add_head(struct script_text *text, const struct drill *drill, const char *source)
{
  const struct recorded_finding *target = drill->target;
  add_comment(text, "Made by tcpstall replay --export-packetdrill from %s, connection %" PRIu64 ".",
              source, drill->recording->connection_id);
  if (target != NULL) {
    add_comment(text, "Recorded: %s, %s, %.3f s (stream of the %s).", target->location,
                target->cause, time_to_s(target->waited_ns), side_name(target->sender));
    add_comment(text, "%s", target->summary);
  }
  add_comment(text,
              "Kernel under test: the %s. > is what it has to send, < is what the trace shows to "
              "have arrived there.",
              side_name(drill->side));
  add_comment(text, "Bytes are counted from 1; the kernel's timestamps are milliseconds here.");
  for (uint32_t i = 0; i < drill->recording->assumption_count; i++)
    add_comment(text, "Assumed: %s.", drill->recording->assumptions[i]);
  for (uint32_t i = 0; i < drill->summary->note_count; i++)
    add_comment(text, "Note: %s.", drill->summary->notes[i]);
}

static void add_seconds(struct script_text *text, int64_t ns)
{
  script_text_add(text, "%" PRId64 ".%06" PRId64, ns / NS_PER_S, ns % NS_PER_S / NS_PER_US);
}

/* before_ns: of the event in front. */
static void add_time(struct script_text *text, const struct drill_event *event, int64_t before_ns)
{
  if (event->time == DRILL_ANY) {
    script_text_add(text, "       * ");
    return;
  }
  if (event->grace_ns > 0)
    script_text_add(text, "+0.000000~+");
  else if (event->time == DRILL_AFTER)
    script_text_add(text, "+");
  add_seconds(text, event->grace_ns > 0          ? event->grace_ns
                    : event->time == DRILL_AFTER ? event->at_ns - before_ns
                                                 : event->at_ns);
  script_text_add(text, " ");
}

char *drill_text(const struct drill *drill, const char *source)
{
  struct script_text text = {0};
  int64_t before_ns = 0;
  add_head(&text, drill, source);
  drill_add_set_up(&text, drill);
  for (uint32_t i = 0; i < drill->event_count; i++) {
    const struct drill_event *event = &drill->events[i];
    if (event->kind == DRILL_REMARK) {
      script_text_add(&text, "\n");
      add_comment(&text, "%s", event->text);
      continue;
    }
    add_time(&text, event, before_ns);
    if (event->kind == DRILL_CALL)
      script_text_add(&text, "%s", event->text);
    else
      add_packet(&text, &event->packet, event->kind == DRILL_INJECT ? '<' : '>');
    script_text_add(&text, "\n");
    before_ns = event->at_ns;
  }
  if (!drill->failed)
    return script_text_finish(&text);
  free(text.bytes);
  return NULL;
}
