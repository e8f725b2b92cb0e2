#include "analyzer/report_finding.h"

#include "analyzer/summary.h"

/* A reader follows time. Insertion sort: there are twelve at the most, nearly in order. */
static void sort_evidence(struct finding *finding)
{
  for (uint32_t i = 1; i < finding->evidence_count; i++) {
    struct evidence moved = finding->evidence[i];
    uint32_t at = i;
    for (; at > 0 && finding->evidence[at - 1].time_ns > moved.time_ns; at--)
      finding->evidence[at] = finding->evidence[at - 1];
    finding->evidence[at] = moved;
  }
}

void report_finding(struct analyzer *analyzer, struct connection *connection,
                    struct finding *finding)
{
  if (finding->id == 0) { /* else it was told before, while it lasted */
    if (connection->findings >= analyzer->options.limits.findings_per_connection) {
      connection->findings_suppressed++;
      return;
    }
    finding->id = ++connection->findings;
  }
  sort_evidence(finding);
  if (analyzer->sink.finding == NULL)
    return;
  struct connection_summary summary;
  connection_summarise(analyzer, connection, &summary);
  analyzer->sink.finding(analyzer->sink.context, &summary, finding);
}
