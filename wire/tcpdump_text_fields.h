#ifndef WIRE_TCPDUMP_TEXT_FIELDS_H
#define WIRE_TCPDUMP_TEXT_FIELDS_H

/* What one packet's text says, before names are looked up and relative numbers are resolved. Spans
 * point into the text that was parsed.
 *
 * A parse is repeated while a wrapped line grows, and each way to join the pieces is tried, so it
 * has no side effects, and it says how well the text fits. */

#include "wire/packet.h"
#include "wire/tcpdump_text_scan.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum text_status {
  TEXT_BAD,        /* no packet, or something in the middle that cannot be there */
  TEXT_INCOMPLETE, /* fits as far as it goes: the rest is on the next line */
  TEXT_COMPLETE    /* a whole packet; more may follow, if it makes `items` grow */
};

enum text_protocol {
  TEXT_TCP,
  TEXT_TCP_CUT, /* only the ports are known (-q, a short snap length, a bad header length) */
  TEXT_UDP,
  TEXT_ICMP,
  TEXT_ICMP6,
  TEXT_ARP,
  TEXT_IP_OTHER,
  TEXT_FRAGMENT /* but the first */
};

/* How the line's time is printed. */
enum text_time_kind {
  TEXT_TIME_NONE,     /* -t */
  TEXT_TIME_OF_DAY,   /* also -ttt and -ttttt: told apart by what follows */
  TEXT_TIME_DATED,    /* -tttt */
  TEXT_TIME_EPOCH,    /* -tt */
  TEXT_TIME_OLD_DELTA /* -ttt before tcpdump 3.9: "000123" or "1. 000123" since the previous packet
                       */
};

struct text_time {
  enum text_time_kind kind;
  int64_t ns; /* since midnight, 1970 or the previous packet; negative with a minus sign */
};

enum text_checksum { TEXT_CHECKSUM_UNKNOWN, TEXT_CHECKSUM_GOOD, TEXT_CHECKSUM_BAD };

/* Facts of the IP header that -v, or the old style's tail, prints. */
enum text_ip_fact {
  TEXT_IP_TTL = 0x01,
  TEXT_IP_ID = 0x02,
  TEXT_IP_LENGTH = 0x04, /* total length (IPv4) or payload length (IPv6) */
  TEXT_IP_DF = 0x08,
  TEXT_IP_MF = 0x10,
  TEXT_IP_ZERO_LENGTH = 0x20 /* "length N [was 0, presumed TSO]" */
};

struct text_ip {
  uint8_t facts; /* enum text_ip_fact */
  uint8_t tos, ttl;
  uint16_t id;
  uint32_t flow_label;
  uint32_t length_bytes;
  uint32_t fragment_offset_bytes;
  uint8_t protocol;
};

#define TEXT_TCP_OPTIONS_MAX 40 /* bytes, RFC 9293, 3.1 */

struct text_tcp {
  uint16_t flags;
  uint16_t window, urgent;
  uint32_t seq, seq_end, ack;
  bool has_seq, has_seq_end, has_ack, has_window, has_length;
  bool options_cut; /* the capture ended within the options */
  uint32_t payload_bytes;
  uint8_t checksum; /* enum text_checksum */
  uint16_t checksum_value;
  bool has_checksum_value;
  uint8_t option_bytes;
  uint8_t options[TEXT_TCP_OPTIONS_MAX];
  uint8_t sack_offset; /* of the first block within options */
  uint8_t sack_count;  /* 0 .. 4 */
};

/* ICMP and ICMPv6; for ARP: type is the operation. */
struct text_icmp {
  uint8_t type, code;
  bool has_echo;
  uint16_t id, sequence;
  uint32_t mtu;
  /* the packet that an error quotes, as far as it is printed */
  bool quotes;
  uint8_t quoted_protocol; /* 0: not said */
  struct text_span quoted_src, quoted_dst, quoted_src_port, quoted_dst_port;
  struct text_span target; /* ND target; ARP target */
};

struct text_fields {
  struct text_time time;
  unsigned items; /* how many things were recognised */
  bool guessed;   /* the protocol is only what is left: what was printed of it says nothing */

  struct text_span interface; /* -i any; else empty */
  uint8_t direction;          /* enum packet_direction */

  bool has_ether;
  uint8_t ether_src[6], ether_dst[6];
  bool has_vlan;
  uint16_t vlan_tci;
  uint32_t link_bytes; /* frame length that -e prints; 0: not said */

  uint8_t ip_version; /* 4, 6, or 0: the addresses tell */
  struct text_ip ip;
  uint8_t protocol;                    /* enum text_protocol */
  struct text_span src, dst;           /* host part */
  struct text_span src_port, dst_port; /* empty if none */
  uint32_t payload_bytes;              /* UDP, ICMP (whole message), other; 0: not said */
  struct text_tcp tcp;
  struct text_icmp icmp;
  bool has_arp_mac;
  uint8_t arp_mac[6];
};

/* text: the joined line, white space collapsed to single blanks, no quote marks, none at either
 * end. */
enum text_status text_parse(const char *text, size_t size, struct text_fields *fields);

/* How a line begins: with a time, or with "IP ", "ARP, " or link addresses as -t leaves it. */
enum text_start { TEXT_START_NONE, TEXT_START_UNTIMED, TEXT_START_TIMED };
enum text_start text_starts_packet(struct text_span line);

/* The parts of text_parse(), one file each. They return TEXT_INCOMPLETE only at the end of the
 * text. */
bool text_parse_time(struct text_scan *scan, struct text_time *time);
enum text_status text_parse_link(struct text_scan *scan, struct text_fields *fields);
enum text_status text_parse_ip_verbose(struct text_scan *scan, struct text_fields *fields);
void text_parse_ip_tail(struct text_scan *scan, struct text_fields *fields);
enum text_status text_parse_tcp_flags(struct text_scan *scan, struct text_fields *fields);
enum text_status text_parse_tcp_old(struct text_scan *scan, struct text_fields *fields);
enum text_status text_parse_tcp_options(struct text_scan *scan, char closing,
                                        struct text_fields *fields);
enum text_status text_parse_icmp(struct text_scan *scan, struct text_fields *fields);
enum text_status text_parse_icmp6(struct text_scan *scan, struct text_fields *fields);
enum text_status text_parse_arp(struct text_scan *scan, struct text_fields *fields);

/* Nothing but the rest of a word is left: it may go on in the next line. Else the text is bad. */
enum text_status text_unexpected(struct text_scan *scan);

#endif
