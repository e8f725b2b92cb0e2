#ifndef REPORT_JOINT_SUMS_H
#define REPORT_JOINT_SUMS_H

/* The sums over connections that several capture points saw. Only collect.c includes this. */

#include "report/report.h"

/* Counts the connection and its packets' ways. */
void joint_sums_add(struct report_joint *sums, const struct report_connection *connection);

/* joint->pair != NULL. */
void joint_sums_pairing(const struct joint_connection *joint, struct report_pairing *pairing);

/* As the engine counts: never got beyond its SYN. */
bool joint_sums_unanswered(const struct connection_summary *summary);

#endif
