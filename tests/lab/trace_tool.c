/* Makes samples of the lab's captures, compares them, and puts their clocks wrong.
 *
 *   lab_trace join OUT.pcapng A.pcap [B.pcap] [payload=BYTES] [from=S] [to=S] [dropped=N]
 *   lab_trace cut OUT.pcapng RECORDING.pcapng [payload=BYTES] [from=S] [to=S] [every=MS]
 *   lab_trace compare RECORDING.pcapng A.pcap B.pcap
 *   lab_trace delay A.pcap B.pcap
 *   lab_trace shift FILE.pcap OFFSET_S SKEW_PPM
 *
 * join: both ends in one pcapng, in the order of time: two interfaces, named A and B. Of each frame
 * the headers stay and `payload` (0) bytes behind them; from and to are seconds since the first
 * frame; dropped is what tcpdump said of each of them. cut: the same of a recording by tcpstall, of
 * whose samples of sockets one stays each MS. compare: whether the recording has the frames of both
 * captures, no more and no fewer in their time. delay: the longest that a frame took from one to
 * the other, in ms. shift: adds OFFSET_S and SKEW_PPM of the time since the first frame, in place.
 * Captures are what tcpdump writes on this machine with --time-stamp-precision=nano. Exit status 0,
 * 1 (compare: they differ), or 2. */

#include "frame_marks.h"
#include "pcap_input.h"
#include "recording_cut.h"
#include "wire/pcapng_writer.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXIT_TROUBLE 2

static int complain(const char *what, const char *name)
{
  fprintf(stderr, "lab_trace: %s: %s\n", name, what);
  return EXIT_TROUBLE;
}

struct join {
  struct pcap_input ends[2];
  struct pcapng_writer *writer;
  struct sample_cut cut;
  uint64_t dropped; /* UINT64_MAX: not known */
};

static int write_frames(struct join *join, struct error *error)
{
  struct pcap_input *a = &join->ends[0], *b = &join->ends[1];
  int64_t first_ns = a->have && (!b->have || a->time_ns <= b->time_ns) ? a->time_ns : b->time_ns;
  while (a->have || b->have) {
    const uint32_t end = !a->have || (b->have && b->time_ns < a->time_ns);
    struct pcap_input *in = &join->ends[end];
    const double at_s = (double)(in->time_ns - first_ns) / (double)NS_PER_S;
    const struct pcapng_packet packet = {
        .interface = end,
        .time_ns = in->time_ns,
        .bytes = in->bytes,
        .captured_bytes = frame_kept_bytes(in->bytes, in->record.captured, join->cut.payload),
        .original_bytes = in->record.original};
    if (at_s >= join->cut.from_s && at_s <= join->cut.to_s &&
        pcapng_writer_packet(join->writer, &packet, error) < 0)
      return -1;
    pcap_input_next(in);
  }
  return 0;
}

static int run_join(const char *out, char **files, int count, struct join *join)
{
  struct error error = {0};
  for (int i = 0; i < count; i++)
    if (!pcap_input_open(&join->ends[i], files[i], "rb") || !pcap_input_next(&join->ends[i]))
      return complain("no frame in it, or not what tcpdump writes here", files[i]);
  const int fd = open(out, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0 || pcapng_writer_open(&join->writer, fd, "tests/lab/samples", &error) < 0)
    return complain("cannot be written", out);
  int result = 0;
  for (int i = 0; i < count && result >= 0; i++) {
    const struct pcapng_interface interface = {.name = i == 0 ? "A" : "B",
                                               .description = i == 0 ? "end A" : "end B",
                                               .linktype = join->ends[i].header.linktype};
    result = pcapng_writer_interface(join->writer, &interface, &error);
  }
  if (result >= 0)
    result = write_frames(join, &error);
  for (int i = 0; i < count && result >= 0 && join->dropped != UINT64_MAX; i++)
    result = pcapng_writer_statistics(join->writer, (uint32_t)i, join->ends[i].time_ns, UINT64_MAX,
                                      join->dropped, &error);
  const int closed = pcapng_writer_close(join->writer, &error);
  return result < 0 || closed < 0 ? complain(error.text, out) : 0;
}

static bool cut_option(struct sample_cut *cut, const char *text)
{
  const char *value = strchr(text, '=');
  if (value == NULL)
    return false;
  value++;
  if (strncmp(text, "payload=", 8) == 0)
    cut->payload = strtoul(value, NULL, 10);
  else if (strncmp(text, "from=", 5) == 0)
    cut->from_s = strtod(value, NULL);
  else if (strncmp(text, "to=", 3) == 0)
    cut->to_s = strtod(value, NULL);
  else if (strncmp(text, "every=", 6) == 0)
    cut->sample_every_ns = (int64_t)strtol(value, NULL, 10) * (NS_PER_S / 1000);
  else
    return false;
  return true;
}

static int run_shift(const char *name, double offset_s, double skew_ppm)
{
  static struct pcap_input in;
  if (!pcap_input_open(&in, name, "r+b"))
    return complain("not what tcpdump writes here", name);
  int64_t first_ns = -1;
  for (;;) {
    const long at = ftell(in.file);
    if (!pcap_input_next(&in))
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

static int run_compare(char **files)
{
  const long at_a = compare_recording(files[0], 0, files[1]);
  const long at_b = compare_recording(files[0], 1, files[2]);
  return at_a == 0 && at_b == 0 ? 0 : 1;
}

static int usage(void)
{
  fprintf(stderr,
          "usage: lab_trace join OUT.pcapng A.pcap [B.pcap] [payload=BYTES] [from=S] [to=S] "
          "[dropped=N]\n"
          "       lab_trace cut OUT.pcapng RECORDING.pcapng [the same] [every=MS]\n"
          "       lab_trace compare RECORDING.pcapng A.pcap B.pcap\n"
          "       lab_trace delay A.pcap B.pcap\n"
          "       lab_trace shift FILE.pcap OFFSET_S SKEW_PPM\n");
  return EXIT_TROUBLE;
}

/* join and cut: the output, the inputs, and what stays. */
static int run_sample(int argc, char **argv)
{
  static struct join join = {.cut = {.to_s = 1e9}, .dropped = UINT64_MAX};
  const bool is_join = strcmp(argv[1], "join") == 0;
  int option = 3;
  while (option < argc && strchr(argv[option], '=') == NULL)
    option++;
  const int inputs = option - 3;
  if (inputs < 1 || inputs > (is_join ? 2 : 1))
    return usage();
  for (; option < argc; option++)
    if (is_join && strncmp(argv[option], "dropped=", 8) == 0)
      join.dropped = strtoull(argv[option] + 8, NULL, 10);
    else if (!cut_option(&join.cut, argv[option]))
      return usage();
  if (is_join)
    return run_join(argv[2], argv + 3, inputs, &join);
  const char *wrong = recording_cut(argv[2], argv[3], &join.cut);
  return wrong == NULL ? 0 : complain(wrong, argv[3]);
}

static int run_delay(char **files)
{
  const int64_t longest_ns = longest_delay_ns(files[0], files[1]);
  if (longest_ns < 0)
    return complain("not what tcpdump writes here", files[0]);
  printf("%lld\n", (long long)(longest_ns / (NS_PER_S / 1000)));
  return 0;
}

int main(int argc, char **argv)
{
  const char *const verb = argc >= 2 ? argv[1] : "";
  if (strcmp(verb, "join") == 0 || strcmp(verb, "cut") == 0)
    return argc >= 4 ? run_sample(argc, argv) : usage();
  if (argc == 5 && strcmp(verb, "shift") == 0)
    return run_shift(argv[2], strtod(argv[3], NULL), strtod(argv[4], NULL));
  if (argc == 5 && strcmp(verb, "compare") == 0)
    return run_compare(argv + 2);
  if (argc == 4 && strcmp(verb, "delay") == 0)
    return run_delay(argv + 2);
  return usage();
}
