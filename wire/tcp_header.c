/* TCP header (RFC 9293, 3.1), its options, and the state of its checksum. */
#include "wire/checksum.h"
#include "wire/decoder.h"
#include "wire/ethertype.h"

#include <endian.h>
#include <string.h>

#define TCP_HEADER_BYTES 20

enum tcp_option_kind {
  TCP_OPTION_END = 0,
  TCP_OPTION_NOP = 1,
  TCP_OPTION_MSS = 2,
  TCP_OPTION_WSCALE = 3,
  TCP_OPTION_SACK_PERMITTED = 4,
  TCP_OPTION_SACK = 5,
  TCP_OPTION_TIMESTAMPS = 8,
  TCP_OPTION_MD5 = 19,
  TCP_OPTION_AO = 29,
  TCP_OPTION_MPTCP = 30,
  TCP_OPTION_FASTOPEN = 34,
  TCP_OPTION_ACCECN0 = 172,
  TCP_OPTION_ACCECN1 = 174,
  TCP_OPTION_EXPERIMENT = 254
};

#define TCP_FASTOPEN_MAGIC 0xf989 /* RFC 7413, 4.1.1: ExID of kind 254 */

/* NOP, NOP, timestamps, length 10: how RFC 7323 (appendix A) lays out nearly all segments. */
#define TCP_ALIGNED_TIMESTAMPS       0x0101080a
#define TCP_ALIGNED_TIMESTAMPS_BYTES 12

static void timestamps_read(struct packet *packet, const uint8_t *values)
{
  packet->ts_val = read_be32(values);
  packet->ts_ecr = read_be32(values + 4);
  packet->options |= TCP_OPT_TIMESTAMPS;
}

/* `size` bytes of blocks (RFC 2018, 3). No segment has room for more than four; what a second SACK
 * option would add is not kept. */
static void sack_read(struct packet *packet, const uint8_t *blocks, uint32_t size)
{
  packet->options |= TCP_OPT_SACK;
  for (; size >= 8 && packet->sack_count < PACKET_SACK_MAX; blocks += 8, size -= 8) {
    struct sack_block *block = &packet->sack[packet->sack_count++];
    block->start = read_be32(blocks);
    block->end = read_be32(blocks + 4);
  }
}

/* Options whose presence is all that we note. 0: not one of them. */
static uint16_t option_bit(uint8_t kind, const uint8_t *value, uint32_t size)
{
  switch (kind) {
  case TCP_OPTION_SACK_PERMITTED: return size == 0 ? TCP_OPT_SACK_PERMITTED : 0;
  case TCP_OPTION_MD5: return TCP_OPT_MD5;
  case TCP_OPTION_AO: return TCP_OPT_AO;
  case TCP_OPTION_MPTCP: return TCP_OPT_MPTCP;
  case TCP_OPTION_FASTOPEN: return TCP_OPT_FASTOPEN;
  case TCP_OPTION_ACCECN0:
  case TCP_OPTION_ACCECN1: return TCP_OPT_ACCECN;
  case TCP_OPTION_EXPERIMENT:
    return size >= 2 && read_be16(value) == TCP_FASTOPEN_MAGIC ? TCP_OPT_FASTOPEN : TCP_OPT_OTHER;
  default: return TCP_OPT_OTHER;
  }
}

/* One option, its kind and length already checked and taken off. A known kind with a length that it
 * cannot have is malformed. */
static void option_read(struct packet *packet, uint8_t kind, const uint8_t *value, uint32_t size)
{
  uint16_t bit = 0;
  switch (kind) {
  case TCP_OPTION_MSS:
    if (size == 2) {
      packet->mss = read_be16(value);
      bit = TCP_OPT_MSS;
    }
    break;
  case TCP_OPTION_WSCALE:
    if (size == 1) {
      packet->wscale = value[0];
      bit = TCP_OPT_WSCALE;
    }
    break;
  case TCP_OPTION_TIMESTAMPS:
    if (size == 8) {
      timestamps_read(packet, value);
      bit = TCP_OPT_TIMESTAMPS;
    }
    break;
  case TCP_OPTION_SACK:
    if (size >= 8 && size % 8 == 0) {
      sack_read(packet, value, size);
      bit = TCP_OPT_SACK;
    }
    break;
  default: bit = option_bit(kind, value, size); break;
  }
  packet->options |= bit != 0 ? bit : TCP_OPT_MALFORMED;
}

/* `size` bytes of options were sent, `captured` of them are here. */
static void options_parse(struct packet *packet, const uint8_t *options, uint32_t captured,
                          uint32_t size)
{
  uint32_t at = 0;
  while (at < captured && options[at] != TCP_OPTION_END) {
    if (options[at] == TCP_OPTION_NOP) {
      at++;
      continue;
    }
    if (at + 1 >= captured)
      break;
    const uint32_t option_bytes = options[at + 1];
    if (option_bytes < 2 || option_bytes > size - at) {
      packet->options |= TCP_OPT_MALFORMED;
      return;
    }
    if (option_bytes > captured - at)
      break;
    option_read(packet, options[at], options + at + 2, option_bytes - 2);
    at += option_bytes;
  }
  if (at < captured && options[at] == TCP_OPTION_END)
    return;
  if (captured < size)
    packet->options |= TCP_OPT_CUT;
  else if (at < size)
    packet->options |= TCP_OPT_MALFORMED; /* a kind without its length */
}

static uint64_t address_sum(uint64_t sum, const struct ip_address *address, bool is_v4)
{
  uint64_t halves[2];
  memcpy(halves, address->bytes, sizeof halves);
  if (is_v4) { /* without the ::ffff: in front */
    uint32_t v4;
    memcpy(&v4, address->bytes + 12, sizeof v4);
    return checksum_add_u64(sum, v4);
  }
  return checksum_add_u64(checksum_add_u64(sum, halves[0]), halves[1]);
}

/* RFC 9293, 3.1 and RFC 8200, 8.1, but for the length, which may have been left out. */
static uint64_t pseudo_header_sum(const struct packet *packet)
{
  const bool is_v4 = packet->ip_version == 4;
  const uint64_t sum = address_sum(htobe32(IP_PROTOCOL_TCP), &packet->src, is_v4);
  return address_sum(sum, &packet->dst, is_v4);
}

static bool sum_is(uint64_t sum, uint16_t field)
{
  return checksum_fold(sum) == field;
}

/* Compares the field with sums that do not cover the segment: Linux (CHECKSUM_PARTIAL), the BSDs
 * and Windows leave the pseudo-header's folded sum, some drivers one without the length or the
 * complement. A complement is looked for only where `complete` says that every byte was there to be
 * checked before: each further value makes a chance match likelier (1 in 65,536). */
static bool is_offloaded(uint64_t pseudo, uint32_t length, uint16_t field, bool complete)
{
  const uint64_t with_length = checksum_add_u64(pseudo, htobe32(length));
  if (sum_is(with_length, field))
    return true;
  if (!complete)
    return false;
  return sum_is(pseudo, field) || sum_is(with_length, (uint16_t)~field);
}

/* header_bytes <= segment->length. Fills packet->payload_sum on the way. */
static enum checksum_state checksum_state(const struct decoder *decoder,
                                          const struct slice *segment, uint32_t header_bytes)
{
  struct packet *packet = decoder->packet;
  if (decoder->destination_later || (packet->facts & PACKET_FIRST_FRAGMENT))
    return CHECKSUM_UNKNOWN;
  const uint64_t pseudo = pseudo_header_sum(packet);
  const bool complete = segment->captured == segment->length;
  uint16_t field;
  memcpy(&field, segment->bytes + 16, sizeof field);
  if (complete) {
    const uint64_t payload =
        checksum_add(0, segment->bytes + header_bytes, segment->captured - header_bytes);
    packet->payload_sum = checksum_fold(payload);
    uint64_t sum = checksum_add_u64(pseudo, htobe32(segment->length));
    sum = checksum_add(sum, segment->bytes, header_bytes);
    if (sum_is(checksum_add_u64(sum, payload), 0xffff))
      return CHECKSUM_GOOD;
  }
  if (is_offloaded(pseudo, segment->length, field, complete))
    return CHECKSUM_OFFLOADED;
  if (!complete || (packet->facts & PACKET_LENGTH_GUESSED))
    return CHECKSUM_UNKNOWN;
  return CHECKSUM_BAD;
}

static void fields_read(struct packet *packet, const uint8_t *header)
{
  packet->src_port = read_be16(header);
  packet->dst_port = read_be16(header + 2);
  packet->seq = read_be32(header + 4);
  packet->ack = read_be32(header + 8);
  packet->flags = read_be16(header + 12) & 0x01ff;
  packet->window = read_be16(header + 14);
  packet->urgent = read_be16(header + 18);
}

/* Any change of a bit changes it; never 0. The multipliers are those of MurmurHash3's finaliser. */
static uint32_t payload_hash(const uint8_t *payload)
{
  uint64_t halves[2];
  _Static_assert(sizeof halves == PACKET_HASH_BYTES, "two words are hashed");
  memcpy(halves, payload, sizeof halves);
  uint64_t hash = (halves[0] ^ UINT64_C(0x9e3779b97f4a7c15)) * UINT64_C(0xff51afd7ed558ccd);
  hash = (hash ^ (hash >> 32) ^ halves[1]) * UINT64_C(0xc4ceb9fe1a85ec53);
  const uint32_t folded = (uint32_t)(hash ^ (hash >> 32));
  return folded != 0 ? folded : 1;
}

static void payload_measure(struct packet *packet, const struct slice *segment,
                            uint32_t header_bytes)
{
  packet->payload_bytes = segment->length - header_bytes;
  packet->captured_payload_bytes =
      segment->captured > header_bytes ? segment->captured - header_bytes : 0;
  if (packet->captured_payload_bytes < packet->payload_bytes)
    packet->facts |= PACKET_SNAPPED;
  if (packet->captured_payload_bytes >= PACKET_HASH_BYTES)
    packet->payload_hash = payload_hash(segment->bytes + header_bytes);
}

enum layer tcp_header_parse(struct decoder *decoder)
{
  struct packet *packet = decoder->packet;
  const struct slice segment = decoder->rest;
  const uint8_t *header = decoder_peek(decoder, TCP_HEADER_BYTES);
  if (header == NULL)
    return LAYER_DONE;
  const uint32_t header_bytes = (header[12] >> 4) * 4U;
  if (header_bytes < TCP_HEADER_BYTES)
    return decoder_end(decoder, PACKET_MALFORMED);
  if (header_bytes > segment.length)
    return decoder_end_short(decoder, header_bytes);
  fields_read(packet, header);
  payload_measure(packet, &segment, header_bytes);
  const uint32_t options_bytes = header_bytes - TCP_HEADER_BYTES;
  const uint8_t *options = header + TCP_HEADER_BYTES;
  if (options_bytes == TCP_ALIGNED_TIMESTAMPS_BYTES && segment.captured >= header_bytes &&
      read_be32(options) == TCP_ALIGNED_TIMESTAMPS) {
    timestamps_read(packet, options + 4);
  } else if (options_bytes != 0) {
    const uint32_t behind = segment.captured - TCP_HEADER_BYTES;
    options_parse(packet, options, behind < options_bytes ? behind : options_bytes, options_bytes);
  }
  packet->checksum = (uint8_t)checksum_state(decoder, &segment, header_bytes);
  return decoder_end(decoder, PACKET_TCP);
}
