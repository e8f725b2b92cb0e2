#include "tests/cases/case_term.h"

#include "wire/timestamp.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool starts_with(const char *text, const char *prefix, const char **rest)
{
  size_t length = strlen(prefix);
  if (strncmp(text, prefix, length) != 0)
    return false;
  *rest = text + length + strspn(text + length, " ");
  return true;
}

bool next_term(const char **text, struct term *term)
{
  const char *at = *text + strspn(*text, " ");
  if (*at == '\0')
    return false;
  size_t key = strcspn(at, "=<>~ ");
  size_t op = strspn(at + key, "=<>~");
  size_t value = strcspn(at + key + op, " ");
  if (key == 0 || op == 0 || op > 2 || value == 0 || key >= sizeof term->key ||
      value >= sizeof term->value)
    return false;
  snprintf(term->key, sizeof term->key, "%.*s", (int)key, at);
  snprintf(term->op, sizeof term->op, "%.*s", (int)op, at + key);
  snprintf(term->value, sizeof term->value, "%.*s", (int)value, at + key + op);
  *text = at + key + op + value;
  return true;
}

bool in_list(const char *list, const char *word)
{
  size_t length = strlen(word);
  for (const char *at = list; at != NULL; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
    if (strncmp(at, word, length) == 0 && (at[length] == ',' || at[length] == '\0'))
      return true;
  }
  return false;
}

bool compare_numbers(double have, const struct term *term)
{
  double want = strtod(term->value, NULL);
  if (strcmp(term->op, "<=") == 0)
    return have <= want;
  if (strcmp(term->op, ">=") == 0)
    return have >= want;
  if (strcmp(term->op, "~") == 0)
    return fabs(have - want) <= fmax(TIME_SLACK_S, TIME_SLACK * fabs(want));
  return fabs(have - want) < 1e-9;
}

static int confidence_rank(const char *name)
{
  for (int rank = CONFIDENCE_POSSIBLE; rank <= CONFIDENCE_PROVEN; rank++) {
    if (strcmp(confidence_name((enum confidence)rank), name) == 0)
      return rank;
  }
  return -1;
}

bool compare_confidence(enum confidence have, const struct term *term)
{
  int want = confidence_rank(term->value);
  if (strcmp(term->op, "<=") == 0)
    return (int)have <= want;
  if (strcmp(term->op, ">=") == 0)
    return (int)have >= want;
  return in_list(term->value, confidence_name(have));
}

double seconds_of(int64_t time_ns)
{
  return time_is_valid(time_ns) ? time_to_s(time_ns) : (double)NAN;
}

bool check_field(const struct field *fields, size_t count, const struct term *term, bool *known)
{
  for (size_t i = 0; i < count; i++) {
    if (strcmp(fields[i].name, term->key) == 0) {
      *known = true;
      bool good = compare_numbers(fields[i].value, term);
      if (!good)
        printf("%s is %.9g: ", term->key, fields[i].value);
      return good;
    }
  }
  *known = false;
  return false;
}
