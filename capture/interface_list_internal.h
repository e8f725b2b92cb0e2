#ifndef CAPTURE_INTERFACE_LIST_INTERNAL_H
#define CAPTURE_INTERFACE_LIST_INTERNAL_H

/* Inside of the list of interfaces: interface_list.c puts together, interface_list_proc.c finds
 * namespaces and processes in /proc, interface_list_links.c asks the kernel about one namespace. */

#include "capture/interface_list.h"
#include "capture/netlink.h"

/* Finds the namespaces; 0 or a negative error_code. */
int interface_list_find_namespaces(struct interface_list *list, struct error *error);
/* Finds who holds the TAPs of the interfaces that are listed. */
void interface_list_find_holders(struct interface_list *list);
/* The names in /proc/PID/net/dev, for a namespace that cannot be entered. */
void interface_list_read_names(struct interface_list *list, uint32_t namespace_index);

/* Lists the interfaces of the namespace in which the thread is. 0 or a negative error_code. */
int interface_list_ask_links(struct interface_list *list, uint32_t namespace_index,
                             struct error *error);
/* What the namespace in which the thread is calls another one: its nsid, or -1. */
int32_t interface_list_ask_nsid(struct netlink *route, int descriptor);

/* A new interface at the list's end, all zero but its namespace; NULL: no more room. */
struct listed_interface *interface_list_add(struct interface_list *list, uint32_t namespace_index);
/* The namespace with that inode; UINT32_MAX: not listed. */
uint32_t interface_list_namespace(const struct interface_list *list, uint64_t inode);

#endif
