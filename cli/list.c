#include "cli/list.h"

#include "capture/interface_list.h"
#include "cli/commands.h"
#include "cli/complain.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define SCHEMA       "tcpstall-interfaces/1"
#define TEXT_BYTES   1024
#define COLUMN_COUNT 7
#define GAP          2 /* blanks between columns */

static const struct {
  enum listed_offload offload;
  const char *name;
} offload_names[] = {{LISTED_TX_CHECKSUM, "tx-checksum"},
                     {LISTED_TSO, "tso"},
                     {LISTED_GSO, "gso"},
                     {LISTED_GRO, "gro"},
                     {LISTED_LRO, "lro"}};
#define OFFLOAD_COUNT (sizeof offload_names / sizeof *offload_names)

static const char *state_name(enum listed_state state)
{
  switch (state) {
  case LISTED_DOWN: return "down";
  case LISTED_NO_CARRIER: return "no-carrier";
  case LISTED_UP: return "up";
  case LISTED_STATE_UNKNOWN: break;
  }
  return "unknown";
}

/* What -i takes for it. */
static void name_for_capture(const char *name, const struct listed_namespace *space, char *text,
                             size_t size)
{
  snprintf(text, size, "%s%s%s", name, space->own ? "" : "@", space->own ? "" : space->name);
}

static bool is_tun(const struct listed_interface *interface)
{
  return strcmp(interface->kind, "tap") == 0 || strcmp(interface->kind, "tun") == 0;
}

/* An interface that is built on nothing says that it is built on itself. */
static bool has_link(const struct listed_interface *interface)
{
  return interface->link_ifindex != 0 &&
         (interface->link_elsewhere || interface->link_ifindex != interface->ifindex);
}

/* The table. */

/* Adds to a text that has room for TEXT_BYTES; what does not fit is left out. */
static void add(char *text, const char *before, const char *more)
{
  size_t used = strlen(text);
  snprintf(text + used, TEXT_BYTES - used, "%s%s", used > 0 ? before : "", more);
}

static void add_link(const struct interface_list *list, const struct listed_interface *interface,
                     char *text)
{
  char name[300], what[400];
  bool is_peer = strcmp(interface->kind, "veth") == 0;
  if (!has_link(interface))
    return;
  if (interface->link_known)
    name_for_capture(interface->link_name, &list->namespaces[interface->link_namespace_index], name,
                     sizeof name);
  else
    snprintf(name, sizeof name, "number %u%s", interface->link_ifindex,
             interface->link_elsewhere ? " of a namespace that is not listed" : "");
  snprintf(what, sizeof what, "%s %s", is_peer ? "peer" : "on", name);
  add(text, "; ", what);
}

static void add_holders(const struct listed_interface *interface, char *text)
{
  for (uint32_t i = 0; i < interface->holder_count; i++) {
    const struct listed_holder *holder = &interface->holders[i];
    char what[120];
    snprintf(what, sizeof what, "held by %s (%d)%s", holder->program, holder->process,
             holder->certain ? "" : ", or one of the same name");
    add(text, "; ", what);
  }
  if (is_tun(interface) && interface->holder_count == 0)
    add(text, "; ", "no holder seen");
}

static void tell_details(const struct interface_list *list,
                         const struct listed_interface *interface, char *text)
{
  char what[64];
  text[0] = '\0';
  add_holders(interface, text);
  add_link(list, interface, text);
  if (interface->vlan != 0) {
    snprintf(what, sizeof what, "vlan %u", interface->vlan);
    add(text, "; ", what);
  }
  if (interface->master[0] != '\0') {
    snprintf(what, sizeof what, "in %s%s", interface->master_is_bridge ? "bridge " : "",
             interface->master);
    add(text, "; ", what);
  }
  if (interface->device[0] != '\0')
    add(text, "; ", interface->device);
  for (uint32_t i = 0; i < interface->address_count; i++)
    add(text, i == 0 ? "; " : " ", interface->addresses[i]);
}

struct row {
  char cells[COLUMN_COUNT][TEXT_BYTES];
};

static void fill_row(const struct interface_list *list, const struct listed_interface *interface,
                     struct row *row)
{
  memset(row, 0, sizeof *row);
  name_for_capture(interface->name, &list->namespaces[interface->namespace_index], row->cells[0],
                   TEXT_BYTES);
  add(row->cells[1], "", interface->kind);
  add(row->cells[2], "", state_name(interface->state));
  if (interface->mtu_bytes != 0)
    snprintf(row->cells[3], TEXT_BYTES, "%u", interface->mtu_bytes);
  add(row->cells[4], "", interface->queue);
  for (size_t i = 0; i < OFFLOAD_COUNT; i++)
    if ((interface->offloads & offload_names[i].offload) != 0)
      add(row->cells[5], " ", offload_names[i].name);
  tell_details(list, interface, row->cells[6]);
}

static const struct row heading = {
    {"INTERFACE", "KIND", "STATE", "MTU", "QUEUE", "OFFLOADS", "DETAILS"}};

static void print_row(const struct row *row, const size_t *widths)
{
  int last = COLUMN_COUNT - 1;
  while (last > 0 && row->cells[last][0] == '\0')
    last--;
  for (int i = 0; i < last; i++)
    printf("%-*s%*s", (int)widths[i], row->cells[i], GAP, "");
  printf("%s\n", row->cells[last]);
}

static void measure(const struct row *row, size_t *widths)
{
  for (int i = 0; i < COLUMN_COUNT; i++)
    if (strlen(row->cells[i]) > widths[i])
      widths[i] = strlen(row->cells[i]);
}

static void print_namespace(const struct listed_namespace *space)
{
  if (space->own)
    printf("\nthis network namespace");
  else if (space->process != 0)
    printf("\nnetwork namespace %s, %s %s (%d)", space->name,
           strchr(space->name, '/') != NULL ? "kept by" : "of", space->program, space->process);
  else
    printf("\nnetwork namespace %s", space->name);
  printf("%s%s\n", space->entered ? "" : ": ", space->entered ? "" : space->why);
}

static void print_table(const struct interface_list *list)
{
  size_t widths[COLUMN_COUNT] = {0};
  struct row row;
  measure(&heading, widths);
  for (uint32_t i = 0; i < list->interface_count; i++) {
    fill_row(list, &list->interfaces[i], &row);
    measure(&row, widths);
  }
  print_row(&heading, widths);
  for (uint32_t space = 0; space < list->namespace_count; space++) {
    print_namespace(&list->namespaces[space]);
    for (uint32_t i = 0; i < list->interface_count; i++) {
      if (list->interfaces[i].namespace_index != space)
        continue;
      fill_row(list, &list->interfaces[i], &row);
      print_row(&row, widths);
    }
  }
}

/* JSON. */

static json_t *text_or_null(const char *text)
{
  return text[0] != '\0' ? json_string(text) : json_null();
}

static json_t *number_or_null(uint64_t number)
{
  return number != 0 ? json_integer((json_int_t)number) : json_null();
}

static json_t *offloads_json(uint32_t offloads)
{
  json_t *array = json_array();
  for (size_t i = 0; i < OFFLOAD_COUNT; i++)
    if ((offloads & offload_names[i].offload) != 0)
      json_array_append_new(array, json_string(offload_names[i].name));
  return array;
}

static json_t *holders_json(const struct listed_interface *interface)
{
  json_t *array = json_array();
  for (uint32_t i = 0; i < interface->holder_count; i++) {
    const struct listed_holder *holder = &interface->holders[i];
    json_array_append_new(array, json_pack("{s:i, s:s, s:b}", "pid", holder->process, "program",
                                           holder->program, "certain", (int)holder->certain));
  }
  return array;
}

static json_t *link_json(const struct interface_list *list,
                         const struct listed_interface *interface)
{
  char name[300] = "";
  if (!has_link(interface))
    return json_null();
  if (interface->link_known)
    name_for_capture(interface->link_name, &list->namespaces[interface->link_namespace_index], name,
                     sizeof name);
  return json_pack("{s:o, s:i}", "capture", text_or_null(name), "index",
                   (int)interface->link_ifindex);
}

static json_t *addresses_json(const struct listed_interface *interface)
{
  json_t *array = json_array();
  for (uint32_t i = 0; i < interface->address_count; i++)
    json_array_append_new(array, json_string(interface->addresses[i]));
  return array;
}

static json_t *interface_json(const struct interface_list *list,
                              const struct listed_interface *interface)
{
  char capture[300];
  bool is_peer = strcmp(interface->kind, "veth") == 0;
  name_for_capture(interface->name, &list->namespaces[interface->namespace_index], capture,
                   sizeof capture);
  json_t *object = json_pack(
      "{s:s, s:s, s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:b, s:o, s:o, s:o, s:o}", "capture", capture,
      "name", interface->name, "index", number_or_null(interface->ifindex), "kind",
      text_or_null(interface->kind), "state", state_name(interface->state), "mtu_bytes",
      number_or_null(interface->mtu_bytes), "queue", text_or_null(interface->queue), "offloads",
      offloads_json(interface->offloads), "device", text_or_null(interface->device), "persistent",
      (int)interface->persistent, "vlan", number_or_null(interface->vlan), "holders",
      holders_json(interface), "addresses", addresses_json(interface), is_peer ? "peer" : "on",
      link_json(list, interface));
  if (object == NULL)
    return NULL;
  json_object_set_new(object, "bridge",
                      text_or_null(interface->master_is_bridge ? interface->master : ""));
  json_object_set_new(object, "master", text_or_null(interface->master));
  return object;
}

static json_t *namespace_json(const struct interface_list *list, uint32_t index)
{
  const struct listed_namespace *space = &list->namespaces[index];
  json_t *interfaces = json_array();
  for (uint32_t i = 0; i < list->interface_count; i++)
    if (list->interfaces[i].namespace_index == index)
      json_array_append_new(interfaces, interface_json(list, &list->interfaces[i]));
  json_t *process = space->process != 0
                        ? json_pack("{s:i, s:s}", "pid", space->process, "program", space->program)
                        : json_null();
  return json_pack("{s:b, s:o, s:I, s:o, s:o, s:o}", "own", (int)space->own, "name",
                   text_or_null(space->name), "inode", (json_int_t)space->inode, "process", process,
                   "unreadable", text_or_null(space->entered ? "" : space->why), "interfaces",
                   interfaces);
}

static int print_json(const struct interface_list *list)
{
  json_t *spaces = json_array();
  for (uint32_t i = 0; i < list->namespace_count; i++)
    json_array_append_new(spaces, namespace_json(list, i));
  json_t *root = json_pack("{s:s, s:o, s:i, s:i, s:i}", "schema", SCHEMA, "namespaces", spaces,
                           "processes_unseen", (int)list->processes_unseen, "namespaces_left_out",
                           (int)list->namespaces_left_out, "interfaces_left_out",
                           (int)list->interfaces_left_out);
  int rc = root != NULL ? json_dumpf(root, stdout, JSON_INDENT(2)) : -1;
  json_decref(root);
  putchar('\n');
  return rc;
}

static void tell_unseen(const struct interface_list *list)
{
  if (list->processes_unseen > 0)
    complain(
        "no right to look into some processes (%u): their network namespaces, and the TAPs that "
        "they hold, are not told (root sees them)",
        list->processes_unseen);
  if (list->namespaces_left_out + list->interfaces_left_out > 0)
    complain("%u network namespaces and %u interfaces are left out: there are too many",
             list->namespaces_left_out, list->interfaces_left_out);
}

int list_interfaces(bool json)
{
  struct interface_list list;
  struct error error;
  int rc = interface_list_make(&list, &error);
  if (rc < 0) {
    complain("%s", error.text);
    return EXIT_TROUBLE;
  }
  if (json)
    rc = print_json(&list);
  else
    print_table(&list);
  tell_unseen(&list);
  interface_list_free(&list);
  if (rc == 0 && fflush(stdout) == 0)
    return EXIT_NO_PROBLEM;
  complain("standard output: writing failed");
  return EXIT_TROUBLE;
}
