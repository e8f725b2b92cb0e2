/* Link types (the LINKTYPE registry of pcap and pcapng): which there are, and the parsers of those
 * that are small. */
#include "wire/decoder.h"

enum linktype {
  LINKTYPE_NULL = 0,
  LINKTYPE_ETHERNET = 1,
  LINKTYPE_TOKEN_RING = 6,
  LINKTYPE_ARCNET_BSD = 7,
  LINKTYPE_SLIP = 8,
  LINKTYPE_PPP = 9,
  LINKTYPE_FDDI = 10,
  LINKTYPE_DLT_RAW = 12, /* raw IP where a DLT value was written instead of 101 */
  LINKTYPE_DLT_RAW_OPENBSD = 14,
  LINKTYPE_PPP_HDLC = 50,
  LINKTYPE_PPP_ETHER = 51,
  LINKTYPE_ATM_RFC1483 = 100,
  LINKTYPE_RAW = 101,
  LINKTYPE_C_HDLC = 104,
  LINKTYPE_IEEE802_11 = 105,
  LINKTYPE_ATM_CLIP = 106,
  LINKTYPE_FRELAY = 107,
  LINKTYPE_LOOP = 108,
  LINKTYPE_ENC = 109,
  LINKTYPE_LINUX_SLL = 113,
  LINKTYPE_PFLOG = 117,
  LINKTYPE_PRISM = 119,
  LINKTYPE_SUNATM = 123,
  LINKTYPE_RADIOTAP = 127,
  LINKTYPE_ARCNET_LINUX = 129,
  LINKTYPE_AVS = 163,
  LINKTYPE_PPP_PPPD = 166,
  LINKTYPE_JUNIPER_ETHER = 178,
  LINKTYPE_JUNIPER_PPP = 179,
  LINKTYPE_JUNIPER_CHDLC = 181,
  LINKTYPE_PPI = 192,
  LINKTYPE_PPP_WITH_DIR = 204,
  LINKTYPE_C_HDLC_WITH_DIR = 205,
  LINKTYPE_FRELAY_WITH_DIR = 206,
  LINKTYPE_IPNET = 226,
  LINKTYPE_IPV4 = 228,
  LINKTYPE_IPV6 = 229,
  LINKTYPE_NFLOG = 239,
  LINKTYPE_IPOIB = 242,
  LINKTYPE_PKTAP = 258,
  LINKTYPE_LINUX_SLL2 = 276,
  LINKTYPE_DSA_TAG_BRCM = 281,
  LINKTYPE_DSA_TAG_BRCM_PREPEND = 282,
  LINKTYPE_DSA_TAG_DSA = 284,
  LINKTYPE_DSA_TAG_EDSA = 285
};

#define LINKTYPE_TABLE_SIZE 286

static enum layer raw_parse(struct decoder *decoder)
{
  (void)decoder;
  return LAYER_IP;
}

static enum layer raw_ipv4_parse(struct decoder *decoder)
{
  (void)decoder;
  return LAYER_IPV4;
}

static enum layer raw_ipv6_parse(struct decoder *decoder)
{
  (void)decoder;
  return LAYER_IPV6;
}

static enum layer raw_pppoe_parse(struct decoder *decoder)
{
  (void)decoder;
  return LAYER_PPPOE;
}

static enum layer raw_llc_parse(struct decoder *decoder)
{
  (void)decoder;
  return LAYER_LLC;
}

static layer_parser *const link_parsers[LINKTYPE_TABLE_SIZE] = {
    [LINKTYPE_NULL] = host_loopback_parse,
    [LINKTYPE_ETHERNET] = ethernet_parse,
    [LINKTYPE_TOKEN_RING] = lan_token_ring_parse,
    [LINKTYPE_ARCNET_BSD] = lan_arcnet_bsd_parse,
    [LINKTYPE_SLIP] = serial_slip_parse,
    [LINKTYPE_PPP] = serial_hdlc_parse,
    [LINKTYPE_FDDI] = lan_fddi_parse,
    [LINKTYPE_DLT_RAW] = raw_parse,
    [LINKTYPE_DLT_RAW_OPENBSD] = raw_parse,
    [LINKTYPE_PPP_HDLC] = serial_hdlc_parse,
    [LINKTYPE_PPP_ETHER] = raw_pppoe_parse,
    [LINKTYPE_ATM_RFC1483] = raw_llc_parse,
    [LINKTYPE_RAW] = raw_parse,
    [LINKTYPE_C_HDLC] = serial_chdlc_parse,
    [LINKTYPE_IEEE802_11] = wlan_parse,
    [LINKTYPE_ATM_CLIP] = lan_atm_clip_parse,
    [LINKTYPE_FRELAY] = serial_frame_relay_parse,
    [LINKTYPE_LOOP] = host_loopback_parse,
    [LINKTYPE_ENC] = host_enc_parse,
    [LINKTYPE_LINUX_SLL] = host_cooked_parse,
    [LINKTYPE_PFLOG] = host_pflog_parse,
    [LINKTYPE_PRISM] = wlan_prism_parse,
    [LINKTYPE_SUNATM] = lan_sunatm_parse,
    [LINKTYPE_RADIOTAP] = wlan_radiotap_parse,
    [LINKTYPE_ARCNET_LINUX] = lan_arcnet_linux_parse,
    [LINKTYPE_AVS] = wlan_avs_parse,
    [LINKTYPE_PPP_PPPD] = serial_ppp_direction_parse,
    [LINKTYPE_JUNIPER_ETHER] = device_juniper_ethernet_parse,
    [LINKTYPE_JUNIPER_PPP] = device_juniper_ppp_parse,
    [LINKTYPE_JUNIPER_CHDLC] = device_juniper_chdlc_parse,
    [LINKTYPE_PPI] = wlan_ppi_parse,
    [LINKTYPE_PPP_WITH_DIR] = serial_ppp_direction_parse,
    [LINKTYPE_C_HDLC_WITH_DIR] = serial_chdlc_direction_parse,
    [LINKTYPE_FRELAY_WITH_DIR] = serial_frame_relay_direction_parse,
    [LINKTYPE_IPNET] = host_ipnet_parse,
    [LINKTYPE_IPV4] = raw_ipv4_parse,
    [LINKTYPE_IPV6] = raw_ipv6_parse,
    [LINKTYPE_NFLOG] = host_nflog_parse,
    [LINKTYPE_IPOIB] = lan_ipoib_parse,
    [LINKTYPE_PKTAP] = host_pktap_parse,
    [LINKTYPE_LINUX_SLL2] = host_cooked_v2_parse,
    [LINKTYPE_DSA_TAG_BRCM] = device_brcm_parse,
    [LINKTYPE_DSA_TAG_BRCM_PREPEND] = device_brcm_prepend_parse,
    [LINKTYPE_DSA_TAG_DSA] = device_dsa_parse,
    [LINKTYPE_DSA_TAG_EDSA] = device_edsa_parse,
};

static layer_parser *link_parser(uint32_t linktype)
{
  return linktype < LINKTYPE_TABLE_SIZE ? link_parsers[linktype] : NULL;
}

bool link_is_supported(uint32_t linktype)
{
  return link_parser(linktype) != NULL;
}

enum layer link_parse(struct decoder *decoder)
{
  layer_parser *const parser = link_parser(decoder->linktype);
  return parser != NULL ? parser(decoder) : decoder_end(decoder, PACKET_UNSUPPORTED_LINK);
}
