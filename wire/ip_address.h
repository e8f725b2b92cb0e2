#ifndef WIRE_IP_ADDRESS_H
#define WIRE_IP_ADDRESS_H

/* struct ip_address from the bytes of a header. */

#include "wire/packet.h"

#include <string.h>

static inline struct ip_address ip_address_v4(const uint8_t *bytes)
{
  struct ip_address address = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0}};
  memcpy(address.bytes + 12, bytes, 4);
  return address;
}

static inline struct ip_address ip_address_v6(const uint8_t *bytes)
{
  struct ip_address address;
  memcpy(address.bytes, bytes, 16);
  return address;
}

#endif
