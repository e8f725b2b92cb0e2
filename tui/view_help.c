#include "tui/ui.h"

const struct key_help key_table[] = {
    {"F1 ?", "this help", 1, '?', false},
    {"Enter", "into what is chosen: connection, finding, packet", 0, 0, false},
    {"Esc", "back", 0, 0, false},
    {"1 2 3 4", "connections, connection, ladder, finding", 0, 0, false},
    {"arrows hjkl PgUp PgDn Home End", "move", 0, 0, false},
    {"F4 /", "filter: words of an address, port 80, a place, a cause, stalled, problem, not", 4,
     '/', false},
    {"< > r", "sort by another column, the other way round", 0, 0, false},
    {"F5 n", "the next problem", 5, 'n', false},
    {"F6 N", "the problem before", 6, 'N', false},
    {"[ ]", "move in time", 0, 0, false},
    {"+ - 0", "plot: nearer, farther, all", 0, 0, false},
    {"x", "plot: the stream the other way", 0, 0, false},
    {"F7 Space", "play; while capturing: stop and go on", 7, ' ', false},
    {"F8 w", "write this connection's packets, with the findings as comments", 8, 'w', false},
    {"F9 k", "kick it: send one ping (connection and finding view; asks first)", 9, 'k', true},
    {"R", "start or end the flight recorder", 0, 0, true},
    {"F10 q", "end", 10, 'q', false},
};
const int key_table_count = sizeof key_table / sizeof *key_table;

static void draw(struct ui *ui, const struct area *area)
{
  int row = 1;
  for (int i = 0; i < key_table_count; i++) {
    if (key_table[i].live && !ui->model->live)
      continue;
    area_text(area, row, 2, STYLE_KEY, key_table[i].keys);
    row = area_wrap(area, row, 34, STYLE_NORMAL, key_table[i].what);
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
