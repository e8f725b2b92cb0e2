#ifndef WIRE_TCPDUMP_TEXT_NAMES_H
#define WIRE_TCPDUMP_TEXT_NAMES_H

/* Host names of a text get addresses, in the order in which they appear: from the blocks for
 * documentation (RFC 5737; IPv6: RFC 3849) and, when those are used up, from the one for benchmarks
 * (RFC 2544). The same name has the same address throughout a text. No name is ever looked up. */

#include "wire/packet.h"
#include "wire/tcpdump_text_scan.h"

#include <stdbool.h>
#include <stdint.h>

#define TEXT_NAME_BYTES_MAX 256  /* longer names are no host names (RFC 1035, 3.1) */
#define TEXT_NAMES_MAX      4096 /* distinct names in one text */
#define TEXT_SERVICES_MAX   1024 /* distinct service names that the built-in table does not know */

struct text_names; /* opaque */

struct text_names *text_names_new(void); /* NULL: no memory */
void text_names_free(struct text_names *names);

/* A number as inet_pton reads it, or a name, which is entered. version: 4, 6, or 0 if the text does
 * not say; set to what the address is. False: neither, or the table is full (see
 * text_names_refused()). */
bool text_names_address(struct text_names *names, struct text_span host, uint8_t *version,
                        struct ip_address *address);

/* A number or a service name. A name that nobody knows gets a port of its own, from 65535
 * downwards. */
bool text_names_port(struct text_names *names, struct text_span service, uint16_t *port);

/* The name of an address that was given out; "" if none. Valid until text_names_free(). */
const char *text_names_host(const struct text_names *names, const struct ip_address *address);
/* true if a host of this name was seen. */
bool text_names_has(const struct text_names *names, struct text_span host);
/* The index-th name with its address, in order of appearance; NULL behind the last one. */
const char *text_names_entry(const struct text_names *names, size_t index, uint8_t *version,
                             struct ip_address *address);
/* How often the table was full. */
uint64_t text_names_refused(const struct text_names *names);

/* "10.0.0.1.443", "2001:db8::1.443" or "host.example.ssh" into host and service; false if there is
 * no service (a bare address, or a name without a dot). */
bool text_names_split(struct text_span endpoint, struct text_span *host, struct text_span *service);

#endif
