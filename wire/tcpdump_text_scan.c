#include "wire/tcpdump_text_scan.h"

#include <ctype.h>
#include <string.h>

static size_t left(const struct text_scan *scan)
{
  return (size_t)(scan->end - scan->at);
}

static bool is_digit(char c)
{
  return c >= '0' && c <= '9';
}

/* 0..15, or -1. */
static int hex_value(char c)
{
  if (is_digit(c))
    return c - '0';
  if (c >= 'a' && c <= 'f')
    return c - 'a' + 10;
  if (c >= 'A' && c <= 'F')
    return c - 'A' + 10;
  return -1;
}

bool scan_done(const struct text_scan *scan)
{
  return scan->at == scan->end;
}

void scan_spaces(struct text_scan *scan)
{
  while (scan->at < scan->end && (*scan->at == ' ' || *scan->at == '\t'))
    scan->at++;
}

bool scan_literal(struct text_scan *scan, const char *literal)
{
  size_t size = strlen(literal);
  if (left(scan) < size || memcmp(scan->at, literal, size) != 0)
    return false;
  scan->at += size;
  return true;
}

bool scan_keyword(struct text_scan *scan, const char *literal)
{
  struct text_scan probe = *scan;
  if (!scan_literal(&probe, literal))
    return false;
  if (!scan_done(&probe) && isalnum((unsigned char)*probe.at))
    return false;
  *scan = probe;
  return true;
}

bool scan_decimal(struct text_scan *scan, uint64_t max, uint64_t *value)
{
  const char *at = scan->at;
  uint64_t sum = 0;
  while (at < scan->end && is_digit(*at)) {
    unsigned digit = (unsigned)(*at - '0');
    if (sum > (max - digit) / 10 || digit > max)
      return false;
    sum = sum * 10 + digit;
    at++;
  }
  if (at == scan->at)
    return false;
  scan->at = at;
  *value = sum;
  return true;
}

bool scan_u32(struct text_scan *scan, uint32_t *value)
{
  uint64_t wide;
  if (!scan_decimal(scan, UINT32_MAX, &wide))
    return false;
  *value = (uint32_t)wide;
  return true;
}

bool scan_hex32(struct text_scan *scan, bool need_prefix, uint32_t *value)
{
  struct text_scan probe = *scan;
  if (!scan_literal(&probe, "0x") && need_prefix)
    return false;
  uint32_t sum = 0;
  unsigned digits = 0;
  while (probe.at < probe.end && digits < 8 && hex_value(*probe.at) >= 0) {
    sum = sum << 4 | (uint32_t)hex_value(*probe.at);
    probe.at++;
    digits++;
  }
  if (digits == 0)
    return false;
  *scan = probe;
  *value = sum;
  return true;
}

bool scan_fixed_decimal(struct text_scan *scan, unsigned digits, uint32_t *value)
{
  if (left(scan) < digits)
    return false;
  uint32_t sum = 0;
  for (unsigned i = 0; i < digits; i++) {
    if (!is_digit(scan->at[i]))
      return false;
    sum = sum * 10 + (uint32_t)(scan->at[i] - '0');
  }
  scan->at += digits;
  *value = sum;
  return true;
}

bool scan_mac(struct text_scan *scan, uint8_t mac[6])
{
  struct text_scan probe = *scan;
  uint8_t bytes[6];
  for (int i = 0; i < 6; i++) {
    if (i > 0 && !scan_literal(&probe, ":"))
      return false;
    int value = -1;
    for (int digits = 0; digits < 2 && probe.at < probe.end; digits++) {
      int nibble = hex_value(*probe.at);
      if (nibble < 0)
        break;
      value = (value < 0 ? 0 : value) * 16 + nibble;
      probe.at++;
    }
    if (value < 0)
      return false;
    bytes[i] = (uint8_t)value;
  }
  memcpy(mac, bytes, sizeof bytes);
  *scan = probe;
  return true;
}

bool scan_word(struct text_scan *scan, struct text_span *word)
{
  const char *at = scan->at;
  while (at < scan->end && *at != ' ' && *at != '\t')
    at++;
  if (at == scan->at)
    return false;
  *word = (struct text_span){scan->at, (size_t)(at - scan->at)};
  scan->at = at;
  return true;
}

bool scan_past(struct text_scan *scan, char stop)
{
  const char *found = memchr(scan->at, stop, left(scan));
  if (found == NULL)
    return false;
  scan->at = found + 1;
  return true;
}

const char *scan_find(const struct text_scan *scan, const char *literal)
{
  return memmem(scan->at, left(scan), literal, strlen(literal));
}

bool span_equals(struct text_span span, const char *literal)
{
  return span.size == strlen(literal) && memcmp(span.start, literal, span.size) == 0;
}

bool span_decimal(struct text_span span, uint32_t max, uint32_t *value)
{
  struct text_scan scan = {span.start, span.start + span.size};
  uint64_t wide;
  if (span.size == 0 || !scan_decimal(&scan, max, &wide) || !scan_done(&scan))
    return false;
  *value = (uint32_t)wide;
  return true;
}
