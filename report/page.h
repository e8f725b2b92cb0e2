#ifndef REPORT_PAGE_H
#define REPORT_PAGE_H

/* Lines of text for people: wrapped to a width with hanging indents, cleaned (clean.h), with colour
 * where the reader's terminal has it. Write errors are sticky and asked for once, at the end. */

#include <stdbool.h>
#include <stdio.h>

enum page_style {
  PAGE_PLAIN,
  PAGE_BOLD,
  PAGE_DIM,
  PAGE_PROBLEM,
  PAGE_INFO,
  PAGE_GOOD,
  PAGE_LABEL,
  PAGE_STYLE_COUNT
};

struct page {
  FILE *stream;
  unsigned width; /* columns, at least PAGE_WIDTH_MIN */
  bool utf8, color;
  unsigned column; /* of the next character, 0-based */
};

#define PAGE_WIDTH_MIN 40

void page_init(struct page *page, FILE *stream, unsigned width, bool utf8, bool color);

/* Writes text from the current column on, wrapped at blanks; further lines start at column
 * `indent`. What stands in `backquotes` is a command to copy and is kept on one line if it fits. */
void page_wrap(struct page *page, enum page_style style, unsigned indent, const char *text);
/* Writes text without wrapping. */
void page_put(struct page *page, enum page_style style, const char *text);
void page_printf(struct page *page, enum page_style style, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Text in a field of `columns`, flushed to the right. */
void page_right(struct page *page, enum page_style style, unsigned columns, const char *text);
/* Blanks up to column; a single blank if that is passed already. */
void page_to_column(struct page *page, unsigned column);
void page_newline(struct page *page);
/* Fills the line with a rule up to the width and ends it. */
void page_rule(struct page *page);

#endif
