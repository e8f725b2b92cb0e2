#ifndef CLI_SPLIT_FILES_H
#define CLI_SPLIT_FILES_H

/* The parts of a trace on disk: pcapng files PREFIX-1.pcapng, PREFIX-2.pcapng, ... */

#include "cli/split_place.h"
#include "wire/error.h"
#include "wire/pcapng_edit.h"
#include "wire/pcapng_writer.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define SPLIT_PATH_BYTES 4096

struct split_files {
  const char *prefix, *input; /* input: as the user named it, for the comments in the parts */
  uint32_t parts, opened;
  struct pcapng_writer *writers[SPLIT_PARTS_MAX];
  uint64_t own[SPLIT_PARTS_MAX], context[SPLIT_PARTS_MAX]; /* frames written */
  struct pcapng_edit edit;
};

/* The name of part 0, 1, ..., with as many digits as the last one has. false: it is too long. */
bool split_files_path(const struct split_files *files, uint32_t part, char path[SPLIT_PATH_BYTES]);

/* Creates them, or empties those that are there. bare: section headers are to come as blocks.
 * not_this: a file that must not be one of them. Returns 0 or a negative error_code. */
int split_files_open(struct split_files *files, bool bare, dev_t not_this_device,
                     ino_t not_this_inode, struct error *error);
/* A block that is none of a frame goes to all of them. */
int split_files_block(struct split_files *files, const uint8_t *bytes, size_t size, bool big_endian,
                      struct error *error);
int split_files_frame(struct split_files *files, uint32_t part, const struct split_frame *frame,
                      struct error *error);
/* Closes them; the error of a file that cannot be written to its end is reported. */
int split_files_close(struct split_files *files, struct error *error);

#endif
