/* A stream that R's window limits round after round: does R's application keep it small, or is the
 * buffer no larger? Seen where R is: an application that reads at once leaves the window shut for
 * no time, whatever its size. */

#include "analyzer/both_ends_internal.h"

#include "wire/seq.h"
#include "wire/timestamp.h"

#include <stdio.h>
#include <string.h>

/* The window was shut at R, with everything acknowledged, for at least this share of the time: the
 * reader. For less than this: it is not. */
#define READER_MIN_PERCENT   50
#define READER_AT_ONCE_SHARE 50 /* one part in so many */
/* What is remembered of the run is a part of it that says something. */
#define REMEMBERED_PACKETS_MIN 10u

/* R's end of a run: what had come, what R allowed. */
struct shop {
  const struct lane *data, *reverse;
  uint32_t at_data, at_reverse; /* the next passage of each */
  uint8_t shift;
  uint32_t room_min; /* with less than that S does not send (RFC 9293, 3.8.6.2.1) */
  uint32_t arrived, acked, edge;
  bool arrived_known, edge_known;
  uint32_t packets; /* R's, in the run */
};

static const struct passage *next_arrival(struct shop *shop)
{
  while (shop->at_data != shop->data->next) {
    const struct passage *passage = lane_passage(shop->data, shop->at_data);
    if (passage->seq != passage->end && (passage->state & PASSAGE_CAME) != 0)
      return passage;
    shop->at_data++;
  }
  return NULL;
}

static const struct passage *next_word(struct shop *shop)
{
  while (shop->at_reverse != shop->reverse->next) {
    const struct passage *passage = lane_passage(shop->reverse, shop->at_reverse);
    if ((passage->flags & (TCP_ACK | TCP_SYN | TCP_RST)) == TCP_ACK)
      return passage;
    shop->at_reverse++;
  }
  return NULL;
}

/* Takes the next event at R's end. Returns its time; TIME_INVALID: there is none. */
static int64_t step(struct shop *shop)
{
  const struct passage *arrival = next_arrival(shop), *word = next_word(shop);
  if (arrival == NULL && word == NULL)
    return TIME_INVALID;
  if (word == NULL || (arrival != NULL && arrival->came_last_ns <= word->left_ns)) {
    if (!shop->arrived_known || seq_gt(arrival->end, shop->arrived))
      shop->arrived = arrival->end;
    shop->arrived_known = true;
    shop->at_data++;
    return arrival->came_last_ns;
  }
  const uint32_t edge = word->ack + ((uint32_t)word->window << shop->shift);
  shop->edge = edge;
  shop->acked = word->ack;
  shop->edge_known = true;
  shop->packets++;
  shop->at_reverse++;
  return word->left_ns;
}

static bool is_shut(const struct shop *shop)
{
  return shop->edge_known && shop->arrived_known && seq_geq(shop->acked, shop->arrived) &&
         seq_diff(shop->edge, shop->arrived) < (int32_t)shop->room_min;
}

/* S waits for half of the largest window that it has seen, if that is less than a segment. */
static uint32_t room_wanted(const struct judge *judge, uint8_t shift)
{
  const struct lane *reverse = &judge->view->lanes[judge->side ^ 1];
  uint32_t largest = 0;
  for (uint32_t n = reverse->first; n != reverse->next; n++) {
    const struct passage *passage = lane_passage(reverse, n);
    const uint32_t window = (uint32_t)passage->window << shift;
    if ((passage->flags & (TCP_ACK | TCP_SYN | TCP_RST)) == TCP_ACK && window > largest)
      largest = window;
  }
  return largest / 2 < judge->segment_bytes ? largest / 2 : judge->segment_bytes;
}

/* How long the reader kept the window shut, of *seen_ns that are remembered. */
static int64_t shut_ns(const struct judge *judge, uint8_t shift, int64_t *seen_ns)
{
  const struct finding *finding = judge->finding;
  struct shop shop = {.data = &judge->view->lanes[judge->side],
                      .reverse = &judge->view->lanes[judge->side ^ 1],
                      .shift = shift > 14 ? 14 : shift,
                      .room_min = room_wanted(judge, shift)};
  int64_t shut = 0, before_ns = TIME_INVALID, now_ns;
  shop.at_data = shop.data->first;
  shop.at_reverse = shop.reverse->first;
  *seen_ns = 0;
  for (bool was_shut = false; time_is_valid(now_ns = step(&shop)); was_shut = is_shut(&shop)) {
    if (time_is_valid(before_ns) && before_ns >= finding->start_ns && now_ns <= finding->end_ns &&
        now_ns > before_ns) {
      *seen_ns += now_ns - before_ns;
      shut += was_shut ? now_ns - before_ns : 0;
    }
    before_ns = now_ns;
  }
  if (shop.packets < REMEMBERED_PACKETS_MIN)
    *seen_ns = 0;
  return shut;
}

static void change(struct judge *judge, enum cause cause, const char *reason)
{
  struct finding *finding = judge->finding;
  const enum severity severity = finding->severity;
  const enum cause former = finding->cause;
  verdict(finding, cause, cause_info(cause)->location, CONFIDENCE_LIKELY, CONFIDENCE_LIKELY);
  char *because = strstr(finding->summary, "because ");
  if (former == cause)
    finding->severity = severity;
  else if (because != NULL)
    snprintf(because, sizeof finding->summary - (size_t)(because - finding->summary), "because %s.",
             cause_info(cause)->meaning);
  finding->alternative_count = 0;
  finding_add_alternative(
      finding, cause == CAUSE_SLOW_READER ? LOCATION_RECEIVER_TCP : LOCATION_RECEIVER_APP,
      cause == CAUSE_SLOW_READER ? CAUSE_RCVBUF_LIMITED : CAUSE_SLOW_READER, "%s", reason);
}

void judge_reader(struct judge *judge)
{
  struct finding *finding = judge->finding;
  uint8_t announced, read;
  int64_t seen_ns;
  char shut_words[32], seen_words[32], text[160];
  if ((finding->cause != CAUSE_SLOW_READER && finding->cause != CAUSE_RCVBUF_LIMITED) ||
      !path_window_shifts(judge->view, judge->side, &announced, &read))
    return;
  const int64_t shut = shut_ns(judge, announced, &seen_ns);
  if (seen_ns <= 0)
    return;
  if (time_is_share(shut, seen_ns, READER_MIN_PERCENT))
    change(judge, CAUSE_SLOW_READER, "a small receive buffer adds to it");
  else if (shut <= seen_ns / READER_AT_ONCE_SHARE)
    change(judge, CAUSE_RCVBUF_LIMITED,
           "an application that reads a little less than the path carries adds to it");
  else
    return;
  snprintf(text, sizeof text,
           "At %c, where the data arrives, the window was shut for %s of %s, with everything "
           "acknowledged.",
           end_letter(judge->far_end), duration_words(shut, shut_words),
           duration_words(seen_ns, seen_words));
  judge_add_reason(finding, text);
}
