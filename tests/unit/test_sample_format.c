#include "wire/sample_format.h"

#include "wire/sample_netlink.h"

#include <linux/gen_stats.h>
#include <linux/if_link.h>
#include <linux/inet_diag.h>
#include <linux/neighbour.h>
#include <linux/netlink.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

/* A netlink message, as a kernel of this machine's byte order lays it out. */
struct message {
  uint8_t bytes[1024];
  size_t size;
};

static void message_begin(struct message *message, uint16_t type, const void *header, size_t size)
{
  const struct nlmsghdr start = {.nlmsg_type = type};
  memset(message, 0, sizeof *message);
  memcpy(message->bytes, &start, sizeof start);
  memcpy(message->bytes + sizeof start, header, size);
  message->size = sizeof start + size;
}

static void message_attribute(struct message *message, uint16_t type, const void *value,
                              size_t size)
{
  const struct nlattr attribute = {(uint16_t)(sizeof attribute + size), type};
  memcpy(message->bytes + message->size, &attribute, sizeof attribute);
  memcpy(message->bytes + message->size + sizeof attribute, value, size);
  message->size += (sizeof attribute + size + 3) & ~(size_t)3;
}

static struct sample_record message_end(struct message *message, enum sample_type type)
{
  uint32_t length = (uint32_t)message->size;
  memcpy(message->bytes, &length, sizeof length);
  return (struct sample_record){(uint16_t)type, (uint16_t)length, 0, message->bytes};
}

static void records_come_back(void **state)
{
  (void)state;
  uint8_t bytes[68];
  struct sample_builder builder;
  struct sample_records records;
  struct sample_record record;
  sample_begin(&builder, bytes, sizeof bytes, 0x0a0b0c0d, true);
  assert_true(sample_is_empty(&builder));
  assert_true(sample_add(&builder, SAMPLE_HEADER, 0, "a=1\n", 4));
  assert_true(sample_add(&builder, SAMPLE_NETSTAT, 0x01020304, "b=22\n", 5));
  assert_true(sample_add(&builder, (enum sample_type)999, UINT32_MAX, NULL, 0));
  assert_int_equal(builder.bytes_used, 16 + 12 + 16 + 8);
  assert_false(sample_add(&builder, SAMPLE_QDISC, 0, bytes, 9)); /* 16 bytes are left */
  assert_int_equal(sample_open(&records, bytes, builder.bytes_used), SAMPLE_OK);
  assert_int_equal(records.number, 0x0a0b0c0d);
  assert_true(records.last);
  assert_true(sample_next(&records, &record));
  assert_int_equal(record.type, SAMPLE_HEADER);
  assert_int_equal(record.length_bytes, 4);
  assert_true(sample_next(&records, &record));
  assert_int_equal(record.delay_ns, 0x01020304);
  assert_memory_equal(record.bytes, "b=22\n", 5);
  assert_true(sample_next(&records, &record));
  assert_int_equal(record.type, 999);
  assert_int_equal(record.delay_ns, UINT32_MAX);
  assert_false(sample_next(&records, &record));
  assert_false(records.overrun);
}

/* Byte for byte: other programs read it too. */
static void layout_is_fixed(void **state)
{
  (void)state;
  static const uint8_t expected[] = {'t', 'c', 'p',  's',  't',  'a',  'l', 'l', 1, 1,
                                     0,   0,   0x0d, 0x0c, 0x0b, 0x0a, 8,   0,   3, 0,
                                     4,   3,   2,    1,    'x',  'y',  'z', 0};
  uint8_t bytes[64];
  struct sample_builder builder;
  sample_begin(&builder, bytes, sizeof bytes, 0x0a0b0c0d, true);
  assert_true(sample_add(&builder, SAMPLE_NETSTAT, 0x01020304, "xyz", 3));
  assert_int_equal(builder.bytes_used, sizeof expected);
  assert_memory_equal(bytes, expected, sizeof expected);
}

static void foreign_newer_and_cut(void **state)
{
  (void)state;
  uint8_t bytes[68];
  struct sample_builder builder;
  struct sample_records records;
  struct sample_record record;
  sample_begin(&builder, bytes, sizeof bytes, 0x0a0b0c0d, true);
  assert_true(sample_add(&builder, SAMPLE_HEADER, 0, "a=1\n", 4));
  assert_int_equal(sample_open(&records, bytes, 15), SAMPLE_FOREIGN);
  assert_int_equal(sample_open(&records, (const uint8_t *)"another's data, too", 19),
                   SAMPLE_FOREIGN);
  for (size_t size = 17; size < 28; size++) {
    uint8_t *exact = malloc(size); /* so that a sanitizer sees its end */
    assert_non_null(exact);
    memcpy(exact, bytes, size);
    assert_int_equal(sample_open(&records, exact, size), SAMPLE_OK);
    assert_false(sample_next(&records, &record));
    assert_true(records.overrun);
    free(exact);
  }
  bytes[8] = 2;
  assert_int_equal(sample_open(&records, bytes, 28), SAMPLE_NEWER);
}

static void text_values(void **state)
{
  (void)state;
  static const char text[] = "hz=250\nhz_like=1\nempty=\nlast=x";
  const struct sample_record record = {SAMPLE_HEADER, sizeof text - 1, 0, (const uint8_t *)text};
  const char *value;
  size_t size;
  assert_true(sample_text_value(&record, "hz", &value, &size));
  assert_int_equal(size, 3);
  assert_memory_equal(value, "250", 3);
  assert_true(sample_text_value(&record, "empty", &value, &size));
  assert_int_equal(size, 0);
  assert_true(sample_text_value(&record, "last", &value, &size));
  assert_memory_equal(value, "x", 1);
  assert_false(sample_text_value(&record, "las", &value, &size));
  assert_false(sample_text_value(&record, "nothing", &value, &size));
}

static struct sample_record example_socket(struct message *message, size_t info_bytes)
{
  struct inet_diag_msg header = {.idiag_family = AF_INET,
                                 .idiag_state = 1,
                                 .idiag_timer = 1,
                                 .idiag_retrans = 5,
                                 .idiag_expires = 6400,
                                 .idiag_rqueue = 3,
                                 .idiag_wqueue = 81088};
  const uint8_t source[4] = {192, 0, 2, 1}, port[2] = {0x81, 0x6d};
  struct tcp_info info = {.tcpi_backoff = 5, .tcpi_unacked = 56, .tcpi_lost = 56};
  uint32_t memory[SK_MEMINFO_VARS] = {[SK_MEMINFO_WMEM_ALLOC] = 97664, [SK_MEMINFO_SNDBUF] = 1};
  memcpy(header.id.idiag_src, source, sizeof source);
  memcpy(&header.id.idiag_sport, port, sizeof port);
  header.id.idiag_cookie[0] = 7;
  header.id.idiag_cookie[1] = 1;
  info.tcpi_snd_wscale = 7;
  info.tcpi_rcv_wscale = 9;
  info.tcpi_notsent_bytes = 1000;
  info.tcpi_bytes_acked = UINT64_C(5000000000);
  info.tcpi_snd_wnd = 63840;
  message_begin(message, SOCK_DIAG_BY_FAMILY, &header, sizeof header);
  message_attribute(message, INET_DIAG_CONG, "cubic", 6);
  message_attribute(message, INET_DIAG_INFO, &info, info_bytes);
  message_attribute(message, INET_DIAG_SKMEMINFO, memory, sizeof memory);
  return message_end(message, SAMPLE_SOCKET);
}

static void socket_is_read(void **state)
{
  (void)state;
  static const uint8_t source[16] = {[10] = 0xff, 0xff, 192, 0, 2, 1};
  struct message message;
  struct sample_socket socket;
  struct sample_record record = example_socket(&message, sizeof(struct tcp_info));
  assert_true(sample_read_socket(&socket, &record, false));
  assert_memory_equal(socket.source.bytes, source, sizeof source);
  assert_int_equal(socket.ip_version, 4);
  assert_int_equal(socket.source_port, 33133);
  assert_int_equal(socket.cookie, UINT64_C(0x100000007));
  assert_int_equal(socket.timer, 1);
  assert_int_equal(socket.timer_expires_ms, 6400);
  assert_int_equal(socket.wqueue_bytes, 81088);
  assert_int_equal(socket.tcpi_backoff, 5);
  assert_int_equal(socket.tcpi_snd_wscale, 7);
  assert_int_equal(socket.tcpi_rcv_wscale, 9);
  assert_int_equal(socket.tcpi_unacked_pkts, 56);
  assert_int_equal(socket.tcpi_notsent_bytes, 1000);
  assert_true(socket.tcpi_bytes_acked == UINT64_C(5000000000));
  assert_true(socket.has_snd_wnd);
  assert_int_equal(socket.tcpi_snd_wnd_bytes, 63840);
  assert_true(socket.has_skmeminfo);
  assert_int_equal(socket.wmem_alloc_bytes, 97664);
}

/* An older kernel's tcp_info ends earlier. */
static void shorter_tcp_info_is_read_by_length(void **state)
{
  (void)state;
  struct message message;
  struct sample_socket socket;
  struct sample_record record = example_socket(&message, offsetof(struct tcp_info, tcpi_snd_wnd));
  assert_true(sample_read_socket(&socket, &record, false));
  assert_true(socket.has_info);
  assert_false(socket.has_snd_wnd);
  assert_int_equal(socket.tcpi_snd_wnd_bytes, 0);
  assert_true(socket.tcpi_bytes_acked == UINT64_C(5000000000));
  assert_int_equal(socket.wmem_alloc_bytes, 97664);
}

/* Cut anywhere, it is refused or read as far as it goes, and never beyond. */
static void cut_messages_stay_within(void **state)
{
  (void)state;
  struct message message;
  struct sample_socket socket;
  struct sample_record whole = example_socket(&message, sizeof(struct tcp_info));
  for (uint16_t size = 0; size < whole.length_bytes; size++) {
    uint8_t *exact = malloc(size > 0 ? size : 1);
    uint32_t length = size;
    assert_non_null(exact);
    memcpy(exact, message.bytes, size);
    if (size >= 4)
      memcpy(exact, &length, sizeof length);
    const struct sample_record cut = {SAMPLE_SOCKET, size, 0, exact};
    assert_int_equal(sample_read_socket(&socket, &cut, false), size >= 16 + 72);
    sample_read_socket(&socket, &cut, true);
    free(exact);
  }
}

static void queue_device_and_neighbour_are_read(void **state)
{
  (void)state;
  struct message message, stats;
  struct sample_qdisc qdisc;
  struct sample_link_statistics link;
  struct sample_neighbour neighbour;
  const struct tcmsg tc = {.tcm_handle = 0x80010000, .tcm_parent = TC_H_ROOT};
  const struct gnet_stats_queue queue = {.qlen = 56, .backlog = 55104, .drops = 2};
  message_begin(&stats, 0, "", 0);
  message_attribute(&stats, TCA_STATS_QUEUE, &queue, sizeof queue);
  message_begin(&message, RTM_NEWQDISC, &tc, sizeof tc);
  message_attribute(&message, TCA_KIND, "tbf", 4);
  message_attribute(&message, TCA_STATS2 | NLA_F_NESTED, stats.bytes + 16, stats.size - 16);
  struct sample_record record = message_end(&message, SAMPLE_QDISC);
  assert_true(sample_read_qdisc(&qdisc, &record, false));
  assert_string_equal(qdisc.kind, "tbf");
  assert_int_equal(qdisc.handle, 0x80010000);
  assert_true(qdisc.has_queue);
  assert_int_equal(qdisc.qlen_pkts, 56);
  assert_int_equal(qdisc.backlog_bytes, 55104);
  assert_false(sample_read_link_statistics(&link, &record, false));

  const struct if_stats_msg header = {.ifindex = 2};
  const struct rtnl_link_stats64 counters = {.rx_packets = 1, .tx_dropped = UINT64_C(1) << 40};
  message_begin(&message, RTM_NEWSTATS, &header, sizeof header);
  message_attribute(&message, IFLA_STATS_LINK_64, &counters, sizeof counters);
  record = message_end(&message, SAMPLE_LINK_STATISTICS);
  assert_true(sample_read_link_statistics(&link, &record, false));
  assert_int_equal(link.rx_packets, 1);
  assert_true(link.tx_dropped == UINT64_C(1) << 40);

  const struct ndmsg nd = {.ndm_family = AF_INET6, .ndm_state = NUD_FAILED};
  const uint8_t address[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 1};
  message_begin(&message, RTM_NEWNEIGH, &nd, sizeof nd);
  message_attribute(&message, NDA_DST, address, sizeof address);
  record = message_end(&message, SAMPLE_NEIGHBOUR);
  assert_true(sample_read_neighbour(&neighbour, &record, false));
  assert_int_equal(neighbour.ip_version, 6);
  assert_int_equal(neighbour.state, NUD_FAILED);
  assert_memory_equal(neighbour.address.bytes, address, sizeof address);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(records_come_back),
      cmocka_unit_test(layout_is_fixed),
      cmocka_unit_test(foreign_newer_and_cut),
      cmocka_unit_test(text_values),
      cmocka_unit_test(socket_is_read),
      cmocka_unit_test(shorter_tcp_info_is_read_by_length),
      cmocka_unit_test(cut_messages_stay_within),
      cmocka_unit_test(queue_device_and_neighbour_are_read),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
