#ifndef CLI_VERSION_H
#define CLI_VERSION_H

#include <stdio.h>

/* The program's version and those of the libraries that it runs with, one a line. */
void version_print(FILE *stream);

#endif
