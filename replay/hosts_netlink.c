#include "replay/hosts_netlink.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ANSWER_BYTES 4096

/* `bytes` more, rounded up as netlink wants it; NULL: there is no room. */
static uint8_t *take(struct hosts_netlink_request *request, size_t bytes)
{
  const size_t aligned = NLMSG_ALIGN(bytes);
  if (aligned > NETLINK_REQUEST_BYTES - request->size) {
    request->overflow = true;
    return NULL;
  }
  uint8_t *at = request->bytes + request->size;
  memset(at, 0, aligned);
  request->size += aligned;
  return at;
}

void hosts_netlink_begin(struct hosts_netlink_request *request, uint16_t type, uint16_t flags,
                         const void *head, size_t head_bytes)
{
  const struct nlmsghdr header = {.nlmsg_type = type,
                                  .nlmsg_flags = (uint16_t)(flags | NLM_F_REQUEST | NLM_F_ACK)};
  request->size = 0;
  request->overflow = false;
  memcpy(take(request, sizeof header), &header, sizeof header);
  uint8_t *at = take(request, head_bytes);
  if (at != NULL)
    memcpy(at, head, head_bytes);
}

void hosts_netlink_add(struct hosts_netlink_request *request, uint16_t type, const void *value,
                       size_t bytes)
{
  const struct rtattr attribute = {.rta_len = (uint16_t)RTA_LENGTH(bytes), .rta_type = type};
  uint8_t *at = take(request, RTA_LENGTH(bytes));
  if (at == NULL)
    return;
  memcpy(at, &attribute, sizeof attribute);
  if (bytes > 0)
    memcpy(at + RTA_LENGTH(0), value, bytes);
}

void hosts_netlink_add_u32(struct hosts_netlink_request *request, uint16_t type, uint32_t value)
{
  hosts_netlink_add(request, type, &value, sizeof value);
}

void hosts_netlink_add_text(struct hosts_netlink_request *request, uint16_t type, const char *text)
{
  hosts_netlink_add(request, type, text, strlen(text) + 1);
}

size_t hosts_netlink_nest(struct hosts_netlink_request *request, uint16_t type)
{
  const size_t place = request->size;
  hosts_netlink_add(request, (uint16_t)(type | NLA_F_NESTED), NULL, 0);
  return place;
}

void hosts_netlink_nest_end(struct hosts_netlink_request *request, size_t place)
{
  const uint16_t length = (uint16_t)(request->size - place);
  if (!request->overflow)
    memcpy(request->bytes + place + offsetof(struct rtattr, rta_len), &length, sizeof length);
}

int hosts_netlink_open(struct error *error)
{
  const int descriptor = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  if (descriptor < 0)
    error_set(error, ERROR_IO, "netlink: %s", strerror(errno));
  return descriptor;
}

int hosts_netlink_ask(int socket, struct hosts_netlink_request *request, const char *what,
                      struct error *error)
{
  _Alignas(8) uint8_t answer[ANSWER_BYTES];
  const uint32_t length = (uint32_t)request->size;
  struct nlmsghdr header;
  struct nlmsgerr result;
  if (request->overflow)
    return error_set(error, ERROR_LIMIT, "%s: the request is too long", what);
  memcpy(request->bytes + offsetof(struct nlmsghdr, nlmsg_len), &length, sizeof length);
  if (send(socket, request->bytes, request->size, 0) < 0)
    return error_set(error, ERROR_IO, "%s: %s", what, strerror(errno));
  const ssize_t size = recv(socket, answer, sizeof answer, 0);
  if (size < (ssize_t)(NLMSG_HDRLEN + sizeof result))
    return error_set(error, ERROR_IO, "%s: no answer from the kernel", what);
  memcpy(&header, answer, sizeof header);
  memcpy(&result, answer + NLMSG_HDRLEN, sizeof result);
  if (header.nlmsg_type == NLMSG_ERROR && result.error == 0)
    return 0;
  return error_set(error, ERROR_IO, "%s: %s", what,
                   strerror(header.nlmsg_type == NLMSG_ERROR ? -result.error : EPROTO));
}
