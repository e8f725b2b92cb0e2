#include "tui/grid.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#define FORMAT_SIZE 1024

bool grid_resize(struct grid *grid, int rows, int columns)
{
  if (rows < 1 || columns < 1)
    rows = columns = 1;
  struct cell *cells = calloc((size_t)rows * (size_t)columns, sizeof *cells);
  struct cell *before = grid->cells;
  *grid = (struct grid){.cells = cells};
  if (cells != NULL) {
    grid->rows = rows;
    grid->columns = columns;
    grid_clear(grid);
  }
  free(before);
  return cells != NULL;
}

void grid_free(struct grid *grid)
{
  free(grid->cells);
  *grid = (struct grid){0};
}

void grid_clear(struct grid *grid)
{
  for (int i = 0; i < grid->rows * grid->columns; i++)
    grid->cells[i] = (struct cell){.glyph = ' ', .style = STYLE_NORMAL};
}

const struct cell *grid_cell(const struct grid *grid, int row, int column)
{
  if (row < 0 || row >= grid->rows || column < 0 || column >= grid->columns)
    return NULL;
  return &grid->cells[row * grid->columns + column];
}

struct area area_of(struct grid *grid)
{
  return (struct area){.grid = grid, .rows = grid->rows, .columns = grid->columns};
}

static int clamp(int value, int low, int high)
{
  return value < low ? low : value > high ? high : value;
}

struct area area_part(const struct area *area, int row, int column, int rows, int columns)
{
  const int first_row = clamp(row, 0, area->rows), first_column = clamp(column, 0, area->columns);
  return (struct area){.grid = area->grid,
                       .row = area->row + first_row,
                       .column = area->column + first_column,
                       .rows = clamp(row + rows - first_row, 0, area->rows - first_row),
                       .columns =
                           clamp(column + columns - first_column, 0, area->columns - first_column),
                       .reverse = area->reverse,
                       .selected = area->selected};
}

static struct cell *cell_at(const struct area *area, int row, int column)
{
  if (row < 0 || row >= area->rows || column < 0 || column >= area->columns)
    return NULL;
  return &area->grid->cells[(area->row + row) * area->grid->columns + area->column + column];
}

void area_fill(const struct area *area, enum style style)
{
  for (int row = 0; row < area->rows; row++)
    area_line(area, row, 0, area->columns, style, ' ');
}

/* Ours do not depend on the locale, in which the program may not be able to show them. */
static int glyph_width(uint32_t glyph)
{
  const bool ours = (glyph >= 0xa0 && glyph < 0x300) || (glyph >= 0x2010 && glyph <= 0x2027) ||
                    (glyph >= 0x2190 && glyph <= 0x28ff);
  return ours ? 1 : wcwidth((wchar_t)glyph);
}

int area_glyph(const struct area *area, int row, int column, enum style style, uint32_t glyph)
{
  const int width = glyph_width(glyph);
  if (width < 1)
    return width == 0 && glyph != 0 ? 0 : area_glyph(area, row, column, style, '?');
  if (area->selected)
    style = STYLE_SELECTED;
  struct cell *cell = cell_at(area, row, column);
  struct cell *tail = width > 1 ? cell_at(area, row, column + 1) : NULL;
  if (cell != NULL)
    *cell = (struct cell){.glyph = width > 1 && tail == NULL ? ' ' : glyph,
                          .style = (uint8_t)style,
                          .reverse = area->reverse};
  if (tail != NULL)
    *tail = (struct cell){.glyph = 0, .style = (uint8_t)style, .reverse = area->reverse};
  return width;
}

/* RFC 3629 */
int text_glyph(const char *text, uint32_t *glyph)
{
  const unsigned char *bytes = (const unsigned char *)text;
  const int length = bytes[0] < 0x80   ? 1
                     : bytes[0] < 0xc2 ? 0
                     : bytes[0] < 0xe0 ? 2
                     : bytes[0] < 0xf0 ? 3
                     : bytes[0] < 0xf5 ? 4
                                       : 0;
  static const uint32_t smallest[5] = {0, 0, 0x80, 0x800, 0x10000};
  *glyph = '?';
  if (bytes[0] == '\0')
    return 0;
  if (length <= 1) {
    *glyph = length == 1 ? bytes[0] : '?';
    return 1;
  }
  uint32_t value = bytes[0] & (0xffu >> (length + 1));
  for (int i = 1; i < length; i++) {
    if ((bytes[i] & 0xc0) != 0x80)
      return 1;
    value = value << 6 | (bytes[i] & 0x3fu);
  }
  if (value < smallest[length] || value > 0x10ffff || (value >= 0xd800 && value < 0xe000))
    return 1;
  *glyph = value;
  return length;
}

int area_text(const struct area *area, int row, int column, enum style style, const char *text)
{
  uint32_t glyph;
  int bytes, used = 0;
  for (; (bytes = text_glyph(text, &glyph)) > 0; text += bytes)
    used += area_glyph(area, row, column + used, style, glyph);
  return used;
}

int area_format(const struct area *area, int row, int column, enum style style, const char *format,
                ...)
{
  char text[FORMAT_SIZE];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  return area_text(area, row, column, style, text);
}

int text_columns(const char *text)
{
  uint32_t glyph;
  int bytes, used = 0;
  for (; (bytes = text_glyph(text, &glyph)) > 0; text += bytes) {
    const int width = glyph_width(glyph);
    used += width < 0 ? 1 : width;
  }
  return used;
}

void area_right(const struct area *area, int row, int column, enum style style, const char *text)
{
  area_text(area, row, column - text_columns(text), style, text);
}

/* Bytes of the next line of at most `columns`, without the space where it is broken. */
static size_t line_bytes(const char *text, int columns)
{
  uint32_t glyph;
  size_t at = 0, space = 0;
  int bytes, used = 0;
  for (; (bytes = text_glyph(text + at, &glyph)) > 0; at += (size_t)bytes) {
    const int width = glyph_width(glyph);
    if (glyph == ' ')
      space = at;
    used += width < 0 ? 1 : width;
    if (used > columns)
      return space > 0 ? space : at > 0 ? at : (size_t)bytes;
  }
  return at;
}

/* Takes a line off the text, into line. Returns what is left. */
static const char *take_line(const char *text, int columns, char line[FORMAT_SIZE])
{
  size_t bytes = line_bytes(text, columns);
  if (bytes >= FORMAT_SIZE)
    bytes = FORMAT_SIZE - 1;
  memcpy(line, text, bytes);
  line[bytes] = '\0';
  for (text += bytes; *text == ' ';)
    text++;
  return text;
}

int area_wrap(const struct area *area, int row, int column, enum style style, const char *text)
{
  char line[FORMAT_SIZE];
  const int columns = area->columns - column;
  while (*text != '\0' && columns > 0 && row < area->rows) {
    text = take_line(text, columns, line);
    area_text(area, row++, column, style, line);
  }
  return row;
}

int text_lines(const char *text, int columns)
{
  char line[FORMAT_SIZE];
  int lines = 0;
  while (*text != '\0' && columns > 0) {
    text = take_line(text, columns, line);
    lines++;
  }
  return lines;
}

void area_line(const struct area *area, int row, int column, int columns, enum style style,
               uint32_t glyph)
{
  for (int i = 0; i < columns; i++)
    area_glyph(area, row, column + i, style, glyph);
}

/* Braille patterns by the number of their dots. */
static char braille_ascii(uint32_t glyph)
{
  static const char levels[] = " .::+**##";
  return levels[__builtin_popcount(glyph & 0xff)];
}

char glyph_ascii(uint32_t glyph)
{
  static const struct {
    uint32_t glyph;
    char ascii;
  } table[] = {{0x2500, '-'}, {0x2502, '|'}, {0x2192, '>'},  {0x2190, '<'}, {0x25b6, '>'},
               {0x25c0, '<'}, {0x25bc, 'v'}, {0x25b2, '^'},  {0x25cf, '*'}, {0x25cb, 'o'},
               {0x00b7, '.'}, {0x2717, 'x'}, {0x2026, '~'},  {0x00d7, 'x'}, {0x2014, '-'},
               {0x2013, '-'}, {0x2571, '/'}, {0x2572, '\\'}, {0x253c, '+'}, {0x2524, '|'},
               {0x251c, '|'}, {0x00b5, 'u'}, {0x2550, '='},  {0x2514, '+'}, {0x2518, '+'},
               {0x2575, '|'}};
  static const char bars[] = " .:-=+*##"; /* U+2581 .. U+2588 */
  if (glyph < 0x80)
    return (char)glyph;
  if (glyph >= 0x2800 && glyph <= 0x28ff)
    return braille_ascii(glyph);
  if (glyph >= 0x2581 && glyph <= 0x2588)
    return bars[glyph - 0x2580];
  for (size_t i = 0; i < sizeof table / sizeof *table; i++)
    if (table[i].glyph == glyph)
      return table[i].ascii;
  return '?';
}
