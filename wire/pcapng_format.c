#include "wire/pcapng_format.h"

#include "wire/file_bytes.h"
#include "wire/timestamp.h"

__extension__ typedef __int128 wide_int; /* 64 bits of units times 10^9 need 94 */

#define BLOCK_OVERHEAD_BYTES 12
#define BYTE_ORDER_MAGIC     UINT32_C(0x1a2b3c4d)

/* Blocks that sysdig and Falco write, whose events Wireshark shows as frames. */
#define SYSDIG_EVENT          0x204
#define SYSDIG_EVENT_V2       0x216
#define SYSDIG_EVENT_V2_LARGE 0x221

enum interface_option {
  IF_NAME = 2,
  IF_DESCRIPTION = 3,
  IF_TSRESOL = 9,
  IF_FILTER = 11,
  IF_FCSLEN = 13,
  IF_TSOFFSET = 14
};

enum packet_option { EPB_FLAGS = 2, EPB_DROPCOUNT = 4 };

enum statistics_option { ISB_IFRECV = 4, ISB_IFDROP = 5, ISB_OSDROP = 7 };

enum name_record { NRB_END = 0, NRB_IPV4 = 1, NRB_IPV6 = 2 };

#define TSRESOL_DEFAULT      6 /* microseconds */
#define TSRESOL_POWER_OF_TWO 0x80

static size_t padded(size_t size)
{
  return (size + 3) & ~(size_t)3;
}

bool pcapng_probe(const uint8_t *bytes, size_t size)
{
  return size >= 12 && file_u32(bytes, false) == PCAPNG_SECTION_HEADER &&
         (file_u32(bytes + 8, false) == BYTE_ORDER_MAGIC ||
          file_u32(bytes + 8, true) == BYTE_ORDER_MAGIC);
}

static enum pcapng_result more(size_t *needed, size_t size)
{
  *needed = size;
  return PCAPNG_MORE;
}

/* A section header carries the byte order of what follows, its own length included. */
static enum pcapng_result read_section_order(bool *big_endian, const uint8_t *bytes, size_t size,
                                             size_t *needed, struct error *error)
{
  if (size < PCAPNG_SECTION_HEADER_BYTES_MIN)
    return more(needed, PCAPNG_SECTION_HEADER_BYTES_MIN);
  if (!pcapng_probe(bytes, size)) {
    error_set(error, ERROR_FORMAT, "damaged: section header without its byte-order magic");
    return PCAPNG_BAD;
  }
  *big_endian = file_u32(bytes + 8, true) == BYTE_ORDER_MAGIC;
  unsigned major = file_u16(bytes + 12, *big_endian), minor = file_u16(bytes + 14, *big_endian);
  if (major == 1 && (minor == 0 || minor == 2))
    return PCAPNG_OK;
  error_set(error, ERROR_UNSUPPORTED, "pcapng version %u.%u is not supported (1.0 and 1.2 are)",
            major, minor);
  return PCAPNG_BAD;
}

static enum pcapng_result bad_length(struct error *error, uint32_t type, uint32_t length,
                                     const char *why)
{
  error_set(error, ERROR_FORMAT,
            "damaged: the block (type 0x%08x) says that it is %u bytes long: %s", type, length,
            why);
  return PCAPNG_BAD;
}

enum pcapng_result pcapng_block_read(struct pcapng_block *block, bool *big_endian,
                                     const uint8_t *bytes, size_t size, size_t *needed,
                                     struct error *error)
{
  if (size < BLOCK_OVERHEAD_BYTES)
    return more(needed, BLOCK_OVERHEAD_BYTES);
  uint32_t least = BLOCK_OVERHEAD_BYTES;
  if (file_u32(bytes, false) == PCAPNG_SECTION_HEADER) { /* the same in both byte orders */
    enum pcapng_result result = read_section_order(big_endian, bytes, size, needed, error);
    if (result != PCAPNG_OK)
      return result;
    least = PCAPNG_SECTION_HEADER_BYTES_MIN;
  }
  uint32_t type = file_u32(bytes, *big_endian), length = file_u32(bytes + 4, *big_endian);
  if (length < least)
    return bad_length(error, type, length, "that is less than its fixed fields");
  if (length > PCAPNG_BLOCK_BYTES_MAX)
    return bad_length(error, type, length, "more than 128 MiB");
  size_t total = padded(length);
  if (size < total)
    return more(needed, total);
  uint32_t trailing = file_u32(bytes + total - 4, *big_endian);
  if (trailing != length) {
    error_set(error, ERROR_FORMAT,
              "damaged: the block (type 0x%08x) is %u bytes long by its first length field and %u "
              "by its last",
              type, length, trailing);
    return PCAPNG_BAD;
  }
  *block = (struct pcapng_block){.type = type,
                                 .total_bytes = (uint32_t)total,
                                 .body = bytes + 8,
                                 .body_bytes = (uint32_t)total - BLOCK_OVERHEAD_BYTES};
  return PCAPNG_OK;
}

bool pcapng_block_is_numbered(uint32_t type)
{
  switch (type) {
  case PCAPNG_SYSTEMD_JOURNAL:
  case PCAPNG_CUSTOM:
  case PCAPNG_CUSTOM_NO_COPY:
  case SYSDIG_EVENT:
  case SYSDIG_EVENT_V2:
  case SYSDIG_EVENT_V2_LARGE: return true;
  default: return false;
  }
}

bool pcapng_option_next(struct pcapng_options *options, struct pcapng_option *option)
{
  if (options->size < 4)
    return false;
  option->code = file_u16(options->bytes, options->big_endian);
  option->length_bytes = file_u16(options->bytes + 2, options->big_endian);
  option->value = options->bytes + 4;
  if (option->code == PCAPNG_OPTION_END) {
    options->size = 0;
    return false;
  }
  size_t room = options->size - 4;
  if (option->length_bytes > room) {
    options->overrun = true;
    options->size = 0;
    return false;
  }
  size_t step = padded(option->length_bytes);
  if (step > room)
    step = room;
  options->bytes += 4 + step;
  options->size = room - step;
  return true;
}

static struct pcapng_options options_of(const struct pcapng_block *block, size_t fixed_bytes,
                                        bool big_endian)
{
  return (struct pcapng_options){.bytes = block->body + fixed_bytes,
                                 .size = block->body_bytes - fixed_bytes,
                                 .big_endian = big_endian};
}

static enum pcapng_result too_short(struct error *error, const char *what)
{
  error_set(error, ERROR_FORMAT, "damaged: %s block is shorter than its fixed fields", what);
  return PCAPNG_BAD;
}

static struct pcapng_text text_of(const struct pcapng_option *option)
{
  return (struct pcapng_text){(const char *)option->value, option->length_bytes};
}

/* The draft says bits; its example and some writers mean bytes. */
static uint8_t fcs_bytes_of(uint8_t value)
{
  switch (value) {
  case 2:
  case 16: return 2;
  case 4:
  case 32: return 4;
  default: return 0;
  }
}

static void read_interface_option(struct pcapng_interface_record *interface,
                                  const struct pcapng_option *option, bool big_endian)
{
  switch (option->code) {
  case IF_NAME: interface->name = text_of(option); break;
  case IF_DESCRIPTION: interface->description = text_of(option); break;
  case PCAPNG_OPTION_COMMENT:
    if (interface->comment.size == 0)
      interface->comment = text_of(option);
    break;
  case IF_FILTER: /* a byte says that the filter is text; then the text */
    if (option->length_bytes > 0 && option->value[0] == 0)
      interface->filter =
          (struct pcapng_text){(const char *)option->value + 1, option->length_bytes - 1U};
    break;
  case IF_TSRESOL:
    if (option->length_bytes == 1)
      interface->tsresol = option->value[0];
    break;
  case IF_FCSLEN:
    if (option->length_bytes == 1)
      interface->fcs_bytes = fcs_bytes_of(option->value[0]);
    break;
  case IF_TSOFFSET:
    if (option->length_bytes == 8)
      interface->tsoffset_s = (int64_t)file_u64(option->value, big_endian);
    break;
  default: break;
  }
}

enum pcapng_result pcapng_interface_read(struct pcapng_interface_record *interface,
                                         const struct pcapng_block *block, bool big_endian,
                                         struct error *error)
{
  if (block->body_bytes < 8)
    return too_short(error, "an interface description");
  *interface = (struct pcapng_interface_record){
      .linktype = file_u16(block->body, big_endian),
      .snaplen_bytes = file_u32(block->body + 4, big_endian),
      .tsresol = TSRESOL_DEFAULT,
  };
  struct pcapng_options options = options_of(block, 8, big_endian);
  struct pcapng_option option;
  while (pcapng_option_next(&options, &option))
    read_interface_option(interface, &option, big_endian);
  return PCAPNG_OK;
}

/* epb_flags: bits 0-1 direction (1 inbound, 2 outbound), bits 5-8 FCS length in bytes. */
static void read_packet_flags(struct pcapng_packet_record *packet, uint32_t flags)
{
  uint32_t direction = flags & 3;
  if (direction == 1)
    packet->direction = PACKET_DIR_IN;
  else if (direction == 2)
    packet->direction = PACKET_DIR_OUT;
  packet->fcs_bytes = fcs_bytes_of((uint8_t)(flags >> 5 & 0x0f));
}

static void read_packet_options(struct pcapng_packet_record *packet, struct pcapng_options options)
{
  struct pcapng_option option;
  while (pcapng_option_next(&options, &option)) {
    if (option.code == EPB_FLAGS && option.length_bytes == 4) {
      read_packet_flags(packet, file_u32(option.value, options.big_endian));
    } else if (option.code == EPB_DROPCOUNT && option.length_bytes == 8) {
      packet->drop_count = file_u64(option.value, options.big_endian);
      packet->has_drop_count = true;
    } else if (option.code == PCAPNG_OPTION_CUSTOM_BINARY &&
               part_mark_read(&packet->mark, option.value, option.length_bytes,
                              options.big_endian)) {
      packet->has_mark = true;
      packet->has_time = (packet->mark.flags & PART_MARK_NO_TIME) == 0;
    }
  }
}

uint64_t pcapng_packet_number(const struct pcapng_packet_record *packet, uint64_t *next_number)
{
  if (packet->has_mark && (packet->mark.flags & PART_MARK_LATE) != 0)
    return packet->mark.number;
  if (packet->has_mark && packet->mark.number > *next_number)
    *next_number = packet->mark.number;
  return (*next_number)++;
}

/* Enhanced and obsolete packet blocks differ in their first word only. */
static enum pcapng_result read_timed_packet(struct pcapng_packet_record *packet,
                                            const struct pcapng_block *block, bool big_endian,
                                            struct error *error)
{
  const uint8_t *body = block->body;
  packet->has_time = true;
  packet->time_units =
      (uint64_t)file_u32(body + 4, big_endian) << 32 | file_u32(body + 8, big_endian);
  packet->captured_bytes = file_u32(body + 12, big_endian);
  packet->original_bytes = file_u32(body + 16, big_endian);
  packet->bytes = body + 20;
  if (packet->captured_bytes > block->body_bytes - 20) {
    error_set(error, ERROR_FORMAT,
              "damaged: a packet block says that %u bytes were captured, and has room for %u",
              packet->captured_bytes, block->body_bytes - 20);
    return PCAPNG_BAD;
  }
  size_t data_bytes = padded(packet->captured_bytes);
  if (data_bytes + 20 < block->body_bytes)
    read_packet_options(packet, options_of(block, 20 + data_bytes, big_endian));
  return PCAPNG_OK;
}

static enum pcapng_result read_simple_packet(struct pcapng_packet_record *packet,
                                             const struct pcapng_block *block, bool big_endian,
                                             uint32_t snaplen_bytes)
{
  packet->original_bytes = file_u32(block->body, big_endian);
  packet->captured_bytes = packet->original_bytes;
  if (snaplen_bytes != 0 && packet->captured_bytes > snaplen_bytes)
    packet->captured_bytes = snaplen_bytes;
  if (packet->captured_bytes > block->body_bytes - 4)
    packet->captured_bytes = block->body_bytes - 4;
  packet->bytes = block->body + 4;
  return PCAPNG_OK;
}

enum pcapng_result pcapng_packet_read(struct pcapng_packet_record *packet,
                                      const struct pcapng_block *block, bool big_endian,
                                      uint32_t snaplen_bytes, struct error *error)
{
  *packet = (struct pcapng_packet_record){0};
  if (block->type == PCAPNG_SIMPLE_PACKET) {
    if (block->body_bytes < 4)
      return too_short(error, "a simple packet");
    return read_simple_packet(packet, block, big_endian, snaplen_bytes);
  }
  if (block->body_bytes < 20)
    return too_short(error, "a packet");
  if (block->type == PCAPNG_ENHANCED_PACKET) {
    packet->interface = file_u32(block->body, big_endian);
  } else {
    packet->interface = file_u16(block->body, big_endian);
    uint16_t drops = file_u16(block->body + 2, big_endian);
    packet->has_drop_count = drops != UINT16_MAX; /* which means: not known */
    packet->drop_count = packet->has_drop_count ? drops : 0;
  }
  return read_timed_packet(packet, block, big_endian, error);
}

enum pcapng_result pcapng_statistics_read(struct pcapng_statistics_record *statistics,
                                          const struct pcapng_block *block, bool big_endian,
                                          struct error *error)
{
  if (block->body_bytes < 12)
    return too_short(error, "an interface statistics");
  *statistics = (struct pcapng_statistics_record){
      .interface = file_u32(block->body, big_endian),
      .time_units = (uint64_t)file_u32(block->body + 4, big_endian) << 32 |
                    file_u32(block->body + 8, big_endian),
      .options = options_of(block, 12, big_endian),
  };
  struct pcapng_options options = statistics->options;
  struct pcapng_option option;
  while (pcapng_option_next(&options, &option)) {
    if (option.length_bytes != 8)
      continue;
    uint64_t value = file_u64(option.value, big_endian);
    if (option.code == ISB_IFRECV) {
      statistics->has_received = true;
      statistics->received = value;
    } else if (option.code == ISB_IFDROP || option.code == ISB_OSDROP) {
      statistics->has_dropped = true;
      statistics->dropped =
          value > UINT64_MAX - statistics->dropped ? UINT64_MAX : statistics->dropped + value;
    }
  }
  return PCAPNG_OK;
}

void pcapng_names_begin(struct pcapng_names *names, const struct pcapng_block *block,
                        bool big_endian)
{
  *names = (struct pcapng_names){
      .bytes = block->body, .size = block->body_bytes, .big_endian = big_endian};
}

/* Steps to the next record with an IP address; false at the end. */
static bool next_name_record(struct pcapng_names *names)
{
  while (names->size >= 4) {
    uint16_t type = file_u16(names->bytes, names->big_endian);
    size_t length = file_u16(names->bytes + 2, names->big_endian), room = names->size - 4;
    const uint8_t *value = names->bytes + 4;
    if (type == NRB_END || length > room)
      break;
    size_t step = padded(length) < room ? padded(length) : room;
    names->bytes += 4 + step;
    names->size = room - step;
    size_t address_bytes = type == NRB_IPV4 ? 4 : 16;
    if ((type != NRB_IPV4 && type != NRB_IPV6) || length < address_bytes)
      continue;
    names->address = (struct ip_address){{0}};
    if (type == NRB_IPV4)
      names->address.bytes[10] = names->address.bytes[11] = 0xff;
    memcpy(names->address.bytes + 16 - address_bytes, value, address_bytes);
    names->ip_version = type == NRB_IPV4 ? 4 : 6;
    names->more = value + address_bytes;
    names->more_bytes = length - address_bytes;
    return true;
  }
  names->size = 0;
  return false;
}

bool pcapng_names_next(struct pcapng_names *names, struct ip_address *address, uint8_t *ip_version,
                       struct pcapng_text *name)
{
  for (;;) {
    while (names->more_bytes == 0)
      if (!next_name_record(names))
        return false;
    const uint8_t *end = memchr(names->more, 0, names->more_bytes);
    size_t length = end == NULL ? names->more_bytes : (size_t)(end - names->more);
    *name = (struct pcapng_text){(const char *)names->more, length};
    size_t step = end == NULL ? length : length + 1;
    names->more += step;
    names->more_bytes -= step;
    if (length == 0)
      continue;
    *address = names->address;
    *ip_version = names->ip_version;
    return true;
  }
}

static wide_int power_of_ten(unsigned exponent)
{
  wide_int power = 1;
  while (exponent-- > 0)
    power *= 10;
  return power;
}

int64_t pcapng_time_ns(uint64_t units, uint8_t tsresol, int64_t tsoffset_s)
{
  unsigned exponent = tsresol & 0x7f;
  wide_int ns;
  if ((tsresol & TSRESOL_POWER_OF_TWO) != 0)
    ns = exponent >= 100 ? 0 : (wide_int)units * NS_PER_S >> exponent;
  else if (exponent <= 9)
    ns = (wide_int)units * power_of_ten(9 - exponent);
  else
    ns = exponent - 9 > 19 ? 0 : (wide_int)units / power_of_ten(exponent - 9);
  ns += (wide_int)tsoffset_s * NS_PER_S;
  if (ns > INT64_MAX || ns <= INT64_MIN)
    return TIME_INVALID;
  return (int64_t)ns;
}

uint64_t pcapng_time_moved(uint64_t units, uint8_t tsresol, int64_t by_ns)
{
  const unsigned exponent = tsresol & 0x7f;
  wide_int by = by_ns;
  if ((tsresol & TSRESOL_POWER_OF_TWO) != 0)
    by = exponent >= 64 ? 0 : by * ((wide_int)1 << exponent) / NS_PER_S;
  else if (exponent <= 9)
    by /= power_of_ten(9 - exponent);
  else
    by = exponent - 9 > 18 ? 0 : by * power_of_ten(exponent - 9);
  by += (wide_int)units;
  return by < 0 || by > UINT64_MAX ? units : (uint64_t)by;
}
