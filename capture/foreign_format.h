#ifndef CAPTURE_FOREIGN_FORMAT_H
#define CAPTURE_FOREIGN_FORMAT_H

#include <stddef.h>
#include <stdint.h>

/* Names the format of a file that is no trace we read, with advice ("a Solaris snoop capture:
 * convert it with ..."), or NULL if its first bytes are not known. Static string. */
const char *foreign_format_name(const uint8_t *bytes, size_t size);

#endif
