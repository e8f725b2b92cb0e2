#include "pcap_input.h"

#define PCAP_NS_MAGIC UINT32_C(0xa1b23c4d)

enum { ETHER_SIZE = 14, IPV6_SIZE = 40, TCP_SIZE = 20, PROTOCOL_TCP = 6 };

bool pcap_input_next(struct pcap_input *in)
{
  in->have = fread(&in->record, sizeof in->record, 1, in->file) == 1 &&
             in->record.captured <= LAB_FRAME_BYTES &&
             fread(in->bytes, in->record.captured, 1, in->file) == 1;
  in->time_ns = in->record.seconds * NS_PER_S + in->record.nanoseconds;
  return in->have;
}

bool pcap_input_open(struct pcap_input *in, const char *name, const char *mode)
{
  in->file = fopen(name, mode);
  return in->file != NULL && fread(&in->header, sizeof in->header, 1, in->file) == 1 &&
         in->header.magic == PCAP_NS_MAGIC;
}

static size_t get16(const uint8_t *p)
{
  return (size_t)p[0] << 8 | p[1];
}

/* Where the TCP header starts, 0 if this is not TCP right behind IP. */
static size_t tcp_offset(const uint8_t *bytes, size_t captured)
{
  if (captured < ETHER_SIZE + IPV6_SIZE)
    return 0;
  const uint8_t *ip = bytes + ETHER_SIZE;
  if (get16(bytes + 12) == 0x0800 && ip[9] == PROTOCOL_TCP)
    return ETHER_SIZE + (size_t)(ip[0] & 15) * 4;
  if (get16(bytes + 12) == 0x86dd && ip[6] == PROTOCOL_TCP)
    return ETHER_SIZE + IPV6_SIZE;
  return 0;
}

uint32_t frame_kept_bytes(const uint8_t *bytes, size_t captured, size_t payload)
{
  const size_t tcp = tcp_offset(bytes, captured);
  if (tcp == 0 || tcp + TCP_SIZE > captured)
    return (uint32_t)captured;
  const size_t kept = tcp + (size_t)(bytes[tcp + 12] >> 4) * 4 + payload;
  return (uint32_t)(kept < captured ? kept : captured);
}
