#include "report/connection_pack.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* The bytes of a joined connection before they are packed:
 *
 *     whole | pairing, if paired | each view xor the whole | hops of the client | of the server
 */

static size_t flat_size(const struct connection_shape *shape)
{
  return sizeof(struct connection_summary) * (1 + (size_t)shape->views) +
         (shape->paired ? sizeof(struct report_pairing) : 0) +
         sizeof(struct hop_summary) * 2 * shape->hops;
}

static bool is_plain(const struct connection_shape *shape)
{
  return shape->views == 1 && shape->hops == 0 && !shape->paired;
}

/* out = bytes xor mask; undoes itself. */
static void xor_bytes(uint8_t *out, const void *bytes, const void *mask, size_t size)
{
  const uint8_t *left = bytes, *right = mask;
  for (size_t i = 0; i < size; i++)
    out[i] = left[i] ^ right[i];
}

static uint8_t *put(uint8_t *out, const void *bytes, size_t size)
{
  memcpy(out, bytes, size);
  return out + size;
}

static void flatten(const struct report_connection *connection,
                    const struct connection_shape *shape, uint8_t *out)
{
  const struct connection_summary *whole = connection->summary;
  out = put(out, whole, sizeof *whole);
  if (connection->pairing != NULL)
    out = put(out, connection->pairing, sizeof *connection->pairing);
  for (uint32_t i = 0; i < shape->views; i++, out += sizeof *whole)
    xor_bytes(out, connection->views[i], whole, sizeof *whole);
  for (int side = 0; side < 2 && connection->hop_count > 0; side++)
    out = put(out, connection->hops[side], shape->hops * sizeof(struct hop_summary));
}

struct packed *connection_pack(const struct report_connection *connection,
                               struct connection_shape *shape)
{
  assert(connection->view_count >= 1 && connection->view_count <= ANALYZER_ENDS_MAX);
  assert(connection->hop_count <= HOPS_MAX);
  *shape = (struct connection_shape){.views = (uint8_t)connection->view_count,
                                     .hops = (uint8_t)connection->hop_count,
                                     .level = (uint8_t)connection->level,
                                     .end = connection->views[0]->end,
                                     .paired = connection->pairing != NULL};
  if (is_plain(shape))
    return packed_new(connection->summary, sizeof *connection->summary);
  const size_t size = flat_size(shape);
  uint8_t *flat = malloc(size);
  if (flat == NULL)
    return NULL;
  flatten(connection, shape, flat);
  struct packed *packed = packed_new(flat, size);
  free(flat);
  return packed;
}

static const uint8_t *take(const uint8_t *in, void *bytes, size_t size)
{
  memcpy(bytes, in, size);
  return in + size;
}

static void spread(const struct connection_shape *shape, struct connection_material *material)
{
  struct connection_summary *whole = &material->whole;
  const uint8_t *in = take(material->flat, whole, sizeof *whole);
  if (shape->paired)
    in = take(in, &material->pairing, sizeof material->pairing);
  for (uint32_t i = 0; i < shape->views; i++, in += sizeof *whole)
    xor_bytes((uint8_t *)&material->views[i], in, whole, sizeof *whole);
  for (int side = 0; side < 2 && shape->hops > 0; side++)
    in = take(in, material->hops[side], shape->hops * sizeof(struct hop_summary));
}

void connection_unpack(const struct packed *packed, const struct connection_shape *shape,
                       struct connection_material *material, struct report_connection *connection)
{
  const struct report_capture *capture = connection->capture;
  *connection = (struct report_connection){.id = connection->id,
                                           .capture = capture,
                                           .summary = &material->whole,
                                           .level = (enum evidence_level)shape->level,
                                           .view_count = shape->views,
                                           .views = {&material->whole},
                                           .hop_count = shape->hops,
                                           .hops = {material->hops[0], material->hops[1]}};
  if (is_plain(shape)) {
    packed_get(packed, &material->whole, sizeof material->whole);
    return;
  }
  packed_get(packed, material->flat, flat_size(shape));
  spread(shape, material);
  connection->pairing = shape->paired ? &material->pairing : NULL;
  for (uint32_t i = 0; i < shape->views; i++)
    connection->views[i] = &material->views[i];
}
