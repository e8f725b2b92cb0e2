#include "analyzer/report_finding.h"

#include "analyzer/summary.h"

void report_finding(struct analyzer *analyzer, struct connection *connection,
                    struct finding *finding)
{
  if (connection->findings >= analyzer->options.limits.findings_per_connection) {
    connection->findings_suppressed++;
    return;
  }
  finding->id = ++connection->findings;
  if (analyzer->sink.finding == NULL)
    return;
  struct connection_summary summary;
  connection_summarise(analyzer, connection, &summary);
  analyzer->sink.finding(analyzer->sink.context, &summary, finding);
}
