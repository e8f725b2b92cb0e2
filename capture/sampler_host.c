#include "capture/sampler_internal.h"
#include "wire/timestamp.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

/* What the host says about itself, and the namespace's counters of TCP. */

#define NETSTAT_BYTES_MAX 16384

/* Counters of /proc/net/netstat's TcpExt that tell of stalls, and their absence as well. */
static const char *const counters_of_interest[] = {
    "ListenOverflows",      "ListenDrops",          "PAWSEstab",
    "TCPTimeouts",          "TCPLostRetransmit",    "TCPSlowStartRetrans",
    "TCPLossProbes",        "TCPBacklogDrop",       "TCPRcvQDrop",
    "TCPZeroWindowDrop",    "TCPWantZeroWindowAdv", "TCPToZeroWindowAdv",
    "TCPFromZeroWindowAdv", "TCPRetransFail",       "TCPSpuriousRtxHostQueues",
    "TCPRcvCoalesce",       "TCPOFOQueue",          "TCPOFODrop",
    "TCPMemoryPressures",   "TCPAbortOnTimeout",    "TCPMD5Failure",
    "TCPWqueueTooBig",      "BeyondWindow",         "TCPChallengeACK"};

static bool is_of_interest(const char *name, size_t size)
{
  for (size_t i = 0; i < sizeof counters_of_interest / sizeof *counters_of_interest; i++)
    if (strlen(counters_of_interest[i]) == size && memcmp(counters_of_interest[i], name, size) == 0)
      return true;
  return false;
}

static const char *next_word(const char *text, size_t *size)
{
  text += strspn(text, " ");
  *size = strcspn(text, " \n");
  return text;
}

/* Two lines, "TcpExt: NAME NAME ...\nTcpExt: VALUE VALUE ...\n", become "NAME=VALUE\n"s. */
static size_t pick_counters(const char *names, const char *values, char *out, size_t capacity)
{
  size_t used = 0;
  for (;;) {
    size_t name_size, value_size;
    names = next_word(names, &name_size);
    values = next_word(values, &value_size);
    if (name_size == 0 || value_size == 0)
      return used;
    if (is_of_interest(names, name_size) && name_size + value_size + 2 <= capacity - used) {
      memcpy(out + used, names, name_size);
      out[used + name_size] = '=';
      memcpy(out + used + name_size + 1, values, value_size);
      used += name_size + value_size + 2;
      out[used - 1] = '\n';
    }
    names += name_size;
    values += value_size;
  }
}

void sampler_read_netstat(struct sampler *sampler)
{
  static const char title[] = "TcpExt:";
  char text[NETSTAT_BYTES_MAX], out[1024];
  ssize_t size = sampler->netstat >= 0 ? pread(sampler->netstat, text, sizeof text - 1, 0) : 0;
  if (size <= 0)
    return;
  text[size] = '\0';
  const char *names = strstr(text, title);
  const char *values = names != NULL ? strstr(names + 1, title) : NULL;
  if (values == NULL)
    return;
  size_t used = pick_counters(names + sizeof title - 1, values + sizeof title - 1, out, sizeof out);
  sampler_add(sampler, SAMPLE_NETSTAT, out, used);
}

void sampler_read_boot_id(struct sampler *sampler)
{
  FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
  if (file == NULL)
    return;
  if (fgets(sampler->boot_id, (int)sizeof sampler->boot_id, file) != NULL)
    sampler->boot_id[strcspn(sampler->boot_id, "\n")] = '\0';
  fclose(file);
}

void sampler_tell_header(struct sampler *sampler)
{
  const uint16_t one = 1;
  char text[1024];
  struct utsname host;
  struct timespec jiffy;
  uint8_t first;
  memcpy(&first, &one, 1);
  if (uname(&host) != 0)
    memset(&host, 0, sizeof host);
  if (clock_getres(CLOCK_MONOTONIC_COARSE, &jiffy) != 0 || jiffy.tv_nsec <= 0)
    jiffy.tv_nsec = (long)NS_PER_S;
  int size = snprintf(text, sizeof text,
                      "byte_order=%s\nmachine=%s\nkernel=%s %s\nhz=%ld\nboot_id=%s\n"
                      "network_namespace=%llu\ninterface=%s\nifindex=%u\ninterval_ns=%lld\n",
                      first == 1 ? "little" : "big", host.machine, host.sysname, host.release,
                      ((long)NS_PER_S + jiffy.tv_nsec / 2) / jiffy.tv_nsec, sampler->boot_id,
                      (unsigned long long)sampler->namespace_inode, sampler->interface,
                      sampler->ifindex, (long long)sampler->interval_ns);
  if (size > 0 && size < (int)sizeof text)
    sampler_add(sampler, SAMPLE_HEADER, text, (size_t)size);
}
