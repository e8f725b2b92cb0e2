#ifndef TESTS_UNIT_PACKET_CASE_H
#define TESTS_UNIT_PACKET_CASE_H

/* Frames as hex and what packet_decode() is to make of them, as one line of text. Each table is
 * also decoded cut off at every length, which may lose the packet but must not invent another one.
 */

#include "wire/packet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct packet_case {
  const char *name;
  uint32_t linktype;
  uint32_t original_bytes; /* 0: as many as there are */
  uint8_t fcs_bytes;
  const char *hex;
  const char *expected;
};

/* What link layers and tunnels carry here: 5 bytes of data, over IPv4 and IPv6.
 * IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [P.], seq 1000:1005, ack 2000, win 502, length 5:
 * HTTP IP6 2001:db8::1.40000 > 2001:db8::2.80: Flags [P.], seq 1000:1005, ack 2000, win 502, length
 * 5: HTTP */
#define OUTER4                                                                                     \
  "4500002d1234400040063c60c0000201c63364029c400050000003e8000007d0501801f6d57f0000"               \
  "68656c6c6f"
#define OUTER6                                                                                     \
  "600000000019064020010db800000000000000000000000120010db8000000000000000000000002"               \
  "9c400050000003e8000007d0501801f66642000068656c6c6f"
/* IP 10.0.0.1.40000 > 10.0.0.2.80: Flags [P.], seq 1000:1005, ack 2000, win 502, length 5
 * IP6 2001:db8:1::1.40000 > 2001:db8:1::2.80: Flags [P.], seq 1000:1005, ack 2000, win 502, length
 * 5 */
#define INNER4                                                                                     \
  "4500002d12344000400614950a0000010a0000029c400050000003e8000007d0501801f6adb40000"               \
  "68656c6c6f"
#define INNER6                                                                                     \
  "600000000019064020010db800010000000000000000000120010db8000100000000000000000002"               \
  "9c400050000003e8000007d0501801f66640000068656c6c6f"
/* What becomes of them. */
#define HELLO_TEXT  " flags 018 seq 1000 ack 2000 win 502 len 5 sum good"
#define OUTER4_TEXT "tcp 192.0.2.1.40000 > 198.51.100.2.80" HELLO_TEXT
#define OUTER6_TEXT "tcp 2001:db8::1.40000 > 2001:db8::2.80" HELLO_TEXT
#define INNER4_TEXT "tcp 10.0.0.1.40000 > 10.0.0.2.80" HELLO_TEXT
#define INNER6_TEXT "tcp 2001:db8:1::1.40000 > 2001:db8:1::2.80" HELLO_TEXT

/* 02:00:00:00:00:01 > 02:00:00:00:00:02 */
#define ETHERNET "020000000002020000000001"

#define PACKET_TEXT_BYTES 512

struct packet_text {
  char text[PACKET_TEXT_BYTES];
  size_t length;
};

static inline void __attribute__((format(printf, 2, 3)))
packet_text_add(struct packet_text *out, const char *format, ...)
{
  va_list args;
  va_start(args, format);
  const int added =
      vsnprintf(out->text + out->length, sizeof out->text - out->length, format, args);
  va_end(args);
  assert_true(added >= 0 && (size_t)added < sizeof out->text - out->length);
  out->length += (size_t)added;
}

static inline void packet_text_addresses(struct packet_text *out, const struct packet *packet)
{
  char src[IP_ADDRESS_TEXT_BYTES], dst[IP_ADDRESS_TEXT_BYTES];
  ip_address_format(&packet->src, packet->ip_version, src);
  ip_address_format(&packet->dst, packet->ip_version, dst);
  if (packet->kind == PACKET_TCP || packet->kind == PACKET_UDP)
    packet_text_add(out, " %s.%u > %s.%u", src, packet->src_port, dst, packet->dst_port);
  else
    packet_text_add(out, " %s > %s", src, dst);
}

static inline void packet_text_options(struct packet_text *out, const struct packet *packet)
{
  static const struct {
    uint16_t bit;
    const char *name;
  } names[] = {{TCP_OPT_SACK_PERMITTED, "sackOK"},
               {TCP_OPT_FASTOPEN, "tfo"},
               {TCP_OPT_MPTCP, "mptcp"},
               {TCP_OPT_MD5, "md5"},
               {TCP_OPT_AO, "ao"},
               {TCP_OPT_ACCECN, "accecn"},
               {TCP_OPT_OTHER, "other"},
               {TCP_OPT_CUT, "cut"},
               {TCP_OPT_MALFORMED, "bad"}};
  if (packet->options & TCP_OPT_MSS)
    packet_text_add(out, " mss %u", packet->mss);
  if (packet->options & TCP_OPT_WSCALE)
    packet_text_add(out, " wscale %u", packet->wscale);
  if (packet->options & TCP_OPT_TIMESTAMPS)
    packet_text_add(out, " TS %u/%u", packet->ts_val, packet->ts_ecr);
  if (packet->options & TCP_OPT_SACK)
    packet_text_add(out, " sack");
  for (unsigned i = 0; i < packet->sack_count; i++)
    packet_text_add(out, " %u:%u", packet->sack[i].start, packet->sack[i].end);
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    if (packet->options & names[i].bit)
      packet_text_add(out, " %s", names[i].name);
}

static inline void packet_text_tcp(struct packet_text *out, const struct packet *packet)
{
  static const char *const checksums[] = {"unknown", "good", "bad", "offloaded"};
  packet_text_add(out, " flags %03x seq %u ack %u win %u", packet->flags, packet->seq, packet->ack,
                  packet->window);
  if (packet->urgent != 0)
    packet_text_add(out, " urg %u", packet->urgent);
  packet_text_options(out, packet);
  packet_text_add(out, " len %u", packet->payload_bytes);
  if (packet->captured_payload_bytes != packet->payload_bytes)
    packet_text_add(out, "(%u)", packet->captured_payload_bytes);
  packet_text_add(out, " sum %s", checksums[packet->checksum]);
}

static inline void packet_text_icmp(struct packet_text *out, const struct packet *packet)
{
  packet_text_add(out, " type %u code %u", packet->icmp_type, packet->icmp_code);
  if (packet->kind != PACKET_ICMP_ERROR)
    return;
  char src[IP_ADDRESS_TEXT_BYTES], dst[IP_ADDRESS_TEXT_BYTES];
  ip_address_format(&packet->quote.src, packet->ip_version, src);
  ip_address_format(&packet->quote.dst, packet->ip_version, dst);
  packet_text_add(out, " mtu %u quotes %s.%u > %s.%u seq %u", packet->quote.mtu, src,
                  packet->quote.src_port, dst, packet->quote.dst_port, packet->quote.seq);
}

/* What differs from the usual (TTL 64, no tunnel, no VLAN, ...) at the end of the line. */
static inline void packet_text_rest(struct packet_text *out, const struct packet *packet)
{
  static const char *const directions[] = {"", " in", " out"};
  if (packet->kind == PACKET_IP_OTHER || packet->kind == PACKET_FRAGMENT)
    packet_text_add(out, " proto %u", packet->ip_proto);
  if (packet->facts & PACKET_TTL_VALID && packet->ttl != 64)
    packet_text_add(out, " ttl %u", packet->ttl);
  if (packet->tos != 0)
    packet_text_add(out, " tos %u", packet->tos);
  if (packet->facts & PACKET_IP_ID && packet->ip_id != 0x1234)
    packet_text_add(out, " id %u", packet->ip_id);
  if (packet->ip_version == 4 && packet->facts & PACKET_TTL_VALID &&
      !(packet->facts & PACKET_IP_DF))
    packet_text_add(out, " no-DF");
  if (packet->facts & PACKET_FIRST_FRAGMENT)
    packet_text_add(out, " first-fragment");
  if (packet->facts & PACKET_LENGTH_GUESSED)
    packet_text_add(out, " length-guessed");
  if (packet->facts & PACKET_SNAPPED)
    packet_text_add(out, " snapped");
  if (packet->encap_depth != 0)
    packet_text_add(out, " depth %u", packet->encap_depth);
  if (packet->vlan != 0)
    packet_text_add(out, " vlan %u", packet->vlan);
  packet_text_add(out, "%s", directions[packet->direction]);
}

static inline void packet_text_write(struct packet_text *out, const struct packet *packet)
{
  out->length = 0;
  packet_text_add(out, "%s", packet_kind_name((enum packet_kind)packet->kind));
  if (packet->ip_version != 0)
    packet_text_addresses(out, packet);
  switch (packet->kind) {
  case PACKET_TCP: packet_text_tcp(out, packet); break;
  case PACKET_UDP: packet_text_add(out, " len %u", packet->payload_bytes); break;
  case PACKET_ICMP_ERROR:
  case PACKET_ICMP:
  case PACKET_ND: packet_text_icmp(out, packet); break;
  case PACKET_ARP: packet_text_add(out, " operation %u", packet->icmp_type); break;
  default: break;
  }
  packet_text_rest(out, packet);
}

/* Bytes of a hex string, in a buffer of exactly that size, so that a sanitizer sees each read
 * beyond. */
static inline uint8_t *packet_case_bytes(const char *hex, uint32_t *size)
{
  *size = (uint32_t)(strlen(hex) / 2);
  uint8_t *bytes = malloc(*size + (*size == 0));
  assert_non_null(bytes);
  for (uint32_t i = 0; i < *size; i++) {
    const char digits[3] = {hex[2 * i], hex[2 * i + 1], '\0'};
    bytes[i] = (uint8_t)strtoul(digits, NULL, 16);
  }
  return bytes;
}

static inline void packet_case_decode(const struct packet_case *test, const uint8_t *bytes,
                                      uint32_t captured, uint32_t original, struct packet *packet)
{
  uint8_t *exact = malloc(captured + (captured == 0));
  assert_non_null(exact);
  memcpy(exact, bytes, captured);
  const struct frame frame = {.number = 7,
                              .linktype = test->linktype,
                              .captured_bytes = captured,
                              .original_bytes = original,
                              .fcs_bytes = test->fcs_bytes,
                              .bytes = exact};
  memset(packet, 0xa5, sizeof *packet); /* what the decoder does not set shows */
  packet_decode(&frame, packet);
  free(exact);
}

static inline void packet_case_check(const struct packet_case *test)
{
  uint32_t size;
  uint8_t *bytes = packet_case_bytes(test->hex, &size);
  struct packet packet;
  struct packet_text text;
  packet_case_decode(test, bytes, size, test->original_bytes != 0 ? test->original_bytes : size,
                     &packet);
  packet_text_write(&text, &packet);
  free(bytes);
  if (strcmp(text.text, test->expected) != 0)
    print_error("%s\n", test->name);
  assert_string_equal(text.text, test->expected);
  assert_int_equal(packet.frame, 7);
}

/* Kinds that a frame cut after `captured` bytes may become: cut or contradictory; or what it is
 * whole; or what is one tunnel further out (a UDP tunnel's own header is too short to be
 * recognised, an ICMP error does not reach the quoted ports). */
static inline bool packet_case_may_become(uint8_t whole, uint8_t kind)
{
  if (kind == PACKET_CUT || kind == PACKET_MALFORMED || kind == whole || kind == PACKET_UDP)
    return true;
  if (whole == PACKET_ICMP_ERROR)
    return kind == PACKET_ICMP;
  return false;
}

/* Cuts the frame after each length: captured so (`lying` false), or sent so. */
static inline void packet_case_check_cut(const struct packet_case *test, bool lying)
{
  uint32_t size;
  uint8_t *bytes = packet_case_bytes(test->hex, &size);
  struct packet whole, packet;
  const uint32_t original = test->original_bytes != 0 ? test->original_bytes : size;
  packet_case_decode(test, bytes, size, original, &whole);
  for (uint32_t captured = 0; captured < size; captured++) {
    packet_case_decode(test, bytes, captured, lying ? captured : original, &packet);
    if (!packet_case_may_become(whole.kind, packet.kind))
      print_error("%s, cut after %u: %s\n", test->name, captured,
                  packet_kind_name((enum packet_kind)packet.kind));
    assert_true(packet_case_may_become(whole.kind, packet.kind));
    assert_true(packet.captured_payload_bytes <= packet.payload_bytes);
    assert_true(packet.captured_payload_bytes <= captured);
  }
  free(bytes);
}

static inline void packet_cases_check(const struct packet_case *cases, size_t count)
{
  for (size_t i = 0; i < count; i++) {
    packet_case_check(&cases[i]);
    packet_case_check_cut(&cases[i], false);
    packet_case_check_cut(&cases[i], true);
  }
}

#endif
