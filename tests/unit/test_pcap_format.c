#include "wire/pcap_format.h"

#include "tests/unit/trace_fixture.h"
#include "wire/timestamp.h"

#define MAGIC_US       0xa1b2c3d4
#define MAGIC_NS       0xa1b23c4d
#define MAGIC_MODIFIED 0xa1b2cd34
#define MAGIC_IXIA     0x1c0001ac

struct header {
  uint32_t magic;
  uint16_t major, minor;
  uint32_t snaplen, linktype;
};

static void lay_header(struct layout *layout, struct header header)
{
  lay_u32(layout, header.magic);
  lay_u16(layout, header.major);
  lay_u16(layout, header.minor);
  lay_u32(layout, 0);
  lay_u32(layout, 0);
  lay_u32(layout, header.snaplen);
  lay_u32(layout, header.linktype);
}

static void lay_usual_header(struct layout *layout, uint32_t magic)
{
  lay_header(layout, (struct header){magic, 2, 4, 65535, 1});
}

static void lay_record(struct layout *layout, uint32_t seconds, uint32_t units, uint32_t captured,
                       uint32_t original)
{
  lay_u32(layout, seconds);
  lay_u32(layout, units);
  lay_u32(layout, captured);
  lay_u32(layout, original);
}

static struct pcap_format open_layout(const struct layout *layout)
{
  struct pcap_format format;
  struct error error;
  assert_int_equal(pcap_format_open(&format, layout->bytes, layout->size, &error), 0);
  return format;
}

struct walked {
  struct frame frames[16];
  size_t count;
  enum pcap_walk_stop stop;
  struct pcap_walk walk;
};

static struct walked walk_layout(const struct layout *layout)
{
  struct pcap_format format = open_layout(layout);
  struct walked walked = {.walk = {.next_number = 1}};
  const uint8_t *records = layout->bytes + format.file_header_bytes;
  size_t size = layout->size - format.file_header_bytes;
  pcap_format_guess(&format, records, size, true);
  walked.stop =
      pcap_format_walk(&format, records, size, walked.frames, 16, &walked.count, &walked.walk);
  return walked;
}

static void test_both_byte_orders_and_resolutions(void **state)
{
  (void)state;
  for (int big = 0; big < 2; big++) {
    for (int ns = 0; ns < 2; ns++) {
      struct layout layout = {.big_endian = big != 0};
      lay_usual_header(&layout, ns ? MAGIC_NS : MAGIC_US);
      lay_record(&layout, 1700000000, 999999, 3, 1500);
      lay_bytes(&layout, "abc", 3);
      lay_record(&layout, 4294967295, 0, 0, 0);
      struct walked walked = walk_layout(&layout);
      assert_int_equal(walked.count, 2);
      assert_int_equal(walked.stop, PCAP_WALK_MORE);
      const struct frame *frame = &walked.frames[0];
      assert_int_equal(frame->time_ns, 1700000000 * NS_PER_S + (ns ? 999999 : 999999000));
      assert_int_equal(frame->number, 1);
      assert_int_equal(frame->linktype, 1);
      assert_int_equal(frame->captured_bytes, 3);
      assert_int_equal(frame->original_bytes, 1500);
      assert_memory_equal(frame->bytes, "abc", 3);
      assert_int_equal(walked.frames[1].time_ns, 4294967295 * NS_PER_S);
      assert_int_equal(walked.walk.corrected, 0);
    }
  }
}

static void test_link_type_field(void **state)
{
  (void)state;
  static const struct {
    uint32_t field, linktype;
    uint8_t fcs_bytes;
  } cases[] = {{1, 1, 0},
               {0x24000001, 1, 4},
               {0x14000001, 1, 2},
               {0x20000065, 101, 0}, /* the flag that makes the length valid is not set */
               {0xf4000001, 1, 0}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct layout layout = {0};
    lay_header(&layout, (struct header){MAGIC_US, 2, 4, 65535, cases[i].field});
    struct pcap_format format = open_layout(&layout);
    assert_int_equal(format.linktype, cases[i].linktype);
    assert_int_equal(format.fcs_bytes, cases[i].fcs_bytes);
  }
}

static int open_result(struct header header, size_t size)
{
  struct layout layout = {0};
  struct pcap_format format;
  struct error error;
  lay_header(&layout, header);
  return pcap_format_open(&format, layout.bytes, size, &error);
}

static void test_headers_that_are_refused(void **state)
{
  (void)state;
  assert_int_equal(open_result((struct header){MAGIC_US, 1, 4, 65535, 1}, 24), ERROR_UNSUPPORTED);
  assert_int_equal(open_result((struct header){MAGIC_US, 2, 4, 65535, 0x00300000}, 24),
                   ERROR_UNSUPPORTED);
  assert_int_equal(open_result((struct header){0x12345678, 2, 4, 65535, 1}, 24), ERROR_FORMAT);
  assert_int_equal(open_result((struct header){MAGIC_US, 2, 4, 65535, 1}, 23), ERROR_FORMAT);
  assert_int_equal(open_result((struct header){MAGIC_IXIA, 2, 4, 65535, 1}, 24), ERROR_FORMAT);
  assert_int_equal(open_result((struct header){MAGIC_US, 2, 4, 65535, 1}, 3), ERROR_FORMAT);
  assert_int_equal(open_result((struct header){MAGIC_US, 2, 5, 65535, 1}, 24), 0);
}

static void test_lengths_before_version_2_3(void **state)
{
  (void)state;
  static const struct {
    uint16_t major, minor;
    uint32_t first, second, captured;
  } cases[] = {{2, 2, 100, 4, 4}, {543, 0, 100, 4, 4}, {2, 3, 100, 4, 4}, {2, 3, 4, 100, 4}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct layout layout = {0};
    lay_header(&layout, (struct header){MAGIC_US, cases[i].major, cases[i].minor, 65535, 1});
    lay_record(&layout, 1, 0, cases[i].first, cases[i].second);
    lay_fill(&layout, 0, 4);
    struct walked walked = walk_layout(&layout);
    assert_int_equal(walked.count, 1);
    assert_int_equal(walked.frames[0].captured_bytes, cases[i].captured);
    assert_int_equal(walked.frames[0].original_bytes, 100);
    assert_int_equal(walked.walk.corrected, 0);
  }
}

static void test_aix(void **state)
{
  (void)state;
  struct layout layout = {.big_endian = true};
  lay_header(&layout, (struct header){MAGIC_US, 2, 2, 65535, 6});
  lay_record(&layout, 1, 7, 100, 4);
  lay_fill(&layout, 0, 4);
  struct walked walked = walk_layout(&layout);
  assert_int_equal(walked.count, 1);
  assert_int_equal(walked.frames[0].linktype, 1);
  assert_int_equal(walked.frames[0].time_ns, NS_PER_S + 7);
}

static void test_ixia_has_a_longer_header(void **state)
{
  (void)state;
  struct layout layout = {0};
  lay_usual_header(&layout, MAGIC_IXIA);
  lay_u32(&layout, 20);
  lay_record(&layout, 1, 7, 4, 4);
  lay_fill(&layout, 0, 4);
  struct walked walked = walk_layout(&layout);
  assert_int_equal(walked.count, 1);
  assert_int_equal(walked.frames[0].time_ns, NS_PER_S + 7);
}

/* extra_bytes behind the 16 that all headers share; packet type at 22 if there is one. */
static struct walked walk_variant(uint32_t magic, unsigned extra_bytes, uint8_t packet_type)
{
  struct layout layout = {0};
  lay_usual_header(&layout, magic);
  for (uint32_t i = 0; i < 3; i++) {
    lay_record(&layout, 1000 + i, i, 60, 60);
    if (extra_bytes == 4) {
      lay_u32(&layout, 0x9fbfb601);
    } else {
      lay_u32(&layout, 2);
      lay_u16(&layout, 0x0800);
      lay_fill(&layout, packet_type, 1);
      lay_fill(&layout, 0xee, extra_bytes - 7);
    }
    lay_fill(&layout, (uint8_t)(0x10 + i), 60);
  }
  return walk_layout(&layout);
}

static void test_patched_record_headers(void **state)
{
  (void)state;
  static const struct {
    uint32_t magic;
    unsigned extra_bytes;
    uint8_t packet_type, direction;
  } cases[] = {{MAGIC_US, 8, 0, PACKET_DIR_IN},
               {MAGIC_US, 8, 4, PACKET_DIR_OUT},
               {MAGIC_MODIFIED, 8, 4, PACKET_DIR_OUT},
               {MAGIC_MODIFIED, 12, 1, PACKET_DIR_IN},
               {MAGIC_US, 4, 0, PACKET_DIR_UNKNOWN}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct walked walked = walk_variant(cases[i].magic, cases[i].extra_bytes, cases[i].packet_type);
    assert_int_equal(walked.count, 3);
    for (size_t frame = 0; frame < 3; frame++) {
      assert_int_equal(walked.frames[frame].bytes[0], 0x10 + frame);
      assert_int_equal(walked.frames[frame].direction, cases[i].direction);
    }
  }
}

static void test_contradictions_are_put_right(void **state)
{
  (void)state;
  struct layout layout = {0};
  lay_usual_header(&layout, MAGIC_US);
  lay_record(&layout, 10, 2500000, 4, 4); /* 2.5 s of microseconds */
  lay_fill(&layout, 0, 4);
  lay_record(&layout, 11, 0, 4, 2); /* more captured than there was */
  lay_fill(&layout, 0, 4);
  struct walked walked = walk_layout(&layout);
  assert_int_equal(walked.count, 2);
  assert_int_equal(walked.walk.corrected, 2);
  assert_int_equal(walked.frames[0].time_ns, 12500 * NS_PER_MS);
  assert_int_equal(walked.frames[1].original_bytes, 4);
}

static void test_damage_and_cuts(void **state)
{
  (void)state;
  struct layout layout = {0};
  lay_usual_header(&layout, MAGIC_US);
  lay_record(&layout, 10, 0, 4, 4);
  lay_fill(&layout, 0, 4);
  size_t good = layout.size;
  lay_record(&layout, 10, 0, CAPTURED_BYTES_MAX + 1, CAPTURED_BYTES_MAX + 1);
  struct walked walked = walk_layout(&layout);
  assert_int_equal(walked.count, 1);
  assert_int_equal(walked.stop, PCAP_WALK_BAD);
  assert_int_equal(walked.walk.used, good - PCAP_FILE_HEADER_BYTES);
  assert_int_equal(walked.walk.error.code, ERROR_FORMAT);
  assert_non_null(strstr(walked.walk.error.text, "frame 2"));

  layout.size = good;
  lay_record(&layout, 10, 0, 100, 100);
  walked = walk_layout(&layout);
  assert_int_equal(walked.stop, PCAP_WALK_MORE);
  assert_int_equal(walked.walk.needed, 116);
  layout.size -= 1;
  walked = walk_layout(&layout);
  assert_int_equal(walked.stop, PCAP_WALK_MORE);
  assert_int_equal(walked.walk.needed, 16);
}

static void test_a_batch_is_no_longer_than_asked_for(void **state)
{
  (void)state;
  struct layout layout = {0};
  lay_usual_header(&layout, MAGIC_US);
  for (int i = 0; i < 20; i++)
    lay_record(&layout, 1, 0, 0, 0);
  struct walked walked = walk_layout(&layout);
  assert_int_equal(walked.count, 16);
  assert_int_equal(walked.stop, PCAP_WALK_FULL);
  assert_int_equal(walked.walk.used, 16 * 16);
  assert_int_equal(walked.walk.next_number, 17);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_both_byte_orders_and_resolutions),
      cmocka_unit_test(test_link_type_field),
      cmocka_unit_test(test_headers_that_are_refused),
      cmocka_unit_test(test_lengths_before_version_2_3),
      cmocka_unit_test(test_aix),
      cmocka_unit_test(test_ixia_has_a_longer_header),
      cmocka_unit_test(test_patched_record_headers),
      cmocka_unit_test(test_contradictions_are_put_right),
      cmocka_unit_test(test_damage_and_cuts),
      cmocka_unit_test(test_a_batch_is_no_longer_than_asked_for),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
