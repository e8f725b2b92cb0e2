#ifndef WIRE_TCPDUMP_TEXT_SCAN_H
#define WIRE_TCPDUMP_TEXT_SCAN_H

/* A cursor over one line of text that never leaves it. Every scan_ function either consumes what it
 * names and returns true, or leaves the cursor where it was and returns false. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text_scan {
  const char *at, *end;
};

/* A piece of text that somebody else owns. */
struct text_span {
  const char *start;
  size_t size;
};

bool scan_done(const struct text_scan *scan);
void scan_spaces(struct text_scan *scan);
/* The exact characters of `literal` (NUL-terminated). */
bool scan_literal(struct text_scan *scan, const char *literal);
/* `literal`, then the end of the text or something that cannot continue a word (no letter, no
 * digit). */
bool scan_keyword(struct text_scan *scan, const char *literal);
/* Decimal digits; a value above `max` is refused. */
bool scan_decimal(struct text_scan *scan, uint64_t max, uint64_t *value);
bool scan_u32(struct text_scan *scan, uint32_t *value);
/* "0x" and up to eight hexadecimal digits; the "0x" may be missing if !need_prefix. */
bool scan_hex32(struct text_scan *scan, bool need_prefix, uint32_t *value);
/* Exactly `digits` decimal digits. */
bool scan_fixed_decimal(struct text_scan *scan, unsigned digits, uint32_t *value);
/* aa:bb:cc:dd:ee:ff; the old tcpdump leaves out leading zeros. */
bool scan_mac(struct text_scan *scan, uint8_t mac[6]);
/* Everything up to the next space; false if there is nothing. */
bool scan_word(struct text_scan *scan, struct text_span *word);
/* Moves behind the next `stop`; false (and nowhere) if there is none. */
bool scan_past(struct text_scan *scan, char stop);
/* Where `literal` begins at or after the cursor; NULL if nowhere. */
const char *scan_find(const struct text_scan *scan, const char *literal);

bool span_equals(struct text_span span, const char *literal);
bool span_decimal(struct text_span span, uint32_t max, uint32_t *value);

#endif
