#include "capture/live.h"

#include "capture/net_namespace.h"
#include "wire/timestamp.h"

#include <linux/filter.h>
#include <net/if.h>
#include <pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define FILTER_BYTES_MAX 16384

struct live {
  pcap_t *lanes[LIVE_LANES];
  uint64_t dropped[LIVE_LANES];
  uint32_t linktype;
  char interface[IFNAMSIZ];
};

struct delivery {
  live_handler *handler;
  void *context;
  uint32_t linktype;
  uint8_t direction;
};

/* DLT_ values of live devices are LINKTYPE_ ones, but for raw IP. */
static uint32_t linktype_of(int dlt)
{
  return dlt == DLT_RAW ? 101 : (uint32_t)dlt;
}

static int refused(const struct live_options *options, pcap_t *pcap, int status,
                   struct error *error)
{
  const char *name = options->interface, *why = pcap_geterr(pcap);
  switch (status) {
  case PCAP_ERROR_NO_SUCH_DEVICE:
    return error_set(
        error, ERROR_USAGE,
        "there is no interface %s here; `tcpstall capture --list` tells which there are", name);
  case PCAP_ERROR_PERM_DENIED:
    return error_set(
        error, ERROR_IO,
        "%s: no right to capture: run it with sudo, or give the program the right once, with "
        "`sudo setcap cap_net_raw,cap_net_admin+ep /path/to/tcpstall`",
        name);
  case PCAP_ERROR_IFACE_NOT_UP:
    return error_set(error, ERROR_IO, "%s is down: `ip link set %s up` first", name, name);
  default:
    return error_set(error, ERROR_IO, "%s: %s", name,
                     why[0] != '\0' ? why : pcap_statustostr(status));
  }
}

static int compile(pcap_t *pcap, const struct live_options *options, struct bpf_program *program,
                   const char *text, struct error *error)
{
  if (pcap_compile(pcap, program, text, 1, PCAP_NETMASK_UNKNOWN) == 0)
    return 0;
  return error_set(error, ERROR_USAGE, "filter \"%s\" on %s: %s", text, options->interface,
                   pcap_geterr(pcap));
}

/* libpcap's own way to choose a direction lets the kernel copy both and throws one away. Its filter
 * language can choose as well, but not where libpcap itself runs the filter, which it does with the
 * first blocks after pcap_setfilter(): their frames would be lost. So libpcap gets the filter as
 * the user wrote it, and the kernel a narrower one. Where that fails, it is only slower. */
static void narrow(pcap_t *pcap, const struct live_options *options, enum live_lane lane)
{
  const char *direction = lane == LIVE_IN ? "inbound" : "outbound", *filter = options->filter;
  char text[FILTER_BYTES_MAX];
  bool all = filter == NULL || filter[0] == '\0';
  struct bpf_program program;
  int length =
      snprintf(text, sizeof text, all ? "%s" : "%s and (%s)", direction, all ? "" : filter);
  int dlt = pcap_datalink(pcap);
  if (length >= (int)sizeof text || (dlt != DLT_EN10MB && dlt != DLT_RAW) ||
      compile(pcap, options, &program, text, NULL) < 0)
    return;
  struct sock_filter *instructions = calloc(program.bf_len, sizeof *instructions);
  for (u_int i = 0; instructions != NULL && i < program.bf_len; i++)
    instructions[i] = (struct sock_filter){program.bf_insns[i].code, program.bf_insns[i].jt,
                                           program.bf_insns[i].jf, program.bf_insns[i].k};
  const struct sock_fprog kernel = {(unsigned short)program.bf_len, instructions};
  if (instructions != NULL && program.bf_len <= BPF_MAXINSNS)
    setsockopt(pcap_fileno(pcap), SOL_SOCKET, SO_ATTACH_FILTER, &kernel, sizeof kernel);
  free(instructions);
  pcap_freecode(&program);
}

static int set_filter(pcap_t *pcap, const struct live_options *options, enum live_lane lane,
                      struct error *error)
{
  struct bpf_program program;
  if (pcap_setdirection(pcap, lane == LIVE_IN ? PCAP_D_IN : PCAP_D_OUT) != 0)
    return error_set(error, ERROR_UNSUPPORTED, "%s: direction: %s", options->interface,
                     pcap_geterr(pcap));
  if (options->filter != NULL && options->filter[0] != '\0') {
    int rc = compile(pcap, options, &program, options->filter, error);
    if (rc < 0)
      return rc;
    rc = pcap_setfilter(pcap, &program);
    pcap_freecode(&program);
    if (rc != 0)
      return error_set(error, ERROR_IO, "%s: filter: %s", options->interface, pcap_geterr(pcap));
  }
  narrow(pcap, options, lane);
  return 0;
}

static int activate(pcap_t *pcap, const struct live_options *options, struct error *error)
{
  pcap_set_snaplen(pcap, (int)options->snaplen_bytes);
  pcap_set_promisc(pcap, options->promiscuous);
  pcap_set_timeout(pcap, LIVE_BLOCK_TIMEOUT_MS);
  pcap_set_buffer_size(pcap, (int)(options->buffer_bytes / LIVE_LANES));
  pcap_set_tstamp_precision(pcap, PCAP_TSTAMP_PRECISION_NANO);
  int status = pcap_activate(pcap);
  if (status < 0)
    return refused(options, pcap, status, error);
  if (pcap_get_tstamp_precision(pcap) != PCAP_TSTAMP_PRECISION_NANO)
    return error_set(error, ERROR_UNSUPPORTED, "%s: this libpcap gives no nanoseconds",
                     options->interface);
  return 0;
}

static int open_lane(struct live *live, const struct live_options *options, enum live_lane lane,
                     struct error *error)
{
  char text[PCAP_ERRBUF_SIZE];
  pcap_t *pcap = live->lanes[lane] = pcap_create(options->interface, text);
  if (pcap == NULL)
    return error_set(error, ERROR_IO, "%s: %s", options->interface, text);
  int rc = activate(pcap, options, error);
  if (rc == 0)
    rc = set_filter(pcap, options, lane, error);
  if (rc < 0)
    return rc;
  if (pcap_setnonblock(pcap, 1, text) != 0)
    return error_set(error, ERROR_IO, "%s: %s", options->interface, text);
  live->linktype = linktype_of(pcap_datalink(pcap));
  return 0;
}

int live_open(struct live **live_out, const struct live_options *options, struct error *error)
{
  int home;
  *live_out = NULL;
  struct live *live = calloc(1, sizeof *live);
  if (live == NULL)
    return error_set(error, ERROR_MEMORY, "no memory to capture");
  snprintf(live->interface, sizeof live->interface, "%s", options->interface);
  int rc = net_namespace_enter(options->network_namespace, &home, error);
  if (rc == 0) {
    struct error back;
    for (int lane = 0; rc == 0 && lane < LIVE_LANES; lane++)
      rc = open_lane(live, options, (enum live_lane)lane, error);
    if (net_namespace_leave(home, &back) < 0)
      rc = error_set(error, back.code, "%s", back.text);
  }
  if (rc < 0) {
    live_close(live);
    return rc;
  }
  *live_out = live;
  return 0;
}

void live_close(struct live *live)
{
  if (live == NULL)
    return;
  for (int lane = 0; lane < LIVE_LANES; lane++)
    if (live->lanes[lane] != NULL)
      pcap_close(live->lanes[lane]);
  free(live);
}

uint32_t live_linktype(const struct live *live)
{
  return live->linktype;
}

int live_descriptor(const struct live *live, enum live_lane lane)
{
  return pcap_get_selectable_fd(live->lanes[lane]);
}

static void deliver(u_char *user, const struct pcap_pkthdr *header, const u_char *bytes)
{
  const struct delivery *delivery = (const void *)user;
  const struct frame frame = {
      /* tv_usec holds nanoseconds: the precision that was asked for */
      .time_ns = (int64_t)header->ts.tv_sec * NS_PER_S + header->ts.tv_usec,
      .linktype = delivery->linktype,
      .captured_bytes = header->caplen,
      .original_bytes = header->len,
      .direction = delivery->direction,
      .bytes = bytes,
  };
  delivery->handler(delivery->context, &frame);
}

int live_read(struct live *live, enum live_lane lane, int max, live_handler *handler, void *context,
              struct error *error)
{
  struct delivery delivery = {handler, context, live->linktype,
                              lane == LIVE_IN ? PACKET_DIR_IN : PACKET_DIR_OUT};
  int count = pcap_dispatch(live->lanes[lane], max, deliver, (void *)&delivery);
  if (count >= 0)
    return count;
  return error_set(error, ERROR_IO, "%s", pcap_geterr(live->lanes[lane]));
}

/* Asked of the capture's own socket, which belongs to the interface's namespace. A name that nobody
 * has any more was changed, or went with its interface, which libpcap tells. */
bool live_is_down(const struct live *live)
{
  struct ifreq request;
  memset(&request, 0, sizeof request);
  memcpy(request.ifr_name, live->interface, sizeof request.ifr_name);
  return ioctl(pcap_fileno(live->lanes[LIVE_IN]), SIOCGIFFLAGS, &request) == 0 &&
         (request.ifr_flags & IFF_UP) == 0;
}

/* ps_ifdrop is left aside: libpcap reads it by name from the namespace where the thread is. */
uint64_t live_dropped(struct live *live)
{
  uint64_t dropped = 0;
  for (int lane = 0; lane < LIVE_LANES; lane++) {
    struct pcap_stat now;
    if (pcap_stats(live->lanes[lane], &now) == 0) /* a counter of 32 bits that goes round */
      live->dropped[lane] += (uint32_t)(now.ps_drop - (uint32_t)live->dropped[lane]);
    dropped += live->dropped[lane];
  }
  return dropped;
}
