/* Whether a sampled socket is the one whose packets were captured, at that time. Its addresses do
 * not tell: a socket that was moved here (TCP_REPAIR) counts from anew, a transparent proxy has a
 * socket of its client's address and one of the server's, and clocks that were set put samples
 * where they do not belong. What it counts, against what was captured, tells. */

#include "analyzer/socket_judge_internal.h"

#include "wire/seq.h"

/* It has sent all that was captured of it. One that was restored has not; kernels before 4.19 do
 * not say. */
static bool has_sent_captured(const struct socket_case *one, const struct sample_socket *state)
{
  const struct stream *stream = one->situation->stream;
  const uint32_t sent = (uint32_t)(state->tcpi_bytes_sent - state->tcpi_bytes_retrans);
  const uint32_t fin = (stream->flags & STREAM_FIN) != 0 ? 1 : 0; /* is not counted */
  return state->tcpi_bytes_sent == 0 || (stream->flags & STREAM_STARTED) == 0 ||
         !seq_lt(stream->isn + 1 + sent + fin, stream->snd_nxt);
}

/* snd_una as the socket has it: tcpi_bytes_acked counts from the ISN, the SYN of who opened
 * included (Linux: the other side's socket is made behind the handshake). */
static bool knows_una(const struct socket_case *one, const struct sample_socket *state,
                      uint32_t *una)
{
  const struct situation *situation = one->situation;
  const struct stream *stream = situation->stream;
  if (!one->sender.here || (stream->flags & STREAM_SYN) == 0 ||
      (situation->connection->flags & CONNECTION_ROLES_FROM_SYN) == 0 ||
      (situation->connection->flags & CONNECTION_SIMULTANEOUS) != 0 ||
      (state->tcpi_bytes_acked == 0 && stream->snd_una != stream->isn + 1) ||
      !has_sent_captured(one, state))
    return false;
  const uint32_t syn = situation->side == SIDE_CLIENT ? 0 : 1;
  *una = stream->isn + syn + (uint32_t)state->tcpi_bytes_acked;
  return true;
}

enum socket_fit socket_fit(const struct socket_case *one, const struct sample_socket *state)
{
  const struct stream *stream = one->situation->stream;
  uint32_t una;
  if (one->sender.here && state->wqueue_bytes == 0 && one->situation->outstanding > 0)
    return SOCKET_AHEAD; /* it has nothing unacknowledged, and the capture has */
  if (!knows_una(one, state, &una) || (stream->flags & STREAM_ACKED) == 0)
    return SOCKET_UNKNOWN;
  if (una == stream->snd_una)
    return SOCKET_EQUAL;
  return seq_gt(una, stream->snd_una) ? SOCKET_AHEAD : SOCKET_BEHIND;
}

uint32_t socket_flight_bytes(const struct sample_socket *state)
{
  return state->wqueue_bytes > state->tcpi_notsent_bytes
             ? state->wqueue_bytes - state->tcpi_notsent_bytes
             : 0;
}

bool socket_held_bytes(const struct socket_case *one, const struct sample_socket *state,
                       int64_t *held_bytes)
{
  const struct stream *stream = one->situation->stream;
  uint32_t una;
  if (!one->sender.here || (stream->flags & STREAM_STARTED) == 0 ||
      (stream->flags & STREAM_BAD_CHECKSUM_DATA) != 0) /* was seen, and does not count as sent */
    return false;
  if (knows_una(one, state, &una))
    *held_bytes = seq_diff(una + socket_flight_bytes(state), stream->snd_nxt);
  else if (state->wmem_alloc_bytes > 0) /* the socket is taken to know every ACK seen here */
    *held_bytes = (int64_t)socket_flight_bytes(state) - one->situation->outstanding;
  else
    return false;
  return true;
}
