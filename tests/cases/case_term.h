#ifndef TESTS_CASES_CASE_TERM_H
#define TESTS_CASES_CASE_TERM_H

/* The terms of an expectation: "key OP value", separated by blanks. */

#include "analyzer/finding.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TIME_SLACK_S 0.02 /* "~" accepts so much, */
#define TIME_SLACK   0.05 /* or so large a part, whichever is more */

/* One "key OP value" of an expectation. */
struct term {
  char key[32], op[3], value[128];
};

struct field {
  const char *name;
  double value;
};

/* true if text begins so; *rest: what follows, without blanks in front. */
bool starts_with(const char *text, const char *prefix, const char **rest);
/* The next term, and *text behind it; false: there is none, or it cannot be read. */
bool next_term(const char **text, struct term *term);
/* true if word is one of the comma-separated words. */
bool in_list(const char *list, const char *word);
bool compare_numbers(double have, const struct term *term);
bool compare_confidence(enum confidence have, const struct term *term);
/* NaN: no time. */
double seconds_of(int64_t time_ns);
/* Compares the field of that name; prints what it is if it differs. */
bool check_field(const struct field *fields, size_t count, const struct term *term, bool *known);

#endif
