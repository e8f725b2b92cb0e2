/* The window scale rewritten, removed or put in between two capture points: who believes what from
 * then on, where it hurts, and what it did to this connection. docs/window-scale.md has the long
 * version. */

#include "analyzer/mismatch.h"
#include "analyzer/shift_beliefs.h"
#include "analyzer/situation.h"
#include "wire/timestamp.h"

#include <stdio.h>

/* Less data than this has hardly been held up by a window: the initial window of RFC 6928. */
#define BYTES_NOTEWORTHY 14600u
/* With so much less of a shift a window of 64 KB is taken for less than a segment. */
#define CRAWL_SHIFT 6
/* A window is the limit where as much of it was filled, per cent. */
#define WINDOW_FILLED_PERCENT 90u
/* Of the rewritten windows so many have to fit the rewritten shift, per cent: the first ones may
 * have been rewritten for other reasons. */
#define WINDOWS_FOLLOW_PERCENT 90u

static const char advice_to_zero[] =
    "Have the middlebox pass the option. Until then let the host whose shift is rewritten announce "
    "a shift of 0, so that nothing is left to rewrite: `ip route replace PREFIX ... window 65535` "
    "towards the peer, or the socket option TCP_WINDOW_CLAMP or a small SO_RCVBUF before "
    "connecting or listening. A smaller net.ipv4.tcp_rmem helps only together with "
    "net.core.rmem_max, since the larger of the two sets the shift. This costs at most 64 KB per "
    "round trip in the one direction.";
static const char advice_to_other[] =
    "Have the middlebox pass the option. Until then do without it: net.ipv4.tcp_window_scaling=0 "
    "on either host, for new connections (at most 64 KB per round trip, in both directions). "
    "Announcing a shift of 0 does not help where the middlebox puts in its own.";
static const char advice_one_sided[] =
    "Have the middlebox pass the option, or remove it from the SYN, not from the answer only: then "
    "neither end scales. net.ipv4.tcp_window_scaling=0 on either host has the same effect for new "
    "connections (at most 64 KB per round trip).";
static const char advice_proxy[] =
    "Give the SYN proxy the shift that the server really announces (netfilter's SYNPROXY: --wscale "
    "or `synproxy ... wscale`), or take it out of the path: a Linux server does not need it. "
    "net.ipv4.tcp_window_scaling=0 on the client avoids it for new connections.";
static const char advice_none[] =
    "Nothing to do for this connection; have the middlebox pass the option, since others may not "
    "be so lucky.";
static const char advice_both_without[] =
    "Nothing stalls by this. If 64 KB per round trip is too little, have the middlebox pass the "
    "option, or use several connections in parallel.";

/* --- who believes what --- */

static struct syn_shift view_shift(const struct connection_summary *view, enum stream_side side)
{
  struct syn_shift shift = {0};
  if (view == NULL)
    return shift;
  enum window_scale_state state = view->streams[side].wscale_state;
  shift.known = state == WSCALE_KNOWN || state == WSCALE_ABSENT;
  shift.present = state == WSCALE_KNOWN;
  shift.shift = shift.present ? view->streams[side].wscale : 0;
  return shift;
}

static void compared_shifts(const struct path_changes *changes, struct syn_shift *sent,
                            struct syn_shift *received)
{
  if (changes == NULL || !changes->syn_compared)
    return;
  if (!sent->known)
    *sent = (struct syn_shift){true, changes->wscale_before_present, changes->wscale_before};
  if (!received->known)
    *received = (struct syn_shift){true, changes->wscale_after_present, changes->wscale_after};
}

/* What the points closest to the ends saw counts, since other hops may have altered it again. */
static void collect_sightings(const struct mismatch *mismatch, struct syn_sightings *seen)
{
  const struct mismatch_context *context = mismatch->context;
  for (int side = 0; side < 2; side++) {
    seen->sent[side] = view_shift(context->views[side], (enum stream_side)side);
    seen->received[side] = view_shift(context->views[side ^ 1], (enum stream_side)side);
    compared_shifts(side == (int)mismatch->side ? mismatch->changes : context->back,
                    &seen->sent[side], &seen->received[side]);
  }
}

static bool disagree(const struct shift_belief *belief)
{
  return belief->known && belief->announced != belief->read;
}

/* "the server reads the client's windows as 1/128 of what they are, and its data crawls" */
static void tell_belief(struct mismatch *mismatch, const struct shift_belief *belief,
                        enum stream_side announcer)
{
  const char *reader = side_words((enum stream_side)(announcer ^ 1u));
  if (belief->read < belief->announced)
    SUMMARY_ADD(mismatch, "%s reads %s's windows as 1/%u of what they are, and what it sends %s",
                reader, side_words(announcer), 1u << (belief->announced - belief->read),
                belief->announced - belief->read >= CRAWL_SHIFT ? "crawls" : "slows down");
  else
    SUMMARY_ADD(mismatch,
                "%s reads %s's windows as %u times what they are, and what it sends overruns a "
                "slow reader",
                reader, side_words(announcer), 1u << (belief->read - belief->announced));
}

/* --- what it did --- */

static void rate_words(double bytes_per_s, char *text, size_t size)
{
  if (bytes_per_s >= 1e6)
    snprintf(text, size, "%.1f MB/s", bytes_per_s / 1e6);
  else if (bytes_per_s >= 1e3)
    snprintf(text, size, "%.1f kB/s", bytes_per_s / 1e3);
  else
    snprintf(text, size, "%.0f bytes/s", bytes_per_s);
}

/* The shortest, since it bounds the rate from above. */
static int64_t round_trip_ns(const struct stream_summary *stream)
{
  return time_is_valid(stream->rtt_min_ns) && stream->rtt_min_ns > 0 ? stream->rtt_min_ns : 0;
}

static double measured_rate(const struct mismatch *mismatch, const struct stream_summary *stream)
{
  int64_t duration_ns = mismatch->finding.end_ns - mismatch->finding.start_ns;
  return duration_ns > 0 ? (double)stream->bytes * 1e9 / (double)duration_ns : 0;
}

static uint32_t segment_bytes(const struct stream_summary *stream)
{
  return stream->mss != 0 ? stream->mss : stream->largest_segment;
}

/* window_bytes is all that the sender takes the window for. */
static void tell_bound(struct mismatch *mismatch, const struct stream_summary *stream,
                       uint64_t window_bytes)
{
  char rate[32], round_trip[32];
  int64_t rtt_ns = round_trip_ns(stream);
  if (window_bytes < segment_bytes(stream))
    REASON_ADD(
        mismatch,
        " Less than a segment (%u bytes): the sender then sends one small piece for each round "
        "trip, or even for each run of its persist timer.",
        segment_bytes(stream));
  double bound = rtt_ns > 0 ? (double)window_bytes * 1e9 / (double)rtt_ns : 0;
  /* The first flight goes by the SYN's own window, so a short transfer may have been faster. */
  if (bound <= measured_rate(mismatch, stream))
    return;
  rate_words(bound, rate, sizeof rate);
  REASON_ADD(mismatch, " That allows %s at most at a round trip of %s.", rate,
             duration_words(rtt_ns, round_trip));
}

static void tell_rate(struct mismatch *mismatch, const struct stream_summary *stream)
{
  const struct finding *finding = &mismatch->finding;
  int64_t duration_ns = finding->end_ns - finding->start_ns;
  char rate[32], lasted[32];
  if (stream->bytes < BYTES_NOTEWORTHY || duration_ns <= 0) {
    REASON_ADD(mismatch, " Only %llu bytes went that way in this connection.",
               (unsigned long long)stream->bytes);
    return;
  }
  rate_words(measured_rate(mismatch, stream), rate, sizeof rate);
  REASON_ADD(mismatch, " Measured: %llu bytes in %s, %s.", (unsigned long long)stream->bytes,
             duration_words(duration_ns, lasted), rate);
}

static void tell_overrun(struct mismatch *mismatch, const struct stream_summary *near_sender,
                         uint64_t window_bytes)
{
  if (window_bytes != 0 && near_sender->flight_max > window_bytes)
    REASON_ADD(mismatch,
               " Up to %llu bytes were in flight, beyond that; %llu segments were sent again.",
               (unsigned long long)near_sender->flight_max,
               (unsigned long long)near_sender->retransmitted_segments);
  else
    REASON_ADD(mismatch, " It was not overrun here: that takes much data and a slow reader.");
}

/* The windows that announcer announced, as either end reads them, and what came of it. */
static void tell_effect(struct mismatch *mismatch, const struct shift_belief *belief,
                        enum stream_side announcer)
{
  enum stream_side sender = (enum stream_side)(announcer ^ 1u);
  const struct connection_summary *const *views = mismatch->context->views;
  const struct stream_summary *near_sender = mismatch_stream(mismatch, sender);
  const struct stream_summary *near_announcer =
      views[announcer] != NULL ? &views[announcer]->streams[sender] : NULL;
  REASON_ADD(mismatch, "%sWindows of %s: shifted by %u, read with %u.",
             mismatch->finding.reason[0] != '\0' ? " " : "", side_words(announcer),
             belief->announced, belief->read);
  if (near_sender == NULL)
    return;
  /* Not near_sender's own largest: that may be the SYN-ACK's, which is never scaled. */
  uint64_t meant = near_announcer != NULL ? near_announcer->window_max : 0;
  uint64_t taken = meant >> belief->announced << belief->read;
  if (meant != 0)
    REASON_ADD(mismatch, " The largest, %llu bytes (end %c), is taken for %llu.",
               (unsigned long long)meant, end_letter(views[announcer]->end),
               (unsigned long long)taken);
  if (belief->read < belief->announced) {
    if (meant != 0)
      tell_bound(mismatch, near_sender, taken);
    tell_rate(mismatch, near_sender);
  } else {
    tell_overrun(mismatch, near_sender, meant);
  }
}

/* Both ends agreed to do without: the price is windows of 16 bits. */
static void tell_unscaled(struct mismatch *mismatch)
{
  SUMMARY_ADD(mismatch, "neither end scales (RFC 7323, 2.2), so that no window exceeds 65535 "
                        "bytes; nothing stalls by it");
  mismatch->finding.advice = advice_both_without;
  REASON_ADD(mismatch, "Both ends agree: no window is misread.");
  for (int side = 0; side < 2; side++) {
    const struct stream_summary *stream = mismatch_stream(mismatch, (enum stream_side)side);
    if (stream == NULL || stream->bytes < BYTES_NOTEWORTHY || stream->window_max == 0 ||
        stream->window_max > UINT16_MAX)
      continue;
    bool filled = stream->flight_max * 100 >= stream->window_max * WINDOW_FILLED_PERCENT;
    REASON_ADD(mismatch, " Data of %s, windows up to %llu bytes%s.",
               side_words((enum stream_side)side), (unsigned long long)stream->window_max,
               filled ? ", filled" : ", never filled");
    tell_bound(mismatch, stream, stream->window_max);
    tell_rate(mismatch, stream);
  }
}

/* --- the finding --- */

static void tell_copies(struct mismatch *mismatch)
{
  const struct path_changes *changes = mismatch->changes;
  const char *syn = syn_words(mismatch->side);
  char before[80], after[80];
  snprintf(before, sizeof before,
           changes->wscale_before_present ? "%s's %s carries window scale %u"
                                          : "%s's %s carries no window scale",
           side_words(mismatch->side), syn, changes->wscale_before);
  snprintf(after, sizeof after,
           changes->wscale_after_present ? "%s %s carries window scale %u"
                                         : "%s %s carries no window scale",
           mismatch->proxied ? "another" : "the same", syn, changes->wscale_after);
  mismatch_copies(mismatch, &changes->syn, before, after);
}

static void tell_alteration(struct mismatch *mismatch)
{
  const struct path_changes *changes = mismatch->changes;
  const char *who = side_words(mismatch->side), *syn = syn_words(mismatch->side);
  char from = end_letter(mismatch->from_end), to = end_letter(mismatch->to_end);
  tell_copies(mismatch);
  if (mismatch->proxied)
    SUMMARY_ADD(mismatch, "Something between %c and %c answers for %s. ", from, to, who);
  if (mismatch->proxied && changes->wscale_before_present && changes->wscale_after_present)
    SUMMARY_ADD(mismatch, "The window scale in the %s is %u at %c and %u at %c: ", syn,
                changes->wscale_before, from, changes->wscale_after, to);
  else if (changes->wscale_before_present && changes->wscale_after_present)
    SUMMARY_ADD(mismatch,
                "The window scale in %s's %s was rewritten between %c and %c, from %u to %u: ", who,
                syn, from, to, changes->wscale_before, changes->wscale_after);
  else if (changes->wscale_before_present)
    SUMMARY_ADD(mismatch,
                "The window scale option (%u) was removed from %s's %s between %c and %c: ",
                changes->wscale_before, who, syn, from, to);
  else
    SUMMARY_ADD(mismatch, "A window scale option (%u) was put into %s's %s between %c and %c: ",
                changes->wscale_after, who, syn, from, to);
}

/* A rewritten shift misleads about the windows of who sent it; an option that came or went, about
 * both. */
static bool concerns(const struct mismatch *mismatch, enum stream_side announcer)
{
  return announcer == mismatch->side || (mismatch->changes->changed & PATH_CHANGE_WSCALE) == 0;
}

/* A middlebox that speaks for itself (a proxy) may put its own shift in, and rewrite every window
 * to fit it. */
static bool windows_follow(const struct path_changes *changes)
{
  uint64_t rewritten = changes->counts[path_change_index(PATH_CHANGE_WINDOW)];
  return changes->windows_translated > 0 &&
         changes->windows_translated * 100 >= rewritten * WINDOWS_FOLLOW_PERCENT;
}

static bool scaled(const struct shift_belief *belief)
{
  return belief->announced != 0 || belief->read != 0;
}

static void tell_no_harm(struct mismatch *mismatch, bool scaling)
{
  mismatch->finding.advice = advice_none;
  if (windows_follow(mismatch->changes))
    SUMMARY_ADD(mismatch, "without effect, since the windows are rewritten to match");
  else if (mismatch_has(mismatch, PATH_CHANGE_WSCALE_STRIPPED) && !scaling)
    tell_unscaled(mismatch);
  else
    SUMMARY_ADD(mismatch, "without effect, since both ends go by the same shifts");
}

/* Whether it did anything to this connection: a lowered window to data that were many, a raised one
 * to data that went beyond the true one and had to be sent again. */
static bool does_harm(const struct mismatch *mismatch, const struct shift_belief *belief,
                      enum stream_side announcer)
{
  const struct stream_summary *sent = mismatch_stream(mismatch, (enum stream_side)(announcer ^ 1u));
  const struct connection_summary *view = mismatch->context->views[announcer];
  if (sent == NULL || view == NULL)
    return true;
  if (belief->read < belief->announced)
    return sent->bytes >= BYTES_NOTEWORTHY;
  const uint64_t meant = view->streams[announcer ^ 1u].window_max;
  return sent->retransmitted_segments > 0 && meant != 0 && sent->flight_max > meant;
}

static void tell_consequences(struct mismatch *mismatch)
{
  struct syn_sightings seen;
  struct shift_belief beliefs[2];
  collect_sightings(mismatch, &seen);
  shift_beliefs(&seen, beliefs);
  unsigned hurt = 0;
  bool harm = false;
  for (unsigned i = 0; i < 2; i++) {
    enum stream_side announcer = (enum stream_side)((unsigned)mismatch->side ^ i);
    const struct shift_belief *belief = &beliefs[announcer];
    bool mended = announcer == mismatch->side && windows_follow(mismatch->changes);
    if (!concerns(mismatch, announcer) || !disagree(belief) || mended)
      continue;
    SUMMARY_ADD(mismatch, "%s", hurt++ > 0 ? "; " : "");
    tell_belief(mismatch, belief, announcer);
    tell_effect(mismatch, belief, announcer);
    harm |= does_harm(mismatch, belief, announcer);
  }
  mismatch->finding.severity = harm ? SEVERITY_PROBLEM : SEVERITY_INFO;
  if (hurt == 0)
    tell_no_harm(mismatch, scaled(&beliefs[0]) || scaled(&beliefs[1]));
  SUMMARY_ADD(mismatch, ".");
}

static void report_scale(struct mismatch *mismatch)
{
  const struct path_changes *changes = mismatch->changes;
  bool rewritten = (changes->changed & PATH_CHANGE_WSCALE) != 0;
  mismatch_begin(mismatch, rewritten ? CAUSE_WINDOW_SCALE_REWRITTEN : CAUSE_WINDOW_SCALE_STRIPPED);
  mismatch->finding.settle = NULL; /* both copies are there */
  mismatch->finding.advice = mismatch->proxied            ? advice_proxy
                             : !rewritten                 ? advice_one_sided
                             : changes->wscale_after == 0 ? advice_to_zero
                                                          : advice_to_other;
  tell_alteration(mismatch);
  tell_consequences(mismatch);
  mismatch_report(mismatch);
}

/* A SYN proxy answers for the server before it has asked it: the SYN-ACK that the client gets is no
 * copy of the server's, and is not compared. What either end goes by tells then. */
static bool scales_of_proxy(const struct mismatch *mismatch, struct path_changes *answer)
{
  const struct mismatch_context *context = mismatch->context;
  const struct connection_summary *near = context->views[mismatch->side],
                                  *far = context->views[mismatch->side ^ 1];
  if (mismatch->changes->syn_compared || near == NULL || far == NULL ||
      near->end != mismatch->from_end || far->end != mismatch->to_end)
    return false;
  struct syn_shift sent = view_shift(near, mismatch->side), got = view_shift(far, mismatch->side);
  if (!sent.known || !got.known || (sent.present == got.present && sent.shift == got.shift))
    return false;
  /* Without the option in one of them: of which SYN, only the other one's passage tells. */
  const struct path_changes *back = context->back;
  bool intact = back != NULL && back->syn_compared && back->wscale_before_present &&
                back->wscale_after_present;
  if (sent.present != got.present && !intact)
    return false;
  *answer = (struct path_changes){
      .syn_compared = true,
      .wscale_before_present = sent.present,
      .wscale_after_present = got.present,
      .wscale_before = sent.shift,
      .wscale_after = got.shift,
      .syn = {.time_before_ns = near->start_ns, .time_after_ns = far->start_ns}};
  answer->changed = sent.present && got.present ? PATH_CHANGE_WSCALE
                    : sent.present              ? PATH_CHANGE_WSCALE_STRIPPED
                                                : PATH_CHANGE_WSCALE_ADDED;
  return true;
}

void mismatch_window_scale(struct mismatch *mismatch)
{
  const struct path_changes *changes = mismatch->changes;
  uint32_t all = PATH_CHANGE_WSCALE | PATH_CHANGE_WSCALE_STRIPPED | PATH_CHANGE_WSCALE_ADDED;
  struct path_changes answer;
  if ((changes->changed & all) != 0) {
    report_scale(mismatch);
  } else if (scales_of_proxy(mismatch, &answer)) {
    mismatch->changes = &answer;
    mismatch->proxied = true;
    report_scale(mismatch);
    mismatch->changes = changes;
  }
}
