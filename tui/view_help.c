#include "tui/ui.h"

#define KEYS_COLUMNS 29

const struct key_help key_table[] = {
    {"F1 ?", "this help", 1, '?', false},
    {"Enter  Esc", "into what is chosen: connection, finding, its packet; and back", 0, 0, false},
    {"1 2 3 4", "connections, connection, ladder, finding", 0, 0, false},
    {"arrows hjkl PgUp PgDn g G", "move; a click chooses, two go into it", 0, 0, false},
    {"F4 /",
     "filter: words (10.0.0.1, stalled, problem, sender-queue, zero-window), tcpdump's "
     "language (port 80), and or not ( )",
     4, '/', false},
    {"< > r", "sort by another column (or click its head), the other way round", 0, 0, false},
    {"F5 n   F6 N", "the next problem; the one before", 5, 'n', false},
    {"", "", 6, 'N', false},
    {"[ ] { }", "move in time (or click the line of time)", 0, 0, false},
    {"F7 Space  , .", "play, slower, faster; while capturing: stop the screen and go on", 7, ' ',
     false},
    {"+ - 0", "plot: nearer, farther, all (or the wheel); arrows move it", 0, 0, false},
    {"x  e  d", "plot: the other direction; the other end; what the ends announced", 0, 0, false},
    {"F8 w", "write this connection's packets, with the findings as comments", 8, 'w', false},
    {"F9 K", "kick: one ping through the sender's interface (asks first)", 9, 'K', true},
    {"R", "start or end the flight recorder", 0, 0, true},
    {"F10 q", "end", 10, 'q', false},
};
const int key_table_count = sizeof key_table / sizeof *key_table;

static void draw(struct ui *ui, const struct area *area)
{
  int row = 1;
  for (int i = 0; i < key_table_count; i++) {
    if (key_table[i].keys[0] == '\0' || (key_table[i].live && !ui->model->live))
      continue;
    area_text(area, row, 2, STYLE_KEY, key_table[i].keys);
    row = area_wrap(area, row, KEYS_COLUMNS, STYLE_NORMAL, key_table[i].what);
  }
}

static bool key(struct ui *ui, uint32_t pressed)
{
  if (pressed != '?' && pressed != KEY_RETURN)
    return false;
  ui_back(ui);
  return true;
}

const struct view view_help = {.title = "help", .draw = draw, .key = key};
