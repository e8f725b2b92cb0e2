#ifndef TESTS_REPORT_JOINT_EXAMPLE_H
#define TESTS_REPORT_JOINT_EXAMPLE_H

/* Made-up material for the report tests: what a joint diagnosis would deliver for a transfer that
 * two or three capture points saw, behind a NAT that also lowers the MSS, with a segment lost. */

#include "report_example.h"

/* 2026-11-22 12:00:00 UTC */
#define JOINT_NOON_NS (INT64_C(1795348800) * NS_PER_S)

static inline int64_t joint_time(int64_t us)
{
  return JOINT_NOON_NS + us * NS_PER_US;
}

/* All that one joint_connection points to. */
struct joint_example {
  struct connection_summary whole, views[3];
  struct connection_pair pair;
  struct joint_connection connection;
};

static inline void joint_example_streams(struct connection_summary *summary)
{
  struct stream_summary *data = &summary->streams[SIDE_CLIENT];
  summary->roles_from_syn = true;
  summary->quality = 0;
  summary->start_ns = joint_time(0);
  summary->end_ns = joint_time(5000000);
  summary->packets = 1903;
  data->bytes = 1048576;
  data->segments = data->packets = 1203;
  data->wscale_state = WSCALE_KNOWN;
  data->wscale = 7;
  data->syn = true;
  data->moving_ns = 3800 * NS_PER_MS;
  data->budget_ns[LOCATION_SENDER_QUEUE] = 0;
  data->budget_ns[LOCATION_FORWARD_PATH] = 1200 * NS_PER_MS;
  summary->streams[SIDE_SERVER].packets = summary->streams[SIDE_SERVER].acks = 700;
  summary->streams[SIDE_SERVER].syn = true;
  summary->streams[SIDE_SERVER].idle_ns = 5000 * NS_PER_MS;
}

static inline struct hop_summary joint_example_hop(uint8_t from, uint8_t to)
{
  struct hop_summary hop = {.from_end = from,
                            .to_end = to,
                            .packets = 1203,
                            .arrived = 1200,
                            .lost_segments = 3,
                            .lost_bytes = 4344,
                            .delay_min_ns = 12104 * NS_PER_US,
                            .delay_max_ns = 48312 * NS_PER_US,
                            .delay_mean_ns = 13007 * NS_PER_US};
  hop.changes.compared = 1200;
  return hop;
}

static inline void joint_example_change(struct path_changes *changes, enum path_change bit,
                                        uint64_t count)
{
  const unsigned index = path_change_index(bit);
  changes->changed |= (uint32_t)bit;
  changes->counts[index] = count;
  changes->first[index] = (struct path_change_example){1, 2, joint_time(0), joint_time(12 * 1000)};
}

/* Forwards 3 segments lost and the MSS lowered, back all well; the client behind a NAT. */
static inline void joint_example_hops(struct joint_connection *connection)
{
  const uint32_t last = connection->view_count - 1;
  connection->hop_count = last;
  for (uint32_t i = 0; i < last; i++) {
    struct hop_summary *forth = &connection->hops[SIDE_CLIENT][i];
    struct hop_summary *back = &connection->hops[SIDE_SERVER][last - 1 - i];
    *forth = joint_example_hop((uint8_t)i, (uint8_t)(i + 1));
    *back = joint_example_hop((uint8_t)(i + 1), (uint8_t)i);
    back->packets = back->arrived = 700;
    back->lost_segments = back->lost_bytes = 0;
    forth->changes.mss_before = 1460;
    forth->changes.mss_after = 904;
    forth->changes.ttl_before = 64;
    forth->changes.ttl_after = 62;
    joint_example_change(&forth->changes, PATH_CHANGE_MSS, 1);
    joint_example_change(&forth->changes, PATH_CHANGE_ADDRESSES, 1200);
    joint_example_change(&forth->changes, PATH_CHANGE_TTL, 1200);
    joint_example_change(&back->changes, PATH_CHANGE_ADDRESSES, 700);
  }
}

static inline void joint_example_pair(struct joint_example *example)
{
  struct connection_pair *pair = &example->pair;
  pair->member_count = example->connection.view_count;
  pair->certainty = PAIR_CERTAIN;
  pair->order_known = true;
  snprintf(pair->reason, sizeof pair->reason,
           "812 segments agree in sequence numbers, timestamps and IP-ID");
  for (uint32_t i = 0; i < pair->member_count; i++) {
    pair->members[i].end = (uint8_t)i;
    pair->members[i].place = (uint8_t)i;
    pair->members[i].client = example->views[i].client;
    pair->members[i].server = example->views[i].server;
    pair->members[i].seq_shift[SIDE_CLIENT] = i * 1000;
  }
}

/* A connection that `points` capture points saw, end 0 at the client. */
static inline void joint_example_make(struct joint_example *example, uint64_t id, uint32_t points)
{
  memset(example, 0, sizeof *example);
  struct joint_connection *connection = &example->connection;
  example->whole = example_connection(id);
  joint_example_streams(&example->whole);
  example->whole.client.port = (uint16_t)(40000 + id);
  snprintf(example->whole.vantage_reason, sizeof example->whole.vantage_reason, "TTL 64");
  connection->id = id;
  connection->whole = &example->whole;
  connection->view_count = points;
  connection->level = points > 1 ? EVIDENCE_BOTH_ENDS : EVIDENCE_ONE_END;
  for (uint32_t i = 0; i < points; i++) {
    struct connection_summary *view = &example->views[i];
    *view = example->whole;
    view->id = id + 1000 * i;
    view->end = (uint8_t)i;
    view->start_ns += (int64_t)i * 12 * NS_PER_MS;
    view->vantage = i == 0 ? VANTAGE_CLIENT : i + 1 == points ? VANTAGE_SERVER : VANTAGE_MIDDLE;
    if (i > 0) {
      view->client = (struct endpoint){example_address(77), (uint16_t)(50000 + id), 4};
      view->streams[SIDE_CLIENT].packets -= 3;
      view->packets -= 3;
    }
    connection->views[i] = view;
  }
  if (points < 2)
    return;
  joint_example_pair(example);
  connection->pair = &example->pair;
  joint_example_hops(connection);
}

/* The loss that both ends prove. */
static inline struct finding joint_example_loss(uint32_t points)
{
  struct finding finding = {
      .id = 1,
      .state = FINDING_CLOSED,
      .severity = SEVERITY_PROBLEM,
      .kind = FINDING_STALL,
      .sender = SIDE_CLIENT,
      .start_ns = joint_time(3200000),
      .end_ns = joint_time(4400000),
      .hold_min_ns = TIME_INVALID,
      .hold_max_ns = TIME_INVALID,
      .location = LOCATION_FORWARD_PATH,
      .cause = CAUSE_TAIL_LOSS,
      .confidence = CONFIDENCE_PROVEN,
      .cause_confidence = CONFIDENCE_PROVEN,
      .ended_by = ENDED_BY_RETRANSMISSION,
      .waits = 1,
      .waited_ns = 1200 * NS_PER_MS,
      .stages = {.at_ns = joint_time(3200000),
                 .outstanding_bytes = 65160,
                 .lost_bytes = 1448,
                 .unacked_at_receiver_bytes = 63712},
      .summary = "the last segment of a burst was lost on the way, and the sender noticed after "
                 "1.200 s",
      .reason = "B never saw the segment that left A at 12:00:03.2.",
  };
  finding_add_evidence(&finding, 0, 17, joint_time(3200000), "sequence number 64001 leaves");
  finding_add_evidence(&finding, (uint8_t)(points - 1), 1234567, joint_time(3212000),
                       "the segment before it arrives, the last one for 1.200 s");
  finding_add_evidence(&finding, 0, 18, joint_time(4400000), "sequence number 64001 again");
  return finding;
}

static inline struct report_capture joint_example_capture(uint8_t end)
{
  static const char *const files[] = {"client/client.pcap", "router/middle.pcapng",
                                      "server/server.pcap"};
  struct report_capture capture = example_capture();
  capture.end = end;
  capture.file = files[end % 3];
  capture.format = "pcap";
  capture.excerpt = 0;
  capture.captured_on = "";
  capture.time_base = REPORT_TIME_EPOCH;
  capture.stats.packets[PACKET_ICMP] = 0;
  capture.stats.packets[PACKET_TCP] = 1903;
  capture.frames = 1903;
  capture.stats.first_ns = joint_time(0);
  capture.stats.last_ns = joint_time(5000000);
  return capture;
}

/* The clock of an end that is 12.3 s ahead, drifts, and was stepped once. */
static inline struct clock_map joint_example_clock(void)
{
  return (struct clock_map){
      .piece_count = 2,
      .pieces = {{.from_ns = joint_time(0),
                  .to_ns = joint_time(2000000),
                  .offset_ns = INT64_C(12345678901),
                  .skew_ppm = 12.34,
                  .skew_known = true,
                  .uncertainty_ns = 187 * NS_PER_US},
                 {.from_ns = joint_time(2000000),
                  .to_ns = joint_time(5000000),
                  .offset_ns = INT64_C(-7200500000000),
                  .skew_ppm = 12.34,
                  .skew_known = true,
                  .uncertainty_ns = 200 * NS_PER_US,
                  .usual_uncertainty_ns = 31 * NS_PER_US}},
  };
}

#endif
