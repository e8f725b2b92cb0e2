#ifndef CAPTURE_FILTER_H
#define CAPTURE_FILTER_H

/* A capture filter in tcpdump's language, applied to frames of a file. Each link type and snap
 * length needs its own program, so a filter is compiled once per interface. */

#include "wire/error.h"
#include "wire/packet.h"

#include <stdbool.h>
#include <stdint.h>

struct filter; /* opaque: one program */

/* ERROR_USAGE with libpcap's message if the text cannot be compiled for any link type at all. */
int filter_check(const char *text, struct error *error);

/* The same for one link type; NULL is no filter and fine. */
int filter_check_linktype(const char *text, uint32_t linktype, struct error *error);

/* Compiles text for a link type (LINKTYPE_*). Returns 0 or a negative error_code. */
int filter_compile(struct filter **filter, const char *text, uint32_t linktype,
                   uint32_t snaplen_bytes, struct error *error);
void filter_free(struct filter *filter); /* NULL is allowed */

bool filter_matches(const struct filter *filter, const struct frame *frame);

#endif
