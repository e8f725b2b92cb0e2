#ifndef CLI_INTERRUPT_H
#define CLI_INTERRUPT_H

/* SIGINT and SIGTERM end the reading, not the program: what was read is still reported. The second
 * signal of a kind ends the program, as ever. */

#include <stdbool.h>

/* Installs the handlers. The returned flag becomes non-zero with the first signal; for
 * trace_options.stop. */
volatile const int *interrupt_install(void);
bool interrupt_seen(void);

#endif
