#include "cli/monitor_window.h"

#include "wire/error.h"
#include "wire/timestamp.h"

#include <stdlib.h>
#include <string.h>

/* One packet of others in so much time shows that an end was seeing anything (the analyzer's
 * shortest silence is ten times this). */
#define OTHERS_EVERY_NS (10 * NS_PER_MS)
/* Around the beginning and the end of the wait. */
#define AROUND_NS (50 * NS_PER_MS)
/* Of an end that does not know a connection's addresses: its last packets. */
#define STRANGERS_MAX 20000u
/* They are of so many connections, about: each is compared with each when it is asked which are the
 * same. */
#define STRANGER_FLOWS 256u
/* Of the bytes, for samples. */
#define SAMPLES_SHARE 8u
#define SAMPLES_MIN   1024u
#define PACKETS_MIN   4096u

/* What is looked through for every packet, apart from the packets: it fits the caches better. */
struct window_mark {
  int64_t time_ns; /* on this host's clock */
  uint32_t flow;   /* hash of the addresses and ports, the same for both directions; 0: not TCP */
  uint8_t end, kind;
};

int monitor_window_init(struct monitor_window *window, uint64_t bytes)
{
  const uint64_t samples = bytes / SAMPLES_SHARE / (sizeof *window->samples + sizeof(int64_t));
  const uint64_t packets =
      (bytes - bytes / SAMPLES_SHARE) / (sizeof *window->packets + sizeof *window->marks);
  *window =
      (struct monitor_window){.packet_capacity = packets > PACKETS_MIN ? packets : PACKETS_MIN,
                              .sample_capacity = samples > SAMPLES_MIN ? samples : SAMPLES_MIN};
  window->packets = calloc(window->packet_capacity, sizeof *window->packets);
  window->marks = calloc(window->packet_capacity, sizeof *window->marks);
  window->samples = calloc(window->sample_capacity, sizeof *window->samples);
  window->sample_here_ns = calloc(window->sample_capacity, sizeof *window->sample_here_ns);
  if (window->packets != NULL && window->marks != NULL && window->samples != NULL &&
      window->sample_here_ns != NULL)
    return 0;
  monitor_window_free(window);
  return ERROR_MEMORY;
}

void monitor_window_free(struct monitor_window *window)
{
  free(window->packets);
  free(window->marks);
  free(window->samples);
  free(window->sample_here_ns);
  *window = (struct monitor_window){0};
}

static uint32_t half_hash(const struct ip_address *address, uint16_t port)
{
  uint64_t high, low;
  memcpy(&high, address->bytes, sizeof high);
  memcpy(&low, address->bytes + 8, sizeof low);
  uint64_t hash = (high ^ low * UINT64_C(0xe7037ed1a0b428db) ^ port) * UINT64_C(0x9e3779b97f4a7c15);
  return (uint32_t)(hash >> 32);
}

static uint32_t flow_of(const struct ip_address *a, uint16_t a_port, const struct ip_address *b,
                        uint16_t b_port)
{
  const uint32_t flow = half_hash(a, a_port) + half_hash(b, b_port);
  return flow != 0 ? flow : 1;
}

void monitor_window_add(struct monitor_window *window, const struct packet *packet, int64_t here_ns)
{
  const uint64_t at = window->next_packet++ % window->packet_capacity;
  window->packets[at] = *packet;
  window->marks[at] = (struct window_mark){
      .time_ns = here_ns,
      .flow = packet->kind == PACKET_TCP
                  ? flow_of(&packet->src, packet->src_port, &packet->dst, packet->dst_port)
                  : 0,
      .end = packet->end,
      .kind = packet->kind};
}

void monitor_window_add_sample(struct monitor_window *window, const struct host_sample *sample,
                               int64_t here_ns)
{
  const uint64_t at = window->next_sample++ % window->sample_capacity;
  window->samples[at] = *sample;
  window->sample_here_ns[at] = here_ns;
}

static uint64_t first_packet(const struct monitor_window *window)
{
  return window->next_packet > window->packet_capacity
             ? window->next_packet - window->packet_capacity
             : 0;
}

/* ---- the connections of a wish ---- */

#define SET_SLOTS 256u /* a power of two, well above WINDOW_CONNECTIONS_MAX */

struct wished {
  uint32_t flow;
  const struct window_connection *connection;
  bool known[ANALYZER_ENDS_MAX]; /* that end has seen it */
};

struct wished_set {
  struct wished list[WINDOW_CONNECTIONS_MAX];
  uint32_t count;
  uint8_t slots[SET_SLOTS]; /* 1 + position in the list; 0: free */
};

static bool is_from_to(const struct packet *packet, const struct endpoint *from,
                       const struct endpoint *to)
{
  return packet->src_port == from->port && packet->dst_port == to->port &&
         memcmp(&packet->src, &from->address, sizeof packet->src) == 0 &&
         memcmp(&packet->dst, &to->address, sizeof packet->dst) == 0;
}

static bool same_endpoint(const struct endpoint *a, const struct endpoint *b)
{
  return a->port == b->port && a->ip_version == b->ip_version &&
         memcmp(&a->address, &b->address, sizeof a->address) == 0;
}

static bool same_connection(const struct window_connection *a, const struct window_connection *b)
{
  return (same_endpoint(&a->a, &b->a) && same_endpoint(&a->b, &b->b)) ||
         (same_endpoint(&a->a, &b->b) && same_endpoint(&a->b, &b->a));
}

/* Two waits of one connection are one. */
static void wish_for(struct wished_set *set, const struct window_connection *connection)
{
  const uint32_t flow = flow_of(&connection->a.address, connection->a.port, &connection->b.address,
                                connection->b.port);
  uint32_t slot = flow % SET_SLOTS;
  for (; set->slots[slot] != 0; slot = (slot + 1) % SET_SLOTS)
    if (same_connection(set->list[set->slots[slot] - 1].connection, connection))
      return;
  if (set->count == WINDOW_CONNECTIONS_MAX)
    return;
  set->list[set->count] = (struct wished){.flow = flow, .connection = connection};
  set->slots[slot] = (uint8_t)++set->count;
}

/* The wished connection that the packet is of, NULL: none. */
static struct wished *wished_of(struct wished_set *set, const struct monitor_window *window,
                                uint64_t at)
{
  const uint32_t flow = window->marks[at].flow;
  const struct packet *packet = &window->packets[at];
  if (flow == 0)
    return NULL;
  for (uint32_t slot = flow % SET_SLOTS; set->slots[slot] != 0; slot = (slot + 1) % SET_SLOTS) {
    struct wished *wished = &set->list[set->slots[slot] - 1];
    const struct window_connection *connection = wished->connection;
    if (wished->flow == flow && packet->ip_version == connection->a.ip_version &&
        (is_from_to(packet, &connection->a, &connection->b) ||
         is_from_to(packet, &connection->b, &connection->a)))
      return wished;
  }
  return NULL;
}

/* ---- the times around which everything is taken ---- */

struct range {
  int64_t from_ns, to_ns;
};

struct ranges {
  struct range list[2 * WINDOW_CONNECTIONS_MAX]; /* in order, apart */
  uint32_t count, at;                            /* at: where the last time was sought */
};

static int compare_ranges(const void *left, const void *right)
{
  const struct range *a = left, *b = right;
  return a->from_ns < b->from_ns ? -1 : a->from_ns > b->from_ns;
}

static void find_ranges(struct ranges *ranges, const struct window_wish *wish)
{
  uint32_t joined = 0;
  for (uint32_t i = 0; i < wish->connection_count; i++) {
    const int64_t times[2] = {wish->connections[i].start_ns, wish->connections[i].end_ns};
    for (int t = 0; t < 2; t++)
      ranges->list[ranges->count++] = (struct range){times[t] - AROUND_NS, times[t] + AROUND_NS};
  }
  if (ranges->count > 1)
    qsort(ranges->list, ranges->count, sizeof *ranges->list, compare_ranges);
  for (uint32_t i = 1; i < ranges->count; i++) {
    struct range *last = &ranges->list[joined];
    const struct range *next = &ranges->list[i];
    if (next->from_ns > last->to_ns)
      ranges->list[++joined] = *next;
    else if (next->to_ns > last->to_ns)
      last->to_ns = next->to_ns;
  }
  ranges->count = ranges->count > 0 ? joined + 1 : 0;
}

/* Times come nearly in order. */
static bool is_around(struct ranges *ranges, int64_t time_ns)
{
  while (ranges->at + 1 < ranges->count && time_ns > ranges->list[ranges->at].to_ns)
    ranges->at++;
  while (ranges->at > 0 && time_ns < ranges->list[ranges->at].from_ns)
    ranges->at--;
  const struct range *range = &ranges->list[ranges->at];
  return ranges->count > 0 && time_ns >= range->from_ns && time_ns <= range->to_ns;
}

/* ---- taking ---- */

/* Looking backwards: where to begin, so that there is no more than wanted. */
struct beginning {
  uint64_t at;                           /* the first packet of all that is looked at */
  uint64_t strangers[ANALYZER_ENDS_MAX]; /* where the end's last TCP packets begin */
  uint32_t tcp[ANALYZER_ENDS_MAX];       /* so many there are */
  /* Whose: the flow that came first of all with that remainder, seen from the newest packet. */
  uint32_t flows[ANALYZER_ENDS_MAX][STRANGER_FLOWS];
};

static bool is_stranger(const struct beginning *beginning, const struct window_mark *mark)
{
  return mark->flow != 0 && beginning->flows[mark->end][mark->flow % STRANGER_FLOWS] == mark->flow;
}

static bool take_stranger(struct beginning *beginning, const struct window_mark *mark)
{
  uint32_t *flow = &beginning->flows[mark->end][mark->flow % STRANGER_FLOWS];
  if (mark->flow == 0 || beginning->tcp[mark->end] == STRANGERS_MAX)
    return false;
  if (*flow == 0)
    *flow = mark->flow;
  return *flow == mark->flow;
}

struct taking {
  const struct monitor_window *window;
  const struct window_wish *wish;
  struct wished_set set;
  struct ranges ranges;
  struct beginning beginning;
  bool wants_strangers[ANALYZER_ENDS_MAX];
  /* Of others, each kind by its own share: that an end saw anything; around the waits. */
  uint32_t signs, around;
  int64_t last_other_ns[ANALYZER_ENDS_MAX];
};

static void find_beginning(struct taking *taking)
{
  const struct monitor_window *window = taking->window;
  struct beginning *beginning = &taking->beginning;
  uint32_t own = 0;
  beginning->at = window->next_packet;
  for (uint64_t n = window->next_packet; n-- > first_packet(window);) {
    const uint64_t at = n % window->packet_capacity;
    const struct window_mark *mark = &window->marks[at];
    if (mark->time_ns < taking->wish->from_ns || own == taking->wish->packets_max)
      break;
    beginning->at = n;
    struct wished *wished = wished_of(&taking->set, window, at);
    if (wished != NULL) {
      own++;
      wished->known[mark->end] = true;
    } else if (take_stranger(beginning, mark)) {
      beginning->tcp[mark->end]++;
      beginning->strangers[mark->end] = n;
    }
  }
  for (uint32_t end = 0; end < taking->wish->ends; end++) {
    for (uint32_t i = 0; i < taking->set.count && beginning->tcp[end] > 0; i++)
      taking->wants_strangers[end] |= !taking->set.list[i].known[end];
  }
}

static bool is_everybodys(uint8_t kind)
{
  return kind == PACKET_ARP || kind == PACKET_ND || kind == PACKET_ICMP ||
         kind == PACKET_ICMP_ERROR;
}

static bool is_other_wanted(struct taking *taking, const struct window_mark *mark)
{
  const uint32_t most = taking->wish->packets_max / 4;
  const bool due = mark->time_ns - taking->last_other_ns[mark->end] >= OTHERS_EVERY_NS;
  if ((due || is_everybodys(mark->kind)) && taking->signs < most) {
    taking->signs++;
    taking->last_other_ns[mark->end] = mark->time_ns;
    return true;
  }
  if (taking->around == most || !is_around(&taking->ranges, mark->time_ns))
    return false;
  taking->around++;
  return true;
}

static bool is_wanted(struct taking *taking, uint64_t n)
{
  const uint64_t at = n % taking->window->packet_capacity;
  const struct window_mark *mark = &taking->window->marks[at];
  if (wished_of(&taking->set, taking->window, at) != NULL)
    return true;
  if (taking->wish->only_these)
    return false;
  if (taking->wants_strangers[mark->end] && is_stranger(&taking->beginning, mark) &&
      n >= taking->beginning.strangers[mark->end])
    return true;
  return is_other_wanted(taking, mark);
}

/* counting: only how many. */
static void take_packets(struct taking *taking, struct window_part *part, bool counting)
{
  const struct monitor_window *window = taking->window;
  memset(part->counts, 0, sizeof part->counts);
  taking->signs = taking->around = taking->ranges.at = 0;
  memset(taking->last_other_ns, 0, sizeof taking->last_other_ns);
  for (uint64_t n = taking->beginning.at; n < window->next_packet; n++) {
    if (!is_wanted(taking, n))
      continue;
    const uint64_t at = n % window->packet_capacity;
    const uint8_t end = window->marks[at].end;
    if (!counting)
      part->packets[end][part->counts[end]] = &window->packets[at];
    part->counts[end]++;
  }
}

static int take_samples(const struct monitor_window *window, const struct window_wish *wish,
                        struct window_part *part)
{
  const uint64_t first = window->next_sample > window->sample_capacity
                             ? window->next_sample - window->sample_capacity
                             : 0;
  part->samples = calloc(window->next_sample - first + 1, sizeof(const struct host_sample *));
  if (part->samples == NULL)
    return ERROR_MEMORY;
  for (uint64_t n = first; n < window->next_sample; n++) {
    const uint64_t at = n % window->sample_capacity;
    const struct host_sample *sample = &window->samples[at];
    if (window->sample_here_ns[at] >= wish->from_ns || sample->kind == HOST_SAMPLE_HEADER)
      part->samples[part->sample_count++] = sample;
  }
  return 0;
}

int monitor_window_take(const struct monitor_window *window, const struct window_wish *wish,
                        struct window_part *part)
{
  *part = (struct window_part){0};
  struct taking *taking = calloc(1, sizeof *taking);
  if (taking == NULL)
    return ERROR_MEMORY;
  taking->window = window;
  taking->wish = wish;
  for (uint32_t i = 0; i < wish->connection_count; i++)
    wish_for(&taking->set, &wish->connections[i]);
  find_ranges(&taking->ranges, wish);
  find_beginning(taking);
  take_packets(taking, part, true);
  int status = 0;
  for (uint32_t end = 0; end < wish->ends && status == 0; end++) {
    part->packets[end] = calloc((size_t)part->counts[end] + 1, sizeof(const struct packet *));
    status = part->packets[end] != NULL ? 0 : ERROR_MEMORY;
  }
  if (status == 0) {
    take_packets(taking, part, false);
    status = take_samples(window, wish, part);
  }
  free(taking);
  if (status != 0)
    window_part_free(part);
  return status;
}

void window_part_free(struct window_part *part)
{
  for (uint32_t end = 0; end < ANALYZER_ENDS_MAX; end++)
    free(part->packets[end]);
  free(part->samples);
  *part = (struct window_part){0};
}
