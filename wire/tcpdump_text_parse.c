/* One packet's text: link header, IP header, endpoints, and then whichever protocol it is. */
#include "wire/service_names.h"
#include "wire/tcpdump_text_fields.h"
#include "wire/tcpdump_text_names.h"

#include <string.h>

/* Packets within packets (GRE, IP in IP, VXLAN): as deep as the decoder of real frames needs to go.
 */
#define TUNNEL_DEPTH_MAX 4

static enum text_status parse_network(struct text_scan *scan, struct text_fields *fields,
                                      unsigned depth);

/* "[total length 60 > length 40] (invalid)", "truncated-ip - 20 bytes missing!" */
static enum text_status skip_complaints(struct text_scan *scan)
{
  struct text_scan probe = *scan;
  if (scan_literal(&probe, "[total length") || scan_literal(&probe, "[header+payload length")) {
    if (!scan_past(&probe, ']'))
      return TEXT_INCOMPLETE;
    *scan = probe;
    scan_literal(scan, " (invalid)");
    scan_spaces(scan);
  }
  probe = *scan;
  if (scan_literal(&probe, "truncated-ip - ") || scan_literal(&probe, "truncated-ip6 - ")) {
    if (!scan_past(&probe, '!'))
      return TEXT_INCOMPLETE;
    *scan = probe;
    scan_literal(scan, "!");
    scan_spaces(scan);
  }
  return TEXT_COMPLETE;
}

/* "src > dst:" */
static enum text_status parse_endpoints(struct text_scan *scan, struct text_span *src,
                                        struct text_span *dst)
{
  if (!scan_word(scan, src))
    return TEXT_INCOMPLETE;
  if (scan_done(scan))
    return TEXT_INCOMPLETE;
  if (!scan_literal(scan, " >"))
    return TEXT_BAD;
  if (scan_done(scan))
    return TEXT_INCOMPLETE;
  if (!scan_literal(scan, " ") || !scan_word(scan, dst))
    return TEXT_BAD;
  if (dst->size < 2 || dst->start[dst->size - 1] != ':')
    return scan_done(scan) ? TEXT_INCOMPLETE : TEXT_BAD;
  dst->size--;
  scan_spaces(scan);
  return TEXT_COMPLETE;
}

static bool looks_like_service(struct text_span service)
{
  uint32_t number;
  uint16_t port;
  return span_decimal(service, UINT16_MAX, &number) ||
         service_name_port(service.start, service.size, &port);
}

/* Splits both endpoints into host and port; leaves them alone if either has no port. */
static bool split_ports(struct text_fields *fields, bool must_be_known)
{
  struct text_span src, dst, src_port, dst_port;
  if (!text_names_split(fields->src, &src, &src_port) ||
      !text_names_split(fields->dst, &dst, &dst_port))
    return false;
  if (must_be_known && (!looks_like_service(src_port) || !looks_like_service(dst_port)))
    return false;
  fields->src = src;
  fields->dst = dst;
  fields->src_port = src_port;
  fields->dst_port = dst_port;
  return true;
}

/* The old style's flags: a dot or letters, then a number, "ack", "win", a bracket or tcpdump 3.9's
 * comma. */
static bool old_flags_follow(struct text_scan scan)
{
  struct text_span word;
  if (!scan_word(&scan, &word))
    return false;
  if (word.start[word.size - 1] == ',')
    word.size--;
  if (word.size == 0 || word.size > 6)
    return false;
  for (size_t i = 0; i < word.size; i++) {
    if (word.start[i] == '\0' || strchr("SFRPWE.U", word.start[i]) == NULL)
      return false;
  }
  scan_spaces(&scan);
  return scan_done(&scan) || scan_literal(&scan, "ack") || scan_literal(&scan, "win") ||
         scan_literal(&scan, "[") || scan_literal(&scan, "cksum") ||
         (*scan.at >= '0' && *scan.at <= '9');
}

/* "frag (0|1448) ", with -vv "frag (0x12345678:0|1448) ": the offset. */
static bool scan_fragment6(struct text_scan *scan, uint32_t *offset)
{
  struct text_scan probe = *scan;
  uint32_t id, bytes;
  if (!scan_literal(&probe, "frag ("))
    return false;
  if (scan_hex32(&probe, true, &id) && !scan_literal(&probe, ":"))
    return false;
  if (!scan_u32(&probe, offset) || !scan_literal(&probe, "|") || !scan_u32(&probe, &bytes) ||
      !scan_literal(&probe, ")"))
    return false;
  scan_spaces(&probe);
  *scan = probe;
  return true;
}

/* "DSTOPT (padn)(homeaddr: 2001:db8::1) " */
static bool scan_extension(struct text_scan *scan)
{
  static const char *const words[] = {"HBH ", "DSTOPT ", "RTALERT ", "srcrt ", "RT6 "};
  struct text_scan probe = *scan;
  for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
    if (!scan_literal(&probe, words[i]))
      continue;
    while (!scan_done(&probe) && *probe.at == '(' && scan_past(&probe, ')'))
      scan_spaces(&probe);
    *scan = probe;
    return true;
  }
  return false;
}

/* IPv6 extension headers stand between the addresses and the protocol. */
static void skip_extension_headers(struct text_scan *scan)
{
  uint32_t offset;
  while (scan_extension(scan) || scan_fragment6(scan, &offset))
    continue;
}

/* Behind extension headers TCP and UDP print only their ports: "50000 > 80: ". */
static void parse_bare_ports(struct text_scan *scan, struct text_fields *fields)
{
  struct text_scan probe = *scan;
  struct text_span src, dst;
  if (parse_endpoints(&probe, &src, &dst) != TEXT_COMPLETE || !looks_like_service(src) ||
      !looks_like_service(dst))
    return;
  fields->src_port = src;
  fields->dst_port = dst;
  fields->items++;
  *scan = probe;
}

static bool have_ports(struct text_fields *fields)
{
  return fields->src_port.size > 0 || split_ports(fields, false);
}

static enum text_status parse_tcp(struct text_scan *scan, struct text_fields *fields, bool *is_tcp)
{
  struct text_scan probe = *scan;
  *is_tcp = true;
  if (scan_literal(&probe, "Flags [")) {
    *scan = probe;
    return have_ports(fields) ? text_parse_tcp_flags(scan, fields) : TEXT_BAD;
  }
  if (old_flags_follow(*scan) && have_ports(fields)) {
    fields->items++;
    return text_parse_tcp_old(scan, fields);
  }
  if ((scan_literal(&probe, "tcp ") || scan_literal(&probe, "[|tcp]")) && have_ports(fields)) {
    scan_u32(&probe, &fields->payload_bytes);
    fields->protocol = TEXT_TCP_CUT;
    fields->items++;
    *scan = probe;
    text_parse_ip_tail(scan, fields);
    return TEXT_COMPLETE;
  }
  *is_tcp = false;
  return TEXT_COMPLETE;
}

/* "length 100", or DNS's and others' "(100)" at the end: the UDP payload's size. */
static void parse_udp_length(struct text_scan *scan, struct text_fields *fields)
{
  const char *found = scan_find(scan, "length");
  struct text_scan number = {found == NULL ? scan->end : found + strlen("length"), scan->end};
  if (found != NULL) {
    scan_literal(&number, ":");
    scan_spaces(&number);
  } else {
    while (number.at > scan->at && number.at[-1] != '(')
      number.at--;
  }
  if (scan_u32(&number, &fields->payload_bytes))
    fields->items++;
}

static enum text_status parse_udp(struct text_scan *scan, struct text_fields *fields)
{
  fields->protocol = TEXT_UDP;
  fields->items++;
  fields->guessed = scan_find(scan, "UDP,") != scan->at && scan_find(scan, "udp ") != scan->at;
  if (scan_literal(scan, "udp ")) {
    if (!scan_u32(scan, &fields->payload_bytes))
      return text_unexpected(scan);
    fields->items++;
  } else {
    if (scan_literal(scan, "UDP,") && scan_done(scan))
      return TEXT_INCOMPLETE;
    parse_udp_length(scan, fields);
  }
  text_parse_ip_tail(scan, fields);
  return TEXT_COMPLETE;
}

/* "[udp sum ok] ", "[bad udp cksum 0x1 -> 0x2!] ", "[no cksum] ", "[icmp6 sum ok] ", ... */
static void skip_checksum_note(struct text_scan *scan)
{
  static const char *const notes[] = {"[udp sum ok", "[bad udp cksum", "[no cksum", "[icmp6 sum ok",
                                      "[bad icmp6 cksum"};
  for (size_t i = 0; i < sizeof notes / sizeof notes[0]; i++) {
    struct text_scan probe = *scan;
    if (scan_literal(&probe, notes[i]) && scan_past(&probe, ']')) {
      scan_spaces(&probe);
      *scan = probe;
      return;
    }
  }
}

/* A packet within: "IP a.1 > b.2: ...", "GREv0, ...: IP ...", "VXLAN, ... IP ...". */
static bool find_inner(struct text_scan *scan)
{
  static const char *const carriers[] = {"GREv", "VXLAN, ", "Geneve, ", "MPLS ", "gre "};
  struct text_scan probe = *scan;
  if (scan_literal(&probe, "IP ") || scan_literal(&probe, "IP6 "))
    return true;
  for (size_t i = 0; i < sizeof carriers / sizeof carriers[0]; i++) {
    probe = *scan;
    if (!scan_literal(&probe, carriers[i]))
      continue;
    const char *inner = scan_find(&probe, " IP ");
    if (inner == NULL)
      inner = scan_find(&probe, " IP6 ");
    if (inner == NULL)
      return false;
    scan->at = inner + 1;
    return true;
  }
  return false;
}

static enum text_status parse_inner(struct text_scan *scan, struct text_fields *fields,
                                    unsigned depth)
{
  struct text_fields inner = {.time = fields->time,
                              .interface = fields->interface,
                              .direction = fields->direction,
                              .items = fields->items + 1};
  enum text_status status = parse_network(scan, &inner, depth + 1);
  if (status == TEXT_BAD) { /* then at least the outer packet is known */
    fields->protocol = TEXT_IP_OTHER;
    return TEXT_COMPLETE;
  }
  *fields = inner;
  return status;
}

static bool is_later_fragment(struct text_scan scan, const struct text_fields *fields)
{
  uint32_t offset;
  if (fields->ip.fragment_offset_bytes > 0)
    return true;
  if (scan_fragment6(&scan, &offset))
    return offset > 0;
  const char *frag = scan_find(&scan, "(frag ");
  return frag != NULL && scan_find(&scan, "@0") == NULL;
}

/* "ip-proto-6", "tcp", "(frag 1:1480@2960+)", IPv6's "frag (1448|600)" */
static enum text_status parse_fragment(struct text_scan *scan, struct text_fields *fields)
{
  uint64_t value;
  fields->protocol = TEXT_FRAGMENT;
  scan_fragment6(scan, &fields->ip.fragment_offset_bytes);
  struct text_scan probe = *scan;
  if (scan_literal(&probe, "ip-proto-") && scan_decimal(&probe, 255, &value))
    fields->ip.protocol = (uint8_t)value;
  else if (scan_keyword(scan, "tcp"))
    fields->ip.protocol = 6;
  else if (scan_keyword(scan, "udp"))
    fields->ip.protocol = 17;
  fields->items++;
  text_parse_ip_tail(scan, fields);
  return TEXT_COMPLETE;
}

static enum text_status parse_protocol(struct text_scan *scan, struct text_fields *fields,
                                       unsigned depth)
{
  bool is_tcp;
  if (scan_done(scan))
    return TEXT_INCOMPLETE;
  if (is_later_fragment(*scan, fields))
    return parse_fragment(scan, fields);
  skip_extension_headers(scan);
  parse_bare_ports(scan, fields);
  skip_checksum_note(scan);
  enum text_status status = parse_tcp(scan, fields, &is_tcp);
  if (is_tcp)
    return status;
  if (scan_literal(scan, "ICMP ") || scan_literal(scan, "icmp: "))
    return text_parse_icmp(scan, fields);
  if (scan_literal(scan, "ICMP6, ") || scan_literal(scan, "icmp6: "))
    return text_parse_icmp6(scan, fields);
  if (find_inner(scan))
    return parse_inner(scan, fields, depth); /* NOLINT(misc-no-recursion) bounded by depth */
  struct text_scan probe = *scan;
  bool udp = scan_literal(&probe, "UDP,") || scan_literal(&probe, "udp ");
  if (fields->src_port.size > 0 || split_ports(fields, !udp))
    return parse_udp(scan, fields);
  fields->protocol = TEXT_IP_OTHER;
  fields->guessed = true;
  fields->items++;
  text_parse_ip_tail(scan, fields);
  return TEXT_COMPLETE;
}

static bool parse_label(struct text_scan *scan, struct text_fields *fields)
{
  struct text_scan probe = *scan;
  if (scan_literal(&probe, "ARP, ") || scan_literal(&probe, "arp ")) {
    fields->protocol = TEXT_ARP;
  } else if (scan_literal(&probe, "IP6 ")) {
    fields->ip_version = 6;
  } else if (scan_literal(&probe, "IP ")) {
    fields->ip_version = 4;
  } else {
    return false;
  }
  fields->items++;
  *scan = probe;
  return true;
}

static enum text_status parse_network(struct text_scan *scan,
                                      struct text_fields *fields, /* NOLINT(misc-no-recursion) */
                                      unsigned depth)
{
  if (depth > TUNNEL_DEPTH_MAX)
    return TEXT_BAD;
  if (scan_done(scan))
    return TEXT_INCOMPLETE;
  parse_label(scan, fields);
  if (fields->protocol == TEXT_ARP)
    return text_parse_arp(scan, fields);
  enum text_status status = skip_complaints(scan);
  if (status == TEXT_COMPLETE)
    status = text_parse_ip_verbose(scan, fields);
  if (status == TEXT_COMPLETE)
    status = skip_complaints(scan);
  if (status == TEXT_COMPLETE)
    status = parse_endpoints(scan, &fields->src, &fields->dst);
  if (status != TEXT_COMPLETE)
    return status;
  fields->items++;
  return parse_protocol(scan, fields, depth);
}

enum text_status text_parse(const char *text, size_t size, struct text_fields *fields)
{
  struct text_scan scan = {text, text + size};
  memset(fields, 0, sizeof *fields);
  fields->protocol = TEXT_IP_OTHER;
  text_parse_time(&scan, &fields->time);
  enum text_status status = text_parse_link(&scan, fields);
  return status == TEXT_COMPLETE ? parse_network(&scan, fields, 0) : status;
}
