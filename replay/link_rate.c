#include "replay/link_rate.h"

#include "wire/error.h"
#include "wire/timestamp.h"

#include <stdlib.h>

#define BITS_PER_BYTE 8
#define FREE_MAX_NS   (INT64_MAX / 4) /* keeps later sums from overflow */

int link_rate_init(struct link_rate *link, int64_t bits_per_s, int64_t queue_bytes,
                   int64_t queue_frames)
{
  *link = (struct link_rate){.bits_per_s = bits_per_s, .queue_bytes = queue_bytes};
  if (queue_frames == INT64_MAX)
    return 0;
  link->slots = (uint32_t)queue_frames;
  link->left_ns = calloc(link->slots, sizeof *link->left_ns);
  return link->left_ns == NULL ? ERROR_MEMORY : 0;
}

void link_rate_clear(struct link_rate *link)
{
  free(link->left_ns);
  link->left_ns = NULL;
}

static double backlog_bytes(const struct link_rate *link, int64_t now_ns)
{
  if (link->free_ns <= now_ns)
    return 0;
  return (double)(link->free_ns - now_ns) * 1e-9 * (double)link->bits_per_s / BITS_PER_BYTE;
}

static bool frames_full(struct link_rate *link, int64_t now_ns)
{
  while (link->used > 0 && link->left_ns[link->head] <= now_ns) {
    link->head = (link->head + 1) % link->slots;
    link->used--;
  }
  return link->used == link->slots;
}

int64_t link_rate_enter(struct link_rate *link, uint32_t frame_bytes, int64_t now_ns)
{
  if (link->queue_bytes != INT64_MAX &&
      backlog_bytes(link, now_ns) + frame_bytes > (double)link->queue_bytes)
    return TIME_INVALID;
  if (link->left_ns != NULL && frames_full(link, now_ns))
    return TIME_INVALID;
  const int64_t start_ns = link->free_ns > now_ns ? link->free_ns : now_ns;
  const double takes_ns = (double)frame_bytes * BITS_PER_BYTE * 1e9 / (double)link->bits_per_s;
  if (start_ns > FREE_MAX_NS || takes_ns > (double)FREE_MAX_NS)
    return TIME_INVALID;
  link->free_ns = start_ns + (int64_t)(takes_ns + 0.5);
  if (link->left_ns != NULL) {
    link->left_ns[(link->head + link->used) % link->slots] = link->free_ns;
    link->used++;
  }
  return link->free_ns;
}
