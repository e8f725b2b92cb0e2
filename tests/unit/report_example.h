#ifndef TESTS_REPORT_EXAMPLE_H
#define TESTS_REPORT_EXAMPLE_H

/* Made-up material for the report tests: what an analyzer would deliver for the stall of 2003, a
 * zero window, a harmless pause. Deliberately with hostile names in between. */

#include "report/collect.h"
#include "wire/timestamp.h"

#include <stdio.h>
#include <string.h>

#define EXAMPLE_DAY_NS (INT64_C(1068076800) * NS_PER_S) /* 2003-11-06 00:00 UTC */

static inline struct ip_address example_address(uint8_t last)
{
  return (struct ip_address){{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, last}};
}

/* Nanoseconds of 07:52:00 plus microseconds. */
static inline int64_t example_time(int64_t us)
{
  return (INT64_C(7) * 3600 + 52 * 60) * NS_PER_S + us * NS_PER_US;
}

static inline struct connection_summary example_connection(uint64_t id)
{
  struct connection_summary connection = {
      .id = id,
      .client = {example_address(1), 33133, 4},
      .server = {example_address(2), 20, 4},
      .vantage = VANTAGE_CLIENT,
      .vantage_source = VANTAGE_INFERRED,
      .vantage_reason = "the text says that it was captured on test-local",
      .start_ns = example_time(38962180),
      .end_ns = example_time(49862675),
      .packets = 16,
      .established = true,
      .quality = QUALITY_MID_STREAM,
      .findings = 1,
  };
  for (int side = 0; side < 2; side++) {
    struct stream_summary *stream = &connection.streams[side];
    stream->rtt_min_ns = stream->rtt_max_ns = stream->srtt_ns = TIME_INVALID;
    stream->rttvar_ns = stream->est_rto_ns = TIME_INVALID;
    stream->timestamps = true;
  }
  struct stream_summary *data = &connection.streams[SIDE_CLIENT];
  data->bytes = 9120;
  data->segments = data->packets = 10;
  data->largest_segment = 912;
  data->ts_clock_hz = 100;
  data->rtt_samples = 3;
  data->rtt_min_ns = 3944 * NS_PER_US;
  data->rtt_max_ns = 36707 * NS_PER_US;
  data->srtt_ns = 8047 * NS_PER_US;
  data->rttvar_ns = 6151 * NS_PER_US;
  data->est_rto_ns = 208047 * NS_PER_US;
  data->window_min = data->window_max = 63840;
  data->flight_max = 8208;
  data->moving_ns = 36798 * NS_PER_US;
  data->budget_ns[LOCATION_SENDER_QUEUE] = 10863697 * NS_PER_US;
  connection.streams[SIDE_SERVER].acks = connection.streams[SIDE_SERVER].packets = 6;
  connection.streams[SIDE_SERVER].idle_ns = 10900495 * NS_PER_US;
  return connection;
}

/* The stall of 2003 as its sender's capture proves it. */
static inline struct finding example_stall(void)
{
  struct finding finding = {
      .id = 1,
      .state = FINDING_CLOSED,
      .severity = SEVERITY_PROBLEM,
      .kind = FINDING_STALL,
      .sender = SIDE_CLIENT,
      .start_ns = example_time(38998900),
      .end_ns = example_time(49862634),
      .hold_min_ns = 10898 * NS_PER_MS,
      .hold_max_ns = 26240 * NS_PER_MS,
      .location = LOCATION_SENDER_QUEUE,
      .cause = CAUSE_TX_QUEUE_HOLD,
      .confidence = CONFIDENCE_PROVEN,
      .cause_confidence = CONFIDENCE_LIKELY,
      .ended_by = ENDED_BY_FOREIGN_PACKET,
      .waits = 1,
      .waited_ns = 10863734 * NS_PER_US,
      .summary =
          "192.0.2.1 held 7 segments back below its TCP for 10.863 s although everything was "
          "acknowledged; an echo request released them",
      .reason = "The 7 segments that left after the silence carry TSval 3957858 and 3957859, which "
                "TCP's 100 Hz clock showed at 38.96 s: they were built then. They echo TSecr "
                "44151213, although ACKs with 44152747 had been here for 10.898 s: they were built "
                "before these were processed. So the ACK was neither stuck nor ignored, and the "
                "application had written its bytes in time.",
      .settle = "`tc -s qdisc show dev tap0` on the sending host during the stall: a backlog that "
                "stays is the proof.",
      .advice =
          "Look at the transmit queue of the tap device; any frame sent through it wakes it up.",
  };
  finding_add_evidence(&finding, 0, 3, example_time(38962193),
                       "the last segment before the silence, TSval 3957858");
  finding_add_evidence(&finding, 0, 9, example_time(38998900),
                       "ACK 1589377 acknowledges everything seen, window 63840, TSval 44152751");
  finding_add_evidence(&finding, 0, 10, example_time(49862597),
                       "an ICMP echo request leaves, 37 µs before the first held segment");
  finding_add_evidence(&finding, 0, 11, example_time(49862634),
                       "sequence number 1589377, TSval 3957858, TSecr 44151213: a clock of 100 Hz "
                       "would show about 3958948 by now");
  finding_add_evidence(&finding, 0, 0, TIME_INVALID, "no retransmission in between");
  finding_add_alternative(&finding, LOCATION_FORWARD_PATH, CAUSE_PATH_HOLD,
                          "only if this capture was not taken on the sending host");
  return finding;
}

static inline struct finding example_pause(void)
{
  struct finding finding = {
      .id = 2,
      .state = FINDING_CLOSED,
      .severity = SEVERITY_INFO,
      .kind = FINDING_STALL,
      .sender = SIDE_SERVER,
      .start_ns = example_time(1000000),
      .end_ns = example_time(4200000),
      .hold_min_ns = TIME_INVALID,
      .hold_max_ns = TIME_INVALID,
      .location = LOCATION_SENDER_APP,
      .cause = CAUSE_APP_IDLE,
      .confidence = CONFIDENCE_LIKELY,
      .cause_confidence = CONFIDENCE_LIKELY,
      .ended_by = ENDED_BY_APPLICATION,
      .waits = 1,
      .waited_ns = 3200 * NS_PER_MS,
      .summary = "192.0.2.2 had nothing to send for 3.200 s",
  };
  return finding;
}

/* A crawl over both midnights, with nanoseconds and hostile bytes. */
static inline struct finding example_crawl(void)
{
  struct finding finding = {
      .id = 1,
      .state = FINDING_CLOSED,
      .severity = SEVERITY_PROBLEM,
      .kind = FINDING_CRAWL,
      .sender = SIDE_SERVER,
      .start_ns = EXAMPLE_DAY_NS - 2 * NS_PER_S,
      .end_ns = EXAMPLE_DAY_NS + 1500000001,
      .hold_min_ns = TIME_INVALID,
      .hold_max_ns = TIME_INVALID,
      .location = LOCATION_REVERSE_PATH,
      .cause = CAUSE_WINDOW_SCALE_REWRITTEN,
      .confidence = CONFIDENCE_LIKELY,
      .cause_confidence = CONFIDENCE_LIKELY,
      .ended_by = ENDED_BY_CAPTURE_END,
      .waits = 1234,
      .waited_ns = 3 * NS_PER_S,
      .summary = "every flight is exactly the raw window: \x1b[31mred\x1b[0m \xff\xfe \xe2\x80\xae"
                 "reordered \xe6\x97\xa5\xe6\x9c\xac",
  };
  finding_add_evidence(&finding, 0, 12345678, EXAMPLE_DAY_NS - 1, "one\ttab, one\nnewline");
  return finding;
}

static inline struct report_capture example_capture(void)
{
  struct report_capture capture = {
      .file = "samples/2003-tap-stall/both-ends.txt",
      .excerpt = 1,
      .format = "text",
      .compression = "",
      .captured_on = "test-local",
      .time_base = REPORT_TIME_OF_DAY,
      .bytes = 6161,
      .frames = 17,
  };
  capture.stats.packets[PACKET_TCP] = 16;
  capture.stats.packets[PACKET_ICMP] = 1;
  capture.stats.connections = 1;
  capture.stats.first_ns = example_time(38962180);
  capture.stats.last_ns = example_time(49862675);
  return capture;
}

static inline const char *example_name(void *context, uint8_t end, const struct ip_address *address)
{
  (void)context;
  (void)end;
  if (address->bytes[15] == 1)
    return "test-local";
  return address->bytes[15] == 2 ? "test-remote" : NULL;
}

#endif
