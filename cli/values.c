#include "cli/values.h"

#include "wire/timestamp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DURATION_MAX_S 86400.0
#define SIZE_BYTES_MAX 0x1p62

int parse_duration(const char *text, int64_t *duration_ns, struct error *error)
{
  static const struct {
    const char *unit;
    double seconds;
  } units[] = {{"", 1e-3}, {"us", 1e-6}, {"ms", 1e-3}, {"s", 1.0}, {"min", 60.0}};
  char *rest;
  errno = 0;
  const double value = strtod(text, &rest);
  if (rest != text && errno == 0 && isfinite(value) && value >= 0) {
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
      const double seconds = value * units[i].seconds;
      if (strcmp(rest, units[i].unit) != 0 || seconds > DURATION_MAX_S)
        continue;
      *duration_ns = (int64_t)llround(seconds * 1e9);
      return 0;
    }
  }
  return error_set(error, ERROR_USAGE,
                   "'%.40s' is no duration: expected for example 200 (milliseconds), 200ms, 0.5s, "
                   "at most one day",
                   text);
}

int parse_size(const char *text, uint64_t *bytes, struct error *error)
{
  static const char units[] = "KMGT",
                    small_units[] = "kmgt"; /* the same: nobody means millibytes */
  char *rest;
  errno = 0;
  double value = strtod(text, &rest);
  int unit = 0; /* thousands, of 1024 */
  for (int i = 0; units[i] != '\0'; i++)
    if ((*rest == units[i] || *rest == small_units[i]) && rest[1] == '\0')
      unit = i + 1;
  value = ldexp(value, 10 * unit);
  if (rest == text || errno != 0 || (*rest != '\0' && unit == 0) ||
      !(value >= 0 && value <= SIZE_BYTES_MAX))
    return error_set(error, ERROR_USAGE,
                     "'%.40s' is no size: expected for example 500M, 8G or a number of bytes",
                     text);
  *bytes = (uint64_t)value;
  return 0;
}

bool append_word(char **text, const char *word)
{
  const size_t old = *text != NULL ? strlen(*text) : 0;
  const size_t size = old + strlen(word) + 2;
  char *longer = realloc(*text, size);
  if (longer == NULL)
    return false;
  snprintf(longer + old, size - old, "%s%s", old > 0 ? " " : "", word);
  *text = longer;
  return true;
}

/* Copies a word of `length` bytes; false if it is empty or too long. */
static bool copy_word(char *out, size_t size, const char *text, size_t length)
{
  if (length == 0 || length >= size)
    return false;
  memcpy(out, text, length);
  out[length] = '\0';
  return true;
}

static bool read_vantage(const char *text, size_t length, struct vantage_choice *choice)
{
  static const struct {
    const char *word;
    enum vantage vantage;
  } roles[] = {{"client", VANTAGE_CLIENT}, {"server", VANTAGE_SERVER}, {"middle", VANTAGE_MIDDLE}};
  if (!copy_word(choice->host, sizeof choice->host, text, length))
    return false;
  choice->kind = VANTAGE_HOST;
  for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
    if (strcmp(choice->host, roles[i].word) == 0) {
      choice->kind = VANTAGE_ROLE;
      choice->role = roles[i].vantage;
    }
  }
  return true;
}

int parse_vantage(const char *text, struct vantage_choice choices[ANALYZER_ENDS_MAX],
                  struct error *error)
{
  for (const char *at = text;; at++) {
    const size_t length = strcspn(at, ",");
    const bool named = at[0] >= 'A' && at[0] < 'A' + ANALYZER_ENDS_MAX && at[1] == '=';
    struct vantage_choice choice;
    if (!read_vantage(named ? at + 2 : at, named ? length - 2 : length, &choice))
      return error_set(error, ERROR_USAGE,
                       "'%.60s' names no place: expected client, server, middle or the capturing "
                       "host, or A=PLACE,B=PLACE",
                       text);
    for (int end = 0; end < ANALYZER_ENDS_MAX; end++)
      if (!named || at[0] - 'A' == end)
        choices[end] = choice;
    at += length;
    if (*at == '\0')
      return 0;
  }
}

bool parse_address(const char *text, struct ip_address *address, uint8_t *ip_version)
{
  static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (inet_pton(AF_INET, text, address->bytes + sizeof mapped) == 1) {
    memcpy(address->bytes, mapped, sizeof mapped);
    *ip_version = 4;
    return true;
  }
  *ip_version = 6;
  return inet_pton(AF_INET6, text, address->bytes) == 1;
}

static bool read_number(const char *text, uint64_t max, uint64_t *number)
{
  char *rest;
  errno = 0;
  if (text[0] < '0' || text[0] > '9')
    return false;
  const unsigned long long value = strtoull(text, &rest, 10);
  *number = value;
  return errno == 0 && *rest == '\0' && value <= max;
}

/* "HOST", "HOST:PORT", "[IPV6]:PORT", "IPV6". */
static bool read_endpoint(const char *text, size_t length, struct endpoint_choice *endpoint)
{
  char word[sizeof endpoint->host];
  if (!copy_word(word, sizeof word, text, length))
    return false;
  char *host = word, *port = strrchr(word, ':');
  if (word[0] == '[') {
    char *bracket = strchr(word, ']');
    if (bracket == NULL || (bracket[1] != '\0' && bracket[1] != ':'))
      return false;
    port = bracket[1] == ':' ? bracket + 1 : NULL;
    *bracket = '\0';
    host++;
  } else if (port != NULL && strchr(word, ':') != port) {
    port = NULL; /* several colons: a bare IPv6 address */
  }
  endpoint->port = 0;
  if (port != NULL) {
    uint64_t number;
    if (!read_number(port + 1, UINT16_MAX, &number) || number == 0)
      return false;
    *port = '\0';
    endpoint->port = (uint16_t)number;
  }
  return copy_word(endpoint->host, sizeof endpoint->host, host, strlen(host));
}

int parse_connection(const char *text, struct connection_choice *choice, struct error *error)
{
  memset(choice, 0, sizeof *choice);
  if (read_number(text, UINT64_MAX, &choice->id) && choice->id > 0)
    return 0;
  choice->id = 0;
  const char *at = text;
  while (choice->endpoint_count < 2) {
    const size_t length = strcspn(at, ",");
    if (!read_endpoint(at, length, &choice->endpoints[choice->endpoint_count]))
      break;
    choice->endpoint_count++;
    at += length;
    if (*at == '\0')
      return 0;
    at++;
  }
  return error_set(error, ERROR_USAGE,
                   "'%.80s' names no connection: expected its number in the report, or one or two "
                   "ends as in 192.0.2.1:1234,[2001:db8::1]:80",
                   text);
}

struct limit_name {
  const char *name;
  size_t offset; /* in struct limit_values */
  const char *meaning;
};

static const struct limit_name limit_names[] = {
    {"connections", offsetof(struct limit_values, analyzer.connections),
     "tracked at once; the longest silent one is closed first"},
    {"half-open", offsetof(struct limit_values, analyzer.half_open),
     "SYNs without an answer remembered at once"},
    {"in-flight", offsetof(struct limit_values, analyzer.segments_in_flight),
     "segments remembered per direction until they are acknowledged"},
    {"findings-per-connection", offsetof(struct limit_values, analyzer.findings_per_connection),
     "findings of one connection"},
    {"findings", offsetof(struct limit_values, collect.findings),
     "findings kept for the report, the worst ones"},
    {"listed-connections", offsetof(struct limit_values, collect.connections),
     "connections without a finding that -v and --json list"},
    {"listed-syns", offsetof(struct limit_values, collect.unanswered_syns),
     "of connections that never got beyond their SYN, likewise"},
    {"compared", offsetof(struct limit_values, compared_connections),
     "connections of each capture that are looked for in the others"},
    {"on-the-way", offsetof(struct limit_values, ledger_records),
     "segments remembered between two captures, per direction of a connection"},
    {"details", offsetof(struct limit_values, details),
     "findings that the text tells in full; 0: all"},
};

static uint32_t *limit_value(struct limit_values *limits, const struct limit_name *name)
{
  return (uint32_t *)(void *)((char *)limits + name->offset);
}

static bool set_limit(struct limit_values *limits, const char *word)
{
  for (size_t i = 0; i < sizeof limit_names / sizeof *limit_names; i++) {
    const struct limit_name *name = &limit_names[i];
    const size_t length = strlen(name->name);
    uint64_t number;
    if (strncmp(word, name->name, length) != 0 || word[length] != '=')
      continue;
    const bool may_be_zero = strcmp(name->name, "details") == 0;
    if (!read_number(word + length + 1, UINT32_MAX / 2, &number) || (number == 0 && !may_be_zero))
      return false;
    *limit_value(limits, name) = (uint32_t)number;
    return true;
  }
  return false;
}

int parse_limits(const char *text, struct limit_values *limits, struct error *error)
{
  for (const char *at = text;; at++) {
    const size_t length = strcspn(at, ",");
    char word[80];
    if (!copy_word(word, sizeof word, at, length) || !set_limit(limits, word))
      return error_set(error, ERROR_USAGE,
                       "'%.*s' sets no limit: expected NAME=NUMBER; --limits help lists the names",
                       (int)(length > 80 ? 80 : length), at);
    at += length;
    if (*at == '\0')
      return 0;
  }
}

void print_limits(const struct limit_values *limits, FILE *stream)
{
  struct limit_values values = *limits;
  for (size_t i = 0; i < sizeof limit_names / sizeof *limit_names; i++)
    fprintf(stream, "%-24s %10" PRIu32 "  %s\n", limit_names[i].name,
            *limit_value(&values, &limit_names[i]), limit_names[i].meaning);
}
