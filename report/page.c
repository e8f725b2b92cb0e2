#include "report/page.h"

#include "report/clean.h"

#include <stdarg.h>
#include <string.h>

/* The longest text that is written at once; the analyzer's longest field is 600 bytes. */
#define PAGE_TEXT_SIZE 4096

void page_init(struct page *page, FILE *stream, unsigned width, bool utf8, bool color)
{
  *page = (struct page){.stream = stream, .utf8 = utf8, .color = color};
  page->width = width < PAGE_WIDTH_MIN ? PAGE_WIDTH_MIN : width;
}

static void style_on(struct page *page, enum page_style style)
{
  static const char *const codes[PAGE_STYLE_COUNT] = {
      [PAGE_PLAIN] = NULL,  [PAGE_BOLD] = "1",    [PAGE_DIM] = "2",    [PAGE_PROBLEM] = "1;31",
      [PAGE_INFO] = "1;36", [PAGE_GOOD] = "1;32", [PAGE_LABEL] = "36",
  };
  if (page->color && codes[style] != NULL)
    fprintf(page->stream, "\x1b[%sm", codes[style]);
}

static void style_off(struct page *page, enum page_style style)
{
  if (page->color && style != PAGE_PLAIN)
    fputs("\x1b[0m", page->stream);
}

static void clean_for(const struct page *page, const char *text, char out[PAGE_TEXT_SIZE])
{
  clean_text(page->utf8 ? CLEAN_UTF8 : CLEAN_ASCII, text, out, PAGE_TEXT_SIZE);
}

static void put_clean(struct page *page, enum page_style style, const char *text, size_t bytes)
{
  if (bytes == 0)
    return;
  style_on(page, style);
  fwrite(text, 1, bytes, page->stream);
  style_off(page, style);
  page->column += (unsigned)clean_columns(text, bytes);
}

/* Bytes of the piece at text that must stay together: a word, or a `command` that fits into `room`
 * columns. */
static size_t piece_length(const char *text, size_t room)
{
  size_t word = strcspn(text, " ");
  const char *quote = memchr(text, '`', word);
  if (quote == NULL)
    return word;
  const char *close = strchr(quote + 1, '`');
  if (close == NULL || close < text + word)
    return word;
  const size_t length = (size_t)(close - text) + strcspn(close, " ");
  return clean_columns(text, length) <= room ? length : word;
}

/* Bytes from text on that fit into `room` columns, broken between pieces; at least one piece. */
static size_t line_length(const char *text, size_t room, size_t full_room)
{
  size_t length = 0;
  while (text[length] != '\0') {
    const size_t blanks = strspn(text + length, " ");
    const size_t piece = piece_length(text + length + blanks, full_room);
    if (piece == 0 || (length > 0 && clean_columns(text, length + blanks + piece) > room))
      break;
    length += blanks + piece;
  }
  return length;
}

void page_wrap(struct page *page, enum page_style style, unsigned indent, const char *text)
{
  char clean[PAGE_TEXT_SIZE];
  clean_for(page, text, clean);
  const unsigned full_room = page->width > indent ? page->width - indent : 1;
  unsigned room = page->width > page->column ? page->width - page->column : 0;
  for (const char *at = clean; *at != '\0';) {
    const size_t length = line_length(at, room, full_room);
    if (clean_columns(at, length) > room && page->column > indent) {
      /* not even the first piece fits behind what stands there already */
      at += strspn(at, " ");
    } else {
      put_clean(page, style, at, length);
      at += length;
      at += strspn(at, " ");
    }
    if (*at == '\0')
      break;
    page_newline(page);
    if (indent > 0)
      page_to_column(page, indent);
    room = full_room;
  }
}

void page_put(struct page *page, enum page_style style, const char *text)
{
  char clean[PAGE_TEXT_SIZE];
  clean_for(page, text, clean);
  put_clean(page, style, clean, strlen(clean));
}

void page_printf(struct page *page, enum page_style style, const char *format, ...)
{
  char text[PAGE_TEXT_SIZE];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  page_put(page, style, text);
}

static void put_blanks(struct page *page, unsigned count)
{
  static const char blanks[] = "                                ";
  page->column += count;
  while (count > 0) {
    const unsigned some = count < sizeof blanks - 1 ? count : (unsigned)sizeof blanks - 1;
    fwrite(blanks, 1, some, page->stream);
    count -= some;
  }
}

void page_right(struct page *page, enum page_style style, unsigned columns, const char *text)
{
  char clean[PAGE_TEXT_SIZE];
  clean_for(page, text, clean);
  const unsigned taken = (unsigned)clean_columns(clean, strlen(clean));
  put_blanks(page, taken < columns ? columns - taken : 0);
  put_clean(page, style, clean, strlen(clean));
}

void page_to_column(struct page *page, unsigned column)
{
  put_blanks(page, page->column < column ? column - page->column : 1);
}

void page_newline(struct page *page)
{
  fputc('\n', page->stream);
  page->column = 0;
}

void page_rule(struct page *page)
{
  style_on(page, PAGE_DIM);
  while (page->column < page->width) {
    fputs(page->utf8 ? "\u2500" : "-", page->stream);
    page->column++;
  }
  style_off(page, PAGE_DIM);
  page_newline(page);
}
