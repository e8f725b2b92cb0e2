#include "tui/ui.h"

#define KEYS_COLUMNS 28

const struct key_help key_table[] = {
    {"F1 ?", "this help", 1, '?', false},
    {"Enter  Esc", "into what is chosen, and back", 0, 0, false},
    {"1 2 3 4", "connections, connection, ladder, finding", 0, 0, false},
    {"arrows hjkl PgUp PgDn g G", "move; a click chooses, a second one goes into it", 0, 0, false},
    {"F4 /", "filter: words (10.0.0.1, stalled, sender-queue), tcpdump's language (port 80), not",
     4, '/', false},
    {"< > r", "sort by another column, the other way round", 0, 0, false},
    {"F5 n  F6 N", "the next problem, the one before", 5, 'n', false},
    {"", "", 6, 'N', false}, /* in the bar alone */
    {"[ ] { }", "move in time; a click on its line does, too", 0, 0, false},
    {"F7 Space", "play; live: stop the screen, and go on", 7, ' ', false},
    {", .", "play slower, faster", 0, 0, false},
    {"+ - 0", "plot: nearer, farther, all; so does the wheel", 0, 0, false},
    {"x", "plot: the other direction of data", 0, 0, false},
    {"e", "plot: as seen at the other end", 0, 0, false},
    {"d", "what the hosts announced, as seen at each end", 0, 0, false},
    {"F8 w", "write it to tcpstall-connection-N.pcapng, commented", 8, 'w', false},
    {"F9 K", "kick: one ping by the sender's interface (asks)", 9, 'K', true},
    {"R", "record the last seconds and what follows; stop", 0, 0, true},
    {"F10 q", "end", 10, 'q', false},
};
const int key_table_count = sizeof key_table / sizeof *key_table;

static void draw(struct ui *ui, const struct area *area)
{
  int row = -ui->help_top;
  for (int i = 0; i < key_table_count; i++) {
    if (key_table[i].keys[0] == '\0' || (key_table[i].live && !ui->model->live))
      continue;
    area_text(area, row, 1, STYLE_KEY, key_table[i].keys);
    area_wrap(area, row, KEYS_COLUMNS, STYLE_NORMAL, key_table[i].what);
    row += text_lines(key_table[i].what, area->columns - KEYS_COLUMNS);
  }
  /* no farther than to the last row */
  const int hidden = row + ui->help_top - area->rows;
  ui->help_last = hidden > 0 ? hidden : 0;
  if (row > area->rows)
    area_right(area, area->rows - 1, area->columns - 1, STYLE_WARNING, "more below");
}

static bool key(struct ui *ui, uint32_t pressed)
{
  switch (pressed) {
  case 'j':
  case KEY_DOWN_:
  case KEY_PAGE_DOWN: ui->help_top += ui->help_top < ui->help_last; return true;
  case 'k':
  case KEY_UP_:
  case KEY_PAGE_UP: ui->help_top -= ui->help_top > 0; return true;
  case '?':
  case KEY_RETURN: ui_back(ui); return true;
  default: return false;
  }
}

const struct view view_help = {.title = "help", .draw = draw, .key = key};
