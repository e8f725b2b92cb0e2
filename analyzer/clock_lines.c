#include "analyzer/clock_lines.h"

#include "analyzer/clock_math.h"

void clock_lines_init(struct clock_lines *lines, int64_t x_origin_ns, int64_t reference_ns,
                      double radius_ns, double skew_max)
{
  lines->x_origin_ns = x_origin_ns;
  lines->reference_ns = reference_ns;
  lines->radius_ns = radius_ns;
  lines->skew_max = skew_max;
  lines->above = lines->below = false;
  lines->count = 4;
  lines->corners[0] = (struct clock_line){-radius_ns, -skew_max};
  lines->corners[1] = (struct clock_line){radius_ns, -skew_max};
  lines->corners[2] = (struct clock_line){radius_ns, skew_max};
  lines->corners[3] = (struct clock_line){-radius_ns, skew_max};
}

/* A bound that passes a corner that closely passes through it, else rounding errors would make
 * corner upon corner. */
#define TOUCH_NS 0.05

/* Subtracted as integers: a double tells times since 1970 to 256 ns only. */
static double distance(int64_t to, int64_t from)
{
  return (double)clock_subtract(to, from);
}

double clock_line_at(const struct clock_lines *lines, const struct clock_line *line, int64_t x_ns)
{
  return line->offset_ns + line->skew * distance(x_ns, lines->x_origin_ns);
}

static struct clock_line between(const struct clock_line *p, const struct clock_line *q,
                                 double excess_p, double excess_q)
{
  double share = excess_p / (excess_p - excess_q);
  return (struct clock_line){p->offset_ns + share * (q->offset_ns - p->offset_ns),
                             p->skew + share * (q->skew - p->skew)};
}

bool clock_lines_bound(struct clock_lines *lines, bool upper, int64_t x_ns, int64_t y_ns,
                       int64_t ease_ns)
{
  double sign = upper ? 1 : -1;
  double x = distance(x_ns, lines->x_origin_ns);
  double y = distance(y_ns, lines->reference_ns);
  double excess[CLOCK_CORNERS_MAX]; /* above TOUCH_NS: the corner is cut off */
  uint32_t cut = 0;
  for (uint32_t i = 0; i < lines->count; i++) {
    const struct clock_line *corner = &lines->corners[i];
    excess[i] = sign * (corner->offset_ns + corner->skew * x - y) - (double)ease_ns;
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

double clock_lines_max(const struct clock_lines *lines, int64_t x_ns)
{
  double max = clock_line_at(lines, &lines->corners[0], x_ns);
  for (uint32_t i = 1; i < lines->count; i++) {
    double own = clock_line_at(lines, &lines->corners[i], x_ns);
    if (own > max)
      max = own;
  }
  return max;
}

double clock_lines_min(const struct clock_lines *lines, int64_t x_ns)
{
  double min = clock_line_at(lines, &lines->corners[0], x_ns);
  for (uint32_t i = 1; i < lines->count; i++) {
    double own = clock_line_at(lines, &lines->corners[i], x_ns);
    if (own < min)
      min = own;
  }
  return min;
}

bool clock_lines_allow(const struct clock_lines *lines, bool upper, int64_t x_ns, int64_t y_ns,
                       int64_t ease_ns)
{
  double y = distance(y_ns, lines->reference_ns), ease = (double)ease_ns;
  return upper ? clock_lines_min(lines, x_ns) <= y + ease
               : clock_lines_max(lines, x_ns) >= y - ease;
}

double clock_lines_skew_max(const struct clock_lines *lines)
{
  double max = lines->corners[0].skew;
  for (uint32_t i = 1; i < lines->count; i++) {
    double own = lines->corners[i].skew;
    if (own > max)
      max = own;
  }
  return max;
}

double clock_lines_skew_min(const struct clock_lines *lines)
{
  double min = lines->corners[0].skew;
  for (uint32_t i = 1; i < lines->count; i++) {
    double own = lines->corners[i].skew;
    if (own < min)
      min = own;
  }
  return min;
}

struct clock_line clock_lines_centre(const struct clock_lines *lines)
{
  const struct clock_line *first = &lines->corners[0];
  struct clock_line sum = {0, 0};
  double area = 0;
  for (uint32_t i = 1; i + 1 < lines->count; i++) {
    const struct clock_line *p = &lines->corners[i], *q = &lines->corners[i + 1];
    double px = p->offset_ns - first->offset_ns, py = p->skew - first->skew;
    double qx = q->offset_ns - first->offset_ns, qy = q->skew - first->skew;
    double part = px * qy - py * qx; /* twice the area of the triangle */
    area += part;
    sum.offset_ns += part * (px + qx) / 3;
    sum.skew += part * (py + qy) / 3;
  }
  if (!(area > 0)) { /* a polygon without area, or its rounding errors */
    const struct clock_line *last = &lines->corners[lines->count / 2];
    return (struct clock_line){(first->offset_ns + last->offset_ns) / 2,
                               (first->skew + last->skew) / 2};
  }
  return (struct clock_line){first->offset_ns + sum.offset_ns / area,
                             first->skew + sum.skew / area};
}
