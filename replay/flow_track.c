#include "replay/flow_track.h"

#include "replay/rewrite.h"
#include "wire/packet.h"

#include <stdlib.h>
#include <string.h>

#define CHAINS 2048 /* a power of two */

struct flow_track {
  uint32_t count;
  uint32_t last_id;
  uint64_t forgotten;
  uint16_t chains[CHAINS]; /* index + 1 of the first flow */
  struct flow flows[FLOW_TRACK_MAX];
};

struct flow_track *flow_track_new(void)
{
  return calloc(1, sizeof(struct flow_track));
}

void flow_track_free(struct flow_track *track)
{
  free(track);
}

uint64_t flow_track_forgotten(const struct flow_track *track)
{
  return track->forgotten;
}

/* A's address and port, then B's, whichever way the frame goes. */
static uint16_t make_key(enum path_direction direction, const struct frame_view *view, uint8_t *key)
{
  const uint8_t *ip = view->bytes + view->network, *ports = view->bytes + view->transport;
  const size_t bytes = view->ip_version == 4 ? 4 : 16;
  const uint8_t *src = ip + (view->ip_version == 4 ? 12 : 8), *dst = src + bytes;
  const bool back = direction == PATH_BA;
  memcpy(key, back ? dst : src, bytes);
  memcpy(key + bytes, ports + (back ? 2 : 0), 2);
  memcpy(key + bytes + 2, back ? src : dst, bytes);
  memcpy(key + 2 * bytes + 2, ports + (back ? 0 : 2), 2);
  return (uint16_t)(2 * bytes + 4);
}

/* FNV-1a */
static uint32_t chain_of(const uint8_t *key, uint16_t bytes)
{
  uint32_t hash = UINT32_C(2166136261);
  for (uint16_t i = 0; i < bytes; i++)
    hash = (hash ^ key[i]) * UINT32_C(16777619);
  return (hash ^ hash >> 15) % CHAINS;
}

static struct flow *find(struct flow_track *track, uint32_t chain, const uint8_t *key,
                         uint16_t bytes)
{
  for (uint16_t at = track->chains[chain]; at != 0; at = track->flows[at - 1].next) {
    struct flow *flow = &track->flows[at - 1];
    if (flow->key_bytes == bytes && memcmp(flow->key, key, bytes) == 0)
      return flow;
  }
  return NULL;
}

static void unchain(struct flow_track *track, uint16_t index)
{
  const struct flow *flow = &track->flows[index];
  uint16_t *at = &track->chains[chain_of(flow->key, flow->key_bytes)];
  while (*at != index + 1)
    at = &track->flows[*at - 1].next;
  *at = flow->next;
}

static uint16_t forget_oldest(struct flow_track *track)
{
  uint16_t oldest = 0;
  for (uint16_t i = 1; i < FLOW_TRACK_MAX; i++)
    if (track->flows[i].last_ns < track->flows[oldest].last_ns)
      oldest = i;
  unchain(track, oldest);
  track->forgotten++;
  return oldest;
}

static struct flow *insert(struct flow_track *track, uint32_t chain, const uint8_t *key,
                           uint16_t bytes)
{
  const uint16_t index =
      track->count < FLOW_TRACK_MAX ? (uint16_t)track->count++ : forget_oldest(track);
  struct flow *flow = &track->flows[index];
  *flow = (struct flow){.id = ++track->last_id, .key_bytes = bytes, .next = track->chains[chain]};
  memcpy(flow->key, key, bytes);
  track->chains[chain] = (uint16_t)(index + 1);
  return flow;
}

/* A SYN begins a stream; one that is not a repetition begins a connection. */
static void note_syn(struct flow_track *track, struct flow *flow, enum path_direction direction,
                     const struct frame_view *view)
{
  struct flow_stream *stream = &flow->streams[direction];
  if (stream->has_isn && stream->isn == view->seq)
    return;
  if (view->kinds & FRAME_SYN && flow->streams[PATH_AB].has_isn + flow->streams[PATH_BA].has_isn) {
    memset(flow->streams, 0, sizeof flow->streams);
    flow->id = ++track->last_id;
  }
  *stream = (struct flow_stream){.has_isn = true, .isn = view->seq};
}

const struct flow *flow_track_segment(struct flow_track *track, enum path_direction direction,
                                      const struct frame_view *view, int64_t now_ns,
                                      struct flow_bytes *bytes)
{
  *bytes = (struct flow_bytes){0, 0};
  if (!(view->kinds & FRAME_TCP))
    return NULL;
  uint8_t key[sizeof((struct flow *)0)->key];
  const uint16_t key_bytes = make_key(direction, view, key);
  const uint32_t chain = chain_of(key, key_bytes);
  struct flow *flow = find(track, chain, key, key_bytes);
  if (flow == NULL)
    flow = insert(track, chain, key, key_bytes);
  flow->last_ns = now_ns;
  struct flow_stream *stream = &flow->streams[direction];
  if (view->flags & TCP_SYN) {
    note_syn(track, flow, direction, view);
  } else if (!stream->has_isn && !(view->flags & TCP_RST)) {
    stream->has_isn = true;
    stream->isn = view->seq - 1;
  }
  stream->ttl = rewrite_get_ttl(view);
  /* The SYN takes one number (RFC 9293, 3.4): data in it (RFC 7413) begins behind that. */
  const uint32_t first = view->seq + ((view->flags & TCP_SYN) != 0);
  const uint32_t passed = stream->isn + 1 + (uint32_t)stream->passed;
  bytes->first = stream->passed + (int32_t)(first - passed);
  bytes->end = bytes->first + view->payload_bytes;
  if (view->payload_bytes > 0 && bytes->end > stream->passed)
    stream->passed = bytes->end;
  return flow;
}
