/* How true to its times a recording was played: makes recordings, and compares a capture with one.
 *
 *   replay_gaps make OUT.pcap FRAMES FRAMES-PER-SECOND BYTES [SEED]
 *   replay_gaps compare OUT.pcap CAPTURE.pcap [NAME]
 *   replay_gaps device NAME
 *
 * make: UDP frames with a number each, at irregular times (exponential gaps, none below 20 us; all
 * 0 apart with 0 frames per second). compare: frames are told by their numbers, times relative to
 * the first one of each file, and a row is printed: frames missing; the drift (how far the last
 * hundredth is off, against the first hundredth; medians); the error of the gaps between frames
 * that followed each other: p50, p99, max. All in microseconds. Reads pcap in this machine's byte
 * order. */

#include <fcntl.h>
#include <linux/if_tun.h>
#include <math.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAGIC_US     UINT32_C(0xa1b2c3d4)
#define MAGIC_NS     UINT32_C(0xa1b23c4d)
#define NS_PER_S     INT64_C(1000000000)
#define FRAME_MAX    65600
#define HEADER_BYTES 42 /* Ethernet, IPv4, UDP */
#define NUMBER_BYTES 8
#define GAP_LEAST_NS 20000
#define START_S      1700000000
#define PORT         9 /* discard */

struct file_header {
  uint32_t magic;
  uint16_t version_major, version_minor;
  uint32_t zone, accuracy, snaplen, linktype;
};

struct record_header {
  uint32_t seconds, fraction, captured, original;
};

struct series {
  int64_t *times_ns; /* by number; INT64_MIN: not there */
  uint64_t count, there;
};

static void put_be16(uint8_t *at, uint32_t value)
{
  at[0] = (uint8_t)(value >> 8);
  at[1] = (uint8_t)value;
}

static void make_frame(uint8_t *frame, uint32_t bytes, uint64_t number)
{
  static const uint8_t start[] = {2, 0, 0, 0, 0, 0xb, 2,  0, 0, 0,  0, 0xa, 8, 0,  0x45, 0, 0,
                                  0, 0, 0, 0, 0, 64,  17, 0, 0, 10, 9, 0,   1, 10, 9,    0, 2};
  memset(frame, 0, bytes);
  memcpy(frame, start, sizeof start);
  put_be16(frame + 16, bytes - 14);
  uint32_t sum = 0;
  for (int i = 14; i < 34; i += 2)
    sum += (uint32_t)frame[i] << 8 | frame[i + 1];
  sum = (sum & 0xffff) + (sum >> 16);
  put_be16(frame + 24, ~(sum + (sum >> 16)));
  put_be16(frame + 34, PORT);
  put_be16(frame + 36, PORT);
  put_be16(frame + 38, bytes - 34); /* without a checksum (RFC 768) */
  memcpy(frame + HEADER_BYTES, &number, NUMBER_BYTES);
}

static uint64_t next_random(uint64_t *state)
{
  *state ^= *state << 13;
  *state ^= *state >> 7;
  return *state ^= *state << 17;
}

static int make(const char *name, uint64_t frames, double rate, uint32_t bytes, uint64_t seed)
{
  static uint8_t frame[FRAME_MAX];
  FILE *file = fopen(name, "wb");
  const struct file_header header = {
      .magic = MAGIC_NS, .version_major = 2, .version_minor = 4, .snaplen = 262144, .linktype = 1};
  if (file == NULL || bytes < HEADER_BYTES + NUMBER_BYTES || bytes > FRAME_MAX)
    return 2;
  int64_t time_ns = 0;
  bool ok = fwrite(&header, sizeof header, 1, file) == 1;
  for (uint64_t i = 0; i < frames && ok; i++) {
    const struct record_header record = {START_S + (uint32_t)(time_ns / NS_PER_S),
                                         (uint32_t)(time_ns % NS_PER_S), bytes, bytes};
    make_frame(frame, bytes, i);
    ok = fwrite(&record, sizeof record, 1, file) == 1 && fwrite(frame, bytes, 1, file) == 1;
    if (rate > 0) {
      const double share = (double)(next_random(&seed) >> 11) / (double)(UINT64_C(1) << 53);
      time_ns += GAP_LEAST_NS + (int64_t)(-log(1 - share) * (1e9 / rate - GAP_LEAST_NS));
    }
  }
  return fclose(file) == 0 && ok ? 0 : 2;
}

static bool is_ours(const uint8_t *frame, uint32_t bytes)
{
  return bytes >= HEADER_BYTES + NUMBER_BYTES && frame[12] == 8 && frame[13] == 0 &&
         frame[23] == 17 && frame[37] == PORT;
}

/* count 0: as many as there are. */
static bool read_series(const char *name, uint64_t count, struct series *series)
{
  static uint8_t frame[FRAME_MAX];
  struct file_header header;
  struct record_header record;
  FILE *file = fopen(name, "rb");
  if (file == NULL || fread(&header, sizeof header, 1, file) != 1 ||
      (header.magic != MAGIC_NS && header.magic != MAGIC_US))
    return false;
  const int64_t unit_ns = header.magic == MAGIC_NS ? 1 : 1000;
  uint64_t room = count;
  *series = (struct series){.times_ns = malloc((count + 1) * sizeof(int64_t)), .count = count};
  for (uint64_t i = 0; i < count; i++)
    series->times_ns[i] = INT64_MIN;
  while (fread(&record, sizeof record, 1, file) == 1 && record.captured <= FRAME_MAX &&
         fread(frame, record.captured, 1, file) == 1) {
    uint64_t number = 0;
    if (!is_ours(frame, record.captured))
      continue;
    memcpy(&number, frame + HEADER_BYTES, NUMBER_BYTES);
    if (count == 0 && number == series->count) {
      if (series->count == room) {
        room = room < 1024 ? 1024 : 2 * room;
        series->times_ns = realloc(series->times_ns, room * sizeof(int64_t));
      }
      series->times_ns[series->count++] = INT64_MIN;
    }
    if (number >= series->count)
      continue;
    series->there += series->times_ns[number] == INT64_MIN;
    series->times_ns[number] = record.seconds * NS_PER_S + record.fraction * unit_ns;
  }
  fclose(file);
  return true;
}

static int by_value(const void *a, const void *b)
{
  const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

static int64_t percentile(int64_t *values, uint64_t count, double share)
{
  if (count == 0)
    return 0;
  qsort(values, count, sizeof *values, by_value);
  const uint64_t at = (uint64_t)(share * (double)count);
  return values[at < count ? at : count - 1];
}

static int compare(const struct series *sent, const struct series *seen, const char *name)
{
  int64_t *offsets = malloc((sent->count + 1) * sizeof *offsets);
  int64_t *gaps = malloc((sent->count + 1) * sizeof *gaps);
  uint64_t offset_count = 0, gap_count = 0;
  for (uint64_t i = 0; i < sent->count; i++) {
    if (seen->times_ns[i] == INT64_MIN)
      continue;
    offsets[offset_count++] = seen->times_ns[i] - sent->times_ns[i];
    if (i > 0 && seen->times_ns[i - 1] != INT64_MIN)
      gaps[gap_count++] = llabs((seen->times_ns[i] - seen->times_ns[i - 1]) -
                                (sent->times_ns[i] - sent->times_ns[i - 1]));
  }
  const uint64_t edge = offset_count / 100 + 1;
  if (offset_count < 2) {
    free(offsets);
    free(gaps);
    return 2;
  }
  const int64_t span_ns =
      offsets[offset_count - 1] - offsets[0] + sent->times_ns[sent->count - 1] - sent->times_ns[0];
  const int64_t last = percentile(offsets + offset_count - edge, edge, 0.5);
  const int64_t drift = last - percentile(offsets, edge, 0.5);
  printf("%s\t%llu\t%llu\t%.1f\t%.1f\t%.1f\t%.1f\t%.0f\n", name,
         (unsigned long long)(sent->count - seen->there), (unsigned long long)sent->count,
         (double)drift / 1e3, (double)percentile(gaps, gap_count, 0.5) / 1e3,
         (double)percentile(gaps, gap_count, 0.99) / 1e3,
         (double)percentile(gaps, gap_count, 1) / 1e3,
         span_ns > 0 ? (double)seen->there / ((double)span_ns / 1e9) : 0);
  free(offsets);
  free(gaps);
  return 0;
}

static int device(const char *name)
{
  static uint8_t frame[FRAME_MAX];
  struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};
  const int tap = open("/dev/net/tun", O_RDWR), control = socket(AF_INET, SOCK_DGRAM, 0);
  snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
  if (tap < 0 || control < 0 || ioctl(tap, TUNSETIFF, &request) != 0)
    return 2;
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  if (ioctl(control, SIOCSIFFLAGS, &request) != 0)
    return 2;
  puts("ready");
  fflush(stdout);
  while (read(tap, frame, sizeof frame) > 0)
    ;
  return 2;
}

int main(int argc, char **argv)
{
  struct series sent = {0}, seen = {0};
  if (argc >= 6 && strcmp(argv[1], "make") == 0)
    return make(argv[2], strtoull(argv[3], NULL, 10), strtod(argv[4], NULL),
                (uint32_t)strtoul(argv[5], NULL, 10),
                argc > 6 ? strtoull(argv[6], NULL, 10) : UINT64_C(88172645463325252));
  if (argc == 3 && strcmp(argv[1], "device") == 0)
    return device(argv[2]);
  if (argc < 4 || strcmp(argv[1], "compare") != 0) {
    fprintf(stderr, "usage: replay_gaps make OUT.pcap FRAMES RATE BYTES [SEED]\n"
                    "       replay_gaps compare OUT.pcap CAPTURE.pcap [NAME]\n"
                    "       replay_gaps device NAME\n");
    return 2;
  }
  int status = 2;
  if (read_series(argv[2], 0, &sent) && read_series(argv[3], sent.count, &seen))
    status = compare(&sent, &seen, argc > 4 ? argv[4] : argv[3]);
  free(sent.times_ns);
  free(seen.times_ns);
  return status;
}
