#include "analyzer/socket_witness.h"

bool socket_witness_at(const struct sample_store *store, uint8_t end, const struct endpoint *own,
                       const struct endpoint *peer, struct socket_witness *witness)
{
  const struct socket_key key = {*own, *peer, end};
  *witness = (struct socket_witness){store, sample_store_socket(store, &key)};
  return witness->history != NULL && witness->history->ring.count > 0;
}

static struct endpoint endpoint_of(const struct connection *connection, enum stream_side side)
{
  const int client = (connection->flags & CONNECTION_CLIENT_IS_1) != 0 ? 1 : 0;
  const int index = side == SIDE_CLIENT ? client : client ^ 1;
  return (struct endpoint){connection->key.address[index], connection->key.port[index],
                           connection->key.ip_version};
}

/* Its packets come in at this capture point, and the other side's go out: the socket that this host
 * has of that address is not theirs, but a transparent proxy's towards somebody else. */
static bool comes_from_outside(const struct connection *connection, enum stream_side side)
{
  const uint32_t ways = STREAM_OUTGOING | STREAM_INCOMING;
  return (connection->stream[side].flags & ways) == STREAM_INCOMING &&
         (connection->stream[side ^ 1].flags & ways) == STREAM_OUTGOING;
}

static bool find_here(const struct analyzer *analyzer, const struct connection *connection,
                      enum stream_side side, struct socket_witness *witness)
{
  const struct endpoint own = endpoint_of(connection, side);
  const struct endpoint peer = endpoint_of(connection, side ^ 1);
  return !comes_from_outside(connection, side) &&
         socket_witness_at(analyzer->samples, connection->end, &own, &peer, witness);
}

bool socket_witness_find(const struct analyzer *analyzer, const struct connection *connection,
                         enum stream_side side, struct socket_witness *witness)
{
  const struct path_source *paths = &analyzer->paths;
  if (find_here(analyzer, connection, side, witness))
    return true;
  return paths->socket != NULL &&
         paths->socket(paths->context, connection->end, connection->id, side, witness);
}

bool socket_witness_is_at(const struct analyzer *analyzer, const struct connection *connection,
                          enum stream_side side, uint8_t end)
{
  struct socket_witness witness;
  return socket_witness_find(analyzer, connection, side, &witness) &&
         witness.history->key.end == end;
}

uint8_t socket_witness_sides(const struct analyzer *analyzer, const struct connection *connection)
{
  struct socket_witness witness;
  uint8_t sides = 0;
  for (int side = 0; side < 2; side++)
    if (find_here(analyzer, connection, (enum stream_side)side, &witness))
      sides |= (uint8_t)(1u << side);
  return sides;
}

bool socket_witness_next(const struct socket_witness *witness, int64_t from_ns, int64_t until_ns,
                         uint32_t *index, struct socket_piece *piece)
{
  const struct sample_ring *ring = &witness->history->ring;
  if (*index == 0) {
    *index = sample_ring_at(ring, from_ns);
    if (*index == ring->count)
      *index = 0; /* all begin later */
  }
  for (; *index < ring->count && ring->stretches[*index].first_ns < until_ns; ++*index) {
    const struct sample_stretch *stretch = &ring->stretches[*index];
    piece->from_ns = stretch->first_ns > from_ns ? stretch->first_ns : from_ns;
    piece->until_ns = stretch->last_ns < until_ns ? stretch->last_ns : until_ns;
    if (piece->until_ns < piece->from_ns)
      continue; /* over before that time */
    piece->state = sample_ring_state(ring, *index);
    piece->number = stretch->first_number;
    piece->samples = stretch->samples;
    ++*index;
    return true;
  }
  return false;
}

void socket_piece_join(struct socket_piece *piece, int64_t before_ns)
{
  if (piece->from_ns - before_ns <= SAMPLE_GAP_MAX_NS)
    piece->from_ns = before_ns;
}

const struct sample_socket *socket_witness_state(const struct socket_witness *witness,
                                                 int64_t time_ns)
{
  const struct sample_ring *ring = &witness->history->ring;
  const uint32_t at = sample_ring_at(ring, time_ns);
  if (at == ring->count || time_ns - ring->stretches[at].last_ns > SAMPLE_GAP_MAX_NS)
    return NULL;
  return sample_ring_state(ring, at);
}
