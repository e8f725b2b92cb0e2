#include "recording_reader.h"

#include <stdio.h>
#include <stdlib.h>

static uint8_t *read_whole(const char *name, size_t *size)
{
  FILE *file = fopen(name, "rb");
  if (file == NULL)
    return NULL;
  uint8_t *bytes = NULL;
  if (fseek(file, 0, SEEK_END) == 0 && ftell(file) > 0) {
    *size = (size_t)ftell(file);
    rewind(file);
    bytes = malloc(*size);
    if (bytes != NULL && fread(bytes, 1, *size, file) != *size) {
      free(bytes);
      bytes = NULL;
    }
  }
  fclose(file);
  return bytes;
}

bool recording_reader_next(struct recording_reader *reader, struct pcapng_block *block)
{
  size_t needed;
  if (pcapng_block_read(block, &reader->big_endian, reader->bytes + reader->at,
                        reader->size - reader->at, &needed, &reader->error) != PCAPNG_OK)
    return false;
  reader->at += block->total_bytes;
  return true;
}

bool recording_reader_frame(const struct recording_reader *reader, const struct pcapng_block *block,
                            struct pcapng_packet_record *packet)
{
  struct error error;
  return block->type == PCAPNG_ENHANCED_PACKET &&
         pcapng_packet_read(packet, block, reader->big_endian, 0, &error) == PCAPNG_OK;
}

bool recording_reader_open(struct recording_reader *reader, const char *name)
{
  *reader = (struct recording_reader){0};
  reader->bytes = read_whole(name, &reader->size);
  return reader->bytes != NULL;
}

bool recording_reader_close(struct recording_reader *reader)
{
  const bool whole = reader->at == reader->size;
  free(reader->bytes);
  reader->bytes = NULL;
  return whole;
}
