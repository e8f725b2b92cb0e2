#ifndef CAPTURE_LIBRARIES_H
#define CAPTURE_LIBRARIES_H

#include <stddef.h>

/* The libraries that read captures and their versions, as loaded now, one a line: "libpcap
 * version 1.10.3 ...\n". */
void capture_libraries(char *text, size_t size);

#endif
