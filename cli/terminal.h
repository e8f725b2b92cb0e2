#ifndef CLI_TERMINAL_H
#define CLI_TERMINAL_H

/* What the reader's terminal can do. */

#include <stdbool.h>
#include <stdio.h>

enum color_choice { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };

/* Columns of the terminal behind stream, 0 if there is none. */
unsigned terminal_width(FILE *stream);
/* auto: on a terminal, unless NO_COLOR is set (https://no-color.org) or TERM is dumb. */
bool terminal_color(FILE *stream, enum color_choice choice);
/* The locale's character set is UTF-8 (setlocale() must have been called). */
bool terminal_utf8(void);

#endif
