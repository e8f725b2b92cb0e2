/* pcapng_same ORIGINAL ANNOTATED: the same blocks, byte for byte, but for comments that begin with
 * "tcpstall "; the original may be cut off in its last block. Prints how many blocks have such
 * comments; exit status 1 where something differs. */
#include "wire/pcapng_format.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct file {
  uint8_t *bytes;
  size_t size, at;
  bool big_endian;
  struct pcapng_block block;
};

static int load(struct file *file, const char *path)
{
  FILE *stream = fopen(path, "rb");
  long size = -1;
  if (stream != NULL && fseek(stream, 0, SEEK_END) == 0)
    size = ftell(stream);
  if (size <= 0)
    return -1;
  rewind(stream);
  file->size = (size_t)size;
  file->bytes = malloc(file->size);
  const bool read = file->bytes != NULL && fread(file->bytes, 1, file->size, stream) == file->size;
  fclose(stream);
  return read ? 0 : -1;
}

static bool next(struct file *file)
{
  size_t needed;
  struct error error;
  if (pcapng_block_read(&file->block, &file->big_endian, file->bytes + file->at,
                        file->size - file->at, &needed, &error) != PCAPNG_OK)
    return false;
  file->at += file->block.total_bytes;
  return true;
}

/* Takes our comments out of a packet block, in place. Returns how many there were. */
static unsigned strip(struct file *file)
{
  const bool packet =
      file->block.type == PCAPNG_ENHANCED_PACKET || file->block.type == PCAPNG_PACKET;
  struct pcapng_packet_record record;
  struct error error;
  unsigned found = 0;
  if (!packet ||
      pcapng_packet_read(&record, &file->block, file->big_endian, 0, &error) != PCAPNG_OK)
    return 0;
  uint8_t *body = file->bytes + (file->block.body - file->bytes);
  const size_t fixed = 20 + (((size_t)record.captured_bytes + 3) & ~(size_t)3);
  struct pcapng_options options = {.bytes = body + fixed,
                                   .size = file->block.body_bytes - fixed,
                                   .big_endian = file->big_endian};
  struct pcapng_option option;
  const uint8_t *rest = options.bytes;
  while (pcapng_option_next(&options, &option) && option.code == PCAPNG_OPTION_COMMENT &&
         option.length_bytes > 9 && memcmp(option.value, "tcpstall ", 9) == 0) {
    rest = option.value + ((option.length_bytes + 3U) & ~3U);
    found++;
  }
  const size_t left = (size_t)(body + file->block.body_bytes - rest);
  memmove(body + fixed, rest, left);
  file->block.body_bytes = (uint32_t)(fixed + left);
  return found;
}

/* An end of options that closes nothing but our comments goes with them. */
static bool same(const struct file *original, const struct file *annotated, bool commented)
{
  const struct pcapng_block *a = &original->block, *b = &annotated->block;
  static const uint8_t end[4] = {0};
  if (a->type != b->type || memcmp(a->body, b->body, a->body_bytes) != 0)
    return false;
  return a->body_bytes == b->body_bytes || (commented && a->body_bytes + 4 == b->body_bytes &&
                                            memcmp(b->body + a->body_bytes, end, 4) == 0);
}

int main(int argc, char **argv)
{
  struct file original = {0}, annotated = {0};
  unsigned commented = 0, blocks = 0;
  int status = EXIT_SUCCESS;
  if (argc != 3 || load(&original, argv[1]) < 0 || load(&annotated, argv[2]) < 0) {
    fputs("pcapng_same: cannot read both files\n", stderr);
    return 2;
  }
  while (status == EXIT_SUCCESS && next(&original)) {
    blocks++;
    const bool there = next(&annotated);
    strip(&original); /* those of an earlier writing */
    const unsigned found = there ? strip(&annotated) : 0;
    commented += found > 0;
    if (!there || annotated.block.body_bytes < original.block.body_bytes ||
        !same(&original, &annotated, found > 0)) {
      fprintf(stderr, "pcapng_same: block %u differs\n", blocks);
      status = EXIT_FAILURE;
    }
  }
  if (status == EXIT_SUCCESS && next(&annotated)) {
    fprintf(stderr, "pcapng_same: the annotated file has more than %u blocks\n", blocks);
    status = EXIT_FAILURE;
  }
  printf("%u\n", commented);
  free(original.bytes);
  free(annotated.bytes);
  return status;
}
