#include "tui/strip.h"

#include "tui/words.h"
#include "wire/timestamp.h"

#include <stdio.h>

#define ARROW_COLUMNS 3
#define STAGE_MIN     6
#define NOTE_SIZE     64

struct stage {
  const char *name;
  enum location location; /* who holds the stream if it is here */
};

static const struct stage stages[] = {
    {"app", LOCATION_SENDER_APP},     {"socket", LOCATION_SENDER_TCP},
    {"queue", LOCATION_SENDER_QUEUE}, {"path", LOCATION_FORWARD_PATH},
    {"TCP", LOCATION_RECEIVER_TCP},   {"app", LOCATION_RECEIVER_APP},
};
#define STAGES (int)(sizeof stages / sizeof *stages)

/* What a kernel said of a socket while it lasted; NULL: nothing. */
static const struct kernel_evidence *kernel_of(const struct finding *finding, bool of_sender)
{
  for (uint32_t i = 0; finding != NULL && i < finding->kernel_count; i++)
    if (finding->kernel[i].of_sender == of_sender)
      return &finding->kernel[i];
  return NULL;
}

/* All that has left the sender's end and not come to the receiver's is known to be lost. */
static bool is_lost(const struct strip *strip)
{
  const struct finding *during = strip->during;
  return during != NULL && time_is_valid(during->stages.at_ns) && strip->flow.path_bytes > 0 &&
         during->stages.in_path_bytes == 0 && during->stages.lost_bytes >= strip->flow.path_bytes;
}

/* false: not known. In *what: what the bytes there are. */
static bool bytes_at(const struct strip *strip, enum location location, double *bytes,
                     const char **what)
{
  const struct kernel_evidence *sender = kernel_of(strip->during, true);
  const struct kernel_evidence *receiver = kernel_of(strip->during, false);
  *bytes = 0;
  switch (location) {
  case LOCATION_SENDER_TCP:
    *what = "not sent";
    *bytes = sender != NULL ? sender->tcpi_notsent_bytes : 0;
    return sender != NULL;
  case LOCATION_SENDER_QUEUE:
    *what = "held";
    *bytes = sender != NULL ? (double)sender->est_held_bytes : -1;
    return *bytes >= 0;
  case LOCATION_FORWARD_PATH:
    *bytes = (double)strip->flow.path_bytes;
    *what = is_lost(strip) ? "lost" : "under way";
    return strip->flow.two_ends;
  case LOCATION_RECEIVER_TCP:
    *what = "unacked";
    *bytes = (double)strip->flow.unacked_bytes;
    return strip->flow.two_ends;
  case LOCATION_RECEIVER_APP:
    *what = "not read";
    *bytes = receiver != NULL ? receiver->rqueue_bytes : 0;
    return receiver != NULL;
  default: return false;
  }
}

static void put_middle(const struct area *area, int row, int column, int columns, enum style style,
                       const char *text)
{
  area_text(area, row, column + (columns - text_columns(text)) / 2, style, text);
}

static void draw_stage(const struct strip *strip, const struct area *area, int column, int columns,
                       const struct stage *stage)
{
  const bool lit = strip->owner.kind == OWNER_LOCATION && strip->owner.sender == strip->side &&
                   strip->owner.location == stage->location;
  const enum style style = lit ? (enum style)style_of_location(stage->location) : STYLE_STRONG;
  struct area box = area_part(area, 0, column, 1, columns);
  char text[NOTE_SIZE], bytes[WORD_SIZE];
  const char *what;
  double value;
  box.reverse = lit;
  area_fill(&box, lit ? style : STYLE_NORMAL);
  put_middle(&box, 0, 0, columns, style, stage->name);
  if (!bytes_at(strip, stage->location, &value, &what))
    return;
  word_bytes(bytes, value);
  snprintf(text, sizeof text, "%s %s", bytes, what);
  const bool fits = text_columns(text) <= columns + ARROW_COLUMNS - 1;
  put_middle(area, 1, column, columns, value > 0 ? STYLE_NORMAL : STYLE_DIM, fits ? text : bytes);
}

/* Where one end alone was captured, path and receiver cannot be told apart. */
static void draw_outstanding(const struct strip *strip, const struct area *area, int column,
                             int columns)
{
  char text[NOTE_SIZE], bytes[WORD_SIZE];
  if (!strip->flow.known || strip->flow.two_ends)
    return;
  snprintf(text, sizeof text, "%s not acknowledged",
           word_bytes(bytes, (double)strip->flow.outstanding_bytes));
  put_middle(area, 1, column, columns, strip->flow.outstanding_bytes > 0 ? STYLE_NORMAL : STYLE_DIM,
             text);
}

/* From the receiver's TCP back to the sender's socket. */
static void draw_back(const struct strip *strip, const struct area *area, int from, int to)
{
  const bool lit = strip->owner.kind == OWNER_LOCATION && strip->owner.sender == strip->side &&
                   strip->owner.location == LOCATION_REVERSE_PATH;
  const enum style style =
      lit ? (enum style)style_of_location(LOCATION_REVERSE_PATH) : STYLE_STRONG;
  char text[NOTE_SIZE], bytes[WORD_SIZE];
  struct area line = area_part(area, 2, from, 1, to - from + 1);
  line.reverse = lit;
  area_line(&line, 0, 0, line.columns, lit ? style : STYLE_FRAME, lit ? ' ' : 0x2500);
  if (!lit) {
    area_glyph(&line, 0, 0, STYLE_FRAME, 0x2514);
    area_glyph(&line, 0, line.columns - 1, STYLE_FRAME, 0x2518);
    area_glyph(&line, 0, 1, STYLE_FRAME, 0x25c0);
  }
  if (strip->flow.two_ends)
    snprintf(text, sizeof text, " ACKs under way: %s ",
             word_bytes(bytes, (double)strip->flow.ack_bytes));
  else
    snprintf(text, sizeof text, " ACKs ");
  put_middle(&line, 0, 0, line.columns, style, text);
}

void strip_draw(const struct strip *strip, const struct area *area)
{
  const int width = (area->columns - ARROW_COLUMNS * (STAGES - 1)) / STAGES;
  const int pitch = width + ARROW_COLUMNS;
  if (width < STAGE_MIN)
    return;
  draw_back(strip, area, pitch + width / 2, 4 * pitch + width / 2);
  for (int i = 0; i < STAGES; i++) {
    draw_stage(strip, area, i * pitch, width, &stages[i]);
    if (i + 1 < STAGES) {
      area_line(area, 0, i * pitch + width, ARROW_COLUMNS - 1, STYLE_FRAME, 0x2500);
      area_glyph(area, 0, i * pitch + width + ARROW_COLUMNS - 1, STYLE_FRAME, 0x25b6);
    }
  }
  draw_outstanding(strip, area, 3 * pitch, pitch + width);
}
