#include "replay/wire_replay_device.h"

#include "replay/netns.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* Frames that leave wait here until we take them off: those of the longest time that the player
 * sleeps, and much more. */
#define RING_FRAMES 8192
/* The most that a TAP allows (65535 - 14, drivers/net/tun.c): recorded super-segments pass. */
#define MTU_BYTES         65521
#define SEND_BUFFER_BYTES (8 << 20)
#define DEVICE_LINES_MAX  (256 * 1024) /* bytes of /proc/net/dev: about 2000 devices */

struct order {
  struct wire_replay_device *device;
  const char *name;
  bool ours;
};

static void write_setting(const char *path, const char *text)
{
  const int descriptor = open(path, O_WRONLY | O_CLOEXEC);
  if (descriptor < 0)
    return; /* a kernel without IPv6 is quiet, too */
  const ssize_t written = write(descriptor, text, strlen(text));
  (void)written;
  close(descriptor);
}

/* Neighbour discovery and router solicitations would be frames that nobody recorded. */
static void keep_quiet(void)
{
  write_setting("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1");
  write_setting("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
}

static int open_packets(struct wire_replay_device *device, bool ours, struct error *error)
{
  /* Protocol 0: it sends, and hears nothing. */
  device->packets = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (device->packets < 0)
    return error_set(error, ERROR_IO, "no packet socket: %s", strerror(errno));
  const int bytes = SEND_BUFFER_BYTES;
  if (setsockopt(device->packets, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes) != 0)
    setsockopt(device->packets, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
  struct ifreq request = {.ifr_mtu = MTU_BYTES};
  memcpy(request.ifr_name, device->tap.name, sizeof request.ifr_name);
  if (ours)
    ioctl(device->packets, SIOCSIFMTU, &request);
  const struct sockaddr_ll address = {.sll_family = AF_PACKET,
                                      .sll_ifindex = (int)if_nametoindex(device->tap.name)};
  if (bind(device->packets, (const struct sockaddr *)&address, sizeof address) != 0)
    return error_set(error, ERROR_IO, "%s: packet socket: %s", device->tap.name, strerror(errno));
  return 0;
}

/* In the device's namespace. */
static int make(void *context, struct error *error)
{
  const struct order *order = context;
  if (order->ours)
    keep_quiet();
  const int result =
      tap_open(&order->device->tap, -1, order->name, false, order->ours ? RING_FRAMES : 0, error);
  return result == 0 ? open_packets(order->device, order->ours, error) : result;
}

static void count_from_now(struct wire_replay_device *device)
{
  struct wire_replay_counts counts;
  wire_replay_device_counts(device, &counts);
  device->start = counts;
}

int wire_replay_device_open(struct wire_replay_device *device, int netns, const char *name,
                            bool ours, struct error *error)
{
  *device = (struct wire_replay_device){.tap = {.descriptor = -1, .statistics = -1}, .packets = -1};
  struct order order = {device, name, ours};
  const int result = netns < 0 ? make(&order, error) : netns_run(netns, make, &order, error);
  if (result != 0)
    wire_replay_device_close(device);
  else
    count_from_now(device);
  return result;
}

void wire_replay_device_close(struct wire_replay_device *device)
{
  tap_close(&device->tap);
  if (device->packets >= 0)
    close(device->packets);
  device->packets = -1;
}

bool wire_replay_device_play(struct wire_replay_device *device, const uint8_t *bytes, uint32_t size,
                             bool out)
{
  ssize_t taken = 0;
  do
    taken =
        out ? send(device->packets, bytes, size, 0) : write(device->tap.descriptor, bytes, size);
  while (taken < 0 && errno == EINTR);
  if (taken < 0) {
    if (device->refused++ == 0)
      device->refused_errno = errno;
    return false;
  }
  device->bytes += size;
  *(out ? &device->left : &device->arrived) += 1;
  return true;
}

uint32_t wire_replay_device_drain(struct wire_replay_device *device, uint32_t frames)
{
  uint8_t first_bytes[64]; /* the rest of a frame is thrown away by the kernel */
  uint32_t count = 0;
  while (count < frames && read(device->tap.descriptor, first_bytes, sizeof first_bytes) > 0)
    count++;
  device->drained += count;
  return count;
}

/* The `index`-th of a line's figures, from 0; -1: there is none. */
static int64_t figure(const char *text, int index)
{
  long long value = -1;
  for (int i = 0; i <= index; i++) {
    char *end = NULL;
    value = strtoll(text, &end, 10);
    if (end == text)
      return -1;
    text = end;
  }
  return value;
}

static int64_t since(int64_t now, int64_t start)
{
  return now < 0 || start < 0 ? -1 : now - start;
}

static char *read_whole(int descriptor)
{
  char *text = malloc(DEVICE_LINES_MAX);
  size_t size = 0;
  for (ssize_t got = 1; text != NULL && got > 0 && size < DEVICE_LINES_MAX - 1;
       size += (size_t)got) {
    got = pread(descriptor, text + size, DEVICE_LINES_MAX - 1 - size, (off_t)size);
    if (got < 0)
      got = 0;
  }
  if (text != NULL)
    text[size] = '\0';
  return text;
}

void wire_replay_device_counts(const struct wire_replay_device *device,
                               struct wire_replay_counts *counts)
{
  char wanted[sizeof device->tap.name + 2];
  char *text = read_whole(device->tap.statistics);
  snprintf(wanted, sizeof wanted, "%s:", device->tap.name);
  *counts = (struct wire_replay_counts){-1, -1, -1, -1};
  const char *line = text;
  while (line != NULL) { /* "tap1:" must not be found in "mytap1:" */
    line += strspn(line, " ");
    if (strncmp(line, wanted, strlen(wanted)) == 0)
      break;
    line = strchr(line, '\n');
    line = line != NULL ? line + 1 : NULL;
  }
  if (line != NULL) {
    const struct wire_replay_counts *start = &device->start;
    line += strlen(wanted);
    *counts = (struct wire_replay_counts){
        since(figure(line, 1), start->received), since(figure(line, 3), start->received_dropped),
        since(figure(line, 9), start->sent), since(figure(line, 11), start->sent_dropped)};
  }
  free(text);
}
