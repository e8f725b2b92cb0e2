#include "tui/words.h"

#include "wire/timestamp.h"

#include <stdio.h>
#include <time.h>

const char *word_duration(char out[WORD_SIZE], int64_t duration_ns)
{
  const double seconds = (double)duration_ns / (double)NS_PER_S;
  const int64_t whole = duration_ns / NS_PER_S;
  if (!time_is_valid(duration_ns) || duration_ns < 0)
    snprintf(out, WORD_SIZE, "-");
  else if (duration_ns < INT64_C(1000000))
    snprintf(out, WORD_SIZE, "%.0f\u00b5s", seconds * 1e6);
  else if (duration_ns < NS_PER_S)
    snprintf(out, WORD_SIZE, duration_ns < INT64_C(10000000) ? "%.1fms" : "%.0fms", seconds * 1e3);
  else if (whole < 100)
    snprintf(out, WORD_SIZE, "%.1fs", seconds);
  else if (whole < 3600)
    snprintf(out, WORD_SIZE, "%dm%02ds", (int)(whole / 60), (int)(whole % 60));
  else
    snprintf(out, WORD_SIZE, "%lldh%02dm", (long long)(whole / 3600), (int)(whole / 60 % 60));
  return out;
}

static const char *scaled(char out[WORD_SIZE], double value, const char *unit)
{
  static const char *const prefixes[] = {"", "k", "M", "G", "T"};
  size_t i = 0;
  while (value >= 999.5 && i + 1 < sizeof prefixes / sizeof *prefixes) {
    value /= 1000;
    i++;
  }
  snprintf(out, WORD_SIZE, i > 0 && value < 99.95 ? "%.1f%s%s" : "%.0f%s%s", value, prefixes[i],
           unit);
  return out;
}

const char *word_bytes(char out[WORD_SIZE], double bytes)
{
  return scaled(out, bytes, "B");
}

const char *word_rate(char out[WORD_SIZE], double bytes_per_second)
{
  if (bytes_per_second > 0)
    return scaled(out, bytes_per_second * 8, "b/s");
  out[0] = '\0';
  return out;
}

const char *word_clock(char out[WORD_SIZE], int64_t time_ns)
{
  const time_t seconds = (time_t)(time_ns / NS_PER_S);
  struct tm parts;
  if (!time_is_valid(time_ns) || gmtime_r(&seconds, &parts) == NULL) {
    snprintf(out, WORD_SIZE, "-");
    return out;
  }
  snprintf(out, WORD_SIZE, "%02d:%02d:%02d.%03d", parts.tm_hour, parts.tm_min, parts.tm_sec,
           (int)(time_ns % NS_PER_S / 1000000));
  return out;
}
