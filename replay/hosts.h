#ifndef REPLAY_HOSTS_H
#define REPLAY_HOSTS_H

/* A live host for a replay: a network namespace with one TAP device, set up so that its kernel
 * speaks TCP as the recorded one did, and says nothing unasked. It goes with its descriptors. */

#include "replay/tap.h"
#include "wire/packet.h"

#include <stdbool.h>
#include <stdint.h>

struct live_host_options {
  const char *interface;           /* its name in there; a pattern as "tap%d" is allowed */
  uint8_t ip_version;              /* 4 or 6 */
  struct ip_address address, peer; /* in one subnet (/24, /64); IPv4 mapped, as in struct packet */
  uint8_t mac[6], peer_mac[6];
  uint32_t mtu; /* of the device; 0: 1500 */
  bool window_scaling, timestamps, sack;
  /* Where SO_RCVBUF is not set, the scale that TCP announces follows from this (tcp_rmem[2]); 0:
   * the kernel's default. */
  uint32_t receive_max_bytes;
  bool old_pacing; /* TCP hands down what the window allows at once, as before Linux 4.20 */
  uint32_t ring_frames;
};

struct live_host {
  int netns;   /* borrowed */
  int netlink; /* owned; in there */
  int index;   /* of the interface */
  struct tap tap;
};

/* `netns`: a fresh namespace (netns_make()). Returns 0 or a negative error_code; then nothing is
 * left. */
int live_host_make(struct live_host *host, int netns, const struct live_host_options *options,
                   struct error *error);
void live_host_clear(struct live_host *host);

/* A route to `peer` that lays down a least retransmission timeout for TCP. Before the connection is
 * made. Returns 0 or ERROR_IO. */
int live_host_route(const struct live_host *host, uint8_t ip_version, const struct ip_address *peer,
                    int64_t rto_min_ns, struct error *error);

/* Its loopback device goes up, so that it can talk to itself. Returns 0 or ERROR_IO. */
int live_host_loopback(const struct live_host *host, struct error *error);

/* It no longer knows the link-layer address of `peer`: it has to ask. Returns 0 or ERROR_IO. */
int live_host_forget(const struct live_host *host, uint8_t ip_version,
                     const struct ip_address *peer, struct error *error);

/* Its addresses in replays: 10.77.0.N or fd00:77::N, 02:00:00:00:77:0N. */
struct ip_address live_host_address(uint8_t ip_version, uint8_t n);
void live_host_mac(uint8_t n, uint8_t mac[6]);

/* Sends one ICMP echo request to `peer` from the present network namespace: a packet that has
 * nothing to do with the stream. Returns 0 or ERROR_IO. */
int live_host_ping(const struct live_host *host, uint8_t ip_version, const struct ip_address *peer,
                   struct error *error);

#endif
