/* Makes samples of the lab's captures, and puts their clocks wrong.
 *
 *   lab_trace join OUT.pcapng A.pcap B.pcap [payload=BYTES] [from=S] [to=S]
 *   lab_trace shift FILE.pcap OFFSET_S SKEW_PPM
 *
 * join: both ends in one pcapng, in the order of time: two interfaces, named A and B. Of each frame
 * the headers stay and `payload` (0) bytes behind them; from and to are seconds since the first
 * frame. shift: adds OFFSET_S and SKEW_PPM of the time since the first frame, in place. Both read
 * what tcpdump writes on this machine with --time-stamp-precision=nano. Exit status 0, or 2. */

#include "wire/pcapng_writer.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PCAP_NS_MAGIC UINT32_C(0xa1b23c4d)
#define NS_PER_S      INT64_C(1000000000)
#define FRAME_MAX     65600
#define EXIT_TROUBLE  2

enum { ETHER_SIZE = 14, IPV6_SIZE = 40, TCP_SIZE = 20, PROTOCOL_TCP = 6 };

struct file_header {
  uint32_t magic;
  uint16_t version_major, version_minor;
  uint32_t zone, accuracy, snaplen, linktype;
};

struct record_header {
  uint32_t seconds, nanoseconds, captured, original;
};

struct input {
  FILE *file;
  struct file_header header;
  struct record_header record;
  uint8_t bytes[FRAME_MAX];
  int64_t time_ns;
  bool have; /* a record is at hand */
};

static int complain(const char *what, const char *name)
{
  fprintf(stderr, "lab_trace: %s: %s\n", name, what);
  return EXIT_TROUBLE;
}

static bool next_record(struct input *in)
{
  in->have = fread(&in->record, sizeof in->record, 1, in->file) == 1 &&
             in->record.captured <= FRAME_MAX &&
             fread(in->bytes, in->record.captured, 1, in->file) == 1;
  in->time_ns = in->record.seconds * NS_PER_S + in->record.nanoseconds;
  return in->have;
}

static bool open_input(struct input *in, const char *name, const char *mode)
{
  in->file = fopen(name, mode);
  return in->file != NULL && fread(&in->header, sizeof in->header, 1, in->file) == 1 &&
         in->header.magic == PCAP_NS_MAGIC;
}

static size_t get16(const uint8_t *p)
{
  return (size_t)p[0] << 8 | p[1];
}

/* Where the TCP header starts, 0 if this is not TCP right behind IP. */
static size_t tcp_offset(const uint8_t *bytes, size_t captured)
{
  if (captured < ETHER_SIZE + IPV6_SIZE)
    return 0;
  const uint8_t *ip = bytes + ETHER_SIZE;
  if (get16(bytes + 12) == 0x0800 && ip[9] == PROTOCOL_TCP)
    return ETHER_SIZE + (size_t)(ip[0] & 15) * 4;
  if (get16(bytes + 12) == 0x86dd && ip[6] == PROTOCOL_TCP)
    return ETHER_SIZE + IPV6_SIZE;
  return 0;
}

/* How much of a frame a sample keeps. */
static uint32_t kept_bytes(const struct input *in, size_t payload)
{
  const size_t captured = in->record.captured, tcp = tcp_offset(in->bytes, captured);
  if (tcp == 0 || tcp + TCP_SIZE > captured)
    return (uint32_t)captured;
  const size_t kept = tcp + (size_t)(in->bytes[tcp + 12] >> 4) * 4 + payload;
  return (uint32_t)(kept < captured ? kept : captured);
}

struct join {
  struct input ends[2];
  struct pcapng_writer *writer;
  size_t payload;
  double from_s, to_s;
};

static int write_frames(struct join *join, struct error *error)
{
  struct input *a = &join->ends[0], *b = &join->ends[1];
  int64_t first_ns = a->have && (!b->have || a->time_ns <= b->time_ns) ? a->time_ns : b->time_ns;
  while (a->have || b->have) {
    const uint32_t end = !a->have || (b->have && b->time_ns < a->time_ns);
    struct input *in = &join->ends[end];
    const double at_s = (double)(in->time_ns - first_ns) / (double)NS_PER_S;
    const struct pcapng_packet packet = {.interface = end,
                                         .time_ns = in->time_ns,
                                         .bytes = in->bytes,
                                         .captured_bytes = kept_bytes(in, join->payload),
                                         .original_bytes = in->record.original};
    if (at_s >= join->from_s && at_s <= join->to_s &&
        pcapng_writer_packet(join->writer, &packet, error) < 0)
      return -1;
    next_record(in);
  }
  return 0;
}

static int run_join(const char *out, char **files, struct join *join)
{
  struct error error = {0};
  for (int i = 0; i < 2; i++)
    if (!open_input(&join->ends[i], files[i], "rb") || !next_record(&join->ends[i]))
      return complain("no frame in it, or not what tcpdump writes here", files[i]);
  const int fd = open(out, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0 || pcapng_writer_open(&join->writer, fd, "tests/lab/samples", &error) < 0)
    return complain("cannot be written", out);
  int result = 0;
  for (int i = 0; i < 2 && result >= 0; i++) {
    const struct pcapng_interface interface = {.name = i == 0 ? "A" : "B",
                                               .description = i == 0 ? "end A" : "end B",
                                               .linktype = join->ends[i].header.linktype};
    result = pcapng_writer_interface(join->writer, &interface, &error);
  }
  if (result >= 0)
    result = write_frames(join, &error);
  const int closed = pcapng_writer_close(join->writer, &error);
  return result < 0 || closed < 0 ? complain(error.text, out) : 0;
}

static bool join_option(struct join *join, const char *text)
{
  const char *value = strchr(text, '=');
  if (value == NULL)
    return false;
  value++;
  if (strncmp(text, "payload=", 8) == 0)
    join->payload = strtoul(value, NULL, 10);
  else if (strncmp(text, "from=", 5) == 0)
    join->from_s = strtod(value, NULL);
  else if (strncmp(text, "to=", 3) == 0)
    join->to_s = strtod(value, NULL);
  else
    return false;
  return true;
}

static int run_shift(const char *name, double offset_s, double skew_ppm)
{
  static struct input in;
  if (!open_input(&in, name, "r+b"))
    return complain("not what tcpdump writes here", name);
  int64_t first_ns = -1;
  for (;;) {
    const long at = ftell(in.file);
    if (!next_record(&in))
      break;
    if (first_ns < 0)
      first_ns = in.time_ns;
    const double drift_ns = (double)(in.time_ns - first_ns) * skew_ppm * 1e-6;
    const int64_t time_ns = in.time_ns + (int64_t)(offset_s * (double)NS_PER_S + drift_ns);
    in.record.seconds = (uint32_t)(time_ns / NS_PER_S);
    in.record.nanoseconds = (uint32_t)(time_ns % NS_PER_S);
    const long next = ftell(in.file);
    if (fseek(in.file, at, SEEK_SET) != 0 ||
        fwrite(&in.record, sizeof in.record, 1, in.file) != 1 ||
        fseek(in.file, next, SEEK_SET) != 0)
      return complain("cannot be changed", name);
  }
  return fclose(in.file) == 0 ? 0 : complain("cannot be changed", name);
}

int main(int argc, char **argv)
{
  static struct join join = {.to_s = 1e9};
  if (argc == 5 && strcmp(argv[1], "shift") == 0)
    return run_shift(argv[2], strtod(argv[3], NULL), strtod(argv[4], NULL));
  bool good = argc >= 5 && strcmp(argv[1], "join") == 0;
  for (int i = 5; good && i < argc; i++)
    good = join_option(&join, argv[i]);
  if (good)
    return run_join(argv[2], argv + 3, &join);
  fprintf(stderr, "usage: lab_trace join OUT.pcapng A.pcap B.pcap [payload=BYTES] [from=S] [to=S]\n"
                  "       lab_trace shift FILE.pcap OFFSET_S SKEW_PPM\n");
  return EXIT_TROUBLE;
}
