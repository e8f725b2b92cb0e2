/* Whole texts: wrapped lines, excerpts, times, sequence numbers, names, limits. */
#include "wire/packet.h"
#include "wire/tcpdump_text.h"
#include "wire/timestamp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PACKETS_MAX 256

struct reading {
  struct tcpdump_text *text;
  struct packet packets[PACKETS_MAX];
  unsigned excerpts[PACKETS_MAX];
  size_t count;
};

static void take_all(struct reading *reading)
{
  struct frame frame;
  unsigned excerpt;
  while (tcpdump_text_take(reading->text, &frame, &excerpt)) {
    if (reading->count == PACKETS_MAX)
      continue;
    packet_decode(&frame, &reading->packets[reading->count]);
    reading->excerpts[reading->count++] = excerpt;
  }
}

static struct reading *begin(void)
{
  struct reading *reading = calloc(1, sizeof *reading);
  assert_non_null(reading);
  reading->text = tcpdump_text_new();
  assert_non_null(reading->text);
  return reading;
}

static void feed(struct reading *reading, const char *lines)
{
  while (*lines != '\0') {
    size_t size = strcspn(lines, "\n");
    tcpdump_text_line(reading->text, lines, size);
    take_all(reading);
    lines += size + (lines[size] == '\n' ? 1 : 0);
  }
}

static void end(struct reading *reading)
{
  tcpdump_text_end(reading->text);
  take_all(reading);
}

static struct reading *read_text(const char *lines)
{
  struct reading *reading = begin();
  feed(reading, lines);
  end(reading);
  return reading;
}

static void finish(struct reading *reading)
{
  tcpdump_text_free(reading->text);
  free(reading);
}

static struct tcpdump_text_info info_of(const struct reading *reading, unsigned excerpt)
{
  struct tcpdump_text_info info;
  tcpdump_text_get_info(reading->text, excerpt, &info);
  return info;
}

static struct reading *read_sample(const char *name)
{
  char path[512], *line = NULL;
  size_t capacity = 0;
  ssize_t size;
  snprintf(path, sizeof path, "%s/samples/2003-tap-stall/%s", SOURCE_DIR, name);
  FILE *file = fopen(path, "r");
  assert_non_null(file);
  struct reading *reading = begin();
  while ((size = getline(&line, &capacity, file)) >= 0) {
    tcpdump_text_line(reading->text, line, (size_t)size);
    take_all(reading);
  }
  end(reading);
  free(line);
  fclose(file);
  return reading;
}

static void test_sample_report(void **state)
{
  (void)state;
  struct reading *reading = read_sample("report.txt");
  assert_int_equal(reading->count, 17 + 23);
  assert_int_equal(tcpdump_text_excerpt_count(reading->text), 2);
  for (unsigned i = 0; i < 2; i++) {
    struct tcpdump_text_info info = info_of(reading, i);
    assert_int_equal(info.packets, i == 0 ? 17 : 23);
    assert_int_equal(info.lines_not_understood, 0);
    assert_int_equal(info.time_base, 1);
    assert_int_equal(info.numbers_unresolved, 0);
    assert_string_equal(info.captured_on, "test-local");
    assert_string_equal(info.interface, "tap");
  }
  /* the first segment behind the ping: still the old timestamps */
  const struct packet *ping = &reading->packets[9], *late = &reading->packets[10];
  assert_int_equal(ping->kind, PACKET_ICMP);
  assert_int_equal(late->frame, 11);
  assert_int_equal(late->seq, 1589377);
  assert_int_equal(late->ts_val, 3957858);
  assert_int_equal(late->ts_ecr, 44151213);
  assert_int_equal(late->time_ns - ping->time_ns, 37 * NS_PER_US);
  assert_int_equal(late->time_ns, INT64_C(28369862634) * NS_PER_US);
  /* a pure ACK's own number is what the other end acknowledges */
  assert_int_equal(reading->packets[3].seq, 1);
  assert_int_equal(reading->packets[17].frame, 1);
  assert_string_equal(tcpdump_text_host_name(reading->text, &late->src), "test-local");
  finish(reading);
}

/* The mail around it: prose, decoration, "X is us", and the second excerpt steps back in time. */
static void test_excerpts_in_a_mail(void **state)
{
  (void)state;
  struct reading *reading =
      read_text("What we see, and this is us waiting:\n"
                "***** send side (left is us,\n"
                "***** right is the other side):\n"
                "\n"
                "10:00:00.100000 left.1024 > right.22: . 1:11(10) ack 1\n"
                "win 10 (DF)\n"
                "[tos 0x8]\n"
                "**** nothing for a while\n"
                "10:00:09.000000 left.1024 > right.22: . 11:21(10) ack 1 win\n"
                "10 (DF)\n"
                "***** and at the other side (right is us):\n"
                "10:00:00.200000 left.1024 > right.22: . 1:11(10) ack 1 win 10\n");
  assert_int_equal(reading->count, 3);
  assert_int_equal(reading->excerpts[1], 0);
  assert_int_equal(reading->excerpts[2], 1);
  assert_int_equal(reading->packets[0].tos, 8);
  assert_int_equal(reading->packets[1].tos, 0);
  assert_string_equal(info_of(reading, 0).captured_on, "left");
  assert_string_equal(info_of(reading, 1).captured_on, "right");
  finish(reading);
}

/* Quote marks, and the ">" between the hosts at a line's beginning. */
static void test_quoted_arrow(void **state)
{
  (void)state;
  struct reading *reading =
      read_text("> > 10:00:00.1 IP a-very-long-name.example.1024\n"
                "> > > another-long-name.example.22: Flags [.], ack 1, win 5, length 0\n");
  assert_int_equal(reading->count, 1);
  assert_int_equal(reading->packets[0].dst_port, 22);
  finish(reading);
}

/* Options on the next two lines of a packet that could have ended before; and something like them
 * that ends nowhere. */
static void test_continued_after_the_window(void **state)
{
  (void)state;
  struct reading *reading = read_text("10:00:00.1 10.0.0.1.5 > 10.0.0.2.6: . ack 1 win 76\n"
                                      "<nop,nop,timestamp 7 8,nop,nop,sack sack 1\n"
                                      "{10:20} > (DF)\n"
                                      "10:00:00.2 10.0.0.1.5 > 10.0.0.2.6: . ack 1 win 76\n"
                                      "<nop,nop,timestamp\n"
                                      "and more of them\n");
  assert_int_equal(reading->count, 2);
  assert_int_equal(reading->packets[0].sack_count, 1);
  assert_int_equal(reading->packets[0].ts_ecr, 8);
  assert_int_equal(reading->packets[1].window, 76);
  assert_int_equal(reading->packets[1].options, 0);
  finish(reading);
}

/* Numbers of a connection whose handshake is there come out as they were on the wire. */
static void test_relative_after_syn(void **state)
{
  (void)state;
  struct reading *reading = read_text(
      "10:00:00.1 IP 10.0.0.1.5 > 10.0.0.2.6: Flags [S], seq 4294967290, win 5, length 0\n"
      "10:00:00.2 IP 10.0.0.2.6 > 10.0.0.1.5: Flags [S.], seq 1000, ack 4294967291, win 5, length "
      "0\n"
      "10:00:00.3 IP 10.0.0.1.5 > 10.0.0.2.6: Flags [.], ack 1, win 5, length 0\n"
      "10:00:00.4 IP 10.0.0.1.5 > 10.0.0.2.6: Flags [P.], seq 1:101, ack 1, win 5, length 100\n"
      "10:00:00.5 IP 10.0.0.2.6 > 10.0.0.1.5: Flags [.], ack 1, win 5, options [nop,nop,sack 1 "
      "{51:101}], length 0\n"
      "10:00:00.6 IP 10.0.0.2.6 > 10.0.0.1.5: Flags [R], seq 1001, win 0, length 0\n");
  assert_int_equal(reading->count, 6);
  const struct packet *packets = reading->packets;
  assert_int_equal(packets[2].seq, 4294967291);
  assert_int_equal(packets[2].ack, 1001);
  assert_int_equal(packets[3].seq, 4294967291);
  assert_int_equal(packets[4].ack, 4294967291);
  assert_int_equal(packets[4].sack_count, 1);
  assert_int_equal(packets[4].sack[0].start, 45);
  assert_int_equal(packets[4].sack[0].end, 95);
  assert_int_equal(packets[5].seq, 1001);
  assert_int_equal(info_of(reading, 0).numbers_unresolved, 0);
  finish(reading);
}

/* Without a handshake the first segment is printed in full and the rest is relative to it. */
static void test_relative_from_the_middle(void **state)
{
  (void)state;
  struct reading *reading =
      read_text("10:00:00.1 IP 10.0.0.1.5 > 10.0.0.2.6: Flags [P.], seq 2865673674:2865673705, ack "
                "2813042623, win 63, length 31\n"
                "10:00:00.2 IP 10.0.0.2.6 > 10.0.0.1.5: Flags [.], ack 31, win 63, length 0\n"
                "10:00:00.3 IP 10.0.0.2.6 > 10.0.0.1.5: Flags [P.], seq 1:11, ack 31, win 63, "
                "length 10\n"
                "10:00:00.4 IP 10.0.0.1.5 > 10.0.0.2.6: Flags [F.], seq 31, ack 11, win 63, "
                "length 0\n");
  assert_int_equal(reading->count, 4);
  assert_int_equal(reading->packets[1].seq, 2813042623);
  assert_int_equal(reading->packets[1].ack, 2865673705);
  assert_int_equal(reading->packets[2].seq, 2813042623);
  assert_int_equal(reading->packets[3].seq, 2865673705);
  assert_int_equal(reading->packets[3].ack, 2813042633);
  finish(reading);
}

/* With -S everything is in full, and nothing may be added. */
static void test_absolute(void **state)
{
  (void)state;
  struct reading *reading = read_text(
      "10:00:00.1 IP 10.0.0.1.5 > 10.0.0.2.6: Flags [S], seq 5000000, win 5, length 0\n"
      "10:00:00.2 IP 10.0.0.2.6 > 10.0.0.1.5: Flags [S.], seq 9000000, ack 5000001, win 5, length "
      "0\n"
      "10:00:00.3 IP 10.0.0.1.5 > 10.0.0.2.6: Flags [P.], seq 5000001:5000101, ack 9000001, win 5, "
      "length 100\n");
  assert_int_equal(reading->packets[2].seq, 5000001);
  assert_int_equal(reading->packets[2].ack, 9000001);
  finish(reading);
}

/* Pure ACKs at the beginning wait until the other end tells what their own number is. */
static void test_acks_wait_for_their_number(void **state)
{
  (void)state;
  struct reading *reading = begin();
  feed(reading, "10:00:00.1 a.1 > b.2: . ack 2001 win 5\n"
                "10:00:00.2 a.1 > b.2: . ack 3001 win 5\n");
  assert_int_equal(reading->count, 0);
  feed(reading, "10:00:00.3 b.2 > a.1: . 3001:4001(1000) ack 77 win 5\n\n");
  assert_int_equal(reading->count, 3);
  assert_int_equal(reading->packets[0].seq, 77);
  assert_int_equal(reading->packets[1].seq, 77);
  assert_int_equal(reading->packets[0].checksum, CHECKSUM_GOOD);
  end(reading);
  finish(reading);
}

static int64_t time_ms(const struct reading *reading, size_t index)
{
  return reading->packets[index].time_ns / NS_PER_MS;
}

#define PING "10.0.0.1 > 10.0.0.2: ICMP echo request, id 1, seq 1, length 64\n"

static void test_times_since_previous(void **state)
{
  (void)state;
  struct reading *reading = read_text(" 00:00:00.000000 IP " PING " 00:00:00.500000 IP " PING
                                      " 00:00:00.700000 IP " PING " 00:00:00.100000 IP " PING);
  assert_int_equal(reading->count, 4);
  assert_int_equal(info_of(reading, 0).time_base, 2);
  assert_int_equal(time_ms(reading, 1), 500);
  assert_int_equal(time_ms(reading, 2), 1200);
  assert_int_equal(time_ms(reading, 3), 1300);
  finish(reading);
}

static void test_times_since_first(void **state)
{
  (void)state;
  struct reading *reading = read_text(" 00:00:00.000000 IP " PING " 00:00:00.500000 IP " PING
                                      " 00:00:00.700000 IP " PING);
  assert_int_equal(reading->count, 3);
  assert_int_equal(time_ms(reading, 2), 700);
  finish(reading);
}

static void test_dates_and_midnight(void **state)
{
  (void)state;
  struct reading *dated = read_text("2004-02-29 23:59:59.500000 IP " PING);
  assert_int_equal(dated->packets[0].time_ns, INT64_C(1078099199500) * NS_PER_MS);
  assert_int_equal(info_of(dated, 0).time_base, 0);
  finish(dated);
  struct reading *night =
      read_text("23:59:59.500000 IP " PING "00:00:00.500000 IP " PING "the other end:\n"
                "23:59:59.600000 IP " PING "00:00:00.700000 IP " PING);
  assert_int_equal(night->count, 4);
  assert_int_equal(time_ms(night, 1) - time_ms(night, 0), 1000);
  assert_int_equal(night->excerpts[2], 1);
  assert_int_equal(time_ms(night, 2) - time_ms(night, 0), 100);
  assert_int_equal(time_ms(night, 3) - time_ms(night, 0), 1200);
  finish(night);
  struct reading *none = read_text("IP " PING);
  assert_int_equal(none->count, 1);
  assert_false(time_is_valid(none->packets[0].time_ns));
  finish(none);
}

/* Empty lines within a payload that -v prints do not make an excerpt of a packet out of order. */
static void test_out_of_order_is_no_excerpt(void **state)
{
  (void)state;
  struct reading *reading = read_text("10:00:00.000100 IP " PING "\tGET / HTTP/1.1\n"
                                      "\t\n"
                                      "10:00:00.000090 IP " PING);
  assert_int_equal(reading->count, 2);
  assert_int_equal(tcpdump_text_excerpt_count(reading->text), 1);
  finish(reading);
}

static void test_limits(void **state)
{
  (void)state;
  struct reading *reading = begin();
  char line[TCPDUMP_TEXT_LINE_MAX + 400];
  memset(line, 'x', sizeof line);
  memcpy(line, "10:00:00.1 ", 11);
  line[sizeof line - 1] = '\0';
  feed(reading, line);
  for (int i = 0; i < 5000; i++) {
    snprintf(line, sizeof line, "10:00:00.1 h%d > h%d: icmp: echo request\n", i, i + 1);
    feed(reading, line);
  }
  end(reading);
  assert_true(info_of(reading, 0).limits_reached > 1);
  assert_true(info_of(reading, 0).packets > 1000);
  finish(reading);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_sample_report),
      cmocka_unit_test(test_excerpts_in_a_mail),
      cmocka_unit_test(test_quoted_arrow),
      cmocka_unit_test(test_continued_after_the_window),
      cmocka_unit_test(test_relative_after_syn),
      cmocka_unit_test(test_relative_from_the_middle),
      cmocka_unit_test(test_absolute),
      cmocka_unit_test(test_acks_wait_for_their_number),
      cmocka_unit_test(test_times_since_previous),
      cmocka_unit_test(test_times_since_first),
      cmocka_unit_test(test_dates_and_midnight),
      cmocka_unit_test(test_out_of_order_is_no_excerpt),
      cmocka_unit_test(test_limits),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
