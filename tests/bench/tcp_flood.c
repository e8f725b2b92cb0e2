/* TCP on a link, as a capture at either end of it sees thousands of connections:
 *
 *   tcp_flood IF-A IF-B CONNECTIONS PACKETS-PER-SECOND SECONDS [STALLS AT-SECOND FOR-SECONDS]
 *
 * Clients at A send, servers at B acknowledge every second segment; frames go straight to the
 * interfaces (a veth pair), since no kernel on a small machine makes so many packets beside what is
 * measured. Handshakes come first. STALLS of the connections stand still, with data under way, from
 * AT-SECOND on for FOR-SECONDS. With TCP_FLOOD_LIFE=PACKETS in the environment a connection ends by
 * a reset after so many, and another one takes its place. Every millisecond what is due by then.
 * Prints how many frames the kernel took, and the rate. */

#include <arpa/inet.h>
#include <net/if.h>
#include <netpacket/packet.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BATCH         64
#define FRAME_MAX     320
#define PAYLOAD_BYTES 200
#define HEADER_BYTES  (14 + 20)
#define OPTIONS_BYTES 12
#define SYN_OPTIONS   20
#define WINDOW        512 /* of 128 bytes */

#define PORTS     40000 /* the first; each host has 256 connections at a time */
#define PORTS_END 65000

enum { SYN = 2, RST = 4, ACK = 16 };

struct connection {
  uint32_t client_ip, seq[2]; /* next: of the client, of the server */
  uint32_t ts_recent[2];      /* what each has heard last */
  uint16_t client_port, id[2];
  uint32_t packets;
  uint8_t phase; /* of the handshake 0 to 2; then data, data, ACK */
};

/* One end of the link. */
struct side {
  int fd;
  unsigned count;
  uint8_t frames[BATCH][FRAME_MAX];
  struct iovec parts[BATCH];
};

struct flood {
  struct side sides[2];
  struct connection *connections;
  long count, next, sent;
  long stalls, life_packets; /* 0: for ever */
  double begun, stall_at, stall_for;
};

static double now(void)
{
  struct timespec time;
  (void)clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void put16(uint8_t *at, uint32_t value)
{
  at[0] = (uint8_t)(value >> 8);
  at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
  put16(at, value >> 16);
  put16(at + 2, value & 0xffff);
}

static uint32_t sum(const uint8_t *at, size_t size, uint32_t sum)
{
  for (size_t i = 0; i + 1 < size; i += 2)
    sum += (uint32_t)at[i] << 8 | at[i + 1];
  return sum;
}

static uint32_t fold(uint32_t sum)
{
  sum = (sum & 0xffff) + (sum >> 16);
  return ~((sum & 0xffff) + (sum >> 16)) & 0xffff;
}

static void flush(struct flood *flood, struct side *side)
{
  struct mmsghdr messages[BATCH];
  memset(messages, 0, sizeof messages);
  for (unsigned i = 0; i < side->count; i++) {
    messages[i].msg_hdr.msg_iov = &side->parts[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  for (unsigned done = 0; done < side->count;) {
    const int taken = sendmmsg(side->fd, messages + done, side->count - done, 0);
    if (taken <= 0)
      break;
    done += (unsigned)taken;
    flood->sent += taken;
  }
  side->count = 0;
}

static void put_ip(uint8_t *ip, const struct connection *connection, int from, uint32_t bytes,
                   uint32_t id)
{
  const uint32_t server_ip = 0x0afe0001;
  put32(ip, 0x45000000u | bytes);
  put32(ip + 4, id << 16 | 0x4000);
  put32(ip + 8, 64u << 24 | 6u << 16);
  put32(ip + 12, from == 0 ? connection->client_ip : server_ip);
  put32(ip + 16, from == 0 ? server_ip : connection->client_ip);
  put16(ip + 10, fold(sum(ip, 20, 0)));
}

static uint8_t *put_options(uint8_t *at, bool syn, uint32_t ts_val, uint32_t ts_ecr)
{
  if (syn) {
    put32(at, 0x020405b4);     /* MSS 1460 */
    put32(at + 4, 0x0402080a); /* SACK permitted, timestamps */
    put32(at + 8, ts_val);
    put32(at + 12, ts_ecr);
    put32(at + 16, 0x01030307);
    return at + SYN_OPTIONS;
  }
  put32(at, 0x0101080a);
  put32(at + 4, ts_val);
  put32(at + 8, ts_ecr);
  return at + OPTIONS_BYTES;
}

static void put_segment(struct flood *flood, struct connection *connection, int from, uint8_t flags,
                        uint32_t payload_bytes, uint32_t ts_val)
{
  struct side *side = &flood->sides[from];
  uint8_t *frame = side->frames[side->count], *ip = frame + 14, *tcp = ip + 20;
  const bool syn = (flags & SYN) != 0;
  memset(frame, 0, HEADER_BYTES + 20 + SYN_OPTIONS + PAYLOAD_BYTES);
  frame[0] = frame[6] = 2; /* locally administered, and nobody's */
  frame[5] = (uint8_t)(from == 0 ? 0xb1 : 0xa1);
  frame[11] = (uint8_t)(from == 0 ? 0xa1 : 0xb1);
  frame[12] = 8;
  put16(tcp, from == 0 ? connection->client_port : 443);
  put16(tcp + 2, from == 0 ? 443 : connection->client_port);
  put32(tcp + 4, connection->seq[from]);
  put32(tcp + 8, (flags & ACK) != 0 ? connection->seq[!from] : 0);
  const uint8_t *end = put_options(tcp + 20, syn, ts_val, connection->ts_recent[from]);
  const uint32_t header = (uint32_t)(end - tcp), bytes = header + payload_bytes;
  put32(tcp + 12, header / 4 << 28 | (uint32_t)flags << 16 | WINDOW);
  put_ip(ip, connection, from, 20 + bytes, connection->id[from]++);
  put16(tcp + 16, fold(sum(tcp, header, sum(ip + 12, 8, 6 + bytes))));
  connection->seq[from] += payload_bytes + (syn ? 1 : 0);
  connection->ts_recent[!from] = ts_val;
  side->parts[side->count] = (struct iovec){frame, HEADER_BYTES + bytes};
  if (++side->count == BATCH)
    flush(flood, side);
}

/* It ends, and its host opens another one. */
static void renew(struct flood *flood, struct connection *connection, uint32_t ts_val)
{
  put_segment(flood, connection, 0, RST | ACK, 0, ts_val);
  const int old = connection->client_port;
  const int port = old < PORTS_END - 256 ? old + 256 : PORTS + (old - PORTS) % 256;
  *connection = (struct connection){.client_ip = connection->client_ip,
                                    .client_port = (uint16_t)port,
                                    .seq = {connection->seq[0] * 3, connection->seq[1] * 5}};
}

/* The connection's next segment. */
static void step(struct flood *flood, struct connection *connection, uint32_t ts_val)
{
  if (flood->life_packets > 0 && connection->packets++ >= (uint32_t)flood->life_packets &&
      connection->phase == 3) {
    renew(flood, connection, ts_val);
    return;
  }
  switch (connection->phase++) {
  case 0: put_segment(flood, connection, 0, SYN, 0, ts_val); break;
  case 1: put_segment(flood, connection, 1, SYN | ACK, 0, ts_val); break;
  case 2: put_segment(flood, connection, 0, ACK, 0, ts_val); break;
  case 3:
  case 4: put_segment(flood, connection, 0, ACK, PAYLOAD_BYTES, ts_val); break;
  default: put_segment(flood, connection, 1, ACK, 0, ts_val); connection->phase = 3;
  }
}

static void send_due(struct flood *flood, long due, double passed)
{
  const uint32_t ts_val = 1000000 + (uint32_t)(passed * 1000);
  const bool stalled =
      flood->stalls > 0 && passed >= flood->stall_at && passed < flood->stall_at + flood->stall_for;
  for (long i = 0; i < due; i++) {
    const long index = flood->next;
    struct connection *connection = &flood->connections[index];
    flood->next = index + 1 < flood->count ? index + 1 : 0;
    if (stalled && index < flood->stalls && connection->phase == 5)
      continue; /* data is under way, and nobody acknowledges it */
    step(flood, connection, ts_val);
  }
  flush(flood, &flood->sides[0]);
  flush(flood, &flood->sides[1]);
}

static int open_link(const char *name)
{
  struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(name)};
  const int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
  if (fd >= 0 && bind(fd, (struct sockaddr *)&to, sizeof to) == 0)
    return fd;
  perror(name);
  exit(2);
}

static void make_connections(struct flood *flood)
{
  flood->connections = calloc((size_t)flood->count, sizeof *flood->connections);
  for (long i = 0; i < flood->count && flood->connections != NULL; i++)
    flood->connections[i] = (struct connection){.client_ip = 0x0afd0000u + (uint32_t)(i >> 8) + 1,
                                                .client_port = (uint16_t)(PORTS + (i & 255)),
                                                .packets = (uint32_t)(i * 31 % 250),
                                                .seq = {(uint32_t)i * 7919u, (uint32_t)i * 104729u},
                                                .id = {(uint16_t)i, (uint16_t)(i * 3)}};
}

int main(int argc, char **argv)
{
  static struct flood flood;
  if (argc != 6 && argc != 9) {
    fputs("usage: tcp_flood IF-A IF-B CONNECTIONS PACKETS-PER-SECOND SECONDS [STALLS AT FOR]\n",
          stderr);
    return 2;
  }
  const double rate = strtod(argv[4], NULL), seconds = strtod(argv[5], NULL);
  flood.sides[0].fd = open_link(argv[1]);
  flood.sides[1].fd = open_link(argv[2]);
  flood.count = strtol(argv[3], NULL, 10);
  if (argc == 9) {
    flood.stalls = strtol(argv[6], NULL, 10);
    flood.stall_at = strtod(argv[7], NULL);
    flood.stall_for = strtod(argv[8], NULL);
  }
  const char *life = getenv("TCP_FLOOD_LIFE");
  flood.life_packets = life != NULL ? strtol(life, NULL, 10) : 0;
  make_connections(&flood);
  if (flood.connections == NULL || flood.count < 1)
    return 2;
  double passed;
  long asked = 0;
  flood.begun = now();
  while ((passed = now() - flood.begun) < seconds) {
    const long due = (long)(rate * passed) - asked;
    if (due > 0) {
      send_due(&flood, due, passed);
      asked += due;
    } else
      (void)usleep(1000);
  }
  printf("%ld %.0f\n", flood.sent, (double)flood.sent / passed);
  free(flood.connections);
  return 0;
}
