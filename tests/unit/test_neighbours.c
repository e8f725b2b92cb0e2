/* Address resolution that fails: who asked for whom, and was not answered. */

#include "analyzer/neighbours.h"
#include "tests/support/packet_build.h"
#include "wire/timestamp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define REQUEST       1
#define REPLY         2
#define SOLICITATION  135
#define ADVERTISEMENT 136

#define ASKER  1u
#define TARGET 2u
#define OTHER  3u

/* Requests of ASKER for TARGET, a second apart from start_s on. */
static void ask(struct neighbours *neighbours, unsigned times, int64_t start_s)
{
  for (unsigned i = 0; i < times; i++) {
    struct packet packet =
        packet_arp(ASKER, TARGET, REQUEST, (start_s + i) * NS_PER_S, (uint64_t)start_s + i + 1);
    neighbours_see(neighbours, &packet);
  }
}

static void answer(struct neighbours *neighbours, uint32_t host, int64_t at_s)
{
  struct packet packet = packet_arp(host, ASKER, REPLY, at_s * NS_PER_S, 100);
  neighbours_see(neighbours, &packet);
}

static const struct neighbour_query *unanswered(const struct neighbours *neighbours, uint32_t asker,
                                                int64_t start_s, int64_t end_s)
{
  struct ip_address address = packet_host(asker);
  return neighbours_unanswered(neighbours, &address, 0, start_s * NS_PER_S, end_s * NS_PER_S);
}

static void repeated_requests_without_answer_are_found(void **state)
{
  (void)state;
  struct neighbours neighbours = {0};
  ask(&neighbours, 3, 10);
  const struct neighbour_query *query = unanswered(&neighbours, ASKER, 10, 15);
  assert_non_null(query);
  struct ip_address asker = packet_host(ASKER), target = packet_host(TARGET);
  assert_memory_equal(&query->asker, &asker, sizeof asker);
  assert_memory_equal(&query->target, &target, sizeof target);
  assert_int_equal(query->requests, 3);
  assert_int_equal(query->first_ns, 10 * NS_PER_S);
  assert_int_equal(query->last_ns, 12 * NS_PER_S);
  assert_int_equal(query->first_frame, 11);
  assert_int_equal(query->last_frame, 13);
  assert_int_equal(query->answered_ns, 0);
}

static void nothing_asked_nothing_found(void **state)
{
  (void)state;
  const struct neighbours neighbours = {0};
  assert_null(unanswered(&neighbours, ASKER, 0, 10));
  assert_null(unanswered(&neighbours, 0, 0, 10));
}

static void single_request_proves_nothing(void **state)
{
  (void)state;
  struct neighbours neighbours = {0};
  ask(&neighbours, 1, 10);
  assert_null(unanswered(&neighbours, ASKER, 10, 15));
}

static void prompt_answer_ends_the_query(void **state)
{
  (void)state;
  struct neighbours neighbours = {0};
  ask(&neighbours, 2, 10);
  answer(&neighbours, TARGET, 11);
  assert_null(unanswered(&neighbours, ASKER, 11, 30));
}

static void late_answer_leaves_the_wait_before_it(void **state)
{
  (void)state;
  struct neighbours neighbours = {0};
  ask(&neighbours, 5, 10);
  answer(&neighbours, TARGET, 15);
  const struct neighbour_query *query = unanswered(&neighbours, ASKER, 10, 15);
  assert_non_null(query);
  assert_int_equal(query->answered_ns, 15 * NS_PER_S);
  assert_int_equal(query->answer_frame, 100);
}

static void answer_of_somebody_else_does_not_count(void **state)
{
  (void)state;
  struct neighbours neighbours = {0};
  ask(&neighbours, 3, 10);
  answer(&neighbours, OTHER, 11);
  assert_non_null(unanswered(&neighbours, ASKER, 10, 15));
}

static void only_the_asker_waits(void **state)
{
  (void)state;
  struct neighbours neighbours = {0};
  ask(&neighbours, 3, 10);
  assert_null(unanswered(&neighbours, TARGET, 10, 15));
  assert_null(unanswered(&neighbours, OTHER, 10, 15));
}

static void only_the_time_of_the_requests_counts(void **state)
{
  (void)state;
  struct neighbours neighbours = {0};
  ask(&neighbours, 3, 10);
  answer(&neighbours, TARGET, 13);
  assert_null(unanswered(&neighbours, ASKER, 2, 9));
  assert_null(unanswered(&neighbours, ASKER, 14, 20));
}

static void capture_points_are_kept_apart(void **state)
{
  (void)state;
  struct neighbours neighbours = {0};
  for (unsigned i = 0; i < 3; i++) {
    struct packet request = packet_arp(ASKER, TARGET, REQUEST, (10 + i) * NS_PER_S, i + 1);
    request.end = 1;
    neighbours_see(&neighbours, &request);
  }
  answer(&neighbours, TARGET, 11); /* seen at the other end only */
  struct ip_address asker = packet_host(ASKER);
  assert_null(unanswered(&neighbours, ASKER, 10, 15));
  assert_non_null(neighbours_unanswered(&neighbours, &asker, 1, 10 * NS_PER_S, 15 * NS_PER_S));
}

static void after_an_answer_the_count_begins_anew(void **state)
{
  (void)state;
  struct neighbours neighbours = {0};
  ask(&neighbours, 3, 10);
  answer(&neighbours, TARGET, 13);
  ask(&neighbours, 1, 50);
  assert_null(unanswered(&neighbours, ASKER, 50, 52));
  ask(&neighbours, 1, 51);
  const struct neighbour_query *query = unanswered(&neighbours, ASKER, 50, 52);
  assert_non_null(query);
  assert_int_equal(query->requests, 2);
  assert_int_equal(query->first_ns, 50 * NS_PER_S);
}

/* RFC 4861: the target of an advertisement stands in the message, as struct packet.dst has it. */
static void neighbour_discovery_is_read_as_well(void **state)
{
  (void)state;
  struct neighbours neighbours = {0};
  for (unsigned i = 0; i < 3; i++) {
    struct packet packet = packet_arp(ASKER, TARGET, SOLICITATION, (10 + i) * NS_PER_S, i + 1);
    packet.kind = PACKET_ND;
    packet.ip_version = 6;
    neighbours_see(&neighbours, &packet);
  }
  assert_non_null(unanswered(&neighbours, ASKER, 10, 13));
  struct packet packet = packet_arp(OTHER, TARGET, ADVERTISEMENT, 13 * NS_PER_S, 4);
  packet.kind = PACKET_ND;
  packet.ip_version = 6;
  neighbours_see(&neighbours, &packet);
  assert_null(unanswered(&neighbours, ASKER, 13, 20));
  assert_non_null(unanswered(&neighbours, ASKER, 10, 13));
}

static void packets_without_time_are_left_out(void **state)
{
  (void)state;
  struct neighbours neighbours = {0};
  for (unsigned i = 0; i < 3; i++) {
    struct packet packet = packet_arp(ASKER, TARGET, REQUEST, TIME_INVALID, i + 1);
    neighbours_see(&neighbours, &packet);
  }
  assert_null(unanswered(&neighbours, ASKER, 0, 10));
}

static void other_opcodes_are_left_out(void **state)
{
  (void)state;
  struct neighbours neighbours = {0};
  for (unsigned opcode = 0; opcode < 256; opcode++) {
    struct packet packet =
        packet_arp(ASKER, TARGET, (uint8_t)opcode, (10 + opcode % 3) * NS_PER_S, opcode + 1);
    if (opcode != REQUEST && opcode != SOLICITATION)
      neighbours_see(&neighbours, &packet);
  }
  assert_null(unanswered(&neighbours, ASKER, 10, 15));
}

/* A host that scans its network asks for everybody: the memory is bounded, the latest are kept. */
static void scan_keeps_the_latest(void **state)
{
  (void)state;
  struct neighbours neighbours = {0};
  for (uint32_t target = 1000; target < 2000; target++) {
    for (unsigned i = 0; i < 2; i++) {
      struct packet packet = packet_arp(target + 5000, target, REQUEST,
                                        ((int64_t)target * 2 + i) * NS_PER_S, target * 2 + i);
      neighbours_see(&neighbours, &packet);
    }
  }
  for (uint32_t target = 2000 - NEIGHBOURS_MAX; target < 2000; target++)
    assert_non_null(
        unanswered(&neighbours, target + 5000, (int64_t)target * 2, (int64_t)target * 2 + 3));
  assert_null(unanswered(&neighbours, 6000, 2000, 2003));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(repeated_requests_without_answer_are_found),
      cmocka_unit_test(nothing_asked_nothing_found),
      cmocka_unit_test(single_request_proves_nothing),
      cmocka_unit_test(prompt_answer_ends_the_query),
      cmocka_unit_test(late_answer_leaves_the_wait_before_it),
      cmocka_unit_test(answer_of_somebody_else_does_not_count),
      cmocka_unit_test(only_the_asker_waits),
      cmocka_unit_test(only_the_time_of_the_requests_counts),
      cmocka_unit_test(capture_points_are_kept_apart),
      cmocka_unit_test(after_an_answer_the_count_begins_anew),
      cmocka_unit_test(neighbour_discovery_is_read_as_well),
      cmocka_unit_test(packets_without_time_are_left_out),
      cmocka_unit_test(other_opcodes_are_left_out),
      cmocka_unit_test(scan_keeps_the_latest),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
