#include "capture/interface_list_internal.h"

#include "capture/clean_text.h"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/ethtool.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define REQUEST_BYTES_MAX 128

struct asking {
  struct interface_list *list;
  uint32_t namespace_index;
  int socket; /* for ioctls; -1 = none */
};

/* Attributes, one after the other. */
struct attributes {
  const uint8_t *at;
  size_t left;
};

static struct attributes attributes_of(const struct nlmsghdr *message, size_t header_bytes)
{
  size_t before = NLMSG_HDRLEN + NLMSG_ALIGN(header_bytes);
  return (struct attributes){(const uint8_t *)message + before,
                             message->nlmsg_len > before ? message->nlmsg_len - before : 0};
}

static struct attributes attributes_in(const struct nlattr *nest)
{
  return (struct attributes){mnl_attr_get_payload(nest), mnl_attr_get_payload_len(nest)};
}

static const struct nlattr *next(struct attributes *attributes)
{
  const void *place = attributes->at;
  const struct nlattr *attribute = place;
  if (attributes->left < sizeof *attribute || attribute->nla_len < sizeof *attribute ||
      attribute->nla_len > attributes->left)
    return NULL;
  size_t size = NLMSG_ALIGN((size_t)attribute->nla_len);
  attributes->left -= size < attributes->left ? size : attributes->left;
  attributes->at += size;
  return attribute;
}

static void take_text(char *to, size_t to_size, const struct nlattr *attribute)
{
  clean_text_copy(to, to_size, mnl_attr_get_payload(attribute),
                  mnl_attr_get_payload_len(attribute));
}

/* 0 if the attribute is of another length. */
static uint32_t take_u32(const struct nlattr *attribute)
{
  return mnl_attr_get_payload_len(attribute) == 4 ? mnl_attr_get_u32(attribute) : 0;
}

static uint8_t take_u8(const struct nlattr *attribute)
{
  return mnl_attr_get_payload_len(attribute) >= 1 ? mnl_attr_get_u8(attribute) : 0;
}

static void take_tun(struct listed_interface *interface, const struct nlattr *data)
{
  const struct nlattr *attribute;
  for (struct attributes all = attributes_in(data); (attribute = next(&all)) != NULL;) {
    if (mnl_attr_get_type(attribute) == IFLA_TUN_TYPE)
      snprintf(interface->kind, sizeof interface->kind, "%s",
               take_u8(attribute) == IFF_TAP ? "tap" : "tun");
    else if (mnl_attr_get_type(attribute) == IFLA_TUN_PERSIST)
      interface->persistent = take_u8(attribute) != 0;
  }
}

static void take_vlan(struct listed_interface *interface, const struct nlattr *data)
{
  const struct nlattr *attribute;
  for (struct attributes all = attributes_in(data); (attribute = next(&all)) != NULL;) {
    if (mnl_attr_get_type(attribute) == IFLA_VLAN_ID && mnl_attr_get_payload_len(attribute) == 2)
      interface->vlan = mnl_attr_get_u16(attribute);
  }
}

static void take_link_info(struct listed_interface *interface, const struct nlattr *info)
{
  const struct nlattr *attribute, *data = NULL;
  char slave[16] = "";
  for (struct attributes all = attributes_in(info); (attribute = next(&all)) != NULL;) {
    if (mnl_attr_get_type(attribute) == IFLA_INFO_KIND)
      take_text(interface->kind, sizeof interface->kind, attribute);
    else if (mnl_attr_get_type(attribute) == IFLA_INFO_DATA)
      data = attribute;
    else if (mnl_attr_get_type(attribute) == IFLA_INFO_SLAVE_KIND)
      take_text(slave, sizeof slave, attribute);
  }
  interface->master_is_bridge = strcmp(slave, "bridge") == 0;
  if (data != NULL && strcmp(interface->kind, "tun") == 0)
    take_tun(interface, data);
  if (data != NULL && strcmp(interface->kind, "vlan") == 0)
    take_vlan(interface, data);
}

static void take_attribute(struct listed_interface *interface, const struct nlattr *attribute)
{
  switch (mnl_attr_get_type(attribute)) {
  case IFLA_IFNAME: take_text(interface->name, sizeof interface->name, attribute); break;
  case IFLA_MTU: interface->mtu_bytes = take_u32(attribute); break;
  case IFLA_QDISC: take_text(interface->queue, sizeof interface->queue, attribute); break;
  case IFLA_LINK: interface->link_ifindex = take_u32(attribute); break;
  case IFLA_LINK_NETNSID:
    interface->link_elsewhere = true;
    interface->link_nsid = (int32_t)take_u32(attribute);
    break;
  case IFLA_LINKINFO: take_link_info(interface, attribute); break;
  case IFLA_PARENT_DEV_NAME:
    take_text(interface->device, sizeof interface->device, attribute);
    break;
  default: break;
  }
}

static uint32_t ask_ethtool(const struct asking *asking, const char *name, uint32_t what)
{
  struct ethtool_value value = {.cmd = what};
  struct ifreq request;
  memset(&request, 0, sizeof request);
  snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
  request.ifr_data = (void *)&value;
  return asking->socket >= 0 && ioctl(asking->socket, SIOCETHTOOL, &request) == 0 ? value.data : 0;
}

static uint32_t ask_offloads(const struct asking *asking, const char *name)
{
  static const struct {
    uint32_t what;
    enum listed_offload offload;
  } questions[] = {{ETHTOOL_GTXCSUM, LISTED_TX_CHECKSUM},
                   {ETHTOOL_GTSO, LISTED_TSO},
                   {ETHTOOL_GGSO, LISTED_GSO},
                   {ETHTOOL_GGRO, LISTED_GRO}};
  uint32_t offloads = 0;
  for (size_t i = 0; i < sizeof questions / sizeof *questions; i++)
    if (ask_ethtool(asking, name, questions[i].what) != 0)
      offloads |= questions[i].offload;
  if ((ask_ethtool(asking, name, ETHTOOL_GFLAGS) & ETH_FLAG_LRO) != 0)
    offloads |= LISTED_LRO;
  return offloads;
}

static const char *kind_of(const struct ifinfomsg *header)
{
  if ((header->ifi_flags & IFF_LOOPBACK) != 0)
    return "loopback";
  return header->ifi_type == ARPHRD_ETHER ? "physical" : "other";
}

static void take_link(void *context, const struct nlmsghdr *message)
{
  const struct asking *asking = context;
  const struct nlattr *attribute;
  if (message->nlmsg_type != RTM_NEWLINK ||
      message->nlmsg_len < NLMSG_LENGTH(sizeof(struct ifinfomsg)))
    return;
  const struct ifinfomsg *header = mnl_nlmsg_get_payload(message);
  struct listed_interface *interface = interface_list_add(asking->list, asking->namespace_index);
  if (interface == NULL)
    return;
  interface->ifindex = (uint32_t)header->ifi_index;
  for (struct attributes all = attributes_of(message, sizeof *header);
       (attribute = next(&all)) != NULL;) {
    take_attribute(interface, attribute);
    if (mnl_attr_get_type(attribute) == IFLA_MASTER) /* its name is found when all are known */
      snprintf(interface->master, sizeof interface->master, "%u", take_u32(attribute));
  }
  if (interface->kind[0] == '\0')
    snprintf(interface->kind, sizeof interface->kind, "%s", kind_of(header));
  interface->state = LISTED_UP;
  if ((header->ifi_flags & IFF_UP) == 0)
    interface->state = LISTED_DOWN;
  else if ((header->ifi_flags & IFF_RUNNING) == 0)
    interface->state = LISTED_NO_CARRIER;
  interface->offloads = ask_offloads(asking, interface->name);
}

static struct listed_interface *find(const struct asking *asking, uint32_t ifindex)
{
  for (uint32_t i = 0; i < asking->list->interface_count; i++)
    if (asking->list->interfaces[i].namespace_index == asking->namespace_index &&
        asking->list->interfaces[i].ifindex == ifindex)
      return &asking->list->interfaces[i];
  return NULL;
}

static void name_masters(const struct asking *asking)
{
  for (uint32_t i = 0; i < asking->list->interface_count; i++) {
    struct listed_interface *interface = &asking->list->interfaces[i];
    unsigned ifindex;
    if (interface->namespace_index != asking->namespace_index || interface->master[0] == '\0' ||
        sscanf(interface->master, "%u", &ifindex) != 1) /* NOLINT(cert-err34-c): our own digits */
      continue;
    const struct listed_interface *master = find(asking, ifindex);
    if (master != NULL)
      memcpy(interface->master, master->name, sizeof interface->master);
  }
}

static void take_address(void *context, const struct nlmsghdr *message)
{
  const struct asking *asking = context;
  const struct nlattr *attribute, *local = NULL;
  if (message->nlmsg_type != RTM_NEWADDR ||
      message->nlmsg_len < NLMSG_LENGTH(sizeof(struct ifaddrmsg)))
    return;
  const struct ifaddrmsg *header = mnl_nlmsg_get_payload(message);
  struct listed_interface *interface = find(asking, header->ifa_index);
  for (struct attributes all = attributes_of(message, sizeof *header);
       (attribute = next(&all)) != NULL;) {
    uint16_t type = mnl_attr_get_type(attribute);
    if (type == IFA_LOCAL || (type == IFA_ADDRESS && local == NULL))
      local = attribute;
  }
  bool v6 = header->ifa_family == AF_INET6;
  if (interface == NULL || local == NULL || interface->address_count == LISTED_ADDRESSES_MAX ||
      mnl_attr_get_payload_len(local) != (v6 ? 16 : 4))
    return;
  char *text = interface->addresses[interface->address_count];
  if (inet_ntop(v6 ? AF_INET6 : AF_INET, mnl_attr_get_payload(local), text,
                sizeof interface->addresses[0]) != NULL)
    interface->address_count++;
}

static int ask_all(struct netlink *route, uint16_t type, size_t header_bytes,
                   netlink_handler *handler, struct asking *asking)
{
  uint8_t request[REQUEST_BYTES_MAX] __attribute__((aligned(8)));
  struct nlmsghdr *message = mnl_nlmsg_put_header(request);
  message->nlmsg_type = type;
  message->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  mnl_nlmsg_put_extra_header(message, header_bytes);
  return netlink_ask(route, message, handler, asking);
}

int interface_list_ask_links(struct interface_list *list, uint32_t namespace_index,
                             struct error *error)
{
  struct asking asking = {list, namespace_index, -1};
  struct netlink *route;
  int rc = netlink_open(&route, NETLINK_ROUTE, error);
  if (rc < 0)
    return rc;
  asking.socket = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  int answer = ask_all(route, RTM_GETLINK, sizeof(struct ifinfomsg), take_link, &asking);
  if (answer == 0)
    ask_all(route, RTM_GETADDR, sizeof(struct ifaddrmsg), take_address, &asking);
  name_masters(&asking);
  if (asking.socket >= 0)
    close(asking.socket);
  netlink_close(route);
  return answer == 0 ? 0
                     : error_set(error, ERROR_IO, "the kernel does not list its interfaces: %s",
                                 strerror(-answer));
}

static void take_nsid(void *context, const struct nlmsghdr *message)
{
  int32_t *nsid = context;
  const struct nlattr *attribute;
  if (message->nlmsg_type != RTM_NEWNSID ||
      message->nlmsg_len < NLMSG_LENGTH(sizeof(struct rtgenmsg)))
    return;
  for (struct attributes all = attributes_of(message, sizeof(struct rtgenmsg));
       (attribute = next(&all)) != NULL;) {
    if (mnl_attr_get_type(attribute) == NETNSA_NSID)
      *nsid = (int32_t)take_u32(attribute);
  }
}

int32_t interface_list_ask_nsid(struct netlink *route, int descriptor)
{
  uint8_t request[REQUEST_BYTES_MAX] __attribute__((aligned(8)));
  int32_t nsid = -1;
  struct nlmsghdr *message = mnl_nlmsg_put_header(request);
  message->nlmsg_type = RTM_GETNSID;
  message->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
  mnl_nlmsg_put_extra_header(message, sizeof(struct rtgenmsg));
  mnl_attr_put_u32(message, NETNSA_FD, (uint32_t)descriptor);
  netlink_ask(route, message, take_nsid, &nsid);
  return nsid;
}
