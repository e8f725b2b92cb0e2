#ifndef CLI_CONNECTION_FILTER_H
#define CLI_CONNECTION_FILTER_H

/* Filters in tcpdump's language over connections: what libpcap compiles runs over a made-up segment
 * of each direction, raw IP, with the connection's addresses and ports and the flag ACK. Link
 * layers are refused; bytes that a connection does not have (flags, lengths) say nothing. */

#include "tui/selection.h"

struct selection_language connection_filter_language(void);

#endif
