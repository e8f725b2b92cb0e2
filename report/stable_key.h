#ifndef REPORT_STABLE_KEY_H
#define REPORT_STABLE_KEY_H

/* Keys that are the same wherever and whenever the same trace is analysed: a hash of what the trace
 * itself says. 128-bit FNV-1a (Fowler, Noll, Vo; draft-eastlake-fnv) of a line of text, as 32
 * hexadecimal digits: with 10^12 keys two of them are alike with a probability below 10^-14. It
 * guards against chance, not against somebody who wants two keys to be alike. docs/json.md says
 * what is in the lines, so that others can compute them. */

#include "report/report.h"

#define STABLE_KEY_BYTES 33 /* with the terminating 0 */

/* FNV-1a of a string. */
void stable_key(const char *text, char key[STABLE_KEY_BYTES]);

void stable_key_capture(const struct report_capture *capture, char key[STABLE_KEY_BYTES]);
void stable_key_connection(const struct report_connection *connection, char key[STABLE_KEY_BYTES]);
/* connection_key: of the finding's connection. */
void stable_key_finding(const char *connection_key, const struct finding *finding,
                        char key[STABLE_KEY_BYTES]);

#endif
