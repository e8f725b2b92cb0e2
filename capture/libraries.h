#ifndef CAPTURE_LIBRARIES_H
#define CAPTURE_LIBRARIES_H

#include <stddef.h>

/* The libraries that read and make captures and their versions, one a line, "libpcap version
 * 1.10.3 ...\n": as loaded now, but libmnl, which does not tell: as built with. */
void capture_libraries(char *text, size_t size);

#endif
