#ifndef REPORT_JSON_OBJECTS_H
#define REPORT_JSON_OBJECTS_H

/* The objects of the JSON report. Each function returns a new reference, or NULL if there is no
 * memory. Only json*.c include this. */

#include "report/report.h"

#include <jansson.h>

json_t *json_capture_object(const struct report_capture *capture);
/* With an empty "findings" array. */
json_t *json_connection_object(const struct report_connection *connection,
                               const struct report_names *names);
json_t *json_finding_object(const struct finding *finding);
json_t *json_totals_object(const struct report_overview *overview);

/* Seconds as a real; null for TIME_INVALID. */
json_t *json_seconds(int64_t time_ns);
/* Nanoseconds as an integer; null for TIME_INVALID. */
json_t *json_nanoseconds(int64_t time_ns);
/* A string that is valid UTF-8 whatever the text holds (clean.h). */
json_t *json_text(const char *text);
/* Counters above 2^63 - 1 are held there. */
json_t *json_count(uint64_t count);
/* "A" */
json_t *json_end(uint8_t end);

/* The same as a member. Times are "key_s" and "key_ns". */
void json_set_time(json_t *object, const char *key_s, const char *key_ns, int64_t time_ns);
void json_set_text(json_t *object, const char *key, const char *text);
void json_set_count(json_t *object, const char *key, uint64_t count);

#endif
