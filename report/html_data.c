#include "report/html_figure.h"

#include "report/html_escape.h"
#include "wire/timestamp.h"

#include <inttypes.h>
#include <time.h>

/* What the page's script needs to draw a connection anew and to describe its packets: a column for
 * each field, most of them as differences to the packet before, which are short. */

#define SECONDS_A_DAY 86400

/* Adds to a clock reading in seconds what the reader's zone is ahead. */
static int64_t zone_s(const struct html *html, int64_t time_ns)
{
  const time_t seconds = (time_t)(time_ns / NS_PER_S);
  struct tm parts;
  if (!html->options.local_time || localtime_r(&seconds, &parts) == NULL)
    return 0;
  return parts.tm_gmtoff;
}

/* The reading of the clock at the drawing's zero: seconds of the day, or since the trace's begin,
 * and nanoseconds. */
static void put_clock(const struct html *html, const struct html_drawn *drawn)
{
  const enum report_time_base base = html->overview->capture_list[0].time_base;
  int64_t seconds = drawn->start_ns / NS_PER_S, ns = drawn->start_ns % NS_PER_S;
  if (ns < 0) {
    ns += NS_PER_S;
    seconds--;
  }
  if (base == REPORT_TIME_EPOCH)
    seconds += zone_s(html, drawn->start_ns);
  if (base != REPORT_TIME_RELATIVE)
    seconds = ((seconds % SECONDS_A_DAY) + SECONDS_A_DAY) % SECONDS_A_DAY;
  fprintf(html->stream, "\"clock\":[%" PRId64 ",%" PRId64 ",%d]", seconds, ns,
          base != REPORT_TIME_RELATIVE);
}

typedef int64_t column(const struct html_packet *packet);

static void put_column(FILE *stream, const struct html_drawn *drawn, const char *name,
                       column *value, bool difference)
{
  int64_t last = 0;
  fprintf(stream, ",\n\"%s\":[", name);
  for (uint32_t i = 0; i < drawn->count; i++) {
    const int64_t now = value(&drawn->list[i]);
    fprintf(stream, "%s%" PRId64, i > 0 ? "," : "", now - last);
    last = difference ? now : 0;
  }
  fputc(']', stream);
}

static int64_t frame(const struct html_packet *packet)
{
  return (int64_t)packet->frame;
}

/* 8 bits of marks, then the side, the end, the kind. */
static int64_t what(const struct html_packet *packet)
{
  return packet->marks | packet->side << 8 | packet->end << 9 | packet->kind << 12;
}

static int64_t seq(const struct html_packet *packet)
{
  return packet->seq;
}

static int64_t ack(const struct html_packet *packet)
{
  return packet->ack;
}

static int64_t payload(const struct html_packet *packet)
{
  return (packet->marks & HTML_FOREIGN) != 0 ? packet->frame_bytes : packet->payload_bytes;
}

static int64_t window(const struct html_packet *packet)
{
  return packet->window_bytes;
}

static int64_t flags(const struct html_packet *packet)
{
  return packet->flags;
}

static int64_t own_flight(const struct html_packet *packet)
{
  return packet->own_flight_bytes;
}

static int64_t other_flight(const struct html_packet *packet)
{
  return packet->other_flight_bytes;
}

static int64_t ts_val(const struct html_packet *packet)
{
  return packet->ts_val;
}

static int64_t ts_ecr(const struct html_packet *packet)
{
  return packet->ts_ecr;
}

static bool any_timestamps(const struct html_drawn *drawn)
{
  for (uint32_t i = 0; i < drawn->count; i++)
    if ((drawn->list[i].options & TCP_OPT_TIMESTAMPS) != 0)
      return true;
  return false;
}

static void put_times(const struct html *html, const struct html_drawn *drawn)
{
  int64_t last_ns = drawn->start_ns;
  fputs(",\n\"t\":[", html->stream);
  for (uint32_t i = 0; i < drawn->count; i++) {
    fprintf(html->stream, "%s%" PRId64, i > 0 ? "," : "", drawn->list[i].time_ns - last_ns);
    last_ns = drawn->list[i].time_ns;
  }
  fputc(']', html->stream);
}

/* What few packets have: by their index. */
static void put_sacks(FILE *stream, const struct html_drawn *drawn)
{
  const char *separator = "";
  fputs(",\n\"sack\":{", stream);
  for (uint32_t i = 0; i < drawn->count; i++) {
    const struct html_packet *packet = &drawn->list[i];
    if (packet->sack_count == 0)
      continue;
    fprintf(stream, "%s\"%" PRIu32 "\":[", separator, i);
    for (unsigned k = 0; k < packet->sack_count; k++)
      fprintf(stream, "%s%" PRId64 ",%" PRId64, k > 0 ? "," : "", packet->sack[k][0],
              packet->sack[k][1]);
    fputc(']', stream);
    separator = ",";
  }
  fputc('}', stream);
}

static void put_option_names(FILE *stream, const struct html_packet *packet)
{
  static const struct {
    enum tcp_option_bit bit;
    const char *name;
  } names[] = {{TCP_OPT_SACK_PERMITTED, "SACK permitted"},
               {TCP_OPT_FASTOPEN, "Fast Open"},
               {TCP_OPT_MPTCP, "MPTCP"},
               {TCP_OPT_MD5, "MD5"},
               {TCP_OPT_AO, "AO"},
               {TCP_OPT_ACCECN, "AccECN"},
               {TCP_OPT_OTHER, "others"},
               {TCP_OPT_CUT, "cut off"},
               {TCP_OPT_MALFORMED, "malformed"}};
  const char *separator = "";
  if ((packet->options & TCP_OPT_MSS) != 0) {
    fprintf(stream, "MSS %u", packet->mss);
    separator = ", ";
  }
  if ((packet->options & TCP_OPT_WSCALE) != 0) {
    fprintf(stream, "%swindow scale %u", separator, packet->wscale);
    separator = ", ";
  }
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if ((packet->options & names[i].bit) != 0) {
      fprintf(stream, "%s%s", separator, names[i].name);
      separator = ", ";
    }
}

static void put_options(FILE *stream, const struct html_drawn *drawn)
{
  const uint16_t usual = TCP_OPT_TIMESTAMPS | TCP_OPT_SACK;
  const char *separator = "";
  fputs(",\n\"options\":{", stream);
  for (uint32_t i = 0; i < drawn->count; i++) {
    if ((drawn->list[i].options & ~usual) == 0)
      continue;
    fprintf(stream, "%s\"%" PRIu32 "\":\"", separator, i);
    put_option_names(stream, &drawn->list[i]);
    fputc('"', stream);
    separator = ",";
  }
  fputc('}', stream);
}

static void put_packets(const struct html *html, const struct html_drawn *drawn)
{
  FILE *stream = html->stream;
  put_times(html, drawn);
  put_column(stream, drawn, "frame", frame, true);
  put_column(stream, drawn, "what", what, false);
  put_column(stream, drawn, "seq", seq, true);
  put_column(stream, drawn, "ack", ack, true);
  put_column(stream, drawn, "len", payload, false);
  put_column(stream, drawn, "win", window, true);
  put_column(stream, drawn, "flags", flags, false);
  if (any_timestamps(drawn)) {
    put_column(stream, drawn, "tsval", ts_val, true);
    put_column(stream, drawn, "tsecr", ts_ecr, true);
  }
  if (drawn->left_out > 0) { /* else the script counts them itself */
    put_column(stream, drawn, "own", own_flight, true);
    put_column(stream, drawn, "other", other_flight, true);
  }
  put_sacks(stream, drawn);
  put_options(stream, drawn);
}

static void put_span(const struct html *html, const struct html_drawn *drawn,
                     const struct html_span *span)
{
  const bool waits =
      span->kind == FINDING_STALL || span->kind == FINDING_CRAWL || span->kind == FINDING_HOLD;
  fprintf(html->stream,
          "{\"rank\":%" PRIu64 ",\"from\":%" PRId64 ",\"to\":%" PRId64
          ",\"side\":%d,\"owner\":\"%s\",\"problem\":%d,\"waits\":%d,\"evidence\":[",
          span->rank, span->from_ns - drawn->start_ns, span->to_ns - drawn->start_ns, span->sender,
          location_name(span->location), span->severity == SEVERITY_PROBLEM, waits);
  for (uint32_t i = 0; i < span->evidence_count; i++) {
    const struct html_evidence *evidence = &span->evidence[i];
    fprintf(html->stream, "%s[%u,%" PRIu64 ",", i > 0 ? "," : "", (unsigned)evidence->end,
            evidence->frame);
    if (time_is_valid(evidence->time_ns))
      fprintf(html->stream, "%" PRId64 "]", evidence->time_ns - drawn->start_ns);
    else
      fputs("null]", html->stream);
  }
  fputs("]}", html->stream);
}

void html_data(struct html *html, const struct html_drawn *drawn,
               const struct report_connection *connection)
{
  const struct connection_summary *summary = connection->summary;
  const uint8_t end = connection->capture->end;
  char client[FORMAT_ENDPOINT_SIZE], server[FORMAT_ENDPOINT_SIZE];
  format_endpoint(&html->options.names, end, &summary->client, client);
  format_endpoint(&html->options.names, end, &summary->server, server);
  fprintf(html->stream, "<script type=\"application/json\" id=\"data%" PRIu64 "\">{", drawn->id);
  put_clock(html, drawn);
  fprintf(html->stream, ",\"life\":%" PRId64 ",\"allowance\":[%" PRId64 ",%" PRId64 "]",
          drawn->end_ns - drawn->start_ns, drawn->allowance_ns[0], drawn->allowance_ns[1]);
  fprintf(html->stream, ",\"ends\":[%u,%u],\"rows\":[%d,%d],\"names\":[",
          (unsigned)drawn->client_end, (unsigned)drawn->server_end,
          figure_has_row(drawn, SIDE_CLIENT), figure_has_row(drawn, SIDE_SERVER));
  html_json_text(html->stream, client);
  fputc(',', html->stream);
  html_json_text(html->stream, server);
  fputs("],\"spans\":[", html->stream);
  for (uint32_t i = 0; i < drawn->span_count; i++) {
    fputs(i > 0 ? ",\n" : "", html->stream);
    put_span(html, drawn, &drawn->spans[i]);
  }
  fputc(']', html->stream);
  put_packets(html, drawn);
  fputs("}</script>\n", html->stream);
}
