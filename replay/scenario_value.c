#include "replay/scenario_value.h"

#include "wire/ip_address.h"
#include "wire/timestamp.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#define DIGITS      "0123456789"
#define AMOUNT_MAX  1e15 /* of any unit, after scaling: 11 days in ns, 1 Pbit/s */
#define PART_MAX    64   /* characters of a value */
#define SIGNED_BITS 32

struct unit {
  const char *name;
  double factor;
};

/* A decimal number (no sign, no exponent) and one of the units. */
static bool scaled(const char *text, const struct unit *units, size_t count, int64_t *value)
{
  const size_t digits = strspn(text, DIGITS ".");
  if (digits == 0 || digits >= PART_MAX)
    return false;
  char number[PART_MAX], *end = NULL;
  memcpy(number, text, digits);
  number[digits] = '\0';
  const double amount = strtod(number, &end);
  if (*end != '\0')
    return false;
  for (size_t i = 0; i < count; i++) {
    if (strcmp(text + digits, units[i].name) != 0)
      continue;
    if (amount * units[i].factor > AMOUNT_MAX)
      return false;
    *value = (int64_t)(amount * units[i].factor + 0.5);
    return true;
  }
  return false;
}

bool value_count(const char *text, int64_t min, int64_t max, int64_t *value)
{
  const size_t digits = strspn(text, DIGITS);
  if (digits == 0 || digits > 18 || text[digits] != '\0')
    return false;
  const int64_t number = strtoll(text, NULL, 10);
  if (number < min || number > max)
    return false;
  *value = number;
  return true;
}

bool value_signed(const char *text, int64_t *value)
{
  const bool negative = *text == '-';
  if (!value_count(text + (*text == '-' || *text == '+'), 0, INT64_C(1) << SIGNED_BITS, value))
    return false;
  if (negative)
    *value = -*value;
  return true;
}

bool value_unit_interval(const char *text, double *value)
{
  const size_t length = strlen(text);
  if (length == 0 || length >= PART_MAX || strspn(text, DIGITS ".e-%") != length || *text == '-')
    return false;
  char *end = NULL;
  double number = strtod(text, &end);
  if (strcmp(end, "%") == 0)
    number /= 100;
  else if (*end != '\0')
    return false;
  *value = number;
  return number >= 0 && number <= 1;
}

bool value_duration(const char *text, int64_t *ns)
{
  static const struct unit units[] = {{"ns", 1},  {"us", 1e3}, {"ms", 1e6},
                                      {"s", 1e9}, {"m", 60e9}, {"min", 60e9}};
  if (strcmp(text, "0") == 0) {
    *ns = 0;
    return true;
  }
  return scaled(text, units, sizeof units / sizeof units[0], ns);
}

bool value_rate(const char *text, int64_t *bits_per_s)
{
  static const struct unit units[] = {{"bit", 1}, {"kbit", 1e3}, {"mbit", 1e6}, {"gbit", 1e9},
                                      {"B/s", 8}, {"kB/s", 8e3}, {"MB/s", 8e6}, {"GB/s", 8e9}};
  return scaled(text, units, sizeof units / sizeof units[0], bits_per_s) && *bits_per_s > 0;
}

bool value_bytes(const char *text, int64_t *bytes)
{
  static const struct unit units[] = {{"", 1},          {"B", 1},        {"kB", 1e3},
                                      {"MB", 1e6},      {"GB", 1e9},     {"KiB", 1024},
                                      {"MiB", 1 << 20}, {"GiB", 1 << 30}};
  return scaled(text, units, sizeof units / sizeof units[0], bytes);
}

static bool any_range(const char *text, bool (*number)(const char *, int64_t *),
                      struct rule_range *range)
{
  const char *dots = strstr(text, "..");
  if (dots == NULL) {
    if (!number(text, &range->first))
      return false;
    range->last = range->first;
    return true;
  }
  char first[PART_MAX];
  const size_t length = (size_t)(dots - text);
  if (length >= sizeof first || (length == 0 && dots[2] == '\0'))
    return false;
  memcpy(first, text, length);
  first[length] = '\0';
  range->first = 0;
  range->last = INT64_MAX;
  if ((length > 0 && !number(first, &range->first)) ||
      (dots[2] != '\0' && !number(dots + 2, &range->last)))
    return false;
  return range->first <= range->last;
}

static bool plain_number(const char *text, int64_t *value)
{
  return value_count(text, 0, INT64_MAX, value);
}

bool value_range(const char *text, struct rule_range *range)
{
  return any_range(text, plain_number, range);
}

bool value_bytes_range(const char *text, struct rule_range *range)
{
  return any_range(text, value_bytes, range);
}

/* "ab:REST" or "ba:REST". */
static const char *direction_prefix(const char *text, enum path_direction *direction)
{
  if (strncmp(text, "ab:", 3) == 0)
    *direction = PATH_AB;
  else if (strncmp(text, "ba:", 3) == 0)
    *direction = PATH_BA;
  else
    return NULL;
  return text + 3;
}

/* N or N:TIME. */
static bool value_byte_mark(const char *text, struct rule_mark *mark)
{
  char number[32];
  const char *colon = strchr(text, ':');
  if (colon == NULL)
    return value_bytes(text, &mark->value);
  const size_t length = (size_t)(colon - text);
  if (length >= sizeof number)
    return false;
  memcpy(number, text, length);
  number[length] = '\0';
  return value_bytes(number, &mark->value) && value_duration(colon + 1, &mark->after_ns);
}

bool value_mark(const char *text, struct rule_mark *mark)
{
  *mark = (struct rule_mark){.kind = MARK_START};
  const char *rest = NULL;
  if (strcmp(text, "signal") == 0) {
    mark->kind = MARK_SIGNAL;
    return true;
  }
  if (strcmp(text, "syn") == 0) {
    mark->kind = MARK_SYN;
    return true;
  }
  if (strncmp(text, "syn:", 4) == 0) {
    mark->kind = MARK_SYN;
    return value_duration(text + 4, &mark->value);
  }
  if (strncmp(text, "idle:", 5) == 0) {
    mark->kind = MARK_IDLE;
    return value_duration(text + 5, &mark->value);
  }
  if (strncmp(text, "byte:", 5) == 0) {
    mark->kind = MARK_BYTE;
    rest = direction_prefix(text + 5, &mark->direction);
    return rest != NULL && value_byte_mark(rest, mark);
  }
  if (strncmp(text, "frame:", 6) == 0) {
    mark->kind = MARK_FRAME;
    rest = direction_prefix(text + 6, &mark->direction);
    return rest != NULL && value_count(rest, 1, INT64_MAX, &mark->value);
  }
  return value_duration(text, &mark->value);
}

bool value_address(const char *text, struct ip_address *address, uint8_t *version)
{
  uint8_t bytes[16];
  if (inet_pton(AF_INET, text, bytes) == 1) {
    *address = ip_address_v4(bytes);
    *version = 4;
    return true;
  }
  if (inet_pton(AF_INET6, text, bytes) == 1) {
    *address = ip_address_v6(bytes);
    *version = 6;
    return true;
  }
  return false;
}

bool value_named(const struct value_name *names, size_t count, const char *text, uint32_t *value)
{
  for (size_t i = 0; i < count; i++)
    if (strcmp(names[i].name, text) == 0) {
      *value = names[i].value;
      return true;
    }
  return false;
}
