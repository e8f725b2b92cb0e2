/* A TCP segment as tcpdump prints it: today's list of items, the old style's fixed order, the
 * options. */
#include "wire/tcpdump_text_fields.h"

#include <string.h>

static void put_u16(uint8_t *at, uint32_t value)
{
  at[0] = (uint8_t)(value >> 8);
  at[1] = (uint8_t)value;
}

static void put_u32(uint8_t *at, uint32_t value)
{
  put_u16(at, value >> 16);
  put_u16(at + 2, value & 0xffff);
}

/* Appends an option; data: size bytes. False if the 40 bytes are full. */
static bool append_option(struct text_tcp *tcp, uint8_t kind, const uint8_t *data, size_t size)
{
  bool single = kind <= 1;
  size_t total = single ? 1 : size + 2;
  if (tcp->option_bytes + total > sizeof tcp->options)
    return false;
  uint8_t *at = tcp->options + tcp->option_bytes;
  at[0] = kind;
  if (!single) {
    at[1] = (uint8_t)total;
    if (size > 0)
      memcpy(at + 2, data, size);
  }
  tcp->option_bytes = (uint8_t)(tcp->option_bytes + total);
  return true;
}

enum option_result { OPTION_OK, OPTION_CUT, OPTION_MORE, OPTION_BAD };

/* What was expected is not here: it may be on the next line if at most (the beginning of) a word is
 * left. */
static enum option_result option_end(struct text_scan scan)
{
  scan_spaces(&scan);
  return scan_find(&scan, " ") == NULL ? OPTION_MORE : OPTION_BAD;
}

static enum option_result parse_mss(struct text_scan *scan, struct text_tcp *tcp)
{
  uint64_t value;
  uint8_t data[2];
  if (!scan_decimal(scan, UINT16_MAX, &value))
    return option_end(*scan);
  put_u16(data, (uint32_t)value);
  return append_option(tcp, 2, data, 2) ? OPTION_OK : OPTION_BAD;
}

static enum option_result parse_wscale(struct text_scan *scan, struct text_tcp *tcp)
{
  uint64_t value;
  if (!scan_decimal(scan, 255, &value))
    return option_end(*scan);
  uint8_t shift = (uint8_t)value;
  return append_option(tcp, 3, &shift, 1) ? OPTION_OK : OPTION_BAD;
}

/* "TS val 1 ecr 2", or the old "timestamp 1 2" */
static enum option_result parse_timestamps(struct text_scan *scan, struct text_tcp *tcp, bool old)
{
  uint32_t value, echo;
  uint8_t data[8];
  if (!old && !scan_literal(scan, "val "))
    return option_end(*scan);
  if (!scan_u32(scan, &value))
    return option_end(*scan);
  if (!scan_literal(scan, old ? " " : " ecr ") || !scan_u32(scan, &echo))
    return option_end(*scan);
  put_u32(data, value);
  put_u32(data + 4, echo);
  return append_option(tcp, 8, data, 8) ? OPTION_OK : OPTION_BAD;
}

/* "sack 2 {1:2}{3:4}"; the old style says "sack" twice. */
static enum option_result parse_sack(struct text_scan *scan, struct text_tcp *tcp)
{
  uint32_t count, start, end;
  uint8_t data[32];
  scan_literal(scan, "sack ");
  if (!scan_u32(scan, &count))
    return option_end(*scan);
  if (count > 4)
    return OPTION_BAD;
  scan_literal(scan, " ");
  for (uint32_t i = 0; i < count; i++) {
    if (i > 0)
      scan_literal(scan, " ");
    if (!scan_literal(scan, "{") || !scan_u32(scan, &start) || !scan_literal(scan, ":") ||
        !scan_u32(scan, &end) || !scan_literal(scan, "}"))
      return option_end(*scan);
    put_u32(data + 8 * (size_t)i, start);
    put_u32(data + 8 * (size_t)i + 4, end);
  }
  tcp->sack_offset = (uint8_t)(tcp->option_bytes + 2);
  tcp->sack_count = (uint8_t)count;
  return append_option(tcp, 5, data, 8 * (size_t)count) ? OPTION_OK : OPTION_BAD;
}

/* Bytes in hexadecimal, at most `max`. */
static size_t scan_hex_bytes(struct text_scan *scan, uint8_t *data, size_t max)
{
  size_t count = 0;
  while (count < max && scan->end - scan->at >= 2) {
    struct text_scan pair = {scan->at, scan->at + 2};
    uint32_t value;
    if (!scan_hex32(&pair, false, &value) || !scan_done(&pair))
      break;
    data[count++] = (uint8_t)value;
    scan->at += 2;
  }
  return count;
}

/* "unknown-69 0x0102", the old "opt-69:0102" */
static enum option_result parse_unknown(struct text_scan *scan, struct text_tcp *tcp, bool old)
{
  uint64_t kind;
  uint8_t data[TEXT_TCP_OPTIONS_MAX - 2];
  size_t size = 0;
  if (!scan_decimal(scan, 255, &kind))
    return option_end(*scan);
  if (scan_literal(scan, old ? ":" : " 0x"))
    size = scan_hex_bytes(scan, data, sizeof data);
  return append_option(tcp, (uint8_t)kind, data, size) ? OPTION_OK : OPTION_BAD;
}

/* "tfo cookiereq", "tfo cookie 0011", behind "exp-" with the experiment's magic (RFC 7413, RFC
 * 6994) */
static enum option_result parse_fastopen(struct text_scan *scan, struct text_tcp *tcp,
                                         bool experiment)
{
  uint8_t data[2 + 16] = {0xf9, 0x89};
  size_t size = experiment ? 2 : 0;
  scan_spaces(scan);
  if (!scan_literal(scan, "cookiereq") && scan_literal(scan, "cookie ")) {
    size += scan_hex_bytes(scan, data + size, 16);
    if (scan_done(scan))
      return OPTION_MORE;
  }
  return append_option(tcp, experiment ? 254 : 34, data, size) ? OPTION_OK : OPTION_BAD;
}

/* Where the option's text ends: a comma or the closing mark, outside braces. NULL: not in this
 * text. */
static const char *option_text_end(const struct text_scan *scan, char closing)
{
  bool braces = false;
  for (const char *at = scan->at; at < scan->end; at++) {
    if (*at == '{')
      braces = true;
    else if (*at == '}')
      braces = false;
    else if (!braces && (*at == ',' || *at == '[' || *at == closing))
      return at;
  }
  return NULL;
}

/* MPTCP (RFC 8684): the subtype is kept, the rest is zeros of the printed length ("mptcp 12 capable
 * ..." prints it; else the shortest length of the subtype is taken). */
static enum option_result parse_mptcp(struct text_scan *scan, struct text_tcp *tcp, char closing)
{
  static const char *const subtypes[] = {"capable",  "join", "dss",  "add-addr",
                                         "rem-addr", "prio", "fail", "fast-close"};
  static const uint8_t lengths[] = {12, 12, 4, 8, 4, 3, 12, 12};
  uint8_t data[TEXT_TCP_OPTIONS_MAX - 2] = {0};
  uint64_t length = 0;
  const char *end = option_text_end(scan, closing);
  if (end == NULL)
    return OPTION_MORE;
  if (scan_decimal(scan, TEXT_TCP_OPTIONS_MAX, &length))
    scan_literal(scan, " ");
  for (size_t i = 0; i < sizeof lengths; i++) {
    if (scan_keyword(scan, subtypes[i])) {
      data[0] = (uint8_t)(i << 4);
      length = length < 3 ? lengths[i] : length;
      break;
    }
  }
  scan->at = end;
  return append_option(tcp, 30, data, length < 3 ? 1 : (size_t)length - 2) ? OPTION_OK : OPTION_BAD;
}

/* Options whose value matters to nobody here: `size` bytes of zeros keep the header's length right.
 */
static enum option_result parse_opaque(struct text_scan *scan, struct text_tcp *tcp, uint8_t kind,
                                       size_t size, char closing)
{
  static const uint8_t zeros[TEXT_TCP_OPTIONS_MAX];
  scan_literal(scan, " shared secret not supplied with -M,"); /* md5: a comma within */
  const char *end = option_text_end(scan, closing);
  if (end == NULL)
    return OPTION_MORE;
  scan->at = end;
  return append_option(tcp, kind, zeros, size) ? OPTION_OK : OPTION_BAD;
}

static enum option_result parse_tcp_ao(struct text_scan *scan, struct text_tcp *tcp, char closing)
{
  struct text_scan probe = *scan;
  uint8_t mac[TEXT_TCP_OPTIONS_MAX];
  size_t size = 0;
  const char *hex = scan_find(&probe, "mac 0x");
  const char *end = option_text_end(scan, closing);
  if (hex != NULL && end != NULL && hex < end) {
    probe.at = hex + strlen("mac 0x");
    size = scan_hex_bytes(&probe, mac, sizeof mac - 4);
  }
  return parse_opaque(scan, tcp, 29, 2 + size, closing);
}

static enum option_result parse_uncommon(struct text_scan *scan, struct text_tcp *tcp, char closing)
{
  static const struct {
    const char *name;
    uint8_t kind, size;
  } fixed[] = {{"echoreply", 7, 4}, {"echo", 6, 4},  {"ccnew", 12, 4}, {"ccecho", 13, 4},
               {"cc", 11, 4},       {"md5", 19, 16}, {"scps", 20, 2},  {"uto", 28, 2}};
  if (scan_literal(scan, "unknown-"))
    return parse_unknown(scan, tcp, false);
  if (scan_literal(scan, "opt-"))
    return parse_unknown(scan, tcp, true);
  if (scan_keyword(scan, "mptcp")) {
    scan_literal(scan, " ");
    return parse_mptcp(scan, tcp, closing);
  }
  if (scan_keyword(scan, "tcp-ao"))
    return parse_tcp_ao(scan, tcp, closing);
  if (scan_literal(scan, "exp-tfo"))
    return parse_fastopen(scan, tcp, true);
  if (scan_keyword(scan, "tfo"))
    return parse_fastopen(scan, tcp, false);
  if (scan_literal(scan, "exp-"))
    return parse_opaque(scan, tcp, 254, 2, closing);
  for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++) {
    if (scan_keyword(scan, fixed[i].name))
      return parse_opaque(scan, tcp, fixed[i].kind, fixed[i].size, closing);
  }
  return option_end(*scan);
}

static enum option_result parse_option(struct text_scan *scan, struct text_tcp *tcp, char closing)
{
  if (scan_done(scan))
    return OPTION_MORE;
  if (scan_keyword(scan, "nop"))
    return append_option(tcp, 1, NULL, 0) ? OPTION_OK : OPTION_BAD;
  if (scan_keyword(scan, "eol"))
    return append_option(tcp, 0, NULL, 0) ? OPTION_OK : OPTION_BAD;
  if (scan_keyword(scan, "sackOK"))
    return append_option(tcp, 4, NULL, 0) ? OPTION_OK : OPTION_BAD;
  enum option_result (*parse)(struct text_scan *, struct text_tcp *) = NULL;
  if (scan_literal(scan, "mss "))
    parse = parse_mss;
  else if (scan_literal(scan, "wscale "))
    parse = parse_wscale;
  else if (scan_literal(scan, "sack "))
    parse = parse_sack;
  if (parse != NULL)
    return parse(scan, tcp);
  if (scan_literal(scan, "TS "))
    return parse_timestamps(scan, tcp, false);
  if (scan_literal(scan, "timestamp "))
    return parse_timestamps(scan, tcp, true);
  return parse_uncommon(scan, tcp, closing);
}

/* "[len 4]" behind an option whose length was odd. */
static enum option_result parse_option_trailer(struct text_scan *scan)
{
  uint32_t length;
  scan_spaces(scan);
  struct text_scan probe = *scan;
  if (scan_literal(&probe, "[len ") && scan_u32(&probe, &length) && scan_literal(&probe, "]"))
    *scan = probe;
  return scan_done(scan) ? OPTION_MORE : OPTION_OK;
}

/* "timestamp[|tcp]>": the capture ended within the next option. "scps[bad opt]]": its length cannot
 * be, which the decoder of the frame shall see as well. Moves behind the remark. */
static bool scan_broken_option(struct text_scan *scan, struct text_tcp *tcp)
{
  static const uint8_t impossible[2] = {253, 0};
  const char *comma = scan_find(scan, ",");
  const char *cut = scan_find(scan, "[|tcp]"), *bad = scan_find(scan, "[bad opt]");
  if (cut != NULL && (comma == NULL || cut < comma)) {
    scan->at = cut + strlen("[|tcp]");
    return true;
  }
  if (bad == NULL || (comma != NULL && comma < bad))
    return false;
  scan->at = bad + strlen("[bad opt]");
  if (tcp->option_bytes + sizeof impossible <= sizeof tcp->options) {
    memcpy(tcp->options + tcp->option_bytes, impossible, sizeof impossible);
    tcp->option_bytes = (uint8_t)(tcp->option_bytes + sizeof impossible);
  }
  return true;
}

/* The list behind "options [" or "<", up to and with `closing`. */
enum text_status text_parse_tcp_options(struct text_scan *scan, char closing,
                                        struct text_fields *fields)
{
  const char close[2] = {closing, '\0'};
  struct text_tcp *tcp = &fields->tcp;
  for (;;) {
    scan_spaces(scan);
    enum option_result result = OPTION_CUT;
    if (!scan_broken_option(scan, tcp)) {
      result = parse_option(scan, tcp, closing);
      if (result == OPTION_OK)
        result = parse_option_trailer(scan);
    }
    if (result == OPTION_MORE || result == OPTION_BAD)
      return result == OPTION_MORE ? TEXT_INCOMPLETE : TEXT_BAD;
    fields->items++;
    if (result == OPTION_CUT) {
      tcp->options_cut = true;
      scan_literal(scan, close);
      return TEXT_COMPLETE;
    }
    if (scan_literal(scan, close))
      return TEXT_COMPLETE;
    if (!scan_literal(scan, ","))
      return TEXT_BAD;
  }
}

/* "cksum 0x1234 (correct)", "(incorrect -> 0x5678)" */
static enum text_status parse_checksum(struct text_scan *scan, struct text_tcp *tcp)
{
  uint32_t value;
  if (!scan_hex32(scan, true, &value) || !scan_literal(scan, " ("))
    return text_unexpected(scan);
  tcp->has_checksum_value = true;
  tcp->checksum_value = (uint16_t)value;
  tcp->checksum = scan_literal(scan, "correct") ? TEXT_CHECKSUM_GOOD : TEXT_CHECKSUM_BAD;
  if (!scan_past(scan, ')'))
    return TEXT_INCOMPLETE;
  scan_literal(scan, ")");
  return TEXT_COMPLETE;
}

static enum text_status parse_seq(struct text_scan *scan, struct text_tcp *tcp)
{
  if (!scan_u32(scan, &tcp->seq))
    return text_unexpected(scan);
  tcp->has_seq = true;
  if (!scan_literal(scan, ":"))
    return TEXT_COMPLETE;
  if (!scan_u32(scan, &tcp->seq_end))
    return text_unexpected(scan);
  tcp->has_seq_end = true;
  return TEXT_COMPLETE;
}

static enum text_status parse_u16(struct text_scan *scan, uint16_t *value)
{
  uint64_t wide;
  if (!scan_decimal(scan, UINT16_MAX, &wide))
    return text_unexpected(scan);
  *value = (uint16_t)wide;
  return TEXT_COMPLETE;
}

static enum text_status parse_length(struct text_scan *scan, struct text_tcp *tcp)
{
  if (!scan_u32(scan, &tcp->payload_bytes))
    return text_unexpected(scan);
  /* A number that a hard fold has cut in two contradicts the sequence numbers. */
  if (tcp->has_seq_end && tcp->seq_end - tcp->seq != tcp->payload_bytes)
    return scan_done(scan) ? TEXT_INCOMPLETE : TEXT_BAD;
  tcp->has_length = true;
  return TEXT_COMPLETE;
}

/* One item of today's comma-separated list. */
static enum text_status parse_item(struct text_scan *scan, struct text_fields *fields)
{
  struct text_tcp *tcp = &fields->tcp;
  if (scan_literal(scan, "cksum "))
    return parse_checksum(scan, tcp);
  if (scan_literal(scan, "seq "))
    return parse_seq(scan, tcp);
  if (scan_literal(scan, "ack ")) {
    tcp->has_ack = scan_u32(scan, &tcp->ack);
    return tcp->has_ack ? TEXT_COMPLETE : text_unexpected(scan);
  }
  if (scan_literal(scan, "win ")) {
    enum text_status status = parse_u16(scan, &tcp->window);
    tcp->has_window = status == TEXT_COMPLETE;
    return status;
  }
  if (scan_literal(scan, "urg "))
    return parse_u16(scan, &tcp->urgent);
  if (scan_literal(scan, "options ["))
    return text_parse_tcp_options(scan, ']', fields);
  if (scan_literal(scan, "length "))
    return parse_length(scan, tcp);
  /* "[ack 5 != 0 while ACK flag not set]" */
  if (scan_literal(scan, "[ack ") || scan_literal(scan, "[urg "))
    return scan_past(scan, ']') ? TEXT_COMPLETE : TEXT_INCOMPLETE;
  return text_unexpected(scan);
}

static uint16_t flag_of(char letter)
{
  switch (letter) {
  case 'F': return TCP_FIN;
  case 'S': return TCP_SYN;
  case 'R': return TCP_RST;
  case 'P': return TCP_PSH;
  case '.': return TCP_ACK;
  case 'U': return TCP_URG;
  case 'E': return TCP_ECE;
  case 'W': return TCP_CWR;
  case 'e': return TCP_AE;
  default: return 0;
  }
}

static enum text_status parse_flag_letters(struct text_scan *scan, struct text_tcp *tcp)
{
  if (scan_literal(scan, "none]"))
    return TEXT_COMPLETE;
  while (!scan_done(scan) && *scan->at != ']') {
    uint16_t flag = flag_of(*scan->at);
    if (flag == 0)
      return text_unexpected(scan);
    tcp->flags |= flag;
    scan->at++;
  }
  return scan_literal(scan, "]") ? TEXT_COMPLETE : TEXT_INCOMPLETE;
}

/* The capture ended within the header: what was printed holds if the window was the last of it. */
static enum text_status cut_short(struct text_fields *fields)
{
  fields->items++;
  if (!fields->tcp.has_window)
    fields->protocol = TEXT_TCP_CUT;
  fields->tcp.options_cut = true;
  if (fields->tcp.has_seq_end)
    fields->tcp.payload_bytes = fields->tcp.seq_end - fields->tcp.seq;
  return TEXT_COMPLETE;
}

/* Behind "Flags [". */
enum text_status text_parse_tcp_flags(struct text_scan *scan, struct text_fields *fields)
{
  fields->protocol = TEXT_TCP;
  enum text_status status = parse_flag_letters(scan, &fields->tcp);
  while (status == TEXT_COMPLETE) {
    fields->items++;
    if (fields->tcp.has_length) {
      bool whole =
          fields->tcp.has_window && fields->tcp.has_ack == ((fields->tcp.flags & TCP_ACK) != 0);
      return whole ? TEXT_COMPLETE : TEXT_BAD;
    }
    if (fields->tcp.options_cut || scan_literal(scan, " [|tcp]"))
      return cut_short(fields);
    if (scan_literal(scan, " [bad hdr length")) {
      fields->protocol = TEXT_TCP_CUT;
      return TEXT_COMPLETE;
    }
    if (!scan_literal(scan, ","))
      return text_unexpected(scan);
    scan_spaces(scan);
    status = scan_done(scan) ? TEXT_INCOMPLETE : parse_item(scan, fields);
  }
  return status;
}

/* Between the old flags and the numbers: "[tcp sum ok]", "[bad tcp cksum 1234 (->5678)!]",
 * "[ECN-Echo,CWR]", and tcpdump 3.9's ", cksum 0x1234 (correct),". */
static enum text_status old_prefix(struct text_scan *scan, struct text_tcp *tcp)
{
  if (scan_literal(scan, ", cksum ")) {
    enum text_status status = parse_checksum(scan, tcp);
    if (status == TEXT_COMPLETE)
      scan_literal(scan, ",");
    return status;
  }
  scan_literal(scan, ",");
  while (scan_literal(scan, " [")) {
    if (scan_literal(scan, "tcp sum ok"))
      tcp->checksum = TEXT_CHECKSUM_GOOD;
    else if (scan_literal(scan, "bad tcp cksum"))
      tcp->checksum = TEXT_CHECKSUM_BAD;
    if (scan_literal(scan, "ECN-Echo"))
      tcp->flags |= TCP_ECE;
    if (scan_literal(scan, ",CWR") || scan_literal(scan, "CWR"))
      tcp->flags |= TCP_CWR;
    if (!scan_past(scan, ']'))
      return TEXT_INCOMPLETE;
  }
  return TEXT_COMPLETE;
}

/* "1:913(912)" */
static enum text_status old_range(struct text_scan *scan, struct text_tcp *tcp)
{
  uint32_t start, end, size;
  if (!scan_u32(scan, &start) || !scan_literal(scan, ":") || !scan_u32(scan, &end) ||
      !scan_literal(scan, "(") || !scan_u32(scan, &size) || !scan_literal(scan, ")"))
    return text_unexpected(scan);
  if (end - start != size)
    return TEXT_BAD;
  tcp->has_seq = tcp->has_seq_end = true;
  tcp->seq = start;
  tcp->seq_end = end;
  tcp->payload_bytes = size;
  return TEXT_COMPLETE;
}

static enum text_status old_item(struct text_scan *scan, struct text_fields *fields)
{
  struct text_tcp *tcp = &fields->tcp;
  if (scan_literal(scan, "ack ")) {
    tcp->flags |= TCP_ACK;
    tcp->has_ack = scan_u32(scan, &tcp->ack);
    return tcp->has_ack ? TEXT_COMPLETE : text_unexpected(scan);
  }
  if (scan_literal(scan, "win ")) {
    enum text_status status = parse_u16(scan, &tcp->window);
    tcp->has_window = status == TEXT_COMPLETE;
    return status;
  }
  if (scan_literal(scan, "urg ")) {
    tcp->flags |= TCP_URG;
    return parse_u16(scan, &tcp->urgent);
  }
  if (scan_literal(scan, "<"))
    return text_parse_tcp_options(scan, '>', fields);
  if (!tcp->has_seq && !tcp->has_ack && !tcp->has_window)
    return old_range(scan, tcp);
  return text_unexpected(scan);
}

static bool old_item_follows(const struct text_scan *scan, const struct text_tcp *tcp)
{
  struct text_scan probe = *scan;
  if (!tcp->has_window)
    return true;
  return scan_literal(&probe, "urg ") || (scan_literal(&probe, "<") && tcp->option_bytes == 0);
}

/* Behind the old style's "host.port > host.port: ", at the flags. */
enum text_status text_parse_tcp_old(struct text_scan *scan, struct text_fields *fields)
{
  struct text_tcp *tcp = &fields->tcp;
  fields->protocol = TEXT_TCP;
  while (!scan_done(scan) && flag_of(*scan->at) != 0) {
    if (*scan->at != '.')
      tcp->flags |= flag_of(*scan->at);
    scan->at++;
  }
  enum text_status status = old_prefix(scan, tcp);
  if (status != TEXT_COMPLETE)
    return status;
  fields->items++;
  for (;;) {
    scan_spaces(scan);
    if (tcp->options_cut || scan_literal(scan, "[|tcp]")) {
      cut_short(fields);
      break;
    }
    if (scan_done(scan) && !tcp->has_window)
      return TEXT_INCOMPLETE;
    if (scan_done(scan) || !old_item_follows(scan, tcp))
      break;
    status = old_item(scan, fields);
    if (status != TEXT_COMPLETE)
      return status;
    fields->items++;
  }
  tcp->has_length = tcp->has_seq || tcp->has_window;
  /* "win 57" "92 <nop": a number cut in two */
  if (!scan_done(scan) && *scan->at >= '0' && *scan->at <= '9')
    return TEXT_BAD;
  text_parse_ip_tail(scan, fields);
  return TEXT_COMPLETE;
}
