#include "wire/frame_builder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
/* cmocka.h needs the three in front */
#include <cmocka.h>

static const struct frame_ends v4 = {.ether_src = {2, 0, 0, 0, 0, 1},
                                     .ether_dst = {2, 0, 0, 0, 0, 2},
                                     .ip_version = 4,
                                     .src = {{[10] = 0xff, 0xff, 10, 9, 0, 1}},
                                     .dst = {{[10] = 0xff, 0xff, 10, 9, 0, 2}},
                                     .ttl = 64};
static const struct frame_ends v6 = {.ether_src = {2, 0, 0, 0, 0, 1},
                                     .ether_dst = {2, 0, 0, 0, 0, 2},
                                     .ip_version = 6,
                                     .src = {{0xfd, [15] = 1}},
                                     .dst = {{0xfd, [13] = 0xab, 0xcd, 0xef}},
                                     .ttl = 64};

static struct packet decode(const uint8_t *bytes, int size)
{
  struct packet packet;
  assert_true(size > 0);
  const struct frame frame = {.linktype = 1,
                              .captured_bytes = (uint32_t)size,
                              .original_bytes = (uint32_t)size,
                              .bytes = bytes};
  packet_decode(&frame, &packet);
  return packet;
}

static void test_who_has(void **state)
{
  (void)state;
  uint8_t out[FRAME_BUILDER_MAX];
  struct frame_builder *builder = frame_builder_new(NULL);
  int size = frame_builder_who_has(builder, &v4, NULL, out, NULL);
  assert_int_equal(size, 14 + 28);
  assert_memory_equal(out, "\xff\xff\xff\xff\xff\xff\2\0\0\0\0\1\x08\x06", 14);
  struct packet packet = decode(out, size);
  assert_int_equal(packet.kind, PACKET_ARP);
  assert_int_equal(packet.icmp_type, 1);
  assert_memory_equal(&packet.src, &v4.src, 16);
  assert_memory_equal(&packet.dst, &v4.dst, 16);
  assert_int_equal(packet.facts & PACKET_KICK, 0);

  size = frame_builder_who_has(builder, &v6, NULL, out, NULL);
  packet = decode(out, size);
  assert_int_equal(packet.kind, PACKET_ND);
  assert_memory_equal(&packet.dst, &v6.dst, 16); /* the target */
  assert_memory_equal(out, v6.ether_dst, 6);
  assert_int_equal(out[14 + 7], 255); /* hop limit */

  struct frame_ends group = v6;
  memset(group.ether_dst, 0, 6);
  size = frame_builder_who_has(builder, &group, NULL, out, NULL);
  assert_memory_equal(out, "\x33\x33\xff\xab\xcd\xef", 6);
  assert_memory_equal(out + 14 + 24, "\xff\2\0\0\0\0\0\0\0\0\0\1\xff\xab\xcd\xef", 16);
  assert_int_equal(decode(out, size).kind, PACKET_ND);
  frame_builder_free(builder);
}

/* What we sent ourselves is known again; the answers, and others' packets, are not taken for it. */
static void test_kicks_are_marked(void **state)
{
  (void)state;
  static const uint8_t mark[] = FRAME_KICK_MARK " 1", other[] = "tcpstall -kick";
  uint8_t out[FRAME_BUILDER_MAX];
  struct frame_builder *builder = frame_builder_new(NULL);
  const struct frame_ends *both[] = {&v4, &v6};
  for (int i = 0; i < 2; i++) {
    int size = frame_builder_who_has(builder, both[i], FRAME_KICK_MARK, out, NULL);
    assert_true(decode(out, size).facts & PACKET_KICK);
    assert_false(decode(out, size - 1).facts & PACKET_KICK && i == 0);
    size = frame_builder_echo(builder, both[i], 1, 2, mark, sizeof mark, out, NULL);
    assert_true(decode(out, size).facts & PACKET_KICK);
    out[14 + (i == 0 ? 20 : 40)] = i == 0 ? 0 : 129; /* the reply */
    assert_false(decode(out, size).facts & PACKET_KICK);
    size = frame_builder_echo(builder, both[i], 1, 2, other, sizeof other, out, NULL);
    assert_false(decode(out, size).facts & PACKET_KICK);
    size = frame_builder_echo(builder, both[i], 1, 2, mark, 14, out, NULL);
    assert_false(decode(out, size).facts & PACKET_KICK);
  }
  frame_builder_free(builder);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_who_has),
      cmocka_unit_test(test_kicks_are_marked),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
