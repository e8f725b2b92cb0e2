/* ICMP, ICMPv6 and ARP lines. What an ICMP error quotes is kept as far as it is printed. */
#include "wire/tcpdump_text_fields.h"

#include <string.h>

#define IPPROTO_TCP_NUMBER 6
#define IPPROTO_UDP_NUMBER 17

/* A word without the comma or colon behind it. */
static bool scan_name(struct text_scan *scan, struct text_span *name)
{
  if (!scan_word(scan, name))
    return false;
  while (name->size > 1 && name->start[name->size - 1] == ',') {
    name->size--;
    scan->at--;
  }
  return true;
}

/* ", length 64" anywhere behind the cursor */
static void find_length(const struct text_scan *scan, struct text_fields *fields)
{
  const char *found = scan_find(scan, "length ");
  if (found == NULL)
    return;
  struct text_scan number = {found + strlen("length "), scan->end};
  uint32_t value;
  if (scan_u32(&number, &value)) {
    fields->payload_bytes = value;
    fields->items++;
  }
}

/* "id 1, seq 2" */
static void parse_echo(struct text_scan *scan, struct text_icmp *icmp)
{
  uint64_t id, sequence;
  struct text_scan probe = *scan;
  icmp->has_echo = true;
  if (!scan_literal(&probe, ", id ") || !scan_decimal(&probe, UINT16_MAX, &id) ||
      !scan_literal(&probe, ", seq ") || !scan_decimal(&probe, UINT16_MAX, &sequence))
    return;
  icmp->id = (uint16_t)id;
  icmp->sequence = (uint16_t)sequence;
  *scan = probe;
}

/* "HOST tcp port 443 unreachable" */
static void parse_port_unreachable(struct text_scan *scan, struct text_icmp *icmp)
{
  struct text_scan probe = *scan;
  icmp->code = 3;
  if (!scan_name(&probe, &icmp->quoted_dst) || !scan_literal(&probe, " "))
    return;
  icmp->quotes = true;
  if (scan_literal(&probe, "tcp port "))
    icmp->quoted_protocol = IPPROTO_TCP_NUMBER;
  else if (scan_literal(&probe, "udp port "))
    icmp->quoted_protocol = IPPROTO_UDP_NUMBER;
  else
    return;
  scan_name(&probe, &icmp->quoted_dst_port);
}

static const struct {
  const char *phrase;
  uint8_t code;
} unreachable_reasons[] = {
    {"need to frag", 4},      {"source route failed", 5}, {"admin prohibited filter", 13},
    {"admin prohibited", 10}, {"precedence cutoff", 15},  {"precedence violation", 14},
    {"tos prohibited", 12},   {"host isolated", 8},       {"- unknown", 7}};

/* Destination unreachable, whose phrase begins with the host: "HOST unreachable - need to frag (mtu
 * 1400)". */
static void parse_unreachable(struct text_scan *scan, struct text_icmp *icmp)
{
  struct text_scan probe = *scan;
  icmp->type = 3;
  if (scan_find(&probe, " port ") != NULL) {
    parse_port_unreachable(scan, icmp);
    return;
  }
  if (scan_literal(&probe, "net "))
    icmp->code = 0;
  else
    icmp->code = 1;
  scan_literal(&probe, "host ");
  icmp->quotes = scan_name(&probe, &icmp->quoted_dst);
  if (scan_find(&probe, " protocol ") == probe.at)
    icmp->code = 2;
  for (size_t i = 0; i < sizeof unreachable_reasons / sizeof unreachable_reasons[0]; i++) {
    if (scan_find(&probe, unreachable_reasons[i].phrase) != NULL) {
      icmp->code = unreachable_reasons[i].code;
      break;
    }
  }
  const char *mtu = scan_find(&probe, "(mtu ");
  if (mtu != NULL) {
    probe.at = mtu + strlen("(mtu ");
    scan_u32(&probe, &icmp->mtu);
  }
}

/* -v prints the quoted packet behind the error: "IP (tos ...) a.1 > b.2: Flags [.], seq 5:..." */
static void parse_quoted_packet(struct text_scan *scan, struct text_fields *fields)
{
  struct text_icmp *icmp = &fields->icmp;
  const char *begin = scan_find(scan, " IP (");
  if (begin == NULL)
    begin = scan_find(scan, " IP6 (");
  if (begin == NULL)
    return;
  struct text_scan probe = {begin + 1, scan->end};
  struct text_fields inner = {0};
  struct text_span src, dst;
  scan_past(&probe, '(');
  probe.at--;
  fields->items++;
  if (text_parse_ip_verbose(&probe, &inner) != TEXT_COMPLETE || !scan_word(&probe, &src) ||
      !scan_literal(&probe, " > ") || !scan_word(&probe, &dst) || dst.size < 2 ||
      dst.start[dst.size - 1] != ':')
    return;
  dst.size--;
  fields->items++;
  icmp->quotes = true;
  icmp->quoted_protocol = inner.ip.protocol;
  icmp->quoted_src = src;
  icmp->quoted_dst = dst;
  /* empty spans at the ports' places say that the whole endpoints are here */
  icmp->quoted_src_port = icmp->quoted_dst_port = (struct text_span){dst.start, 0};
  if (scan_literal(&probe, " Flags [") && text_parse_tcp_flags(&probe, &inner) != TEXT_BAD &&
      inner.tcp.has_seq) {
    fields->tcp.seq = inner.tcp.seq;
    fields->tcp.has_seq = true;
  }
}

enum text_status text_parse_icmp(struct text_scan *scan, struct text_fields *fields)
{
  static const struct {
    const char *phrase;
    uint8_t type, code;
  } phrases[] = {{"echo request", 8, 0},
                 {"echo reply", 0, 0},
                 {"source quench", 4, 0},
                 {"time exceeded in-transit", 11, 0},
                 {"ip reassembly time exceeded", 11, 1},
                 {"router advertisement", 9, 0},
                 {"router solicitation", 10, 0},
                 {"parameter problem", 12, 0},
                 {"time stamp query", 13, 0},
                 {"time stamp reply", 14, 0},
                 {"redirect", 5, 1}};
  struct text_icmp *icmp = &fields->icmp;
  fields->protocol = TEXT_ICMP;
  if (scan_done(scan))
    return TEXT_INCOMPLETE;
  bool known = false;
  for (size_t i = 0; i < sizeof phrases / sizeof phrases[0] && !known; i++) {
    if (scan_literal(scan, phrases[i].phrase)) {
      icmp->type = phrases[i].type;
      icmp->code = phrases[i].code;
      known = true;
    }
  }
  uint64_t type;
  if (known && (icmp->type == 8 || icmp->type == 0)) {
    parse_echo(scan, icmp);
  } else if (!known && scan_literal(scan, "type-#") && scan_decimal(scan, 255, &type)) {
    icmp->type = (uint8_t)type;
  } else if (!known) {
    if (scan_find(scan, "unreachable") == NULL)
      return scan_find(scan, " ") == NULL ? TEXT_INCOMPLETE : TEXT_BAD;
    parse_unreachable(scan, icmp);
  }
  fields->items++;
  find_length(scan, fields);
  parse_quoted_packet(scan, fields);
  text_parse_ip_tail(scan, fields);
  return TEXT_COMPLETE;
}

/* "neighbor solicitation, who has ADDR", "neighbor advertisement, tgt is ADDR" */
static void parse_target(struct text_scan *scan, const char *words, struct text_icmp *icmp)
{
  const char *found = scan_find(scan, words);
  if (found == NULL)
    return;
  struct text_scan probe = {found + strlen(words), scan->end};
  scan_name(&probe, &icmp->target);
}

static void parse_icmp6_details(struct text_scan *scan, struct text_icmp *icmp)
{
  switch (icmp->type) {
  case 1:
    if (scan_find(scan, " port ") != NULL) {
      scan_past(scan, ',');
      scan_spaces(scan);
      parse_port_unreachable(scan, icmp);
      icmp->code = 4;
    }
    break;
  case 2:
    if (scan_literal(scan, ", mtu "))
      scan_u32(scan, &icmp->mtu);
    break;
  case 128:
  case 129: parse_echo(scan, icmp); break;
  case 135: parse_target(scan, "who has ", icmp); break;
  case 136: parse_target(scan, "tgt is ", icmp); break;
  default: break;
  }
}

enum text_status text_parse_icmp6(struct text_scan *scan, struct text_fields *fields)
{
  static const struct {
    const char *phrase;
    uint8_t type;
  } phrases[] = {{"destination unreachable", 1},
                 {"packet too big", 2},
                 {"time exceeded", 3},
                 {"parameter problem", 4},
                 {"echo request", 128},
                 {"echo reply", 129},
                 {"multicast listener query", 130},
                 {"multicast listener report", 131},
                 {"multicast listener done", 132},
                 {"router solicitation", 133},
                 {"router advertisement", 134},
                 {"neighbor solicitation", 135},
                 {"neighbor advertisement", 136},
                 {"redirect", 137}};
  struct text_icmp *icmp = &fields->icmp;
  fields->protocol = TEXT_ICMP6;
  if (fields->ip_version == 0)
    fields->ip_version = 6;
  if (scan_done(scan))
    return TEXT_INCOMPLETE;
  bool known = false;
  for (size_t i = 0; i < sizeof phrases / sizeof phrases[0] && !known; i++) {
    if (scan_literal(scan, phrases[i].phrase)) {
      icmp->type = phrases[i].type;
      known = true;
    }
  }
  if (!known && scan_find(scan, " ") == NULL)
    return TEXT_INCOMPLETE;
  /* a word cut off: "neighbor solici" at the end of the line matches nothing, and "unknown" stays
   * unknown */
  if (!known)
    icmp->type = 200; /* private experimentation, RFC 4443, 2.1 */
  fields->items++;
  find_length(scan, fields);
  parse_icmp6_details(scan, icmp);
  if (icmp->target.size > 0 || icmp->mtu > 0 || icmp->has_echo)
    fields->items++;
  parse_quoted_packet(scan, fields);
  text_parse_ip_tail(scan, fields);
  return TEXT_COMPLETE;
}

/* "(aa:bb:...)" or "(oui Unknown)" behind an address */
static void skip_group(struct text_scan *scan)
{
  struct text_scan probe = *scan;
  if (scan_literal(&probe, " (") && scan_past(&probe, ')'))
    *scan = probe;
}

static enum text_status parse_arp_request(struct text_scan *scan, struct text_fields *fields)
{
  fields->icmp.type = 1;
  if (!scan_name(scan, &fields->icmp.target))
    return TEXT_INCOMPLETE;
  skip_group(scan);
  if (!scan_literal(scan, " tell ") || !scan_name(scan, &fields->src))
    return text_unexpected(scan);
  return TEXT_COMPLETE;
}

static enum text_status parse_arp_reply(struct text_scan *scan, struct text_fields *fields)
{
  fields->icmp.type = 2;
  if (!scan_name(scan, &fields->src))
    return TEXT_INCOMPLETE;
  if (!scan_literal(scan, " is-at "))
    return text_unexpected(scan);
  fields->has_arp_mac = scan_mac(scan, fields->arp_mac);
  return fields->has_arp_mac ? TEXT_COMPLETE : text_unexpected(scan);
}

/* Behind "ARP, " or "arp ". */
enum text_status text_parse_arp(struct text_scan *scan, struct text_fields *fields)
{
  fields->protocol = TEXT_ARP;
  fields->ip_version = 4;
  struct text_scan probe = *scan;
  if (scan_literal(&probe, "Ethernet (len ") && scan_literal(&probe, "6), IPv4 (len 4), "))
    *scan = probe;
  scan_literal(scan, "Request ");
  enum text_status status;
  if (scan_literal(scan, "who-has "))
    status = parse_arp_request(scan, fields);
  else if (scan_literal(scan, "Reply ") || scan_literal(scan, "reply "))
    status = parse_arp_reply(scan, fields);
  else
    return text_unexpected(scan);
  if (status == TEXT_COMPLETE)
    fields->items++;
  return status;
}
