#include "wire/pcapng_format.h"

#include "tests/unit/trace_fixture.h"
#include "wire/timestamp.h"

#define IF_NAME       2
#define IF_TSRESOL    9
#define IF_FCSLEN     13
#define IF_TSOFFSET   14
#define EPB_FLAGS     2
#define EPB_DROPCOUNT 4

static void lay_padding(struct layout *layout)
{
  while (layout->size % 4 != 0)
    lay_fill(layout, 0, 1);
}

/* Blocks are laid out from offset 0, one per layout. */
static void begin_block(struct layout *layout, uint32_t type)
{
  layout->size = 0;
  lay_u32(layout, type);
  lay_u32(layout, 0);
}

static void set_u32(struct layout *layout, size_t at, uint32_t value)
{
  size_t size = layout->size;
  layout->size = at;
  lay_u32(layout, value);
  layout->size = size;
}

static void end_block(struct layout *layout)
{
  lay_padding(layout);
  lay_u32(layout, (uint32_t)layout->size + 4);
  set_u32(layout, 4, (uint32_t)layout->size);
}

static void lay_option(struct layout *layout, uint16_t code, const void *value, uint16_t size)
{
  lay_u16(layout, code);
  lay_u16(layout, size);
  lay_bytes(layout, value, size);
  lay_padding(layout);
}

static void lay_section(struct layout *layout, uint16_t major, uint16_t minor)
{
  begin_block(layout, PCAPNG_SECTION_HEADER);
  lay_u32(layout, 0x1a2b3c4d);
  lay_u16(layout, major);
  lay_u16(layout, minor);
  lay_number(layout, UINT64_MAX, 8);
  end_block(layout);
}

static enum pcapng_result read_layout(const struct layout *layout, size_t size,
                                      struct pcapng_block *block)
{
  bool big_endian = layout->big_endian;
  size_t needed = 0;
  struct error error;
  enum pcapng_result result =
      pcapng_block_read(block, &big_endian, layout->bytes, size, &needed, &error);
  assert_int_equal(big_endian, layout->big_endian);
  if (result == PCAPNG_MORE)
    assert_true(needed > size && needed <= layout->size);
  return result;
}

static void test_section_header(void **state)
{
  (void)state;
  for (int big = 0; big < 2; big++) {
    struct layout layout = {.big_endian = big != 0};
    struct pcapng_block block;
    lay_section(&layout, 1, 0);
    assert_true(pcapng_probe(layout.bytes, layout.size));
    bool order = big == 0;
    size_t needed;
    assert_int_equal(pcapng_block_read(&block, &order, layout.bytes, layout.size, &needed, NULL),
                     PCAPNG_OK);
    assert_int_equal(order, big);
    assert_int_equal(block.total_bytes, 28);
    for (size_t size = 0; size < layout.size; size++)
      assert_int_equal(read_layout(&layout, size, &block), PCAPNG_MORE);
    lay_section(&layout, 1, 2);
    assert_int_equal(read_layout(&layout, layout.size, &block), PCAPNG_OK);
    lay_section(&layout, 2, 0);
    assert_int_equal(read_layout(&layout, layout.size, &block), PCAPNG_BAD);
  }
}

static void test_lengths_that_lie(void **state)
{
  (void)state;
  static const uint32_t lengths[] = {0, 11, PCAPNG_BLOCK_BYTES_MAX + 1, UINT32_MAX};
  struct layout layout = {0};
  struct pcapng_block block;
  for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
    begin_block(&layout, 0x77);
    end_block(&layout);
    set_u32(&layout, 4, lengths[i]);
    assert_int_equal(read_layout(&layout, layout.size, &block), PCAPNG_BAD);
  }
  begin_block(&layout, 0x77);
  end_block(&layout);
  set_u32(&layout, 8, 13);
  assert_int_equal(read_layout(&layout, layout.size, &block), PCAPNG_BAD);
}

static struct pcapng_interface_record read_interface(struct layout *layout)
{
  struct pcapng_block block;
  struct pcapng_interface_record record;
  end_block(layout);
  assert_int_equal(read_layout(layout, layout->size, &block), PCAPNG_OK);
  assert_int_equal(pcapng_interface_read(&record, &block, layout->big_endian, NULL), PCAPNG_OK);
  return record;
}

static void begin_interface(struct layout *layout)
{
  begin_block(layout, PCAPNG_INTERFACE);
  lay_u16(layout, 113);
  lay_u16(layout, 0);
  lay_u32(layout, 262144);
}

static void test_interface_options(void **state)
{
  (void)state;
  for (int big = 0; big < 2; big++) {
    struct layout layout = {.big_endian = big != 0};
    begin_interface(&layout);
    lay_option(&layout, IF_NAME, "eth0", 4);
    lay_option(&layout, IF_TSRESOL, "\x09", 1);
    lay_option(&layout, IF_FCSLEN, "\x20", 1);
    lay_u16(&layout, IF_TSOFFSET);
    lay_u16(&layout, 8);
    lay_number(&layout, (uint64_t)-5, 8);
    struct pcapng_interface_record record = read_interface(&layout);
    assert_int_equal(record.linktype, 113);
    assert_int_equal(record.snaplen_bytes, 262144);
    assert_int_equal(record.name.size, 4);
    assert_memory_equal(record.name.bytes, "eth0", 4);
    assert_int_equal(record.tsresol, 9);
    assert_int_equal(record.fcs_bytes, 4);
    assert_int_equal(record.tsoffset_s, -5);
  }
}

/* What came before the option that runs over its block counts. */
static void test_option_overrun(void **state)
{
  (void)state;
  struct layout layout = {0};
  begin_interface(&layout);
  lay_option(&layout, IF_TSRESOL, "\x09", 1);
  lay_u16(&layout, IF_NAME);
  lay_u16(&layout, 100);
  lay_bytes(&layout, "eth0", 4);
  struct pcapng_interface_record record = read_interface(&layout);
  assert_int_equal(record.tsresol, 9);
  assert_int_equal(record.name.size, 0);
}

static void test_options_end_at_their_end(void **state)
{
  (void)state;
  struct layout layout = {0};
  begin_interface(&layout);
  lay_option(&layout, PCAPNG_OPTION_END, "", 0);
  lay_option(&layout, IF_NAME, "eth0", 4);
  assert_int_equal(read_interface(&layout).name.size, 0);
}

static enum pcapng_result read_packet(struct layout *layout, uint32_t snaplen_bytes,
                                      struct pcapng_packet_record *packet)
{
  struct pcapng_block block;
  end_block(layout);
  assert_int_equal(read_layout(layout, layout->size, &block), PCAPNG_OK);
  return pcapng_packet_read(packet, &block, layout->big_endian, snaplen_bytes, NULL);
}

static void begin_enhanced_packet(struct layout *layout, uint32_t captured, uint32_t original)
{
  begin_block(layout, PCAPNG_ENHANCED_PACKET);
  lay_u32(layout, 3);
  lay_u32(layout, 0x00010002);
  lay_u32(layout, 0x80000003);
  lay_u32(layout, captured);
  lay_u32(layout, original);
}

static void test_enhanced_packet(void **state)
{
  (void)state;
  for (int big = 0; big < 2; big++) {
    struct layout layout = {.big_endian = big != 0};
    struct pcapng_packet_record packet;
    begin_enhanced_packet(&layout, 5, 1500);
    lay_bytes(&layout, "abcde", 5);
    lay_padding(&layout);
    lay_u16(&layout, EPB_FLAGS);
    lay_u16(&layout, 4);
    lay_u32(&layout, 0x82); /* outbound, FCS of 4 bytes */
    lay_u16(&layout, EPB_DROPCOUNT);
    lay_u16(&layout, 8);
    lay_number(&layout, 9, 8);
    assert_int_equal(read_packet(&layout, 0, &packet), PCAPNG_OK);
    assert_int_equal(packet.interface, 3);
    assert_true(packet.has_time);
    assert_true(packet.time_units == UINT64_C(0x0001000280000003));
    assert_int_equal(packet.captured_bytes, 5);
    assert_int_equal(packet.original_bytes, 1500);
    assert_memory_equal(packet.bytes, "abcde", 5);
    assert_int_equal(packet.direction, PACKET_DIR_OUT);
    assert_int_equal(packet.fcs_bytes, 4);
    assert_true(packet.has_drop_count);
    assert_int_equal(packet.drop_count, 9);
  }
}

static void test_packet_larger_than_its_block(void **state)
{
  (void)state;
  static const uint32_t lengths[] = {9, UINT32_MAX, UINT32_MAX - 3};
  for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
    struct layout layout = {0};
    struct pcapng_packet_record packet;
    begin_enhanced_packet(&layout, lengths[i], lengths[i]);
    lay_fill(&layout, 0, 8);
    assert_int_equal(read_packet(&layout, 0, &packet), PCAPNG_BAD);
  }
}

static void test_simple_packet(void **state)
{
  (void)state;
  static const struct {
    uint32_t snaplen, original, captured;
  } cases[] = {{0, 6, 6}, {4, 100, 4}, {0, 100, 8}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct layout layout = {0};
    struct pcapng_packet_record packet;
    begin_block(&layout, PCAPNG_SIMPLE_PACKET);
    lay_u32(&layout, cases[i].original);
    lay_fill(&layout, 1, 8);
    assert_int_equal(read_packet(&layout, cases[i].snaplen, &packet), PCAPNG_OK);
    assert_false(packet.has_time);
    assert_int_equal(packet.captured_bytes, cases[i].captured);
    assert_int_equal(packet.original_bytes, cases[i].original);
  }
}

static void test_obsolete_packet(void **state)
{
  (void)state;
  static const uint16_t drops[] = {7, UINT16_MAX};
  for (size_t i = 0; i < 2; i++) {
    struct layout layout = {.big_endian = true};
    struct pcapng_packet_record packet;
    begin_block(&layout, PCAPNG_PACKET);
    lay_u16(&layout, 2);
    lay_u16(&layout, drops[i]);
    lay_number(&layout, 77, 8);
    lay_u32(&layout, 4);
    lay_u32(&layout, 4);
    lay_fill(&layout, 1, 4);
    assert_int_equal(read_packet(&layout, 0, &packet), PCAPNG_OK);
    assert_int_equal(packet.interface, 2);
    assert_int_equal(packet.time_units, 77);
    assert_int_equal(packet.has_drop_count, drops[i] == 7);
  }
}

static void test_statistics(void **state)
{
  (void)state;
  struct layout layout = {0};
  struct pcapng_block block;
  struct pcapng_statistics_record record;
  begin_block(&layout, PCAPNG_INTERFACE_STATISTICS);
  lay_u32(&layout, 1);
  lay_number(&layout, 0, 8);
  static const struct {
    uint16_t code;
    uint64_t value;
  } options[] = {{4, 1000}, {5, 10}, {7, UINT64_MAX}};
  for (size_t i = 0; i < 3; i++) {
    lay_u16(&layout, options[i].code);
    lay_u16(&layout, 8);
    lay_number(&layout, options[i].value, 8);
  }
  end_block(&layout);
  assert_int_equal(read_layout(&layout, layout.size, &block), PCAPNG_OK);
  assert_int_equal(pcapng_statistics_read(&record, &block, false, NULL), PCAPNG_OK);
  assert_int_equal(record.interface, 1);
  assert_true(record.has_received && record.has_dropped);
  assert_int_equal(record.received, 1000);
  assert_true(record.dropped == UINT64_MAX); /* saturates */
}

static void lay_name_record(struct layout *layout, uint16_t type, const void *value, uint16_t size)
{
  lay_option(layout, type, value, size);
}

static void test_names(void **state)
{
  (void)state;
  struct layout layout = {0};
  struct pcapng_block block;
  begin_block(&layout, PCAPNG_NAME_RESOLUTION);
  lay_name_record(&layout, 1, "\xc0\x00\x02\x01one\0two\0", 12);
  lay_name_record(&layout, 3, "\1\2\3\4\5\6mac", 10); /* EUI-48: no IP address */
  lay_name_record(&layout, 2, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x09six", 19);
  lay_name_record(&layout, 0, "", 0);
  lay_name_record(&layout, 1, "\xc0\x00\x02\x02past\0", 9);
  end_block(&layout);
  assert_int_equal(read_layout(&layout, layout.size, &block), PCAPNG_OK);

  static const char *const wanted[] = {"one", "two", "six"};
  struct pcapng_names names;
  struct pcapng_text name;
  struct ip_address address;
  uint8_t ip_version;
  pcapng_names_begin(&names, &block, false);
  for (size_t i = 0; i < 3; i++) {
    assert_true(pcapng_names_next(&names, &address, &ip_version, &name));
    assert_int_equal(name.size, 3);
    assert_memory_equal(name.bytes, wanted[i], 3);
    assert_int_equal(ip_version, i < 2 ? 4 : 6);
    assert_int_equal(address.bytes[15], i < 2 ? 1 : 9);
    assert_int_equal(address.bytes[10], i < 2 ? 0xff : 0);
  }
  assert_false(pcapng_names_next(&names, &address, &ip_version, &name));
}

static void test_time(void **state)
{
  (void)state;
  static const struct {
    uint64_t units;
    uint8_t tsresol;
    int64_t tsoffset_s, time_ns;
  } cases[] = {{1700000000123456, 6, 0, 1700000000123456000},
               {1700000000123456789, 9, 0, 1700000000123456789},
               {1700000000, 0, 0, 1700000000 * NS_PER_S},
               {1700000000, 0, -1700000000, 0},
               {1234567, 12, 0, 1234},
               {UINT64_MAX, 0x7f, 0, 0},
               {3, 0x80 | 1, 0, 1500000000},
               {UINT64_C(1) << 40, 0x80 | 30, 1, 1025 * NS_PER_S},
               {UINT64_MAX, 0x80 | 0x7f, 0, 0},
               {UINT64_MAX, 0, 0, TIME_INVALID},
               {UINT64_MAX, 6, INT64_MIN, TIME_INVALID},
               {0, 6, INT64_MAX, TIME_INVALID},
               {INT64_MAX, 9, 0, INT64_MAX},
               {(uint64_t)INT64_MAX + 1, 9, 0, TIME_INVALID}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
    assert_true(pcapng_time_ns(cases[i].units, cases[i].tsresol, cases[i].tsoffset_s) ==
                cases[i].time_ns);
}

static void test_blocks_that_wireshark_numbers(void **state)
{
  (void)state;
  static const uint32_t numbered[] = {9, 0xbad, 0x40000bad, 0x204, 0x216, 0x221};
  static const uint32_t others[] = {0, 1, 4, 5, 10, 0x201, 0x208, 0x217, 0x222, 0x80000bad};
  for (size_t i = 0; i < sizeof numbered / sizeof numbered[0]; i++)
    assert_true(pcapng_block_is_numbered(numbered[i]));
  for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
    assert_false(pcapng_block_is_numbered(others[i]));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_section_header),
      cmocka_unit_test(test_lengths_that_lie),
      cmocka_unit_test(test_interface_options),
      cmocka_unit_test(test_option_overrun),
      cmocka_unit_test(test_options_end_at_their_end),
      cmocka_unit_test(test_enhanced_packet),
      cmocka_unit_test(test_packet_larger_than_its_block),
      cmocka_unit_test(test_simple_packet),
      cmocka_unit_test(test_obsolete_packet),
      cmocka_unit_test(test_statistics),
      cmocka_unit_test(test_names),
      cmocka_unit_test(test_time),
      cmocka_unit_test(test_blocks_that_wireshark_numbers),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
