#ifndef REPLAY_HOSTS_NETLINK_H
#define REPLAY_HOSTS_NETLINK_H

/* Requests to the kernel's route netlink (rtnetlink(7)), built attribute by attribute: what `ip`
 * and `tc` would ask for, without either of them. */

#include "wire/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NETLINK_REQUEST_BYTES 2048

struct hosts_netlink_request {
  _Alignas(8) uint8_t bytes[NETLINK_REQUEST_BYTES];
  size_t size;
  bool overflow;
};

/* head: the fixed structure of that message type (struct ifinfomsg, ...). flags: NLM_F_REQUEST and
 * NLM_F_ACK are added. */
void hosts_netlink_begin(struct hosts_netlink_request *request, uint16_t type, uint16_t flags,
                         const void *head, size_t head_bytes);
void hosts_netlink_add(struct hosts_netlink_request *request, uint16_t type, const void *value,
                       size_t bytes);
void hosts_netlink_add_u32(struct hosts_netlink_request *request, uint16_t type, uint32_t value);
void hosts_netlink_add_text(struct hosts_netlink_request *request, uint16_t type, const char *text);
/* Attributes added until hosts_netlink_nest_end() lie inside this one. Returns its place. */
size_t hosts_netlink_nest(struct hosts_netlink_request *request, uint16_t type);
void hosts_netlink_nest_end(struct hosts_netlink_request *request, size_t place);

/* A socket that stays in the network namespace where it is opened; -1: error says. */
int hosts_netlink_open(struct error *error);
/* Sends it and waits for the answer. `what` is for the message of the error. Returns 0 or
 * ERROR_IO. */
int hosts_netlink_ask(int socket, struct hosts_netlink_request *request, const char *what,
                      struct error *error);

#endif
