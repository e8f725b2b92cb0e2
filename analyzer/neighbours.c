#include "analyzer/neighbours.h"

#include "wire/timestamp.h"

#include <stdbool.h>
#include <string.h>

#define ARP_REQUEST      1
#define ARP_REPLY        2
#define ND_SOLICITATION  135
#define ND_ADVERTISEMENT 136

static bool same(const struct ip_address *a, const struct ip_address *b)
{
  return memcmp(a, b, sizeof *a) == 0;
}

static struct neighbour_query *find(struct neighbours *neighbours, const struct packet *packet)
{
  for (uint32_t i = 0; i < NEIGHBOURS_MAX; i++) {
    struct neighbour_query *query = &neighbours->queries[i];
    if (query->requests > 0 && query->end == packet->end && same(&query->asker, &packet->src) &&
        same(&query->target, &packet->dst))
      return query;
  }
  return NULL;
}

static void see_request(struct neighbours *neighbours, const struct packet *packet)
{
  struct neighbour_query *query = find(neighbours, packet);
  if (query == NULL || query->answered_ns != 0) {
    if (query == NULL)
      query = &neighbours->queries[neighbours->next++ % NEIGHBOURS_MAX];
    *query = (struct neighbour_query){.asker = packet->src,
                                      .target = packet->dst,
                                      .first_ns = packet->time_ns,
                                      .first_frame = packet->frame,
                                      .end = packet->end};
  }
  query->requests++;
  query->last_ns = packet->time_ns;
  query->last_frame = packet->frame;
}

void neighbours_see(struct neighbours *neighbours, const struct packet *packet)
{
  if (!time_is_valid(packet->time_ns))
    return;
  if (packet->icmp_type == ARP_REQUEST || packet->icmp_type == ND_SOLICITATION) {
    see_request(neighbours, packet);
    return;
  }
  if (packet->icmp_type != ARP_REPLY && packet->icmp_type != ND_ADVERTISEMENT)
    return;
  const struct ip_address *answered = packet->kind == PACKET_ND ? &packet->dst : &packet->src;
  for (uint32_t i = 0; i < NEIGHBOURS_MAX; i++) {
    struct neighbour_query *query = &neighbours->queries[i];
    if (query->requests > 0 && query->end == packet->end && query->answered_ns == 0 &&
        same(&query->target, answered)) {
      query->answered_ns = packet->time_ns;
      query->answer_frame = packet->frame;
    }
  }
}

const struct neighbour_query *neighbours_unanswered(const struct neighbours *neighbours,
                                                    const struct ip_address *asker, uint8_t end,
                                                    int64_t start_ns, int64_t end_ns)
{
  for (uint32_t i = 0; i < NEIGHBOURS_MAX; i++) {
    const struct neighbour_query *query = &neighbours->queries[i];
    int64_t until_ns = query->answered_ns != 0 ? query->answered_ns : end_ns;
    /* Two requests are a second apart (RFC 4861: RETRANS_TIMER; Linux retrans_time_ms): one alone
     * is answered or not. */
    if (query->requests >= 2 && query->end == end && same(&query->asker, asker) &&
        query->first_ns < end_ns && until_ns > start_ns &&
        until_ns - query->first_ns > (end_ns - start_ns) / 3)
      return query;
  }
  return NULL;
}
