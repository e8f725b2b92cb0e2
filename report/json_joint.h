#ifndef REPORT_JSON_JOINT_H
#define REPORT_JSON_JOINT_H

/* What the JSON report says of captures that were diagnosed together. Each function returns a new
 * reference, or NULL if there is no memory. Only json*.c include this. */

#include "report/report.h"

#include <jansson.h>

/* One piece of the clock of `end` against A's. */
json_t *json_clock_object(uint8_t end, const struct clock_map *map, uint32_t index);
/* Only of a connection with a pairing. */
json_t *json_pairing_object(const struct report_connection *connection);
json_t *json_path_array(const struct report_connection *connection);

#endif
