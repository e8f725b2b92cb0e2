/* Any bytes as a text: sniffed, fed line by line, taken, and every frame decoded. */
#include "wire/packet.h"
#include "wire/tcpdump_text.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take_all(struct tcpdump_text *text)
{
  struct frame frame;
  struct packet packet;
  unsigned excerpt;
  while (tcpdump_text_take(text, &frame, &excerpt)) {
    assert(excerpt < TCPDUMP_TEXT_EXCERPTS_MAX);
    assert(frame.captured_bytes <= frame.original_bytes);
    assert(frame.interface < TCPDUMP_TEXT_INTERFACES_MAX);
    packet_decode(&frame, &packet);
    tcpdump_text_host_name(text, &packet.src);
  }
}

static void ask(struct tcpdump_text *text)
{
  struct tcpdump_text_info info;
  struct ip_address address;
  uint8_t version;
  for (unsigned i = 0; i <= tcpdump_text_excerpt_count(text); i++)
    tcpdump_text_get_info(text, i, &info);
  for (size_t i = 0; tcpdump_text_host(text, i, &version, &address) != NULL; i++)
    assert(version == 4 || version == 6);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  const char *bytes = (const char *)data;
  struct tcpdump_text *text = tcpdump_text_new();
  if (text == NULL)
    return 0;
  tcpdump_text_probe(bytes, size);
  for (size_t at = 0; at < size;) {
    const char *newline = memchr(bytes + at, '\n', size - at);
    size_t length = newline == NULL ? size - at : (size_t)(newline - bytes) - at;
    tcpdump_text_line(text, bytes + at, length);
    take_all(text);
    at += length + 1;
  }
  tcpdump_text_end(text);
  take_all(text);
  ask(text);
  tcpdump_text_free(text);
  return 0;
}
