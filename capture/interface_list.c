#include "capture/interface_list.h"

#include "capture/interface_list_internal.h"
#include "capture/net_namespace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct listed_interface *interface_list_add(struct interface_list *list, uint32_t namespace_index)
{
  if (list->interface_count == list->interface_capacity) {
    uint32_t capacity = list->interface_capacity == 0 ? 64 : list->interface_capacity * 2;
    struct listed_interface *larger =
        capacity <= LISTED_INTERFACES_MAX
            ? realloc(list->interfaces, capacity * sizeof *list->interfaces)
            : NULL;
    if (larger == NULL) {
      list->interfaces_left_out++;
      return NULL;
    }
    list->interfaces = larger;
    list->interface_capacity = capacity;
  }
  struct listed_interface *interface = &list->interfaces[list->interface_count++];
  memset(interface, 0, sizeof *interface);
  interface->namespace_index = namespace_index;
  return interface;
}

uint32_t interface_list_namespace(const struct interface_list *list, uint64_t inode)
{
  for (uint32_t i = 0; i < list->namespace_count; i++)
    if (list->namespaces[i].inode == inode)
      return i;
  return UINT32_MAX;
}

/* Does something in a namespace. An error is that of a way back that failed. */
typedef int in_namespace(struct interface_list *list, uint32_t index, void *context,
                         struct error *error);

static int visit(struct interface_list *list, uint32_t index, in_namespace *action, void *context,
                 struct error *error)
{
  struct listed_namespace *space = &list->namespaces[index];
  struct error why;
  int home, rc = net_namespace_enter(space->own ? -1 : space->descriptor, &home, &why);
  if (rc == 0) {
    rc = action(list, index, context, &why);
    int back = net_namespace_leave(home, error);
    if (back < 0)
      return back;
  }
  space->entered = rc == 0;
  if (rc < 0)
    snprintf(space->why, sizeof space->why, "%.*s", (int)sizeof space->why - 1, why.text);
  return 0;
}

static int ask_links(struct interface_list *list, uint32_t index, void *context,
                     struct error *error)
{
  (void)context;
  return interface_list_ask_links(list, index, error);
}

static struct listed_interface *find(const struct interface_list *list, uint32_t namespace_index,
                                     uint32_t ifindex)
{
  for (uint32_t i = 0; i < list->interface_count; i++)
    if (list->interfaces[i].namespace_index == namespace_index &&
        list->interfaces[i].ifindex == ifindex && ifindex != 0)
      return &list->interfaces[i];
  return NULL;
}

static void set_link(struct listed_interface *interface, const struct listed_interface *other)
{
  interface->link_known = true;
  interface->link_namespace_index = other->namespace_index;
  memcpy(interface->link_name, other->name, sizeof interface->link_name);
}

/* The links of a namespace's interfaces into others: each that has an interface with that index is
 * asked for. */
static int name_links(struct interface_list *list, uint32_t index, void *context,
                      struct error *error)
{
  struct netlink *route;
  (void)context;
  int rc = netlink_open(&route, NETLINK_ROUTE, error);
  if (rc < 0)
    return rc;
  for (uint32_t i = 0; i < list->interface_count; i++) {
    struct listed_interface *interface = &list->interfaces[i];
    if (interface->namespace_index != index || !interface->link_elsewhere)
      continue;
    for (uint32_t k = 0; k < list->namespace_count && !interface->link_known; k++) {
      const struct listed_interface *other = find(list, k, interface->link_ifindex);
      if (k != index && other != NULL &&
          interface_list_ask_nsid(route, list->namespaces[k].descriptor) == interface->link_nsid)
        set_link(interface, other);
    }
  }
  netlink_close(route);
  return 0;
}

static bool has_links_elsewhere(const struct interface_list *list, uint32_t namespace_index)
{
  for (uint32_t i = 0; i < list->interface_count; i++)
    if (list->interfaces[i].namespace_index == namespace_index &&
        list->interfaces[i].link_elsewhere)
      return true;
  return false;
}

static int find_links(struct interface_list *list, struct error *error)
{
  for (uint32_t i = 0; i < list->interface_count; i++) {
    struct listed_interface *interface = &list->interfaces[i];
    const struct listed_interface *other =
        interface->link_elsewhere ? NULL
                                  : find(list, interface->namespace_index, interface->link_ifindex);
    if (other != NULL)
      set_link(interface, other);
  }
  for (uint32_t i = 0; i < list->namespace_count; i++) {
    int rc = has_links_elsewhere(list, i) ? visit(list, i, name_links, NULL, error) : 0;
    if (rc < 0)
      return rc;
  }
  return 0;
}

int interface_list_make(struct interface_list *list, struct error *error)
{
  memset(list, 0, sizeof *list);
  list->namespaces = calloc(LISTED_NAMESPACES_MAX, sizeof *list->namespaces);
  if (list->namespaces == NULL)
    return error_set(error, ERROR_MEMORY, "no memory for a list");
  int rc = interface_list_find_namespaces(list, error);
  for (uint32_t i = 0; rc == 0 && i < list->namespace_count; i++) {
    rc = visit(list, i, ask_links, NULL, error);
    if (rc == 0 && !list->namespaces[i].entered)
      interface_list_read_names(list, i);
  }
  if (rc == 0 && !list->namespaces[0].entered)
    rc = error_set(error, ERROR_IO, "%s", list->namespaces[0].why);
  if (rc == 0)
    rc = find_links(list, error);
  if (rc == 0)
    interface_list_find_holders(list);
  if (rc < 0)
    interface_list_free(list);
  return rc;
}

void interface_list_free(struct interface_list *list)
{
  for (uint32_t i = 0; i < list->namespace_count; i++)
    if (list->namespaces[i].descriptor >= 0)
      close(list->namespaces[i].descriptor);
  free(list->namespaces);
  free(list->interfaces);
  memset(list, 0, sizeof *list);
}
