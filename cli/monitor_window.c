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

static bool is_own(const struct monitor_window *window, uint64_t at, uint32_t flow,
                   const struct window_wish *wish)
{
  if (window->marks[at].flow != flow)
    return false;
  const struct packet *packet = &window->packets[at];
  const bool forth = packet->src_port == wish->a.port && packet->dst_port == wish->b.port &&
                     memcmp(&packet->src, &wish->a.address, sizeof packet->src) == 0 &&
                     memcmp(&packet->dst, &wish->b.address, sizeof packet->dst) == 0;
  const bool back = packet->src_port == wish->b.port && packet->dst_port == wish->a.port &&
                    memcmp(&packet->src, &wish->b.address, sizeof packet->src) == 0 &&
                    memcmp(&packet->dst, &wish->a.address, sizeof packet->dst) == 0;
  return packet->ip_version == wish->a.ip_version && (forth || back);
}

/* Looking backwards: where to begin, so that there is no more than wanted. */
struct beginning {
  uint64_t at;                           /* the first packet of all that is looked at */
  uint64_t strangers[ANALYZER_ENDS_MAX]; /* where the end's TCP packets begin, if it knows none */
  uint32_t own[ANALYZER_ENDS_MAX], tcp[ANALYZER_ENDS_MAX];
};

static void find_beginning(const struct monitor_window *window, const struct window_wish *wish,
                           uint32_t flow, struct beginning *beginning)
{
  uint32_t own = 0;
  *beginning = (struct beginning){.at = window->next_packet};
  for (uint64_t n = window->next_packet; n-- > first_packet(window);) {
    const uint64_t at = n % window->packet_capacity;
    const struct window_mark *mark = &window->marks[at];
    if (mark->time_ns < wish->from_ns || own == wish->packets_max)
      break;
    beginning->at = n;
    if (is_own(window, at, flow, wish)) {
      own++;
      beginning->own[mark->end]++;
    } else if (mark->flow != 0 && beginning->tcp[mark->end] < wish->packets_max / 2) {
      beginning->tcp[mark->end]++;
      beginning->strangers[mark->end] = n;
    }
  }
}

static bool is_everybodys(uint8_t kind)
{
  return kind == PACKET_ARP || kind == PACKET_ND || kind == PACKET_ICMP ||
         kind == PACKET_ICMP_ERROR;
}

static bool is_around(const struct window_wish *wish, int64_t time_ns)
{
  return llabs(time_ns - wish->start_ns) <= AROUND_NS || llabs(time_ns - wish->end_ns) <= AROUND_NS;
}

/* Those of one end. */
struct taking {
  const struct monitor_window *window;
  const struct window_wish *wish;
  const struct beginning *beginning;
  uint32_t flow, others;
  int64_t last_other_ns[ANALYZER_ENDS_MAX];
};

static bool is_wanted(struct taking *taking, uint64_t n)
{
  const struct window_wish *wish = taking->wish;
  const uint64_t at = n % taking->window->packet_capacity;
  const struct window_mark *mark = &taking->window->marks[at];
  const uint8_t end = mark->end;
  if (is_own(taking->window, at, taking->flow, wish))
    return true;
  if (taking->beginning->own[end] == 0 && mark->flow != 0)
    return taking->beginning->tcp[end] > 0 && n >= taking->beginning->strangers[end];
  const bool due = mark->time_ns - taking->last_other_ns[end] >= OTHERS_EVERY_NS;
  if (taking->others == wish->packets_max ||
      (!due && !is_everybodys(mark->kind) && !is_around(wish, mark->time_ns)))
    return false;
  taking->others++;
  taking->last_other_ns[end] = mark->time_ns;
  return true;
}

/* counting: only how many. */
static void take_packets(struct taking taking, struct window_part *part, bool counting)
{
  const struct monitor_window *window = taking.window;
  memset(part->counts, 0, sizeof part->counts);
  for (uint64_t n = taking.beginning->at; n < window->next_packet; n++) {
    if (!is_wanted(&taking, n))
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
  struct beginning beginning;
  struct taking taking = {
      .window = window,
      .wish = wish,
      .beginning = &beginning,
      .flow = flow_of(&wish->a.address, wish->a.port, &wish->b.address, wish->b.port)};
  *part = (struct window_part){0};
  find_beginning(window, wish, taking.flow, &beginning);
  memcpy(part->own, beginning.own, sizeof part->own);
  take_packets(taking, part, true);
  for (uint32_t end = 0; end < wish->ends; end++) {
    part->packets[end] = calloc((size_t)part->counts[end] + 1, sizeof(const struct packet *));
    if (part->packets[end] == NULL) {
      window_part_free(part);
      return ERROR_MEMORY;
    }
  }
  take_packets(taking, part, false);
  const int status = take_samples(window, wish, part);
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
