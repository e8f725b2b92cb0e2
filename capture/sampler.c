#include "capture/sampler.h"

#include "capture/net_namespace.h"
#include "capture/sampler_internal.h"
#include "wire/timestamp.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SEARCH_EVERY_NS   NS_PER_S /* the dump that finds sockets */
#define FAST_EVERY_NS_MIN NS_PER_MS
/* A wait is sampled in steps of a thousandth of its length so far: to 0.1 %, and an endless one
 * does not fill the disk. */
#define FAST_STEPS 1000

int64_t sampler_clock_ns(int clock)
{
  struct timespec now;
  clock_gettime((clockid_t)clock, &now);
  return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

/* In the interface's namespace. */
static int open_here(struct sampler *sampler, struct error *error)
{
  struct stat space;
  sampler->ifindex = if_nametoindex(sampler->interface);
  if (sampler->ifindex == 0)
    return error_set(
        error, ERROR_USAGE,
        "there is no interface %s here; `tcpstall capture --list` tells which there are",
        sampler->interface);
  if (stat("/proc/thread-self/ns/net", &space) == 0)
    sampler->namespace_inode = space.st_ino;
  sampler_read_boot_id(sampler);
  sampler->netstat = open("/proc/thread-self/net/netstat", O_RDONLY | O_CLOEXEC);
  int rc = netlink_open(&sampler->route, NETLINK_ROUTE, error);
  return rc < 0 ? rc : netlink_open(&sampler->diag, NETLINK_SOCK_DIAG, error);
}

int sampler_open(struct sampler **sampler_out, const struct sampler_options *options,
                 struct error *error)
{
  int home;
  *sampler_out = NULL;
  struct sampler *sampler = calloc(1, sizeof *sampler);
  if (sampler == NULL)
    return error_set(error, ERROR_MEMORY, "no memory for samples");
  sampler->netstat = -1;
  sampler->interval_ns = options->interval_ns;
  sampler->number = options->first_number;
  sampler->fast_due_ns = INT64_MAX;
  snprintf(sampler->interface, sizeof sampler->interface, "%s", options->interface);
  int rc = net_namespace_enter(options->network_namespace, &home, error);
  if (rc == 0) {
    struct error back;
    rc = open_here(sampler, error);
    if (net_namespace_leave(home, &back) < 0)
      rc = error_set(error, back.code, "%s", back.text);
  }
  if (rc < 0) {
    sampler_close(sampler);
    return rc;
  }
  *sampler_out = sampler;
  return 0;
}

void sampler_close(struct sampler *sampler)
{
  if (sampler == NULL)
    return;
  netlink_close(sampler->route);
  netlink_close(sampler->diag);
  if (sampler->netstat >= 0)
    close(sampler->netstat);
  free(sampler);
}

void sampler_begin(struct sampler *sampler)
{
  sampler->begun_ns = sampler_clock_ns(CLOCK_REALTIME);
  sampler->begun_monotonic_ns = sampler_clock_ns(CLOCK_MONOTONIC);
  sample_begin(&sampler->builder, sampler->bytes, sizeof sampler->bytes, sampler->number, false);
}

void sampler_end(struct sampler *sampler)
{
  if (sample_is_empty(&sampler->builder))
    return;
  sampler->number++;
  sampler->sink(sampler->context, sampler->begun_ns, sampler->bytes, sampler->builder.bytes_used);
}

void sampler_add(struct sampler *sampler, enum sample_type type, const void *bytes, size_t size)
{
  for (int attempt = 0; attempt < 2; attempt++) {
    int64_t delay_ns = sampler_clock_ns(CLOCK_MONOTONIC) - sampler->begun_monotonic_ns;
    if (delay_ns <= UINT32_MAX &&
        sample_add(&sampler->builder, type, (uint32_t)delay_ns, bytes, size))
      return;
    sampler_end(sampler);
    sampler_begin(sampler);
  }
}

static void forget_gone(struct sampler *sampler)
{
  uint32_t kept = 0;
  for (uint32_t i = 0; i < sampler->socket_count; i++)
    if (!sampler->sockets[i].gone)
      sampler->sockets[kept++] = sampler->sockets[i];
  sampler->socket_count = kept;
}

static bool is_waiting(const struct sampler_socket *socket, int64_t now_ns)
{
  return socket->waiting_ns != 0 && now_ns - socket->waiting_ns >= SAMPLER_WAITING_NS;
}

/* When those that wait are to be sampled again: INT64_MAX if nobody does. */
static int64_t next_fast(const struct sampler *sampler, int64_t now_ns)
{
  int64_t next_ns = INT64_MAX;
  for (uint32_t i = 0; i < sampler->socket_count; i++) {
    const struct sampler_socket *socket = &sampler->sockets[i];
    if (socket->waiting_ns == 0)
      continue;
    int64_t waited_ns = now_ns - socket->waiting_ns, step_ns = waited_ns / FAST_STEPS;
    if (waited_ns < SAMPLER_WAITING_NS)
      step_ns = SAMPLER_WAITING_NS - waited_ns;
    else if (step_ns < FAST_EVERY_NS_MIN)
      step_ns = FAST_EVERY_NS_MIN;
    if (now_ns + step_ns < next_ns)
      next_ns = now_ns + step_ns;
  }
  return next_ns;
}

static void ask_all(struct sampler *sampler, int64_t now_ns)
{
  if (!sampler->told_header) {
    sampler_tell_header(sampler);
    sampler->told_header = true;
  }
  if (now_ns >= sampler->search_due_ns) {
    sampler->search_due_ns = now_ns + SEARCH_EVERY_NS;
    sampler_ask_link(sampler);
    sampler_find_addresses(sampler);
    sampler_find_sockets(sampler);
  }
  for (uint32_t i = 0; i < sampler->socket_count; i++)
    sampler_ask_socket(sampler, &sampler->sockets[i]);
  sampler_ask_qdisc(sampler);
  sampler_ask_link_statistics(sampler);
  sampler_ask_neighbours(sampler);
  sampler_read_netstat(sampler);
}

static void ask_waiting(struct sampler *sampler, int64_t now_ns)
{
  bool any = false;
  for (uint32_t i = 0; i < sampler->socket_count; i++) {
    if (!is_waiting(&sampler->sockets[i], now_ns))
      continue;
    sampler_ask_socket(sampler, &sampler->sockets[i]);
    any = true;
  }
  if (any)
    sampler_ask_qdisc(sampler);
}

int64_t sampler_run(struct sampler *sampler, int64_t now_ns, sampler_sink *sink, void *context)
{
  sampler->sink = sink;
  sampler->context = context;
  if (now_ns >= sampler->due_ns || now_ns >= sampler->fast_due_ns) {
    sampler_begin(sampler);
    if (now_ns >= sampler->due_ns) {
      ask_all(sampler, now_ns);
      sampler->due_ns = now_ns + sampler->interval_ns;
    } else {
      ask_waiting(sampler, now_ns);
    }
    sampler_end(sampler);
    forget_gone(sampler);
    sampler->fast_due_ns = next_fast(sampler, now_ns);
  }
  return sampler->due_ns < sampler->fast_due_ns ? sampler->due_ns : sampler->fast_due_ns;
}

uint32_t sampler_next_number(const struct sampler *sampler)
{
  return sampler->number;
}

void sampler_descriptors(const struct sampler *sampler, int descriptors[2])
{
  descriptors[0] = netlink_descriptor(sampler->route);
  descriptors[1] = netlink_descriptor(sampler->diag);
}

uint64_t sampler_passed_over(const struct sampler *sampler)
{
  return sampler->passed_over;
}
