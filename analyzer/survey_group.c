#include "analyzer/survey_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One connection in a group. Numbers and sides of a group are those of its first member: the frame
 * of reference. */
struct node {
  uint32_t sketch;   /* SKETCH_NONE: this end has none */
  uint32_t shift[2]; /* by side of the frame: added to this end's numbers gives the frame's */
  bool crossed;      /* the frame's side 0 is side 1 here */
};

struct group {
  struct node nodes[ANALYZER_ENDS_MAX];
  uint32_t merged_into; /* SKETCH_NONE: alive */
  uint32_t members;
  bool listed;
  uint32_t edge; /* the last, so the weakest, that joined it */
  /* > 0: the first end is closer to the frame's side 0 than the second one; 0: not known */
  int16_t order[ANALYZER_ENDS_MAX][ANALYZER_ENDS_MAX];
};

struct grouping {
  struct survey *survey;
  struct group *groups;
  uint32_t count, capacity;
};

static int compare_strength(const void *left, const void *right)
{
  const struct survey_edge *a = left, *b = right;
  if (a->certainty != b->certainty)
    return a->certainty > b->certainty ? -1 : 1;
  if (a->pairing.bits != b->pairing.bits)
    return a->pairing.bits > b->pairing.bits ? -1 : 1;
  if (a->end_a != b->end_a || a->end_b != b->end_b)
    return a->end_a * ANALYZER_ENDS_MAX + a->end_b < b->end_a * ANALYZER_ENDS_MAX + b->end_b ? -1
                                                                                             : 1;
  return a->pairing.a < b->pairing.a ? -1 : a->pairing.a > b->pairing.a;
}

static uint32_t group_of(const struct grouping *grouping, uint32_t group)
{
  while (group != SKETCH_NONE && grouping->groups[group].merged_into != SKETCH_NONE)
    group = grouping->groups[group].merged_into;
  return group;
}

static uint32_t group_for(const struct grouping *grouping, uint32_t end, uint32_t index)
{
  return group_of(grouping, survey_sketch(grouping->survey, end, index)->pair);
}

/* A group of one. There is room for one for each edge: the other half of the edge joins it. */
static uint32_t group_new(struct grouping *grouping, uint32_t end, uint32_t index)
{
  struct group *group = &grouping->groups[grouping->count];
  *group = (struct group){.merged_into = SKETCH_NONE, .members = 1, .edge = SKETCH_NONE};
  for (uint32_t i = 0; i < ANALYZER_ENDS_MAX; i++)
    group->nodes[i].sketch = SKETCH_NONE;
  group->nodes[end].sketch = index;
  survey_sketch(grouping->survey, end, index)->pair = grouping->count;
  return grouping->count++;
}

static bool have_common_end(const struct group *a, const struct group *b)
{
  for (uint32_t end = 0; end < ANALYZER_ENDS_MAX; end++) {
    if (a->nodes[end].sketch != SKETCH_NONE && b->nodes[end].sketch != SKETCH_NONE)
      return true;
  }
  return false;
}

/* `node` of b's group, in the frame of a's group. */
static struct node translate(const struct survey_edge *edge, const struct node *a,
                             const struct node *b, const struct node *node)
{
  struct node moved = {.sketch = node->sketch};
  const unsigned edge_crossed = edge->pairing.crossed ? 1 : 0;
  moved.crossed = node->crossed ^ b->crossed ^ edge->pairing.crossed ^ a->crossed;
  for (unsigned side = 0; side < 2; side++) {
    unsigned a_side = side ^ (a->crossed ? 1 : 0);
    unsigned frame_side = a_side ^ edge_crossed ^ (b->crossed ? 1 : 0);
    moved.shift[side] = node->shift[frame_side] - b->shift[frame_side] +
                        edge->pairing.shift[a_side] + a->shift[side];
  }
  return moved;
}

/* The edge as seen from b. */
static struct survey_edge reversed(const struct survey_edge *edge)
{
  struct survey_edge other = *edge;
  other.end_a = edge->end_b;
  other.end_b = edge->end_a;
  other.pairing.a = edge->pairing.b;
  other.pairing.b = edge->pairing.a;
  for (unsigned side = 0; side < 2; side++)
    other.pairing.shift[side] = -edge->pairing.shift[side ^ (edge->pairing.crossed ? 1 : 0)];
  other.order = (int16_t)(edge->pairing.crossed ? edge->order : -edge->order);
  return other;
}

/* The edge's b joins the group of its a. */
static void join(struct grouping *grouping, uint32_t into, const struct survey_edge *edge)
{
  struct group *group = &grouping->groups[into];
  const struct node alone = {.sketch = edge->pairing.b};
  group->nodes[edge->end_b] = translate(edge, &group->nodes[edge->end_a], &alone, &alone);
  group->members++;
  survey_sketch(grouping->survey, edge->end_b, edge->pairing.b)->pair = into;
}

static void merge(struct grouping *grouping, uint32_t into, uint32_t from,
                  const struct survey_edge *edge)
{
  struct group *a = &grouping->groups[into], *b = &grouping->groups[from];
  const struct node a_node = a->nodes[edge->end_a], b_node = b->nodes[edge->end_b];
  bool turned = a_node.crossed ^ edge->pairing.crossed ^ b_node.crossed;
  for (uint32_t end = 0; end < ANALYZER_ENDS_MAX; end++) {
    if (b->nodes[end].sketch == SKETCH_NONE)
      continue;
    a->nodes[end] = translate(edge, &a_node, &b_node, &b->nodes[end]);
    for (uint32_t other = 0; other < ANALYZER_ENDS_MAX; other++) {
      if (b->nodes[other].sketch != SKETCH_NONE)
        a->order[end][other] = (int16_t)(turned ? -b->order[end][other] : b->order[end][other]);
    }
  }
  a->members += b->members;
  b->merged_into = into;
}

static void note_order(struct group *group, const struct survey_edge *edge)
{
  int order = group->nodes[edge->end_a].crossed ? -edge->order : edge->order;
  group->order[edge->end_a][edge->end_b] = (int16_t)order;
  group->order[edge->end_b][edge->end_a] = (int16_t)-order;
}

/* The group of both ends of the edge afterwards; SKETCH_NONE: another connection of one of these
 * ends has the place. */
static uint32_t unite(struct grouping *grouping, const struct survey_edge *edge, uint32_t a,
                      uint32_t b)
{
  struct group *groups = grouping->groups;
  if (a == SKETCH_NONE && b == SKETCH_NONE)
    a = group_new(grouping, edge->end_a, edge->pairing.a);
  if (a == SKETCH_NONE) {
    const struct survey_edge other = reversed(edge);
    if (groups[b].nodes[edge->end_a].sketch != SKETCH_NONE)
      return SKETCH_NONE;
    join(grouping, b, &other);
    return b;
  }
  if (b == SKETCH_NONE) {
    if (groups[a].nodes[edge->end_b].sketch != SKETCH_NONE)
      return SKETCH_NONE;
    join(grouping, a, edge);
    return a;
  }
  if (have_common_end(&groups[a], &groups[b]))
    return SKETCH_NONE;
  merge(grouping, a, b, edge);
  return a;
}

static void take_edge(struct grouping *grouping, const struct survey_edge *edge)
{
  uint32_t a = group_for(grouping, edge->end_a, edge->pairing.a);
  uint32_t b = group_for(grouping, edge->end_b, edge->pairing.b);
  if (edge->certainty == PAIR_POSSIBLE && (a != SKETCH_NONE || b != SKETCH_NONE))
    return;
  if (a == SKETCH_NONE || a != b) {
    a = unite(grouping, edge, a, b);
    if (a == SKETCH_NONE)
      return;
    grouping->groups[a].edge = (uint32_t)(edge - grouping->survey->edges.at);
  }
  note_order(&grouping->groups[a], edge);
}

/* --- from groups to pairs --- */

/* Whether the frame's side 0 is the client. */
static bool client_is_0(const struct survey *survey, const struct group *group)
{
  const struct sketch *chosen = NULL;
  bool crossed = false;
  for (uint32_t end = 0; end < survey->ends; end++) {
    if (group->nodes[end].sketch == SKETCH_NONE)
      continue;
    const struct sketch *sketch = survey_sketch(survey, end, group->nodes[end].sketch);
    bool from_syn = (sketch->facts & SKETCH_ROLES_FROM_SYN) != 0;
    if (chosen == NULL || (from_syn && (chosen->facts & SKETCH_ROLES_FROM_SYN) == 0)) {
      chosen = sketch;
      crossed = group->nodes[end].crossed;
    }
  }
  return chosen == NULL || ((chosen->facts & SKETCH_CLIENT_IS_1) != 0) == crossed;
}

static struct endpoint endpoint_of(const struct sketch *sketch, unsigned side)
{
  return (struct endpoint){.address = sketch->key.address[side],
                           .port = sketch->key.port[side],
                           .ip_version = sketch->key.ip_version};
}

static void fill_members(const struct survey *survey, const struct group *group, unsigned client,
                         struct connection_pair *pair)
{
  const struct node *first = NULL;
  for (uint32_t end = 0; end < survey->ends; end++) {
    const struct node *node = &group->nodes[end];
    if (node->sketch == SKETCH_NONE)
      continue;
    if (first == NULL)
      first = node;
    const struct sketch *sketch = survey_sketch(survey, end, node->sketch);
    unsigned here = client ^ (node->crossed ? 1 : 0);
    struct pair_member *member = &pair->members[pair->member_count++];
    *member = (struct pair_member){.end = (uint8_t)end,
                                   .client = endpoint_of(sketch, here),
                                   .server = endpoint_of(sketch, here ^ 1),
                                   .first_ns = sketch->first_ns,
                                   .last_ns = sketch->last_ns,
                                   .first_frame = sketch->first_frame,
                                   .last_frame = sketch->last_frame};
    member->seq_shift[0] = node->shift[client] - first->shift[client];
    member->seq_shift[1] = node->shift[client ^ 1] - first->shift[client ^ 1];
  }
}

/* place = how many of the others stand closer to the client. */
static void fill_places(const struct group *group, unsigned client, struct connection_pair *pair)
{
  pair->order_known = true;
  for (uint32_t i = 0; i < pair->member_count; i++) {
    for (uint32_t k = 0; k < pair->member_count; k++) {
      int order = group->order[pair->members[k].end][pair->members[i].end];
      if (client == 1)
        order = -order;
      if (order > 0)
        pair->members[i].place++;
      else if (order == 0 && i != k)
        pair->order_known = false;
    }
  }
  bool taken[ANALYZER_ENDS_MAX] = {false};
  for (uint32_t i = 0; i < pair->member_count; i++) {
    pair->order_known &= !taken[pair->members[i].place]; /* a cycle */
    taken[pair->members[i].place] = true;
  }
  for (uint32_t i = 0; i < pair->member_count && !pair->order_known; i++)
    pair->members[i].place = (uint8_t)i;
}

static const char *addresses_clause(enum pairing_addresses addresses)
{
  switch (addresses) {
  case PAIRING_ADDRESSES_SAME: return "same addresses and ports";
  case PAIRING_ADDRESSES_SWAPPED: return "same ports, addresses swapped";
  case PAIRING_ADDRESSES_PORTS: return "same ports, other addresses";
  case PAIRING_ADDRESSES_DIFFER: break;
  }
  return "other addresses or ports";
}

static void fill_reason(const struct pairing *pairing, bool by_time, char *reason, size_t size)
{
  const char *numbers = pairing->shift[0] != 0 || pairing->shift[1] != 0
                            ? "sequence numbers shifted by a constant"
                            : "same sequence numbers";
  int used = snprintf(reason, size, "%s, %s", addresses_clause(pairing->addresses), numbers);
  if (used < 0 || (size_t)used >= size)
    return;
  uint32_t ids = pairing->same_ip_ids[0] + pairing->same_ip_ids[1];
  if (pairing->same_timestamps > 0)
    (void)snprintf(reason + used, size - (size_t)used, ", %u timestamp pairs in common%s",
                   pairing->same_timestamps, by_time ? "; time decides between several" : "");
  else if (ids > 0)
    (void)snprintf(reason + used, size - (size_t)used, ", %u IP-IDs in common%s", ids,
                   by_time ? "; time decides between several" : "");
  else
    (void)snprintf(reason + used, size - (size_t)used, ", %u segments and ACKs in common%s",
                   pairing->matched[0] + pairing->matched[1],
                   by_time ? "; time decides between several" : "");
}

static void pair_fill(struct survey *survey, const struct group *group,
                      struct connection_pair *pair, uint32_t index)
{
  const struct survey_edge *edge = &survey->edges.at[group->edge];
  unsigned client = client_is_0(survey, group) ? 0 : 1;
  memset(pair, 0, sizeof *pair);
  pair->certainty = (enum pair_certainty)edge->certainty;
  fill_members(survey, group, client, pair);
  fill_places(group, client, pair);
  fill_reason(&edge->pairing, edge->has_rivals, pair->reason, sizeof pair->reason);
  for (uint32_t i = 0; i < pair->member_count; i++) {
    uint8_t end = pair->members[i].end;
    struct sketch *sketch = survey_sketch(survey, end, group->nodes[end].sketch);
    sketch->pair = index;
    sketch->pair_member = (uint8_t)i;
  }
  survey->pairs_not_certain += pair->certainty != PAIR_CERTAIN;
}

static void forget_groups(struct survey *survey)
{
  for (uint32_t end = 0; end < survey->ends; end++) {
    for (uint32_t i = 0; i < survey->sets[end].count; i++)
      sketch_at(&survey->sets[end], i)->pair = SKETCH_NONE;
  }
}

/* Lists the groups of several ends in the order in which the first ends saw them. */
static uint32_t list_groups(struct grouping *grouping, uint32_t *list)
{
  struct survey *survey = grouping->survey;
  uint32_t count = 0;
  for (uint32_t end = 0; end < survey->ends; end++) {
    for (uint32_t i = 0; i < survey->sets[end].count; i++) {
      uint32_t index = group_of(grouping, survey_sketch(survey, end, i)->pair);
      if (index == SKETCH_NONE || grouping->groups[index].listed ||
          grouping->groups[index].members < 2)
        continue;
      grouping->groups[index].listed = true;
      list[count++] = index;
    }
  }
  return count;
}

static int make_pairs(struct grouping *grouping)
{
  struct survey *survey = grouping->survey;
  uint32_t *list = survey_allocate(survey, grouping->count, sizeof *list);
  if (list == NULL)
    return ERROR_MEMORY;
  uint32_t count = list_groups(grouping, list);
  forget_groups(survey);
  survey->pairs = survey_allocate(survey, count, sizeof *survey->pairs);
  if (survey->pairs != NULL) {
    survey->pair_count = count;
    for (uint32_t i = 0; i < count; i++)
      pair_fill(survey, &grouping->groups[list[i]], &survey->pairs[i], i);
  }
  survey_release(survey, list, grouping->count, sizeof *list);
  return count == 0 || survey->pairs != NULL ? 0 : ERROR_MEMORY;
}

int survey_group(struct survey *survey)
{
  struct grouping grouping = {.survey = survey, .capacity = (uint32_t)survey->edges.count};
  forget_groups(survey);
  if (survey->edges.count == 0)
    return 0;
  grouping.groups = survey_allocate(survey, grouping.capacity, sizeof *grouping.groups);
  if (grouping.groups == NULL)
    return ERROR_MEMORY;
  qsort(survey->edges.at, survey->edges.count, sizeof *survey->edges.at, compare_strength);
  for (size_t i = 0; i < survey->edges.count; i++)
    take_edge(&grouping, &survey->edges.at[i]);
  int result = make_pairs(&grouping);
  survey_release(survey, grouping.groups, grouping.capacity, sizeof *grouping.groups);
  return result;
}
