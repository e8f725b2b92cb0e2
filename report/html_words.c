#include "report/html_words.h"

#include "report/clean.h"

#include <stdlib.h>
#include <string.h>

#define NO_WRAP_COLUMNS 4000 /* no line of the report is longer */
/* Where the cells of text_connection() stand. */
#define TABLE_LABEL_COLUMN 4
#define TABLE_LEFT_COLUMN  32
#define TABLE_RIGHT_COLUMN 54
#define TABLE_COLUMNS      76

void html_words_init(struct html_words *words, const struct report_overview *overview,
                     const struct report_names *names, bool local_time)
{
  *words = (struct html_words){.text = {.options = {.width = NO_WRAP_COLUMNS,
                                                    .utf8 = true,
                                                    .all = true,
                                                    .local_time = local_time,
                                                    .names = *names},
                                        .overview = overview}};
}

struct text *html_words_begin(struct html_words *words)
{
  const struct text old = {.options = words->text.options, .overview = words->text.overview};
  words->text = old;
  words->buffer = NULL;
  FILE *stream = open_memstream(&words->buffer, &words->size);
  words->failed |= stream == NULL;
  if (stream == NULL)
    return NULL;
  page_init(&words->text.page, stream, NO_WRAP_COLUMNS, true, false);
  return &words->text;
}

/* The byte at which that column begins, or the text's end. */
static char *column(char *line, size_t columns)
{
  char *at = line;
  uint32_t code;
  while (*at != '\0' && clean_columns(line, (size_t)(at - line)) < columns)
    at += clean_decode(at, &code);
  return at;
}

/* Without the blanks at both ends; changes it. */
static char *trimmed(char *text, char *end)
{
  while (text < end && *text == ' ')
    text++;
  while (end > text && end[-1] == ' ')
    end--;
  *end = '\0';
  return text;
}

static bool is_blank(const char *text, size_t columns)
{
  return strspn(text, " ") >= columns;
}

static void tell_row(char *line, html_words_line *tell, void *context)
{
  char *left = column(line, TABLE_LEFT_COLUMN), *right = column(line, TABLE_RIGHT_COLUMN);
  char *end = line + strlen(line);
  char label[TABLE_LEFT_COLUMN * 4 + 1];
  snprintf(label, sizeof label, "%.*s", (int)(left - line), line);
  char *right_cell = trimmed(right, end);
  char cell[200];
  snprintf(cell, sizeof cell, "%.*s", (int)(right - left), left);
  tell(context, trimmed(label + TABLE_LABEL_COLUMN, label + strlen(label)),
       trimmed(cell, cell + strlen(cell)), right_cell);
}

static void tell_line(char *line, html_words_line *tell, void *context)
{
  char *end = line + strlen(line);
  char empty[1] = "";
  if (!is_blank(line, TEXT_LABEL_COLUMN) || is_blank(line, TEXT_VALUE_COLUMN) ||
      line[TEXT_LABEL_COLUMN] == ' ') { /* no label */
    tell(context, empty, trimmed(line, end), NULL);
    return;
  }
  char *value = column(line, TEXT_VALUE_COLUMN);
  char label[TEXT_VALUE_COLUMN * 4 + 1];
  snprintf(label, sizeof label, "%.*s", (int)(value - line), line);
  value = trimmed(value, end);
  tell(context, trimmed(label, label + strlen(label)), value, NULL);
}

void html_words_end(struct html_words *words, bool table, html_words_line *line, void *context)
{
  if (words->text.page.stream == NULL)
    return;
  words->failed |= fclose(words->text.page.stream) != 0;
  words->text.page.stream = NULL;
  char *next = words->failed ? NULL : words->buffer;
  unsigned number = 0;
  while (next != NULL && *next != '\0') {
    char *at = next;
    next = strchr(at, '\n');
    if (next != NULL)
      *next++ = '\0';
    if (*at == '\0')
      continue;
    number++;
    /* the title and a line below it come before the table */
    table = table && (number <= 2 || is_blank(at, TABLE_LABEL_COLUMN));
    if (table && number > 2 && clean_columns(at, strlen(at)) == TABLE_COLUMNS)
      tell_row(at, line, context);
    else
      tell_line(at, line, context);
  }
  free(words->buffer);
  words->buffer = NULL;
}
