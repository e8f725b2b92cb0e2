#include "tests/cases/case_trace.h"

#include "capture/trace.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void give_up(const char *path, const char *why)
{
  fprintf(stderr, "%s: %s\n", path, why);
  exit(2);
}

static void take(struct case_end *end, uint8_t number, const struct frame *frame, const char *path)
{
  struct packet *packets = realloc(end->packets, (end->count + 1) * sizeof *packets);
  if (packets == NULL)
    give_up(path, "no memory");
  end->packets = packets;
  packet_decode(frame, &packets[end->count]);
  packets[end->count++].end = number;
}

static bool parse_host(const char *text, struct ip_address *host)
{
  struct in_addr ipv4;
  memset(host, 0, sizeof *host);
  if (inet_pton(AF_INET, text, &ipv4) == 1) {
    host->bytes[10] = host->bytes[11] = 0xff;
    memcpy(&host->bytes[12], &ipv4, 4);
    return true;
  }
  return inet_pton(AF_INET6, text, host->bytes) == 1;
}

static void read_excerpt(struct case_trace *trace, struct trace *reader, const char *path)
{
  struct frame frames[64];
  struct error error = {0};
  struct case_end *end = &trace->ends[trace->end_count];
  int count = 0;
  while ((count = trace_next(reader, frames, sizeof frames / sizeof *frames, &error)) > 0) {
    for (int i = 0; i < count; i++)
      take(end, (uint8_t)trace->end_count, &frames[i], path);
    struct trace_info info;
    trace_get_info(reader, &info);
    end->has_host = parse_host(info.captured_on, &end->host);
  }
  if (count < 0)
    give_up(path, error.text);
  trace->end_count++;
}

void case_trace_read(struct case_trace *trace, const char *path)
{
  struct trace_options options = {0};
  struct error error = {0};
  struct trace *reader = NULL;
  memset(trace, 0, sizeof *trace);
  if (trace_open(&reader, path, &options, &error) != 0)
    give_up(path, error.text);
  do
    read_excerpt(trace, reader, path);
  while (trace_next_excerpt(reader) && trace->end_count < ANALYZER_ENDS_MAX);
  struct trace_info info;
  trace_get_info(reader, &info);
  if (info.lines_not_understood > 0 || trace->ends[0].count == 0)
    give_up(path, "no frames, or lines that are not understood");
  trace_close(reader);
}

void case_trace_clear(struct case_trace *trace)
{
  for (unsigned i = 0; i < trace->end_count; i++)
    free(trace->ends[i].packets), free(trace->ends[i].samples);
}
