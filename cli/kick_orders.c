#include "cli/kick_orders.h"

#include "cli/complain.h"
#include "cli/values.h"
#include "wire/timestamp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WORDS         8 /* of an order */
#define ETHER_TEXT    18
#define MAPPED_PREFIX 12 /* an IPv4 address is kept in an IPv6 one (RFC 4291, 2.5.5.2) */

struct kick_orders {
  struct kick *kick;
  size_t used;
  bool overlong, ended; /* the line is too long: passed over */
  char line[KICK_ORDER_BYTES];
};

/* ---- the line ---- */

static void ether_text(bool known, const uint8_t address[6], char text[ETHER_TEXT])
{
  snprintf(text, ETHER_TEXT, "-");
  if (known)
    snprintf(text, ETHER_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x", address[0], address[1], address[2],
             address[3], address[4], address[5]);
}

static void ip_text(uint8_t version, const struct ip_address *address, char text[INET6_ADDRSTRLEN])
{
  const bool v4 = version == 4;
  inet_ntop(v4 ? AF_INET : AF_INET6, address->bytes + (v4 ? MAPPED_PREFIX : 0), text,
            INET6_ADDRSTRLEN);
}

void kick_order_write(const struct kick_request *request, char line[KICK_ORDER_BYTES])
{
  char src[INET6_ADDRSTRLEN], dst[INET6_ADDRSTRLEN], ether_src[ETHER_TEXT], ether_dst[ETHER_TEXT];
  ip_text(request->ip_version, &request->src, src);
  ip_text(request->ip_version, &request->dst, dst);
  ether_text(request->has_ether, request->ether_src, ether_src);
  ether_text(request->has_ether, request->ether_dst, ether_dst);
  snprintf(line, KICK_ORDER_BYTES, "kick %u %s %s %u %u %s %s\n", request->ip_version, src, dst,
           request->src_port, request->dst_port, ether_src, ether_dst);
}

static bool read_port(const char *text, uint16_t *port)
{
  char *end;
  const unsigned long value = strtoul(text, &end, 10);
  *port = (uint16_t)value;
  return text[0] >= '0' && text[0] <= '9' && *end == '\0' && value <= UINT16_MAX;
}

static int hex_digit(char c)
{
  if (c >= '0' && c <= '9')
    return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_ether(const char *text, uint8_t address[6])
{
  if (strlen(text) != ETHER_TEXT - 1)
    return false;
  for (int i = 0; i < 6; i++, text += 3) {
    const int high = hex_digit(text[0]), low = hex_digit(text[1]);
    if (high < 0 || low < 0 || text[2] != (i < 5 ? ':' : '\0'))
      return false;
    address[i] = (uint8_t)(high << 4 | low);
  }
  return true;
}

static bool read_words(char *const words[WORDS], struct kick_request *request)
{
  uint8_t version;
  if (strcmp(words[0], "kick") != 0 || !parse_address(words[2], &request->src, &version))
    return false;
  request->ip_version = version;
  if (!parse_address(words[3], &request->dst, &version) || version != request->ip_version ||
      strcmp(words[1], version == 4 ? "4" : "6") != 0)
    return false;
  if (!read_port(words[4], &request->src_port) || !read_port(words[5], &request->dst_port))
    return false;
  request->has_ether = strcmp(words[6], "-") != 0;
  if (!request->has_ether)
    return strcmp(words[7], "-") == 0;
  return read_ether(words[6], request->ether_src) && read_ether(words[7], request->ether_dst);
}

bool kick_order_read(const char *line, struct kick_request *request)
{
  char copy[KICK_ORDER_BYTES], *words[WORDS + 1], *rest;
  int count = 0;
  memset(request, 0, sizeof *request);
  if (strlen(line) >= sizeof copy)
    return false;
  memcpy(copy, line, strlen(line) + 1);
  for (char *word = strtok_r(copy, " ", &rest); word != NULL && count <= WORDS;
       word = strtok_r(NULL, " ", &rest))
    words[count++] = word;
  return count == WORDS && read_words(words, request);
}

void kick_orders_text(enum kick_kind kind, int64_t interval_ns, char text[KICK_ORDERS_TEXT_BYTES])
{
  snprintf(text, KICK_ORDERS_TEXT_BYTES, "%s:%" PRId64 "ms", kind == KICK_ARP ? "arp" : "echo",
           interval_ns / NS_PER_MS);
}

bool kick_orders_parse(const char *text, enum kick_kind *kind, int64_t *interval_ns)
{
  struct error error;
  const char *colon = strchr(text, ':');
  if (colon == NULL)
    return false;
  const bool echo = strncmp(text, "echo:", 5) == 0;
  *kind = echo ? KICK_ECHO : KICK_ARP;
  return (echo || strncmp(text, "arp:", 4) == 0) &&
         parse_duration(colon + 1, interval_ns, &error) == 0 &&
         *interval_ns >= KICK_INTERVAL_NS_MIN;
}

/* ---- who takes them ---- */

int kick_orders_open(struct kick_orders **orders_out, const char *interface,
                     const char *network_namespace, enum kick_kind kind, int64_t interval_ns,
                     struct error *error)
{
  *orders_out = NULL;
  struct kick_orders *orders = calloc(1, sizeof *orders);
  if (orders == NULL)
    return error_set(error, ERROR_MEMORY, "no memory for kicks");
  int rc = kick_open(&orders->kick, interface, network_namespace, kind, interval_ns, error);
  if (rc < 0)
    free(orders);
  else
    *orders_out = orders;
  return rc;
}

static void end_all(struct kick_orders *orders)
{
  orders->ended = true;
  kill(getpid(), SIGTERM); /* as whoever else ends a recording does */
}

static void take_line(struct kick_orders *orders)
{
  struct kick_request request;
  struct kick_sent sent;
  struct error error;
  if (strcmp(orders->line, "end") == 0) {
    end_all(orders);
    return;
  }
  if (!kick_order_read(orders->line, &request))
    return;
  const int rc = kick_send(orders->kick, &request, &sent, &error);
  if (rc > 0)
    complain("kick %" PRIu32 ": %s sent", sent.number, sent.what);
  else if (rc < 0)
    complain("kick: %s", error.text);
}

static void take_byte(struct kick_orders *orders, char byte)
{
  if (byte != '\n') {
    orders->overlong = orders->overlong || orders->used + 1 >= sizeof orders->line;
    if (!orders->overlong)
      orders->line[orders->used++] = byte;
    return;
  }
  orders->line[orders->used] = '\0';
  if (!orders->overlong && !orders->ended)
    take_line(orders);
  orders->used = 0;
  orders->overlong = false;
}

void kick_orders_tick(struct kick_orders *orders)
{
  struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
  char bytes[KICK_ORDER_BYTES];
  if (orders == NULL || orders->ended || poll(&input, 1, 0) <= 0)
    return;
  const ssize_t count = read(STDIN_FILENO, bytes, sizeof bytes);
  for (ssize_t i = 0; i < count; i++)
    take_byte(orders, bytes[i]);
  if (count == 0 || (count < 0 && errno != EINTR && errno != EAGAIN))
    end_all(orders);
}

void kick_orders_close(struct kick_orders *orders)
{
  if (orders == NULL)
    return;
  kick_close(orders->kick);
  free(orders);
}
