#include "analyzer/sample_store.h"

#include "wire/timestamp.h"

#include <stdlib.h>
#include <string.h>

/* A step so many times as long as the interval, and no shorter than that, is a gap. */
#define GAP_TIMES  4
#define GAP_MIN_NS (250 * NS_PER_MS)
/* As a packet's (analyzer.c): from 1970 on, and far from where differences overflow. */
#define SAMPLE_TIME_MAX_NS (INT64_MAX / 4)
/* The kernel's NUD_* of linux/neighbour.h. */
#define NEIGHBOUR_INCOMPLETE 0x01
#define NEIGHBOUR_FAILED     0x20

struct sample_store *sample_store_new(void)
{
  struct sample_store *store = calloc(1, sizeof *store);
  if (store != NULL)
    store->memory_bytes = sizeof *store;
  return store;
}

static void free_history(struct sample_store *store, struct socket_history *history)
{
  store->memory_bytes -= sizeof *history + sample_ring_bytes(&history->ring);
  sample_ring_clear(&history->ring);
  free(history);
}

void sample_store_free(struct sample_store *store)
{
  if (store == NULL)
    return;
  for (uint32_t i = 0; i < SAMPLE_BUCKETS; i++) {
    while (store->buckets[i] != NULL) {
      struct socket_history *next = store->buckets[i]->next;
      free_history(store, store->buckets[i]);
      store->buckets[i] = next;
    }
  }
  for (uint32_t i = 0; i < store->device_count; i++) {
    sample_ring_clear(&store->devices[i].qdisc);
    sample_ring_clear(&store->devices[i].link);
    sample_ring_clear(&store->devices[i].netstat);
  }
  free(store);
}

/* ---- sockets ---- */

static bool same_endpoint(const struct endpoint *a, const struct endpoint *b)
{
  return a->port == b->port && a->ip_version == b->ip_version &&
         memcmp(&a->address, &b->address, sizeof a->address) == 0;
}

static bool same_key(const struct socket_key *a, const struct socket_key *b)
{
  return a->end == b->end && same_endpoint(&a->own, &b->own) && same_endpoint(&a->peer, &b->peer);
}

static uint32_t bucket_of(const struct socket_key *key)
{
  uint32_t hash = 2166136261u; /* FNV-1a */
  const uint8_t *addresses[2] = {(const uint8_t *)&key->own.address,
                                 (const uint8_t *)&key->peer.address};
  for (int i = 0; i < 2; i++)
    for (size_t b = 0; b < sizeof key->own.address; b++)
      hash = (hash ^ addresses[i][b]) * 16777619u;
  hash = (hash ^ key->own.port) * 16777619u;
  hash = (hash ^ key->peer.port) * 16777619u;
  return (hash ^ hash >> 16 ^ key->end) % SAMPLE_BUCKETS;
}

static struct socket_history *find_history(const struct sample_store *store,
                                           const struct socket_key *key)
{
  struct socket_history *history = store->buckets[bucket_of(key)];
  while (history != NULL && !same_key(&history->key, key))
    history = history->next;
  return history;
}

const struct socket_history *sample_store_socket(const struct sample_store *store,
                                                 const struct socket_key *key)
{
  return store == NULL || store->sockets == 0 ? NULL : find_history(store, key);
}

static void forget_longest_silent(struct sample_store *store)
{
  struct socket_history **victim = NULL;
  for (uint32_t i = 0; i < SAMPLE_BUCKETS; i++)
    for (struct socket_history **at = &store->buckets[i]; *at != NULL; at = &(*at)->next)
      if (victim == NULL || (*at)->last_ns < (*victim)->last_ns)
        victim = at;
  if (victim == NULL)
    return;
  struct socket_history *gone = *victim;
  *victim = gone->next;
  free_history(store, gone);
  store->sockets--;
  store->sockets_forgotten++;
}

static struct socket_history *add_history(struct sample_store *store, const struct socket_key *key)
{
  if (store->sockets >= SAMPLE_SOCKETS_MAX)
    forget_longest_silent(store);
  struct socket_history *history = calloc(1, sizeof *history);
  if (history == NULL)
    return NULL;
  const uint32_t bucket = bucket_of(key);
  history->key = *key;
  history->ring.state_bytes = sizeof(struct sample_socket);
  history->next = store->buckets[bucket];
  store->buckets[bucket] = history;
  store->sockets++;
  store->memory_bytes += sizeof *history;
  return history;
}

static bool same_counters(const struct sample_socket *a, const struct sample_socket *b)
{
  return a->tcpi_bytes_acked == b->tcpi_bytes_acked &&
         a->tcpi_bytes_received == b->tcpi_bytes_received &&
         a->tcpi_bytes_sent == b->tcpi_bytes_sent &&
         a->tcpi_bytes_retrans == b->tcpi_bytes_retrans &&
         a->tcpi_total_retrans_pkts == b->tcpi_total_retrans_pkts &&
         a->tcpi_segs_in_pkts == b->tcpi_segs_in_pkts &&
         a->tcpi_segs_out_pkts == b->tcpi_segs_out_pkts && a->drops_pkts == b->drops_pkts;
}

static bool same_queues(const struct sample_socket *a, const struct sample_socket *b)
{
  return a->rqueue_bytes == b->rqueue_bytes && a->wqueue_bytes == b->wqueue_bytes &&
         a->tcpi_notsent_bytes == b->tcpi_notsent_bytes &&
         a->tcpi_unacked_pkts == b->tcpi_unacked_pkts && a->tcpi_lost_pkts == b->tcpi_lost_pkts &&
         a->rmem_alloc_bytes == b->rmem_alloc_bytes && a->rcvbuf_bytes == b->rcvbuf_bytes &&
         a->wmem_alloc_bytes == b->wmem_alloc_bytes && a->sndbuf_bytes == b->sndbuf_bytes;
}

/* Times that only count on, or down, are no change. */
static bool same_socket(const void *a, const void *b)
{
  const struct sample_socket *left = a, *right = b;
  return left->state == right->state && left->timer == right->timer &&
         left->tcpi_backoff == right->tcpi_backoff && left->tcpi_probes == right->tcpi_probes &&
         left->tcpi_rto_us == right->tcpi_rto_us &&
         left->tcpi_snd_cwnd_pkts == right->tcpi_snd_cwnd_pkts &&
         left->tcpi_snd_mss_bytes == right->tcpi_snd_mss_bytes &&
         left->tcpi_snd_wnd_bytes == right->tcpi_snd_wnd_bytes && same_queues(left, right) &&
         same_counters(left, right);
}

static void add_socket(struct sample_store *store, const struct host_sample *sample)
{
  const struct sample_socket *socket = &sample->of.socket;
  const struct socket_key key = {
      {socket->source, socket->source_port, socket->ip_version},
      {socket->destination, socket->destination_port, socket->ip_version},
      sample->end};
  struct socket_history *history = find_history(store, &key);
  if (history == NULL)
    history = add_history(store, &key);
  if (history == NULL || !socket->has_info)
    return;
  store->memory_bytes -= sample_ring_bytes(&history->ring);
  if (history->cookie != socket->cookie)
    sample_ring_clear(&history->ring);
  history->cookie = socket->cookie;
  history->last_ns = sample->time_ns;
  sample_ring_add(&history->ring, sample->time_ns, sample->number, socket, same_socket,
                  SAMPLE_GAP_MAX_NS);
  store->memory_bytes += sample_ring_bytes(&history->ring);
}

/* ---- devices and neighbours ---- */

static struct device_history *device_of(struct sample_store *store,
                                        const struct host_sample *sample)
{
  for (uint32_t i = 0; i < store->device_count; i++)
    if (store->devices[i].interface == sample->interface && store->devices[i].end == sample->end)
      return &store->devices[i];
  if (store->device_count == SAMPLE_DEVICES_MAX)
    return NULL;
  struct device_history *device = &store->devices[store->device_count++];
  device->interface = sample->interface;
  device->end = sample->end;
  device->qdisc.state_bytes = sizeof(struct sample_qdisc);
  device->link.state_bytes = sizeof(struct sample_link_statistics);
  device->netstat.state_bytes = sizeof(struct sample_netstat);
  return device;
}

static bool same_qdisc(const void *a, const void *b)
{
  return memcmp(a, b, sizeof(struct sample_qdisc)) == 0;
}

static bool same_link(const void *a, const void *b)
{
  return memcmp(a, b, sizeof(struct sample_link_statistics)) == 0;
}

static bool same_netstat(const void *a, const void *b)
{
  return memcmp(a, b, sizeof(struct sample_netstat)) == 0;
}

static void add_device(struct sample_store *store, const struct host_sample *sample)
{
  struct device_history *device = device_of(store, sample);
  if (device == NULL)
    return;
  struct sample_ring *ring = &device->qdisc;
  sample_same *same = same_qdisc;
  const void *state = &sample->of.qdisc;
  if (sample->kind == HOST_SAMPLE_LINK) {
    ring = &device->link;
    same = same_link;
    state = &sample->of.link;
  } else if (sample->kind == HOST_SAMPLE_NETSTAT) {
    ring = &device->netstat;
    same = same_netstat;
    state = &sample->of.netstat;
  }
  store->memory_bytes -= sample_ring_bytes(ring);
  sample_ring_add(ring, sample->time_ns, sample->number, state, same, SAMPLE_GAP_MAX_NS);
  store->memory_bytes += sample_ring_bytes(ring);
}

const struct sample_qdisc *sample_store_qdisc(const struct sample_store *store, uint8_t end,
                                              int64_t time_ns)
{
  const struct sample_qdisc *longest = NULL;
  for (uint32_t i = 0; store != NULL && i < store->device_count; i++) {
    const struct sample_ring *ring = &store->devices[i].qdisc;
    const uint32_t at = sample_ring_at(ring, time_ns);
    if (store->devices[i].end != end || at == ring->count ||
        time_ns - ring->stretches[at].last_ns > SAMPLE_GAP_MAX_NS)
      continue;
    const struct sample_qdisc *qdisc = sample_ring_state(ring, at);
    if (longest == NULL || qdisc->backlog_bytes > longest->backlog_bytes)
      longest = qdisc;
  }
  return longest;
}

/* The states to compare; false: there are no two. */
static bool find_growth(const struct sample_ring *ring, int64_t from_ns, int64_t until_ns,
                        const void **before, const void **after)
{
  if (ring->count < 2)
    return false;
  uint32_t first = sample_ring_at(ring, from_ns), last = sample_ring_at(ring, until_ns);
  if (first == ring->count)
    first = 0; /* all begin later */
  if (last == ring->count)
    return false;
  if (ring->stretches[last].last_ns < until_ns && last + 1 < ring->count)
    last++;
  *before = sample_ring_state(ring, first);
  *after = sample_ring_state(ring, last);
  return last > first;
}

static uint64_t grown(uint64_t before, uint64_t after)
{
  return after > before ? after - before : 0;
}

void sample_store_link_growth(const struct sample_store *store, uint8_t end, int64_t from_ns,
                              int64_t until_ns, struct sample_link_statistics *growth)
{
  *growth = (struct sample_link_statistics){0};
  for (uint32_t i = 0; store != NULL && i < store->device_count; i++) {
    const void *first, *last;
    if (store->devices[i].end != end ||
        !find_growth(&store->devices[i].link, from_ns, until_ns, &first, &last))
      continue;
    const struct sample_link_statistics *before = first, *after = last;
    growth->rx_packets += grown(before->rx_packets, after->rx_packets);
    growth->tx_packets += grown(before->tx_packets, after->tx_packets);
    growth->rx_errors += grown(before->rx_errors, after->rx_errors);
    growth->tx_errors += grown(before->tx_errors, after->tx_errors);
    growth->rx_dropped += grown(before->rx_dropped, after->rx_dropped);
    growth->tx_dropped += grown(before->tx_dropped, after->tx_dropped);
  }
}

void sample_store_netstat_growth(const struct sample_store *store, uint8_t end, int64_t from_ns,
                                 int64_t until_ns, struct sample_netstat *growth)
{
  *growth = (struct sample_netstat){0};
  for (uint32_t i = 0; store != NULL && i < store->device_count; i++) {
    const void *first, *last;
    if (store->devices[i].end != end ||
        !find_growth(&store->devices[i].netstat, from_ns, until_ns, &first, &last))
      continue;
    const struct sample_netstat *before = first, *after = last;
    growth->retrans_fail += grown(before->retrans_fail, after->retrans_fail);
    growth->spurious_rtx_host_queues +=
        grown(before->spurious_rtx_host_queues, after->spurious_rtx_host_queues);
    growth->paws_estab += grown(before->paws_estab, after->paws_estab);
    growth->beyond_window += grown(before->beyond_window, after->beyond_window);
    growth->rcvq_drop += grown(before->rcvq_drop, after->rcvq_drop);
    growth->backlog_drop += grown(before->backlog_drop, after->backlog_drop);
    growth->zero_window_drop += grown(before->zero_window_drop, after->zero_window_drop);
    growth->listen_overflows += grown(before->listen_overflows, after->listen_overflows);
    return; /* counters of the namespace, not of the device */
  }
}

static bool is_of_neighbour(const struct neighbour_trouble *trouble,
                            const struct host_sample *sample)
{
  return trouble->end == sample->end && trouble->ip_version == sample->of.neighbour.ip_version &&
         memcmp(&trouble->address, &sample->of.neighbour.address, sizeof trouble->address) == 0;
}

static void add_neighbour(struct sample_store *store, const struct host_sample *sample)
{
  const struct sample_neighbour *neighbour = &sample->of.neighbour;
  const bool failed = (neighbour->state & NEIGHBOUR_FAILED) != 0;
  const bool bad = failed || (neighbour->state & NEIGHBOUR_INCOMPLETE) != 0;
  struct neighbour_trouble *place = NULL;
  for (uint32_t i = 0; i < store->neighbour_count && place == NULL; i++)
    if (is_of_neighbour(&store->neighbours[i], sample) && store->neighbours[i].open)
      place = &store->neighbours[i];
  if (place != NULL) {
    place->last_ns = sample->time_ns;
    place->failed = failed;
    place->open = bad;
    return;
  }
  if (!bad)
    return;
  if (store->neighbour_count < SAMPLE_NEIGHBOURS_MAX) {
    place = &store->neighbours[store->neighbour_count++];
  } else { /* the oldest goes */
    place = &store->neighbours[0];
    for (uint32_t i = 1; i < SAMPLE_NEIGHBOURS_MAX; i++)
      if (store->neighbours[i].last_ns < place->last_ns)
        place = &store->neighbours[i];
  }
  *place = (struct neighbour_trouble){
      neighbour->address, sample->time_ns,       sample->time_ns, sample->number,
      sample->end,        neighbour->ip_version, failed,          true};
}

static int64_t overlap_ns(int64_t a_from_ns, int64_t a_until_ns, int64_t from_ns, int64_t until_ns)
{
  const int64_t from = a_from_ns > from_ns ? a_from_ns : from_ns;
  const int64_t until = a_until_ns < until_ns ? a_until_ns : until_ns;
  return until > from ? until - from : 0;
}

const struct neighbour_trouble *sample_store_neighbour(const struct sample_store *store,
                                                       uint8_t end,
                                                       const struct ip_address *address,
                                                       int64_t from_ns, int64_t until_ns)
{
  const struct neighbour_trouble *best = NULL;
  int64_t best_ns = 0;
  for (uint32_t i = 0; store != NULL && i < store->neighbour_count; i++) {
    const struct neighbour_trouble *one = &store->neighbours[i];
    const int64_t both_ns = overlap_ns(one->first_ns, one->last_ns, from_ns, until_ns);
    if (one->end != end || both_ns <= best_ns ||
        (address != NULL && memcmp(&one->address, address, sizeof *address) != 0))
      continue;
    best = one;
    best_ns = both_ns;
  }
  return best;
}

/* ---- when it was sampled ---- */

/* Longer ones are nobody's. */
#define INTERVAL_MAX_NS (INT64_C(3600) * NS_PER_S)

static void learn_interval(struct sample_clock *clock, const struct host_sample *sample)
{
  const int64_t interval_ns = sample->of.interval_ns;
  clock->interval_ns = interval_ns < 0 || interval_ns > INTERVAL_MAX_NS ? 0 : interval_ns;
}

static void tick(struct sample_clock *clock, int64_t time_ns)
{
  if (!clock->started) {
    clock->started = true;
    clock->last_ns = time_ns;
    return;
  }
  const int64_t step_ns = time_ns - clock->last_ns;
  if (step_ns <= 0)
    return;
  if (step_ns >= GAP_MIN_NS && step_ns >= GAP_TIMES * clock->interval_ns)
    clock->gaps[clock->gap_next++ % SAMPLE_GAPS_MAX] = (struct sample_gap){clock->last_ns, time_ns};
  clock->last_ns = time_ns;
}

int64_t sample_store_silence_ns(const struct sample_store *store, uint8_t end, int64_t from_ns,
                                int64_t until_ns)
{
  int64_t longest_ns = 0;
  if (store == NULL)
    return 0;
  const struct sample_clock *clock = &store->clocks[end];
  for (uint32_t i = 0; i < SAMPLE_GAPS_MAX && i < clock->gap_next; i++) {
    const int64_t both_ns =
        overlap_ns(clock->gaps[i].from_ns, clock->gaps[i].until_ns, from_ns, until_ns);
    if (both_ns > longest_ns)
      longest_ns = both_ns;
  }
  return longest_ns;
}

void sample_store_add(struct sample_store *store, const struct host_sample *sample)
{
  if (sample->end >= ANALYZER_ENDS_MAX || sample->time_ns < 0 ||
      sample->time_ns > SAMPLE_TIME_MAX_NS)
    return;
  tick(&store->clocks[sample->end], sample->time_ns);
  if (sample->time_ns > store->last_ns)
    store->last_ns = sample->time_ns;
  switch (sample->kind) {
  case HOST_SAMPLE_HEADER: learn_interval(&store->clocks[sample->end], sample); break;
  case HOST_SAMPLE_SOCKET: add_socket(store, sample); break;
  case HOST_SAMPLE_NEIGHBOUR: add_neighbour(store, sample); break;
  case HOST_SAMPLE_QDISC:
  case HOST_SAMPLE_LINK:
  case HOST_SAMPLE_NETSTAT: add_device(store, sample); break;
  }
}
