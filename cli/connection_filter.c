#include "cli/connection_filter.h"

#include "capture/filter.h"

#include <stdio.h>
#include <string.h>

#define LINKTYPE_RAW 101
#define TCP_BYTES    20
#define IPV4_BYTES   20
#define IPV6_BYTES   40

static void *compile(void *context, const char *text, char why[SELECTION_ERROR_SIZE])
{
  struct filter *filter;
  struct error error;
  const char *reason;
  (void)context;
  if (filter_compile(&filter, text, LINKTYPE_RAW, 0, &error) == 0)
    return filter;
  /* the text stands on the screen already: libpcap's reason is enough */
  reason = strstr(error.text, "\": ");
  snprintf(why, SELECTION_ERROR_SIZE, "%s: %.100s", text, reason != NULL ? reason + 3 : error.text);
  return NULL;
}

static void release(void *program)
{
  filter_free(program);
}

static size_t put_segment(uint8_t *bytes, const struct endpoint *from, const struct endpoint *to)
{
  const bool six = from->ip_version == 6;
  const size_t ip_bytes = six ? IPV6_BYTES : IPV4_BYTES;
  uint8_t *tcp = bytes + ip_bytes;
  memset(bytes, 0, ip_bytes + TCP_BYTES);
  if (six) {
    bytes[0] = 0x60;
    bytes[5] = TCP_BYTES;
    bytes[6] = 6; /* next header: TCP */
    bytes[7] = 64;
    memcpy(bytes + 8, from->address.bytes, 16);
    memcpy(bytes + 24, to->address.bytes, 16);
  } else {
    bytes[0] = 0x45;
    bytes[3] = IPV4_BYTES + TCP_BYTES;
    bytes[8] = 64;
    bytes[9] = 6; /* protocol: TCP */
    memcpy(bytes + 12, from->address.bytes + 12, 4);
    memcpy(bytes + 16, to->address.bytes + 12, 4);
  }
  tcp[0] = (uint8_t)(from->port >> 8);
  tcp[1] = (uint8_t)from->port;
  tcp[2] = (uint8_t)(to->port >> 8);
  tcp[3] = (uint8_t)to->port;
  tcp[12] = TCP_BYTES / 4 << 4;
  tcp[13] = 0x10; /* ACK */
  return ip_bytes + TCP_BYTES;
}

static bool matches(const void *program, const struct connection_summary *summary)
{
  uint8_t bytes[IPV6_BYTES + TCP_BYTES];
  struct frame frame = {.linktype = LINKTYPE_RAW, .bytes = bytes};
  for (int direction = 0; direction < 2; direction++) {
    const bool back = direction == 1;
    frame.captured_bytes = (uint32_t)put_segment(bytes, back ? &summary->server : &summary->client,
                                                 back ? &summary->client : &summary->server);
    frame.original_bytes = frame.captured_bytes;
    if (filter_matches(program, &frame))
      return true;
  }
  return false;
}

struct selection_language connection_filter_language(void)
{
  return (struct selection_language){.compile = compile, .matches = matches, .release = release};
}
