#include "analyzer/connection.h"

#include "wire/timestamp.h"

#include <string.h>

uint32_t full_segment_bytes(const struct stream *stream)
{
  uint32_t mss = stream->mss;
  if (mss > 0 && (stream->flags & STREAM_TIMESTAMPS) != 0 && mss > 12)
    mss -= 12;
  if (stream->largest_segment == 0)
    return mss;
  return mss == 0 || stream->largest_segment < mss ? stream->largest_segment : mss;
}

enum stream_side connection_side(const struct connection *connection, const struct packet *packet)
{
  const struct flow_key *key = &connection->key;
  int index = memcmp(&packet->src, &key->address[0], sizeof packet->src) == 0 &&
                      packet->src_port == key->port[0]
                  ? 0
                  : 1;
  int client = (connection->flags & CONNECTION_CLIENT_IS_1) != 0 ? 1 : 0;
  return index == client ? SIDE_CLIENT : SIDE_SERVER;
}

bool connection_options_known(const struct connection *connection)
{
  uint32_t client = connection->stream[SIDE_CLIENT].flags,
           server = connection->stream[SIDE_SERVER].flags;
  return (client & server & STREAM_SYN) != 0 && ((client | server) & STREAM_SYN_CUT) == 0;
}

uint8_t connection_shift(const struct connection *connection, enum stream_side side, bool *known)
{
  uint32_t client = connection->stream[SIDE_CLIENT].flags,
           server = connection->stream[SIDE_SERVER].flags;
  *known = connection_options_known(connection);
  /* RFC 7323, 2.2: scaling is in force only if both SYNs carried the option. */
  if (!*known || (client & server & STREAM_WSCALE) == 0)
    return 0;
  return connection->stream[side].wscale;
}

enum window_scale_state connection_wscale_state(const struct connection *connection,
                                                enum stream_side side)
{
  bool known;
  connection_shift(connection, side, &known);
  if (known) {
    uint32_t both = connection->stream[SIDE_CLIENT].flags & connection->stream[SIDE_SERVER].flags;
    return (both & STREAM_WSCALE) != 0 ? WSCALE_KNOWN : WSCALE_ABSENT;
  }
  return connection->stream[side].est_wscale_min > 0 ? WSCALE_INFERRED : WSCALE_UNKNOWN;
}

int64_t connection_rtt_ns(const struct connection *connection, enum stream_side side)
{
  const struct stream *stream = &connection->stream[side];
  const struct stream *other = &connection->stream[side ^ 1];
  int64_t to_receiver_ns = stream->rtt.samples > 0 ? stream->rtt.srtt_ns : 0;
  int64_t to_sender_ns = 0;
  if (other->rtt.samples > 0)
    to_sender_ns = other->rtt.min_ns;
  if (time_is_valid(stream->turn_min_ns) &&
      (other->rtt.samples == 0 || stream->turn_min_ns < to_sender_ns))
    to_sender_ns = stream->turn_min_ns;
  return to_receiver_ns + to_sender_ns;
}
