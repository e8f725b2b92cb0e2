#include "replay/receiver_model.h"

#include "replay/rebase.h"
#include "wire/seq.h"

#include <string.h>

void receiver_model_init(struct receiver_model *model)
{
  memset(model, 0, sizeof *model);
  model->next = model->last_ack = REBASE_SYN_POSITION;
}

void receiver_model_timestamp(struct receiver_model *model, int64_t first, uint32_t ts_val)
{
  if (!model->has_ts || (first <= model->last_ack && seq_geq(ts_val, model->ts_recent)))
    model->ts_recent = ts_val;
  model->has_ts = true;
}

static void remove_ranges(struct receiver_model *model, uint32_t at, uint32_t count)
{
  memmove(&model->ranges[at], &model->ranges[at + count],
          (model->range_count - at - count) * sizeof model->ranges[0]);
  model->range_count -= count;
}

/* Joins [first, end) with what it touches. Returns true if it was all there before. */
static bool keep(struct receiver_model *model, int64_t first, int64_t end)
{
  uint32_t at = 0;
  while (at < model->range_count && model->ranges[at].end < first)
    at++;
  if (at < model->range_count && model->ranges[at].first <= first && model->ranges[at].end >= end) {
    model->latest = model->ranges[at];
    return true;
  }
  uint32_t touched = 0;
  while (at + touched < model->range_count && model->ranges[at + touched].first <= end) {
    const struct receiver_range *range = &model->ranges[at + touched++];
    first = range->first < first ? range->first : first;
    end = range->end > end ? range->end : end;
  }
  remove_ranges(model, at, touched);
  if (model->range_count == RECEIVER_RANGES_MAX) {
    if (at == RECEIVER_RANGES_MAX)
      return false; /* as a TCP that is short of memory would: it comes again */
    model->range_count--;
  }
  memmove(&model->ranges[at + 1], &model->ranges[at],
          (model->range_count - at) * sizeof model->ranges[0]);
  model->ranges[at] = model->latest = (struct receiver_range){first, end};
  model->range_count++;
  return false;
}

enum receiver_verdict receiver_model_take(struct receiver_model *model, int64_t first, int64_t end,
                                          int64_t edge)
{
  model->duplicate = (struct receiver_range){0, 0};
  if (end > edge)
    end = edge;
  if (end <= first || end <= model->next) {
    if (end > first && first >= 0)
      model->duplicate = (struct receiver_range){first, end};
    return RECEIVER_DUPLICATE;
  }
  if (first > model->next) {
    if (!keep(model, first, end))
      return RECEIVER_OUT_OF_ORDER;
    model->duplicate = (struct receiver_range){first, end};
    return RECEIVER_DUPLICATE;
  }
  if (first < model->next && first >= 0)
    model->duplicate = (struct receiver_range){first, model->next};
  model->next = end;
  while (model->range_count > 0 && model->ranges[0].first <= model->next) {
    if (model->ranges[0].end > model->next)
      model->next = model->ranges[0].end;
    remove_ranges(model, 0, 1);
  }
  return RECEIVER_ADVANCED;
}

static bool same_range(const struct receiver_range *a, const struct receiver_range *b)
{
  return a->first == b->first && a->end == b->end;
}

uint32_t receiver_model_sack(const struct receiver_model *model,
                             struct receiver_range blocks[RECEIVER_SACK_MAX], uint32_t max)
{
  uint32_t count = 0;
  if (model->duplicate.end > model->duplicate.first && count < max)
    blocks[count++] = model->duplicate;
  for (uint32_t i = 0; i < model->range_count && count < max; i++)
    if (same_range(&model->ranges[i], &model->latest))
      blocks[count++] = model->latest;
  for (uint32_t i = model->range_count; i-- > 0 && count < max;)
    if (!same_range(&model->ranges[i], &model->latest))
      blocks[count++] = model->ranges[i];
  return count;
}
