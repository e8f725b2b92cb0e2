#include "replay/peer_pieces.h"

#include "wire/seq.h"

#include <stdlib.h>
#include <string.h>

#define PIECES_MAX 2000000u
/* Retransmissions that cut otherwise than the first transmission did; beyond, a cut is not
 * followed. */
#define SPLITS_MAX 10000u
/* Of the path's round trip: an answer does not come sooner. */
#define ANSWER_SHARE 0.7
/* A piece whose last transmission is younger than this at the recording's end may have been
 * answered later. */
#define ANSWER_WAIT_NS (200 * NS_PER_MS)

void peer_pieces_clear(struct peer_pieces *pieces)
{
  free(pieces->copies);
  *pieces = (struct peer_pieces){0};
}

/* Makes room for one more at index `at`. */
static int insert(struct peer_pieces *pieces, uint32_t at, struct error *error)
{
  if (pieces->count == pieces->room) {
    const uint32_t room = pieces->room == 0 ? 256 : 2 * pieces->room;
    struct peer_copies *grown =
        room <= PIECES_MAX ? realloc(pieces->copies, room * sizeof *grown) : NULL;
    if (grown == NULL)
      return error_set(error, ERROR_LIMIT, "the stream is too long to be played");
    pieces->copies = grown;
    pieces->room = room;
  }
  memmove(&pieces->copies[at + 1], &pieces->copies[at],
          (pieces->count - at) * sizeof *pieces->copies);
  pieces->count++;
  return 0;
}

/* Index of the first piece that ends behind `position`. */
static uint32_t find(const struct peer_pieces *pieces, int64_t position)
{
  uint32_t low = 0, high = pieces->count;
  while (low < high) {
    const uint32_t middle = low + (high - low) / 2;
    if (pieces->copies[middle].end <= position)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

static void note_copy(struct peer_copies *copies, const struct peer_transmission *sent)
{
  const uint32_t at = copies->count < PEER_COPIES_MAX ? copies->count : PEER_COPIES_MAX - 1;
  copies->times_ns[at] = sent->time_ns;
  copies->ts_vals[at] = sent->ts_val;
  copies->count++;
}

static int add_new(struct peer_pieces *pieces, uint32_t at, int64_t first, int64_t end,
                   const struct peer_transmission *sent, struct error *error)
{
  const int result = insert(pieces, at, error);
  if (result != 0)
    return result;
  pieces->copies[at] = (struct peer_copies){
      .first = first, .end = end, .covered_ns = INT64_MAX, .selected_ns = INT64_MAX};
  note_copy(&pieces->copies[at], sent);
  return 0;
}

/* Cuts piece `at` in two at `position`, if that is inside. */
static int split(struct peer_pieces *pieces, uint32_t at, int64_t position, struct error *error)
{
  const struct peer_copies *copies = &pieces->copies[at];
  if (position <= copies->first || position >= copies->end || pieces->splits == SPLITS_MAX)
    return 0;
  const int result = insert(pieces, at, error);
  if (result != 0)
    return result;
  pieces->splits++;
  pieces->copies[at] = pieces->copies[at + 1];
  pieces->copies[at].end = pieces->copies[at + 1].first = position;
  return 0;
}

int peer_pieces_add(struct peer_pieces *pieces, const struct peer_transmission *sent,
                    struct error *error)
{
  uint32_t at = find(pieces, sent->first);
  int64_t position = sent->first;
  int result = 0;
  if (at < pieces->count && pieces->copies[at].first < sent->first) {
    result = split(pieces, at, sent->first, error);
    if (pieces->copies[at].end <= sent->first)
      at++;
  }
  while (position < sent->end && result == 0) {
    if (at == pieces->count || pieces->copies[at].first > position) {
      const int64_t end = at < pieces->count && pieces->copies[at].first < sent->end
                              ? pieces->copies[at].first
                              : sent->end;
      result = add_new(pieces, at, position, end, sent, error);
    } else {
      result = split(pieces, at, sent->end, error);
      if (result == 0)
        note_copy(&pieces->copies[at], sent);
    }
    if (result == 0)
      position = pieces->copies[at++].end;
  }
  return result;
}

void peer_pieces_acknowledge(struct peer_pieces *pieces, int64_t from, int64_t to, int64_t time_ns,
                             const uint32_t *ts_ecr)
{
  for (; pieces->acknowledged < pieces->count; pieces->acknowledged++) {
    struct peer_copies *copies = &pieces->copies[pieces->acknowledged];
    if (copies->end > to)
      break;
    copies->covered_ns = time_ns;
    copies->is_edge = ts_ecr != NULL && copies->first <= from;
    copies->ts_ecr = ts_ecr != NULL ? *ts_ecr : 0;
  }
}

void peer_pieces_select(struct peer_pieces *pieces, int64_t first, int64_t end, int64_t time_ns)
{
  uint32_t at = find(pieces, first);
  if (at < pieces->acknowledged)
    at = pieces->acknowledged;
  /* What is new in a block stands at one of its ends (RFC 2018, 4): from there to what is known. */
  for (uint32_t i = at; i < pieces->count && pieces->copies[i].end <= end; i++) {
    if (pieces->copies[i].selected_ns != INT64_MAX)
      break;
    if (pieces->copies[i].first >= first)
      pieces->copies[i].selected_ns = time_ns;
  }
  for (uint32_t i = find(pieces, end - 1) + 1; i-- > at;) {
    if (i >= pieces->count || pieces->copies[i].end > end)
      continue;
    if (pieces->copies[i].selected_ns != INT64_MAX || pieces->copies[i].first < first)
      break;
    pieces->copies[i].selected_ns = time_ns;
  }
}

static int64_t known_ns(const struct peer_copies *copies)
{
  return copies->covered_ns < copies->selected_ns ? copies->covered_ns : copies->selected_ns;
}

int64_t peer_pieces_rtt_ns(const struct peer_pieces *pieces)
{
  int64_t least_ns = INT64_MAX;
  for (uint32_t i = 0; i < pieces->count; i++) {
    const struct peer_copies *copies = &pieces->copies[i];
    if (copies->count == 1 && known_ns(copies) != INT64_MAX &&
        known_ns(copies) - copies->times_ns[0] < least_ns)
      least_ns = known_ns(copies) - copies->times_ns[0];
  }
  return least_ns == INT64_MAX || least_ns < 0 ? 0 : least_ns;
}

static uint32_t kept(const struct peer_copies *copies)
{
  return copies->count < PEER_COPIES_MAX ? copies->count : PEER_COPIES_MAX;
}

/* Index of the transmission that was answered; UINT32_MAX: none. */
static uint32_t answered(const struct peer_copies *copies, const struct peer_script *script)
{
  const uint32_t count = kept(copies);
  const int64_t when_ns = known_ns(copies);
  if (when_ns == INT64_MAX)
    return script->span_ns - copies->times_ns[count - 1] > script->rtt_ns + ANSWER_WAIT_NS
               ? UINT32_MAX
               : count - 1;
  const int64_t latest_ns = when_ns - (int64_t)(ANSWER_SHARE * (double)script->rtt_ns);
  const bool echoed = copies->is_edge && copies->covered_ns <= copies->selected_ns;
  for (uint32_t i = count; i-- > 1;)
    if (copies->times_ns[i] <= latest_ns &&
        (!echoed || seq_leq(copies->ts_vals[i], copies->ts_ecr)))
      return i;
  return 0;
}

int peer_pieces_settle(const struct peer_pieces *pieces, struct peer_script *script,
                       struct error *error)
{
  script->pieces = calloc(pieces->count + 1, sizeof *script->pieces);
  if (script->pieces == NULL)
    return error_set(error, ERROR_MEMORY, "out of memory");
  script->piece_count = pieces->count;
  int64_t reached_ns = 0;
  for (uint32_t i = 0; i < pieces->count; i++) {
    const struct peer_copies *copies = &pieces->copies[i];
    struct peer_piece *piece = &script->pieces[i];
    const uint32_t index = answered(copies, script);
    *piece = (struct peer_piece){.first = copies->first,
                                 .end = copies->end,
                                 .copy = PEER_COPY_NEVER,
                                 .latency_ns = INT64_MAX};
    piece->sent_ns = copies->times_ns[0];
    piece->received_ns = piece->reached_ns = copies->times_ns[kept(copies) - 1];
    if (index == UINT32_MAX)
      continue;
    piece->copy = index == PEER_COPIES_MAX - 1 ? copies->count : index + 1;
    piece->received_ns = copies->times_ns[index];
    reached_ns = piece->received_ns > reached_ns ? piece->received_ns : reached_ns;
    piece->reached_ns = reached_ns;
    if (copies->covered_ns != INT64_MAX)
      piece->latency_ns = copies->covered_ns > reached_ns ? copies->covered_ns - reached_ns : 0;
    else if (copies->selected_ns == INT64_MAX)
      piece->latency_ns = script->rtt_ns; /* the recording ended too early to tell */
  }
  return 0;
}
