#include "tui/rungs.h"

#include "wire/timestamp.h"

#include <stdlib.h>
#include <string.h>

/* A packet may have been on its way so long when it comes to the other end. */
#define UNDER_WAY_MAX_NS (INT64_C(30) * NS_PER_S)
/* Times of the two ends may differ so much in the wrong direction: what a fit is uncertain about.
 */
#define CLOCKS_AGREE_NS (INT64_C(20) * NS_PER_MS)
/* Slow is what took several times the quickest way, and this much more (a queue's usual jitter). */
#define SLOW_TIMES 4
#define SLOW_NS    (INT64_C(10) * NS_PER_MS)
/* Of one range's candidates, so that a trace made of copies does not take for ever. */
#define CANDIDATES_MAX 4096u
#define NONE           UINT32_MAX

/* What is at work while packets are joined: lists of positions in the model's packets. */
struct joining {
  const struct model_packet *packets;
  uint32_t *partner; /* of a packet that left: where it arrived, NONE */
  uint16_t *pieces;  /* of a packet that left; of one that arrived: not 0 if it was used as one */
  uint8_t *fate;     /* of a packet that left */
  bool *taken;       /* arrived, and it is known from what */
  uint32_t *near, *far;
  uint32_t near_count, far_count;
};

#define DIFFER(a, b)                                                                               \
  do {                                                                                             \
    if ((a) != (b))                                                                                \
      return (a) < (b) ? -1 : 1;                                                                   \
  } while (0)

static int compare_loosely(const struct model_packet *a, const struct model_packet *b)
{
  const unsigned telling = TCP_SYN | TCP_FIN | TCP_RST;
  DIFFER(a->side, b->side);
  DIFFER(a->seq, b->seq);
  DIFFER(a->payload_bytes, b->payload_bytes);
  DIFFER(a->ack, b->ack);
  DIFFER(a->flags & telling, b->flags & telling);
  return 0;
}

static int compare_strictly(const struct model_packet *a, const struct model_packet *b)
{
  const int order = compare_loosely(a, b);
  if (order != 0)
    return order;
  DIFFER(a->ts_val, b->ts_val);
  DIFFER(a->ip_id, b->ip_id);
  DIFFER(a->window_bytes, b->window_bytes);
  DIFFER(a->flags, b->flags);
  return 0;
}

typedef int compare_packets(const struct model_packet *a, const struct model_packet *b);

struct sorting {
  const struct model_packet *packets;
  compare_packets *compare;
};

static int compare_positions(const void *left, const void *right, void *context)
{
  const struct sorting *sorting = context;
  const uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
  const int order = sorting->compare(&sorting->packets[a], &sorting->packets[b]);
  if (order != 0)
    return order;
  DIFFER(a, b); /* they are in order of time */
  return 0;
}

static void sort_positions(const struct joining *joining, uint32_t *list, uint32_t count,
                           compare_packets *compare)
{
  struct sorting sorting = {joining->packets, compare};
  qsort_r(list, count, sizeof *list, compare_positions, &sorting);
}

/* Could have been under way from one to the other. */
static bool in_time(const struct model_packet *sent, const struct model_packet *arrived)
{
  const int64_t delay_ns = arrived->time_ns - sent->time_ns;
  return delay_ns > -CLOCKS_AGREE_NS && delay_ns < UNDER_WAY_MAX_NS;
}

static void keep_unjoined(struct joining *joining)
{
  uint32_t kept = 0;
  for (uint32_t i = 0; i < joining->near_count; i++)
    if (joining->partner[joining->near[i]] == NONE)
      joining->near[kept++] = joining->near[i];
  joining->near_count = kept;
  kept = 0;
  for (uint32_t i = 0; i < joining->far_count; i++)
    if (!joining->taken[joining->far[i]])
      joining->far[kept++] = joining->far[i];
  joining->far_count = kept;
}

/* Both lists in order of what is compared and of time: equal ones are joined as they come. */
static void join_equal(struct joining *joining, compare_packets *compare)
{
  const struct model_packet *packets = joining->packets;
  uint32_t f = 0;
  sort_positions(joining, joining->near, joining->near_count, compare);
  sort_positions(joining, joining->far, joining->far_count, compare);
  for (uint32_t n = 0; n < joining->near_count; n++) {
    const uint32_t near = joining->near[n];
    int order = -1;
    while (f < joining->far_count &&
           ((order = compare(&packets[joining->far[f]], &packets[near])) < 0 ||
            (order == 0 &&
             packets[joining->far[f]].time_ns <= packets[near].time_ns - CLOCKS_AGREE_NS)))
      f++;
    if (f == joining->far_count || order != 0 ||
        !in_time(&packets[near], &packets[joining->far[f]]))
      continue;
    joining->partner[near] = joining->far[f];
    joining->fate[near] = RUNG_ARRIVED;
    joining->taken[joining->far[f++]] = true;
  }
  keep_unjoined(joining);
}

static int compare_ranges(const struct model_packet *a, const struct model_packet *b)
{
  DIFFER(a->side, b->side);
  DIFFER(a->seq, b->seq);
  return 0;
}

/* The first arrival that may reach behind that byte. */
static uint32_t first_candidate(const struct joining *joining, uint8_t side, int64_t seq)
{
  uint32_t low = 0, high = joining->far_count;
  while (low < high) {
    const uint32_t middle = low + (high - low) / 2;
    const struct model_packet *packet = &joining->packets[joining->far[middle]];
    if (packet->side < side || (packet->side == side && packet->seq < seq))
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

/* By what arrived of its bytes, whatever the packets were in which they did. */
static void join_range(struct joining *joining, uint32_t near, uint32_t longest)
{
  const struct model_packet *sent = &joining->packets[near];
  const int64_t last = sent->seq + sent->payload_bytes;
  int64_t covered = 0, at = sent->seq;
  uint32_t f = first_candidate(joining, sent->side, sent->seq - longest);
  for (uint32_t i = 0; i < CANDIDATES_MAX && f < joining->far_count; i++, f++) {
    const uint32_t far = joining->far[f];
    const struct model_packet *piece = &joining->packets[far];
    const int64_t end = piece->seq + piece->payload_bytes;
    if (piece->side != sent->side || piece->seq >= last)
      break;
    if (end <= at || joining->taken[far] || !in_time(sent, piece))
      continue;
    const int64_t from = piece->seq > at ? piece->seq : at;
    const int64_t to = end < last ? end : last;
    covered += to - from;
    at = to;
    joining->pieces[near]++;
    joining->pieces[far] = 1; /* used */
    if (joining->partner[near] == NONE ||
        piece->time_ns > joining->packets[joining->partner[near]].time_ns)
      joining->partner[near] = far;
    /* one that goes on behind it holds the next segment as well */
    joining->taken[far] = end <= last;
  }
  if (covered > 0)
    joining->fate[near] = covered < sent->payload_bytes ? RUNG_PARTLY : RUNG_ARRIVED;
}

static int compare_times(const void *left, const void *right)
{
  const uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
  DIFFER(a, b);
  return 0;
}

static void join_ranges(struct joining *joining)
{
  uint32_t longest = 0;
  for (uint32_t f = 0; f < joining->far_count; f++)
    if (joining->packets[joining->far[f]].payload_bytes > longest)
      longest = joining->packets[joining->far[f]].payload_bytes;
  if (longest == 0)
    return;
  sort_positions(joining, joining->far, joining->far_count, compare_ranges);
  qsort(joining->near, joining->near_count, sizeof *joining->near, compare_times);
  for (uint32_t n = 0; n < joining->near_count; n++)
    if (joining->packets[joining->near[n]].payload_bytes > 0)
      join_range(joining, joining->near[n], longest);
  /* what holds the end of one segment and the beginning of another has come from both */
  for (uint32_t f = 0; f < joining->far_count; f++)
    joining->taken[joining->far[f]] |= joining->pieces[joining->far[f]] > 0;
}

/* ---- which end saw what ---- */

/* When an end's capture went on, and whether it lost some. */
struct watch {
  int64_t first_ns, last_ns;
  bool saw[2]; /* packets of that side */
  bool lossy;
};

static void watch_end(struct watch *watch, const struct model *model,
                      const struct model_packets *packets, uint8_t end)
{
  const struct model_end *capture = &model->ends[end];
  *watch = (struct watch){.first_ns = INT64_MAX, .last_ns = INT64_MIN};
  for (uint32_t i = 0; i < packets->count; i++) {
    const struct model_packet *packet = &packets->list[i];
    if (packet->end != end)
      continue;
    watch->first_ns = packet->time_ns < watch->first_ns ? packet->time_ns : watch->first_ns;
    watch->last_ns = packet->time_ns > watch->last_ns ? packet->time_ns : watch->last_ns;
    if (packet->kind == MODEL_TCP)
      watch->saw[packet->side] = true;
  }
  if (capture->first_ns < capture->last_ns) {
    watch->first_ns = capture->first_ns;
    watch->last_ns = capture->last_ns;
  }
  watch->lossy = capture->has_dropped && capture->dropped > 0;
}

/* What became of a packet that was not seen to arrive at that end. */
static enum rung_fate fate_of(const struct watch *watch, const struct model_packet *sent,
                              int64_t usual_ns)
{
  const int64_t way_ns = usual_ns > CLOCKS_AGREE_NS ? 2 * usual_ns : CLOCKS_AGREE_NS;
  if (sent->kind != MODEL_TCP || !watch->saw[sent->side] ||
      sent->time_ns - CLOCKS_AGREE_NS < watch->first_ns || sent->time_ns + way_ns >= watch->last_ns)
    return RUNG_UNKNOWN;
  return watch->lossy ? RUNG_MISSING : RUNG_LOST;
}

/* ---- rows ---- */

static struct rung *add(struct rungs *rungs, enum rung_kind kind, int64_t time_ns)
{
  struct rung *rung = &rungs->list[rungs->count++];
  *rung = (struct rung){.kind = (uint8_t)kind, .time_ns = time_ns, .pieces = 1};
  return rung;
}

static void find_usual(struct rungs *rungs, const struct joining *joining, uint32_t count)
{
  int64_t least_ns = INT64_MAX;
  for (uint32_t i = 0; i < count; i++) {
    if (joining->partner[i] == NONE)
      continue;
    const int64_t delay_ns =
        joining->packets[joining->partner[i]].time_ns - joining->packets[i].time_ns;
    if (delay_ns > 0 && delay_ns < least_ns)
      least_ns = delay_ns;
  }
  rungs->usual_ns = least_ns == INT64_MAX ? 0 : least_ns;
}

static void add_sent(struct rungs *rungs, const struct joining *joining,
                     const struct watch watches[2], uint32_t position)
{
  const struct model_packet *sent = &joining->packets[position];
  struct rung *rung = add(rungs, RUNG_PACKET, sent->time_ns);
  rung->sent = sent;
  rung->fate = joining->fate[position];
  if (joining->partner[position] == NONE) {
    if (rungs->two_ends)
      rung->fate = (uint8_t)fate_of(&watches[sent->side == SIDE_CLIENT], sent, rungs->usual_ns);
    return;
  }
  rung->arrived = &joining->packets[joining->partner[position]];
  if (joining->pieces[position] > 0)
    rung->pieces = joining->pieces[position];
  const int64_t delay_ns = rung->arrived->time_ns - sent->time_ns;
  rung->slow = rungs->usual_ns > 0 && delay_ns > SLOW_TIMES * rungs->usual_ns + SLOW_NS;
  if (!rung->slow)
    return;
  struct rung *arrival = add(rungs, RUNG_ARRIVAL, rung->arrived->time_ns);
  const int64_t time_ns = arrival->time_ns;
  *arrival = *rung;
  arrival->kind = RUNG_ARRIVAL;
  arrival->time_ns = time_ns;
}

static void add_waits(struct rungs *rungs, const struct model_connection *connection)
{
  for (uint32_t i = 0; i < connection->finding_count; i++)
    if (connection->findings[i]->kind == FINDING_STALL)
      add(rungs, RUNG_WAIT, connection->findings[i]->start_ns)->finding = i;
}

static int compare_rungs(const void *left, const void *right)
{
  const struct rung *a = left, *b = right;
  DIFFER(a->time_ns, b->time_ns);
  DIFFER(a->kind, b->kind);
  const struct model_packet *p = a->sent != NULL ? a->sent : a->arrived;
  const struct model_packet *q = b->sent != NULL ? b->sent : b->arrived;
  DIFFER((uintptr_t)p, (uintptr_t)q); /* one list: as it has them */
  DIFFER(a->finding, b->finding);
  return 0;
}

/* By end: what left there, and what arrived. An end between the two ends of the path is passed. */
static void divide(struct joining *joining, const struct rungs *rungs,
                   const struct model_packets *packets)
{
  for (uint32_t i = 0; i < packets->count; i++) {
    const struct model_packet *packet = &packets->list[i];
    const uint8_t near = packet->side == SIDE_CLIENT ? rungs->left : rungs->right;
    const uint8_t far = packet->side == SIDE_CLIENT ? rungs->right : rungs->left;
    joining->partner[i] = NONE;
    if (packet->kind != MODEL_TCP)
      continue;
    if (packet->end == near)
      joining->near[joining->near_count++] = i;
    else if (packet->end == far)
      joining->far[joining->far_count++] = i;
  }
}

static void make_list(struct rungs *rungs, const struct joining *joining,
                      const struct watch watches[2], const struct model_packets *packets)
{
  find_usual(rungs, joining, packets->count);
  for (uint32_t i = 0; i < packets->count; i++) {
    const struct model_packet *packet = &packets->list[i];
    const uint8_t near = packet->side == SIDE_CLIENT ? rungs->left : rungs->right;
    if (packet->kind == MODEL_FOREIGN || packet->end == near)
      add_sent(rungs, joining, watches, i);
    else if ((packet->end == rungs->left || packet->end == rungs->right) && !joining->taken[i])
      add(rungs, RUNG_PACKET, packet->time_ns)->arrived = packet; /* never seen to leave */
  }
}

static bool get_memory(struct joining *joining, struct rungs *rungs, size_t count, size_t findings)
{
  joining->partner = calloc(count + 1, sizeof *joining->partner);
  joining->near = calloc(count + 1, sizeof *joining->near);
  joining->far = calloc(count + 1, sizeof *joining->far);
  joining->pieces = calloc(count + 1, sizeof *joining->pieces);
  joining->fate = calloc(count + 1, sizeof *joining->fate);
  joining->taken = calloc(count + 1, sizeof *joining->taken);
  /* each packet has one row, or two if it was slow: then what arrived has none */
  rungs->list = calloc(2 * count + findings + 1, sizeof *rungs->list);
  return joining->partner != NULL && joining->near != NULL && joining->far != NULL &&
         joining->pieces != NULL && joining->fate != NULL && joining->taken != NULL &&
         rungs->list != NULL;
}

static void give_memory_back(const struct joining *joining)
{
  free(joining->partner);
  free(joining->near);
  free(joining->far);
  free(joining->pieces);
  free(joining->fate);
  free(joining->taken);
}

bool rungs_are_of(const struct rungs *rungs, const struct model *model,
                  const struct model_connection *connection)
{
  return rungs->list != NULL && rungs->connection_id == connection->id &&
         rungs->packets_version == model->packets_version &&
         rungs->findings_version == connection->findings_version;
}

bool rungs_update(struct rungs *rungs, const struct model *model,
                  const struct model_connection *connection)
{
  const struct model_packets *packets = &model->packets;
  struct joining joining = {.packets = packets->list};
  struct watch watches[2]; /* of the left end and the right one */
  if (rungs_are_of(rungs, model, connection))
    return true;
  rungs_free(rungs);
  if (!get_memory(&joining, rungs, packets->count, connection->finding_count)) {
    give_memory_back(&joining);
    rungs_free(rungs);
    return false;
  }
  model_ends_of(connection, &rungs->left, &rungs->right);
  rungs->two_ends = rungs->left != rungs->right;
  watch_end(&watches[0], model, packets, rungs->left);
  watch_end(&watches[1], model, packets, rungs->right);
  divide(&joining, rungs, packets);
  if (rungs->two_ends) {
    join_equal(&joining, compare_strictly);
    join_equal(&joining, compare_loosely);
    join_ranges(&joining);
  }
  make_list(rungs, &joining, watches, packets);
  add_waits(rungs, connection);
  qsort(rungs->list, rungs->count, sizeof *rungs->list, compare_rungs);
  give_memory_back(&joining);
  rungs->connection_id = connection->id;
  rungs->packets_version = model->packets_version;
  rungs->findings_version = connection->findings_version;
  return true;
}

void rungs_free(struct rungs *rungs)
{
  free(rungs->list);
  *rungs = (struct rungs){.list = NULL};
}

uint32_t rungs_at(const struct rungs *rungs, int64_t time_ns)
{
  uint32_t low = 0, high = rungs->count;
  while (low < high) {
    const uint32_t middle = low + (high - low) / 2;
    if (rungs->list[middle].time_ns <= time_ns)
      low = middle + 1;
    else
      high = middle;
  }
  return low > 0 ? low - 1 : 0;
}

static bool is_frame(const struct model_packet *packet, uint64_t frame, uint8_t end)
{
  return packet != NULL && packet->frame == frame && packet->end == end;
}

uint32_t rungs_of_frame(const struct rungs *rungs, uint64_t frame, uint8_t end)
{
  uint32_t found = UINT32_MAX;
  for (uint32_t i = 0; i < rungs->count && found == UINT32_MAX; i++) {
    const struct rung *rung = &rungs->list[i];
    /* where it arrived late, that is a row of its own */
    if (is_frame(rung->sent, frame, end)
            ? rung->kind == RUNG_PACKET
            : is_frame(rung->arrived, frame, end) && (!rung->slow || rung->kind == RUNG_ARRIVAL))
      found = i;
  }
  return found;
}
