/* The vocabulary of verdicts is complete: every cause has all its texts and its row in
 * docs/causes.md. */

#include "analyzer/cause.h"
#include "analyzer/finding.h"
#include "wire/timestamp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void every_cause_has_its_texts(void **state)
{
  (void)state;
  for (int cause = 0; cause < CAUSE_COUNT; cause++) {
    const struct cause_info *info = cause_info((enum cause)cause);
    assert_non_null(info->code);
    assert_true(info->location > LOCATION_NONE && info->location < LOCATION_COUNT);
    assert_true(strlen(info->meaning) > 10);
    assert_true(info->meaning[strlen(info->meaning) - 1] != '.');
    assert_true(info->settle[strlen(info->settle) - 1] == '.');
    assert_true(info->advice[strlen(info->advice) - 1] == '.');
  }
}

static void codes_are_unique_kebab_case(void **state)
{
  (void)state;
  for (int a = 0; a < CAUSE_COUNT; a++) {
    const char *code = cause_info((enum cause)a)->code;
    assert_int_equal(strspn(code, "abcdefghijklmnopqrstuvwxyz-"), strlen(code));
    for (int b = 0; b < a; b++)
      assert_string_not_equal(code, cause_info((enum cause)b)->code);
  }
}

static char *read_documentation(void)
{
  FILE *file = fopen(SOURCE_DIR "/docs/causes.md", "r");
  assert_non_null(file);
  size_t size = 256 * 1024;
  char *text = calloc(1, size);
  assert_non_null(text);
  assert_true(fread(text, 1, size - 1, file) > 0);
  fclose(file);
  return text;
}

static void every_cause_is_documented(void **state)
{
  (void)state;
  char *text = read_documentation();
  for (int cause = 0; cause < CAUSE_COUNT; cause++) {
    const struct cause_info *info = cause_info((enum cause)cause);
    char row[1024];
    snprintf(row, sizeof row, "\n| `%s` | %s | %s | %s |\n", info->code,
             location_name(info->location), info->meaning, info->settle);
    if (strstr(text, row) == NULL)
      fail_msg("docs/causes.md lacks this row:%s", row);
  }
  free(text);
}

static void every_location_has_a_name_and_a_phrase(void **state)
{
  (void)state;
  assert_string_equal(location_name(LOCATION_NONE), "none");
  assert_string_equal(location_name(LOCATION_SENDER_QUEUE), "sender-queue");
  assert_string_equal(location_name(LOCATION_REVERSE_PATH), "reverse-path");
  assert_string_equal(location_name(LOCATION_UNKNOWN), "unknown");
  for (int location = 0; location < LOCATION_COUNT; location++)
    assert_true(strlen(location_phrase((enum location)location)) > 0);
}

static void names_are_those_of_the_schema(void **state)
{
  (void)state;
  assert_string_equal(finding_kind_name(FINDING_MISMATCH), "mismatch");
  assert_string_equal(finding_kind_name(FINDING_HOLD), "hold");
  assert_string_equal(finding_state_name(FINDING_REVISED), "revised");
  assert_string_equal(severity_name(SEVERITY_PROBLEM), "problem");
  assert_string_equal(confidence_name(CONFIDENCE_PROVEN), "proven");
  assert_string_equal(ended_by_name(ENDED_BY_FOREIGN_PACKET), "foreign-packet");
  assert_string_equal(ended_by_name(ENDED_BY_CAPTURE_END), "capture-end");
  assert_string_equal(stream_side_name(SIDE_SERVER), "server");
}

static void evidence_stops_when_it_is_full(void **state)
{
  (void)state;
  struct finding finding = {0};
  for (unsigned i = 0; i < EVIDENCE_MAX + 3; i++)
    finding_add_evidence(&finding, 1, i + 1, TIME_INVALID, "fact %u", i);
  assert_int_equal(finding.evidence_count, EVIDENCE_MAX);
  assert_string_equal(finding.evidence[0].fact, "fact 0");
  assert_int_equal(finding.evidence[EVIDENCE_MAX - 1].frame, EVIDENCE_MAX);
  assert_int_equal(finding.evidence[0].end, 1);
}

static void alternatives_are_cut_to_fit(void **state)
{
  (void)state;
  struct finding finding = {0};
  char wide[2 * WHY_SIZE];
  memset(wide, 'x', sizeof wide - 1);
  wide[sizeof wide - 1] = '\0';
  for (unsigned i = 0; i < NOT_EXCLUDED_MAX + 1; i++)
    finding_add_alternative(&finding, LOCATION_RECEIVER_TCP, CAUSE_ZERO_WINDOW, "%s", wide);
  assert_int_equal(finding.alternative_count, NOT_EXCLUDED_MAX);
  assert_int_equal(strlen(finding.not_excluded[0].why), WHY_SIZE - 1);
  assert_int_equal(finding.not_excluded[0].location, LOCATION_RECEIVER_TCP);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_cause_has_its_texts),
      cmocka_unit_test(codes_are_unique_kebab_case),
      cmocka_unit_test(every_cause_is_documented),
      cmocka_unit_test(every_location_has_a_name_and_a_phrase),
      cmocka_unit_test(names_are_those_of_the_schema),
      cmocka_unit_test(evidence_stops_when_it_is_full),
      cmocka_unit_test(alternatives_are_cut_to_fit),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
