#include "report/metrics.h"

#include "report/clean.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NS_PER_SECOND 1e9

struct exposition {
  FILE *stream;
  bool openmetrics;
};

static const char *const limit_names[METRICS_LIMIT_COUNT] = {
    [METRICS_LIMIT_CONNECTIONS] = "connections", [METRICS_LIMIT_HALF_OPEN] = "half-open",
    [METRICS_LIMIT_IN_FLIGHT] = "in-flight",     [METRICS_LIMIT_STALLS] = "stalls",
    [METRICS_LIMIT_MEMORY] = "memory",
};

/* OpenMetrics names a family without the suffix of its samples (_total, _info), the older format
 * with it. */
static void family(const struct exposition *out, const char *name, const char *suffix,
                   const char *type, const char *unit, const char *help)
{
  const bool info = strcmp(type, "info") == 0;
  const char *shown = out->openmetrics ? "" : suffix;
  fprintf(out->stream, "# TYPE %s%s %s\n", name, shown, info && !out->openmetrics ? "gauge" : type);
  if (out->openmetrics && unit != NULL)
    fprintf(out->stream, "# UNIT %s %s\n", name, unit);
  fprintf(out->stream, "# HELP %s%s %s\n", name, shown, help);
}

/* A label's value: quotes, backslashes and line ends are escaped, what is no UTF-8 is replaced. */
static void put_label(FILE *stream, const char *name, const char *value)
{
  char clean[512];
  clean_text(CLEAN_UTF8, value, clean, sizeof clean);
  fprintf(stream, "%s=\"", name);
  for (const char *at = clean; *at != '\0'; at++) {
    if (*at == '"' || *at == '\\')
      fputc('\\', stream);
    fputc(*at == '\n' ? ' ' : *at, stream);
  }
  fputc('"', stream);
}

static uint64_t value_of(const metrics_number *number)
{
  return atomic_load_explicit(number, memory_order_relaxed);
}

static void put_seconds(FILE *stream, uint64_t ns)
{
  fprintf(stream, "%.9f\n", (double)ns / NS_PER_SECOND);
}

static void put_build(const struct exposition *out, const struct metrics *metrics)
{
  family(out, "tcpstall_build", "_info", "info", NULL, "The version that is running.");
  fputs("tcpstall_build_info{", out->stream);
  put_label(out->stream, "version", metrics->version);
  fputs("} 1\n", out->stream);
}

static void put_finding(const struct exposition *out, const struct metrics *metrics, int kind,
                        int severity, int location, int cause)
{
  const uint64_t count = value_of(&metrics->findings[kind][severity][location][cause]);
  if (count == 0)
    return;
  fprintf(out->stream,
          "tcpstall_findings_total{kind=\"%s\",severity=\"%s\",location=\"%s\",cause=\"%s\"} "
          "%" PRIu64 "\n",
          finding_kind_name((enum finding_kind)kind), severity_name((enum severity)severity),
          location_name((enum location)location), cause_info((enum cause)cause)->code, count);
}

/* Combinations that have not occurred are left out: there are thousands. */
static void put_findings(const struct exposition *out, const struct metrics *metrics)
{
  family(out, "tcpstall_findings", "_total", "counter", NULL,
         "Findings that are over, by their last verdict.");
  for (int kind = 0; kind < METRICS_KINDS; kind++)
    for (int severity = 0; severity < 2; severity++)
      for (int location = 0; location < LOCATION_COUNT; location++)
        for (int cause = 0; cause < CAUSE_COUNT; cause++)
          put_finding(out, metrics, kind, severity, location, cause);
}

static void put_stalls(const struct exposition *out, const struct metrics *metrics)
{
  family(out, "tcpstall_stalled_connections", "", "gauge", NULL,
         "Connections that stand still now, by who holds them up.");
  for (int i = LOCATION_NONE + 1; i < LOCATION_COUNT; i++)
    fprintf(out->stream, "tcpstall_stalled_connections{location=\"%s\"} %" PRIu64 "\n",
            location_name((enum location)i), value_of(&metrics->stalled[i]));
  family(out, "tcpstall_stall_seconds", "_total", "counter", "seconds",
         "Time for which streams stood still, by who held them up at each moment.");
  for (int i = LOCATION_NONE + 1; i < LOCATION_COUNT; i++) {
    fprintf(out->stream, "tcpstall_stall_seconds_total{location=\"%s\"} ",
            location_name((enum location)i));
    put_seconds(out->stream, value_of(&metrics->stall_ns[i]));
  }
}

static void put_of_ends(const struct exposition *out, const struct metrics *metrics,
                        const char *name, const char *unit, const char *help, size_t member)
{
  family(out, name, "_total", "counter", unit, help);
  for (uint32_t i = 0; i < metrics->ends && i < METRICS_ENDS_MAX; i++) {
    const char letter[2] = {(char)('A' + (int)i), '\0'};
    const char *end = (const char *)&metrics->end[i];
    fprintf(out->stream, "%s_total{", name);
    put_label(out->stream, "end", letter);
    fputc(',', out->stream);
    put_label(out->stream, "interface", metrics->end[i].interface);
    fprintf(out->stream, "} %" PRIu64 "\n",
            value_of((const metrics_number *)(const void *)(end + member)));
  }
}

static void put_ends(const struct exposition *out, const struct metrics *metrics)
{
  put_of_ends(out, metrics, "tcpstall_packets", NULL, "Packets captured.",
              offsetof(struct metrics_end, packets));
  put_of_ends(out, metrics, "tcpstall_captured_bytes", "bytes",
              "Bytes of these packets, as they were on the wire.",
              offsetof(struct metrics_end, bytes));
  put_of_ends(out, metrics, "tcpstall_dropped_packets", NULL,
              "Packets that the capture lost: nothing is proven by their absence.",
              offsetof(struct metrics_end, dropped));
  put_of_ends(out, metrics, "tcpstall_connections", NULL, "TCP connections seen.",
              offsetof(struct metrics_end, connections));
}

static void put_limits(const struct exposition *out, const struct metrics *metrics)
{
  family(out, "tcpstall_limits_reached", "_total", "counter", NULL,
         "What was forgotten or left out to stay within the bounds of memory.");
  for (int i = 0; i < METRICS_LIMIT_COUNT; i++)
    fprintf(out->stream, "tcpstall_limits_reached_total{limit=\"%s\"} %" PRIu64 "\n",
            limit_names[i], value_of(&metrics->limits[i]));
}

static void put_rest(const struct exposition *out, const struct metrics *metrics)
{
  family(out, "tcpstall_recordings", "_total", "counter", NULL,
         "Times that the flight recorder began to write.");
  fprintf(out->stream, "tcpstall_recordings_total %" PRIu64 "\n", value_of(&metrics->recordings));
  family(out, "tcpstall_kicks", "_total", "counter", NULL,
         "Packets sent to set a held stream going.");
  fprintf(out->stream, "tcpstall_kicks_total %" PRIu64 "\n", value_of(&metrics->kicks));
  family(out, "tcpstall_last_update_timestamp_seconds", "", "gauge", "seconds",
         "When the analysis last had its turn, since 1970.");
  fputs("tcpstall_last_update_timestamp_seconds ", out->stream);
  put_seconds(out->stream, value_of(&metrics->updated_ns));
}

char *metrics_text(const struct metrics *metrics, bool openmetrics, size_t *size)
{
  char *text = NULL;
  const struct exposition out = {open_memstream(&text, size), openmetrics};
  if (out.stream == NULL)
    return NULL;
  put_build(&out, metrics);
  put_findings(&out, metrics);
  put_stalls(&out, metrics);
  put_ends(&out, metrics);
  put_limits(&out, metrics);
  put_rest(&out, metrics);
  if (openmetrics)
    fputs("# EOF\n", out.stream);
  if (fclose(out.stream) != 0) {
    free(text);
    return NULL;
  }
  return text;
}
