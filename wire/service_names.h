#ifndef WIRE_SERVICE_NAMES_H
#define WIRE_SERVICE_NAMES_H

/* The service names that tcpdump prints instead of ports when it runs without -n (IANA's registry,
 * and the nicknames that systems' service lists have given to ports over the years). Built in, so
 * that a text means the same on every machine. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* name: size bytes, not terminated. True and *port if it is known. */
bool service_name_port(const char *name, size_t size, uint16_t *port);

#endif
