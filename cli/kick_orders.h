#ifndef CLI_KICK_ORDERS_H
#define CLI_KICK_ORDERS_H

/* Kicks at an end on another host: the program here decides, the one that captures there sends. An
 * order is a line of text on the other program's standard input:
 *
 *   kick VERSION SRC DST SRC-PORT DST-PORT ETHER-SRC ETHER-DST      ("-" twice: not known)
 *
 * "end", or the end of the input, ends the capture there. What is ordered is checked there, and
 * bounded by cli/kick.h as any kick is. */

#include "cli/kick.h"

#include <stddef.h>

#define KICK_ORDER_BYTES 256u

/* With its newline. */
void kick_order_write(const struct kick_request *request, char line[KICK_ORDER_BYTES]);
/* line: without its newline. false: it is no order; request->end is 0. */
bool kick_order_read(const char *line, struct kick_request *request);

/* The value of the option by which the other program is told to take orders, and what it says. */
#define KICK_ORDERS_TEXT_BYTES 48u
void kick_orders_text(enum kick_kind kind, int64_t interval_ns, char text[KICK_ORDERS_TEXT_BYTES]);
bool kick_orders_parse(const char *text, enum kick_kind *kind, int64_t *interval_ns);

struct kick_orders; /* opaque: who takes them */

/* From standard input, for one interface. 0 or a negative error_code. */
int kick_orders_open(struct kick_orders **orders, const char *interface,
                     const char *network_namespace, enum kick_kind kind, int64_t interval_ns,
                     struct error *error);
/* Does what was ordered meanwhile, and says so. Once it is to end this process gets SIGTERM. NULL
 * is allowed. */
void kick_orders_tick(struct kick_orders *orders);
void kick_orders_close(struct kick_orders *orders); /* NULL is allowed */

#endif
