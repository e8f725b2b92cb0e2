#ifndef TESTS_CAPTURE_LIST_H
#define TESTS_CAPTURE_LIST_H

/* The list of real captures with what tshark made of each (LIST.jsonl, one JSON object a line), and
 * the table of known differences (differences.tsv: file, field, ours, tshark's, reason;
 * docs/captures.md explains the reasons). */

#include <stdbool.h>
#include <stddef.h>

enum capture_class { CAPTURE_READ, CAPTURE_PARTIAL, CAPTURE_REJECT };

struct capture_entry {
  char *file; /* relative to the list's folder */
  enum capture_class class;
  long long frames, tcp_frames, tcp_streams; /* as tshark counts */
};

struct capture_list {
  struct capture_entry *entries;
  size_t count;
};

/* Returns false, with a message on stderr, if the list cannot be read. */
bool capture_list_read(struct capture_list *list, const char *path);
void capture_list_free(struct capture_list *list);

struct difference {
  char *file, *field, *ours, *theirs;
  bool seen;
};

struct difference_table {
  struct difference *rows;
  size_t count;
};

bool difference_table_read(struct difference_table *table, const char *path);
void difference_table_free(struct difference_table *table);

/* The results of a comparison, kept while it runs. */
struct comparison {
  struct difference_table known;
  unsigned failures, explained;
};

/* Compares one field of one file; an unequal one that the table does not know fails, and is printed
 * as the table's row that would be missing. */
void compare_text(struct comparison *comparison, const char *file, const char *field,
                  const char *ours, const char *theirs);
void compare_number(struct comparison *comparison, const char *file, const char *field,
                    long long ours, long long theirs);

/* Rows for one of the `fields` (NULL-terminated) that did not show fail as well: the table stays
 * true. */
void compare_stale_rows(struct comparison *comparison, const char *const *fields);

#endif
