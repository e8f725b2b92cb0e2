#include "capture/filter.h"

#include <pcap.h>
#include <stdlib.h>

#define SNAPLEN_UNLIMITED 262144

struct filter {
  struct bpf_program program;
};

/* Files carry LINKTYPE_ values, libpcap compiles for DLT_ ones; they differ for a few old types. */
static int dlt_of(uint32_t linktype)
{
  switch (linktype) {
  case 100: return DLT_ATM_RFC1483;
  case 101: return DLT_RAW;
  case 102: return DLT_SLIP_BSDOS;
  case 103: return DLT_PPP_BSDOS;
  case 106: return DLT_ATM_CLIP;
  default: return (int)linktype;
  }
}

static int compile(struct bpf_program *program, const char *text, uint32_t linktype,
                   uint32_t snaplen_bytes, struct error *error)
{
  int snaplen = snaplen_bytes == 0 || snaplen_bytes > SNAPLEN_UNLIMITED ? SNAPLEN_UNLIMITED
                                                                        : (int)snaplen_bytes;
  pcap_t *pcap = pcap_open_dead(dlt_of(linktype), snaplen);
  if (pcap == NULL)
    return error_set(error, ERROR_MEMORY, "no memory to compile the filter");
  int rc = 0;
  if (pcap_compile(pcap, program, text, 1, PCAP_NETMASK_UNKNOWN) != 0)
    rc = error_set(error, ERROR_USAGE, "filter \"%s\": %s", text, pcap_geterr(pcap));
  pcap_close(pcap);
  return rc;
}

int filter_check_linktype(const char *text, uint32_t linktype, struct error *error)
{
  if (text == NULL)
    return 0;
  struct bpf_program program;
  int rc = compile(&program, text, linktype, 0, error);
  if (rc == 0)
    pcap_freecode(&program);
  return rc;
}

int filter_check(const char *text, struct error *error)
{
  static const uint32_t linktypes[] = {1, 101, 113}; /* Ethernet, raw IP, Linux cooked */
  int rc = 0;
  for (size_t i = 0; i < sizeof linktypes / sizeof linktypes[0]; i++) {
    struct error why;
    if (filter_check_linktype(text, linktypes[i], &why) == 0)
      return 0;
    if (rc == 0) /* Ethernet's message is the one that people know */
      rc = error_set(error, why.code, "%s", why.text);
  }
  return rc;
}

int filter_compile(struct filter **filter_out, const char *text, uint32_t linktype,
                   uint32_t snaplen_bytes, struct error *error)
{
  *filter_out = NULL;
  struct filter *filter = calloc(1, sizeof *filter);
  if (filter == NULL)
    return error_set(error, ERROR_MEMORY, "no memory to compile the filter");
  int rc = compile(&filter->program, text, linktype, snaplen_bytes, error);
  if (rc < 0) {
    free(filter);
    return rc;
  }
  *filter_out = filter;
  return 0;
}

void filter_free(struct filter *filter)
{
  if (filter == NULL)
    return;
  pcap_freecode(&filter->program);
  free(filter);
}

bool filter_matches(const struct filter *filter, const struct frame *frame)
{
  struct pcap_pkthdr header = {.caplen = frame->captured_bytes, .len = frame->original_bytes};
  return pcap_offline_filter(&filter->program, &header, frame->bytes) != 0;
}
