#ifndef ANALYZER_BOTH_ENDS_INTERNAL_H
#define ANALYZER_BOTH_ENDS_INTERNAL_H

/* Shared by the files that judge a wait by what both ends saw: both_ends.c asks, judge_path.c has
 * the two directions of the path, judge_hop.c which hop
 * of several, judge_receiver.c the receiver, judge_window.c windows and their
 * scale, judge_absence.c what was not captured, judge.c what all of them use. */

#include "analyzer/both_ends.h"
#include "analyzer/path_chain.h"

#define FACT_BYTES 48
/* The place that had the stream for at least so much of a wait owns it. */
#define OWNER_PERCENT 50

struct judge {
  const struct situation *situation; /* NULL: of a crawl as a whole */
  const struct path_view *view;
  struct finding *finding;
  struct path_chain chain;
  enum stream_side side;
  uint8_t near_end, far_end; /* on the data sender's side, on the receiver's */
  uint32_t shift; /* added to this engine's sequence numbers of the data gives the ledger's */
  uint32_t segment_bytes; /* of a crawl as a whole: a full segment of S */
  bool ack_unseen; /* the ACK that ended the wait was not seen to leave: what R did is not known */
  enum location owner; /* RECEIVER_TCP stands for both of the receiver's */
  int64_t owner_ns;
};

static inline char end_letter(uint8_t end)
{
  return (char)('A' + end);
}

static inline bool at_receiver(enum location location)
{
  return location == LOCATION_RECEIVER_TCP || location == LOCATION_RECEIVER_APP;
}

static inline bool at_sender(enum location location)
{
  return location == LOCATION_SENDER_APP || location == LOCATION_SENDER_TCP ||
         location == LOCATION_SENDER_QUEUE;
}

/* What had the stream for the longest part of judge->chain: owner and owner_ns. */
void judge_find_owner(struct judge *judge);
/* true: for so much of the wait that the verdict is its. */
bool judge_owner_is_clear(const struct judge *judge);
bool judge_keeps_owner(const struct judge *judge, enum location location);

/* Takes away the alternatives that `keep` does not want. */
void judge_keep_alternatives(struct finding *finding,
                             bool (*keep)(const struct judge *judge, enum location location),
                             const struct judge *judge);

/* The verdict moves to where the ledger puts it, proven if nothing limits the proof. */
void judge_settle_on(struct judge *judge, enum location location, enum cause cause,
                     enum confidence cause_confidence);

/* Adds a sentence to the reason. */
void judge_add_reason(struct finding *finding, const char *text);

/* "bytes 1449 to 2896", relative to the ISN where that is known; "the SYN". text: FACT_BYTES. */
const char *judge_range_words(const struct judge *judge, const struct passage *passage, char *text);

/* A fact in place of an earlier one about the same frame. */
void judge_tell_frame(struct finding *finding, uint8_t end, uint64_t frame, int64_t time_ns,
                      const char *format, ...) __attribute__((format(printf, 5, 6)));

/* true: the other side echoes the TSval of a passage of `sender` that was not seen to come, and of
 * none that was: it came, and the capture there missed it. */
bool judge_was_heard(const struct judge *judge, enum stream_side sender,
                     const struct passage *passage);

/* How much of the owner's part of the wait rests on frames that were not captured, though nothing
 * shows that they were not there (judge_absence.c). */
int64_t judge_unshown_ns(const struct judge *judge);
/* That the capture may have missed them is not excluded. */
void judge_tell_unshown(struct judge *judge);

void judge_forward(struct judge *judge);
void judge_reverse(struct judge *judge);
void judge_receiver(struct judge *judge);
/* true: it is a checksum that was bad when it left, and the verdict is made. */
bool judge_spoiled(struct judge *judge);
/* true: the sender's host stood still with its capture, and the verdict is made. */
bool judge_paused(struct judge *judge);
/* true: that capture holds nothing at all of that time; its host may have stood still. */
bool judge_was_silent(const struct judge *judge, uint8_t end, int64_t from_ns, int64_t until_ns);
/* true: corrected times of one of both captures run backwards: its clock was set, unnoticed. */
bool judge_ran_backwards(const struct judge *judge);
/* What R had said was at N in time, and S went on as if it was not: its own TCP, or the little way
 * from N to it. */
void judge_news_ignored(struct judge *judge, enum cause cause, enum cause lost);
void judge_window(struct judge *judge);
/* true: it is the scale, and the verdict is made. */
bool judge_scale(struct judge *judge);
/* Of a crawl that the window limits as a whole: the reader, or the buffer. */
void judge_reader(struct judge *judge);
bool is_about_window(enum cause cause);

/* What R sent, for a sentence, and what S did not know without it. */
struct news {
  const char *one, *several, *meaning;
};
/* With more than two points, which hop it was: of the data, of what came back. */
void judge_tell_hop(struct judge *judge);
void judge_tell_hop_back(struct judge *judge, bool lost);
void judge_tell_reverse(struct judge *judge, const struct news *news, bool lost);

#endif
