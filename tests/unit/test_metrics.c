/* What a capture counts, as Prometheus reads it (report/metrics.h). */

#include "report/metrics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char *text_of(const struct metrics *metrics, bool openmetrics)
{
  size_t size = 0;
  char *text = metrics_text(metrics, openmetrics, &size);
  assert_non_null(text);
  assert_int_equal(strlen(text), size);
  return text;
}

static struct metrics *new_metrics(void)
{
  struct metrics *metrics = calloc(1, sizeof *metrics);
  assert_non_null(metrics);
  metrics->ends = 1;
  strcpy(metrics->end[0].interface, "eth0");
  return metrics;
}

static void test_counters_have_their_suffix_in_either_format(void **state)
{
  (void)state;
  struct metrics *metrics = new_metrics();
  atomic_store(&metrics->end[0].packets, 7);
  char *text = text_of(metrics, false), *openmetrics = text_of(metrics, true);
  assert_non_null(strstr(text, "# TYPE tcpstall_packets_total counter\n"));
  assert_non_null(strstr(openmetrics, "# TYPE tcpstall_packets counter\n"));
  assert_non_null(strstr(text, "\ntcpstall_packets_total{end=\"A\",interface=\"eth0\"} 7\n"));
  assert_non_null(
      strstr(openmetrics, "\ntcpstall_packets_total{end=\"A\",interface=\"eth0\"} 7\n"));
  assert_null(strstr(text, "# EOF"));
  assert_string_equal(openmetrics + strlen(openmetrics) - 6, "# EOF\n");
  free(text);
  free(openmetrics);
  free(metrics);
}

static void test_only_findings_that_occurred_are_there(void **state)
{
  (void)state;
  struct metrics *metrics = new_metrics();
  char *text = text_of(metrics, true);
  assert_null(strstr(text, "tcpstall_findings_total{"));
  free(text);
  atomic_store(
      &metrics->findings[FINDING_STALL][SEVERITY_PROBLEM][LOCATION_RECEIVER_APP][CAUSE_ZERO_WINDOW],
      3);
  text = text_of(metrics, true);
  assert_non_null(strstr(text, "\ntcpstall_findings_total{kind=\"stall\",severity=\"problem\","
                               "location=\"receiver-app\",cause=\"zero-window\"} 3\n"));
  free(text);
  free(metrics);
}

/* Names of interfaces are the user's, of other hosts' even. */
static void test_labels_are_made_harmless(void **state)
{
  (void)state;
  struct metrics *metrics = new_metrics();
  strcpy(metrics->end[0].interface, "a\"} 1\nb\\c");
  char *text = text_of(metrics, true);
  assert_null(strstr(text, "\nb"));
  assert_non_null(strstr(text, "interface=\"a\\\"} 1"));
  free(text);
  free(metrics);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_counters_have_their_suffix_in_either_format),
      cmocka_unit_test(test_only_findings_that_occurred_are_there),
      cmocka_unit_test(test_labels_are_made_harmless),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
