#include "analyzer/handshake.h"

#include "analyzer/flow_table.h"
#include "wire/seq.h"

static void establish(struct analyzer *analyzer, struct connection *connection)
{
  if ((connection->flags & CONNECTION_HALF_OPEN) != 0) {
    connection_list_remove(&analyzer->flows.half_open, connection);
    connection->flags &= (uint16_t)~CONNECTION_HALF_OPEN;
  }
  connection->flags |= CONNECTION_ESTABLISHED;
}

static void count_up(uint8_t *counter)
{
  if (*counter < UINT8_MAX)
    (*counter)++;
}

void handshake_count(struct analyzer *analyzer, struct connection *connection,
                     enum stream_side side, const struct packet *packet, int64_t now_ns)
{
  const struct stream *stream = &connection->stream[side], *other = &connection->stream[side ^ 1];
  if ((packet->flags & TCP_SYN) != 0) {
    bool answer = (packet->flags & TCP_ACK) != 0;
    count_up(answer ? &connection->syn_acks : &connection->syns);
    if (!answer && (other->flags & STREAM_SYN) != 0 && connection->syn_acks == 0)
      connection->flags |= CONNECTION_SIMULTANEOUS; /* RFC 9293, 3.5, figure 7 */
    int64_t *first_ns = answer ? &connection->syn_ack_ns : &connection->syn_ns;
    if (*first_ns == 0)
      *first_ns = now_ns;
    return;
  }
  if ((connection->flags & CONNECTION_ESTABLISHED) != 0)
    return;
  bool acks_syn = (packet->flags & TCP_ACK) != 0 && (other->flags & STREAM_SYN) != 0 &&
                  seq_gt(packet->ack, other->isn) && side == SIDE_CLIENT;
  if (acks_syn)
    count_up(&connection->handshake_acks);
  bool mid_stream = (stream->flags & STREAM_SYN) == 0 || (other->flags & STREAM_SYN) == 0;
  if (acks_syn || mid_stream || packet->payload_bytes > 0)
    establish(analyzer, connection);
}
