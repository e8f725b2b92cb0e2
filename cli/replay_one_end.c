#include "cli/replay_one_end.h"

#include "cli/replay_load.h"
#include "cli/replay_options.h"
#include "wire/pcapng_writer.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* It is the same stall if it takes that share of the other one's time. */
#define OVERLAP_SHARE 0.5

static int write_packets(struct pcapng_writer *writer, const struct recording *recording,
                         const struct recording_point *point, struct error *error)
{
  uint32_t linktype = UINT32_MAX;
  int interface = -1;
  for (size_t i = 0; i < point->packet_count; i++) {
    const struct recorded_packet *recorded = &point->packets[i];
    if (recorded->frame_bytes == 0)
      continue;
    if (linktype != recorded->linktype) {
      const struct pcapng_interface of = {.name = point->name, .linktype = recorded->linktype};
      linktype = recorded->linktype;
      interface = pcapng_writer_interface(writer, &of, error);
    }
    const struct pcapng_packet packet = {.interface = (uint32_t)interface,
                                         .time_ns = recorded->packet.time_ns,
                                         .bytes = recording->bytes + recorded->frame_at,
                                         .captured_bytes = recorded->frame_bytes,
                                         .original_bytes = recorded->packet.frame_bytes,
                                         .direction = recorded->packet.direction};
    if (interface < 0 || pcapng_writer_packet(writer, &packet, error) < 0)
      return ERROR_IO;
  }
  return 0;
}

/* Writes the point as a file of its own; returns a descriptor, or -1. */
static int write_point(const struct recording *recording, const struct recording_point *point)
{
  struct pcapng_writer *writer = NULL;
  struct error error;
  const int memory = memfd_create("tcpstall-one-end", MFD_CLOEXEC);
  const int own = memory >= 0 ? fcntl(memory, F_DUPFD_CLOEXEC, 0) : -1;
  int result = own >= 0 ? pcapng_writer_open(&writer, own, "tcpstall", &error) : ERROR_IO;
  if (result == 0)
    result = write_packets(writer, recording, point, &error);
  if (writer != NULL && pcapng_writer_close(writer, &error) < 0)
    result = ERROR_IO;
  if (result == 0)
    return memory;
  if (memory >= 0)
    close(memory);
  return -1;
}

static int analyse(const char *path, enum recording_side side, int64_t min_stall_ns,
                   struct recording *seen)
{
  struct analyze_options options;
  replay_analysis_default(&options);
  options.traces[0] = path;
  options.trace_count = 1;
  options.no_progress = true;
  options.min_stall_ns = min_stall_ns;
  options.vantage[0] = (struct vantage_choice){
      .kind = VANTAGE_ROLE, .role = side == RECORDING_CLIENT ? VANTAGE_CLIENT : VANTAGE_SERVER};
  const struct replay_load_options load = {.analyze = &options};
  const int status = replay_load(&load, seen);
  analyze_options_clear(&options);
  return status;
}

static double overlap_ns(const struct recorded_finding *a, const struct recorded_finding *b)
{
  const int64_t from_ns = a->start_ns > b->start_ns ? a->start_ns : b->start_ns;
  const int64_t to_ns = a->end_ns < b->end_ns ? a->end_ns : b->end_ns;
  return to_ns > from_ns ? (double)(to_ns - from_ns) : 0;
}

/* The finding that is most of the same time. */
static const struct recorded_finding *find_same(const struct recording *seen,
                                                const struct recorded_finding *target)
{
  const struct recorded_finding *best = NULL;
  double best_ns = OVERLAP_SHARE * (double)(target->end_ns - target->start_ns);
  for (uint32_t i = 0; i < seen->finding_count; i++) {
    const struct recorded_finding *finding = &seen->findings[i];
    if (finding->sender == target->sender && overlap_ns(finding, target) > best_ns) {
      best = finding;
      best_ns = overlap_ns(finding, target);
    }
  }
  return best;
}

bool replay_one_end(const struct recording *recording, enum recording_side side,
                    int64_t min_stall_ns, struct recorded_finding *seen)
{
  struct recording alone = {.point_count = 0};
  bool at_it = false;
  char path[64];
  if (recording->point_count < 2 || recording->target >= recording->finding_count)
    return false;
  const struct recording_point *point = recording_nearest(recording, side, &at_it);
  const int memory = point != NULL ? write_point(recording, point) : -1;
  const struct recorded_finding *same = NULL;
  snprintf(path, sizeof path, "/proc/self/fd/%d", memory);
  if (memory >= 0 && analyse(path, side, min_stall_ns, &alone) == 0)
    same = find_same(&alone, &recording->findings[recording->target]);
  if (same != NULL)
    *seen = *same; /* its words are static */
  recording_clear(&alone);
  if (memory >= 0)
    close(memory);
  return same != NULL;
}
