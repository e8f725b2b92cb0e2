#ifndef CLI_STDIN_TEXT_H
#define CLI_STDIN_TEXT_H

#include "wire/error.h"

/* If standard input is a pipe that carries text, takes all of it into memory and puts that in the
 * pipe's place, so that it can be read twice (source.h says why). Anything else, captures above
 * all, stays untouched and streams. A non-zero *stop ends the taking early. Returns 0 or a negative
 * error_code. */
int stdin_keep_text(volatile const int *stop, struct error *error);

#endif
