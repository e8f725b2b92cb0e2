#ifndef CLI_LIST_H
#define CLI_LIST_H

/* `tcpstall capture --list`: the interfaces of all network namespaces, as a table, or as JSON
 * (schema "tcpstall-interfaces/1", docs/remote.md). */

#include <stdbool.h>

/* Prints to stdout, and to stderr what could not be seen. Returns the exit status. */
int list_interfaces(bool json);

#endif
