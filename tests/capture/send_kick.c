/* Sends kicks (cli/kick.h) through an interface, one after the other, for kick.sh.
 *
 *   send_kick IF echo|arp SRC DST [ETHER_SRC ETHER_DST] [INTERVAL_MS [PAUSE_MS...]]
 *
 * IF may be IF@NETNS. One kick, and one more after each pause. Prints a line for each: "sent NUMBER
 * TIME_NS WHAT", "not yet", or "failed: WHY". Exit status 2 if the interface cannot be opened. */
#include "cli/kick.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool parse_address(const char *text, struct ip_address *address, uint8_t *ip_version)
{
  memset(address, 0, sizeof *address);
  address->bytes[10] = address->bytes[11] = 0xff;
  *ip_version = 4;
  if (inet_pton(AF_INET, text, address->bytes + 12) == 1)
    return true;
  *ip_version = 6;
  return inet_pton(AF_INET6, text, address->bytes) == 1;
}

static bool parse_ether(const char *text, uint8_t *ether)
{
  for (int i = 0; i < 6; i++) {
    char *end;
    ether[i] = (uint8_t)strtoul(text, &end, 16);
    if (end == text || *end != (i < 5 ? ':' : '\0'))
      return false;
    text = end + 1;
  }
  return true;
}

static void send_one(struct kick *kick, const struct kick_request *request)
{
  struct kick_sent sent;
  struct error error;
  int rc = kick_send(kick, request, &sent, &error);
  if (rc < 0)
    printf("failed: %s\n", error.text);
  else if (rc == 0)
    printf("not yet\n");
  else
    printf("sent %u %" PRId64 " %s\n", sent.number, sent.time_ns, sent.what);
  fflush(stdout);
}

int main(int argc, char **argv)
{
  struct kick_request request = {.src_port = 1, .dst_port = 2};
  struct kick *kick;
  struct error error;
  if (argc < 5 || !parse_address(argv[3], &request.src, &request.ip_version) ||
      !parse_address(argv[4], &request.dst, &request.ip_version)) {
    fprintf(stderr, "usage: send_kick IF echo|arp SRC DST [ETHER_SRC ETHER_DST] [INTERVAL_MS "
                    "[PAUSE_MS...]]\n");
    return 2;
  }
  int at = 5;
  if (argc > at + 1 && strchr(argv[at], ':') != NULL) {
    request.has_ether =
        parse_ether(argv[at], request.ether_src) && parse_ether(argv[at + 1], request.ether_dst);
    at += 2;
  }
  int64_t interval_ns = KICK_INTERVAL_NS_DEFAULT;
  if (argc > at)
    interval_ns = atoll(argv[at++]) * 1000000;
  char *space = strchr(argv[1], '@');
  if (space != NULL)
    *space++ = '\0';
  if (kick_open(&kick, argv[1], space, strcmp(argv[2], "arp") == 0 ? KICK_ARP : KICK_ECHO,
                interval_ns, &error) < 0) {
    fprintf(stderr, "%s\n", error.text);
    return 2;
  }
  send_one(kick, &request);
  for (; at < argc; at++) {
    usleep((useconds_t)atoi(argv[at]) * 1000);
    send_one(kick, &request);
  }
  kick_close(kick);
  return 0;
}
