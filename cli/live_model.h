#ifndef CLI_LIVE_MODEL_H
#define CLI_LIVE_MODEL_H

/* What the dashboard shows while a capture goes on: fills its model (tui/model.h) from the live one
 * (monitor.h). A connection that several ends see is one, also where a NAT between them gives it
 * other addresses: then what the survey pairs (analyzer/survey.h) is shown under the names of the
 * end that saw it first. */

#include "capture/recorder.h"
#include "cli/monitor.h"
#include "tui/model.h"

struct live_model; /* opaque */

/* NULL: no memory. The ends' names are borrowed. */
struct live_model *live_model_new(const struct recorder_end_options *ends, uint32_t end_count);
void live_model_free(struct live_model *live); /* NULL is allowed */
struct model *live_model_shown(struct live_model *live);

/* Findings that are over and are not shown any more, since no more than some thousands are. */
uint64_t live_model_forgotten(const struct live_model *live);

/* All that the monitor knows now. The plots' packets are taken anew once a second. */
void live_model_refresh(struct live_model *live, struct monitor *monitor, int64_t now_ns);
/* A finding. Returns its connection; NULL: it is not shown, there are too many. */
struct model_connection *live_model_take(struct live_model *live,
                                         const struct monitor_event *event);
/* While `monitor` may be asked; NULL: now it may not. */
void live_model_lend(struct live_model *live, struct monitor *monitor);

/* How an end calls a connection. false: that end has not seen it. */
struct live_names {
  struct endpoint client, server;
  uint32_t seq_shift[2]; /* as struct pair_member has it */
};
bool live_model_names(const struct live_model *live, const struct model_connection *connection,
                      uint32_t end, struct live_names *names);

#endif
