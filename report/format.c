#include "report/format.h"

#include "wire/timestamp.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define S_PER_MIN        60
#define S_PER_H          3600
#define S_PER_DAY        86400
#define LONG_DURATION_NS (10 * S_PER_MIN * NS_PER_S)

static const char *format_long_duration(int64_t seconds, char *text)
{
  if (seconds < S_PER_H)
    snprintf(text, FORMAT_TEXT_SIZE, "%" PRId64 " min %" PRId64 " s", seconds / S_PER_MIN,
             seconds % S_PER_MIN);
  else if (seconds < S_PER_DAY)
    snprintf(text, FORMAT_TEXT_SIZE, "%" PRId64 " h %" PRId64 " min", seconds / S_PER_H,
             seconds % S_PER_H / S_PER_MIN);
  else
    snprintf(text, FORMAT_TEXT_SIZE, "%" PRId64 " d %" PRId64 " h", seconds / S_PER_DAY,
             seconds % S_PER_DAY / S_PER_H);
  return text;
}

/* The smallest step that format_duration() shows at this length. */
static int64_t duration_step(int64_t ns)
{
  if (ns < NS_PER_US)
    return 1;
  if (ns < NS_PER_MS)
    return NS_PER_US;
  if (ns < NS_PER_S)
    return NS_PER_MS / 10;
  return ns < LONG_DURATION_NS ? NS_PER_MS : NS_PER_S;
}

const char *format_duration(int64_t duration_ns, char text[FORMAT_TEXT_SIZE])
{
  if (!time_is_valid(duration_ns)) {
    snprintf(text, FORMAT_TEXT_SIZE, "-");
    return text;
  }
  const char *sign = duration_ns < 0 ? "-" : "";
  const int64_t ns = duration_ns < 0 ? -duration_ns : duration_ns; /* TIME_INVALID is gone */
  if (ns >= LONG_DURATION_NS)
    return format_long_duration(ns / NS_PER_S, text);
  if (ns == 0)
    snprintf(text, FORMAT_TEXT_SIZE, "0 s");
  else if (ns < NS_PER_US)
    snprintf(text, FORMAT_TEXT_SIZE, "%s%" PRId64 " ns", sign, ns);
  else if (ns < NS_PER_MS)
    snprintf(text, FORMAT_TEXT_SIZE, "%s%" PRId64 " µs", sign, ns / NS_PER_US);
  else if (ns < NS_PER_S && ns % NS_PER_MS == 0)
    snprintf(text, FORMAT_TEXT_SIZE, "%s%" PRId64 " ms", sign, ns / NS_PER_MS);
  else if (ns < NS_PER_S)
    snprintf(text, FORMAT_TEXT_SIZE, "%s%" PRId64 ".%" PRId64 " ms", sign, ns / NS_PER_MS,
             ns % NS_PER_MS / (NS_PER_MS / 10));
  else
    snprintf(text, FORMAT_TEXT_SIZE, "%s%" PRId64 ".%03" PRId64 " s", sign, ns / NS_PER_S,
             ns % NS_PER_S / NS_PER_MS);
  return text;
}

const char *format_duration_up(int64_t duration_ns, char text[FORMAT_TEXT_SIZE])
{
  if (!time_is_valid(duration_ns) || duration_ns <= 0)
    return format_duration(duration_ns, text);
  const int64_t step = duration_step(duration_ns);
  const int64_t rest = duration_ns % step;
  if (rest != 0 && duration_ns <= INT64_MAX - step)
    duration_ns += step - rest;
  return format_duration(duration_ns, text);
}

const char *format_count(uint64_t count, char text[FORMAT_TEXT_SIZE])
{
  char digits[24];
  const size_t length = (size_t)snprintf(digits, sizeof digits, "%" PRIu64, count);
  size_t out = 0;
  for (size_t i = 0; i < length; i++) {
    if (i > 0 && (length - i) % 3 == 0)
      text[out++] = ',';
    text[out++] = digits[i];
  }
  text[out] = '\0';
  return text;
}

const char *format_bytes(uint64_t bytes, char text[FORMAT_TEXT_SIZE])
{
  static const char *const units[] = {"kB", "MB", "GB", "TB", "PB", "EB"};
  if (bytes < 1000) {
    snprintf(text, FORMAT_TEXT_SIZE, "%" PRIu64 " bytes", bytes);
    return text;
  }
  double value = (double)bytes / 1e3;
  size_t unit = 0;
  while (value >= 999.95 && unit + 1 < sizeof units / sizeof *units) {
    value /= 1e3;
    unit++;
  }
  snprintf(text, FORMAT_TEXT_SIZE, "%.1f %s", value, units[unit]);
  return text;
}

const char *format_percent(int64_t part, int64_t whole, char text[FORMAT_TEXT_SIZE])
{
  const double percent = whole > 0 ? 100.0 * (double)part / (double)whole : 0.0;
  if (part <= 0 || whole <= 0)
    snprintf(text, FORMAT_TEXT_SIZE, "0 %%");
  else if (percent < 0.1)
    snprintf(text, FORMAT_TEXT_SIZE, "< 0.1 %%");
  else if (part < whole && percent >= 99.95)
    snprintf(text, FORMAT_TEXT_SIZE, "> 99.9 %%");
  else
    snprintf(text, FORMAT_TEXT_SIZE, part == whole ? "100 %%" : "%.1f %%", percent);
  return text;
}

unsigned format_digits(int64_t time_ns)
{
  return time_is_valid(time_ns) && time_ns % NS_PER_US != 0 ? 9 : 6;
}

/* Splits into whole seconds, rounded down, and a fraction that is never negative. */
static int64_t split_seconds(int64_t time_ns, int64_t *fraction_ns)
{
  int64_t seconds = time_ns / NS_PER_S;
  *fraction_ns = time_ns % NS_PER_S;
  if (*fraction_ns < 0) {
    *fraction_ns += NS_PER_S;
    seconds--;
  }
  return seconds;
}

static void broken_down(const struct format_clock *clock, int64_t seconds, struct tm *tm)
{
  const time_t time = (time_t)seconds;
  memset(tm, 0, sizeof *tm);
  if (clock->local_time && clock->base == REPORT_TIME_EPOCH)
    localtime_r(&time, tm);
  else
    gmtime_r(&time, tm);
}

const char *format_time(const struct format_clock *clock, int64_t time_ns,
                        char text[FORMAT_TEXT_SIZE])
{
  if (!time_is_valid(time_ns)) {
    snprintf(text, FORMAT_TEXT_SIZE, "no time");
    return text;
  }
  int64_t fraction;
  const int64_t seconds = split_seconds(time_ns, &fraction);
  const unsigned digits = clock->digits == 9 ? 9 : 6;
  if (digits == 6)
    fraction /= NS_PER_US;
  if (clock->base == REPORT_TIME_RELATIVE) {
    snprintf(text, FORMAT_TEXT_SIZE, "%" PRId64 ".%0*" PRId64, seconds, (int)digits, fraction);
    return text;
  }
  struct tm tm;
  broken_down(clock, seconds, &tm);
  snprintf(text, FORMAT_TEXT_SIZE, "%02d:%02d:%02d.%0*" PRId64, tm.tm_hour, tm.tm_min, tm.tm_sec,
           (int)digits, fraction);
  return text;
}

const char *format_date(const struct format_clock *clock, int64_t time_ns,
                        char text[FORMAT_TEXT_SIZE])
{
  text[0] = '\0';
  if (clock->base != REPORT_TIME_EPOCH || !time_is_valid(time_ns))
    return text;
  int64_t fraction;
  struct tm tm;
  broken_down(clock, split_seconds(time_ns, &fraction), &tm);
  if (strftime(text, FORMAT_TEXT_SIZE, "%Y-%m-%d", &tm) == 0)
    text[0] = '\0';
  return text;
}

const char *format_zone(const struct format_clock *clock, int64_t time_ns,
                        char text[FORMAT_TEXT_SIZE])
{
  text[0] = '\0';
  if (clock->base != REPORT_TIME_EPOCH || !time_is_valid(time_ns))
    return text;
  if (!clock->local_time) {
    snprintf(text, FORMAT_TEXT_SIZE, "UTC");
    return text;
  }
  int64_t fraction;
  struct tm tm;
  broken_down(clock, split_seconds(time_ns, &fraction), &tm);
  if (strftime(text, FORMAT_TEXT_SIZE, "%Z", &tm) == 0)
    text[0] = '\0';
  return text;
}

const char *format_endpoint(const struct report_names *names, uint8_t end,
                            const struct endpoint *endpoint, char text[FORMAT_ENDPOINT_SIZE])
{
  const char *name = NULL;
  if (names != NULL && names->name != NULL)
    name = names->name(names->context, end, &endpoint->address);
  char address[IP_ADDRESS_TEXT_BYTES];
  ip_address_format(&endpoint->address, endpoint->ip_version, address);
  if (name != NULL && name[0] != '\0')
    snprintf(text, FORMAT_ENDPOINT_SIZE, "%.255s:%u", name, endpoint->port);
  else if (strchr(address, ':') != NULL)
    snprintf(text, FORMAT_ENDPOINT_SIZE, "[%s]:%u", address, endpoint->port);
  else
    snprintf(text, FORMAT_ENDPOINT_SIZE, "%s:%u", address, endpoint->port);
  return text;
}
