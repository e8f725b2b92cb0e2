#include "cli/complain.h"

#include "cli/terminal.h"
#include "report/clean.h"

#include <stdarg.h>
#include <stdio.h>

void complain(const char *format, ...)
{
  char text[1024], clean[2048];
  va_list args;
  va_start(args, format);
  /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): va_start() is right above */
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  clean_text(terminal_utf8() ? CLEAN_UTF8 : CLEAN_ASCII, text, clean, sizeof clean);
  fprintf(stderr, "tcpstall: %s\n", clean);
}
