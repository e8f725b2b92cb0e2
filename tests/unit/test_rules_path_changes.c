/* What the path altered becomes one finding for each kind, with both copies as evidence, and says
 * whom it hurts. Window scale: every way to tamper with it, against what RFC 7323, 2.2 makes of it.
 */

#include "analyzer/rules_path_changes.h"
#include "analyzer/shift_beliefs.h"
#include "wire/timestamp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FINDINGS_MAX 16

struct bench {
  struct path_changes changes[2]; /* by who sent the packets */
  struct connection_summary views[2], whole;
  struct mismatch_context context;
  unsigned count;
  struct finding findings[FINDINGS_MAX];
};

static void keep(void *context, const struct finding *finding)
{
  struct bench *bench = context;
  assert_true(bench->count < FINDINGS_MAX);
  bench->findings[bench->count++] = *finding;
}

static void set_syn(struct path_changes *changes, enum stream_side side)
{
  changes->compared = 100;
  changes->syn_compared = true;
  changes->syn =
      (struct path_change_example){1u + side, 11u + side, NS_PER_S, NS_PER_S + NS_PER_MS};
  changes->wscale_before_present = changes->wscale_after_present = true;
  changes->wscale_before = changes->wscale_after = side == SIDE_CLIENT ? 7 : 10;
  changes->mss_before = changes->mss_after = 1460;
  changes->options_before = changes->options_after =
      TCP_OPT_MSS | TCP_OPT_WSCALE | TCP_OPT_SACK_PERMITTED | TCP_OPT_TIMESTAMPS;
}

/* Client at A, server at B; nothing was altered; 10 s, 1 MB each way, 20 ms. */
static void set_up(struct bench *bench)
{
  memset(bench, 0, sizeof *bench);
  for (int side = 0; side < 2; side++) {
    set_syn(&bench->changes[side], (enum stream_side)side);
    struct connection_summary *view = &bench->views[side];
    view->end = (uint8_t)side;
    view->start_ns = NS_PER_S;
    view->end_ns = 11 * NS_PER_S;
    for (int stream = 0; stream < 2; stream++)
      view->streams[stream] = (struct stream_summary){.bytes = 1000000,
                                                      .mss = 1448,
                                                      .largest_segment = 1448,
                                                      .srtt_ns = 20 * NS_PER_MS,
                                                      .rtt_min_ns = 20 * NS_PER_MS,
                                                      .window_min = 64256,
                                                      .window_max = 64256,
                                                      .flight_max = 50000};
    bench->context.views[side] = view;
  }
  bench->whole = bench->views[0];
  bench->context.whole = &bench->whole;
  bench->context.certain = true;
}

static void alter(struct path_changes *changes, enum path_change bit, uint64_t count)
{
  unsigned index = path_change_index(bit);
  changes->changed |= bit;
  changes->counts[index] = count;
  changes->first[index] =
      (struct path_change_example){1, 11, 2 * NS_PER_S, 2 * NS_PER_S + NS_PER_MS};
}

static void set_wscale(struct path_changes *changes, int after)
{
  changes->wscale_after_present = after >= 0;
  changes->wscale_after = after >= 0 ? (uint8_t)after : 0;
  if (after < 0)
    changes->options_after &= (uint16_t)~TCP_OPT_WSCALE;
  alter(changes, after < 0 ? PATH_CHANGE_WSCALE_STRIPPED : PATH_CHANGE_WSCALE, 1);
}

static const struct finding *judge(struct bench *bench, enum stream_side side)
{
  const struct mismatch_sink sink = {bench, keep};
  bench->count = 0;
  bench->context.back = &bench->changes[side ^ 1];
  mismatch_findings(&bench->changes[side], side, side == SIDE_CLIENT ? 0 : 1,
                    side == SIDE_CLIENT ? 1 : 0, &bench->context, &sink);
  for (unsigned i = 0; getenv("SHOW") != NULL && i < bench->count; i++)
    print_message("%s\n   reason: %s\n   do: %s\n", bench->findings[i].summary,
                  bench->findings[i].reason, bench->findings[i].advice);
  return bench->count > 0 ? &bench->findings[0] : NULL;
}

static void assert_says(const char *text, const char *words)
{
  if (strstr(text, words) == NULL)
    fail_msg("\"%s\" does not say \"%s\"", text, words);
}

static void assert_verdict(const struct finding *finding, enum cause cause, enum severity severity)
{
  assert_non_null(finding);
  assert_int_equal(finding->kind, FINDING_MISMATCH);
  assert_int_equal(finding->cause, cause);
  assert_int_equal(finding->severity, severity);
  assert_true(strlen(finding->summary) < SUMMARY_SIZE - 1);
  assert_true(strlen(finding->reason) < REASON_SIZE - 1);
  assert_int_equal(finding->summary[strlen(finding->summary) - 1], '.');
  assert_true(finding->evidence_count >= 2);
}

static void nothing_altered_nothing_told(void **state)
{
  (void)state;
  struct bench bench;
  set_up(&bench);
  assert_null(judge(&bench, SIDE_CLIENT));
  alter(&bench.changes[0], PATH_CHANGE_TTL, 100);
  bench.changes[0].ttl_before = 64;
  bench.changes[0].ttl_after = 58;
  alter(&bench.changes[0], PATH_CHANGE_ADDRESSES, 100);
  alter(&bench.changes[0], PATH_CHANGE_IP_ID, 100);
  bench.changes[0].ce_marked = 5;
  assert_null(judge(&bench, SIDE_CLIENT));
}

/* --- window scale --- */

static void scale_of_the_syn_lowered_slows_the_download(void **state)
{
  (void)state;
  struct bench bench;
  set_up(&bench);
  set_wscale(&bench.changes[SIDE_CLIENT], 0);
  bench.views[SIDE_SERVER].streams[SIDE_SERVER].bytes = 30000;
  const struct finding *finding = judge(&bench, SIDE_CLIENT);
  assert_verdict(finding, CAUSE_WINDOW_SCALE_REWRITTEN, SEVERITY_PROBLEM);
  assert_int_equal(finding->sender, SIDE_CLIENT);
  assert_int_equal(finding->location, LOCATION_FORWARD_PATH);
  assert_int_equal(finding->confidence, CONFIDENCE_PROVEN);
  assert_int_equal(finding->evidence[0].end, 0);
  assert_int_equal(finding->evidence[0].frame, 1);
  assert_int_equal(finding->evidence[1].end, 1);
  assert_int_equal(finding->evidence[1].frame, 11);
  assert_says(finding->summary, "from 7 to 0");
  assert_says(finding->summary, "the server reads the client's windows as 1/128");
  assert_says(finding->reason, "64256 bytes (end A), is taken for 502.");
  assert_says(finding->reason, "Less than a segment (1448 bytes)");
  assert_says(finding->reason, "25.1 kB/s at most at a round trip of 20 ms");
  assert_says(finding->reason, "30000 bytes in 10.000 s, 3.0 kB/s");
  assert_says(finding->advice, "window 65535");
  assert_null(finding->settle);
}

static void scale_of_the_answer_lowered_slows_the_upload(void **state)
{
  (void)state;
  struct bench bench;
  set_up(&bench);
  set_wscale(&bench.changes[SIDE_SERVER], 8);
  const struct finding *finding = judge(&bench, SIDE_SERVER);
  assert_verdict(finding, CAUSE_WINDOW_SCALE_REWRITTEN, SEVERITY_PROBLEM);
  assert_int_equal(finding->sender, SIDE_SERVER);
  assert_says(finding->summary, "between B and A, from 10 to 8");
  assert_says(finding->summary, "the client reads the server's windows as 1/4");
  assert_says(finding->reason, "is taken for 15872.");
  assert_says(finding->advice, "tcp_window_scaling=0");
}

static void scale_raised_overruns(void **state)
{
  (void)state;
  struct bench bench;
  set_up(&bench);
  set_wscale(&bench.changes[SIDE_CLIENT], 14);
  const struct finding *finding = judge(&bench, SIDE_CLIENT);
  assert_verdict(finding, CAUSE_WINDOW_SCALE_REWRITTEN, SEVERITY_INFO);
  assert_says(finding->summary, "the server reads the client's windows as 128 times");
  assert_says(finding->reason, "not overrun here");
  bench.views[SIDE_SERVER].streams[SIDE_SERVER].flight_max = 200000;
  bench.views[SIDE_SERVER].streams[SIDE_SERVER].retransmitted_segments = 77;
  finding = judge(&bench, SIDE_CLIENT);
  assert_verdict(finding, CAUSE_WINDOW_SCALE_REWRITTEN, SEVERITY_PROBLEM);
  assert_says(finding->reason, "200000 bytes were in flight, beyond that");
  assert_says(finding->reason, "77 segments");
}

/* The server shifts by 10 and reads with 7; the client does neither. */
static void option_removed_from_the_answer_hurts_both_ways(void **state)
{
  (void)state;
  struct bench bench;
  set_up(&bench);
  set_wscale(&bench.changes[SIDE_SERVER], -1);
  const struct finding *finding = judge(&bench, SIDE_SERVER);
  assert_verdict(finding, CAUSE_WINDOW_SCALE_STRIPPED, SEVERITY_PROBLEM);
  assert_says(finding->summary, "the client reads the server's windows as 1/1024");
  assert_says(finding->summary, "the server reads the client's windows as 128 times");
}

static void option_removed_from_the_syn_limits_to_64_kb(void **state)
{
  (void)state;
  struct bench bench;
  set_up(&bench);
  set_wscale(&bench.changes[SIDE_CLIENT], -1);
  /* and so the server does not offer it */
  bench.changes[SIDE_SERVER].wscale_before_present = false;
  bench.changes[SIDE_SERVER].wscale_after_present = false;
  bench.views[SIDE_CLIENT].streams[SIDE_CLIENT].flight_max = 64000;
  const struct finding *finding = judge(&bench, SIDE_CLIENT);
  assert_verdict(finding, CAUSE_WINDOW_SCALE_STRIPPED, SEVERITY_INFO);
  assert_says(finding->summary, "neither end scales");
  assert_says(finding->reason, "Both ends agree");
  assert_says(finding->reason, "3.2 MB/s at most at a round trip of 20 ms");
}

/* The server answers with an option that the client never asked for: its own is put in. */
static void option_put_in_hurts_both_ways(void **state)
{
  (void)state;
  struct bench bench;
  set_up(&bench);
  struct path_changes *changes = &bench.changes[SIDE_SERVER];
  changes->wscale_before_present = false;
  changes->wscale_before = 0;
  alter(changes, PATH_CHANGE_WSCALE_ADDED, 1);
  const struct finding *finding = judge(&bench, SIDE_SERVER);
  assert_verdict(finding, CAUSE_WINDOW_SCALE_STRIPPED, SEVERITY_PROBLEM);
  assert_says(finding->summary, "was put into the server's SYN-ACK between B and A");
  assert_says(finding->summary, "the server reads the client's windows as 1/128");
  assert_says(finding->summary, "the client reads the server's windows as 1024 times");
}

static void rewritten_without_effect(void **state)
{
  (void)state;
  struct bench bench;
  set_up(&bench);
  set_wscale(&bench.changes[SIDE_CLIENT], 0);
  bench.changes[SIDE_SERVER].wscale_before_present = false; /* the server does not scale */
  bench.changes[SIDE_SERVER].wscale_after_present = false;
  const struct finding *finding = judge(&bench, SIDE_CLIENT);
  assert_verdict(finding, CAUSE_WINDOW_SCALE_REWRITTEN, SEVERITY_INFO);
  assert_says(finding->summary, "without effect");
  set_up(&bench);
  bench.changes[SIDE_CLIENT].wscale_before = 15; /* used as 14: RFC 7323, 2.3 */
  set_wscale(&bench.changes[SIDE_CLIENT], 14);
  assert_verdict(judge(&bench, SIDE_CLIENT), CAUSE_WINDOW_SCALE_REWRITTEN, SEVERITY_INFO);
}

static void a_proxy_that_rewrites_the_windows_too_does_no_harm(void **state)
{
  (void)state;
  struct bench bench;
  set_up(&bench);
  set_wscale(&bench.changes[SIDE_CLIENT], 3);
  alter(&bench.changes[SIDE_CLIENT], PATH_CHANGE_WINDOW, 99);
  bench.changes[SIDE_CLIENT].windows_translated = 99;
  const struct finding *finding = judge(&bench, SIDE_CLIENT);
  assert_verdict(finding, CAUSE_WINDOW_SCALE_REWRITTEN, SEVERITY_INFO);
  assert_says(finding->summary, "rewritten to match");
  assert_int_equal(bench.count, 1);
}

/* Three points: what one hop rewrote the next one may put right again. */
static void what_the_ends_saw_counts(void **state)
{
  (void)state;
  struct bench bench;
  set_up(&bench);
  set_wscale(&bench.changes[SIDE_CLIENT], 2);
  for (int view = 0; view < 2; view++) {
    bench.views[view].streams[SIDE_CLIENT].wscale_state = WSCALE_KNOWN;
    bench.views[view].streams[SIDE_CLIENT].wscale = 7;
  }
  assert_verdict(judge(&bench, SIDE_CLIENT), CAUSE_WINDOW_SCALE_REWRITTEN, SEVERITY_INFO);
}

/* The client gets a SYN-ACK that the server never sent. */
static void a_syn_proxy_with_another_shift(void **state)
{
  (void)state;
  struct bench bench;
  set_up(&bench);
  bench.changes[SIDE_SERVER].syn_compared = false;
  for (int view = 0; view < 2; view++)
    for (int side = 0; side < 2; side++) {
      bench.views[view].streams[side].wscale_state = WSCALE_KNOWN;
      bench.views[view].streams[side].wscale = side == SIDE_CLIENT ? 7 : 10;
    }
  assert_null(judge(&bench, SIDE_SERVER));
  bench.views[SIDE_CLIENT].streams[SIDE_SERVER].wscale = 7;
  const struct finding *finding = judge(&bench, SIDE_SERVER);
  assert_verdict(finding, CAUSE_WINDOW_SCALE_REWRITTEN, SEVERITY_PROBLEM);
  assert_int_equal(finding->evidence[0].frame, 0);
  assert_says(finding->summary, "Something between B and A answers for the server. ");
  assert_says(finding->summary,
              "is 10 at B and 7 at A: the client reads the server's windows as 1/8");
  assert_says(finding->advice, "SYN proxy");
  for (int side = 0; side < 2; side++) { /* it offers none at all */
    bench.views[SIDE_CLIENT].streams[side].wscale_state = WSCALE_ABSENT;
    bench.views[SIDE_CLIENT].streams[side].wscale = 0;
  }
  finding = judge(&bench, SIDE_SERVER);
  assert_verdict(finding, CAUSE_WINDOW_SCALE_STRIPPED, SEVERITY_PROBLEM);
  assert_says(finding->summary, "the client reads the server's windows as 1/1024");
  bench.views[SIDE_SERVER].end = 2; /* not the whole way between these two points */
  assert_null(judge(&bench, SIDE_SERVER));
}

static void little_known_is_enough(void **state)
{
  (void)state;
  struct bench bench;
  set_up(&bench);
  set_wscale(&bench.changes[SIDE_CLIENT], 0);
  bench.context = (struct mismatch_context){0};
  const struct mismatch_sink sink = {&bench, keep};
  mismatch_findings(&bench.changes[SIDE_CLIENT], SIDE_CLIENT, 0, 1, &bench.context, &sink);
  assert_verdict(&bench.findings[0], CAUSE_WINDOW_SCALE_REWRITTEN, SEVERITY_PROBLEM);
  assert_int_equal(bench.findings[0].confidence, CONFIDENCE_LIKELY);
  assert_says(bench.findings[0].summary, "1/128");
}

/* Against the definition, over every combination of four options. */
static void beliefs_follow_the_rfc(void **state)
{
  (void)state;
  for (int code = 0; code < 6 * 6 * 6 * 6; code++) {
    const int shifts[6] = {-1, 0, 3, 7, 14, 15};
    int value[4] = {shifts[code % 6], shifts[code / 6 % 6], shifts[code / 36 % 6],
                    shifts[code / 216]};
    struct syn_sightings seen;
    for (int side = 0; side < 2; side++) {
      int sent = value[side * 2], received = value[side * 2 + 1];
      seen.sent[side] = (struct syn_shift){true, sent >= 0, (uint8_t)(sent < 0 ? 0 : sent)};
      seen.received[side] =
          (struct syn_shift){true, received >= 0, (uint8_t)(received < 0 ? 0 : received)};
    }
    struct shift_belief belief[2];
    shift_beliefs(&seen, belief);
    for (int side = 0; side < 2; side++) {
      int other = side ^ 1;
      bool scales = value[side * 2] >= 0 && value[other * 2 + 1] >= 0;
      bool other_scales = value[other * 2] >= 0 && value[side * 2 + 1] >= 0;
      int own = scales ? value[side * 2] : 0, taken = other_scales ? value[side * 2 + 1] : 0;
      assert_true(belief[side].known);
      assert_int_equal(belief[side].announced, own > 14 ? 14 : own);
      assert_int_equal(belief[side].read, taken > 14 ? 14 : taken);
    }
  }
}

static void one_sighting_is_taken_for_both(void **state)
{
  (void)state;
  struct syn_sightings seen = {0};
  struct shift_belief belief[2];
  seen.sent[SIDE_CLIENT] = (struct syn_shift){true, true, 7};
  shift_beliefs(&seen, belief);
  assert_true(belief[SIDE_CLIENT].known);
  assert_int_equal(belief[SIDE_CLIENT].announced, 7);
  assert_int_equal(belief[SIDE_CLIENT].read, 7);
  assert_false(belief[SIDE_SERVER].known);
}

/* --- the rest --- */

static void mss_clamped(void **state)
{
  (void)state;
  struct bench bench;
  set_up(&bench);
  bench.changes[SIDE_CLIENT].mss_after = 904;
  alter(&bench.changes[SIDE_CLIENT], PATH_CHANGE_MSS, 1);
  const struct finding *finding = judge(&bench, SIDE_CLIENT);
  assert_verdict(finding, CAUSE_MSS_REWRITTEN, SEVERITY_INFO);
  assert_says(finding->summary, "from 1460 to 904 between A and B");
  assert_says(finding->evidence[1].fact, "MSS 904");
  bench.changes[SIDE_CLIENT].mss_after = 0;
  assert_says(judge(&bench, SIDE_CLIENT)->summary, "removed from the client's SYN");
  bench.changes[SIDE_CLIENT].mss_after = 8960;
  assert_says(judge(&bench, SIDE_CLIENT)->summary, "larger segments");
}

static void strip(struct path_changes *changes, uint16_t option, enum path_change bit)
{
  changes->options_after &= (uint16_t)~option;
  alter(changes, bit, 1);
}

static void timestamps_removed(void **state)
{
  (void)state;
  struct bench bench;
  set_up(&bench); /* from the SYN: the server then does not offer them */
  strip(&bench.changes[SIDE_CLIENT], TCP_OPT_TIMESTAMPS, PATH_CHANGE_TIMESTAMPS);
  bench.changes[SIDE_SERVER].options_before &= (uint16_t)~TCP_OPT_TIMESTAMPS;
  bench.changes[SIDE_SERVER].options_after &= (uint16_t)~TCP_OPT_TIMESTAMPS;
  assert_verdict(judge(&bench, SIDE_CLIENT), CAUSE_TIMESTAMPS_STRIPPED, SEVERITY_INFO);
  set_up(&bench); /* from the SYN-ACK only */
  strip(&bench.changes[SIDE_SERVER], TCP_OPT_TIMESTAMPS, PATH_CHANGE_TIMESTAMPS);
  const struct finding *finding = judge(&bench, SIDE_SERVER);
  assert_verdict(finding, CAUSE_TIMESTAMPS_STRIPPED, SEVERITY_PROBLEM);
  assert_says(finding->summary, "the server expects timestamps");
  set_up(&bench); /* from the segments behind the handshake only */
  alter(&bench.changes[SIDE_CLIENT], PATH_CHANGE_TIMESTAMPS, 90);
  finding = judge(&bench, SIDE_CLIENT);
  assert_verdict(finding, CAUSE_TIMESTAMPS_STRIPPED, SEVERITY_PROBLEM);
  assert_says(finding->summary, "the server expects timestamps");
}

static void timestamps_rewritten(void **state)
{
  (void)state;
  struct bench bench;
  set_up(&bench);
  struct path_changes *changes = &bench.changes[SIDE_CLIENT];
  changes->timestamped = 100;
  alter(changes, PATH_CHANGE_TS_VALUES, 3); /* three retransmissions taken for the first copies? */
  assert_null(judge(&bench, SIDE_CLIENT));
  changes->sure = PATH_CHANGE_TS_VALUES; /* no */
  changes->ts_val_before = 5000;
  const struct finding *finding = judge(&bench, SIDE_CLIENT);
  assert_verdict(finding, CAUSE_TIMESTAMPS_REWRITTEN, SEVERITY_PROBLEM);
  assert_says(finding->summary, "3 of the client's 100 segments");
  assert_says(finding->evidence[0].fact, "TSval 5000");
  alter(changes, PATH_CHANGE_TS_VALUES, 99);
  assert_verdict(judge(&bench, SIDE_CLIENT), CAUSE_TIMESTAMPS_REWRITTEN, SEVERITY_INFO);
}

static void sack_removed(void **state)
{
  (void)state;
  struct bench bench;
  set_up(&bench);
  strip(&bench.changes[SIDE_SERVER], TCP_OPT_SACK_PERMITTED, PATH_CHANGE_SACK_PERMITTED);
  const struct finding *finding = judge(&bench, SIDE_SERVER);
  assert_verdict(finding, CAUSE_SACK_STRIPPED, SEVERITY_INFO);
  assert_says(finding->summary, "only the server sends");
  bench.views[SIDE_CLIENT].streams[SIDE_CLIENT].retransmitted_segments = 12;
  assert_says(judge(&bench, SIDE_SERVER)->summary, "12 segments");
}

static void other_options(void **state)
{
  (void)state;
  struct bench bench;
  set_up(&bench);
  alter(&bench.changes[SIDE_CLIENT], PATH_CHANGE_OTHER_OPTIONS, 1);
  bench.changes[SIDE_CLIENT].options_lost = TCP_OPT_SACK; /* one duplicate ACK for another */
  assert_null(judge(&bench, SIDE_CLIENT));
  bench.changes[SIDE_CLIENT].options_lost = TCP_OPT_MPTCP | TCP_OPT_FASTOPEN;
  const struct finding *finding = judge(&bench, SIDE_CLIENT);
  assert_verdict(finding, CAUSE_OPTIONS_ALTERED, SEVERITY_INFO);
  assert_says(finding->summary, "removed MPTCP, Fast Open.");
  bench.changes[SIDE_CLIENT].options_added = TCP_OPT_OTHER;
  finding = judge(&bench, SIDE_CLIENT);
  assert_says(finding->summary, "removed MPTCP, Fast Open; put in unknown ones.");
  bench.changes[SIDE_CLIENT].options_lost = TCP_OPT_MD5;
  assert_verdict(judge(&bench, SIDE_CLIENT), CAUSE_OPTIONS_ALTERED, SEVERITY_PROBLEM);
}

static void sequence_numbers_shifted(void **state)
{
  (void)state;
  struct bench bench;
  set_up(&bench);
  alter(&bench.changes[SIDE_CLIENT], PATH_CHANGE_SEQ, 100);
  bench.changes[SIDE_CLIENT].seq_shift = 5000;
  const struct finding *finding = judge(&bench, SIDE_CLIENT);
  assert_verdict(finding, CAUSE_SEQUENCE_SHIFTED, SEVERITY_INFO);
  assert_says(finding->summary, "none was seen");
  bench.changes[SIDE_SERVER].sacks_translated = 3;
  assert_says(judge(&bench, SIDE_CLIENT)->summary, "as they should");
}

static void sack_blocks_not_translated(void **state)
{
  (void)state;
  struct bench bench;
  set_up(&bench);
  alter(&bench.changes[SIDE_SERVER], PATH_CHANGE_SACK_UNTRANSLATED, 9);
  bench.views[SIDE_CLIENT].streams[SIDE_CLIENT].retransmitted_segments = 5;
  bench.views[SIDE_CLIENT].streams[SIDE_CLIENT].rto_retransmits = 4;
  const struct finding *finding = judge(&bench, SIDE_SERVER);
  assert_verdict(finding, CAUSE_SACK_NOT_TRANSLATED, SEVERITY_PROBLEM);
  assert_int_equal(finding->sender, SIDE_CLIENT);
  assert_int_equal(finding->location, LOCATION_REVERSE_PATH);
  assert_int_equal(finding->evidence[0].end, 1);
  assert_says(finding->summary, "5 segments were sent again, 4 by timeout");
  bench.views[SIDE_CLIENT].streams[SIDE_CLIENT].retransmitted_segments = 0;
  assert_verdict(judge(&bench, SIDE_SERVER), CAUSE_SACK_NOT_TRANSLATED, SEVERITY_INFO);
}

static void payload_damaged_or_only_the_capture(void **state)
{
  (void)state;
  struct bench bench;
  set_up(&bench);
  alter(&bench.changes[SIDE_CLIENT], PATH_CHANGE_CHECKSUM, 3);
  bench.changes[SIDE_CLIENT].damaged_bytes = 3 * 1448;
  bench.views[SIDE_CLIENT].streams[SIDE_CLIENT].retransmitted_bytes = 3 * 1448;
  const struct finding *finding = judge(&bench, SIDE_CLIENT);
  assert_verdict(finding, CAUSE_CORRUPTED, SEVERITY_PROBLEM);
  assert_int_equal(finding->confidence, CONFIDENCE_PROVEN);
  bench.views[SIDE_CLIENT].streams[SIDE_CLIENT].retransmitted_bytes = 0;
  finding = judge(&bench, SIDE_CLIENT);
  assert_verdict(finding, CAUSE_CORRUPTED, SEVERITY_INFO);
  assert_int_equal(finding->confidence, CONFIDENCE_POSSIBLE);
}

static void payload_edited(void **state)
{
  (void)state;
  struct bench bench;
  set_up(&bench);
  alter(&bench.changes[SIDE_CLIENT], PATH_CHANGE_PAYLOAD, 2);
  const struct finding *finding = judge(&bench, SIDE_CLIENT);
  assert_verdict(finding, CAUSE_PAYLOAD_ALTERED, SEVERITY_PROBLEM);
  assert_int_equal(finding->cause_confidence, CONFIDENCE_PROVEN);
  bench.changes[SIDE_CLIENT].payloads_unchecked = 2;
  finding = judge(&bench, SIDE_CLIENT);
  assert_int_equal(finding->confidence, CONFIDENCE_PROVEN);
  assert_int_equal(finding->cause_confidence, CONFIDENCE_LIKELY);
  assert_int_equal(finding->not_excluded[0].cause, CAUSE_CORRUPTED);
}

static void windows_rewritten(void **state)
{
  (void)state;
  struct bench bench;
  set_up(&bench);
  alter(&bench.changes[SIDE_SERVER], PATH_CHANGE_WINDOW, 2); /* ACKs taken for each other */
  assert_null(judge(&bench, SIDE_SERVER));
  alter(&bench.changes[SIDE_SERVER], PATH_CHANGE_WINDOW, 60);
  bench.changes[SIDE_SERVER].windows_lowered = 60;
  assert_verdict(judge(&bench, SIDE_SERVER), CAUSE_WINDOW_ALTERED, SEVERITY_INFO);
  bench.views[SIDE_CLIENT].streams[SIDE_CLIENT].flight_max = 64256;
  const struct finding *finding = judge(&bench, SIDE_SERVER);
  assert_verdict(finding, CAUSE_WINDOW_ALTERED, SEVERITY_PROBLEM);
  assert_says(finding->summary, "limits what the client sends");
}

static void ecn_altered(void **state)
{
  (void)state;
  struct bench bench;
  set_up(&bench);
  struct path_changes *changes = &bench.changes[SIDE_CLIENT];
  alter(changes, PATH_CHANGE_ECN, 90);
  changes->ecn_before = 2;
  const struct finding *finding = judge(&bench, SIDE_CLIENT);
  assert_verdict(finding, CAUSE_ECN_ALTERED, SEVERITY_INFO);
  assert_says(finding->summary, "from ECT(0) to Not-ECT");
  set_up(&bench);
  alter(changes, PATH_CHANGE_FLAGS, 1);
  changes->flags_changed = changes->syn_flags_changed = TCP_ECE | TCP_CWR;
  assert_verdict(judge(&bench, SIDE_CLIENT), CAUSE_ECN_ALTERED, SEVERITY_INFO);
  set_up(&bench); /* a retransmission without the mark, taken for the first copy */
  alter(changes, PATH_CHANGE_ECN, 3);
  assert_null(judge(&bench, SIDE_CLIENT));
}

static void header_altered(void **state)
{
  (void)state;
  struct bench bench;
  set_up(&bench);
  struct path_changes *changes = &bench.changes[SIDE_CLIENT];
  alter(changes, PATH_CHANGE_DSCP, 100);
  changes->tos_before = 46 << 2;
  alter(changes, PATH_CHANGE_TTL, 100);
  changes->ttl_before = 64;
  changes->ttl_after = 255;
  alter(changes, PATH_CHANGE_FLAGS, 50);
  changes->flags_changed = TCP_URG;
  const struct finding *finding = judge(&bench, SIDE_CLIENT);
  assert_verdict(finding, CAUSE_HEADER_ALTERED, SEVERITY_INFO);
  assert_int_equal(bench.count, 1);
  assert_int_equal(finding->evidence_count, 6);
  assert_says(finding->summary, "DSCP 46 became 0, TTL 64 became 255");
}

static void all_at_once_fit(void **state)
{
  (void)state;
  struct bench bench;
  set_up(&bench);
  for (unsigned i = 0; i < PATH_CHANGE_BITS; i++)
    alter(&bench.changes[SIDE_SERVER], (enum path_change)(1u << i), UINT64_MAX / 200);
  bench.changes[SIDE_SERVER].options_lost = bench.changes[SIDE_SERVER].options_added = UINT16_MAX;
  bench.changes[SIDE_SERVER].flags_changed = UINT16_MAX;
  bench.changes[SIDE_SERVER].ttl_after = 9;
  judge(&bench, SIDE_SERVER);
  assert_int_equal(bench.count, 13);
  for (unsigned i = 0; i < bench.count; i++)
    assert_true(bench.findings[i].evidence_count >= 2);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(nothing_altered_nothing_told),
      cmocka_unit_test(scale_of_the_syn_lowered_slows_the_download),
      cmocka_unit_test(scale_of_the_answer_lowered_slows_the_upload),
      cmocka_unit_test(scale_raised_overruns),
      cmocka_unit_test(option_removed_from_the_answer_hurts_both_ways),
      cmocka_unit_test(option_removed_from_the_syn_limits_to_64_kb),
      cmocka_unit_test(option_put_in_hurts_both_ways),
      cmocka_unit_test(rewritten_without_effect),
      cmocka_unit_test(a_proxy_that_rewrites_the_windows_too_does_no_harm),
      cmocka_unit_test(what_the_ends_saw_counts),
      cmocka_unit_test(a_syn_proxy_with_another_shift),
      cmocka_unit_test(little_known_is_enough),
      cmocka_unit_test(beliefs_follow_the_rfc),
      cmocka_unit_test(one_sighting_is_taken_for_both),
      cmocka_unit_test(mss_clamped),
      cmocka_unit_test(timestamps_removed),
      cmocka_unit_test(timestamps_rewritten),
      cmocka_unit_test(sack_removed),
      cmocka_unit_test(other_options),
      cmocka_unit_test(sequence_numbers_shifted),
      cmocka_unit_test(sack_blocks_not_translated),
      cmocka_unit_test(payload_damaged_or_only_the_capture),
      cmocka_unit_test(payload_edited),
      cmocka_unit_test(windows_rewritten),
      cmocka_unit_test(ecn_altered),
      cmocka_unit_test(header_altered),
      cmocka_unit_test(all_at_once_fit),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
