#include "report/stable_key.h"

#include <inttypes.h>
#include <stdio.h>

/* The 128-bit FNV offset basis and prime, 2^88 + 2^8 + 0x3b. */
#define OFFSET_HIGH UINT64_C(0x6c62272e07bb0142)
#define OFFSET_LOW  UINT64_C(0x62b821756295c58d)
#define PRIME_SHIFT 88u
#define PRIME_LOW   UINT64_C(0x13b)

#define LINE_BYTES 512

void stable_key(const char *text, char key[STABLE_KEY_BYTES])
{
  uint64_t high = OFFSET_HIGH, low = OFFSET_LOW;
  for (; *text != '\0'; text++) {
    low ^= (uint8_t)*text;
    /* times 0x13b, by halves of 32 bits, and times 2^88 */
    const uint64_t first = (low & UINT32_MAX) * PRIME_LOW;
    const uint64_t second = (low >> 32) * PRIME_LOW + (first >> 32);
    high = high * PRIME_LOW + (second >> 32) + (low << (PRIME_SHIFT - 64));
    low = second << 32 | (first & UINT32_MAX);
  }
  snprintf(key, STABLE_KEY_BYTES, "%016" PRIx64 "%016" PRIx64, high, low);
}

static const char *time_base_word(enum report_time_base base)
{
  return base == REPORT_TIME_EPOCH    ? "epoch"
         : base == REPORT_TIME_OF_DAY ? "time-of-day"
                                      : "relative";
}

void stable_key_capture(const struct report_capture *capture, char key[STABLE_KEY_BYTES])
{
  char line[LINE_BYTES];
  snprintf(
      line, sizeof line, "capture|%s|%" PRIu32 "|%s|%" PRIu64 "|%" PRIu64 "|%" PRId64 "|%" PRId64,
      time_base_word(capture->time_base), capture->excerpt, capture->interface, capture->frames,
      capture->stats.packets[PACKET_TCP], capture->stats.first_ns, capture->stats.last_ns);
  stable_key(line, key);
}

/* Times without a date come again every day, and those that count from the first packet in every
 * trace: then the capture belongs to a connection's identity. */
void stable_key_connection(const struct report_connection *connection, char key[STABLE_KEY_BYTES])
{
  const struct connection_summary *view = connection->views[0];
  char line[LINE_BYTES], capture[STABLE_KEY_BYTES] = "epoch";
  char client[IP_ADDRESS_TEXT_BYTES], server[IP_ADDRESS_TEXT_BYTES];
  ip_address_format(&view->client.address, view->client.ip_version, client);
  ip_address_format(&view->server.address, view->server.ip_version, server);
  if (connection->capture->time_base != REPORT_TIME_EPOCH)
    stable_key_capture(connection->capture, capture);
  snprintf(line, sizeof line, "connection|%s|%s|%u|%s|%u|%" PRId64, capture, client,
           view->client.port, server, view->server.port, view->start_ns);
  stable_key(line, key);
}

void stable_key_finding(const char *connection_key, const struct finding *finding,
                        char key[STABLE_KEY_BYTES])
{
  char line[LINE_BYTES];
  snprintf(line, sizeof line, "finding|%s|%s|%s|%s|%" PRId64, connection_key,
           finding_kind_name(finding->kind), stream_side_name(finding->sender),
           cause_info(finding->cause)->code, finding->start_ns);
  stable_key(line, key);
}
