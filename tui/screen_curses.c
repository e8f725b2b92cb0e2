#include "tui/screen.h"

#include <curses.h>
#include <langinfo.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

/* The one terminal of the process. What puts it back in a handler of signals is prepared before. */
static struct {
  bool open, ascii, color;
  int input, output; /* descriptors */
  SCREEN *curses;
  struct termios before;
  char restore[256]; /* written as it is by put_back() */
  size_t restore_bytes;
  struct sigaction actions[8];
} screen;

static volatile sig_atomic_t end_wanted;

static const int fatal_signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
#define FATAL_SIGNALS (sizeof fatal_signals / sizeof *fatal_signals)

/* Colours of 256, of 8, and attributes. Bright backgrounds are avoided: people's terminals are
 * light or dark. */
struct look {
  short color_256, color_8;
  attr_t attributes;
};

static const struct look looks[STYLE_COUNT] = {
    [STYLE_NORMAL] = {-1, -1, A_NORMAL},
    [STYLE_DIM] = {244, -1, A_DIM},
    [STYLE_STRONG] = {-1, -1, A_BOLD},
    [STYLE_TITLE] = {-1, -1, A_BOLD | A_REVERSE},
    [STYLE_HEADER] = {39, COLOR_CYAN, A_BOLD},
    [STYLE_SELECTED] = {-1, -1, A_REVERSE},
    [STYLE_KEY] = {-1, -1, A_BOLD},
    [STYLE_KEY_TEXT] = {-1, -1, A_REVERSE},
    [STYLE_FRAME] = {242, -1, A_DIM},
    [STYLE_GOOD] = {71, COLOR_GREEN, A_NORMAL},
    [STYLE_WARNING] = {172, COLOR_YELLOW, A_NORMAL},
    [STYLE_BAD] = {160, COLOR_RED, A_BOLD},
    [STYLE_DATA] = {33, COLOR_BLUE, A_NORMAL},
    [STYLE_ACK] = {71, COLOR_GREEN, A_NORMAL},
    [STYLE_EDGE] = {172, COLOR_YELLOW, A_NORMAL},
    [STYLE_AGAIN] = {160, COLOR_RED, A_BOLD},
    [STYLE_STALL] = {160, COLOR_RED, A_NORMAL},
    [STYLE_FOREIGN] = {133, COLOR_MAGENTA, A_NORMAL},
    [STYLE_MOVING] = {71, COLOR_GREEN, A_NORMAL},
    [STYLE_IDLE] = {244, -1, A_DIM},
    [STYLE_LOCATION + LOCATION_SENDER_APP] = {37, COLOR_CYAN, A_BOLD},
    [STYLE_LOCATION + LOCATION_SENDER_TCP] = {33, COLOR_BLUE, A_BOLD},
    [STYLE_LOCATION + LOCATION_SENDER_QUEUE] = {133, COLOR_MAGENTA, A_BOLD},
    [STYLE_LOCATION + LOCATION_FORWARD_PATH] = {160, COLOR_RED, A_BOLD},
    [STYLE_LOCATION + LOCATION_RECEIVER_TCP] = {136, COLOR_YELLOW, A_BOLD},
    [STYLE_LOCATION + LOCATION_RECEIVER_APP] = {172, COLOR_YELLOW, A_BOLD},
    [STYLE_LOCATION + LOCATION_REVERSE_PATH] = {167, COLOR_RED, A_BOLD},
    [STYLE_LOCATION + LOCATION_NONE] = {-1, -1, A_NORMAL},
    [STYLE_LOCATION + LOCATION_UNKNOWN] = {-1, -1, A_BOLD},
};

/* Only calls that are allowed in a handler of signals. */
static void put_back(void)
{
  if (!screen.open)
    return;
  screen.open = false;
  if (write(screen.output, screen.restore, screen.restore_bytes) < 0) {
    /* the terminal is gone: nothing to put back */
  }
  tcsetattr(screen.input, TCSANOW, &screen.before);
}

static void on_fatal(int number)
{
  put_back();
  for (size_t i = 0; i < FATAL_SIGNALS; i++)
    if (fatal_signals[i] == number)
      sigaction(number, &screen.actions[i], NULL);
  raise(number);
}

static void on_end(int number)
{
  (void)number;
  end_wanted = 1;
}

static void install_signals(void)
{
  struct sigaction fatal = {.sa_handler = on_fatal}, ends = {.sa_handler = on_end};
  for (size_t i = 0; i < FATAL_SIGNALS; i++)
    sigaction(fatal_signals[i], &fatal, &screen.actions[i]);
  sigaction(SIGTERM, &ends, NULL);
  sigaction(SIGHUP, &ends, NULL);
  sigaction(SIGINT, &ends, NULL);
  signal(SIGPIPE, SIG_IGN);
}

static void remember(const char *capability)
{
  /* tigetstr() gives -1 for what is no string */
  const bool is_text = capability != NULL && (intptr_t)capability != -1;
  const size_t size = is_text ? strlen(capability) : 0;
  if (size == 0 || screen.restore_bytes + size > sizeof screen.restore)
    return;
  memcpy(screen.restore + screen.restore_bytes, capability, size);
  screen.restore_bytes += size;
}

static void init_colors(const struct screen_options *options)
{
  const char *no_color = getenv("NO_COLOR");
  screen.color = options->color == SCREEN_COLOR_AUTO && has_colors() &&
                 (no_color == NULL || *no_color == '\0') && start_color() == OK;
  if (!screen.color)
    return;
  use_default_colors();
  for (int i = 0; i < STYLE_COUNT; i++)
    init_pair((short)(i + 1), COLORS >= 256 ? looks[i].color_256 : looks[i].color_8, -1);
}

int screen_open(const struct screen_options *options, const char **why)
{
  *why = "standard input and output have to be a terminal";
  screen.input = fileno(options->input);
  screen.output = fileno(options->output);
  if (!isatty(screen.input) || !isatty(screen.output) ||
      tcgetattr(screen.input, &screen.before) != 0)
    return -1;
  *why = "this terminal is not known (TERM)";
  screen.curses = newterm(NULL, options->output, options->input);
  if (screen.curses == NULL)
    return -1;
  end_wanted = 0;
  screen.restore_bytes = 0;
  remember(tigetstr("rmkx"));
  remember("\033[?1000l\033[?1002l\033[?1006l"); /* the mouse */
  remember(tigetstr("sgr0"));
  remember(tigetstr("cnorm"));
  remember(tigetstr("rmcup"));
  cbreak();
  noecho();
  nonl();
  keypad(stdscr, TRUE);
  meta(stdscr, TRUE);
  set_escdelay(25);
  curs_set(0);
  screen.ascii = options->ascii || strcmp(nl_langinfo(CODESET), "UTF-8") != 0;
  init_colors(options);
  if (!options->no_mouse)
    mousemask(BUTTON1_CLICKED | BUTTON1_PRESSED | BUTTON1_DOUBLE_CLICKED | BUTTON4_PRESSED |
                  BUTTON5_PRESSED,
              NULL);
  mouseinterval(0);
  screen.open = true;
  install_signals();
  return 0;
}

void screen_close(void)
{
  if (!screen.open)
    return;
  screen.open = false;
  endwin();
  delscreen(screen.curses);
  for (size_t i = 0; i < FATAL_SIGNALS; i++)
    sigaction(fatal_signals[i], &screen.actions[i], NULL);
}

void screen_size(int *rows, int *columns)
{
  getmaxyx(stdscr, *rows, *columns);
}

/* Without colours, what a plot shows is told by letters, in the plot as in its legend. */
static uint32_t without_color(const struct cell *cell)
{
  const bool braille = cell->glyph >= 0x2800 && cell->glyph <= 0x28ff;
  switch (braille ? cell->style : STYLE_NORMAL) {
  case STYLE_DATA: return 'd';
  case STYLE_AGAIN: return 'R';
  case STYLE_ACK: return 'a';
  case STYLE_EDGE: return 'w';
  default: return cell->glyph;
  }
}

static void show_cell(const struct cell *cell, int row, int column)
{
  attr_t attributes = looks[cell->style].attributes;
  cchar_t shown;
  const uint32_t glyph = screen.color ? cell->glyph : without_color(cell);
  const wchar_t text[2] = {screen.ascii ? (wchar_t)glyph_ascii(glyph) : (wchar_t)glyph, 0};
  if (cell->reverse)
    attributes ^= A_REVERSE;
  /* dim text that has a colour of its own would be hard to read */
  if (screen.color && COLORS >= 256)
    attributes &= ~(attr_t)A_DIM;
  setcchar(&shown, text, attributes, screen.color ? (short)(cell->style + 1) : 0, NULL);
  mvadd_wch(row, column, &shown);
}

void screen_show(const struct grid *grid)
{
  int rows, columns;
  screen_size(&rows, &columns);
  for (int row = 0; row < grid->rows && row < rows; row++)
    for (int column = 0; column < grid->columns && column < columns; column++) {
      const struct cell *cell = grid_cell(grid, row, column);
      if (cell->glyph != 0)
        show_cell(cell, row, column);
      else if (screen.ascii)
        show_cell(&(struct cell){.glyph = ' ', .style = cell->style, .reverse = cell->reverse}, row,
                  column);
    }
  refresh();
}

static uint32_t translate(int code)
{
  switch (code) {
  case KEY_UP: return KEY_UP_;
  case KEY_DOWN: return KEY_DOWN_;
  case KEY_LEFT: return KEY_LEFT_;
  case KEY_RIGHT: return KEY_RIGHT_;
  case KEY_PPAGE: return KEY_PAGE_UP;
  case KEY_NPAGE: return KEY_PAGE_DOWN;
  case KEY_HOME: return KEY_FIRST;
  case KEY_END: return KEY_LAST;
  case KEY_ENTER: return KEY_RETURN;
  case KEY_BACKSPACE: return KEY_ERASE;
  default: break;
  }
  return code > KEY_F0 && code <= KEY_F(12) ? KEY_FUNCTION + (uint32_t)(code - KEY_F0) : 0;
}

static uint32_t translate_character(wint_t character)
{
  switch (character) {
  case '\r':
  case '\n': return KEY_RETURN;
  case 27: return KEY_ESCAPE;
  case 8:
  case 127: return KEY_ERASE;
  case '\t': return KEY_TABULATOR;
  default: return (uint32_t)character;
  }
}

static void read_mouse(struct event *event)
{
  MEVENT mouse;
  if (getmouse(&mouse) != OK)
    return;
  *event = (struct event){.kind = EVENT_MOUSE, .row = mouse.y, .column = mouse.x};
  if ((mouse.bstate & BUTTON4_PRESSED) != 0)
    event->mouse = MOUSE_WHEEL_UP;
  else if ((mouse.bstate & BUTTON5_PRESSED) != 0)
    event->mouse = MOUSE_WHEEL_DOWN;
  else if ((mouse.bstate & BUTTON1_DOUBLE_CLICKED) != 0)
    event->mouse = MOUSE_DOUBLE;
  else if ((mouse.bstate & (BUTTON1_PRESSED | BUTTON1_CLICKED)) != 0)
    event->mouse = MOUSE_CLICK;
  else
    event->kind = EVENT_NONE;
}

void screen_wait(int timeout_ms, struct event *event)
{
  struct pollfd input = {.fd = screen.input, .events = POLLIN};
  wint_t character;
  *event = (struct event){.kind = EVENT_NONE};
  timeout(0);
  int got = get_wch(&character);
  if (got == ERR && end_wanted == 0 && timeout_ms > 0) {
    poll(&input, 1, timeout_ms);
    got = get_wch(&character);
  }
  if (end_wanted != 0 || (input.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0)
    event->kind = EVENT_END;
  else if (got == KEY_CODE_YES && character == KEY_RESIZE)
    event->kind = EVENT_RESIZE;
  else if (got == KEY_CODE_YES && character == KEY_MOUSE)
    read_mouse(event);
  else if (got != ERR) {
    event->key = got == KEY_CODE_YES ? translate((int)character) : translate_character(character);
    event->kind = event->key != 0 ? EVENT_KEY : EVENT_NONE;
  }
}

void screen_bell(void)
{
  beep();
}

const char *screen_library(void)
{
  return curses_version();
}
