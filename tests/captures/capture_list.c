#include "capture_list.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *grow(void *array, size_t count, size_t size)
{
  if ((count & (count - 1)) != 0) /* room is always a power of two */
    return array;
  void *larger = realloc(array, (count == 0 ? 1 : count * 2) * size);
  if (larger == NULL)
    abort();
  return larger;
}

static char *copy(const char *text)
{
  char *duplicate = strdup(text == NULL ? "" : text);
  if (duplicate == NULL)
    abort();
  return duplicate;
}

/* "read" files whose expectation goes on "then report" are partial ones. */
static enum capture_class class_of(const json_t *object)
{
  const char *class = json_string_value(json_object_get(object, "class"));
  const char *expect = json_string_value(json_object_get(object, "expect"));
  if (class != NULL && strcmp(class, "reject") == 0)
    return CAPTURE_REJECT;
  if (class != NULL && strcmp(class, "partial") == 0)
    return CAPTURE_PARTIAL;
  if (expect != NULL && strstr(expect, "then report") != NULL)
    return CAPTURE_PARTIAL;
  return CAPTURE_READ;
}

static bool read_entry(struct capture_list *list, const char *line)
{
  json_t *object = json_loads(line, 0, NULL);
  if (object == NULL)
    return false;
  list->entries = grow(list->entries, list->count, sizeof *list->entries);
  list->entries[list->count++] = (struct capture_entry){
      .file = copy(json_string_value(json_object_get(object, "file"))),
      .class = class_of(object),
      .frames = json_integer_value(json_object_get(object, "frames")),
      .tcp_frames = json_integer_value(json_object_get(object, "tcp_frames")),
      .tcp_streams = json_integer_value(json_object_get(object, "tcp_streams")),
  };
  json_decref(object);
  return true;
}

bool capture_list_read(struct capture_list *list, const char *path)
{
  *list = (struct capture_list){0};
  FILE *file = fopen(path, "r");
  if (file == NULL) {
    perror(path);
    return false;
  }
  char *line = NULL;
  size_t room = 0;
  bool good = true;
  while (good && getline(&line, &room, file) > 0)
    good = read_entry(list, line);
  if (!good)
    fprintf(stderr, "%s: line %zu is not JSON\n", path, list->count + 1);
  free(line);
  fclose(file);
  return good;
}

void capture_list_free(struct capture_list *list)
{
  for (size_t i = 0; i < list->count; i++)
    free(list->entries[i].file);
  free(list->entries);
}

static bool read_row(struct difference_table *table, char *line)
{
  char *fields[5] = {0};
  line[strcspn(line, "\n")] = '\0';
  if (line[0] == '#' || line[0] == '\0')
    return true;
  for (size_t i = 0; i < 5; i++)
    fields[i] = strsep(&line, "\t");
  if (fields[4] == NULL || fields[4][0] == '\0')
    return false;
  table->rows = grow(table->rows, table->count, sizeof *table->rows);
  table->rows[table->count++] = (struct difference){.file = copy(fields[0]),
                                                    .field = copy(fields[1]),
                                                    .ours = copy(fields[2]),
                                                    .theirs = copy(fields[3])};
  return true;
}

bool difference_table_read(struct difference_table *table, const char *path)
{
  *table = (struct difference_table){0};
  FILE *file = fopen(path, "r");
  if (file == NULL) {
    perror(path);
    return false;
  }
  char *line = NULL;
  size_t room = 0;
  bool good = true;
  while (good && getline(&line, &room, file) > 0)
    good = read_row(table, line);
  if (!good)
    fprintf(stderr, "%s: a row needs five fields\n", path);
  free(line);
  fclose(file);
  return good;
}

void difference_table_free(struct difference_table *table)
{
  for (size_t i = 0; i < table->count; i++) {
    free(table->rows[i].file);
    free(table->rows[i].field);
    free(table->rows[i].ours);
    free(table->rows[i].theirs);
  }
  free(table->rows);
}

static bool is_known(struct difference_table *table, const char *file, const char *field,
                     const char *ours, const char *theirs)
{
  for (size_t i = 0; i < table->count; i++) {
    struct difference *row = &table->rows[i];
    if (strcmp(row->file, file) != 0 || strcmp(row->field, field) != 0 ||
        strcmp(row->ours, ours) != 0 || strcmp(row->theirs, theirs) != 0)
      continue;
    row->seen = true;
    return true;
  }
  return false;
}

void compare_text(struct comparison *comparison, const char *file, const char *field,
                  const char *ours, const char *theirs)
{
  if (strcmp(ours, theirs) == 0)
    return;
  if (is_known(&comparison->known, file, field, ours, theirs)) {
    comparison->explained++;
    return;
  }
  printf("%s\t%s\t%s\t%s\n", file, field, ours, theirs);
  comparison->failures++;
}

void compare_number(struct comparison *comparison, const char *file, const char *field,
                    long long ours, long long theirs)
{
  char our_text[24], their_text[24];
  snprintf(our_text, sizeof our_text, "%lld", ours);
  snprintf(their_text, sizeof their_text, "%lld", theirs);
  compare_text(comparison, file, field, our_text, their_text);
}

void compare_stale_rows(struct comparison *comparison, const char *const *fields)
{
  for (size_t i = 0; i < comparison->known.count; i++) {
    const struct difference *row = &comparison->known.rows[i];
    for (size_t field = 0; fields[field] != NULL; field++) {
      if (row->seen || strcmp(row->field, fields[field]) != 0)
        continue;
      printf("%s\t%s\t%s\t%s\tis in the table and did not show\n", row->file, row->field, row->ours,
             row->theirs);
      comparison->failures++;
    }
  }
}
