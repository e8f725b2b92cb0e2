/* The scenario language: what it reads, and what it says of what it cannot read. */
#include "replay/frame_view.h"
#include "replay/scenario.h"
#include "wire/timestamp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct scenario scenario;

static const struct rule *one(const char *text)
{
  struct error error = {0};
  if (scenario_parse(&scenario, text, strlen(text), &error) != 0)
    fail_msg("%s: %s", text, error.text);
  assert_int_equal(scenario.rule_count, 1);
  return &scenario.rules[0];
}

static void refused(const char *text, const char *because)
{
  struct error error = {0};
  if (scenario_parse(&scenario, text, strlen(text), &error) == 0)
    fail_msg("%s: accepted", text);
  if (strstr(error.text, because) == NULL)
    fail_msg("%s: \"%s\" does not say \"%s\"", text, error.text, because);
}

static void settings_and_comments(void **state)
{
  (void)state;
  static const char text[] = "# a comment\n\n  seed 42 # another\noffload on\r\nmemory 2MiB\n"
                             "ring 64\n\tab drop   # last\nba delay 5ms";
  struct error error;
  assert_int_equal(scenario_parse(&scenario, text, strlen(text), &error), 0);
  assert_int_equal(scenario.seed, 42);
  assert_true(scenario.offload);
  assert_int_equal(scenario.memory_bytes, 2 << 20);
  assert_int_equal(scenario.ring_frames, 64);
  assert_int_equal(scenario.rule_count, 2);
  assert_int_equal(scenario.rules[0].line, 7);
  assert_string_equal(scenario.rules[0].text, "ab drop");
  assert_string_equal(scenario.rules[1].text, "ba delay 5ms");
}

static void nothing_is_a_scenario(void **state)
{
  (void)state;
  struct error error;
  assert_int_equal(scenario_parse(&scenario, "", 0, &error), 0);
  assert_int_equal(scenario.rule_count, 0);
  assert_int_equal(scenario.seed, SCENARIO_SEED_DEFAULT);
}

static void defaults_of_a_rule(void **state)
{
  (void)state;
  const struct rule *rule = one("both drop");
  assert_int_equal(rule->verb, RULE_DROP);
  assert_int_equal(rule->directions, PATH_BOTH);
  assert_int_equal(rule->kinds, UINT32_MAX);
  assert_int_equal(rule->count, INT64_MAX);
  assert_int_equal(rule->for_ns, INT64_MAX);
  assert_int_equal(rule->from.kind, MARK_START);
  assert_int_equal(rule->until.kind, MARK_NEVER);
  assert_true(rule->probability >= 1);
}

static void conditions(void **state)
{
  (void)state;
  const struct rule *rule = one("ab drop kind=data,fin flags=psh,!urg port=443 size=1200.. "
                                "payload=..1kB bytes=5..9 copies=1..2 nth=3 every=7 prob=2.5% "
                                "count=4 log=first");
  assert_int_equal(rule->kinds, FRAME_DATA | FRAME_FIN);
  assert_int_equal(rule->flags_set, TCP_PSH);
  assert_int_equal(rule->flags_clear, TCP_URG);
  assert_int_equal(rule->port, 443);
  assert_int_equal(rule->frame_bytes.first, 1200);
  assert_int_equal(rule->frame_bytes.last, INT64_MAX);
  assert_int_equal(rule->payload_bytes.first, 0);
  assert_int_equal(rule->payload_bytes.last, 1000);
  assert_int_equal(rule->bytes.first, 5);
  assert_int_equal(rule->bytes.last, 9);
  assert_int_equal(rule->copies.last, 2);
  assert_int_equal(rule->nth.first, 3);
  assert_int_equal(rule->nth.last, 3);
  assert_int_equal(rule->every, 7);
  assert_true(rule->probability > 0.0249 && rule->probability < 0.0251);
  assert_int_equal(rule->count, 4);
  assert_int_equal(rule->log, RULE_LOG_FIRST);
}

static void check_mark(const char *text, enum rule_mark_kind kind, enum path_direction direction,
                       int64_t value)
{
  char line[128];
  snprintf(line, sizeof line, "ab drop from=%s", text);
  const struct rule *rule = one(line);
  assert_int_equal(rule->from.kind, kind);
  assert_int_equal(rule->from.value, value);
  assert_int_equal(rule->from.direction, direction);
}

static void moments(void **state)
{
  (void)state;
  check_mark("0", MARK_START, PATH_AB, 0);
  check_mark("1.5s", MARK_START, PATH_AB, 1500 * NS_PER_MS);
  check_mark("2m", MARK_START, PATH_AB, 120 * NS_PER_S);
  check_mark("syn", MARK_SYN, PATH_AB, 0);
  check_mark("syn:20us", MARK_SYN, PATH_AB, 20000);
  check_mark("byte:ba:64kB", MARK_BYTE, PATH_BA, 64000);
  check_mark("frame:ab:3", MARK_FRAME, PATH_AB, 3);
  check_mark("idle:500ms", MARK_IDLE, PATH_AB, 500 * NS_PER_MS);
  check_mark("signal", MARK_SIGNAL, PATH_AB, 0);
}

static void verbs(void **state)
{
  (void)state;
  const struct rule *rule = one("ab delay 20ms jitter=5ms dist=normal overtake");
  assert_int_equal(rule->delay.delay_ns, 20 * NS_PER_MS);
  assert_int_equal(rule->delay.jitter_ns, 5 * NS_PER_MS);
  assert_int_equal(rule->delay.distribution, JITTER_NORMAL);
  assert_true(rule->delay.overtake);
  rule = one("ab rate 2.5MB/s queue=64KiB");
  assert_int_equal(rule->rate.bits_per_s, 20000000);
  assert_int_equal(rule->rate.queue_bytes, 65536);
  assert_int_equal(rule->rate.queue_frames, INT64_MAX);
  rule = one("ab rate 8bit queue=10p");
  assert_int_equal(rule->rate.queue_frames, 10);
  rule = one("ab hold for=60ms until=next");
  assert_int_equal(rule->until.kind, MARK_NEXT);
  rule = one("ab reorder 3");
  assert_int_equal(rule->reorder.frames, 3);
  assert_int_equal(rule->reorder.late_ns, NS_PER_S);
  rule = one("ab reorder 5ms");
  assert_int_equal(rule->reorder.late_ns, 5 * NS_PER_MS);
  rule = one("ab duplicate times=2 after=1ms");
  assert_int_equal(rule->duplicate.times, 2);
  rule = one("ab corrupt at=100 fixed");
  assert_int_equal(rule->corrupt.at, 100);
  assert_true(rule->corrupt.checksum_fixed);
  rule = one("ab timestamps add=-100000");
  assert_int_equal(rule->change.value, -100000);
  rule = one("ab wscale strip");
  assert_int_equal(rule->change.change, CHANGE_STRIP);
  rule = one("ab mss clamp=1200");
  assert_int_equal(rule->change.change, CHANGE_CLAMP);
  rule = one("ab ecn ce");
  assert_int_equal(rule->change.value, 3);
  rule = one("ab seq add=-5 keep-sack port=80");
  assert_int_equal(rule->seq.offset, -5);
  rule = one("ab reset both ttl=same drop");
  assert_int_equal(rule->reset.to, RESET_TO_SENDER | RESET_TO_RECEIVER);
  assert_int_equal(rule->reset.ttl, RULE_TTL_SAME);
  rule = one("ab too-big 1400 router=fd00::1");
  assert_int_equal(rule->too_big.mtu, 1400);
  assert_int_equal(rule->too_big.router_version, 6);
}

static void mistakes_are_named(void **state)
{
  (void)state;
  refused("ab drop\nxy drop", "line 2: xy: expected ab, ba or both");
  refused("ab", "expected a verb");
  refused("ab vanish", "vanish: expected a verb");
  refused("ab drop prob=2", "prob=2: expected a probability");
  refused("ab drop colour=red", "drop knows no colour=");
  refused("ab drop jitter=3ms", "drop takes no jitter=");
  refused("ab drop nth=2 nth=3", "nth= is there twice");
  refused("ab drop nth=9..3", "nth=9..3");
  refused("ab drop soon", "drop does not take the word soon");
  refused("ab delay 20", "delay does not take the word 20");
  refused("ab delay -20ms", "does not take the word");
  refused("ab hold", "hold needs for= or until=");
  refused("ab hold until=next", "until=next needs for=");
  refused("ab drop until=next", "until=next");
  refused("ab drop until=2s for=1s", "exclude each other");
  refused("ab drop copies=1", "copies= needs bytes=");
  refused("ab rate", "rate needs a rate");
  refused("ab rate 0mbit", "rate does not take the word");
  refused("ab wscale", "says not what to change");
  refused("ab ttl 300", "ttl does not take the word 300");
  refused("ab ttl strip", "ttl does not take the word strip");
  refused("ab seq add=5 kind=data", "seq takes no kind=");
  refused("ab seq", "seq needs add=");
  refused("ab timestamps strip translate", "translate goes with add=");
  refused("ab timestamps add=5 translate kind=data", "translate goes with add=");
  refused("ab reset", "reset needs sender");
  refused("ab too-big", "too-big needs an MTU");
  refused("ab drop from=yesterday", "expected a moment");
  refused("ab drop kind=data,", "expected kinds");
  refused("seed", "expected seed NUMBER");
  refused("memory 1kB", "memory 1MiB..8GiB");
  refused("ab drop \x01", "not text");
}

static void limits_are_kept(void **state)
{
  (void)state;
  char *text = calloc(1, SCENARIO_TEXT_MAX + 2);
  for (int i = 0; i <= SCENARIO_RULES_MAX; i++)
    strcat(text, "ab drop\n");
  refused(text, "more than 64 rules");
  memset(text, '#', SCENARIO_TEXT_MAX + 1);
  refused(text, "more than 65536 bytes");
  text[SCENARIO_LINE_MAX + 5] = '\0';
  refused(text, "longer than 511 bytes");
  strcpy(text, "ab drop");
  for (int i = 0; i < 50; i++)
    strcat(text, " x");
  refused(text, "more than 48 words");
  free(text);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(settings_and_comments),
      cmocka_unit_test(nothing_is_a_scenario),
      cmocka_unit_test(defaults_of_a_rule),
      cmocka_unit_test(conditions),
      cmocka_unit_test(moments),
      cmocka_unit_test(verbs),
      cmocka_unit_test(mistakes_are_named),
      cmocka_unit_test(limits_are_kept),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
