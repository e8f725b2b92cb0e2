#ifndef CAPTURE_INTERFACE_LIST_H
#define CAPTURE_INTERFACE_LIST_H

/* The interfaces of this host that could be captured: those of the own network namespace, of the
 * named ones (`ip netns`) and of every namespace in which a process runs; what they are, what they
 * belong to, and which processes hold the TAPs.
 *
 * Without rights it lists what can be seen, and says what could not be. */

#include "wire/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LISTED_NAMESPACES_MAX 256 /* more are counted only */
#define LISTED_INTERFACES_MAX 4096
#define LISTED_HOLDERS_MAX    8
#define LISTED_ADDRESSES_MAX  8
#define LISTED_NAME_BYTES     64

enum listed_state {
  LISTED_DOWN,
  LISTED_NO_CARRIER, /* up, but nothing is plugged in; a TAP that nobody holds */
  LISTED_UP,
  LISTED_STATE_UNKNOWN /* only its name could be seen */
};

/* Offloads that make the captured packets differ from those on the wire (or'ed). */
enum listed_offload {
  LISTED_TX_CHECKSUM = 0x01,
  LISTED_TSO = 0x02,
  LISTED_GSO = 0x04,
  LISTED_GRO = 0x08,
  LISTED_LRO = 0x10
};

struct listed_holder {
  int process;
  char program[LISTED_NAME_BYTES];
  bool certain; /* the kernel said so; false: its TAP has that name, in some namespace */
};

struct listed_interface {
  uint32_t namespace_index; /* in the list */
  uint32_t ifindex;         /* 0 = not known */
  char name[16];
  /* tap, tun, loopback, physical, or the kernel's word: veth, bridge, vlan, wireguard, ...; "" =
   * not known */
  char kind[LISTED_NAME_BYTES];
  enum listed_state state;
  uint32_t mtu_bytes; /* 0 = not known */
  uint32_t offloads;
  char queue[16];                 /* root qdisc */
  char device[LISTED_NAME_BYTES]; /* of a physical one: its bus address; else "" */
  char master[16];                /* bridge, bond that it belongs to; "" = none */
  bool master_is_bridge;
  uint32_t vlan;   /* of a VLAN; 0 = none */
  bool persistent; /* a TAP that stays when nobody holds it */
  /* The other interface of a veth, what a VLAN or the like is built on: */
  uint32_t link_ifindex; /* 0 = none */
  bool link_elsewhere;   /* it is in another namespace */
  int32_t link_nsid;     /* which this one calls so */
  bool link_known;       /* these two are filled: */
  char link_name[16];
  uint32_t link_namespace_index;
  uint32_t address_count;
  char addresses[LISTED_ADDRESSES_MAX][46];
  uint32_t holder_count;
  struct listed_holder holders[LISTED_HOLDERS_MAX];
};

struct listed_namespace {
  uint64_t inode;
  bool own;
  /* What to say behind the @ of -i: "" for the own one, a name of `ip netns`, a process id, or
   * /proc/PID/fd/N where no process runs in it. */
  char name[256];
  int process; /* one that runs in it, or keeps it open; 0 = none found */
  char program[LISTED_NAME_BYTES];
  bool entered; /* false: only names could be seen, if anything; `why` says what failed */
  char why[160];
  int descriptor; /* the list's */
};

struct interface_list {
  uint32_t namespace_count, interface_count;
  struct listed_namespace *namespaces; /* the own one first, then the named ones */
  struct listed_interface *interfaces; /* by namespace, then by index */
  uint32_t interface_capacity;
  uint32_t processes_unseen;    /* of other users: their namespaces and TAPs may be missing */
  uint32_t namespaces_left_out; /* more than LISTED_NAMESPACES_MAX */
  uint32_t interfaces_left_out;
};

/* Fills *list; 0 or ERROR_MEMORY, ERROR_IO (no netlink at all, or no way back to the own
 * namespace: then the thread must not go on). */
int interface_list_make(struct interface_list *list, struct error *error);
void interface_list_free(struct interface_list *list); /* also one that is all zero */

#endif
