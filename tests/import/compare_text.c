/* compare_text TRACE TEXT [printed-seq] [verbose] [no-time]: is the trace's text, read back, the
 * trace?
 *
 * TEXT is what tcpdump printed of TRACE. TCP segments outside tunnels are compared one by one, in
 * all fields that the style prints: "printed-seq" (-vv) says that pure ACKs' sequence numbers are
 * there too, "verbose" (-v) that the IP header is. A direction's numbers may be shifted as a whole
 * where the text never shows an absolute one. Prints what differs; exit status 1 if anything does,
 * 77 if there was nothing to compare. */
#include "capture/trace.h"
#include "wire/packet.h"
#include "wire/tcpdump_text.h"
#include "wire/timestamp.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FLOWS_MAX   65536
#define REPORTS_MAX 20

struct style {
  bool printed_seq, verbose, timed;
};

/* text minus trace, for one direction of one connection; the ACKs of the other direction have the
 * same */
struct shift {
  struct packet key;
  uint32_t value;
};

struct comparison {
  struct style style;
  struct packet *text;
  size_t text_count, text_capacity, next;
  uint64_t compared, different, shifted_flows;
  struct shift *shifts;
  size_t shift_count;
  int64_t time_offset_ns;
};

/* tcpdump prints a segment whole only if its header was captured whole and is what it says it is.
 */
static bool is_comparable(const struct packet *packet)
{
  return packet->kind == PACKET_TCP && packet->encap_depth == 0 &&
         (packet->options & (TCP_OPT_CUT | TCP_OPT_MALFORMED)) == 0;
}

static void add_text_packets(struct comparison *comparison, struct tcpdump_text *text)
{
  struct frame frame;
  unsigned excerpt;
  while (tcpdump_text_take(text, &frame, &excerpt)) {
    if (comparison->text_count == comparison->text_capacity) {
      comparison->text_capacity = comparison->text_capacity * 2 + 1024;
      comparison->text =
          realloc(comparison->text, comparison->text_capacity * sizeof *comparison->text);
      if (comparison->text == NULL)
        abort();
    }
    struct packet *packet = &comparison->text[comparison->text_count];
    packet_decode(&frame, packet);
    if (is_comparable(packet))
      comparison->text_count++;
  }
}

static bool read_text(struct comparison *comparison, const char *path)
{
  FILE *file = fopen(path, "r");
  struct tcpdump_text *text = tcpdump_text_new();
  char *line = NULL;
  size_t capacity = 0;
  ssize_t size;
  if (file == NULL || text == NULL) {
    perror(path);
    return false;
  }
  while ((size = getline(&line, &capacity, file)) >= 0) {
    tcpdump_text_line(text, line, (size_t)size);
    add_text_packets(comparison, text);
  }
  tcpdump_text_end(text);
  add_text_packets(comparison, text);
  unsigned excerpts = tcpdump_text_excerpt_count(text);
  if (excerpts > 1)
    printf("%s: %u excerpts\n", path, excerpts);
  tcpdump_text_free(text);
  fclose(file);
  free(line);
  return true;
}

static bool same_direction(const struct packet *a, const struct packet *b)
{
  return memcmp(&a->src, &b->src, sizeof a->src) == 0 &&
         memcmp(&a->dst, &b->dst, sizeof a->dst) == 0 && a->src_port == b->src_port &&
         a->dst_port == b->dst_port;
}

static struct packet reversed(const struct packet *packet)
{
  struct packet other = *packet;
  other.src = packet->dst;
  other.dst = packet->src;
  other.src_port = packet->dst_port;
  other.dst_port = packet->src_port;
  return other;
}

/* True if the number differs from the trace's by what its direction always differed. */
static bool number_fits(struct comparison *comparison, const struct packet *direction,
                        uint32_t text, uint32_t trace, bool restart)
{
  for (size_t i = comparison->shift_count; i-- > 0;) {
    struct shift *shift = &comparison->shifts[i];
    if (!same_direction(&shift->key, direction))
      continue;
    if (restart && shift->value != text - trace)
      shift->value = text - trace;
    return shift->value == text - trace;
  }
  if (comparison->shift_count == FLOWS_MAX)
    return text == trace;
  comparison->shifts[comparison->shift_count++] =
      (struct shift){.key = *direction, .value = text - trace};
  if (text != trace)
    comparison->shifted_flows++;
  return true;
}

static const char *compare_numbers(struct comparison *comparison, const struct packet *text,
                                   const struct packet *trace)
{
  const struct packet back = reversed(trace);
  bool acked = (trace->flags & TCP_ACK) != 0;
  bool printed = comparison->style.printed_seq || trace->payload_bytes > 0 ||
                 (trace->flags & (TCP_SYN | TCP_FIN | TCP_RST)) != 0;
  bool restart = (trace->flags & TCP_SYN) != 0;
  /* a segment without ACK is printed in full, whatever the others are */
  if (printed && !acked && !restart && text->seq != trace->seq)
    return "seq of a segment without ACK";
  if (printed && (acked || restart) &&
      !number_fits(comparison, trace, text->seq, trace->seq, restart))
    return "seq";
  if (acked && !number_fits(comparison, &back, text->ack, trace->ack, restart))
    return "ack";
  for (unsigned i = 0; i < trace->sack_count; i++) {
    if (!number_fits(comparison, &back, text->sack[i].start, trace->sack[i].start, false) ||
        !number_fits(comparison, &back, text->sack[i].end, trace->sack[i].end, false))
      return "SACK block";
  }
  return NULL;
}

static const char *compare_ip(const struct packet *text, const struct packet *trace)
{
  if (text->ttl != trace->ttl)
    return "ttl";
  if (text->tos != trace->tos)
    return "tos";
  if (text->ip_id != trace->ip_id)
    return "id";
  if ((text->facts & PACKET_IP_DF) != (trace->facts & PACKET_IP_DF))
    return "DF";
  if (trace->payload_bytes == 0 && text->checksum != trace->checksum &&
      trace->checksum != CHECKSUM_UNKNOWN)
    return "checksum";
  return NULL;
}

static const char *compare_options(const struct packet *text, const struct packet *trace)
{
  if (text->options != trace->options)
    return "options";
  if ((trace->options & TCP_OPT_TIMESTAMPS) != 0 &&
      (text->ts_val != trace->ts_val || text->ts_ecr != trace->ts_ecr))
    return "timestamps";
  if ((trace->options & TCP_OPT_MSS) != 0 && text->mss != trace->mss)
    return "mss";
  if ((trace->options & TCP_OPT_WSCALE) != 0 && text->wscale != trace->wscale)
    return "wscale";
  if (text->sack_count != trace->sack_count)
    return "SACK count";
  return NULL;
}

static const char *compare_time(struct comparison *comparison, const struct packet *text,
                                const struct packet *trace)
{
  if (!comparison->style.timed || !time_is_valid(trace->time_ns))
    return NULL;
  int64_t offset = text->time_ns - trace->time_ns / NS_PER_US * NS_PER_US;
  if (comparison->compared == 0)
    comparison->time_offset_ns = offset;
  int64_t drift = offset - comparison->time_offset_ns;
  /* nanoseconds are not printed, and sums of differences round each time */
  return drift > -NS_PER_MS && drift < NS_PER_MS ? NULL : "time";
}

static const char *compare_packet(struct comparison *comparison, const struct packet *text,
                                  const struct packet *trace)
{
  if (!same_direction(text, trace))
    return "endpoints";
  if (text->flags != (trace->flags & ~(unsigned)TCP_AE)) /* tcpdump before 5 does not print AE */
    return "flags";
  if (text->window != trace->window)
    return "window";
  if ((trace->flags & TCP_URG) != 0 && text->urgent != trace->urgent)
    return "urgent";
  if (text->payload_bytes != trace->payload_bytes)
    return "payload";
  const char *what = compare_options(text, trace);
  if (what == NULL && comparison->style.verbose)
    what = compare_ip(text, trace);
  if (what == NULL)
    what = compare_time(comparison, text, trace);
  return what != NULL ? what : compare_numbers(comparison, text, trace);
}

static void take_trace_packet(struct comparison *comparison, const struct frame *frame)
{
  struct packet packet;
  packet_decode(frame, &packet);
  if (!is_comparable(&packet))
    return;
  const char *what = "missing in the text";
  if (comparison->next < comparison->text_count)
    what = compare_packet(comparison, &comparison->text[comparison->next], &packet);
  comparison->next++;
  comparison->compared++;
  if (what == NULL)
    return;
  comparison->different++;
  if (comparison->different <= REPORTS_MAX) {
    const struct packet *text = &comparison->text[comparison->next - 1];
    printf("frame %llu: %s differs", (unsigned long long)packet.frame, what);
    if (comparison->next <= comparison->text_count)
      printf(" (text: seq %u ack %u len %u win %u, trace: seq %u ack %u len %u win %u)", text->seq,
             text->ack, text->payload_bytes, text->window, packet.seq, packet.ack,
             packet.payload_bytes, packet.window);
    printf("\n");
  }
}

static int run(struct comparison *comparison, const char *trace_path, const char *text_path)
{
  struct error error;
  struct trace *trace;
  struct frame frames[64];
  int count;
  if (!read_text(comparison, text_path))
    return 2;
  if (trace_open(&trace, trace_path, NULL, &error) < 0) {
    printf("%s\n", error.text);
    return 77;
  }
  while ((count = trace_next(trace, frames, 64, &error)) > 0) {
    for (int i = 0; i < count; i++)
      take_trace_packet(comparison, &frames[i]);
  }
  trace_close(trace);
  printf("%llu segments compared, %llu differ, %llu directions shifted, %zu in the text\n",
         (unsigned long long)comparison->compared, (unsigned long long)comparison->different,
         (unsigned long long)comparison->shifted_flows, comparison->text_count);
  if (comparison->compared == 0)
    return 77;
  return comparison->different > 0 || comparison->text_count != comparison->compared ? 1 : 0;
}

int main(int argc, char **argv)
{
  if (argc < 3) {
    fprintf(stderr, "usage: compare_text TRACE TEXT [printed-seq] [verbose] [no-time]\n");
    return 2;
  }
  struct comparison comparison = {.style.timed = true};
  for (int i = 3; i < argc; i++) {
    if (strcmp(argv[i], "printed-seq") == 0)
      comparison.style.printed_seq = true;
    else if (strcmp(argv[i], "verbose") == 0)
      comparison.style.verbose = true;
    else if (strcmp(argv[i], "no-time") == 0)
      comparison.style.timed = false;
  }
  comparison.shifts = calloc(FLOWS_MAX, sizeof *comparison.shifts);
  if (comparison.shifts == NULL)
    return 2;
  int status = run(&comparison, argv[1], argv[2]);
  free(comparison.shifts);
  free(comparison.text);
  return status;
}
