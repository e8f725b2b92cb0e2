#include "wire/frame_builder.h"

#include "wire/ethertype.h"

#include <libnet.h>
#include <stdlib.h>
#include <string.h>

/* libnet.h has its own names for these and for no EtherType of ours that differs. */
#define ETHERNET_BYTES    14
#define ICMP_BYTES        8
#define ICMP_QUOTE_MAX    (576 - LIBNET_IPV4_H - ICMP_BYTES)
#define ICMPV6_QUOTE_MAX  (1280 - LIBNET_IPV6_H - ICMP_BYTES)
#define TCP_OPTIONS_MAX   40
#define PAYLOAD_MAX       (FRAME_BUILDER_MAX - ETHERNET_BYTES - LIBNET_IPV6_H - LIBNET_TCP_H)
#define ICMP_UNREACHABLE  3 /* RFC 792 */
#define ICMP_FRAG_NEEDED  4
#define ICMP_ECHO_REQUEST 8
#define ICMPV6_TOO_BIG    2 /* RFC 4443, 3.2 */
#define ICMPV6_ECHO_ASKED 128
#define ARP_ETHERNET      1   /* RFC 826's hardware type */
#define SOLICITATION      135 /* RFC 4861, 4.3 */
#define OPTION_SOURCE_MAC 1   /* RFC 4861, 4.6.1 */
#define OPTION_NONCE      14  /* RFC 3971, 5.3.2: at least 6 bytes, in units of 8 with its header */
#define NONCE_BYTES       22

struct frame_builder {
  libnet_t *libnet;
};

struct frame_builder *frame_builder_new(struct error *error)
{
  char text[LIBNET_ERRBUF_SIZE] = "no memory";
  struct frame_builder *builder = calloc(1, sizeof *builder);
  if (builder != NULL)
    builder->libnet = libnet_init(LIBNET_NONE, NULL, text);
  if (builder != NULL && builder->libnet != NULL)
    return builder;
  free(builder);
  error_set(error, ERROR_MEMORY, "libnet: %.200s", text);
  return NULL;
}

void frame_builder_free(struct frame_builder *builder)
{
  if (builder == NULL)
    return;
  libnet_destroy(builder->libnet);
  free(builder);
}

static struct libnet_in6_addr libnet_address(const struct ip_address *address)
{
  struct libnet_in6_addr result;
  memcpy(&result, address->bytes, sizeof address->bytes);
  return result;
}

/* The IP header in front of what has been built, `above_bytes` long, and the Ethernet header. */
static bool build_below(libnet_t *libnet, const struct frame_ends *ends, uint8_t protocol,
                        uint32_t above_bytes)
{
  libnet_ptag_t built = -1;
  if (ends->ip_version == 4) {
    uint32_t src = 0, dst = 0;
    memcpy(&src, ends->src.bytes + 12, sizeof src);
    memcpy(&dst, ends->dst.bytes + 12, sizeof dst);
    built = libnet_build_ipv4((uint16_t)(LIBNET_IPV4_H + above_bytes), ends->tos, ends->ip_id, 0,
                              ends->ttl, protocol, 0, src, dst, NULL, 0, libnet, 0);
  } else {
    built = libnet_build_ipv6(ends->tos, 0, (uint16_t)above_bytes, protocol, ends->ttl,
                              libnet_address(&ends->src), libnet_address(&ends->dst), NULL, 0,
                              libnet, 0);
  }
  if (built < 0)
    return false;
  const uint16_t type = ends->ip_version == 4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6;
  return libnet_build_ethernet(ends->ether_dst, ends->ether_src, type, NULL, 0, libnet, 0) >= 0;
}

/* Copies the whole frame out. */
static int finish(struct frame_builder *builder, bool built, uint8_t *out, struct error *error)
{
  libnet_t *libnet = builder->libnet;
  uint8_t *frame = NULL;
  uint32_t bytes = 0;
  if (!built || libnet_pblock_coalesce(libnet, &frame, &bytes) < 0)
    return error_set(error, ERROR_MEMORY, "libnet: %.200s", libnet_geterror(libnet));
  int result = ERROR_USAGE;
  if (bytes <= FRAME_BUILDER_MAX) {
    memcpy(out, frame, bytes);
    result = (int)bytes;
  }
  libnet_adv_free_packet(libnet, frame);
  return result;
}

static int check(const struct frame_ends *ends, uint32_t payload_bytes, struct error *error)
{
  if (ends->ip_version != 4 && ends->ip_version != 6)
    return error_set(error, ERROR_USAGE, "no IP version %u", ends->ip_version);
  if (payload_bytes > PAYLOAD_MAX)
    return error_set(error, ERROR_USAGE, "a payload of more than %d bytes", PAYLOAD_MAX);
  return 0;
}

int frame_builder_tcp(struct frame_builder *builder, const struct frame_ends *ends,
                      const struct frame_tcp *tcp, uint8_t *out, struct error *error)
{
  const int wrong = check(ends, tcp->payload_bytes, error);
  if (wrong != 0)
    return wrong;
  if (tcp->options_bytes > TCP_OPTIONS_MAX || tcp->options_bytes % 4 != 0)
    return error_set(error, ERROR_USAGE, "TCP options of %u bytes", tcp->options_bytes);
  libnet_t *libnet = builder->libnet;
  libnet_clear_packet(libnet);
  const uint32_t bytes = LIBNET_TCP_H + tcp->options_bytes + tcp->payload_bytes;
  const bool built =
      (tcp->options_bytes == 0 ||
       libnet_build_tcp_options(tcp->options, tcp->options_bytes, libnet, 0) >= 0) &&
      libnet_build_tcp(tcp->src_port, tcp->dst_port, tcp->seq, tcp->ack, tcp->flags, tcp->window, 0,
                       0, (uint16_t)bytes, tcp->payload_bytes > 0 ? tcp->payload : NULL,
                       tcp->payload_bytes, libnet, 0) >= 0 &&
      build_below(libnet, ends, IP_PROTOCOL_TCP, bytes);
  return finish(builder, built, out, error);
}

/* Every ICMP message here has two 16-bit words behind its checksum, as an echo has. */
static int build_icmp(struct frame_builder *builder, const struct frame_ends *ends,
                      const uint8_t type_code[2], const uint16_t words[2], const uint8_t *payload,
                      uint32_t payload_bytes, uint8_t *out, struct error *error)
{
  const int wrong = check(ends, payload_bytes, error);
  if (wrong != 0)
    return wrong;
  libnet_t *libnet = builder->libnet;
  libnet_clear_packet(libnet);
  uint8_t copy[PAYLOAD_MAX]; /* libnet's parameter is not const */
  if (payload_bytes > 0)
    memcpy(copy, payload, payload_bytes);
  uint8_t *data = payload_bytes > 0 ? copy : NULL;
  libnet_ptag_t built = -1;
  if (ends->ip_version == 4)
    built = libnet_build_icmpv4_echo(type_code[0], type_code[1], 0, words[0], words[1], data,
                                     payload_bytes, libnet, 0);
  else
    built = libnet_build_icmpv6_echo(type_code[0], type_code[1], 0, words[0], words[1], data,
                                     payload_bytes, libnet, 0);
  const uint8_t protocol = ends->ip_version == 4 ? IP_PROTOCOL_ICMP : IP_PROTOCOL_ICMPV6;
  return finish(builder,
                built >= 0 && build_below(libnet, ends, protocol, ICMP_BYTES + payload_bytes), out,
                error);
}

int frame_builder_too_big(struct frame_builder *builder, const struct frame_ends *ends,
                          uint32_t mtu, const uint8_t *quoted, uint32_t quoted_bytes, uint8_t *out,
                          struct error *error)
{
  const bool v4 = ends->ip_version == 4;
  const uint8_t type_code[2] = {v4 ? ICMP_UNREACHABLE : ICMPV6_TOO_BIG, v4 ? ICMP_FRAG_NEEDED : 0};
  const uint16_t words[2] = {v4 ? 0 : (uint16_t)(mtu >> 16), (uint16_t)mtu};
  const uint32_t most = v4 ? ICMP_QUOTE_MAX : ICMPV6_QUOTE_MAX;
  return build_icmp(builder, ends, type_code, words, quoted,
                    quoted_bytes < most ? quoted_bytes : most, out, error);
}

int frame_builder_echo(struct frame_builder *builder, const struct frame_ends *ends, uint16_t id,
                       uint16_t sequence, const uint8_t *payload, uint32_t payload_bytes,
                       uint8_t *out, struct error *error)
{
  const uint8_t type_code[2] = {ends->ip_version == 4 ? ICMP_ECHO_REQUEST : ICMPV6_ECHO_ASKED, 0};
  const uint16_t words[2] = {id, sequence};
  return build_icmp(builder, ends, type_code, words, payload, payload_bytes, out, error);
}

static int build_arp(struct frame_builder *builder, const struct frame_ends *ends, const char *mark,
                     uint8_t *out, struct error *error)
{
  static const uint8_t everybody[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, nobody[6];
  libnet_t *libnet = builder->libnet;
  libnet_clear_packet(libnet);
  const bool built =
      libnet_build_arp(ARP_ETHERNET, ETHERTYPE_IPV4, 6, 4, ARPOP_REQUEST, ends->ether_src,
                       ends->src.bytes + 12, nobody, ends->dst.bytes + 12,
                       mark != NULL ? (const uint8_t *)mark : NULL,
                       mark != NULL ? (uint32_t)strlen(mark) : 0, libnet, 0) >= 0 &&
      libnet_build_ethernet(everybody, ends->ether_src, ETHERTYPE_ARP, NULL, 0, libnet, 0) >= 0;
  return finish(builder, built, out, error);
}

/* The group of ff02::1:ffXX:XXXX, and its Ethernet address (RFC 2464, 7). */
static struct frame_ends to_solicited_node(const struct frame_ends *ends)
{
  struct frame_ends group = *ends;
  static const uint8_t prefix[13] = {0xff, 0x02, [11] = 0x01, 0xff}, ether[3] = {0x33, 0x33, 0xff};
  memcpy(group.dst.bytes, prefix, sizeof prefix);
  memcpy(group.ether_dst, ether, sizeof ether);
  memcpy(group.ether_dst + 3, ends->dst.bytes + 13, 3);
  return group;
}

/* Behind the target: the sender's Ethernet address, and the mark. Returns the bytes. */
static uint32_t put_options(uint8_t *options, const struct frame_ends *ends, const char *mark)
{
  options[0] = OPTION_SOURCE_MAC;
  options[1] = 1; /* in units of 8 bytes */
  memcpy(options + 2, ends->ether_src, 6);
  if (mark == NULL)
    return 8;
  options[8] = OPTION_NONCE;
  options[9] = (2 + NONCE_BYTES) / 8;
  memset(options + 10, 0, NONCE_BYTES);
  memcpy(options + 10, mark, strnlen(mark, NONCE_BYTES));
  return 8 + 2 + NONCE_BYTES;
}

static int build_solicitation(struct frame_builder *builder, const struct frame_ends *ends,
                              const char *mark, uint8_t *out, struct error *error)
{
  static const uint8_t type_code[2] = {SOLICITATION, 0}, unknown[6];
  static const uint16_t reserved[2];
  uint8_t body[16 + 8 + 2 + NONCE_BYTES]; /* behind the 8 bytes that every ICMPv6 message has */
  struct frame_ends to = *ends;
  if (memcmp(ends->ether_dst, unknown, sizeof unknown) == 0)
    to = to_solicited_node(ends);
  to.ttl = 255; /* or nobody listens: RFC 4861, 7.1.1 */
  memcpy(body, ends->dst.bytes, 16);
  const uint32_t bytes = 16 + put_options(body + 16, ends, mark);
  return build_icmp(builder, &to, type_code, reserved, body, bytes, out, error);
}

int frame_builder_who_has(struct frame_builder *builder, const struct frame_ends *ends,
                          const char *mark, uint8_t *out, struct error *error)
{
  const int wrong = check(ends, 0, error);
  if (wrong != 0)
    return wrong;
  return ends->ip_version == 4 ? build_arp(builder, ends, mark, out, error)
                               : build_solicitation(builder, ends, mark, out, error);
}

const char *frame_builder_library(void)
{
  return libnet_version();
}
