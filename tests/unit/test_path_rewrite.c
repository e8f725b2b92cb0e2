/* What the path changes in a frame, and what it says in others' names: read back by the decoder, so
 * that every checksum is judged by code that has not made it. */
#include "tests/unit/path_fixture.h"
#include "wire/frame_builder.h"

/* MSS 1460, SACK-permitted, timestamps (5000, 6000), NOP, window scale 7: as Linux sends them. */
static const uint8_t syn_options[] = {2,    4,    0x05, 0xb4, 4,    2,    8, 10, 0, 0,
                                      0x13, 0x88, 0,    0,    0x17, 0x70, 1, 3,  3, 7};
/* NOP, NOP, timestamps. */
static const uint8_t timestamps[] = {1, 1, 8, 10, 0, 0, 0x13, 0x88, 0, 0, 0x17, 0x70};
/* NOP, NOP, SACK of 101..201 and 301..401 of the stream from A. */
static const uint8_t sack[] = {1, 1,    5, 18, 0, 0,    0, 0x55, 0,    0,
                               0, 0xb9, 0, 0,  1, 0x1d, 0, 0,    0x01, 0x81};

#define WITH(array) .options = (array), .option_bytes = sizeof(array)

static void good(const struct fixture *f, uint32_t index, struct packet *packet)
{
  decode_out(f, index, packet);
  assert_int_equal(packet->kind, PACKET_TCP);
  assert_int_equal(packet->checksum, CHECKSUM_GOOD);
  if (packet->ip_version == 4) { /* the decoder does not look at this one */
    uint32_t sum = 0;
    for (uint32_t i = 14; i < 34; i += 2)
      sum += read_be16(f->out[index].bytes + i);
    assert_int_equal((sum & 0xffff) + (sum >> 16), 0xffff);
  }
}

static struct packet changed(const char *text, const struct segment *s)
{
  struct packet packet;
  for (int ipv6 = 0; ipv6 < 2; ipv6++) {
    struct fixture *f = fixture_new(text);
    struct segment segment = *s;
    segment.ipv6 = ipv6 == 1;
    send_segment(f, &segment);
    assert_int_equal(f->out_count, 1);
    good(f, 0, &packet);
    assert_int_equal(packet.ip_version, ipv6 == 1 ? 6 : 4);
    fixture_free(f);
  }
  return packet;
}

static const struct segment syn = {.flags = TCP_SYN, WITH(syn_options), .window = 64240};
static const struct segment data = {.offset = 5, .payload = 333, .window = 502, WITH(timestamps)};

static void options_are_set(void **state)
{
  (void)state;
  struct packet p = changed("ab wscale 14", &syn);
  assert_int_equal(p.wscale, 14);
  assert_int_equal(p.mss, 1460);
  p = changed("ab wscale clamp=2", &syn);
  assert_int_equal(p.wscale, 2);
  p = changed("ab wscale clamp=9", &syn);
  assert_int_equal(p.wscale, 7);
  p = changed("ab mss 536", &syn);
  assert_int_equal(p.mss, 536);
  p = changed("ab mss clamp=1200\nab wscale 0", &syn);
  assert_int_equal(p.mss, 1200);
  assert_int_equal(p.wscale, 0);
  p = changed("ab timestamps add=-100000", &syn);
  assert_int_equal(p.ts_val, (uint32_t)(5000 - 100000));
  assert_int_equal(p.ts_ecr, 6000);
  p = changed("ab timestamps add=7", &data);
  assert_int_equal(p.ts_val, 5007);
}

static void options_are_stripped(void **state)
{
  (void)state;
  struct packet p = changed("ab wscale strip", &syn);
  assert_int_equal(p.options, TCP_OPT_MSS | TCP_OPT_SACK_PERMITTED | TCP_OPT_TIMESTAMPS);
  p = changed("ab sack strip\nab timestamps strip\nab mss strip", &syn);
  assert_int_equal(p.options, TCP_OPT_WSCALE);
  p = changed("ab timestamps strip", &data);
  assert_int_equal(p.options, 0);
  p = changed("ab sack strip", &(struct segment){WITH(sack)});
  assert_int_equal(p.options, 0);
  p = changed("ab mss 100", &data); /* it is not there */
  assert_int_equal(p.options, TCP_OPT_TIMESTAMPS);
}

static void header_fields(void **state)
{
  (void)state;
  struct packet p = changed("ab ttl add=-3", &data);
  assert_int_equal(p.ttl, 61);
  p = changed("ab ttl add=-200", &data);
  assert_int_equal(p.ttl, 1);
  p = changed("ab ttl 255", &data);
  assert_int_equal(p.ttl, 255);
  p = changed("ab dscp 46\nab ecn ce", &data);
  assert_int_equal(p.tos, 46 << 2 | 3);
  p = changed("ab window 0", &data);
  assert_int_equal(p.window, 0);
  p = changed("ab window clamp=500", &data);
  assert_int_equal(p.window, 500);
}

static void changes_are_told(void **state)
{
  (void)state;
  struct fixture *f = fixture_new("ab wscale 2\nab ttl 64\nab wscale 9 kind=data");
  send_segment(f, &syn);
  send_segment(f, &data);
  assert_int_equal(f->act_count, 1); /* what changes nothing is not told */
  assert_string_equal(f->acts[0].name, "wscale");
  assert_int_equal(f->acts[0].old_value, 7);
  assert_int_equal(f->acts[0].new_value, 2);
  fixture_free(f);
}

static void sequence_numbers_move(void **state)
{
  (void)state;
  for (int keep = 0; keep < 2; keep++) {
    struct fixture *f = fixture_new(keep ? "ab seq add=1000 keep-sack" : "ab seq add=1000");
    struct packet p;
    SEND(f, .offset = 10, .payload = 5);
    good(f, 0, &p);
    assert_int_equal(p.seq, (uint32_t)(ISN_AB + 11 + 1000));
    SEND(f, .direction = PATH_BA, .offset = 20, .ack_offset = 15, WITH(sack));
    good(f, 1, &p);
    assert_int_equal(p.seq, ISN_BA + 21);
    assert_int_equal(p.ack, (uint32_t)(ISN_AB + 16 - 1000));
    assert_int_equal(p.sack_count, 2);
    assert_int_equal(p.sack[0].start, keep ? 0x55 : (uint32_t)(0x55 - 1000));
    assert_int_equal(p.sack[1].end, keep ? 0x181 : (uint32_t)(0x181 - 1000));
    fixture_free(f);
  }
}

static void a_timestamp_clock_moves_for_one_end_only(void **state)
{
  (void)state;
  struct fixture *f = fixture_new("ab timestamps add=77 translate port=5001");
  struct packet p;
  send_segment(f, &data);
  good(f, 0, &p);
  assert_int_equal(p.ts_val, 5077);
  assert_int_equal(p.ts_ecr, 6000);
  SEND(f, .direction = PATH_BA, WITH(timestamps));
  good(f, 1, &p);
  assert_int_equal(p.ts_val, 5000);
  assert_int_equal(p.ts_ecr, 6000 - 77);
  fixture_free(f);
}

static void corruption_shows_or_does_not(void **state)
{
  (void)state;
  for (int fixed = 0; fixed < 2; fixed++) {
    struct fixture *f = fixture_new(fixed ? "ab corrupt fixed kind=data" : "ab corrupt at=7");
    struct packet p;
    uint8_t before[BYTES_MAX];
    const uint32_t size = make_segment(&data, before);
    send_segment(f, &data);
    decode_out(f, 0, &p);
    assert_int_equal(p.checksum, fixed ? CHECKSUM_GOOD : CHECKSUM_BAD);
    int differing = 0;
    for (uint32_t i = size - 333; i < size; i++)
      differing += f->out[0].bytes[i] != before[i];
    assert_int_equal(differing, 1);
    fixture_free(f);
  }
}

static void a_wrong_checksum_stays_wrong(void **state)
{
  (void)state;
  struct fixture *f = fixture_new("ab ttl 9\nab wscale 1\nab seq add=77");
  uint8_t bytes[BYTES_MAX];
  const uint32_t size = make_segment(&syn, bytes);
  bytes[14 + 20 + 16] ^= 1;
  path_frame(f->path, PATH_AB, bytes, size, 0);
  struct packet p;
  decode_out(f, 0, &p);
  assert_int_equal(p.checksum, CHECKSUM_BAD);
  fixture_free(f);
}

static void resets_are_acceptable(void **state)
{
  (void)state;
  for (int ipv6 = 0; ipv6 < 2; ipv6++) {
    struct fixture *f = fixture_new("ab reset both kind=data\nab delay 5ms");
    SEND(f, .offset = 10, .payload = 5, .ack_offset = 3, .ipv6 = ipv6 == 1);
    pass(f, 10 * MS);
    assert_int_equal(f->out_count, 3);
    struct packet p;
    good(f, 0, &p); /* to the sender, at once */
    assert_int_equal(f->out[0].direction, PATH_BA);
    assert_int_equal(f->out[0].due_ns, 0);
    assert_int_equal(p.src_port, SERVER);
    assert_int_equal(p.flags, TCP_RST);
    assert_int_equal(p.seq, ISN_BA + 4);
    assert_int_equal(p.ttl, 61);
    assert_int_equal(f->out[0].bytes[5], 0xa); /* A's MAC */
    good(f, 1, &p);                            /* to the receiver, in line */
    assert_int_equal(f->out[1].direction, PATH_AB);
    assert_int_equal(f->out[1].due_ns, 5 * MS);
    assert_int_equal(p.seq, (uint32_t)(ISN_AB + 11));
    assert_int_equal(p.dst_port, SERVER);
    good(f, 2, &p);
    assert_int_equal(p.payload_bytes, 5);
    fixture_free(f);
  }
}

static void a_syn_is_refused(void **state)
{
  (void)state;
  struct fixture *f = fixture_new("ab reset sender kind=syn drop");
  send_segment(f, &syn);
  assert_int_equal(f->out_count, 1);
  struct packet p;
  good(f, 0, &p);
  assert_int_equal(p.flags, TCP_RST | TCP_ACK);
  assert_int_equal(p.ack, (uint32_t)(ISN_AB + 1));
  fixture_free(f);
}

static void a_reset_may_look_like_the_real_end(void **state)
{
  (void)state;
  struct fixture *f = fixture_new("ab reset both kind=data ttl=same drop\nab delay 5ms");
  handshake(f);
  SEND(f, .direction = PATH_BA, .ttl = 57);
  SEND(f, .payload = 5, .ttl = 33);
  pass(f, 10 * MS);
  assert_int_equal(f->out_count, 6);
  struct packet p;
  good(f, 2, &p);
  assert_int_equal(p.ttl, 57);
  good(f, 5, &p);
  assert_int_equal(p.ttl, 33);
  assert_int_equal(f->out[5].due_ns, 5 * MS);
  fixture_free(f);
}

static void too_big_says_so(void **state)
{
  (void)state;
  for (int ipv6 = 0; ipv6 < 2; ipv6++) {
    struct fixture *f = fixture_new("ab too-big 1300");
    const uint32_t head = ipv6 ? 60 : 40;
    SEND(f, .payload = 1300 - head, .ipv6 = ipv6 == 1);
    SEND(f, .payload = 1301 - head, .ipv6 = ipv6 == 1);
    assert_int_equal(f->out_count, 2);
    assert_int_equal(f->out[0].direction, PATH_AB);
    assert_int_equal(f->out[1].direction, PATH_BA);
    struct packet p;
    decode_out(f, 1, &p);
    assert_int_equal(p.kind, PACKET_ICMP_ERROR);
    assert_int_equal(p.icmp_type, ipv6 ? 2 : 3);
    assert_int_equal(p.quote.mtu, 1300);
    assert_int_equal(p.quote.src_port, CLIENT);
    assert_int_equal(p.quote.seq, (uint32_t)(ISN_AB + 1));
    assert_int_equal(p.frame_bytes, ipv6 ? 14 + 1280 : 14 + 576);
    fixture_free(f);
  }
  struct fixture *f = fixture_new("ab too-big 1300 silent count=1\nab too-big 1300");
  SEND(f, .payload = 1400, .fragmentable = true);
  SEND(f, .payload = 1400, .fragmentable = true);
  assert_int_equal(f->out_count, 1);
  assert_int_equal(f->out[0].direction, PATH_AB);
  assert_int_equal(acts_named(f, "too-big"), 1);
  fixture_free(f);
}

/* The sum over an ICMP message, with the pseudo-header of IPv6 (RFC 4443, 2.3), is all ones. */
static void icmp_checksums_hold(void **state)
{
  (void)state;
  struct error error;
  struct frame_builder *builder = frame_builder_new(&error);
  uint8_t out[FRAME_BUILDER_MAX], quoted[101] = {0x45, 9, 8, 7};
  for (uint8_t version = 4; version <= 6; version += 2) {
    struct frame_ends ends = {.ip_version = version, .ttl = 64};
    ends.src.bytes[12] = 10;
    ends.dst.bytes[15] = 9;
    for (int echo = 0; echo < 2; echo++) {
      const int size =
          echo ? frame_builder_echo(builder, &ends, 5, 6, quoted, sizeof quoted, out, &error)
               : frame_builder_too_big(builder, &ends, 1400, quoted, sizeof quoted, out, &error);
      const uint32_t head = version == 4 ? 34 : 54;
      assert_int_equal(size, head + 8 + sizeof quoted);
      uint32_t sum = version == 4 ? 0 : 58 + (uint32_t)size - head;
      for (uint32_t i = version == 4 ? head : 22; i < (uint32_t)size; i += 2)
        sum += i + 1 < (uint32_t)size ? read_be16(out + i) : (uint32_t)out[i] << 8;
      while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
      assert_int_equal(sum, 0xffff);
    }
  }
  struct frame_ends wrong = {.ip_version = 5};
  assert_int_equal(frame_builder_echo(builder, &wrong, 1, 1, NULL, 0, out, &error), ERROR_USAGE);
  wrong.ip_version = 4;
  assert_int_equal(frame_builder_echo(builder, &wrong, 1, 1, quoted, 5000, out, &error),
                   ERROR_USAGE);
  frame_builder_free(builder);
}

static void segments_with_payload_are_built(void **state)
{
  (void)state;
  struct error error;
  struct frame_builder *builder = frame_builder_new(&error);
  uint8_t out[FRAME_BUILDER_MAX];
  static const uint8_t text[] = "hello";
  for (uint8_t version = 4; version <= 6; version += 2) {
    struct frame_ends ends = {.ip_version = version, .ttl = 33, .tos = 0x10, .ip_id = 77};
    ends.src.bytes[15] = 1;
    ends.dst.bytes[15] = 2;
    const struct frame_tcp tcp = {.src_port = 1,
                                  .dst_port = 2,
                                  .seq = 3,
                                  .ack = 4,
                                  .flags = TCP_PSH | TCP_ACK,
                                  .window = 5,
                                  .payload = text,
                                  .payload_bytes = 5};
    const int size = frame_builder_tcp(builder, &ends, &tcp, out, &error);
    struct packet p;
    decode_bytes(out, (uint32_t)size, &p);
    assert_int_equal(p.kind, PACKET_TCP);
    assert_int_equal(p.checksum, CHECKSUM_GOOD);
    assert_int_equal(p.payload_bytes, 5);
    assert_int_equal(p.flags, TCP_PSH | TCP_ACK);
    assert_int_equal(p.ttl, 33);
    assert_int_equal(p.tos, 0x10);
    if (version == 4)
      assert_int_equal(p.ip_id, 77);
  }
  frame_builder_free(builder);
}

/* Super-segments: a virtio header of 10 bytes in front. */
static void offload(void **state)
{
  (void)state;
  struct fixture *f = fixture_new("offload on\nab drop size=600..\nab corrupt kind=data count=1\n"
                                  "ab ttl 9\nab timestamps add=1\nba reset sender");
  uint8_t bytes[PATH_VNET_BYTES + BYTES_MAX] = {1, 1, 0, 0, 0xf4, 1, 34, 0, 16, 0}; /* GSO 500 */
  struct packet p;
  const uint32_t size = make_segment(&data, bytes + 10);
  path_frame(f->path, PATH_AB, bytes, size + 10, 0); /* 1 segment: corrupted */
  decode_bytes(f->out[0].bytes + 10, f->out[0].size - 10, &p);
  assert_int_equal(p.checksum, CHECKSUM_BAD);
  for (int i = 0; i < 10; i++)
    assert_int_equal(f->out[0].bytes[i], 0);

  const struct segment large = {.payload = 1400, WITH(timestamps)};
  static const uint8_t header[] = {1, 1, 0, 0, 0xf4, 1, 34, 0, 16, 0};
  memcpy(bytes, header, sizeof header);
  const uint32_t large_size = make_segment(&large, bytes + 10);
  uint8_t checksum[2];
  memcpy(checksum, bytes + 10 + 34 + 16, 2);
  path_frame(f->path, PATH_AB, bytes, large_size + 10, 0); /* 3 of 566 bytes: not dropped */
  assert_int_equal(f->out_count, 2);
  assert_memory_equal(f->out[1].bytes, header, sizeof header);
  assert_memory_equal(f->out[1].bytes + 10 + 34 + 16, checksum, 2); /* not made yet, not changed */
  decode_bytes(f->out[1].bytes + 10, f->out[1].size - 10, &p);
  assert_int_equal(p.ttl, 9);
  assert_int_equal(p.ts_val, 5001);

  memset(bytes, 0, 10);
  const struct segment back = {.direction = PATH_BA};
  const uint32_t back_size = make_segment(&back, bytes + 10);
  path_frame(f->path, PATH_BA, bytes, back_size + 10, 0);
  assert_int_equal(f->out_count, 4);
  decode_bytes(f->out[2].bytes + 10, f->out[2].size - 10, &p);
  assert_int_equal(p.flags, TCP_RST);
  assert_int_equal(f->out[2].bytes[0], 0);
  fixture_free(f);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(options_are_set),
      cmocka_unit_test(options_are_stripped),
      cmocka_unit_test(header_fields),
      cmocka_unit_test(changes_are_told),
      cmocka_unit_test(sequence_numbers_move),
      cmocka_unit_test(a_timestamp_clock_moves_for_one_end_only),
      cmocka_unit_test(corruption_shows_or_does_not),
      cmocka_unit_test(a_wrong_checksum_stays_wrong),
      cmocka_unit_test(resets_are_acceptable),
      cmocka_unit_test(a_syn_is_refused),
      cmocka_unit_test(a_reset_may_look_like_the_real_end),
      cmocka_unit_test(too_big_says_so),
      cmocka_unit_test(icmp_checksums_hold),
      cmocka_unit_test(segments_with_payload_are_built),
      cmocka_unit_test(offload),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
