#ifndef WIRE_PACKET_H
#define WIRE_PACKET_H

/* One decoded frame: plain data, no pointers, copied freely between threads.
 *
 * packet_decode() is total: whatever the bytes are, it fills a struct packet and says in `kind`
 * what it made of them. Encapsulations are descended; the fields describe the *innermost* IP
 * packet. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum packet_kind {
  PACKET_TCP, /* a TCP header of at least 20 bytes was captured */
  /* ICMP or ICMPv6 error that quotes a TCP header (first 8 bytes at least) */
  PACKET_ICMP_ERROR,
  PACKET_ICMP,             /* any other ICMP or ICMPv6, but neighbour discovery */
  PACKET_ARP,              /* ARP request or reply */
  PACKET_ND,               /* ICMPv6 neighbour solicitation (135) or advertisement (136) */
  PACKET_UDP,              /* UDP that is no encapsulation we know */
  PACKET_IP_OTHER,         /* any other protocol over IP */
  PACKET_NON_IP,           /* neither IP nor ARP (STP, LLDP, ...) */
  PACKET_FRAGMENT,         /* a fragment but the first: its transport header is not here */
  PACKET_CUT,              /* captured bytes end before the headers do */
  PACKET_MALFORMED,        /* headers contradict themselves (lengths, versions) */
  PACKET_UNSUPPORTED_LINK, /* link type that we do not decode */
  /* TCP of a connection that is in another part of a split trace (part_mark.h): what it shows of
   * its host counts, and no connection is made of it. The second kind stands behind later frames.
   */
  PACKET_OTHER_PART,
  PACKET_OTHER_PART_LATE,
  PACKET_KIND_COUNT
};

enum tcp_flag {
  TCP_FIN = 0x001,
  TCP_SYN = 0x002,
  TCP_RST = 0x004,
  TCP_PSH = 0x008,
  TCP_ACK = 0x010,
  TCP_URG = 0x020,
  TCP_ECE = 0x040,
  TCP_CWR = 0x080,
  TCP_AE = 0x100 /* RFC 9768; once NS (RFC 3540) */
};

/* Which options were present (struct packet.options). */
enum tcp_option_bit {
  TCP_OPT_MSS = 0x0001,
  TCP_OPT_WSCALE = 0x0002,
  TCP_OPT_SACK_PERMITTED = 0x0004,
  TCP_OPT_SACK = 0x0008,
  TCP_OPT_TIMESTAMPS = 0x0010,
  TCP_OPT_FASTOPEN = 0x0020, /* kind 34, or 254 with its magic (RFC 7413) */
  TCP_OPT_MPTCP = 0x0040,    /* kind 30 (RFC 8684) */
  TCP_OPT_MD5 = 0x0080,      /* kind 19 (RFC 2385) */
  TCP_OPT_AO = 0x0100,       /* kind 29 (RFC 5925) */
  TCP_OPT_ACCECN = 0x0200,   /* kinds 172, 174 (RFC 9768) */
  TCP_OPT_OTHER = 0x0400,
  TCP_OPT_CUT = 0x4000,      /* the snap length cut the options: absence proves nothing */
  TCP_OPT_MALFORMED = 0x8000 /* an option's length is impossible: the rest was not read */
};

enum packet_direction { PACKET_DIR_UNKNOWN, PACKET_DIR_IN, PACKET_DIR_OUT };

enum checksum_state {
  CHECKSUM_UNKNOWN, /* not all covered bytes were captured (or a fragment, or a source route) */
  CHECKSUM_GOOD,
  CHECKSUM_BAD,
  /* Holds the pseudo-header's sum only: hardware or a peer on the same host is to fill it in. Told
   * for packets cut by the snap length too, where one good checksum in 65,536 looks so by chance:
   * conclude from several. */
  CHECKSUM_OFFLOADED
};

/* Facts about the packet (struct packet.facts). */
enum packet_fact {
  PACKET_IP_DF = 0x01,          /* IPv4 don't fragment */
  PACKET_IP_ID = 0x02,          /* ip_id is valid (IPv4) */
  PACKET_FIRST_FRAGMENT = 0x04, /* payload_bytes counts this fragment only */
  /* IP length 0 (TSO, BIG TCP): payload_bytes is from the frame's length */
  PACKET_LENGTH_GUESSED = 0x08,
  PACKET_SNAPPED = 0x10,   /* captured_payload_bytes < payload_bytes */
  PACKET_TTL_VALID = 0x20, /* ttl is valid (text input may lack it) */
  /* an echo request, ARP request or neighbour solicitation that `tcpstall capture --kick` sent
   * (frame_builder.h) */
  PACKET_KICK = 0x40,
  /* the frame holds further TCP headers (tunnel over TCP is never descended) */
  PACKET_DUPLICATE_LAYER = 0x80
};

/* IPv4 as ::ffff:a.b.c.d, so that 16 bytes compare as they are; packet.ip_version tells them
 * apart. */
struct ip_address {
  uint8_t bytes[16];
};

/* start and end of a SACK block: relative to nothing, as on the wire; end is exclusive. */
struct sack_block {
  uint32_t start, end;
};

#define PACKET_SACK_MAX   4
#define PACKET_HASH_BYTES 16

/* The TCP header that an ICMP error quotes (RFC 792, RFC 4443): the segment that met the
 * trouble. */
struct packet_quote {
  struct ip_address src, dst;
  uint16_t src_port, dst_port;
  uint32_t seq;
  /* next-hop MTU in bytes of "fragmentation needed" / "packet too big"; 0: not said */
  uint32_t mtu;
};

struct packet {
  /* from the record; TIME_INVALID where the record has none (simple packet block) */
  int64_t time_ns;
  uint64_t frame;       /* 1-based, as Wireshark numbers that file */
  uint32_t interface;   /* pcapng interface index within the whole file; 0 elsewhere */
  uint8_t end;          /* capture point, set by the caller: 0 = "A", 1 = "B", ... */
  uint8_t kind;         /* enum packet_kind */
  uint8_t direction;    /* enum packet_direction: record flags or cooked header */
  uint8_t ip_version;   /* 4, 6 or 0 */
  uint32_t frame_bytes; /* original length of the frame on the wire */

  /* innermost IP header; for ARP and ND: sender's and *target's* address */
  struct ip_address src, dst;
  uint8_t ttl;         /* TTL or hop limit */
  uint8_t tos;         /* DSCP and ECN */
  uint16_t ip_id;      /* if PACKET_IP_ID */
  uint8_t ip_proto;    /* the final next header */
  uint8_t facts;       /* enum packet_fact, or'ed */
  uint8_t encap_depth; /* IP headers above the innermost one, 0 = none */
  uint8_t checksum;    /* enum checksum_state of TCP */
  uint16_t vlan;       /* innermost VLAN id, 0 = none */

  /* ICMP, ICMPv6, ARP (icmp_type = opcode) */
  uint8_t icmp_type, icmp_code;

  /* TCP (kind == PACKET_TCP); UDP sets the ports */
  uint16_t src_port, dst_port;
  uint32_t seq, ack;
  uint16_t flags;  /* enum tcp_flag */
  uint16_t window; /* raw, unscaled */
  uint16_t urgent;
  uint16_t options;                /* enum tcp_option_bit */
  uint32_t payload_bytes;          /* from the IP length, not from what was captured */
  uint32_t captured_payload_bytes; /* <= payload_bytes */
  /* A hash of the first PACKET_HASH_BYTES of the payload, to know a segment again at another
   * capture point; 0: fewer were captured. Not the same on machines of other byte order. */
  uint32_t payload_hash;
  uint32_t ts_val, ts_ecr; /* if TCP_OPT_TIMESTAMPS */
  uint16_t mss;            /* if TCP_OPT_MSS */
  uint8_t wscale;          /* if TCP_OPT_WSCALE; as on the wire, may be above 14 */
  uint8_t sack_count;      /* 0 .. PACKET_SACK_MAX */
  /* The payload's one's complement sum (RFC 1071; folded, as in memory), where every byte of the
   * segment was captured: copies with the same bytes have the same. 0: not known, or no payload */
  uint16_t payload_sum;
  union {
    struct sack_block sack[PACKET_SACK_MAX]; /* kind == PACKET_TCP; defined up to sack_count */
    struct packet_quote quote;               /* kind == PACKET_ICMP_ERROR */
  };
};

/* What a reader hands to the decoder. The bytes are borrowed for the call. */
struct frame {
  int64_t time_ns;
  uint64_t number; /* frame number, 1-based */
  uint32_t interface;
  uint32_t linktype; /* LINKTYPE_* of the pcap and pcapng registry */
  uint32_t captured_bytes;
  uint32_t original_bytes; /* >= captured_bytes; a reader corrects records that lie */
  uint8_t direction;       /* enum packet_direction */
  uint8_t part_flags;      /* enum part_mark_flag; 0: an ordinary frame */
  uint8_t fcs_bytes;       /* frame check sequence at the end, if the container says so (0, 2, 4) */
  const uint8_t *bytes;
};

/* Decodes *frame into *packet. Never fails, never reads outside frame->bytes[0 ..
 * captured_bytes). */
void packet_decode(const struct frame *frame, struct packet *packet);

/* true if packet_decode() knows this link type. */
bool packet_linktype_supported(uint32_t linktype);

/* Short stable words for people and for JSON, e.g. "tcp", "malformed". Static strings. */
const char *packet_kind_name(enum packet_kind kind);

/* Formats an address as inet_ntop does (mapped IPv4 as dotted quad). text: at least 46 bytes. */
#define IP_ADDRESS_TEXT_BYTES 46
void ip_address_format(const struct ip_address *address, uint8_t ip_version, char *text);

#endif
