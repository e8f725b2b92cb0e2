#include "replay/hosts_queue.h"

#include "replay/hosts_netlink.h"

#include <linux/if_ether.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>

#define ROOT_HANDLE      0x00010000U /* 1: */
#define CHILD_HANDLE     0x00020000U /* 2: */
#define FAST_BYTES_PER_S 1250000000U /* 10 Gbit/s */
#define FAST_BURST_BYTES 1000000U
/* One byte a second; the burst is one frame, the least that is allowed. */
#define SLOW_BYTES_PER_S 1U
#define SLOW_BURST_BYTES 1600U
#define LIMIT_BYTES      10000000U

static int ask_tbf(const struct live_host *host, uint16_t flags, uint32_t bytes_per_s,
                   uint32_t burst_bytes, struct error *error)
{
  const struct tcmsg head = {
      .tcm_ifindex = host->index, .tcm_handle = ROOT_HANDLE, .tcm_parent = TC_H_ROOT};
  /* The link layer is named, so that the kernel needs no table of rates. */
  const struct tc_tbf_qopt options = {
      .rate = {.rate = bytes_per_s, .linklayer = TC_LINKLAYER_ETHERNET}, .limit = LIMIT_BYTES};
  struct hosts_netlink_request request;
  hosts_netlink_begin(&request, RTM_NEWQDISC, flags, &head, sizeof head);
  hosts_netlink_add_text(&request, TCA_KIND, "tbf");
  const size_t nest = hosts_netlink_nest(&request, TCA_OPTIONS);
  hosts_netlink_add(&request, TCA_TBF_PARMS, &options, sizeof options);
  hosts_netlink_add_u32(&request, TCA_TBF_BURST, burst_bytes);
  hosts_netlink_nest_end(&request, nest);
  return hosts_netlink_ask(host->netlink, &request, "the transmit queue (tbf)", error);
}

int hosts_queue_make(const struct live_host *host, struct error *error)
{
  const int result =
      ask_tbf(host, NLM_F_CREATE | NLM_F_REPLACE, FAST_BYTES_PER_S, FAST_BURST_BYTES, error);
  if (result != 0)
    return result;
  const struct tcmsg head = {
      .tcm_ifindex = host->index, .tcm_handle = CHILD_HANDLE, .tcm_parent = ROOT_HANDLE};
  struct hosts_netlink_request request;
  hosts_netlink_begin(&request, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE, &head, sizeof head);
  hosts_netlink_add_text(&request, TCA_KIND, "pfifo_fast");
  return hosts_netlink_ask(host->netlink, &request, "the transmit queue (pfifo_fast)", error);
}

int hosts_queue_slow(const struct live_host *host, struct error *error)
{
  return ask_tbf(host, 0, SLOW_BYTES_PER_S, SLOW_BURST_BYTES, error);
}

int hosts_queue_restore(const struct live_host *host, struct error *error)
{
  return ask_tbf(host, 0, FAST_BYTES_PER_S, FAST_BURST_BYTES, error);
}
