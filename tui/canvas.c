#include "tui/canvas.h"

#include <stdlib.h>

#define DOTS_ACROSS 2
#define DOTS_DOWN   4
#define BRAILLE     0x2800u

bool canvas_init(struct canvas *canvas, int rows, int columns)
{
  const size_t cells = (size_t)(rows > 0 ? rows : 0) * (size_t)(columns > 0 ? columns : 0);
  *canvas = (struct canvas){.width = columns * DOTS_ACROSS,
                            .height = rows * DOTS_DOWN,
                            .dots = calloc(cells + 1, 1),
                            .styles = calloc(cells + 1, 1)};
  if (canvas->dots != NULL && canvas->styles != NULL)
    return true;
  canvas_free(canvas);
  return false;
}

void canvas_free(struct canvas *canvas)
{
  free(canvas->dots);
  free(canvas->styles);
  *canvas = (struct canvas){0};
}

void canvas_dot(struct canvas *canvas, int x, int y, enum style style)
{
  /* Unicode's numbering of the dots: down the left column, down the right one, then the last row */
  static const uint8_t bits[DOTS_DOWN][DOTS_ACROSS] = {
      {0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};
  if (x < 0 || y < 0 || x >= canvas->width || y >= canvas->height)
    return;
  const int down = canvas->height - 1 - y;
  const size_t cell = (size_t)(down / DOTS_DOWN) * (size_t)(canvas->width / DOTS_ACROSS) +
                      (size_t)(x / DOTS_ACROSS);
  canvas->dots[cell] |= bits[down % DOTS_DOWN][x % DOTS_ACROSS];
  if (canvas->styles[cell] < (uint8_t)style)
    canvas->styles[cell] = (uint8_t)style;
}

/* Bresenham's */
void canvas_line(struct canvas *canvas, int x0, int y0, int x1, int y1, enum style style)
{
  const int dx = abs(x1 - x0), dy = -abs(y1 - y0);
  const int step_x = x0 < x1 ? 1 : -1, step_y = y0 < y1 ? 1 : -1;
  int error = dx + dy;
  for (;;) {
    canvas_dot(canvas, x0, y0, style);
    const int twice = 2 * error;
    if (x0 == x1 && y0 == y1)
      return;
    if (twice >= dy) {
      error += dy;
      x0 += step_x;
    }
    if (twice <= dx) {
      error += dx;
      y0 += step_y;
    }
  }
}

void canvas_draw(const struct canvas *canvas, const struct area *area)
{
  const int columns = canvas->width / DOTS_ACROSS;
  for (int row = 0; row < canvas->height / DOTS_DOWN; row++)
    for (int column = 0; column < columns; column++) {
      const int cell = row * columns + column;
      if (canvas->dots[cell] != 0)
        area_glyph(area, row, column, (enum style)canvas->styles[cell],
                   BRAILLE + canvas->dots[cell]);
    }
}
