#include "analyzer/open_verdict.h"

#include "wire/timestamp.h"

#include <stdio.h>
#include <string.h>

static bool is_loss(enum cause cause)
{
  switch (cause) {
  case CAUSE_SEGMENT_LOSS:
  case CAUSE_TAIL_LOSS:
  case CAUSE_RTO_BACKOFF:
  case CAUSE_PATH_OUTAGE:
  case CAUSE_SYN_LOSS:
  case CAUSE_NAT_TIMEOUT:
  case CAUSE_ACK_LOSS:
  case CAUSE_SYNACK_LOSS:
  case CAUSE_WINDOW_UPDATE_LOST: return true;
  default: return false;
  }
}

/* Something that left later, in the direction in which it is missing, has come already. */
static bool was_overtaken(const struct situation *situation, enum location location)
{
  const struct path_source *paths = &situation->analyzer->paths;
  const struct connection *connection = situation->connection;
  const struct path_view *view =
      paths->view == NULL ? NULL : paths->view(paths->context, connection->end, connection->id);
  if (view == NULL)
    return false;
  const int way =
      location == LOCATION_REVERSE_PATH ? (int)situation->side ^ 1 : (int)situation->side;
  const int64_t last_ns = view->lanes[way].last_came_left_ns;
  return time_is_valid(last_ns) && last_ns > situation->start_ns;
}

void open_verdict_limit(const struct situation *situation, struct finding *finding)
{
  const bool forward = finding->location == LOCATION_FORWARD_PATH;
  if ((!forward && finding->location != LOCATION_REVERSE_PATH) || !is_loss(finding->cause) ||
      was_overtaken(situation, finding->location))
    return;
  finding->cause_confidence = CONFIDENCE_POSSIBLE;
  finding_add_alternative(finding, finding->location, forward ? CAUSE_PATH_HOLD : CAUSE_ACK_HOLD,
                          "what has not come so far may be held on the way and still come");
  const size_t used = strlen(finding->summary);
  snprintf(finding->summary + used, sizeof finding->summary - used,
           " So far: lost or held, only its end will tell.");
}
