#include "report/comments.h"

#include "report/clean.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_SIZE 1200

struct comment {
  uint8_t end;
  uint64_t frame, order; /* order: as they were made, the worst finding first */
  char *text;
};

struct comments {
  struct comment *list;
  size_t count, capacity;
};

struct comments *comments_new(void)
{
  return calloc(1, sizeof(struct comments));
}

void comments_free(struct comments *comments)
{
  if (comments == NULL)
    return;
  for (size_t i = 0; i < comments->count; i++)
    free(comments->list[i].text);
  free(comments->list);
  free(comments);
}

static int add(struct comments *comments, uint8_t end, uint64_t frame, const char *text)
{
  if (comments->count == comments->capacity) {
    const size_t capacity = comments->capacity == 0 ? 64 : comments->capacity * 2;
    struct comment *list = realloc(comments->list, capacity * sizeof *list);
    if (list == NULL)
      return ERROR_MEMORY;
    comments->list = list;
    comments->capacity = capacity;
  }
  char clean[TEXT_SIZE * 2];
  clean_text(CLEAN_JSON, text, clean, sizeof clean);
  char *copy = strdup(clean);
  if (copy == NULL)
    return ERROR_MEMORY;
  comments->list[comments->count] = (struct comment){end, frame, comments->count, copy};
  comments->count++;
  return 0;
}

/* "problem 1: tx-queue-hold at sender-queue, proven" */
static void describe(char *text, size_t size, uint64_t rank, const struct finding *finding)
{
  snprintf(text, size, "tcpstall %s %llu: %s at %s, %s",
           finding->severity == SEVERITY_PROBLEM ? "problem" : "note", (unsigned long long)rank,
           cause_info(finding->cause)->code, location_name(finding->location),
           confidence_name(finding->confidence));
}

static int on_finding(void *context, uint64_t rank, const struct report_connection *connection,
                      const struct finding *finding)
{
  char title[200], text[TEXT_SIZE];
  bool first = true;
  int rc = 0;
  (void)connection;
  describe(title, sizeof title, rank, finding);
  for (uint32_t i = 0; rc == 0 && i < finding->evidence_count; i++) {
    const struct evidence *evidence = &finding->evidence[i];
    if (evidence->frame == 0)
      continue;
    if (first)
      snprintf(text, sizeof text, "%s. %s Here: %s.", title, finding->summary, evidence->fact);
    else
      snprintf(text, sizeof text, "%s. %s.", title, evidence->fact);
    rc = add(context, evidence->end, evidence->frame, text);
    first = false;
  }
  return rc;
}

static int compare(const void *left, const void *right)
{
  const struct comment *a = left, *b = right;
  if (a->end != b->end)
    return a->end < b->end ? -1 : 1;
  if (a->frame != b->frame)
    return a->frame < b->frame ? -1 : 1;
  return a->order < b->order ? -1 : a->order > b->order;
}

static int on_end(void *context, const struct report_overview *overview)
{
  struct comments *comments = context;
  (void)overview;
  if (comments->count > 1)
    qsort(comments->list, comments->count, sizeof *comments->list, compare);
  return 0;
}

struct report_writer comments_writer(struct comments *comments)
{
  return (struct report_writer){.context = comments,
                                .layout = REPORT_WORST_FIRST,
                                .wants_info = true,
                                .finding = on_finding,
                                .end = on_end};
}

size_t comments_at(const struct comments *comments, uint8_t end, uint64_t frame, const char **texts,
                   size_t max)
{
  const struct comment wanted = {.end = end, .frame = frame};
  size_t low = 0, high = comments->count, found = 0;
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (compare(&comments->list[middle], &wanted) < 0)
      low = middle + 1;
    else
      high = middle;
  }
  for (; low < comments->count && found < max && comments->list[low].end == end &&
         comments->list[low].frame == frame;
       low++)
    texts[found++] = comments->list[low].text;
  return found;
}

size_t comments_count(const struct comments *comments)
{
  return comments->count;
}
