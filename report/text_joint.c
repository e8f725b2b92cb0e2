#include "report/text_parts.h"

#include "wire/timestamp.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static char letter(uint32_t end)
{
  return (char)('A' + end % 26);
}

/* ---- clocks ---- */

/* The worst of all pieces. */
static int64_t map_uncertainty_ns(const struct clock_map *map)
{
  int64_t worst = 0;
  for (uint32_t i = 0; i < map->piece_count; i++) {
    if (!time_is_valid(map->pieces[i].uncertainty_ns))
      return TIME_INVALID;
    if (map->pieces[i].uncertainty_ns > worst)
      worst = map->pieces[i].uncertainty_ns;
  }
  return map->piece_count == 0 ? TIME_INVALID : worst;
}

/* The same for most of the time; the worst of all pieces, too. */
static int64_t map_usual_uncertainty_ns(const struct clock_map *map)
{
  int64_t usual = 0;
  for (uint32_t i = 0; i < map->piece_count; i++)
    if (map->pieces[i].usual_uncertainty_ns > usual)
      usual = map->pieces[i].usual_uncertainty_ns;
  return usual;
}

static int64_t end_uncertainty_ns(const struct text *text, uint8_t end)
{
  const struct clock_map *map = text->overview->joint.clocks[end % ANALYZER_ENDS_MAX];
  if (end == 0)
    return 0;
  return map == NULL ? TIME_INVALID : map_uncertainty_ns(map);
}

static bool clock_known(const struct text *text, uint8_t end)
{
  const struct clock_map *map = text->overview->joint.clocks[end % ANALYZER_ENDS_MAX];
  return end == 0 || (map != NULL && map->piece_count > 0);
}

bool text_clocks_compared(const struct text *text, uint8_t from_end, uint8_t to_end)
{
  return clock_known(text, from_end) && clock_known(text, to_end);
}

int64_t text_clock_uncertainty_ns(const struct text *text, uint8_t from_end, uint8_t to_end)
{
  const int64_t from = end_uncertainty_ns(text, from_end), to = end_uncertainty_ns(text, to_end);
  return time_is_valid(from) && time_is_valid(to) ? from + to : TIME_INVALID;
}

bool text_joint_is_coarse(const struct text *text)
{
  for (uint32_t end = 1; end < text->overview->joint.ends; end++) {
    const int64_t uncertainty_ns = end_uncertainty_ns(text, (uint8_t)end);
    if (!time_is_valid(uncertainty_ns) || uncertainty_ns > NS_PER_US)
      return true;
  }
  return false;
}

/* Digits of a second that an offset is good for: one more than its uncertainty has. */
static int offset_digits(int64_t uncertainty_ns)
{
  int digits = 10;
  for (int64_t step = 10; digits > 0 && step <= uncertainty_ns; step *= 10)
    digits--;
  return digits < 9 ? digits : 9;
}

/* "3 h 0 min 12.34567 s", "0.0123 s" */
static void offset_text(int64_t offset_ns, int digits, struct text_buffer *out)
{
  const uint64_t ns = offset_ns < 0 ? 0 - (uint64_t)offset_ns : (uint64_t)offset_ns;
  const uint64_t s = ns / (uint64_t)NS_PER_S;
  uint64_t fraction = ns % (uint64_t)NS_PER_S;
  if (s >= 3600)
    text_append(out, "%" PRIu64 " h ", s / 3600);
  if (s >= 60)
    text_append(out, "%" PRIu64 " min ", s % 3600 / 60);
  for (int i = digits; i < 9; i++)
    fraction /= 10;
  text_append(out, "%" PRIu64, s % 60);
  if (digits > 0)
    text_append(out, ".%0*" PRIu64, digits, fraction);
  text_append(out, " s");
}

/* "is 12.345678 s ahead of A's", "agrees with A's" */
static void piece_text(const struct clock_piece *piece, int64_t uncertainty_ns,
                       struct text_buffer *out)
{
  const int64_t size = piece->offset_ns < 0 ? -piece->offset_ns : piece->offset_ns;
  if (time_is_valid(uncertainty_ns) && size <= uncertainty_ns) {
    text_append(out, "agrees with A's");
    return;
  }
  text_append(out, "is ");
  offset_text(piece->offset_ns, offset_digits(time_is_valid(uncertainty_ns) ? uncertainty_ns : 0),
              out);
  text_append(out, piece->offset_ns < 0 ? " behind A's" : " ahead of A's");
}

/* Drifts below that are told by no clock fit of ordinary length. */
#define DRIFT_WORTH_A_WORD_PPM 0.05

static void drift_text(const struct clock_piece *piece, struct text_buffer *out)
{
  if (!piece->skew_known)
    return;
  if (piece->skew_ppm >= DRIFT_WORTH_A_WORD_PPM)
    text_append(out, ", gaining %.1f ppm", piece->skew_ppm);
  else if (piece->skew_ppm <= -DRIFT_WORTH_A_WORD_PPM)
    text_append(out, ", losing %.1f ppm", -piece->skew_ppm);
}

/* "B's clock is 12.345678 s ahead of A's (± 0.2 ms, gaining 12.3 ppm, 1 step)", "B's clock is A's:
 * both were captured on one host (± 1 us)" */
static void clock_text(uint8_t end, const struct clock_map *map, struct text_buffer *out)
{
  const int64_t uncertainty_ns = map_uncertainty_ns(map);
  const struct clock_piece *first = &map->pieces[0], *last = &map->pieces[map->piece_count - 1];
  const uint64_t steps = (uint64_t)map->piece_count - 1 + map->steps_left_out;
  char text[FORMAT_TEXT_SIZE], usual[FORMAT_TEXT_SIZE];
  if (map->host == CLOCK_HOST_SHARED) {
    text_append(out, " %c's clock is A's: both were captured on one host (± %s).", letter(end),
                format_duration_up(uncertainty_ns, text));
    return;
  }
  text_append(out, " %c's clock ", letter(end));
  piece_text(first, uncertainty_ns, out);
  if (steps > 0) {
    text_append(out, " at first; it ");
    piece_text(last, uncertainty_ns, out);
    text_append(out, " at last");
  }
  const int64_t usual_ns = map_usual_uncertainty_ns(map);
  if (time_is_valid(uncertainty_ns) && usual_ns > 0 && uncertainty_ns / 2 > usual_ns)
    text_append(out, " (± %s mostly, %s at worst", format_duration_up(usual_ns, usual),
                format_duration_up(uncertainty_ns, text));
  else if (time_is_valid(uncertainty_ns))
    text_append(out, " (± %s", format_duration_up(uncertainty_ns, text));
  else
    text_append(out,
                " (if the fastest packet took no time: packets of one direction only were seen "
                "at both");
  drift_text(last, out);
  if (steps > 0)
    text_append(out, ", %s step%s", format_count(steps, text), text_plural(steps));
  text_append(out, ")%s.",
              map->host == CLOCK_HOST_DOUBTED
                  ? "; it is not another end's, although their kernels tell the same boot id"
                  : "");
}

static bool all_corrected(const struct report_joint *joint)
{
  for (uint32_t end = 1; end < joint->ends; end++)
    if (joint->clocks[end] == NULL || joint->clocks[end]->piece_count == 0)
      return false;
  return true;
}

static void clocks_text(const struct report_joint *joint, struct text_buffer *out)
{
  bool corrected = false;
  for (uint32_t end = 1; end < joint->ends; end++) {
    const struct clock_map *map = joint->clocks[end];
    if (map == NULL)
      continue;
    if (map->piece_count == 0) {
      text_append(out, " %c's clock could not be compared to A's: its times are as captured.",
                  letter(end));
      continue;
    }
    corrected = true;
    clock_text((uint8_t)end, map, out);
  }
  if (corrected)
    text_append(out, " All times below are on A's clock%s.",
                joint->ends > 2 && !all_corrected(joint) ? " otherwise" : "");
}

/* ---- who saw what ---- */

static const char *base_name(const char *file)
{
  const char *slash = strrchr(file, '/');
  return slash != NULL && slash[1] != '\0' ? slash + 1 : file;
}

static bool base_names_differ(const struct report_overview *overview)
{
  for (uint32_t i = 0; i < overview->captures; i++)
    for (uint32_t j = 0; j < i; j++)
      if (strcmp(base_name(overview->capture_list[i].file),
                 base_name(overview->capture_list[j].file)) == 0)
        return false;
  return true;
}

/* How a user tells the captures apart. */
static void capture_name(const struct report_capture *capture, bool short_names,
                         struct text_buffer *out)
{
  const bool is_part = capture->excerpt != 0 || capture->interface[0] != '\0';
  const bool is_input = strcmp(capture->file, "-") == 0;
  const char *separator = "";
  if (is_input)
    text_append(out, "standard input");
  else if (short_names)
    text_append(out, "%.100s", base_name(capture->file));
  else if (!is_part)
    text_append(out, "%.150s", capture->file);
  if (is_input || short_names)
    separator = ", ";
  if (capture->excerpt != 0)
    text_append(out, "%sexcerpt %" PRIu32, separator, capture->excerpt);
  else if (is_part)
    text_append(out, "%sinterface %s", separator, capture->interface);
}

/* "A (client.pcap), B (server.pcap) and C (excerpt 3)" */
static void ends_text(const struct report_overview *overview, struct text_buffer *out)
{
  const bool short_names = base_names_differ(overview);
  for (uint32_t i = 0; i < overview->captures; i++) {
    const struct report_capture *capture = &overview->capture_list[i];
    const char *separator = i == 0 ? "" : i + 1 == overview->captures ? " and " : ", ";
    text_append(out, "%s%c (", separator, letter(capture->end));
    capture_name(capture, short_names, out);
    text_append(out, ")");
  }
}

static uint64_t joined(const struct report_joint *joint)
{
  uint64_t sum = 0;
  for (uint32_t points = 2; points <= joint->ends; points++)
    sum += joint->seen_at[points];
  return sum;
}

/* One of the numbers of connections: "; 2 more", ", 3 more", or where none came before "2
 * connections". */
static void number_text(uint64_t number, bool *begun, bool *listed, struct text_buffer *out)
{
  char count[FORMAT_TEXT_SIZE];
  format_count(number, count);
  if (!*begun)
    text_append(out, " saw %s connection%s", count, text_plural(number));
  else
    text_append(out, "%s %s more", *listed ? "," : ";", count);
  *listed = *begun;
  *begun = true;
}

/* "; 2 more at 2 of the 3 points, 3 more at A only" */
static void others_text(const struct report_joint *joint, bool begun, struct text_buffer *out)
{
  bool listed = false;
  for (uint32_t points = joint->ends - 1; points >= 2; points--) {
    if (joint->seen_at[points] == 0)
      continue;
    number_text(joint->seen_at[points], &begun, &listed, out);
    text_append(out, " at %" PRIu32 " of the %" PRIu32 " points", points, joint->ends);
  }
  for (uint32_t end = 0; end < joint->ends; end++) {
    if (joint->only_at[end] == 0)
      continue;
    number_text(joint->only_at[end], &begun, &listed, out);
    text_append(out, " at %c only", letter(end));
  }
}

static void seen_text(const struct report_overview *overview, struct text_buffer *out)
{
  const struct report_joint *joint = &overview->joint;
  const uint64_t everywhere = joint->seen_at[joint->ends];
  char count[FORMAT_TEXT_SIZE];
  ends_text(overview, out);
  if (joined(joint) == 0) {
    text_append(out, " have no connection in common%s.",
                overview->connections > 0 ? ": each is diagnosed by itself" : "");
    return;
  }
  if (everywhere == 1)
    text_append(out, "%s saw the same connection", joint->ends > 2 ? " all" : "");
  else if (everywhere > 1)
    text_append(out, "%s saw the same %s connections", joint->ends > 2 ? " all" : "",
                format_count(everywhere, count));
  others_text(joint, everywhere > 0, out);
  text_append(out, ".");
}

static void certainty_text(const struct report_joint *joint, struct text_buffer *out)
{
  char count[FORMAT_TEXT_SIZE];
  if (joint->pairs_likely > 0)
    text_append(out, " For %s of them that is likely, not certain.",
                format_count(joint->pairs_likely, count));
  if (joint->pairs_possible > 0)
    text_append(out, " %s may be the same at several points, too uncertain to be joined.",
                format_count(joint->pairs_possible, count));
}

void text_joint_headline(struct text *text)
{
  const struct report_overview *overview = text->overview;
  struct text_buffer line = {.used = 0};
  if (overview->joint.ends < 2 || overview->captures < 2)
    return;
  seen_text(overview, &line);
  certainty_text(&overview->joint, &line);
  clocks_text(&overview->joint, &line);
  page_wrap(&text->page, PAGE_PLAIN, 0, line.text);
  page_newline(&text->page);
}

/* There in the order of the ends' names, and back. */
static bool comes_before(const struct hop_summary *a, const struct hop_summary *b)
{
  const bool a_back = a->from_end > a->to_end, b_back = b->from_end > b->to_end;
  if (a_back != b_back)
    return b_back;
  return a_back ? a->from_end > b->from_end : a->from_end < b->from_end;
}

static void sums_of_hop(struct text *text, const struct report_hop *hop)
{
  const char *syn = !hop->from_side[SIDE_CLIENT]   ? "SYN-ACK"
                    : !hop->from_side[SIDE_SERVER] ? "SYN"
                                                   : "SYN or SYN-ACK";
  text_hop(text, &hop->sum, syn, hop->changed_connections, hop->connections);
}

void text_joint_sums(struct text *text)
{
  const struct report_joint *joint = &text->overview->joint;
  bool told[REPORT_HOPS_MAX] = {false};
  if (text->options.verbose && joined(joint) == 1)
    return; /* its own table tells the same */
  for (uint32_t round = 0; round < joint->hop_count; round++) {
    uint32_t next = joint->hop_count;
    for (uint32_t i = 0; i < joint->hop_count; i++)
      if (!told[i] &&
          (next == joint->hop_count || comes_before(&joint->hops[i].sum, &joint->hops[next].sum)))
        next = i;
    told[next] = true;
    sums_of_hop(text, &joint->hops[next]);
  }
}

/* ---- within a finding ---- */

static bool same_endpoint(const struct endpoint *a, const struct endpoint *b)
{
  return a->port == b->port && memcmp(&a->address, &b->address, sizeof a->address) == 0;
}

/* Returns true if they differ from the first end's. */
static bool other_addresses(struct text *text, const struct report_connection *connection,
                            const struct connection_summary *view)
{
  const struct report_names *names = &text->options.names;
  char client[FORMAT_ENDPOINT_SIZE], server[FORMAT_ENDPOINT_SIZE];
  char line[2 * FORMAT_ENDPOINT_SIZE + 40];
  if (same_endpoint(&view->client, &connection->summary->client) &&
      same_endpoint(&view->server, &connection->summary->server))
    return false;
  snprintf(line, sizeof line, "at %c the client is %s, the server %s", letter(view->end),
           format_endpoint(names, view->end, &view->client, client),
           format_endpoint(names, view->end, &view->server, server));
  text_line(&text->page, "", line);
  return true;
}

static const char *certainty_phrase(enum pair_certainty certainty)
{
  switch (certainty) {
  case PAIR_CERTAIN: return "certain";
  case PAIR_LIKELY: return "likely, not certain";
  case PAIR_POSSIBLE: break;
  }
  return "too uncertain: not used";
}

void text_joint_which(struct text *text, const struct report_connection *connection, bool always)
{
  const struct report_pairing *pairing = connection->pairing;
  struct text_buffer line = {.used = 0};
  bool doubtful = always;
  for (uint32_t i = 1; i < connection->view_count; i++)
    doubtful |= other_addresses(text, connection, connection->views[i]);
  if (pairing == NULL || (connection->view_count == 1 && pairing->certainty != PAIR_POSSIBLE) ||
      (!doubtful && pairing->certainty == PAIR_CERTAIN && pairing->order_known))
    return;
  text_append(&line, "%s%s(%s)", pairing->reason, pairing->reason[0] != '\0' ? " " : "",
              certainty_phrase(pairing->certainty));
  if (connection->view_count > 1 && !pairing->order_known)
    text_append(&line,
                "; which end is nearer to the client is not known, and taken as they are named");
  text_line(&text->page, pairing->certainty == PAIR_POSSIBLE ? "like another" : "joined by",
            line.text);
}

static void part(struct text_buffer *line, uint64_t bytes, uint64_t outstanding, const char *where)
{
  char count[FORMAT_TEXT_SIZE];
  if (bytes == 0)
    return;
  const bool begun = line->used > 0 && line->text[line->used - 1] != ':';
  text_append(line, "%s %s %s", begun ? "," : "",
              bytes == outstanding ? "all" : format_count(bytes, count), where);
}

/* Names of the sender's and the receiver's end. */
static void end_names(const struct report_connection *connection, enum stream_side sender,
                      char from[32], char to[32])
{
  snprintf(from, 32, "the sender");
  snprintf(to, 32, "the receiver");
  if (connection->hop_count == 0)
    return;
  const struct hop_summary *hops = connection->hops[sender];
  snprintf(from, 32, "%c", letter(hops[0].from_end));
  snprintf(to, 32, "%c", letter(hops[connection->hop_count - 1].to_end));
}

/* "of 65,160 bytes outstanding at 12:00:03.200000: 1,448 lost between A and B, 63,712 at B and not
 * acknowledged" */
void text_stages(struct text *text, const struct report_connection *connection,
                 const struct finding *finding)
{
  const struct byte_stages *stages = &finding->stages;
  struct text_buffer line = {.used = 0};
  char from[32], to[32], where[120], count[FORMAT_TEXT_SIZE], time[FORMAT_TEXT_SIZE];
  if (!time_is_valid(stages->at_ns) || stages->outstanding_bytes == 0)
    return;
  const struct format_clock clock = text_clock(
      text, connection->capture, text_joint_is_coarse(text) ? 6 : format_digits(stages->at_ns));
  end_names(connection, finding->sender, from, to);
  format_count(stages->outstanding_bytes, count);
  if (finding->end_ns - stages->at_ns <= NS_PER_US && stages->at_ns <= finding->end_ns)
    text_append(&line, "of %s outstanding half way through:", count);
  else
    text_append(&line, "of %s outstanding at %s:", count, format_time(&clock, stages->at_ns, time));
  snprintf(where, sizeof where, "lost between %s and %s", from, to);
  part(&line, stages->lost_bytes, stages->outstanding_bytes, where);
  snprintf(where, sizeof where, "on the way from %s to %s", from, to);
  part(&line, stages->in_path_bytes, stages->outstanding_bytes, where);
  snprintf(where, sizeof where, "at %s and not acknowledged", to);
  part(&line, stages->unacked_at_receiver_bytes, stages->outstanding_bytes, where);
  snprintf(where, sizeof where, "acknowledged at %s, the ACK not yet at %s", to, from);
  part(&line, stages->ack_in_path_bytes, stages->outstanding_bytes, where);
  text_line(&text->page, "bytes", line.text);
}
