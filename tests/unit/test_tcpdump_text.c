/* Lines of tcpdump's, old and new, and what has to come out of them as decoded frames. */
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

#define PACKETS_MAX 64

struct reading {
  struct tcpdump_text *text;
  struct packet packets[PACKETS_MAX];
  unsigned excerpts[PACKETS_MAX];
  uint32_t linktypes[PACKETS_MAX];
  size_t count;
};

static void take_all(struct reading *reading)
{
  struct frame frame;
  unsigned excerpt;
  while (tcpdump_text_take(reading->text, &frame, &excerpt)) {
    assert_true(reading->count < PACKETS_MAX);
    packet_decode(&frame, &reading->packets[reading->count]);
    reading->linktypes[reading->count] = frame.linktype;
    reading->excerpts[reading->count++] = excerpt;
  }
}

/* Reads a text; the reading lasts until finish(). */
static struct reading *read_text(const char *lines)
{
  struct reading *reading = calloc(1, sizeof *reading);
  assert_non_null(reading);
  reading->text = tcpdump_text_new();
  assert_non_null(reading->text);
  while (*lines != '\0') {
    size_t size = strcspn(lines, "\n");
    tcpdump_text_line(reading->text, lines, size);
    take_all(reading);
    lines += size + (lines[size] == '\n' ? 1 : 0);
  }
  tcpdump_text_end(reading->text);
  take_all(reading);
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

/* One line, one segment. */
struct segment_case {
  const char *line;
  uint16_t src_port, dst_port, flags, window;
  uint32_t seq, ack, payload_bytes;
  uint16_t options;
  uint32_t ts_val, ts_ecr;
  uint8_t ttl, tos;
};

#define SYN_OPTIONS (TCP_OPT_MSS | TCP_OPT_SACK_PERMITTED | TCP_OPT_TIMESTAMPS | TCP_OPT_WSCALE)

static const struct segment_case segment_cases[] = {
    {"07:52:38.962180 test-local.33133 > test-remote.ftp-data: . 1586641:1587553(912) ack 1 "
     "win 5792 <nop,nop,timestamp 3957858 44151211> (DF) [tos 0x8]",
     33133, 20, TCP_ACK, 5792, 1586641, 1, 912, TCP_OPT_TIMESTAMPS, 3957858, 44151211, 0, 8},
    {"10:00:00.000001 a.example.1024 > b.example.ssh: SWE 100:100(0) win 5840 <mss 1460,sackOK,"
     "timestamp 1 0,nop,wscale 7> (DF) (ttl 64, id 1234, len 60)",
     1024, 22, TCP_SYN | TCP_CWR | TCP_ECE, 5840, 100, 0, 0, SYN_OPTIONS, 1, 0, 64, 0},
    {"10:00:00.000001 a.1024 > b.ssh: S [ECN-Echo,CWR] 100:100(0) win 5840 <mss 1460>", 1024, 22,
     TCP_SYN | TCP_CWR | TCP_ECE, 5840, 100, 0, 0, TCP_OPT_MSS, 0, 0, 0, 0},
    {"10:00:00.000001 10.0.0.1.80 > 10.0.0.2.1024: FP [tcp sum ok] 5:15(10) ack 9 win 100 urg 7",
     80, 1024, TCP_FIN | TCP_PSH | TCP_ACK | TCP_URG, 100, 5, 9, 10, 0, 0, 0, 0, 0},
    {"1. 000250 10.0.0.1.80 > 10.0.0.2.1024: R 5:5(0) win 0", 80, 1024, TCP_RST, 0, 5, 0, 0, 0, 0,
     0, 0, 0},
    {"10:00:00.1 IP (tos 0x10, ttl  63, id 1, offset 0, flags [DF], proto 6, length: 50) "
     "10.0.0.1.80 "
     "> 10.0.0.2.1024: P, cksum 0x1234 (correct), 5:15(10) ack 9 win 100",
     80, 1024, TCP_PSH | TCP_ACK, 100, 5, 9, 10, 0, 0, 0, 63, 0x10},
    {"IP 10.0.0.1.443 > 10.0.0.2.5000: Flags [P.], seq 1:913, ack 2, win 502, options [nop,nop,TS "
     "val 7 ecr 8], length 912",
     443, 5000, TCP_PSH | TCP_ACK, 502, 1, 2, 912, TCP_OPT_TIMESTAMPS, 7, 8, 0, 0},
    {"2024-02-29 10:00:00.000001 IP6 (class 0x02, flowlabel 0x12345, hlim 57, next-header TCP (6) "
     "payload length: 20) 2001:db8::1.443 > 2001:db8::2.5000: Flags [.], cksum 0x1 (incorrect -> "
     "0x2), seq 5, ack 2, win 502, length 0",
     443, 5000, TCP_ACK, 502, 5, 2, 0, 0, 0, 0, 57, 2},
    {"10:00:00.000001 IP6 2001:db8::2 > 2001:db8::1: DSTOPT (padn) 36951 > 80: Flags [S], seq 5, "
     "win 8192, length 0",
     36951, 80, TCP_SYN, 8192, 5, 0, 0, 0, 0, 0, 0, 0},
    {"1700000000.000001 lo    Out IP 10.0.0.1.http > 10.0.0.2.5000: Flags [R.E], seq 1, ack 2, "
     "win 502, length 0",
     80, 5000, TCP_RST | TCP_ACK | TCP_ECE, 502, 1, 2, 0, 0, 0, 0, 0, 0},
    {"10:00:00.000001 IP truncated-ip - 400 bytes missing! 10.0.0.1.80 > 10.0.0.2.5000: Flags [.], "
     "seq 1:501, ack 2, win 502, length 500: HTTP",
     80, 5000, TCP_ACK, 502, 1, 2, 500, 0, 0, 0, 0, 0},
    {"10:00:00.000001 MPLS (label 254, tc 0, ttl 60) (label 99, tc 0, [S], ttl 60) IP 10.0.0.1.80 "
     "> "
     "10.0.0.2.5000: Flags [.], ack 2, win 502, length 0",
     80, 5000, TCP_ACK, 502, 0, 2, 0, 0, 0, 0, 0, 0},
    {"10:00:00.000001 IP 1.1.1.1 > 2.2.2.2: GREv0, length 45: IP 10.0.0.1.80 > 10.0.0.2.5000: "
     "Flags [.], ack 2, win 502, options [mptcp 12 dss ack 5,tfo  cookie 0011223344556677,eol], "
     "length 0",
     80, 5000, TCP_ACK, 502, 0, 2, 0, TCP_OPT_MPTCP | TCP_OPT_FASTOPEN, 0, 0, 0, 0},
};

static void test_segments(void **state)
{
  (void)state;
  for (size_t i = 0; i < sizeof segment_cases / sizeof segment_cases[0]; i++) {
    const struct segment_case *expected = &segment_cases[i];
    struct reading *reading = read_text(expected->line);
    const struct packet *packet = &reading->packets[0];
    if (reading->count != 1 || packet->kind != PACKET_TCP)
      print_message("%s\n", expected->line);
    assert_int_equal(reading->count, 1);
    assert_int_equal(packet->kind, PACKET_TCP);
    assert_int_equal(packet->src_port, expected->src_port);
    assert_int_equal(packet->dst_port, expected->dst_port);
    assert_int_equal(packet->flags, expected->flags);
    assert_int_equal(packet->window, expected->window);
    assert_int_equal(packet->seq, expected->seq);
    assert_int_equal(packet->ack, expected->ack);
    assert_int_equal(packet->payload_bytes, expected->payload_bytes);
    assert_int_equal(packet->options, expected->options);
    assert_int_equal(packet->ts_val, expected->ts_val);
    assert_int_equal(packet->ts_ecr, expected->ts_ecr);
    assert_int_equal(packet->ttl, expected->ttl);
    assert_int_equal(packet->tos, expected->tos);
    finish(reading);
  }
}

struct other_case {
  const char *line;
  uint8_t kind, icmp_type, icmp_code;
};

static const struct other_case other_cases[] = {
    {"07:52:49.862597 test-local > test-remote: icmp: echo request (DF)", PACKET_ICMP, 8, 0},
    {"10:00:00.1 IP 10.0.0.1 > 10.0.0.2: ICMP echo reply, id 1, seq 2, length 64", PACKET_ICMP, 0,
     0},
    {"10:00:00.1 IP6 fe80::1 > ff02::1:ff00:2: ICMP6, neighbor solicitation, who has 2001:db8::2, "
     "length 32",
     PACKET_ND, 135, 0},
    {"10:00:00.1 IP6 fe80::1 > fe80::2: ICMP6, neighbor advertisement, tgt is 2001:db8::2, length "
     "32",
     PACKET_ND, 136, 0},
    {"10:00:00.1 ARP, Request who-has 10.0.0.1 tell 10.0.0.2, length 28", PACKET_ARP, 1, 0},
    {"10:00:00.1 arp reply 10.0.0.1 is-at 0:1:2:a:b:c", PACKET_ARP, 2, 0},
    {"10:00:00.1 IP 10.0.0.1.5000 > 10.0.0.2.53: 1234+ A? example.com. (29)", PACKET_UDP, 0, 0},
    {"10:00:00.1 IP 10.0.0.1.5000 > 10.0.0.2.9: UDP, length 100", PACKET_UDP, 0, 0},
    {"10:00:00.1 10.0.0.1.5000 > 10.0.0.2.9: udp 100 (DF)", PACKET_UDP, 0, 0},
    {"10:00:00.1 IP 10.0.0.1 > 224.0.0.1: igmp query v2", PACKET_IP_OTHER, 0, 0},
    {"10:00:00.1 IP 10.0.0.1 > 10.0.0.2: ip-proto-6 (frag 7:1480@2960+)", PACKET_FRAGMENT, 0, 0},
    {"10:00:00.1 IP 10.0.0.1.80 > 10.0.0.2.5000: tcp 912", PACKET_CUT, 0, 0},
    {"10:00:00.1 IP 10.0.0.1.80 > 10.0.0.2.5000: [|tcp]", PACKET_CUT, 0, 0},
    {"10:00:00.1 IP 10.0.0.9 > 10.0.0.1: ICMP 10.0.0.2 unreachable - need to frag (mtu 1400), "
     "length 556",
     PACKET_ICMP, 3, 4},
};

static void test_other_packets(void **state)
{
  (void)state;
  for (size_t i = 0; i < sizeof other_cases / sizeof other_cases[0]; i++) {
    struct reading *reading = read_text(other_cases[i].line);
    if (reading->count != 1 || reading->packets[0].kind != other_cases[i].kind)
      print_message("%s\n", other_cases[i].line);
    assert_int_equal(reading->count, 1);
    assert_int_equal(reading->packets[0].kind, other_cases[i].kind);
    assert_int_equal(reading->packets[0].icmp_type, other_cases[i].icmp_type);
    assert_int_equal(reading->packets[0].icmp_code, other_cases[i].icmp_code);
    finish(reading);
  }
}

/* A path MTU message names no port: there is only one connection that it can be about. */
static void test_icmp_error_finds_its_connection(void **state)
{
  (void)state;
  struct reading *reading = read_text(
      "10:00:00.1 IP 10.0.0.1.5000 > 10.0.0.2.80: Flags [.], seq 1001:2449, ack 1, win 5, length "
      "1448\n"
      "10:00:00.2 IP 10.0.0.9 > 10.0.0.1: ICMP 10.0.0.2 unreachable - need to frag (mtu 1400), "
      "length 556\n");
  assert_int_equal(reading->count, 2);
  const struct packet *error = &reading->packets[1];
  assert_int_equal(error->kind, PACKET_ICMP_ERROR);
  assert_int_equal(error->quote.src_port, 5000);
  assert_int_equal(error->quote.dst_port, 80);
  assert_int_equal(error->quote.seq, 1001);
  assert_int_equal(error->quote.mtu, 1400);
  finish(reading);
}

/* tcpdump -v prints ICMP errors with the packet that they quote, on lines of their own. */
static void test_icmp_error_quotes(void **state)
{
  (void)state;
  struct reading *reading = read_text(
      "10:00:00.2 IP (tos 0x0, ttl 64, id 9, offset 0, flags [none], proto ICMP (1), length 576)\n"
      "    10.0.0.9 > 10.0.0.1: ICMP 10.0.0.2 unreachable - need to frag (mtu 1400), length 556\n"
      "\tIP (tos 0x0, ttl 64, id 1, offset 0, flags [DF], proto TCP (6), length 1500)\n"
      "    10.0.0.1.5000 > 10.0.0.2.80:  [|tcp]\n");
  assert_int_equal(reading->count, 1);
  assert_int_equal(reading->packets[0].kind, PACKET_ICMP_ERROR);
  assert_int_equal(reading->packets[0].quote.src_port, 5000);
  assert_int_equal(reading->packets[0].quote.dst_port, 80);
  assert_int_equal(reading->packets[0].quote.mtu, 1400);
  finish(reading);
}

static void test_link_header(void **state)
{
  (void)state;
  struct reading *reading = read_text(
      "10:00:00.1 aa:bb:cc:00:00:01 > aa:bb:cc:00:00:02, ethertype 802.1Q (0x8100), length 70: "
      "vlan 5, p 3, ethertype IPv4 (0x0800), 10.0.0.1.1 > 10.0.0.2.2: Flags [.], ack 1, win 5, "
      "length 0\n"
      "10:00:00.2 aa:bb:cc:00:00:01 (oui Unknown) > Broadcast, ethertype ARP (0x0806), length 42: "
      "Request who-has 10.0.0.1 tell 10.0.0.2, length 28\n"
      "10:00:00.3 0:1:2:3:4:5 6:7:8:9:a:b 0800 74: 10.0.0.1.1 > 10.0.0.2.2: . ack 1 win 5\n");
  assert_int_equal(reading->count, 3);
  assert_int_equal(reading->linktypes[0], 1);
  assert_int_equal(reading->packets[0].kind, PACKET_TCP);
  assert_int_equal(reading->packets[0].vlan, 5);
  assert_int_equal(reading->packets[0].frame_bytes, 70);
  assert_int_equal(reading->packets[1].kind, PACKET_ARP);
  assert_int_equal(reading->packets[2].kind, PACKET_TCP);
  assert_int_equal(reading->packets[2].frame_bytes, 74);
  finish(reading);
}

/* An address that is not printed is zero: "ARP" begins with a hexadecimal digit. */
static void test_unprinted_link_address(void **state)
{
  (void)state;
  struct tcpdump_text *text = tcpdump_text_new();
  static const char line[] = "10:00:00.1 ARP, Request who-has 10.0.0.1 tell 10.0.0.2, length 28";
  static const uint8_t zeros[12];
  struct frame frame;
  unsigned excerpt;
  tcpdump_text_line(text, line, sizeof line - 1);
  tcpdump_text_end(text);
  assert_true(tcpdump_text_take(text, &frame, &excerpt));
  assert_memory_equal(frame.bytes, zeros, sizeof zeros);
  tcpdump_text_free(text);
}

static void test_interfaces_of_any(void **state)
{
  (void)state;
  struct reading *reading = read_text(
      "10:00:00.1 tap0  Out IP 10.0.0.1.1 > 10.0.0.2.2: Flags [.], ack 1, win 5, length 0\n"
      "10:00:00.1 eth0  In  IP 10.0.0.2.2 > 10.0.0.1.1: Flags [.], ack 1, win 5, length 0\n"
      "10:00:00.1 tap0  M   ARP, Request who-has 10.0.0.1 tell 10.0.0.2, length 28\n");
  assert_int_equal(reading->count, 3);
  assert_int_equal(reading->packets[0].direction, PACKET_DIR_OUT);
  assert_int_equal(reading->packets[1].direction, PACKET_DIR_IN);
  assert_int_equal(reading->packets[1].interface, 1);
  assert_int_equal(reading->packets[2].interface, 0);
  assert_string_equal(tcpdump_text_interface_name(reading->text, 1), "eth0");
  finish(reading);
}

/* An offloaded checksum is seen as one; with names the printed value means nothing and must not
 * look corrupt. */
static void test_checksums(void **state)
{
  (void)state;
  struct reading *reading = read_text(
      "10:00:00.1 IP (tos 0x0, ttl 64, id 1, offset 0, flags [DF], proto TCP (6), length 60)\n"
      "    127.0.0.1.12345 > 127.0.0.1.42856: Flags [S.], cksum 0xfe30 (incorrect -> 0x2889), seq "
      "318160177, ack 2484001829, win 43690, options [mss 65495,sackOK,TS val 14463342 ecr "
      "14463342,nop,wscale 10], length 0\n"
      "10:00:00.2 IP a.1 > b.2: Flags [.], cksum 0x1111 (incorrect -> 0x2222), seq 1, ack 1, win "
      "5, "
      "length 0\n"
      "10:00:00.3 IP 10.0.0.1.1 > 10.0.0.2.2: Flags [.], cksum 0x1111 (incorrect -> 0x2222), seq "
      "1, "
      "ack 1, win 5, length 0\n");
  assert_int_equal(reading->count, 3);
  assert_int_equal(reading->packets[0].checksum, CHECKSUM_OFFLOADED);
  assert_int_equal(reading->packets[1].checksum, CHECKSUM_OFFLOADED);
  assert_int_equal(reading->packets[2].checksum, CHECKSUM_BAD);
  finish(reading);
}

/* Lines that look like packets are counted, prose is not; nothing of either comes out. */
static void test_what_is_no_packet(void **state)
{
  (void)state;
  struct reading *reading = read_text("Dear list, at 10:00 something > other: happened.\n"
                                      "10:00:00 we restarted the daemon\n"
                                      "10:00:01.1 IP 10.0.0.1.80 > 10.0.0.2.5000: Flags [.], ack\n"
                                      "\n"
                                      "10:00:02.1 a.1 > b.2: . ack 5\n"
                                      "and there it ends\n"
                                      "this > that: it is faster\n");
  assert_int_equal(reading->count, 0);
  assert_int_equal(info_of(reading, 0).lines_not_understood, 3);
  finish(reading);
}

static void test_probe(void **state)
{
  (void)state;
  static const char yes[] = "Hello,\n\n> 10:00:00.1 a.1 > b.2: . ack 5 win 10\n";
  static const char no[] = "Hello,\nthis > that: it is faster\n10:00:00 lunch\n";
  static const char binary[] = "10:00:00.1 a.1 > b.2: . ack 5 win 10\n\0\0";
  assert_true(tcpdump_text_probe(yes, sizeof yes - 1));
  assert_false(tcpdump_text_probe(no, sizeof no - 1));
  assert_false(tcpdump_text_probe(binary, sizeof binary - 1));
  assert_false(tcpdump_text_probe("", 0));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_segments),
      cmocka_unit_test(test_other_packets),
      cmocka_unit_test(test_icmp_error_finds_its_connection),
      cmocka_unit_test(test_icmp_error_quotes),
      cmocka_unit_test(test_link_header),
      cmocka_unit_test(test_unprinted_link_address),
      cmocka_unit_test(test_interfaces_of_any),
      cmocka_unit_test(test_checksums),
      cmocka_unit_test(test_what_is_no_packet),
      cmocka_unit_test(test_probe),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
