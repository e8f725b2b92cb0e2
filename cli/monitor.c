#include "cli/monitor.h"

#include "cli/monitor_internal.h"
#include "wire/error.h"
#include "wire/host_sample.h"
#include "wire/timestamp.h"

#include <stdlib.h>
#include <string.h>

#define DEFAULT_WINDOW_BYTES  (UINT64_C(128) << 20)
#define DEFAULT_WINDOW_NS     (10 * NS_PER_S)
#define DEFAULT_STUDY_PACKETS 60000u
#define DEFAULT_CONNECTIONS   100000u
/* Frames are shown in order, some tens of milliseconds late; what is later waits for a processor.
 */
#define BEHIND_NS (500 * NS_PER_MS)

void monitor_options_default(struct monitor_options *options)
{
  struct analyzer_options engine;
  analyzer_options_default(&engine);
  *options = (struct monitor_options){.ends = 1,
                                      .min_stall_ns = engine.min_stall_ns,
                                      .limits = {.window_bytes = DEFAULT_WINDOW_BYTES,
                                                 .window_ns = DEFAULT_WINDOW_NS,
                                                 .study_packets = DEFAULT_STUDY_PACKETS,
                                                 .connections = DEFAULT_CONNECTIONS}};
}

struct monitor *monitor_new(const struct monitor_options *options, const struct monitor_sink *sink)
{
  struct monitor *monitor = calloc(1, sizeof *monitor);
  if (monitor == NULL)
    return NULL;
  monitor->options = *options;
  monitor->sink = *sink;
  monitor->clock_ns = TIME_INVALID;
  struct analyzer_options engine;
  analyzer_options_default(&engine);
  engine.min_stall_ns = options->min_stall_ns;
  engine.limits.connections = options->limits.connections;
  engine.limits.half_open = options->limits.connections / 8 + 1;
  engine.limits.findings_per_connection = UINT32_MAX;
  bool ready = monitor_window_init(&monitor->window, options->limits.window_bytes) == 0;
  for (uint32_t end = 0; end < options->ends && ready; end++) {
    monitor->contexts[end] = (struct end_context){monitor, (uint8_t)end};
    monitor->last_ns[end] = TIME_INVALID;
    const struct analyzer_sink engine_sink = {.context = &monitor->contexts[end],
                                              .finding = monitor_take_finding};
    monitor->engines[end] = analyzer_new(&engine, &engine_sink);
    ready = monitor->engines[end] != NULL;
  }
  if (ready)
    return monitor;
  monitor_free(monitor);
  return NULL;
}

void monitor_free(struct monitor *monitor)
{
  if (monitor == NULL)
    return;
  for (uint32_t end = 0; end < monitor->options.ends; end++)
    analyzer_free(monitor->engines[end]);
  for (uint32_t i = 0; i < MONITOR_STALLS_MAX; i++)
    free(monitor->stalls[i].both);
  monitor_window_free(&monitor->window);
  free(monitor);
}

const struct packet *monitor_frame(struct monitor *monitor, uint32_t end, const struct frame *frame)
{
  struct packet *packet = &monitor->packet;
  if (end >= monitor->options.ends)
    return NULL;
  packet_decode(frame, packet);
  packet->end = (uint8_t)end;
  monitor->stats.frames++;
  monitor->last_ns[end] = packet->time_ns;
  monitor->came_ns[end] = monitor->clock_ns;
  monitor_window_add(&monitor->window, packet,
                     monitor->options.remote[end] ? monitor->clock_ns : packet->time_ns);
  if (analyzer_packet(monitor->engines[end], packet) != 0)
    monitor->stats.out_of_memory++;
  return packet;
}

static bool is_big_endian(const struct sample_record *record, bool was)
{
  const char *value;
  size_t size;
  if (record->type != SAMPLE_HEADER || !sample_text_value(record, "byte_order", &value, &size))
    return was;
  return size == 3 && memcmp(value, "big", size) == 0;
}

static void learn_host(struct monitor *monitor, uint32_t end, const struct sample_record *record)
{
  const char *value;
  size_t size;
  if (record->type != SAMPLE_HEADER || !sample_text_value(record, "boot_id", &value, &size) ||
      size >= sizeof monitor->boot_ids[end])
    return;
  memcpy(monitor->boot_ids[end], value, size);
  monitor->boot_ids[end][size] = '\0';
}

void monitor_records(struct monitor *monitor, uint32_t end, int64_t time_ns,
                     const struct sample_records *records, bool big_endian)
{
  struct sample_records left = *records;
  struct sample_record record;
  uint32_t before_ns = 0;
  monitor->stats.samples++;
  while (end < monitor->options.ends && sample_next(&left, &record)) {
    struct host_sample sample = {.number = records->number, .interface = end, .end = (uint8_t)end};
    learn_host(monitor, end, &record);
    if (host_sample_is_late(&record, &before_ns) ||
        !host_sample_read(&sample, &record, big_endian, time_ns))
      continue;
    monitor_window_add_sample(&monitor->window, &sample,
                              monitor->options.remote[end] ? monitor->clock_ns : sample.time_ns);
    analyzer_sample(monitor->engines[end], &sample);
  }
}

void monitor_sample(struct monitor *monitor, uint32_t end, int64_t time_ns, const uint8_t *bytes,
                    size_t size)
{
  struct sample_records records;
  struct sample_record record;
  if (end >= monitor->options.ends || sample_open(&records, bytes, size) != SAMPLE_OK)
    return;
  struct sample_records all = records;
  while (sample_next(&all, &record))
    monitor->big_endian[end] = is_big_endian(&record, monitor->big_endian[end]);
  monitor_records(monitor, end, time_ns, &records, monitor->big_endian[end]);
}

void monitor_drops(struct monitor *monitor, uint32_t end, bool drops)
{
  monitor->drops_known[end] = true;
  monitor->drops[end] = drops;
  if (drops)
    analyzer_declare_drops(monitor->engines[end], (uint8_t)end);
  else
    analyzer_declare_complete(monitor->engines[end], (uint8_t)end);
}

void monitor_tick(struct monitor *monitor, int64_t now_ns, int64_t complete_ns)
{
  const int64_t clock_ns = complete_ns < now_ns ? complete_ns : now_ns;
  monitor->behind = now_ns - clock_ns > BEHIND_NS;
  if (!time_is_valid(
          monitor->clock_ns)) { /* nothing was told before; remote ends count from here */
    monitor->study_free_ns = clock_ns;
    for (uint32_t end = 0; end < monitor->options.ends; end++)
      monitor->came_ns[end] = clock_ns;
  }
  if (!time_is_valid(monitor->clock_ns) || clock_ns > monitor->clock_ns)
    monitor->clock_ns = clock_ns;
  for (uint32_t end = 0; end < monitor->options.ends; end++) {
    const int64_t end_ns = monitor_end_clock_ns(monitor, end);
    if (time_is_valid(end_ns))
      analyzer_advance(monitor->engines[end], end_ns);
  }
  monitor_consider_all(monitor);
}

void monitor_finish(struct monitor *monitor)
{
  if (!time_is_valid(monitor->clock_ns))
    return;
  for (uint32_t end = 0; end < monitor->options.ends; end++)
    analyzer_finish(monitor->engines[end]);
  monitor->finishing = true;
  monitor_consider_all(monitor);
}

void monitor_each_now(struct monitor *monitor, uint32_t end, analyzer_now_visit *visit,
                      void *context)
{
  const int64_t now_ns = monitor_end_clock_ns(monitor, end);
  if (time_is_valid(now_ns))
    analyzer_each_now(monitor->engines[end], now_ns, visit, context);
}

int monitor_take(const struct monitor *monitor, const struct window_wish *wish,
                 struct window_part *part)
{
  return monitor_window_take(&monitor->window, wish, part);
}

void monitor_get_stats(const struct monitor *monitor, struct monitor_stats *stats)
{
  *stats = monitor->stats;
}

void monitor_get_end_stats(const struct monitor *monitor, uint32_t end,
                           struct analyzer_stats *stats)
{
  analyzer_get_stats(monitor->engines[end], stats);
}
