/* Frames on their way onto a device: the ring between the threads, and what is made of a frame. */
#include "replay/wire_replay_frame.h"
#include "replay/wire_replay_ring.h"
#include "wire/packet.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FRAMES 20000

static uint32_t size_of(uint32_t i)
{
  return i % 97 == 0 ? WIRE_REPLAY_FRAME_MAX : 60 + i * 7919 % 3000;
}

static void *fill(void *context)
{
  struct wire_replay_ring *ring = context;
  static uint8_t bytes[WIRE_REPLAY_FRAME_MAX];
  for (uint32_t i = 0; i < FRAMES;) {
    const struct wire_replay_frame frame = {
        .at_ns = i, .lane = i % 3, .size = size_of(i), .out = i & 1};
    memset(bytes, (int)(i & 255), frame.size);
    if (wire_replay_ring_put(ring, &frame, bytes))
      i++;
  }
  wire_replay_ring_finish(ring);
  return NULL;
}

static void frames_come_out_as_they_went_in(void **state)
{
  (void)state;
  struct wire_replay_ring *ring = wire_replay_ring_new(1);
  pthread_t writer;
  assert_non_null(ring);
  assert_int_equal(pthread_create(&writer, NULL, fill, ring), 0);
  for (uint32_t i = 0; i < FRAMES;) {
    const uint8_t *bytes = NULL;
    const struct wire_replay_frame *frame = wire_replay_ring_peek(ring, &bytes);
    if (frame == NULL)
      continue;
    assert_int_equal(frame->at_ns, i);
    assert_int_equal(frame->lane, i % 3);
    assert_int_equal(frame->out, i & 1);
    assert_int_equal(frame->size, size_of(i));
    assert_int_equal(bytes[0], i & 255);
    assert_int_equal(bytes[frame->size - 1], i & 255);
    wire_replay_ring_drop(ring);
    i++;
  }
  pthread_join(writer, NULL);
  const uint8_t *bytes = NULL;
  assert_true(wire_replay_ring_finished(ring));
  assert_null(wire_replay_ring_peek(ring, &bytes));
  wire_replay_ring_free(ring);
}

static const uint8_t segment[] = {2,  0,    0,    0, 0, 1,    2,    0,  0, 0, 0, 2,  8, 0, 0x45,
                                  0,  0,    44,   0, 1, 0x40, 0,    64, 6, 0, 0, 10, 0, 0, 1,
                                  10, 0,    0,    2, 0, 80,   0x10, 0,  0, 0, 0, 1,  0, 0, 0,
                                  1,  0x50, 0x10, 1, 0, 0,    0,    0,  0, 1, 2, 3,  4};

static uint8_t out[WIRE_REPLAY_FRAME_MAX];

static void whole_frames_stay_as_they_are(void **state)
{
  (void)state;
  uint32_t size = 0;
  struct frame frame = {.linktype = 1,
                        .captured_bytes = sizeof segment,
                        .original_bytes = sizeof segment,
                        .bytes = segment};
  assert_int_equal(wire_replay_frame_make(&frame, out, &size), WIRE_REPLAY_VERBATIM);
  assert_int_equal(size, sizeof segment);
  assert_memory_equal(out, segment, sizeof segment);
  frame.fcs_bytes = 4;
  assert_int_equal(wire_replay_frame_make(&frame, out, &size), WIRE_REPLAY_VERBATIM);
  assert_int_equal(size, sizeof segment - 4);
}

static void what_was_cut_off_is_zeros_with_a_checksum_that_fits(void **state)
{
  (void)state;
  uint32_t size = 0;
  struct packet packet;
  const struct frame frame = {.linktype = 1,
                              .captured_bytes = sizeof segment - 4,
                              .original_bytes = sizeof segment,
                              .bytes = segment};
  assert_int_equal(wire_replay_frame_make(&frame, out, &size), WIRE_REPLAY_FILLED);
  assert_int_equal(size, sizeof segment);
  const struct frame made = {
      .linktype = 1, .captured_bytes = size, .original_bytes = size, .bytes = out};
  packet_decode(&made, &packet);
  assert_int_equal(packet.checksum, CHECKSUM_GOOD);
  assert_int_equal(packet.payload_bytes, 4);
}

static void other_link_types_get_a_header(void **state)
{
  (void)state;
  uint32_t size = 0;
  struct packet packet;
  const uint8_t *ip = segment + 14;
  const uint32_t bytes = sizeof segment - 14;
  uint8_t cooked[16 + sizeof segment] = {[14] = 8, [15] = 0};
  memcpy(cooked + 16, ip, bytes);
  const struct frame frames[] = {
      {.linktype = 101, .captured_bytes = bytes, .original_bytes = bytes, .bytes = ip},
      {.linktype = 113,
       .captured_bytes = bytes + 16,
       .original_bytes = bytes + 16,
       .bytes = cooked}};
  for (size_t i = 0; i < sizeof frames / sizeof *frames; i++) {
    assert_int_equal(wire_replay_frame_make(&frames[i], out, &size), WIRE_REPLAY_HEADED);
    assert_int_equal(size, sizeof segment);
    const struct frame made = {
        .linktype = 1, .captured_bytes = size, .original_bytes = size, .bytes = out};
    packet_decode(&made, &packet);
    assert_int_equal(packet.kind, PACKET_TCP);
  }
}

static void what_has_no_place_is_left_out(void **state)
{
  (void)state;
  uint32_t size = 0;
  struct frame frame = {
      .linktype = 105, .captured_bytes = 40, .original_bytes = 40, .bytes = segment};
  assert_int_equal(wire_replay_frame_make(&frame, out, &size), WIRE_REPLAY_IMPOSSIBLE);
  frame.linktype = 1;
  frame.original_bytes = UINT32_MAX;
  assert_int_equal(wire_replay_frame_make(&frame, out, &size), WIRE_REPLAY_IMPOSSIBLE);
  frame.captured_bytes = frame.original_bytes = 5;
  assert_int_equal(wire_replay_frame_make(&frame, out, &size), WIRE_REPLAY_IMPOSSIBLE);
  frame.linktype = 113;
  assert_int_equal(wire_replay_frame_make(&frame, out, &size), WIRE_REPLAY_IMPOSSIBLE);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(frames_come_out_as_they_went_in),
      cmocka_unit_test(whole_frames_stay_as_they_are),
      cmocka_unit_test(what_was_cut_off_is_zeros_with_a_checksum_that_fits),
      cmocka_unit_test(other_link_types_get_a_header),
      cmocka_unit_test(what_has_no_place_is_left_out),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
