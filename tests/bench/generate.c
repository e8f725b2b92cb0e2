/* Makes the captures that the bench measures: deterministic by seed, and made fast.
 *
 *   generate MODE OUT [--far OUT] [--packets N] [--connections C] [--seed S]
 *
 *   mixed     C transfers (2,000) interleaved in time, N packets (5,000,000): handshakes with
 * options, timestamps, requests and answers of very different sizes, delayed ACKs, losses with SACK
 * recovery, windows that grow and move idle      C connections (100,000), a request and an answer
 * each, that then stay open synflood  N SYNs (10,000,000) from as many addresses and ports, nobody
 * answers huge      one transfer of more than 4 GB in jumbo frames
 *
 * All are seen at a server: it sends the data of half of the mixed transfers and receives that of
 * the others. --far: the transfers (mixed, huge) as a second capture at the clients saw them, by
 * another clock. Frames are cut at 96 bytes. On success one line with what the file holds goes to
 * standard output, for the bench to compare with. */

#include "tests/bench/far_end.h"
#include "tests/bench/segment_writer.h"
#include "tests/bench/transfer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define START_NS  INT64_C(1700000000000000000)
#define SERVER_IP 0x0a000001u /* 10.0.0.1 */
#define BULK_PORT 5001

struct plan {
  const char *mode, *path, *far; /* far: NULL = none */
  uint64_t packets, connections, seed;
};

struct totals {
  uint64_t payload_bytes, losses;
};

/* --- transfers in time order: a binary heap on the time of each one's next event --- */

struct heap {
  struct transfer **items;
  size_t count;
};

static void heap_sink(struct heap *heap, size_t at)
{
  struct transfer *item = heap->items[at];
  for (;;) {
    size_t child = 2 * at + 1;
    if (child >= heap->count)
      break;
    if (child + 1 < heap->count && heap->items[child + 1]->next_ns < heap->items[child]->next_ns)
      child++;
    if (item->next_ns <= heap->items[child]->next_ns)
      break;
    heap->items[at] = heap->items[child];
    at = child;
  }
  heap->items[at] = item;
}

static void heap_drop_first(struct heap *heap)
{
  heap->items[0] = heap->items[--heap->count];
  if (heap->count > 0)
    heap_sink(heap, 0);
}

static uint64_t between(uint64_t *random, uint64_t low, uint64_t high)
{
  return low + random_next(random) % (high - low + 1);
}

static void describe_mixed(struct transfer_options *options, uint64_t number, uint64_t packets,
                           uint64_t *random)
{
  *options = (struct transfer_options){
      .server_ip = SERVER_IP,
      .client_ip = 0xc6120000u + (uint32_t)(number & 0xffff) * 2 + 1, /* 198.18.0.0/15 */
      .server_port = BULK_PORT,
      .client_port = (uint16_t)between(random, 32768, 60999),
      .server_sends = number % 2 == 0,
      .start_ns = START_NS + (int64_t)between(random, 0, 5000000000),
      .rtt_ns = (int64_t)between(random, 2000000, 120000000),
      .mss = 1448,
      .cwnd_max = (uint32_t)between(random, 10, 80),
      .loss_ppm = 1000,
      .packets = packets,
      .seed = random_next(random),
  };
}

static int run_transfers(struct heap *heap, struct segment_writer *writer, uint64_t packets,
                         struct totals *totals)
{
  while (heap->count > 0 && writer->packets < packets) {
    struct transfer *first = heap->items[0];
    if (transfer_step(first, writer)) {
      heap_sink(heap, 0);
      continue;
    }
    totals->payload_bytes += first->payload_bytes;
    totals->losses += first->losses;
    transfer_free(first);
    heap_drop_first(heap);
  }
  for (size_t i = 0; i < heap->count; i++) {
    totals->payload_bytes += heap->items[i]->payload_bytes;
    totals->losses += heap->items[i]->losses;
    transfer_free(heap->items[i]);
  }
  heap->count = 0;
  return 0;
}

static int make_mixed(const struct plan *plan, struct segment_writer *writer, struct totals *totals)
{
  uint64_t random = plan->seed;
  struct heap heap = {.items = calloc(plan->connections, sizeof *heap.items)};
  if (!heap.items)
    return -1;
  /* 3 % more each than their share: the file ends at N packets, with the last transfers under way.
   */
  uint64_t share = plan->packets / plan->connections * 103 / 100 + 1;
  for (uint64_t i = 0; i < plan->connections; i++) {
    struct transfer_options options;
    describe_mixed(&options, i, share, &random);
    struct transfer *transfer = transfer_new(&options);
    if (!transfer) {
      free(heap.items);
      return -1;
    }
    heap.items[heap.count++] = transfer;
  }
  for (size_t at = heap.count / 2; at-- > 0;)
    heap_sink(&heap, at);
  int status = run_transfers(&heap, writer, plan->packets, totals);
  free(heap.items);
  return status;
}

static int make_huge(const struct plan *plan, struct segment_writer *writer, struct totals *totals)
{
  struct transfer_options options = {
      .server_ip = SERVER_IP,
      .client_ip = 0xc6120001u,
      .server_port = BULK_PORT,
      .client_port = 40000,
      .server_sends = true,
      .start_ns = START_NS,
      .rtt_ns = 2000000,
      .mss = 8948,
      .cwnd_max = 100,
      .loss_ppm = 100,
      .packets = UINT64_MAX,
      .single_answer_bytes = UINT64_C(4700000000),
      .seed = plan->seed,
  };
  struct transfer *transfer = transfer_new(&options);
  if (!transfer)
    return -1;
  struct heap heap = {.items = &transfer, .count = 1};
  return run_transfers(&heap, writer, UINT64_MAX, totals);
}

/* --- connections that stay open: each step of all of them, then the next step --- */

static struct segment idle_segment(uint64_t connection, unsigned step)
{
  enum { SYN, SYN_ACK, ESTABLISHED, REQUEST, REQUEST_ACK, ANSWER, ANSWER_ACK };
  static const uint16_t request_bytes = 400, answer_bytes = 1200;
  uint32_t isn_client = (uint32_t)connection * 2654435761u, isn_server = ~isn_client;
  bool from_client = step == SYN || step == ESTABLISHED || step == REQUEST || step == ANSWER_ACK;
  uint32_t client_seq = isn_client + (step > SYN) + (step > REQUEST ? request_bytes : 0u);
  uint32_t server_seq = isn_server + (step > SYN_ACK) + (step > ANSWER ? answer_bytes : 0u);
  uint32_t clock = (uint32_t)(connection * 7919 + step * 10u);
  struct segment segment = {
      .src_ip = from_client ? 0x64400000u + (uint32_t)connection : SERVER_IP, /* 100.64.0.0/10 */
      .dst_ip = from_client ? SERVER_IP : 0x64400000u + (uint32_t)connection,
      .src_port = from_client ? (uint16_t)(32768 + connection % 28000) : BULK_PORT,
      .dst_port = from_client ? BULK_PORT : (uint16_t)(32768 + connection % 28000),
      .ttl = from_client ? 55 : 64,
      .seq = from_client ? client_seq : server_seq,
      .ack = step == SYN ? 0 : (from_client ? server_seq : client_seq),
      .flags = step == SYN ? 0x02 : (step == SYN_ACK ? 0x12 : 0x10),
      .window = step <= SYN_ACK ? 64240 : 502,
      .mss = step <= SYN_ACK ? 1460 : 0,
      .wscale = 7,
      .ts_val = clock + (from_client ? 0 : 77777u),
      .ts_ecr = step == SYN ? 0 : clock - 10u + (from_client ? 77777u : 0),
  };
  if (step == REQUEST || step == ANSWER) {
    segment.payload_bytes = step == REQUEST ? request_bytes : answer_bytes;
    segment.flags = 0x18;
  }
  return segment;
}

static int make_idle(const struct plan *plan, struct segment_writer *writer, struct totals *totals)
{
  /* Groups of 1000 open together, so that the file looks like a busy server's minute. */
  int64_t now_ns = START_NS;
  for (uint64_t group = 0; group < plan->connections; group += 1000) {
    for (unsigned step = 0; step < 7; step++) {
      for (uint64_t i = group; i < group + 1000 && i < plan->connections; i++) {
        struct segment segment = idle_segment(i, step);
        segment.id = writer->next_id++;
        segment_write(writer, now_ns, &segment);
        totals->payload_bytes += segment.payload_bytes;
        now_ns += 5000;
      }
      now_ns += 1000000;
    }
  }
  return 0;
}

static int make_synflood(const struct plan *plan, struct segment_writer *writer)
{
  uint64_t random = plan->seed;
  for (uint64_t i = 0; i < plan->packets; i++) {
    uint64_t bits = random_next(&random);
    /* An odd multiplier permutes 32-bit numbers: no address comes twice. */
    struct segment segment = {
        .src_ip = (uint32_t)i * 2654435761u + 1,
        .dst_ip = SERVER_IP,
        .src_port = (uint16_t)(bits | 1024),
        .dst_port = BULK_PORT,
        .ttl = (uint8_t)(40 + (bits >> 16) % 20),
        .seq = (uint32_t)(bits >> 32),
        .flags = 0x02,
        .window = 64240,
        .mss = 1460,
        .wscale = 7,
        .ts_val = (uint32_t)(bits >> 20),
    };
    segment.id = (uint16_t)i;
    segment_write(writer, START_NS + (int64_t)i * 1000, &segment);
  }
  return 0;
}

/* --- command line --- */

static int parse_number(const char *text, uint64_t *number)
{
  char *rest;
  errno = 0;
  *number = strtoull(text, &rest, 10);
  return errno == 0 && rest != text && *rest == '\0' && *number > 0 ? 0 : -1;
}

static int parse_plan(int argc, char **argv, struct plan *plan)
{
  if (argc < 3 || argc % 2 == 0)
    return -1;
  plan->mode = argv[1];
  plan->path = argv[2];
  bool idle = strcmp(plan->mode, "idle") == 0;
  plan->seed = 1;
  plan->packets = strcmp(plan->mode, "synflood") == 0 ? 10000000 : 5000000;
  plan->connections = idle ? 100000 : 2000;
  for (int i = 3; i + 1 < argc; i += 2) {
    if (strcmp(argv[i], "--far") == 0) {
      plan->far = argv[i + 1];
      continue;
    }
    uint64_t *number = strcmp(argv[i], "--packets") == 0       ? &plan->packets
                       : strcmp(argv[i], "--connections") == 0 ? &plan->connections
                       : strcmp(argv[i], "--seed") == 0        ? &plan->seed
                                                               : NULL;
    if (!number || parse_number(argv[i + 1], number) != 0)
      return -1;
  }
  return plan->connections <= 4000000 ? 0 : -1;
}

static int make(const struct plan *plan, struct segment_writer *writer, struct totals *totals)
{
  if (strcmp(plan->mode, "mixed") == 0)
    return make_mixed(plan, writer, totals);
  if (strcmp(plan->mode, "idle") == 0)
    return make_idle(plan, writer, totals);
  if (strcmp(plan->mode, "synflood") == 0)
    return make_synflood(plan, writer);
  if (strcmp(plan->mode, "huge") == 0)
    return make_huge(plan, writer, totals);
  fprintf(stderr, "generate: no mode \"%s\": mixed, idle, synflood or huge\n", plan->mode);
  return -1;
}

int main(int argc, char **argv)
{
  struct plan plan;
  if (parse_plan(argc, argv, &plan) != 0) {
    fprintf(stderr, "usage: generate mixed|idle|synflood|huge OUT [--far OUT] [--packets N] "
                    "[--connections C] [--seed S]\n");
    return 2;
  }
  struct segment_writer writer;
  struct far_end far;
  if (segment_writer_open(&writer, plan.path) != 0) {
    fprintf(stderr, "generate: %s: %s\n", plan.path, strerror(errno));
    return 2;
  }
  if (plan.far && far_end_open(&far, plan.far) != 0) {
    fprintf(stderr, "generate: %s: %s\n", plan.far, strerror(errno));
    return 2;
  }
  writer.far = plan.far ? &far : NULL;
  struct totals totals = {0};
  int status = make(&plan, &writer, &totals);
  if (plan.far && far_end_close(&far) != 0)
    status = -1;
  if (segment_writer_close(&writer) != 0 || status != 0) {
    fprintf(stderr, "generate: %s: cannot be written\n", plan.path);
    return 2;
  }
  printf("packets=%" PRIu64 " payload_bytes=%" PRIu64 " losses=%" PRIu64 "\n", writer.packets,
         totals.payload_bytes, totals.losses);
  return 0;
}
