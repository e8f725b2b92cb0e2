#include "analyzer/clock_lines.h"

void clock_lines_init(struct clock_lines *lines, int64_t x_origin_ns, int64_t reference_ns,
                      long double radius, long double skew_max)
{
  lines->x_origin_ns = x_origin_ns;
  lines->reference_ns = reference_ns;
  lines->radius = radius;
  lines->skew_max = skew_max;
  lines->above = lines->below = false;
  lines->count = 4;
  lines->corners[0] = (struct clock_line){-radius, -skew_max};
  lines->corners[1] = (struct clock_line){radius, -skew_max};
  lines->corners[2] = (struct clock_line){radius, skew_max};
  lines->corners[3] = (struct clock_line){-radius, skew_max};
}

/* A bound that passes a corner that closely passes through it, else rounding errors would make
 * corner upon corner. */
#define TOUCH_NS 1e-3L

/* The subtraction is done in long double: hostile times are further apart than int64_t reaches. */
static long double distance(int64_t to, int64_t from)
{
  return (long double)to - (long double)from;
}

long double clock_line_at(const struct clock_lines *lines, const struct clock_line *line,
                          int64_t x_ns)
{
  return line->offset + line->skew * distance(x_ns, lines->x_origin_ns);
}

static struct clock_line between(const struct clock_line *p, const struct clock_line *q,
                                 long double excess_p, long double excess_q)
{
  long double share = excess_p / (excess_p - excess_q);
  return (struct clock_line){p->offset + share * (q->offset - p->offset),
                             p->skew + share * (q->skew - p->skew)};
}

bool clock_lines_bound(struct clock_lines *lines, bool upper, int64_t x_ns, int64_t y_ns,
                       int64_t ease_ns)
{
  long double sign = upper ? 1 : -1;
  long double x = distance(x_ns, lines->x_origin_ns);
  long double y = distance(y_ns, lines->reference_ns);
  long double excess[CLOCK_CORNERS_MAX]; /* above TOUCH_NS: the corner is cut off */
  uint32_t cut = 0;
  for (uint32_t i = 0; i < lines->count; i++) {
    const struct clock_line *corner = &lines->corners[i];
    excess[i] = sign * (corner->offset + corner->skew * x - y) - (long double)ease_ns;
    cut += excess[i] > TOUCH_NS ? 1 : 0;
  }
  if (upper)
    lines->above = true;
  else
    lines->below = true;
  if (cut == 0 || cut == lines->count) {
    lines->count -= cut;
    return lines->count > 0;
  }
  struct clock_line kept[2 * CLOCK_CORNERS_MAX];
  uint32_t count = 0;
  for (uint32_t i = 0; i < lines->count; i++) {
    uint32_t next = i + 1 < lines->count ? i + 1 : 0;
    if (excess[i] <= TOUCH_NS)
      kept[count++] = lines->corners[i];
    if ((excess[i] > TOUCH_NS && excess[next] < -TOUCH_NS) ||
        (excess[next] > TOUCH_NS && excess[i] < -TOUCH_NS))
      kept[count++] = between(&lines->corners[i], &lines->corners[next], excess[i], excess[next]);
  }
  if (count > CLOCK_CORNERS_MAX)
    return true;
  for (uint32_t i = 0; i < count; i++)
    lines->corners[i] = kept[i];
  lines->count = count;
  return true;
}

long double clock_lines_max(const struct clock_lines *lines, int64_t x_ns)
{
  long double max = clock_line_at(lines, &lines->corners[0], x_ns);
  for (uint32_t i = 1; i < lines->count; i++) {
    long double own = clock_line_at(lines, &lines->corners[i], x_ns);
    if (own > max)
      max = own;
  }
  return max;
}

long double clock_lines_min(const struct clock_lines *lines, int64_t x_ns)
{
  long double min = clock_line_at(lines, &lines->corners[0], x_ns);
  for (uint32_t i = 1; i < lines->count; i++) {
    long double own = clock_line_at(lines, &lines->corners[i], x_ns);
    if (own < min)
      min = own;
  }
  return min;
}

bool clock_lines_allow(const struct clock_lines *lines, bool upper, int64_t x_ns, int64_t y_ns,
                       int64_t ease_ns)
{
  long double y = distance(y_ns, lines->reference_ns), ease = (long double)ease_ns;
  return upper ? clock_lines_min(lines, x_ns) <= y + ease
               : clock_lines_max(lines, x_ns) >= y - ease;
}

long double clock_lines_skew_max(const struct clock_lines *lines)
{
  long double max = lines->corners[0].skew;
  for (uint32_t i = 1; i < lines->count; i++) {
    long double own = lines->corners[i].skew;
    if (own > max)
      max = own;
  }
  return max;
}

long double clock_lines_skew_min(const struct clock_lines *lines)
{
  long double min = lines->corners[0].skew;
  for (uint32_t i = 1; i < lines->count; i++) {
    long double own = lines->corners[i].skew;
    if (own < min)
      min = own;
  }
  return min;
}

struct clock_line clock_lines_centre(const struct clock_lines *lines)
{
  const struct clock_line *first = &lines->corners[0];
  struct clock_line sum = {0, 0};
  long double area = 0;
  for (uint32_t i = 1; i + 1 < lines->count; i++) {
    const struct clock_line *p = &lines->corners[i], *q = &lines->corners[i + 1];
    long double px = p->offset - first->offset, py = p->skew - first->skew;
    long double qx = q->offset - first->offset, qy = q->skew - first->skew;
    long double part = px * qy - py * qx; /* twice the area of the triangle */
    area += part;
    sum.offset += part * (px + qx) / 3;
    sum.skew += part * (py + qy) / 3;
  }
  if (!(area > 0)) { /* a polygon without area, or its rounding errors */
    const struct clock_line *last = &lines->corners[lines->count / 2];
    return (struct clock_line){(first->offset + last->offset) / 2, (first->skew + last->skew) / 2};
  }
  return (struct clock_line){first->offset + sum.offset / area, first->skew + sum.skew / area};
}
