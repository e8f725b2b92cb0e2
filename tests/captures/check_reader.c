/* Runs the reader and the decoder over every capture of a list and compares what they count with
 * what tshark counted. check_reader FOLDER DIFFERENCES     (FOLDER holds LIST.jsonl) Exit status: 0
 * equal or explained, 1 not, 2 the list or the table cannot be read. */
#include "capture/trace.h"
#include "capture_list.h"
#include "wire/packet.h"

#include <stdio.h>
#include <string.h>

#define BATCH 256

struct counts {
  long long frames, tcp, unsupported;
  struct error error;
};

/* Reads every byte, so that a sanitizer sees a frame that is not wholly there. */
static void touch(const struct frame *frame)
{
  const volatile uint8_t *bytes = frame->bytes;
  for (uint32_t i = 0; i < frame->captured_bytes; i++)
    (void)bytes[i];
}

static int read_frames(struct trace *trace, struct counts *counts, struct error *error)
{
  static struct frame frames[BATCH];
  int count;
  while ((count = trace_next(trace, frames, BATCH, error)) > 0) {
    for (int i = 0; i < count; i++) {
      struct packet packet;
      touch(&frames[i]);
      packet_decode(&frames[i], &packet);
      counts->tcp += packet.kind == PACKET_TCP;
      counts->unsupported += packet.kind == PACKET_UNSUPPORTED_LINK;
    }
  }
  return count;
}

static struct counts read_file(const char *path)
{
  struct counts counts = {0};
  struct error error = {0};
  struct trace *trace;
  if (trace_open(&trace, path, NULL, &error) == 0) {
    struct trace_info info;
    read_frames(trace, &counts, &error);
    trace_get_info(trace, &info);
    counts.frames = (long long)info.frames + (long long)info.foreign_blocks;
    trace_close(trace);
  }
  counts.error = error;
  return counts;
}

static const char *outcome_of(const struct counts *counts)
{
  if (counts->error.code != ERROR_NONE)
    return counts->frames == 0 ? "reject" : "partial";
  return counts->frames > 0 && counts->frames == counts->unsupported ? "reject" : "read";
}

static const char *class_name(enum capture_class class)
{
  static const char *const names[] = {
      [CAPTURE_READ] = "read", [CAPTURE_PARTIAL] = "partial", [CAPTURE_REJECT] = "reject"};
  return names[class];
}

static void check(struct comparison *comparison, const struct capture_entry *entry,
                  const char *folder)
{
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", folder, entry->file);
  struct counts counts = read_file(path);
  bool all_unsupported = counts.frames > 0 && counts.frames == counts.unsupported;
  /* Frames that are all of a link type that nobody decodes are counted here and refused there: the
   * same to a user; and a readable container of such frames is no failure of the reader. */
  if (entry->class == CAPTURE_REJECT && all_unsupported)
    return;
  const char *outcome = outcome_of(&counts);
  if (entry->class != CAPTURE_REJECT && all_unsupported)
    outcome = counts.error.code == ERROR_NONE ? "read" : "partial";
  compare_text(comparison, entry->file, "outcome", outcome, class_name(entry->class));
  compare_number(comparison, entry->file, "frames", counts.frames, entry->frames);
  compare_number(comparison, entry->file, "tcp_frames", counts.tcp, entry->tcp_frames);
  const char *name = strrchr(entry->file, '/');
  if (counts.error.code != ERROR_NONE &&
      strstr(counts.error.text, name == NULL ? entry->file : name) == NULL) {
    printf("%s: the error does not name the file: %s\n", entry->file, counts.error.text);
    comparison->failures++;
  }
}

int main(int argc, char **argv)
{
  static const char *const fields[] = {"outcome", "frames", "tcp_frames", NULL};
  struct capture_list list;
  struct comparison comparison = {0};
  char path[4096];
  if (argc != 3) {
    fprintf(stderr, "usage: check_reader FOLDER DIFFERENCES\n");
    return 2;
  }
  snprintf(path, sizeof path, "%s/LIST.jsonl", argv[1]);
  if (!capture_list_read(&list, path) || !difference_table_read(&comparison.known, argv[2]))
    return 2;
  for (size_t i = 0; i < list.count; i++)
    check(&comparison, &list.entries[i], argv[1]);
  compare_stale_rows(&comparison, fields);
  printf("%zu captures, %u differences explained, %u not\n", list.count, comparison.explained,
         comparison.failures);
  capture_list_free(&list);
  difference_table_free(&comparison.known);
  return comparison.failures == 0 && list.count > 0 ? 0 : 1;
}
