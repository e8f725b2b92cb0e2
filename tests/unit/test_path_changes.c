/* What the path altered: every alteration is seen, and what only looks like one is not. */

#include "analyzer/path_changes.h"
#include "tests/support/packet_build.h"
#include "tests/support/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct packet_path path = {1, 2, 40000, 80};

/* A pair of sightings under way through one path. */
struct passage {
  struct path_changes changes;
  struct packet before, after;
  uint32_t seq_shift, ack_shift;
};

static void start(struct passage *passage, uint16_t flags)
{
  memset(passage, 0, sizeof *passage);
  path_changes_clear(&passage->changes);
  passage->before = packet_tcp(path, 1000, 7, flags);
  passage->before.seq = 100;
  passage->before.ack = 200;
  passage->before.window = 502;
  passage->before.ip_id = 4711;
  passage->before.facts |= PACKET_IP_ID | PACKET_IP_DF;
  if ((flags & TCP_SYN) != 0) {
    packet_add_syn_options(&passage->before, 10, 0);
  } else {
    passage->before.options = TCP_OPT_TIMESTAMPS;
    passage->before.ts_val = 11;
    passage->before.ts_ecr = 12;
  }
  passage->after = passage->before;
  passage->after.frame = 8;
  passage->after.time_ns = 2000;
}

static void start_data(struct passage *passage, uint32_t bytes)
{
  start(passage, TCP_ACK | TCP_PSH);
  passage->before.payload_bytes = passage->before.captured_payload_bytes = bytes;
  passage->before.payload_hash = 0xabcdef;
  passage->before.payload_sum = 0x1234;
  passage->after.payload_bytes = passage->after.captured_payload_bytes = bytes;
  passage->after.payload_hash = 0xabcdef;
  passage->after.payload_sum = 0x1234;
}

static void pass(struct passage *passage, bool whole)
{
  path_changes_compare(&passage->changes, &passage->before, &passage->after, passage->seq_shift,
                       passage->ack_shift, whole);
}

static void assert_changes(struct passage *passage, uint32_t expected)
{
  pass(passage, true);
  assert_int_equal(passage->changes.changed, expected);
  for (unsigned i = 0; i < PATH_CHANGE_BITS; i++) {
    bool set = (expected & 1u << i) != 0;
    assert_int_equal(passage->changes.counts[i], set ? 1 : 0);
    assert_int_equal(passage->changes.first[i].frame_before, set ? 7 : 0);
    assert_int_equal(passage->changes.first[i].frame_after, set ? 8 : 0);
    assert_int_equal(passage->changes.first[i].time_before_ns, set ? 1000 : 0);
  }
}

static void unaltered_packets_show_no_change(void **state)
{
  (void)state;
  struct passage passage;
  start(&passage, TCP_SYN);
  assert_changes(&passage, 0);
  assert_true(passage.changes.syn_compared);
  assert_int_equal(passage.changes.wscale_before, 7);
  assert_int_equal(passage.changes.mss_after, 1460);
  assert_int_equal(passage.changes.syn.frame_before, 7);
  start_data(&passage, 1448);
  assert_changes(&passage, 0);
  assert_false(passage.changes.syn_compared);
  assert_int_equal(passage.changes.compared, 1);
  assert_int_equal(passage.changes.ttl_before, 64);
}

static void window_scale_rewritten_stripped_and_added(void **state)
{
  (void)state;
  struct passage passage;
  start(&passage, TCP_SYN);
  passage.after.wscale = 0;
  assert_changes(&passage, PATH_CHANGE_WSCALE);
  assert_int_equal(passage.changes.wscale_before, 7);
  assert_int_equal(passage.changes.wscale_after, 0);
  assert_true(passage.changes.wscale_after_present);
  start(&passage, TCP_SYN | TCP_ACK);
  passage.after.options &= (uint16_t)~TCP_OPT_WSCALE;
  assert_changes(&passage, PATH_CHANGE_WSCALE_STRIPPED);
  assert_false(passage.changes.wscale_after_present);
  start(&passage, TCP_SYN);
  passage.before.options &= (uint16_t)~TCP_OPT_WSCALE;
  assert_changes(&passage, PATH_CHANGE_WSCALE_ADDED);
  assert_int_equal(passage.changes.wscale_before, 0);
  assert_int_equal(passage.changes.wscale_after, 7);
}

static void mss_sack_and_timestamps_of_the_syn(void **state)
{
  (void)state;
  struct passage passage;
  start(&passage, TCP_SYN);
  passage.after.mss = 904;
  assert_changes(&passage, PATH_CHANGE_MSS);
  assert_int_equal(passage.changes.mss_before, 1460);
  assert_int_equal(passage.changes.mss_after, 904);
  start(&passage, TCP_SYN);
  passage.after.options &= (uint16_t)~TCP_OPT_MSS;
  assert_changes(&passage, PATH_CHANGE_MSS);
  assert_int_equal(passage.changes.mss_after, 0);
  start(&passage, TCP_SYN);
  passage.after.options &= (uint16_t)~TCP_OPT_SACK_PERMITTED;
  assert_changes(&passage, PATH_CHANGE_SACK_PERMITTED);
  start(&passage, TCP_SYN);
  passage.after.options &= (uint16_t)~TCP_OPT_TIMESTAMPS;
  assert_changes(&passage, PATH_CHANGE_TIMESTAMPS);
  assert_true((passage.changes.options_before & TCP_OPT_TIMESTAMPS) != 0);
  assert_true((passage.changes.options_after & TCP_OPT_TIMESTAMPS) == 0);
}

static void the_syn_that_differs_is_remembered(void **state)
{
  (void)state;
  struct passage passage;
  start(&passage, TCP_SYN);
  pass(&passage, true);
  passage.before.frame = 20;
  passage.after.wscale = 2;
  pass(&passage, true);
  assert_int_equal(passage.changes.wscale_after, 2);
  assert_int_equal(passage.changes.syn.frame_before, 20);
  passage.before.frame = 30;
  passage.after.wscale = 7;
  pass(&passage, true);
  assert_int_equal(passage.changes.wscale_after, 2);
  assert_int_equal(passage.changes.syn.frame_before, 20);
}

static void options_of_other_segments(void **state)
{
  (void)state;
  struct passage passage;
  start(&passage, TCP_ACK);
  passage.after.options = 0;
  assert_changes(&passage, PATH_CHANGE_TIMESTAMPS);
  start(&passage, TCP_ACK);
  passage.after.ts_val += 1000;
  assert_changes(&passage, PATH_CHANGE_TS_VALUES);
  assert_int_equal(passage.changes.ts_val_before, 11);
  assert_int_equal(passage.changes.ts_val_after, 1011);
  start(&passage, TCP_ACK);
  passage.after.ts_ecr = 0;
  assert_changes(&passage, PATH_CHANGE_TS_VALUES);
  start(&passage, TCP_SYN);
  passage.before.options |= TCP_OPT_MPTCP;
  passage.after.options |= TCP_OPT_FASTOPEN;
  assert_changes(&passage, PATH_CHANGE_OTHER_OPTIONS);
  assert_int_equal(passage.changes.options_lost, TCP_OPT_MPTCP);
  assert_int_equal(passage.changes.options_added, TCP_OPT_FASTOPEN);
}

static void options_that_were_cut_prove_nothing(void **state)
{
  (void)state;
  struct passage passage;
  start(&passage, TCP_SYN);
  passage.after.options = TCP_OPT_MSS | TCP_OPT_CUT;
  assert_changes(&passage, 0);
  assert_false(passage.changes.syn_compared);
  start(&passage, TCP_SYN);
  passage.before.options = TCP_OPT_MALFORMED;
  assert_changes(&passage, 0);
}

static void sequence_numbers_shifted(void **state)
{
  (void)state;
  struct passage passage;
  start_data(&passage, 100);
  passage.seq_shift = 5000;
  passage.after.seq = passage.before.seq - 5000;
  assert_changes(&passage, PATH_CHANGE_SEQ);
  assert_int_equal(passage.changes.seq_shift, 5000);
}

static void add_sack(struct packet *packet, uint32_t begin)
{
  packet->options |= TCP_OPT_SACK;
  packet->sack_count = 2;
  packet->sack[0] = (struct sack_block){begin, begin + 100};
  packet->sack[1] = (struct sack_block){begin + 200, begin + 300};
}

static void sack_blocks_follow_the_shift_or_not(void **state)
{
  (void)state;
  struct passage passage;
  start(&passage, TCP_ACK);
  passage.ack_shift = 5000;
  passage.after.ack -= 5000;
  add_sack(&passage.before, 9000);
  add_sack(&passage.after, 9000);
  assert_changes(&passage, PATH_CHANGE_SACK_UNTRANSLATED);
  start(&passage, TCP_ACK);
  passage.ack_shift = 5000;
  passage.after.ack -= 5000;
  add_sack(&passage.before, 9000);
  add_sack(&passage.after, 4000);
  assert_changes(&passage, 0);
  assert_int_equal(passage.changes.sacks_translated, 1);
  passage.after.sack[1].start++; /* other blocks: another duplicate ACK */
  assert_changes(&passage, 0);
  assert_int_equal(passage.changes.sacks_translated, 1);
  start(&passage, TCP_ACK);
  add_sack(&passage.before, 9000);
  add_sack(&passage.after, 9000);
  assert_changes(&passage, 0);
}

static void ttl_dscp_and_ecn(void **state)
{
  (void)state;
  struct passage passage;
  start(&passage, TCP_ACK);
  passage.after.ttl = 61;
  assert_changes(&passage, PATH_CHANGE_TTL);
  assert_int_equal(passage.changes.ttl_before, 64);
  assert_int_equal(passage.changes.ttl_after, 61);
  start(&passage, TCP_ACK);
  passage.before.tos = 46 << 2 | 2;
  passage.after.tos = 2;
  assert_changes(&passage, PATH_CHANGE_DSCP);
  assert_int_equal(passage.changes.tos_before, 186);
  start(&passage, TCP_ACK);
  passage.before.tos = 2;
  passage.after.tos = 0;
  assert_changes(&passage, PATH_CHANGE_ECN);
  assert_int_equal(passage.changes.ecn_before, 2);
  assert_int_equal(passage.changes.ecn_after, 0);
  start(&passage, TCP_ACK);
  passage.after.tos = 3; /* a mark on what is not ECN-capable */
  assert_changes(&passage, PATH_CHANGE_ECN);
  start(&passage, TCP_ACK);
  passage.before.tos = 46 << 2;
  passage.after.tos = 1;
  assert_changes(&passage, PATH_CHANGE_DSCP | PATH_CHANGE_ECN);
}

static void a_ce_mark_is_no_change(void **state)
{
  (void)state;
  struct passage passage;
  start(&passage, TCP_ACK);
  passage.before.tos = 2;
  passage.after.tos = 3;
  assert_changes(&passage, 0);
  assert_int_equal(passage.changes.ce_marked, 1);
}

static void text_without_ttl_and_tos_is_not_compared(void **state)
{
  (void)state;
  struct passage passage;
  start(&passage, TCP_ACK);
  passage.before.tos = 8;
  passage.after.facts &= (uint8_t)~PACKET_TTL_VALID;
  passage.after.ttl = 0;
  passage.after.tos = 0;
  assert_changes(&passage, 0);
  passage.after.tos = 16; /* printed because it is not 0 */
  pass(&passage, true);
  assert_int_equal(passage.changes.changed, PATH_CHANGE_DSCP);
}

static void addresses_and_ip_id(void **state)
{
  (void)state;
  struct passage passage;
  start(&passage, TCP_ACK);
  passage.after.src = packet_host(99);
  assert_changes(&passage, PATH_CHANGE_ADDRESSES);
  start(&passage, TCP_ACK);
  passage.after.dst_port = 8080;
  assert_changes(&passage, PATH_CHANGE_ADDRESSES);
  start(&passage, TCP_ACK);
  passage.after.ip_id = 1;
  assert_changes(&passage, PATH_CHANGE_IP_ID);
  start(&passage, TCP_ACK);
  passage.after.ip_id = 0;
  passage.after.facts &= (uint8_t)~PACKET_IP_ID;
  assert_changes(&passage, 0);
}

static void damage_is_told_and_nothing_else_of_that_packet(void **state)
{
  (void)state;
  struct passage passage;
  start_data(&passage, 1000);
  passage.after.checksum = CHECKSUM_BAD;
  passage.after.payload_sum = 0x9999;
  passage.after.window = 1;
  assert_changes(&passage, PATH_CHANGE_CHECKSUM);
  assert_int_equal(passage.changes.damaged_bytes, 1000);
  start_data(&passage, 1000);
  passage.before.checksum = CHECKSUM_OFFLOADED;
  passage.after.checksum = CHECKSUM_BAD;
  assert_changes(&passage, PATH_CHANGE_CHECKSUM);
}

static void checksums_that_are_no_damage(void **state)
{
  (void)state;
  struct passage passage;
  start_data(&passage, 1000);
  passage.before.checksum = CHECKSUM_OFFLOADED; /* filled in by the hardware */
  assert_changes(&passage, 0);
  start_data(&passage, 1000);
  passage.after.checksum = CHECKSUM_OFFLOADED; /* merged by the receiver */
  assert_changes(&passage, 0);
  start_data(&passage, 1000);
  passage.before.checksum = CHECKSUM_BAD; /* as bad when it left */
  passage.after.checksum = CHECKSUM_BAD;
  assert_changes(&passage, 0);
  start_data(&passage, 1000);
  passage.before.checksum = CHECKSUM_BAD; /* a stale sum that the hardware put right */
  assert_changes(&passage, 0);
  start_data(&passage, 1000);
  passage.before.checksum = CHECKSUM_UNKNOWN;
  passage.after.checksum = CHECKSUM_BAD;
  assert_changes(&passage, 0);
  start_data(&passage, 1000);
  passage.after.payload_bytes = 3000; /* merged by hardware: nobody fixed the sum */
  passage.after.checksum = CHECKSUM_BAD;
  pass(&passage, false);
  assert_int_equal(passage.changes.changed, 0);
}

static void payload_altered(void **state)
{
  (void)state;
  struct passage passage;
  start_data(&passage, 1000);
  passage.after.payload_sum = 0x4321;
  assert_changes(&passage, PATH_CHANGE_PAYLOAD);
  assert_int_equal(passage.changes.payloads_unchecked, 0);
  start_data(&passage, 1000); /* cut by the snap length: the first bytes only */
  passage.before.payload_sum = passage.after.payload_sum = 0;
  passage.before.checksum = passage.after.checksum = CHECKSUM_UNKNOWN;
  passage.after.payload_hash = 1;
  assert_changes(&passage, PATH_CHANGE_PAYLOAD);
  assert_int_equal(passage.changes.payloads_unchecked, 1);
}

static void payload_that_was_not_altered(void **state)
{
  (void)state;
  struct passage passage;
  start_data(&passage, 1000);
  passage.after.payload_sum = 0; /* cut at one end only */
  assert_changes(&passage, 0);
  start_data(&passage, 1000);
  passage.after.payload_hash = 0;
  assert_changes(&passage, 0);
  start_data(&passage, 4000); /* a piece of a super-segment has another sum, and another start */
  passage.after.payload_bytes = 1000;
  passage.after.payload_sum = 0x1111;
  pass(&passage, false);
  passage.after.seq += 1000;
  passage.after.payload_hash = 0x2222;
  pass(&passage, false);
  assert_int_equal(passage.changes.changed, 0);
  start_data(&passage, 4000); /* ... but its first piece starts with the same bytes */
  passage.after.payload_bytes = 1000;
  passage.after.payload_hash = 0x2222;
  pass(&passage, false);
  assert_int_equal(passage.changes.changed, PATH_CHANGE_PAYLOAD);
}

static void window_rewritten(void **state)
{
  (void)state;
  struct passage passage;
  start(&passage, TCP_ACK);
  passage.after.window = 100;
  assert_changes(&passage, PATH_CHANGE_WINDOW);
  assert_int_equal(passage.changes.window_before, 502);
  assert_int_equal(passage.changes.window_after, 100);
  assert_int_equal(passage.changes.windows_lowered, 1);
  assert_int_equal(passage.changes.windows_translated, 0);
}

/* A proxy announces its own shift, 3 for 7, and rewrites the windows to fit: 502 << 7 = 64256. */
static void window_rewritten_with_its_shift_means_the_same(void **state)
{
  (void)state;
  struct passage passage;
  start(&passage, TCP_SYN);
  passage.after.wscale = 3;
  pass(&passage, true);
  struct path_changes changes = passage.changes;
  start(&passage, TCP_ACK);
  passage.changes = changes;
  passage.after.window = 502 << 4;
  pass(&passage, true);
  passage.after.window = 3; /* and this one does not fit */
  pass(&passage, true);
  passage.before.window = 50000;
  passage.after.window = UINT16_MAX; /* the most that can be said */
  pass(&passage, true);
  assert_int_equal(passage.changes.changed, PATH_CHANGE_WSCALE | PATH_CHANGE_WINDOW);
  assert_int_equal(passage.changes.counts[path_change_index(PATH_CHANGE_WINDOW)], 3);
  assert_int_equal(passage.changes.windows_translated, 2);
  assert_int_equal(passage.changes.windows_lowered, 1);
}

static void flags_rewritten(void **state)
{
  (void)state;
  struct passage passage;
  start(&passage, TCP_SYN | TCP_ECE | TCP_CWR);
  passage.after.flags = TCP_SYN;
  assert_changes(&passage, PATH_CHANGE_FLAGS);
  assert_int_equal(passage.changes.syn_flags_changed, TCP_ECE | TCP_CWR);
  start(&passage, TCP_ACK | TCP_URG);
  passage.after.flags = TCP_ACK;
  assert_changes(&passage, PATH_CHANGE_FLAGS);
  assert_int_equal(passage.changes.flags_changed, TCP_URG);
  assert_int_equal(passage.changes.syn_flags_changed, 0);
}

/* One super-segment before, one of its pieces after; then merged the other way round. */
static void segmentation_offload_is_no_change(void **state)
{
  (void)state;
  struct passage passage;
  start_data(&passage, 4344);
  passage.before.checksum = CHECKSUM_OFFLOADED;
  passage.before.flags |= TCP_CWR | TCP_FIN;
  passage.after.flags = TCP_ACK;
  passage.after.payload_bytes = 1448;
  passage.after.payload_sum = 0x5678;
  passage.after.ip_id += 1;
  pass(&passage, false);
  struct packet merged = passage.before;
  passage.before = passage.after;
  passage.after = merged;
  passage.after.window = 510;
  passage.after.ts_ecr++;
  pass(&passage, false);
  assert_int_equal(passage.changes.changed, 0);
}

static void parts_of_segments_still_tell_of_the_path(void **state)
{
  (void)state;
  struct passage passage;
  start_data(&passage, 4344);
  passage.after.payload_bytes = 1448;
  passage.after.ttl = 60;
  passage.after.tos = 32;
  passage.after.options = 0;
  passage.after.flags |= TCP_ECE;
  passage.after.src_port = 1;
  pass(&passage, false);
  assert_int_equal(passage.changes.changed, PATH_CHANGE_TTL | PATH_CHANGE_DSCP |
                                                PATH_CHANGE_TIMESTAMPS | PATH_CHANGE_FLAGS |
                                                PATH_CHANGE_ADDRESSES);
}

static void the_first_example_stays(void **state)
{
  (void)state;
  struct passage passage;
  start(&passage, TCP_ACK);
  passage.after.ttl = 60;
  pass(&passage, true);
  passage.before.frame = 100;
  passage.after.ttl = 50; /* another way through the network */
  pass(&passage, true);
  assert_int_equal(passage.changes.ttl_after, 60);
  assert_int_equal(passage.changes.counts[path_change_index(PATH_CHANGE_TTL)], 2);
  assert_int_equal(passage.changes.first[path_change_index(PATH_CHANGE_TTL)].frame_before, 7);
}

static void the_same_ip_id_makes_a_change_sure(void **state)
{
  (void)state;
  struct passage passage;
  start(&passage, TCP_ACK);
  passage.after.window = 1;
  pass(&passage, true);
  assert_int_equal(passage.changes.sure, PATH_CHANGE_WINDOW);
  start(&passage, TCP_ACK);
  passage.after.window = 1;
  passage.after.ip_id++;
  pass(&passage, true);
  assert_int_equal(passage.changes.sure, 0);
  start(&passage, TCP_ACK); /* many systems leave it at 0 */
  passage.after.window = 1;
  passage.before.ip_id = passage.after.ip_id = 0;
  pass(&passage, true);
  assert_int_equal(passage.changes.sure, 0);
}

static void fill(void *bytes, size_t size, uint64_t *seed)
{
  uint8_t *at = bytes;
  for (size_t i = 0; i < size; i++)
    at[i] = (uint8_t)random_next(seed);
}

/* Whatever the packets are: a bit is set if its count is, and no count exceeds what was compared.
 */
static void any_packets_can_be_compared(void **state)
{
  (void)state;
  uint64_t seed = 7;
  for (int run = 0; run < 2000; run++) {
    struct passage passage = {0};
    for (int i = 0; i < 10; i++) {
      fill(&passage.before, sizeof passage.before, &seed);
      if (random_below(&seed, 2) == 0)
        passage.after = passage.before;
      size_t damaged = random_below(&seed, sizeof passage.after);
      fill((uint8_t *)&passage.after + damaged,
           random_below(&seed, (uint32_t)(sizeof passage.after - damaged)), &seed);
      passage.seq_shift = random_below(&seed, 2) * 1000;
      passage.ack_shift = random_below(&seed, 2) * 1000;
      pass(&passage, random_below(&seed, 2) == 0);
    }
    for (unsigned bit = 0; bit < PATH_CHANGE_BITS; bit++) {
      bool set = (passage.changes.changed & 1u << bit) != 0;
      assert_int_equal(set, passage.changes.counts[bit] > 0);
      assert_true(passage.changes.counts[bit] <= passage.changes.compared);
    }
    assert_int_equal(passage.changes.sure & ~passage.changes.changed, 0);
    assert_int_equal(passage.changes.compared, 10);
  }
}

static void every_change_has_its_name(void **state)
{
  (void)state;
  assert_string_equal(path_change_name(PATH_CHANGE_WSCALE), "wscale");
  assert_string_equal(path_change_name(PATH_CHANGE_SACK_UNTRANSLATED), "sack-untranslated");
  assert_string_equal(path_change_name(PATH_CHANGE_IP_ID), "ip-id");
  for (unsigned a = 0; a < PATH_CHANGE_BITS; a++)
    for (unsigned b = 0; b < a; b++)
      assert_string_not_equal(path_change_name((enum path_change)(1u << a)),
                              path_change_name((enum path_change)(1u << b)));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(unaltered_packets_show_no_change),
      cmocka_unit_test(window_scale_rewritten_stripped_and_added),
      cmocka_unit_test(mss_sack_and_timestamps_of_the_syn),
      cmocka_unit_test(the_syn_that_differs_is_remembered),
      cmocka_unit_test(options_of_other_segments),
      cmocka_unit_test(options_that_were_cut_prove_nothing),
      cmocka_unit_test(sequence_numbers_shifted),
      cmocka_unit_test(sack_blocks_follow_the_shift_or_not),
      cmocka_unit_test(ttl_dscp_and_ecn),
      cmocka_unit_test(a_ce_mark_is_no_change),
      cmocka_unit_test(text_without_ttl_and_tos_is_not_compared),
      cmocka_unit_test(addresses_and_ip_id),
      cmocka_unit_test(damage_is_told_and_nothing_else_of_that_packet),
      cmocka_unit_test(checksums_that_are_no_damage),
      cmocka_unit_test(payload_altered),
      cmocka_unit_test(payload_that_was_not_altered),
      cmocka_unit_test(window_rewritten),
      cmocka_unit_test(window_rewritten_with_its_shift_means_the_same),
      cmocka_unit_test(flags_rewritten),
      cmocka_unit_test(segmentation_offload_is_no_change),
      cmocka_unit_test(parts_of_segments_still_tell_of_the_path),
      cmocka_unit_test(the_first_example_stays),
      cmocka_unit_test(the_same_ip_id_makes_a_change_sure),
      cmocka_unit_test(any_packets_can_be_compared),
      cmocka_unit_test(every_change_has_its_name),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
