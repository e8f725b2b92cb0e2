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
  vsnprintf(text, sizeof text, format,
            args); /* NOLINT(clang-analyzer-valist.Uninitialized): it is */
  va_end(args);
  clean_text(terminal_utf8() ? CLEAN_UTF8 : CLEAN_ASCII, text, clean, sizeof clean);
  fprintf(stderr, "tcpstall: %s\n", clean);
}
