#ifndef CAPTURE_INTERFACE_TABLE_H
#define CAPTURE_INTERFACE_TABLE_H

/* The interfaces of a trace, numbered through the whole file, each with its own filter program. */

#include "capture/filter.h"
#include "wire/error.h"
#include "wire/packet.h"
#include "wire/pcapng_format.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INTERFACE_TABLE_MAX                                                                        \
  16384 /* interfaces of one file; dumpcap writes as many as the host has */
#define INTERFACE_TEXT_BYTES_MAX 255
#define INTERFACE_BOOT_ID_BYTES  64 /* a UUID, and room */

struct interface_entry {
  char *name, *description; /* owned; NULL = not said */
  uint32_t linktype, snaplen_bytes;
  uint8_t tsresol, fcs_bytes;
  int64_t tsoffset_s;
  uint64_t frames;
  uint64_t dropped_by_statistics, dropped_by_packets;
  bool has_dropped;
  bool samples_announced;  /* its description says that there are some */
  bool samples_big_endian; /* their kernel's byte order, as the last header of them says */
  char boot_id[INTERFACE_BOOT_ID_BYTES]; /* of that kernel, as their headers say; "": not told */
  bool boot_ids_differ;                  /* several: the capture went on after a restart, say */
  uint64_t samples, samples_damaged, samples_missing;
  uint32_t next_sample;
  bool samples_ended;
  uint32_t gaps;        /* times in which nothing was captured */
  char *gap;            /* what was said of the last one; owned, NULL = nothing */
  bool matches_nothing; /* no filter can be compiled for a link type that we cannot decode either */
  struct filter *filter; /* NULL: everything matches */
};

struct interface_table {
  struct interface_entry *entries;
  uint32_t count, capacity;
};

void interface_table_clear(struct interface_table *table);

/* Adds an interface and compiles filter_text (NULL or "" = none) for it. Errors: ERROR_LIMIT,
 * ERROR_MEMORY, ERROR_USAGE (the filter does not fit this link type). */
int interface_table_add(struct interface_table *table, const struct pcapng_interface_record *record,
                        const char *filter_text, struct error *error);

/* true if the frame passes its interface's filter. */
bool interface_matches(const struct interface_entry *interface, const struct frame *frame);

#endif
