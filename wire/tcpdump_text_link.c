/* The beginning of a line: number, time, interface, link header, and -v's IP header in parentheses.
 */
#include "wire/tcpdump_text_fields.h"
#include "wire/timestamp.h"

#include <ctype.h>
#include <string.h>

#define ETHERTYPE_IPV4 0x0800u
#define ETHERTYPE_ARP  0x0806u
#define ETHERTYPE_VLAN 0x8100u
#define ETHERTYPE_IPV6 0x86ddu

enum text_status text_unexpected(struct text_scan *scan)
{
  for (const char *at = scan->at; at < scan->end; at++) {
    if (*at == ' ')
      return TEXT_BAD;
  }
  return TEXT_INCOMPLETE;
}

/* ".123456" into nanoseconds; digits beyond the ninth are dropped. */
static bool scan_fraction(struct text_scan *scan, int64_t *ns)
{
  if (!scan_literal(scan, "."))
    return false;
  int64_t unit = NS_PER_S;
  bool any = false;
  *ns = 0;
  while (!scan_done(scan) && isdigit((unsigned char)*scan->at)) {
    unit /= 10;
    *ns += unit * (*scan->at - '0');
    scan->at++;
    any = true;
  }
  return any;
}

/* HH:MM:SS, with or without a fraction. */
static bool scan_clock(struct text_scan *scan, int64_t *ns)
{
  struct text_scan probe = *scan;
  uint32_t hour, minute, second;
  int64_t fraction = 0;
  if (!scan_fixed_decimal(&probe, 2, &hour) || !scan_literal(&probe, ":") ||
      !scan_fixed_decimal(&probe, 2, &minute) || !scan_literal(&probe, ":") ||
      !scan_fixed_decimal(&probe, 2, &second) || hour > 23 || minute > 59 || second > 60)
    return false;
  if (!scan_done(&probe) && *probe.at == '.' && !scan_fraction(&probe, &fraction))
    return false;
  *ns = (int64_t)(hour * 3600 + minute * 60 + second) * NS_PER_S + fraction;
  *scan = probe;
  return true;
}

/* Days since 1970-01-01 in the Gregorian calendar: whole years, their leap days, then this year's
 * days. */
static int64_t days_since_1970(uint32_t year, uint32_t month, uint32_t day)
{
  static const uint16_t before_month[12] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
  bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  int64_t past = (int64_t)year - 1;
  int64_t leap_days = past / 4 - past / 100 + past / 400 - (1969 / 4 - 1969 / 100 + 1969 / 400);
  return ((int64_t)year - 1970) * 365 + leap_days + before_month[month - 1] +
         (leap && month > 2 ? 1 : 0) + (int64_t)day - 1;
}

/* YYYY-MM-DD, or the older MM/DD/YYYY. */
static bool scan_date(struct text_scan *scan, int64_t *days)
{
  struct text_scan probe = *scan;
  uint32_t year, month, day;
  bool iso = scan_fixed_decimal(&probe, 4, &year) && scan_literal(&probe, "-") &&
             scan_fixed_decimal(&probe, 2, &month) && scan_literal(&probe, "-") &&
             scan_fixed_decimal(&probe, 2, &day);
  if (!iso) {
    probe = *scan;
    if (!scan_fixed_decimal(&probe, 2, &month) || !scan_literal(&probe, "/") ||
        !scan_fixed_decimal(&probe, 2, &day) || !scan_literal(&probe, "/") ||
        !scan_fixed_decimal(&probe, 4, &year))
      return false;
  }
  if (year < 1970 || year > 2200 || month < 1 || month > 12 || day < 1 || day > 31)
    return false;
  *days = days_since_1970(year, month, day);
  *scan = probe;
  return true;
}

static bool scan_dated(struct text_scan *scan, struct text_time *time)
{
  struct text_scan probe = *scan;
  int64_t days, clock;
  if (!scan_date(&probe, &days) || !(scan_literal(&probe, " ") || scan_literal(&probe, "T")) ||
      !scan_clock(&probe, &clock))
    return false;
  *time = (struct text_time){TEXT_TIME_DATED, days * 86400 * NS_PER_S + clock};
  *scan = probe;
  return true;
}

static bool scan_epoch(struct text_scan *scan, struct text_time *time)
{
  struct text_scan probe = *scan;
  uint64_t seconds;
  int64_t fraction;
  const uint64_t latest_s = 7258118400; /* 2200-01-01: well inside 64 bits of nanoseconds */
  if (!scan_decimal(&probe, latest_s, &seconds) || !scan_fraction(&probe, &fraction))
    return false;
  *time = (struct text_time){TEXT_TIME_EPOCH, (int64_t)seconds * NS_PER_S + fraction};
  *scan = probe;
  return true;
}

/* "000123" microseconds, or "1. 000123" seconds and microseconds. */
static bool scan_old_delta(struct text_scan *scan, struct text_time *time)
{
  struct text_scan probe = *scan;
  uint32_t seconds = 0, us;
  if (scan_u32(&probe, &seconds) && scan_literal(&probe, ". ")) {
    if (!scan_fixed_decimal(&probe, 6, &us))
      return false;
  } else {
    seconds = 0;
    probe = *scan;
    if (!scan_fixed_decimal(&probe, 6, &us))
      return false;
  }
  *time = (struct text_time){TEXT_TIME_OLD_DELTA, (int64_t)seconds * NS_PER_S + us * NS_PER_US};
  *scan = probe;
  return true;
}

static bool scan_day_time(struct text_scan *scan, struct text_time *time)
{
  struct text_scan probe = *scan;
  bool negative = scan_literal(&probe, "-");
  int64_t ns;
  if (!scan_clock(&probe, &ns))
    return false;
  *time = (struct text_time){TEXT_TIME_OF_DAY, negative ? -ns : ns};
  *scan = probe;
  return true;
}

static bool scan_any_time(struct text_scan *scan, struct text_time *time)
{
  struct text_scan probe = *scan;
  if (!scan_dated(&probe, time) && !scan_day_time(&probe, time) && !scan_epoch(&probe, time) &&
      !scan_old_delta(&probe, time))
    return false;
  if (!scan_done(&probe) && *probe.at != ' ')
    return false;
  scan_spaces(&probe);
  *scan = probe;
  return true;
}

bool text_parse_time(struct text_scan *scan, struct text_time *time)
{
  if (scan_literal(scan, "[Error converting time] ")) { /* tcpdump gave up; the packet is good */
    *time = (struct text_time){TEXT_TIME_NONE, 0};
    return true;
  }
  if (scan_any_time(scan, time))
    return true;
  /* --number prints the packet's number first. */
  struct text_scan probe = *scan;
  uint32_t number;
  if (scan_u32(&probe, &number) && scan_literal(&probe, " ")) {
    scan_spaces(&probe);
    if (scan_any_time(&probe, time)) {
      *scan = probe;
      return true;
    }
  }
  *time = (struct text_time){TEXT_TIME_NONE, 0};
  return false;
}

/* "host.port > host.port:" of the old style without time. */
static bool looks_like_endpoints(struct text_scan scan)
{
  struct text_span src, dst;
  return scan_word(&scan, &src) && scan_literal(&scan, " > ") && scan_word(&scan, &dst) &&
         dst.size > 1 && dst.start[dst.size - 1] == ':';
}

/* "lo    Out IP ...": -i any without time. */
static bool looks_like_cooked(struct text_scan scan)
{
  static const char *const directions[] = {"In ", "Out ", "B ", "M ", "P "};
  struct text_span interface;
  bool found = false;
  if (!scan_word(&scan, &interface))
    return false;
  scan_spaces(&scan);
  for (size_t i = 0; i < sizeof directions / sizeof directions[0]; i++)
    found = found || scan_literal(&scan, directions[i]);
  scan_spaces(&scan);
  return found && (scan_literal(&scan, "IP ") || scan_literal(&scan, "IP6 ") ||
                   scan_literal(&scan, "ARP, ") || scan_literal(&scan, "ifindex "));
}

enum text_start text_starts_packet(struct text_span line)
{
  struct text_scan scan = {line.start, line.start + line.size};
  struct text_time time;
  if (text_parse_time(&scan, &time)) {
    if (scan_done(&scan))
      return TEXT_START_NONE;
    /* Six digits alone are no time: they need a packet behind them. */
    if (time.kind != TEXT_TIME_OLD_DELTA || looks_like_endpoints(scan) || scan_literal(&scan, "IP"))
      return TEXT_START_TIMED;
    return TEXT_START_NONE;
  }
  static const char *const labels[] = {"IP ", "IP6 ", "ARP, ", "arp who-has ", "arp reply "};
  for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++) {
    if (scan_literal(&scan, labels[i]))
      return TEXT_START_UNTIMED;
  }
  uint8_t mac[6];
  if (scan_mac(&scan, mac) && scan_literal(&scan, " "))
    return TEXT_START_UNTIMED;
  scan.at = line.start;
  bool starts = looks_like_endpoints(scan) || looks_like_cooked(scan);
  return starts ? TEXT_START_UNTIMED : TEXT_START_NONE;
}

/* In, Out, and the packet types that are neither: multicast, broadcast, promiscuous. */
static bool scan_direction(struct text_scan *scan, uint8_t *direction)
{
  static const struct {
    const char *word;
    uint8_t direction;
  } words[] = {{"In ", PACKET_DIR_IN}, {"Out ", PACKET_DIR_OUT}, {"B ", PACKET_DIR_IN},
               {"M ", PACKET_DIR_IN},  {"P ", PACKET_DIR_IN},    {"? ", PACKET_DIR_UNKNOWN}};
  for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
    if (scan_literal(scan, words[i].word)) {
      *direction = words[i].direction;
      return true;
    }
  }
  return false;
}

static void parse_interface(struct text_scan *scan, struct text_fields *fields)
{
  struct text_scan probe = *scan;
  struct text_span word;
  uint32_t ifindex;
  if (scan_word(&probe, &word) && scan_literal(&probe, " ") &&
      scan_direction(&probe, &fields->direction)) {
    fields->interface = word;
    fields->items++;
    *scan = probe;
  } else if (scan_direction(scan, &fields->direction)) {
    fields->items++;
  }
  probe = *scan;
  if (scan_literal(&probe, "ifindex ") && scan_u32(&probe, &ifindex) && scan_literal(&probe, " "))
    *scan = probe;
}

/* A link address, with the vendor that -e adds without -n: "(oui Unknown)". */
static bool scan_station(struct text_scan *scan, uint8_t mac[6])
{
  if (scan_literal(scan, "Broadcast"))
    memset(mac, 0xff, 6);
  else if (!scan_mac(scan, mac))
    return false;
  struct text_scan probe = *scan;
  if (scan_literal(&probe, " (oui ") && scan_past(&probe, ')'))
    *scan = probe;
  return true;
}

/* "ethertype IPv4 (0x0800), ", or with -q only "IPv4, ". */
static bool scan_ethertype(struct text_scan *scan, uint32_t *ethertype)
{
  static const struct {
    const char *name;
    uint32_t ethertype;
  } names[] = {{"IPv4, ", ETHERTYPE_IPV4}, {"IPv6, ", ETHERTYPE_IPV6}, {"ARP, ", ETHERTYPE_ARP}};
  struct text_scan probe = *scan;
  bool labelled = scan_literal(&probe, "ethertype ");
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    if (scan_literal(&probe, names[i].name)) {
      *ethertype = names[i].ethertype;
      *scan = probe;
      return true;
    }
  }
  if (!labelled || !scan_past(&probe, '(') || !scan_hex32(&probe, true, ethertype) ||
      !scan_literal(&probe, "), "))
    return false;
  *scan = probe;
  return true;
}

static void note_ethertype(struct text_fields *fields, uint32_t ethertype)
{
  if (ethertype == ETHERTYPE_IPV4)
    fields->ip_version = 4;
  else if (ethertype == ETHERTYPE_IPV6)
    fields->ip_version = 6;
  else if (ethertype == ETHERTYPE_ARP)
    fields->protocol = TEXT_ARP;
}

/* "vlan 5, p 0, DEI, " behind an 802.1Q type; the innermost one is kept. */
static bool parse_vlan(struct text_scan *scan, struct text_fields *fields)
{
  uint32_t id, priority = 0;
  struct text_scan probe = *scan;
  if (!scan_literal(&probe, "vlan ") || !scan_u32(&probe, &id) || id > 4095)
    return false;
  if (scan_literal(&probe, ", p ") && (!scan_u32(&probe, &priority) || priority > 7))
    return false;
  bool dei = scan_literal(&probe, ", DEI");
  if (!scan_literal(&probe, ", "))
    return false;
  fields->has_vlan = true;
  fields->vlan_tci = (uint16_t)(priority << 13 | (dei ? 0x1000u : 0u) | id);
  *scan = probe;
  return true;
}

/* A detail that the end of the line has cut. */
static bool cut_detail(struct text_scan scan)
{
  const unsigned words_max = 4; /* "ethertype 802.1Q (0x8100), length" */
  if (!scan_literal(&scan, "ethertype ") && !scan_literal(&scan, "length ") &&
      !scan_literal(&scan, "vlan ") && !scan_literal(&scan, "p "))
    return false;
  unsigned words = 0;
  struct text_span word;
  while (scan_word(&scan, &word)) {
    scan_spaces(&scan);
    words++;
  }
  return words <= words_max;
}

/* What stands between the link addresses and the network layer, in any order. */
static void parse_link_details(struct text_scan *scan, struct text_fields *fields)
{
  for (;;) {
    uint32_t ethertype, length;
    struct text_scan probe = *scan;
    bool known = parse_vlan(&probe, fields);
    if (!known && scan_ethertype(&probe, &ethertype)) {
      note_ethertype(fields, ethertype);
      known = true;
    }
    if (!known && scan_literal(&probe, "length ") && scan_u32(&probe, &length) &&
        scan_literal(&probe, ": ")) {
      fields->link_bytes = length;
      known = true;
    }
    if (!known)
      return;
    fields->items++;
    *scan = probe;
  }
}

/* tcpdump 3.x: "MAC MAC ip 74: ", the type as a name or as four hexadecimal digits. */
static bool parse_old_ether(struct text_scan *scan, struct text_fields *fields)
{
  struct text_scan probe = *scan;
  struct text_span type;
  uint32_t length;
  uint8_t src[6], dst[6];
  if (!scan_station(&probe, src) || !scan_literal(&probe, " ") || !scan_station(&probe, dst) ||
      !scan_literal(&probe, " "))
    return false;
  if (!scan_word(&probe, &type) || !scan_literal(&probe, " ") || !scan_u32(&probe, &length) ||
      !scan_literal(&probe, ": "))
    return false;
  if (span_equals(type, "ip") || span_equals(type, "0800"))
    fields->ip_version = 4;
  else if (span_equals(type, "ip6") || span_equals(type, "86dd"))
    fields->ip_version = 6;
  memcpy(fields->ether_src, src, sizeof src);
  memcpy(fields->ether_dst, dst, sizeof dst);
  fields->has_ether = true;
  fields->link_bytes = length;
  fields->items++;
  *scan = probe;
  return true;
}

static void parse_ether(struct text_scan *scan, struct text_fields *fields)
{
  if (parse_old_ether(scan, fields))
    return;
  struct text_scan probe = *scan;
  uint8_t mac[6];
  if (!scan_station(&probe, mac))
    return;
  if (scan_literal(&probe, " > ")) {
    memcpy(fields->ether_src, mac, sizeof mac);
    if (!scan_station(&probe, fields->ether_dst) || !scan_literal(&probe, ", "))
      return;
    fields->has_ether = true;
  } else if (!scan_literal(&probe, " ")) {
    return; /* cooked: one address, which no Ethernet header could be made of */
  }
  fields->items++;
  *scan = probe;
  parse_link_details(scan, fields);
}

/* "MPLS (label 16106, tc 0, [S], ttl 44) " */
static void skip_mpls(struct text_scan *scan)
{
  struct text_scan probe = *scan;
  if (!scan_literal(&probe, "MPLS "))
    return;
  while (scan_literal(&probe, "(label ") && scan_past(&probe, ')'))
    scan_spaces(&probe);
  *scan = probe;
}

enum text_status text_parse_link(struct text_scan *scan, struct text_fields *fields)
{
  parse_interface(scan, fields);
  parse_ether(scan, fields);
  skip_mpls(scan);
  if (scan_literal(scan, "ip: ") || scan_literal(scan, "802.1Q "))
    fields->items++;
  struct text_scan probe = *scan;
  if (scan_literal(&probe, "AF ") && scan_past(&probe, ':') && scan_literal(&probe, " "))
    *scan = probe;
  probe = *scan;
  if (scan_literal(&probe, "PPPoE [ses ") && scan_past(&probe, ']') && scan_literal(&probe, " ")) {
    *scan = probe;
    if (scan_literal(&probe, "IP (0x0021)") && scan_past(&probe, ':') && scan_literal(&probe, " "))
      *scan = probe;
  }
  return scan_done(scan) || cut_detail(*scan) ? TEXT_INCOMPLETE : TEXT_COMPLETE;
}

static void verbose_flags(struct text_scan *item, struct text_ip *ip)
{
  if (scan_find(item, "DF") != NULL)
    ip->facts |= TEXT_IP_DF;
  if (scan_find(item, "+") != NULL)
    ip->facts |= TEXT_IP_MF;
}

static void verbose_protocol(struct text_scan *item, struct text_ip *ip)
{
  uint64_t value;
  if (scan_past(item, '(') && scan_decimal(item, 255, &value))
    ip->protocol = (uint8_t)value;
}

static bool verbose_number(struct text_scan *item, const char *name, uint64_t max, uint64_t *value)
{
  if (!scan_literal(item, name))
    return false;
  scan_literal(item, ":");
  scan_spaces(item);
  return scan_decimal(item, max, value);
}

/* One item of "(tos 0x0, ttl 64, id 1, offset 0, flags [DF], proto TCP (6), length 60)", or of
 * IPv6's
 * "(class 0x02, flowlabel 0x12345, hlim 64, next-header TCP (6), payload length: 40)". */
static void verbose_item(struct text_scan item, struct text_ip *ip)
{
  uint64_t value;
  uint32_t hex;
  if (verbose_number(&item, "ttl", 255, &value) || verbose_number(&item, "hlim", 255, &value)) {
    ip->ttl = (uint8_t)value;
    ip->facts |= TEXT_IP_TTL;
  } else if (verbose_number(&item, "id", UINT16_MAX, &value)) {
    ip->id = (uint16_t)value;
    ip->facts |= TEXT_IP_ID;
  } else if (verbose_number(&item, "offset", UINT16_MAX, &value)) {
    ip->fragment_offset_bytes = (uint32_t)value;
  } else if (verbose_number(&item, "length", UINT32_MAX, &value) ||
             verbose_number(&item, "payload length", UINT32_MAX, &value) ||
             verbose_number(&item, "len", UINT32_MAX, &value)) {
    ip->length_bytes = (uint32_t)value;
    ip->facts |= TEXT_IP_LENGTH;
    if (scan_find(&item, "was 0") != NULL)
      ip->facts |= TEXT_IP_ZERO_LENGTH;
  } else if ((scan_literal(&item, "tos ") || scan_literal(&item, "class ")) &&
             scan_hex32(&item, true, &hex) && hex <= 255) {
    ip->tos = (uint8_t)hex;
  } else if (scan_literal(&item, "flowlabel ") && scan_hex32(&item, true, &hex)) {
    ip->flow_label = hex & 0xfffff;
  } else if (scan_literal(&item, "flags [")) {
    verbose_flags(&item, ip);
  } else if (scan_literal(&item, "proto") || scan_literal(&item, "next-header")) {
    verbose_protocol(&item, ip);
    /* tcpdump 4.99 forgot the comma behind the next header */
    const char *length = scan_find(&item, "payload length");
    if (length != NULL)
      verbose_item((struct text_scan){length, item.end}, ip); /* NOLINT(misc-no-recursion) once */
  }
}

/* The end of the group that begins before `scan`; NULL if it does not end here. */
static const char *group_end(const struct text_scan *scan)
{
  unsigned depth = 1;
  for (const char *at = scan->at; at < scan->end; at++) {
    if (*at == '(' || *at == '[' || *at == '{')
      depth++;
    else if ((*at == ')' || *at == ']' || *at == '}') && --depth == 0)
      return at;
  }
  return NULL;
}

enum text_status text_parse_ip_verbose(struct text_scan *scan, struct text_fields *fields)
{
  struct text_scan probe = *scan;
  if (!scan_literal(&probe, "("))
    return TEXT_COMPLETE;
  const char *end = group_end(&probe);
  if (end == NULL)
    return TEXT_INCOMPLETE;
  const char *item = probe.at;
  unsigned depth = 0;
  for (const char *at = probe.at; at <= end; at++) {
    if (*at == '(' || *at == '[')
      depth++;
    else if ((*at == ')' || *at == ']') && depth > 0)
      depth--;
    if (at == end || (*at == ',' && depth == 0)) {
      struct text_scan piece = {item, at};
      scan_spaces(&piece);
      verbose_item(piece, &fields->ip);
      item = at + 1;
    }
  }
  fields->items++;
  scan->at = end + 1;
  scan_spaces(scan);
  return scan_done(scan) ? TEXT_INCOMPLETE : TEXT_COMPLETE;
}

/* "(frag 1234:1480@2960+)" */
static bool tail_fragment(struct text_scan *scan, struct text_ip *ip)
{
  uint64_t id, size, offset;
  struct text_scan probe = *scan;
  if (!scan_literal(&probe, "(frag ") || !scan_decimal(&probe, UINT16_MAX, &id) ||
      !scan_literal(&probe, ":") || !scan_decimal(&probe, UINT16_MAX, &size) ||
      !scan_literal(&probe, "@") || !scan_decimal(&probe, UINT16_MAX, &offset))
    return false;
  if (scan_literal(&probe, "+"))
    ip->facts |= TEXT_IP_MF;
  if (!scan_literal(&probe, ")"))
    return false;
  ip->id = (uint16_t)id;
  ip->facts |= TEXT_IP_ID;
  ip->fragment_offset_bytes = (uint32_t)offset;
  *scan = probe;
  return true;
}

/* "[tos 0x8]", "[tos 0x2,ECT(0)]", "[ttl 1]" */
static bool tail_bracket(struct text_scan *scan, struct text_ip *ip)
{
  struct text_scan probe = *scan;
  uint32_t value;
  if (scan_literal(&probe, "[tos ") && scan_hex32(&probe, true, &value) && value <= 255 &&
      scan_past(&probe, ']')) {
    ip->tos = (uint8_t)value;
  } else {
    probe = *scan;
    if (!scan_literal(&probe, "[ttl ") || !scan_u32(&probe, &value) || value > 255 ||
        !scan_literal(&probe, "]"))
      return false;
    ip->ttl = (uint8_t)value;
    ip->facts |= TEXT_IP_TTL;
  }
  *scan = probe;
  return true;
}

/* "(ttl 64, id 1234, len 60)" and IPv6's "(len 40, hlim 64)" */
static bool tail_group(struct text_scan *scan, struct text_fields *fields)
{
  struct text_scan probe = *scan;
  if (!scan_literal(&probe, "(ttl ") && !scan_literal(&probe, "(id ") &&
      !scan_literal(&probe, "(len "))
    return false;
  struct text_scan group = *scan;
  group.at++;
  const char *end = group_end(&group);
  if (end == NULL)
    return false;
  struct text_scan whole = {scan->at, end + 1};
  text_parse_ip_verbose(&whole, fields);
  fields->items--; /* the caller counts */
  scan->at = end + 1;
  return true;
}

void text_parse_ip_tail(struct text_scan *scan, struct text_fields *fields)
{
  struct text_span word;
  for (;;) {
    scan_spaces(scan);
    if (scan_literal(scan, "(DF)")) {
      fields->ip.facts |= TEXT_IP_DF;
      fields->items++;
    } else if (tail_fragment(scan, &fields->ip) || tail_bracket(scan, &fields->ip) ||
               tail_group(scan, fields)) {
      fields->items++;
    } else if (!scan_word(scan, &word)) {
      return;
    }
  }
}
