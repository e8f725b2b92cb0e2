#ifndef WIRE_PCAPNG_EDIT_H
#define WIRE_PCAPNG_EDIT_H

/* Blocks of pcapng that are changed in one place and stay as they are, byte for byte, in all
 * others: comments are added, an interface is renumbered, a time is moved. The blocks are whole, as
 * pcapng_block_read() has found them, in their section's byte order. */

#include "wire/error.h"
#include "wire/pcapng_format.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A block in the making: start with all zero, use it again and again, free it at the end. */
struct pcapng_edit {
  uint8_t *bytes;
  size_t size, capacity;
  bool big_endian;
};

void pcapng_edit_free(struct pcapng_edit *edit);

/* Takes a copy of a block. Returns 0 or ERROR_MEMORY. */
int pcapng_edit_take(struct pcapng_edit *edit, const uint8_t *block, size_t size, bool big_endian,
                     struct error *error);

/* Adds an opt_comment in front of the block's options, so the one added last stands first. Texts of
 * more than 65535 bytes are cut. Returns 0, ERROR_MEMORY, or ERROR_UNSUPPORTED for blocks that have
 * no options, or none that we know the place of. */
int pcapng_edit_comment(struct pcapng_edit *edit, const char *text, struct error *error);

/* The same for any option: up to 65535 bytes, which are not looked at. */
int pcapng_edit_option(struct pcapng_edit *edit, uint16_t code, const void *value, size_t size,
                       struct error *error);

/* Begins an enhanced packet block: interface, time, lengths, bytes and direction are the packet's.
 * Returns 0, ERROR_MEMORY or ERROR_LIMIT. */
int pcapng_edit_packet(struct pcapng_edit *edit, const struct pcapng_packet_record *packet,
                       bool big_endian, struct error *error);

/* The length of a section, in its header, becomes "not said". */
void pcapng_edit_forget_length(struct pcapng_edit *edit);

/* Of packet blocks (but the simple ones, which name none) and interface statistics. false: it is
 * another block, or the obsolete packet block, whose interfaces have 16 bits, has no room for it.
 */
bool pcapng_edit_set_interface(struct pcapng_edit *edit, uint32_t interface);
bool pcapng_edit_set_time(struct pcapng_edit *edit, uint64_t time_units);
/* The interface and time that are there; false: another block. */
bool pcapng_edit_get(const struct pcapng_edit *edit, uint32_t *interface, uint64_t *time_units);

#endif
