#include "analyzer/vantage.h"

#include "analyzer/socket_witness.h"
#include "wire/timestamp.h"

#include <string.h>

/* One side answers this many times faster than the other: the capture stands on its side. */
#define TURN_RATIO 8
/* All of that many packets with their checksum open are no coincidence (1 in 65536 each). */
#define OFFLOAD_PACKETS_MIN 2
/* Round trips shorter than this say nothing: both sides may be on one host. */
#define TURN_MIN_NS (500 * NS_PER_US)

/* A host is sampled where it is captured: the side whose socket it is stands there. */
static bool sampled(const struct analyzer *analyzer, const struct connection *connection,
                    struct vantage_view *view)
{
  const uint8_t sides = socket_witness_sides(analyzer, connection);
  if (sides != 1u << SIDE_CLIENT && sides != 1u << SIDE_SERVER)
    return false;
  *view = (struct vantage_view){sides == 1u << SIDE_CLIENT ? VANTAGE_CLIENT : VANTAGE_SERVER,
                                VANTAGE_INFERRED, true, "that side's socket was sampled here"};
  return true;
}

static bool is_initial_ttl(uint8_t ttl)
{
  return ttl == 64 || ttl == 128 || ttl == 255;
}

static bool declared(const struct analyzer *analyzer, const struct connection *connection,
                     struct vantage_view *view)
{
  uint8_t end = connection->end;
  enum vantage vantage = analyzer->declared[end];
  if (analyzer->host_declared[end]) {
    int index = -1;
    for (int i = 0; i < 2; i++) {
      if (memcmp(&connection->key.address[i], &analyzer->host[end], sizeof analyzer->host[end]) ==
          0)
        index = i;
    }
    int client = (connection->flags & CONNECTION_CLIENT_IS_1) != 0 ? 1 : 0;
    if (index < 0)
      vantage = VANTAGE_MIDDLE; /* captured on a host that is neither end */
    else
      vantage = index == client ? VANTAGE_CLIENT : VANTAGE_SERVER;
  }
  if (vantage == VANTAGE_UNKNOWN)
    return false;
  *view = (struct vantage_view){vantage, VANTAGE_DECLARED, vantage != VANTAGE_MIDDLE, "declared"};
  return true;
}

/* Signs of the sending host: its checksums are still to be filled in (the other side's are not), or
 * its packets leave the capturing host with an initial TTL (a router would have lowered it). The
 * host of a virtual machine or of a bridge shows the same for a guest's packets: a sign, no proof.
 */
static bool on_host(const struct stream *stream, const struct stream *other, const char **reason)
{
  if ((stream->flags & (STREAM_OFFLOADED | STREAM_CHECKSUM_DONE)) == STREAM_OFFLOADED &&
      stream->packets >= OFFLOAD_PACKETS_MIN && (other->flags & STREAM_GOOD_CHECKSUM) != 0 &&
      other->offloaded < 2 && (stream->ttl == 0 || is_initial_ttl(stream->ttl))) {
    *reason = "its checksums are not filled in yet, the other side's are";
    return true;
  }
  if ((stream->flags & STREAM_OUTGOING) != 0 && (stream->flags & STREAM_INCOMING) == 0 &&
      (other->flags & STREAM_OUTGOING) == 0 && is_initial_ttl(stream->ttl)) {
    *reason = "its packets leave the capturing host, or one next to it, with an initial TTL";
    return true;
  }
  return false;
}

/* The time from here to a side and back: by its ACKs, or by the timestamps that it echoes. */
static int64_t turn_ns(const struct stream *from_it, const struct stream *to_it)
{
  int64_t best_ns = TIME_INVALID;
  if (to_it->rtt.samples > 0)
    best_ns = to_it->rtt.min_ns;
  if (time_is_valid(from_it->turn_min_ns) &&
      (!time_is_valid(best_ns) || from_it->turn_min_ns < best_ns))
    best_ns = from_it->turn_min_ns;
  return best_ns;
}

static enum vantage by_delay(const struct connection *connection)
{
  const struct stream *client = &connection->stream[SIDE_CLIENT],
                      *server = &connection->stream[SIDE_SERVER];
  int64_t to_client_ns = turn_ns(client, server), to_server_ns = turn_ns(server, client);
  if (!time_is_valid(to_client_ns) || !time_is_valid(to_server_ns))
    return VANTAGE_UNKNOWN;
  if (to_server_ns >= TURN_MIN_NS && to_client_ns * TURN_RATIO <= to_server_ns)
    return VANTAGE_CLIENT;
  if (to_client_ns >= TURN_MIN_NS && to_server_ns * TURN_RATIO <= to_client_ns)
    return VANTAGE_SERVER;
  return VANTAGE_UNKNOWN;
}

void vantage_of(const struct analyzer *analyzer, const struct connection *connection,
                struct vantage_view *view)
{
  if (declared(analyzer, connection, view) || sampled(analyzer, connection, view))
    return;
  const struct stream *client = &connection->stream[SIDE_CLIENT],
                      *server = &connection->stream[SIDE_SERVER];
  *view = (struct vantage_view){VANTAGE_UNKNOWN, VANTAGE_INFERRED, false, "nothing tells"};
  bool at_client = on_host(client, server, &view->reason);
  bool at_server = !at_client && on_host(server, client, &view->reason);
  if (at_client || at_server) {
    view->vantage = at_client ? VANTAGE_CLIENT : VANTAGE_SERVER;
    return;
  }
  view->vantage = by_delay(connection);
  if (view->vantage != VANTAGE_UNKNOWN) {
    view->reason = "that side answers much sooner than the other";
    return;
  }
  bool client_fresh = is_initial_ttl(client->ttl), server_fresh = is_initial_ttl(server->ttl);
  if (client->ttl != 0 && server->ttl != 0 && client_fresh != server_fresh) {
    view->vantage = client_fresh ? VANTAGE_CLIENT : VANTAGE_SERVER;
    view->reason = "that side's packets still have their initial TTL";
  } else if (client->ttl != 0 && server->ttl != 0 && !client_fresh && !server_fresh) {
    view->vantage = VANTAGE_MIDDLE;
    view->reason = "both sides' packets have passed a router";
  }
}

enum nearness vantage_nearness(const struct vantage_view *view, enum stream_side sender)
{
  switch (view->vantage) {
  case VANTAGE_CLIENT: return sender == SIDE_CLIENT ? NEAR_SENDER : NEAR_RECEIVER;
  case VANTAGE_SERVER: return sender == SIDE_SERVER ? NEAR_SENDER : NEAR_RECEIVER;
  case VANTAGE_MIDDLE: return NEAR_MIDDLE;
  case VANTAGE_UNKNOWN: break;
  }
  return NEAR_UNKNOWN;
}
