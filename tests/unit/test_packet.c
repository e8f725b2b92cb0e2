/* packet_decode() as its header promises it: what is copied from the record, names, addresses, link
 * types; that whatever nesting ends; that every decoded field is defined. */
#include "packet_case.h"

#include "wire/timestamp.h"

static struct packet decode_hex(const char *hex, struct frame frame)
{
  struct packet packet;
  uint32_t size;
  uint8_t *bytes = packet_case_bytes(hex, &size);
  frame.bytes = bytes;
  frame.captured_bytes = size;
  if (frame.original_bytes == 0)
    frame.original_bytes = size;
  packet_decode(&frame, &packet);
  free(bytes);
  return packet;
}

static void test_record_is_copied(void **state)
{
  (void)state;
  const struct packet packet = decode_hex(OUTER4, (struct frame){.time_ns = TIME_INVALID,
                                                                 .number = 12345678901,
                                                                 .interface = 3,
                                                                 .linktype = 101,
                                                                 .original_bytes = 70000,
                                                                 .direction = PACKET_DIR_OUT});
  assert_int_equal(packet.kind, PACKET_TCP);
  assert_true(packet.time_ns == TIME_INVALID);
  assert_true(packet.frame == 12345678901);
  assert_int_equal(packet.interface, 3);
  assert_int_equal(packet.frame_bytes, 70000);
  assert_int_equal(packet.direction, PACKET_DIR_OUT);
  assert_int_equal(packet.end, 0);
}

/* A cooked header says "received", the record's flags say "sent": the flags are from the capture
 * itself. */
static void test_record_direction_wins(void **state)
{
  (void)state;
  const char *received = "00000001000602000000000100000800" OUTER4;
  struct packet packet = decode_hex(received, (struct frame){.linktype = 113});
  assert_int_equal(packet.direction, PACKET_DIR_IN);
  packet = decode_hex(received, (struct frame){.linktype = 113, .direction = PACKET_DIR_OUT});
  assert_int_equal(packet.direction, PACKET_DIR_OUT);
}

/* A frame check sequence that was cut off by the snap length takes no captured byte away. */
static void test_frame_check_sequence(void **state)
{
  (void)state;
  struct frame frame = {.linktype = 1, .fcs_bytes = 4};
  struct packet packet = decode_hex(ETHERNET "0800" OUTER4 "11223344", frame);
  assert_int_equal(packet.captured_payload_bytes, 5);
  frame.original_bytes = 14 + 45 + 4;
  packet = decode_hex(ETHERNET "0800" OUTER4, frame);
  assert_int_equal(packet.captured_payload_bytes, 5);
  assert_int_equal(packet.checksum, CHECKSUM_GOOD);
  frame.fcs_bytes = 255; /* more than there is */
  frame.original_bytes = 0;
  packet = decode_hex(ETHERNET "0800" OUTER4, frame);
  assert_int_equal(packet.kind, PACKET_TCP);
}

/* A record that says it is shorter than what it holds. */
static void test_original_below_captured(void **state)
{
  (void)state;
  const struct packet packet =
      decode_hex(OUTER4, (struct frame){.linktype = 101, .original_bytes = 1});
  assert_int_equal(packet.kind, PACKET_TCP);
  assert_int_equal(packet.payload_bytes, 5);
}

static void test_empty_frame(void **state)
{
  (void)state;
  for (uint32_t linktype = 0; linktype < 300; linktype++) {
    const struct packet packet = decode_hex("", (struct frame){.linktype = linktype});
    assert_true(packet.kind == PACKET_MALFORMED || packet.kind == PACKET_UNSUPPORTED_LINK);
    assert_int_equal(packet.kind != PACKET_UNSUPPORTED_LINK, packet_linktype_supported(linktype));
    const struct packet cut =
        decode_hex("", (struct frame){.linktype = linktype, .original_bytes = 1500});
    assert_true(cut.kind == PACKET_CUT || cut.kind == PACKET_UNSUPPORTED_LINK);
  }
}

static void test_linktypes(void **state)
{
  (void)state;
  static const uint32_t supported[] = {0,   1,   8,   9,   10,  12,  14,  50,  51,  100, 101,
                                       104, 105, 106, 107, 108, 113, 119, 123, 127, 129, 163,
                                       178, 192, 228, 229, 239, 242, 276, 281, 282, 284, 285};
  static const uint32_t unsupported[] = {2, 147, 189, 195, 252, 271, 65536, UINT32_MAX};
  for (size_t i = 0; i < sizeof supported / sizeof supported[0]; i++)
    assert_true(packet_linktype_supported(supported[i]));
  for (size_t i = 0; i < sizeof unsupported / sizeof unsupported[0]; i++)
    assert_false(packet_linktype_supported(unsupported[i]));
}

static void test_kind_names(void **state)
{
  (void)state;
  for (int i = 0; i < PACKET_KIND_COUNT; i++) {
    assert_non_null(packet_kind_name((enum packet_kind)i));
    for (int j = 0; j < i; j++)
      assert_string_not_equal(packet_kind_name((enum packet_kind)i),
                              packet_kind_name((enum packet_kind)j));
  }
  assert_string_equal(packet_kind_name(PACKET_TCP), "tcp");
  assert_string_equal(packet_kind_name(PACKET_MALFORMED), "malformed");
  assert_string_equal(packet_kind_name(PACKET_KIND_COUNT), "unknown");
}

static void test_addresses(void **state)
{
  (void)state;
  static const struct ip_address v4 = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 192, 0, 2, 1}};
  static const struct ip_address longest = {
      {0x20, 0x01, 0x0d, 0xb8, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0x10}};
  char text[IP_ADDRESS_TEXT_BYTES];
  ip_address_format(&v4, 4, text);
  assert_string_equal(text, "192.0.2.1");
  ip_address_format(&v4, 6, text);
  assert_string_equal(text, "::ffff:192.0.2.1");
  ip_address_format(&longest, 6, text);
  assert_string_equal(text, "2001:db8:101:101:101:101:101:110");
}

/* Decoding twice, into memory of different contents, gives the same packet: nothing is left over.
 * Of the union at the end, only what sack_count and kind announce is compared. */
static void test_every_field_is_set(void **state)
{
  (void)state;
  static const char *const frames[] = {
      ETHERNET "0800" OUTER4, ETHERNET "86dd" OUTER6, ETHERNET "88cc0000",
      ETHERNET "0806000108000604000102000000000" /* cut */,
      ETHERNET "0800450000381234400040010000c0000201c6336402030400000000057845000028123440004006"
               "0000c0000201c63364029c4000500000030900000000"};
  for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++) {
    uint32_t size;
    uint8_t *bytes = packet_case_bytes(frames[i], &size);
    const struct frame frame = {
        .linktype = 1, .captured_bytes = size, .original_bytes = size, .bytes = bytes};
    struct packet a, b;
    memset(&a, 0x00, sizeof a);
    memset(&b, 0xff, sizeof b);
    packet_decode(&frame, &a);
    packet_decode(&frame, &b);
    assert_memory_equal(&a, &b, offsetof(struct packet, sack));
    if (a.kind == PACKET_ICMP_ERROR)
      assert_memory_equal(&a.quote, &b.quote, sizeof a.quote);
    free(bytes);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_record_is_copied),     cmocka_unit_test(test_record_direction_wins),
      cmocka_unit_test(test_frame_check_sequence), cmocka_unit_test(test_original_below_captured),
      cmocka_unit_test(test_empty_frame),          cmocka_unit_test(test_linktypes),
      cmocka_unit_test(test_kind_names),           cmocka_unit_test(test_addresses),
      cmocka_unit_test(test_every_field_is_set),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
