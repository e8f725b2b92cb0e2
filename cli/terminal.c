#include "cli/terminal.h"

#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

unsigned terminal_width(FILE *stream)
{
  struct winsize size;
  if (isatty(fileno(stream)) == 0 || ioctl(fileno(stream), TIOCGWINSZ, &size) != 0)
    return 0;
  return size.ws_col;
}

bool terminal_color(FILE *stream, enum color_choice choice)
{
  if (choice != COLOR_AUTO)
    return choice == COLOR_ALWAYS;
  const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
  if ((no_color != NULL && no_color[0] != '\0') || term == NULL || strcmp(term, "dumb") == 0)
    return false;
  return isatty(fileno(stream)) != 0;
}

bool terminal_utf8(void)
{
  return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}
