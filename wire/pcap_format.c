#include "wire/pcap_format.h"

#include "wire/file_bytes.h"
#include "wire/timestamp.h"

/* Magic numbers as a little-endian reader sees them; the byte-swapped twin says big-endian. */
#define MAGIC_MICROSECONDS  UINT32_C(0xa1b2c3d4)
#define MAGIC_NANOSECONDS   UINT32_C(0xa1b23c4d)
#define MAGIC_MODIFIED      UINT32_C(0xa1b2cd34)
#define MAGIC_IXIA_HARDWARE UINT32_C(0x1c0001ac)
#define MAGIC_IXIA_SOFTWARE UINT32_C(0x1c0001ab)

#define RECORD_HEADER_BYTES 16
/* DG/UX's tcpdump says version 543.0 and writes the lengths as before 2.3. */
#define VERSION_MAJOR_DGUX 543

/* Upper half of the link type field (draft-ietf-opsawg-pcap, 4): FCS length in 16-bit words, a flag
 * that it is valid, and reserved bits. */
#define LINKTYPE_MASK      UINT32_C(0x0000ffff)
#define LINKTYPE_RESERVED  UINT32_C(0x03ff0000)
#define LINKTYPE_FCS_VALID UINT32_C(0x04000000)
#define LINKTYPE_FCS_SHIFT 28

#define LINKTYPE_DBUS    231
#define LINKTYPE_USBPCAP 249
#define LINKTYPE_EBHSCR  279

/* Plausibility of records when the variant has to be guessed: the limits Wireshark uses. */
#define GUESS_RECORDS            3
#define GUESS_ORIGINAL_BYTES_MAX UINT32_C(0x8000000)
#define GUESS_IFINDEX_MAX        UINT32_C(10000)
#define GUESS_PACKET_TYPE_MAX    5 /* Linux's PACKET_* of those days: host .. loopback */
#define PACKET_TYPE_OUTGOING     4

uint32_t captured_bytes_max(uint32_t linktype)
{
  switch (linktype) {
  case LINKTYPE_DBUS:
  case LINKTYPE_USBPCAP:
  case LINKTYPE_EBHSCR: return CAPTURED_BYTES_MAX_MESSAGE;
  default: return CAPTURED_BYTES_MAX;
  }
}

static uint8_t record_header_bytes(enum pcap_variant variant)
{
  switch (variant) {
  case PCAP_SS990417:
  case PCAP_SS991029: return RECORD_HEADER_BYTES + 8;
  case PCAP_SS990915: return RECORD_HEADER_BYTES + 12;
  case PCAP_NOKIA: return RECORD_HEADER_BYTES + 4;
  case PCAP_STANDARD: break;
  }
  return RECORD_HEADER_BYTES;
}

static void set_variant(struct pcap_format *format, enum pcap_variant variant)
{
  format->variant = variant;
  format->record_header_bytes = record_header_bytes(variant);
}

/* Fills what the magic number says; false if it is none of pcap's. */
static bool read_magic(struct pcap_format *format, uint32_t magic)
{
  format->ns_per_unit = 1000;
  format->file_header_bytes = PCAP_FILE_HEADER_BYTES;
  format->variant_open = false;
  set_variant(format, PCAP_STANDARD);
  switch (magic) {
  case MAGIC_MICROSECONDS: format->variant_open = true; return true;
  case MAGIC_NANOSECONDS: format->ns_per_unit = 1; return true;
  case MAGIC_MODIFIED:
    set_variant(format, PCAP_SS991029);
    format->variant_open = true;
    return true;
  case MAGIC_IXIA_HARDWARE:
    format->ns_per_unit = 1;
    format->file_header_bytes = PCAP_FILE_HEADER_BYTES_MAX;
    return true;
  case MAGIC_IXIA_SOFTWARE: format->file_header_bytes = PCAP_FILE_HEADER_BYTES_MAX; return true;
  default: return false;
  }
}

static bool find_byte_order(struct pcap_format *format, const uint8_t *bytes)
{
  for (int big = 0; big < 2; big++) {
    format->big_endian = big != 0;
    if (read_magic(format, file_u32(bytes, format->big_endian)))
      return true;
  }
  return false;
}

bool pcap_format_probe(const uint8_t *bytes, size_t size)
{
  struct pcap_format format;
  return size >= 4 && find_byte_order(&format, bytes);
}

static void read_version(struct pcap_format *format)
{
  format->length_order = PCAP_CAPTURED_FIRST;
  bool before_2_3 = format->version_major == 2 && format->version_minor < 3;
  if (before_2_3 || format->version_major == VERSION_MAJOR_DGUX)
    format->length_order = PCAP_ORIGINAL_FIRST;
  else if (format->version_major == 2 && format->version_minor == 3)
    format->length_order = PCAP_SMALLER_IS_CAPTURED;
  /* The patched libpcaps all wrote 2.4, so earlier versions need no guess. */
  if (format->length_order != PCAP_CAPTURED_FIRST)
    format->variant_open = false;
}

/* AIX writes version 2.2, nanoseconds, and RFC 1573's ifType where others have a link type; these
 * four values were no link types of that age. Returns false for any other field. */
static bool read_aix_linktype(struct pcap_format *format, uint32_t field)
{
  if (format->version_major != 2 || format->version_minor != 2 || format->ns_per_unit != 1000)
    return false;
  switch (field) {
  case 6: format->linktype = 1; break;   /* ethernetCsmacd */
  case 9: format->linktype = 6; break;   /* iso88025TokenRing */
  case 15: format->linktype = 10; break; /* fddi */
  case 24: format->linktype = 0; break;  /* softwareLoopback */
  default: return false;
  }
  format->ns_per_unit = 1;
  return true;
}

static int read_linktype(struct pcap_format *format, uint32_t field, struct error *error)
{
  format->fcs_bytes = 0;
  if (read_aix_linktype(format, field))
    return 0;
  if ((field & LINKTYPE_RESERVED) != 0)
    return error_set(error, ERROR_UNSUPPORTED,
                     "the link type field 0x%08x of the pcap header has reserved bits set", field);
  format->linktype = field & LINKTYPE_MASK;
  if ((field & LINKTYPE_FCS_VALID) != 0) {
    uint32_t fcs_bytes = (field >> LINKTYPE_FCS_SHIFT) * 2;
    if (fcs_bytes == 2 || fcs_bytes == 4)
      format->fcs_bytes = (uint8_t)fcs_bytes;
  }
  return 0;
}

int pcap_format_open(struct pcap_format *format, const uint8_t *bytes, size_t size,
                     struct error *error)
{
  *format = (struct pcap_format){0};
  if (size < 4 || !find_byte_order(format, bytes))
    return error_set(error, ERROR_FORMAT, "not a pcap file");
  if (size < format->file_header_bytes)
    return error_set(error, ERROR_FORMAT,
                     "cut off in the pcap file header: %zu of %u bytes are there", size,
                     format->file_header_bytes);
  format->version_major = file_u16(bytes + 4, format->big_endian);
  format->version_minor = file_u16(bytes + 6, format->big_endian);
  format->snaplen_bytes = file_u32(bytes + 16, format->big_endian);
  if (format->version_major < 2)
    return error_set(error, ERROR_UNSUPPORTED,
                     "pcap version %u.%u is not supported (2.0 and later are)",
                     format->version_major, format->version_minor);
  read_version(format);
  return read_linktype(format, file_u32(bytes + 20, format->big_endian), error);
}

/* The lengths of a record header, whatever their order in the file. */
struct record_lengths {
  uint32_t captured, original;
};

static inline struct record_lengths read_lengths(const struct pcap_format *format,
                                                 const uint8_t *header)
{
  struct record_lengths lengths = {file_u32(header + 8, format->big_endian),
                                   file_u32(header + 12, format->big_endian)};
  bool swap =
      format->length_order == PCAP_ORIGINAL_FIRST ||
      (format->length_order == PCAP_SMALLER_IS_CAPTURED && lengths.captured > lengths.original);
  if (swap)
    return (struct record_lengths){lengths.original, lengths.captured};
  return lengths;
}

/* The four bytes that Nokia's firewalls put into a record header, as far as they were ever seen the
 * same. */
#define NOKIA_STUFF_MASK  UINT32_C(0x0fff00f0)
#define NOKIA_STUFF_VALUE UINT32_C(0x0fbf0000)

static bool extra_is_possible(const struct pcap_format *format, enum pcap_variant variant,
                              const uint8_t *header)
{
  uint32_t word = variant == PCAP_STANDARD ? 0 : file_u32(header + 16, format->big_endian);
  if (variant == PCAP_STANDARD)
    return true;
  if (variant == PCAP_NOKIA)
    return (word & NOKIA_STUFF_MASK) == NOKIA_STUFF_VALUE;
  return word <= GUESS_IFINDEX_MAX && header[22] <= GUESS_PACKET_TYPE_MAX;
}

/* false if the record header at `header`, whose bytes are all there, has impossible fields. */
static bool header_is_possible(const struct pcap_format *format, enum pcap_variant variant,
                               const uint8_t *header)
{
  struct record_lengths lengths = read_lengths(format, header);
  uint32_t snaplen = format->snaplen_bytes == 0 ? UINT32_MAX : format->snaplen_bytes;
  return file_u32(header + 4, format->big_endian) < 1000000 && lengths.captured <= snaplen &&
         lengths.captured <= captured_bytes_max(format->linktype) &&
         lengths.captured <= lengths.original && lengths.original <= GUESS_ORIGINAL_BYTES_MAX &&
         extra_is_possible(format, variant, header);
}

/* true if the first records, as far as they are here, make sense as this variant. */
static bool records_are_possible(const struct pcap_format *format, enum pcap_variant variant,
                                 const uint8_t *bytes, size_t size, bool whole)
{
  size_t header_bytes = record_header_bytes(variant), at = 0;
  for (int record = 0; record < GUESS_RECORDS && at < size; record++) {
    if (size - at < header_bytes)
      return !whole;
    if (!header_is_possible(format, variant, bytes + at))
      return false;
    uint32_t captured = read_lengths(format, bytes + at).captured;
    at += header_bytes;
    if (captured > size - at)
      return !whole;
    at += captured;
  }
  return true;
}

void pcap_format_guess(struct pcap_format *format, const uint8_t *bytes, size_t size, bool whole)
{
  static const enum pcap_variant of_standard[] = {PCAP_STANDARD, PCAP_SS990417, PCAP_NOKIA};
  static const enum pcap_variant of_modified[] = {PCAP_SS991029, PCAP_SS990915};
  if (!format->variant_open)
    return;
  format->variant_open = false;
  bool modified = format->variant == PCAP_SS991029;
  const enum pcap_variant *variants = modified ? of_modified : of_standard;
  size_t count = modified ? 2 : 3;
  for (size_t i = 0; i < count; i++) {
    if (records_are_possible(format, variants[i], bytes, size, whole)) {
      set_variant(format, variants[i]);
      return;
    }
  }
}

static uint8_t read_direction(const struct pcap_format *format, const uint8_t *header)
{
  if (format->variant == PCAP_STANDARD || format->variant == PCAP_NOKIA)
    return PACKET_DIR_UNKNOWN;
  return header[22] == PACKET_TYPE_OUTGOING ? PACKET_DIR_OUT : PACKET_DIR_IN;
}

static enum pcap_walk_stop stop_bad(struct pcap_walk *walk, uint32_t captured, uint32_t limit)
{
  error_set(&walk->error, ERROR_FORMAT,
            "damaged: the record of frame %llu says that %u bytes were captured (at most %u are "
            "possible)",
            (unsigned long long)walk->next_number, captured, limit);
  return PCAP_WALK_BAD;
}

enum pcap_walk_stop pcap_format_walk(const struct pcap_format *format, const uint8_t *bytes,
                                     size_t size, struct frame *frames, size_t max, size_t *count,
                                     struct pcap_walk *walk)
{
  const size_t header_bytes = format->record_header_bytes;
  const uint32_t limit = captured_bytes_max(format->linktype);
  const uint32_t units_per_second = format->ns_per_unit == 1 ? 1000000000 : 1000000;
  enum pcap_walk_stop stop = PCAP_WALK_FULL;
  size_t at = 0, found = 0;
  for (; found < max; found++) {
    if (size - at < header_bytes) {
      walk->needed = header_bytes;
      stop = PCAP_WALK_MORE;
      break;
    }
    const uint8_t *header = bytes + at;
    struct record_lengths lengths = read_lengths(format, header);
    if (lengths.captured > limit) {
      stop = stop_bad(walk, lengths.captured, limit);
      break;
    }
    if (size - at - header_bytes < lengths.captured) {
      walk->needed = header_bytes + lengths.captured;
      stop = PCAP_WALK_MORE;
      break;
    }
    uint32_t units = file_u32(header + 4, format->big_endian);
    if (units >= units_per_second || lengths.captured > lengths.original)
      walk->corrected++;
    frames[found] = (struct frame){
        .time_ns = (int64_t)file_u32(header, format->big_endian) * NS_PER_S +
                   (int64_t)units * format->ns_per_unit,
        .number = walk->next_number++,
        .linktype = format->linktype,
        .captured_bytes = lengths.captured,
        .original_bytes = lengths.captured > lengths.original ? lengths.captured : lengths.original,
        .direction = read_direction(format, header),
        .fcs_bytes = format->fcs_bytes,
        .bytes = header + header_bytes,
    };
    at += header_bytes + lengths.captured;
  }
  *count = found;
  walk->used = at;
  return stop;
}
