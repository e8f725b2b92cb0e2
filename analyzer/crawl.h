#ifndef ANALYZER_CRAWL_H
#define ANALYZER_CRAWL_H

/* Waits in a row with one cause become one crawl; single ones are reported as they are.
 *
 * A wait is held back until the next one shows whether it stands alone: at most CRAWL_KEPT findings
 * a stream. */

#include "analyzer/engine.h"
#include "analyzer/track.h"

/* From this many waits on they are one crawl... */
#define CRAWL_MIN_WAITS 5u
/* ... if together they own at least this share of the time from the first to the last. */
#define CRAWL_MIN_SHARE_PERCENT 30
/* A pause longer than this between two waits ends a run. */
#define CRAWL_PAUSE_NS (3 * INT64_C(1000000000))
#define CRAWL_KEPT     4u
/* Runs alive at once in one analyzer; beyond it waits are reported one by one. */
#define CRAWLS_MAX 2048u

/* A wait that was diagnosed (location is not `none`). The finding is copied. */
void crawl_wait(struct analyzer *analyzer, struct connection *connection,
                const struct finding *finding);

/* An ACK ends a gap: is it a delayed ACK for one small segment? Then it is remembered as a
 * candidate for Nagle against delayed ACK, and the gap needs no other diagnosis: true. */
bool crawl_delayed_ack(struct analyzer *analyzer, struct connection *connection,
                       enum stream_side side, const struct segment *segment);

/* New data of a stream, right after the state before it was judged: confirms or drops a Nagle
 * candidate. */
void crawl_new_data(struct analyzer *analyzer, struct connection *connection, enum stream_side side,
                    const struct segment *segment);

/* A wait of gap_ns so far that looks like the others of a run which was told already. */
bool crawl_is_part_of_run(const struct connection *connection, enum stream_side side,
                          int64_t gap_ns);

/* analyzer_advance(): reports a run that is over by now. Returns when to ask again; TIME_INVALID:
 * there is no run. */
int64_t crawl_settle(struct analyzer *analyzer, struct connection *connection,
                     enum stream_side side);

/* Frees a run without a report. */
void crawl_drop(struct analyzer *analyzer, struct trouble *trouble);

/* Ends the run: reports what it has become. */
void crawl_close(struct analyzer *analyzer, struct connection *connection, enum stream_side side);

#endif
