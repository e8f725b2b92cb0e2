#include "capture/recorder_file.h"

#include <string.h>

/* Memory for blocks that may yet be written: the newest, as many as fit into the bytes and are
 * young enough. A frame_ring whose both ends are this process; what is no frame has the counters of
 * its time in front of its content. */

bool recorder_keep_init(struct recorder_keep *keep, uint64_t bytes_max, int64_t age_max_ns)
{
  *keep = (struct recorder_keep){
      .bytes_max = bytes_max, .age_max_ns = age_max_ns, .newest_ns = INT64_MIN};
  return frame_ring_init(&keep->ring, (size_t)bytes_max);
}

void recorder_keep_free(struct recorder_keep *keep)
{
  frame_ring_free(&keep->ring);
}

static bool front(struct recorder_keep *keep, struct frame_ring_record *record,
                  const uint8_t **bytes)
{
  return keep->ring.positions != NULL &&
         frame_ring_front(&keep->ring, record, bytes) == FRAME_RING_RECORD;
}

static void release(struct recorder_keep *keep, const struct frame_ring_record *record,
                    const uint8_t *bytes)
{
  struct recorder_counters *before = &keep->before[record->end];
  if (record->kind == RECORDER_FRAME) {
    keep->frames--;
    before->seen++;
  } else {
    struct recorder_counters then;
    memcpy(&then, bytes, sizeof then);
    before->dropped = then.dropped;
  }
  frame_ring_release(&keep->ring, record);
}

static void forget_old(struct recorder_keep *keep)
{
  struct frame_ring_record record;
  const uint8_t *bytes;
  if (keep->age_max_ns == 0)
    return;
  while (front(keep, &record, &bytes) && keep->newest_ns - record.order_ns > keep->age_max_ns)
    release(keep, &record, bytes);
}

void recorder_keep_put(struct recorder_keep *keep, const struct recorder_item *item)
{
  const size_t prefix = item->kind == RECORDER_FRAME ? 0 : sizeof item->counters;
  struct frame_ring_record record = {.time_ns = item->time_ns,
                                     .order_ns = item->order_ns,
                                     .bytes = (uint32_t)(item->size + prefix),
                                     .original_bytes = item->original_bytes,
                                     .kind = (uint8_t)item->kind,
                                     .end = (uint8_t)item->end,
                                     .direction = item->direction};
  if (item->order_ns > keep->newest_ns)
    keep->newest_ns = item->order_ns;
  forget_old(keep);
  keep->frames += item->kind == RECORDER_FRAME ? 1 : 0;
  while (!frame_ring_put_parts(&keep->ring, &record, &item->counters, prefix, item->bytes)) {
    struct frame_ring_record oldest;
    const uint8_t *bytes;
    if (!front(keep, &oldest, &bytes)) { /* larger than all the memory */
      keep->frames -= item->kind == RECORDER_FRAME ? 1 : 0;
      keep->before[item->end].seen += item->kind == RECORDER_FRAME ? 1 : 0;
      return;
    }
    release(keep, &oldest, bytes);
  }
}

static void make_item(struct recorder_item *item, const struct frame_ring_record *record,
                      const uint8_t *bytes)
{
  *item = (struct recorder_item){.kind = (enum recorder_item_kind)record->kind,
                                 .end = record->end,
                                 .time_ns = record->time_ns,
                                 .order_ns = record->order_ns,
                                 .bytes = bytes,
                                 .size = record->bytes,
                                 .original_bytes = record->original_bytes,
                                 .direction = record->direction};
  if (item->kind == RECORDER_FRAME)
    return;
  memcpy(&item->counters, bytes, sizeof item->counters);
  item->bytes += sizeof item->counters;
  item->size -= (uint32_t)sizeof item->counters;
}

bool recorder_keep_front(struct recorder_keep *keep, struct recorder_item *item)
{
  struct frame_ring_record record;
  const uint8_t *bytes;
  if (!front(keep, &record, &bytes))
    return false;
  make_item(item, &record, bytes);
  return true;
}

void recorder_keep_release(struct recorder_keep *keep)
{
  struct frame_ring_record record;
  const uint8_t *bytes;
  if (front(keep, &record, &bytes))
    release(keep, &record, bytes);
}

/* Another consumer's view of the same ring: what it releases is released for it alone. */
void recorder_keep_each(const struct recorder_keep *keep,
                        void (*visit)(void *context, const struct recorder_item *item),
                        void *context)
{
  struct frame_ring_positions positions;
  struct frame_ring ring = keep->ring;
  struct frame_ring_record record;
  struct recorder_item item;
  const uint8_t *bytes;
  if (ring.positions == NULL)
    return;
  atomic_init(&positions.written, atomic_load(&keep->ring.positions->written));
  atomic_init(&positions.released, atomic_load(&keep->ring.positions->released));
  ring.positions = &positions;
  while (frame_ring_front(&ring, &record, &bytes) == FRAME_RING_RECORD) {
    make_item(&item, &record, bytes);
    visit(context, &item);
    frame_ring_release(&ring, &record);
  }
}
