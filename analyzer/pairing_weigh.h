#ifndef ANALYZER_PAIRING_WEIGH_H
#define ANALYZER_PAIRING_WEIGH_H

/* How much evidence a comparison of two sketches has given: a part of pairing.c. */

#include "analyzer/pairing.h"

/* Fills what is weighed of *pairing, whose counts are there. supports: comparisons of numbers that
 * the shift of either side has passed. */
void pairing_weigh(const struct sketch *a, const struct sketch *b, const uint32_t supports[2],
                   struct pairing *pairing);

/* The path leaves IP-IDs alone. */
bool pairing_ip_ids_kept(const struct pairing *pairing);

#endif
