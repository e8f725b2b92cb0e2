#ifndef CLI_COMPLAIN_H
#define CLI_COMPLAIN_H

/* Messages for the user on stderr, "tcpstall: ...", one line each. They may quote a trace or a file
 * name, so they are cleaned (report/clean.h). */

void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
