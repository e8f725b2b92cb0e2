/* Holds, rates, delays and queues of a path. */
#include "replay/path_internal.h"

#include "wire/timestamp.h"

#include <stdlib.h>
#include <string.h>

/* ---- frames of our own ---- */

/* What a frame's memory holds, by slot: an ACK, an Ethernet frame, and two kinds of super-segment.
 * Freed ones are kept for the next, since giving 64 KB back to the system and asking for it again
 * costs more than to copy the frame. */
static const uint32_t slot_bytes[PATH_FRAME_SLOTS] = {256, 2048, 16384, PATH_FRAME_MAX};

static uint32_t slot_of(uint32_t size)
{
  uint32_t slot = 0;
  while (slot_bytes[slot] < size)
    slot++;
  return slot;
}

static void frame_free(struct path *path, struct queued_frame *frame)
{
  const uint32_t slot = slot_of(frame->size);
  path->stats.memory_bytes -= sizeof *frame + slot_bytes[slot];
  frame->next = path->spare[slot];
  path->spare[slot] = frame;
}

static void spare_clear(struct path *path)
{
  for (uint32_t slot = 0; slot < PATH_FRAME_SLOTS; slot++)
    for (struct queued_frame *frame = path->spare[slot], *next = NULL; frame != NULL;
         frame = next) {
      next = frame->next;
      free(frame);
    }
}

/* One that is kept for nothing, of whatever slot, so that all together stay within the limit. */
static bool give_back(struct path *path)
{
  for (uint32_t slot = PATH_FRAME_SLOTS; slot-- > 0;) {
    struct queued_frame *frame = path->spare[slot];
    if (frame == NULL)
      continue;
    path->spare[slot] = frame->next;
    path->allocated_bytes -= sizeof *frame + slot_bytes[slot];
    free(frame);
    return true;
  }
  return false;
}

/* NULL: the limit is met, or there is no memory. */
static struct queued_frame *frame_new(struct path *path, uint32_t slot)
{
  const uint64_t bytes = sizeof(struct queued_frame) + slot_bytes[slot];
  struct queued_frame *frame = path->spare[slot];
  if (frame != NULL) {
    path->spare[slot] = frame->next;
    return frame;
  }
  while (path->allocated_bytes + bytes > path->scenario->memory_bytes)
    if (!give_back(path))
      return NULL;
  frame = malloc((size_t)bytes);
  if (frame != NULL)
    path->allocated_bytes += bytes;
  return frame;
}

static struct queued_frame *frame_copy(struct path *path, const struct carried *carried)
{
  const uint32_t slot = slot_of(carried->size);
  struct queued_frame *frame = frame_new(path, slot);
  if (frame == NULL)
    return NULL;
  memset(frame, 0, sizeof *frame);
  frame->size = carried->size;
  frame->number = carried->number;
  memcpy(frame->bytes, carried->bytes, carried->size);
  path->stats.memory_bytes += sizeof *frame + slot_bytes[slot];
  if (path->stats.memory_bytes > path->stats.memory_peak_bytes)
    path->stats.memory_peak_bytes = path->stats.memory_bytes;
  return frame;
}

static void list_append(struct frame_list *list, struct queued_frame *frame)
{
  frame->next = NULL;
  if (list->tail != NULL)
    list->tail->next = frame;
  else
    list->head = frame;
  list->tail = frame;
}

static void overflow(struct path *path, enum path_direction direction,
                     const struct carried *carried)
{
  path->stats.overflowed[direction]++;
  path_tell_bytes(path, "overflow", NULL, direction, carried, path->now_ns, -1);
}

/* Makes the frame ours. false: it could not be, and is lost. */
static bool own(struct path *path, enum path_direction direction, struct carried *carried)
{
  if (carried->owned != NULL)
    return true;
  carried->owned = frame_copy(path, carried);
  if (carried->owned == NULL) {
    overflow(path, direction, carried);
    return false;
  }
  carried->bytes = carried->owned->bytes;
  return true;
}

/* ---- the way out ---- */

static void emit(struct path *path, enum path_direction direction, const uint8_t *bytes,
                 uint32_t size, int64_t due_ns)
{
  path->stats.frames_out[direction]++;
  path->stats.bytes_out[direction] += size - path->vnet_bytes;
  path->sink.emit(path->sink.context, direction, bytes, size, due_ns);
}

static void send_at(struct path *path, enum path_direction direction, struct carried *carried,
                    int64_t due_ns)
{
  struct frame_queue *queue = &path->lines[direction].queue;
  if (queue->count == 0 && due_ns <= path->now_ns) {
    emit(path, direction, carried->bytes, carried->size, due_ns);
    if (carried->owned != NULL)
      frame_free(path, carried->owned);
    return;
  }
  if (own(path, direction, carried) && !frame_queue_push(queue, carried->owned, due_ns)) {
    overflow(path, direction, carried);
    frame_free(path, carried->owned);
  }
}

static void send_parked(struct path *path, enum path_direction direction,
                        struct queued_frame *frame, int64_t due_ns)
{
  struct carried carried = {
      .bytes = frame->bytes, .size = frame->size, .number = frame->number, .owned = frame};
  send_at(path, direction, &carried, due_ns);
}

/* Another frame has taken its place at due_ns: those that waited for just that follow it. */
static void overtaken(struct path *path, enum path_direction direction, int64_t due_ns)
{
  struct frame_list *parked = &path->lines[direction].parked;
  struct queued_frame *frame = parked->head;
  *parked = (struct frame_list){0};
  for (struct queued_frame *next = NULL; frame != NULL; frame = next) {
    next = frame->next;
    if (--frame->plan.late_frames == 0 || frame->due_ns <= due_ns)
      send_parked(path, direction, frame, due_ns);
    else
      list_append(parked, frame);
  }
}

static void send_copies(struct path *path, enum path_direction direction,
                        const struct carried *carried, const struct frame_plan *plan,
                        int64_t due_ns)
{
  for (uint32_t i = 1; i <= plan->copies; i++) {
    struct carried copy = *carried;
    copy.owned = NULL;
    path->stats.duplicated++;
    if (own(path, direction, &copy))
      send_at(path, direction, &copy, due_ns + plan->copy_after_ns * i);
  }
}

/* Through all rates of the plan. TIME_INVALID: one of their queues was full. */
static int64_t pass_rates(struct path *path, enum path_direction direction,
                          const struct carried *carried, uint64_t rates, int64_t time_ns)
{
  for (uint32_t i = 0; rates != 0; i++, rates >>= 1) {
    if (!(rates & 1))
      continue;
    time_ns =
        link_rate_enter(&path->rates[i][direction], carried->size - path->vnet_bytes, time_ns);
    if (time_is_valid(time_ns))
      continue;
    path->stats.queue_dropped[direction]++;
    path_tell_bytes(path, "queue-drop", &path->scenario->rules[i], direction, carried, path->now_ns,
                    -1);
    return TIME_INVALID;
  }
  return time_ns;
}

void path_line_enter(struct path *path, enum path_direction direction, struct carried *carried,
                     const struct frame_plan *plan, int64_t now_ns)
{
  struct path_line *line = &path->lines[direction];
  int64_t due_ns = pass_rates(path, direction, carried, plan->rates, now_ns);
  if (!time_is_valid(due_ns)) {
    if (carried->owned != NULL)
      frame_free(path, carried->owned);
    return;
  }
  due_ns += plan->delay_ns;
  if (!plan->overtake) {
    if (due_ns < line->last_due_ns)
      due_ns = line->last_due_ns;
    line->last_due_ns = due_ns;
  }
  if (plan->late_frames > 0) {
    if (own(path, direction, carried)) {
      carried->owned->plan = *plan;
      carried->owned->due_ns = due_ns + plan->late_ns;
      list_append(&line->parked, carried->owned);
    }
    return;
  }
  if (plan->copies > 0 && !own(path, direction, carried))
    return;
  const struct carried original = *carried;
  send_copies(path, direction, &original, plan, due_ns + plan->late_ns);
  send_at(path, direction, carried, due_ns + plan->late_ns);
  if (line->parked.head != NULL)
    overtaken(path, direction, due_ns);
}

/* ---- holds ---- */

void path_line_hold(struct path *path, uint32_t rule, enum path_direction direction,
                    struct carried *carried, const struct frame_plan *plan, int64_t now_ns)
{
  if (!own(path, direction, carried))
    return;
  carried->owned->plan = *plan;
  carried->owned->held_since_ns = now_ns;
  list_append(&path->holds[rule][direction], carried->owned);
}

void path_line_release(struct path *path, uint32_t rule, enum path_direction direction,
                       int64_t now_ns)
{
  struct frame_list held = path->holds[rule][direction];
  path->holds[rule][direction] = (struct frame_list){0};
  for (struct queued_frame *frame = held.head, *next = NULL; frame != NULL; frame = next) {
    next = frame->next;
    struct carried carried = {
        .bytes = frame->bytes, .size = frame->size, .number = frame->number, .owned = frame};
    path_tell_bytes(path, "release", &path->scenario->rules[rule], direction, &carried, now_ns,
                    now_ns - frame->held_since_ns);
    const struct frame_plan plan = frame->plan;
    path_line_enter(path, direction, &carried, &plan, now_ns);
  }
}

/* ---- time ---- */

static int64_t parked_due_ns(const struct frame_list *parked)
{
  int64_t due_ns = INT64_MAX;
  for (const struct queued_frame *frame = parked->head; frame != NULL; frame = frame->next)
    if (frame->due_ns < due_ns)
      due_ns = frame->due_ns;
  return due_ns;
}

/* Parked frames that nobody overtook in time. */
static void give_up_parking(struct path *path, enum path_direction direction, int64_t now_ns)
{
  struct frame_list *parked = &path->lines[direction].parked;
  struct queued_frame *frame = parked->head;
  *parked = (struct frame_list){0};
  for (struct queued_frame *next = NULL; frame != NULL; frame = next) {
    next = frame->next;
    if (frame->due_ns <= now_ns)
      send_parked(path, direction, frame, frame->due_ns);
    else
      list_append(parked, frame);
  }
}

void path_line_advance(struct path *path, enum path_direction direction, int64_t now_ns)
{
  struct path_line *line = &path->lines[direction];
  if (line->parked.head != NULL)
    give_up_parking(path, direction, now_ns);
  while (frame_queue_due_ns(&line->queue) <= now_ns) {
    struct queued_frame *frame = frame_queue_pop(&line->queue);
    emit(path, direction, frame->bytes, frame->size, frame->due_ns);
    frame_free(path, frame);
  }
}

int64_t path_line_next_ns(const struct path *path, enum path_direction direction)
{
  const struct path_line *line = &path->lines[direction];
  const int64_t queue_ns = frame_queue_due_ns(&line->queue);
  const int64_t parked_ns = parked_due_ns(&line->parked);
  return queue_ns < parked_ns ? queue_ns : parked_ns;
}

static void list_clear(struct frame_list *list)
{
  for (struct queued_frame *frame = list->head, *next = NULL; frame != NULL; frame = next) {
    next = frame->next;
    free(frame);
  }
  *list = (struct frame_list){0};
}

void path_line_clear(struct path *path)
{
  for (int direction = 0; direction < PATH_DIRECTIONS; direction++) {
    frame_queue_clear(&path->lines[direction].queue);
    list_clear(&path->lines[direction].parked);
    for (uint32_t i = 0; i < path->scenario->rule_count; i++)
      list_clear(&path->holds[i][direction]);
  }
  spare_clear(path);
}
