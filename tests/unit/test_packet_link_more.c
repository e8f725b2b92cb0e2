/* IEEE 802.11 and radio headers; Other local networks; Headers of hosts, switches and routers, and
 * what is not supported: each frame with the line that tcpdump prints for it. */
#include "packet_case.h"

static const struct packet_case wlan_cases[] = {
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [P.], seq 1000:1005, ack 2000, win 502, length 5
     */
    {"802.11 data, to the access point", 105, 0, 0,
     "08010000" ETHERNET "0200000000020010aaaa030000000800" OUTER4, OUTER4_TEXT},
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [P.], seq 1000:1005, ack 2000, win 502, length 5
     */
    {"802.11 data between access points: fourth address", 105, 0, 0,
     "08030000" ETHERNET "0200000000020010020000000002aaaa030000000800" OUTER4, OUTER4_TEXT},
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [P.], seq 1000:1005, ack 2000, win 502, length 5
     */
    {"802.11 QoS data", 105, 0, 0,
     "88010000" ETHERNET "02000000000200100000aaaa030000000800" OUTER4, OUTER4_TEXT},
    /* 02:00:00:00:00:01 > 02:00:00:00:00:02 Null Information, send seq 0, rcv seq 0, Flags
       [Command], length 57 */
    {"802.11 QoS data with HT control", 105, 0, 0,
     "88810000" ETHERNET "0200000000020010000000000000aaaa030000000800" OUTER4, OUTER4_TEXT},
    /* 02:00:00:00:00:01 Null > 02:00:00:00:00:02 802.1B I Information, send seq 0, rcv seq 0, Flags
       [Command], length 69 */
    {"802.11 aggregate (A-MSDU): its first frame", 105, 0, 0,
     "88010000" ETHERNET "02000000000200108000" ETHERNET "0035aaaa030000000800" OUTER4 "0000",
     OUTER4_TEXT},
    /* Data IV: 0 Pad 0 KeyID 0 */
    {"802.11 encrypted", 105, 0, 0,
     "08410000" ETHERNET "02000000000200100000000000000000aaaa030000000800" OUTER4, "non-ip"},
    {"802.11 QoS null", 105, 0, 0, "c8010000" ETHERNET "02000000000200100000", "non-ip"},
    /* Acknowledgment RA:02:00:00:00:00:02 */
    {"802.11 acknowledgement", 105, 0, 0, "d4000000020000000002", "non-ip"},
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [P.], seq 1000:1005, ack 2000, win 502, length 5
     */
    {"radiotap with flags: FCS at the end", 127, 0, 0,
     "00000900020000001008010000" ETHERNET "0200000000020010aaaa030000000800" OUTER4 "01020304",
     OUTER4_TEXT},
    /* 0us tsft IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [P.], seq 1000:1005, ack 2000, win 502,
       length 5 */
    {"radiotap, time stamp and data padding", 127, 0, 0,
     "000011000300000000000000000000002088010000" ETHERNET
     "020000000002001000000000aaaa030000000800" OUTER4,
     OUTER4_TEXT},
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [P.], seq 1000:1005, ack 2000, win 502, length 5
     */
    {"radiotap, two presence words", 127, 0, 0,
     "00000d0002000080000000001008010000" ETHERNET "0200000000020010aaaa030000000800" OUTER4
     "01020304",
     OUTER4_TEXT},
    /* IP truncated-ip - 4 bytes missing! 192.0.2.1.40000 > 198.51.100.2.80: Flags [P.], seq
       1000:1005, ack 2000, win 502, length 5 */
    {"radiotap of version 1", 127, 0, 0,
     "01000900020000001008010000" ETHERNET "0200000000020010aaaa030000000800" OUTER4, "malformed"},
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [P.], seq 1000:1005, ack 2000, win 502, length 5
     */
    {"Prism", 119, 0, 0,
     "44000000900000000000000000000000000000000000000000000000000000000000000000000000"
     "00000000000000000000000000000000000000000000000000000000000000000000000000000000"
     "00000000000000000000000000000000000000000000000000000000000000000000000000000000"
     "00000000000000000000000000000000000000000000000008010000" ETHERNET
     "0200000000020010aaaa030000000800" OUTER4,
     OUTER4_TEXT},
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [P.], seq 1000:1005, ack 2000, win 502, length 5
     */
    {"AVS", 163, 0, 0,
     "80211001000000400000000000000000000000000000000000000000000000000000000000000000"
     "00000000000000000000000000000000000000000000000008010000" ETHERNET
     "0200000000020010aaaa030000000800" OUTER4,
     OUTER4_TEXT},
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [P.], seq 1000:1005, ack 2000, win 502, length 5
     */
    {"AVS under the Prism link type", 119, 0, 0,
     "80211001000000400000000000000000000000000000000000000000000000000000000000000000"
     "00000000000000000000000000000000000000000000000008010000" ETHERNET
     "0200000000020010aaaa030000000800" OUTER4,
     OUTER4_TEXT},
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [P.], seq 1000:1005, ack 2000, win 502, length 5
     */
    {"PPI of 802.11", 192, 0, 0,
     "000008006900000008010000" ETHERNET "0200000000020010aaaa030000000800" OUTER4, OUTER4_TEXT},
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [P.], seq 1000:1005, ack 2000, win 502, length 5
     */
    {"PPI of Ethernet", 192, 0, 0, "0000080001000000" ETHERNET "0800" OUTER4, OUTER4_TEXT},
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [P.], seq 1000:1005, ack 2000, win 502, length 5
     */
    {"PPI of PPI of PPI: bounded", 192, 0, 0,
     "00000800c000000000000800c000000000000800c000000000000800c000000000000800c0000000"
     "00000800c000000000000800c000000000000800c000000000000800c000000000000800c0000000"
     "00000800c000000000000800c000000000000800c000000000000800c000000000000800c0000000"
     "00000800c000000000000800c000000000000800c000000000000800c000000000000800c0000000"
     "00000800c000000000000800c000000000000800c000000000000800c000000000000800c0000000"
     "00000800c000000000000800c000000000000800c000000000000800c000000000000800c0000000"
     "00000800c000000000000800c000000000000800c000000000000800c000000000000800c0000000"
     "00000800c000000000000800c000000000000800c000000000000800c000000000000800c0000000"
     "00000800c000000000000800c000000000000800c000000000000800c000000000000800c0000000"
     "00000800c000000000000800c000000000000800c000000000000800c000000000000800c0000000"
     "00000800c000000000000800c000000000000800c000000000000800c000000000000800c0000000"
     "00000800c000000000000800c000000000000800c000000000000800c000000000000800c0000000"
     "0000080001000000" ETHERNET "0800" OUTER4,
     "malformed"},
};

static const struct packet_case lan_cases[] = {
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [P.], seq 1000:1005, ack 2000, win 502, length 5
     */
    {"FDDI", 10, 0, 0, "50" ETHERNET "aaaa030000000800" OUTER4, OUTER4_TEXT},
    /* rt = 630:1:2 (4472) IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [P.], seq 1000:1005, ack
       2000, win 502, length 5 */
    {"token ring with source routing", 6, 0, 0,
     "1040020000000002820000000001063000010002aaaa030000000800" OUTER4, OUTER4_TEXT},
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [P.], seq 1000:1005, ack 2000, win 502, length 5
     */
    {"ARCnet, RFC 1051", 129, 0, 0, "01020000f0" OUTER4, OUTER4_TEXT},
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [P.], seq 1000:1005, ack 2000, win 502, length 5
     */
    {"ARCnet, RFC 1201", 129, 0, 0, "01020000d4000001" OUTER4, OUTER4_TEXT},
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [P.], seq 1000:1005, ack 2000, win 502, length 5
     */
    {"ARCnet, RFC 1201, BSD", 7, 0, 0, "0102d4000001" OUTER4, OUTER4_TEXT},
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [P.], seq 1000:1005, ack 2000, win 502, length 5
     */
    {"ATM, RFC 1483", 100, 0, 0, "aaaa030000000800" OUTER4, OUTER4_TEXT},
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [P.], seq 1000:1005, ack 2000, win 502, length 5
     */
    {"ATM, RFC 1483 bridged", 100, 0, 0, "aaaa030080c200070000" ETHERNET "0800" OUTER4,
     OUTER4_TEXT},
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [P.], seq 1000:1005, ack 2000, win 502, length 5
     */
    {"SunATM, sent", 123, 0, 0, "82000064aaaa030000000800" OUTER4, OUTER4_TEXT " out"},
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [P.], seq 1000:1005, ack 2000, win 502, length 5
     */
    {"classical IP over ATM", 106, 0, 0, "aaaa030000000800" OUTER4, OUTER4_TEXT},
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [P.], seq 1000:1005, ack 2000, win 502, length 5
     */
    {"IP over InfiniBand", 242, 0, 0,
     "00000000000000000000000000000000000000000000000000000000000000000000000000000000"
     "08000000" OUTER4,
     OUTER4_TEXT},
};

static const struct packet_case host_cases[] = {
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [P.], seq 1000:1005, ack 2000, win 502, length 5
     */
    {"NFLOG, postrouting", 239, 0, 0,
     "02000000080001000800040009000a00746573740000000031000900" OUTER4 "000000",
     OUTER4_TEXT " out"},
    /* [|nflog] */
    {"NFLOG, attribute of length 0", 239, 0, 0, "020000000000010031000900" OUTER4 "000000",
     "malformed"},
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [P.], seq 1000:1005, ack 2000, win 502, length 5
     */
    {"pktap, sent", 258, 0, 0,
     "6c0000000100000001000000656e3000000000000000000000000000000000000000000002000000"
     "00000000000000000000000000000000000000000000000000000000000000000000000000000000"
     "00000000000000000000000000000000000000000000000000000000" ETHERNET "0800" OUTER4,
     OUTER4_TEXT " out"},
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [P.], seq 1000:1005, ack 2000, win 502, length 5
     */
    {"pflog", 117, 0, 0,
     "3d020000000000000000000000000000000000000000000000000000000000000000000000000000"
     "000000000000000000000000000000000000000000000000" OUTER4,
     OUTER4_TEXT},
    /* (unprotected): SPI 0x00000000: IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [P.], seq
       1000:1005, ack 2000, win 502, length 5 */
    {"enc", 109, 0, 0, "020000000000000000000000" OUTER4, OUTER4_TEXT},
    /* IP6 2001:db8::1.40000 > 2001:db8::2.80: Flags [P.], seq 1000:1005, ack 2000, win 502, length
       5 */
    {"Solaris ipnet, received", 226, 0, 0,
     "011a00010000000000000000000000000000000000000000" OUTER6, OUTER6_TEXT " in"},
    /* BRCM tag OP: IG, TC: 0, TE: None, TS: 0, DST map: 0x0003, IP 192.0.2.1.40000 >
       198.51.100.2.80: Flags [P.], seq 1000:1005, ack 2000, win 502, length 5 */
    {"Broadcom tag", 281, 0, 0, ETHERNET "200000030800" OUTER4, OUTER4_TEXT},
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [P.], seq 1000:1005, ack 2000, win 502, length 5
     */
    {"Broadcom tag in front", 282, 0, 0, "20000003" ETHERNET "0800" OUTER4, OUTER4_TEXT},
    /* DSA Forward port 0.0, VLAN 42t, IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [P.], seq
       1000:1005, ack 2000, win 502, length 5 */
    {"Marvell DSA tag that replaced a VLAN tag", 284, 0, 0, ETHERNET "e000002a0800" OUTER4,
     OUTER4_TEXT " vlan 42"},
    /* EDSA 0xdada, Forward port 0.0, VLAN 0u, IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [P.], seq
       1000:1005, ack 2000, win 502, length 5 */
    {"Marvell EtherType DSA tag", 285, 0, 0, ETHERNET "dada0000c00000000800" OUTER4, OUTER4_TEXT},
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [P.], seq 1000:1005, ack 2000, win 502, length 5
     */
    {"Juniper Ethernet with extensions", 178, 0, 0, "4d4743800003010100" ETHERNET "0800" OUTER4,
     OUTER4_TEXT " out"},
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [P.], seq 1000:1005, ack 2000, win 502, length 5
     */
    {"Juniper without a link header, received", 178, 0, 0, "4d47430300000002" OUTER4,
     OUTER4_TEXT " in"},
    /* no magic-number found! */
    {"Juniper without its magic", 178, 0, 0, "4d475800" ETHERNET "0800" OUTER4, "malformed"},
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [P.], seq 1000:1005, ack 2000, win 502, length 5
     */
    {"Juniper PPP", 179, 0, 0, "4d474300ff030021" OUTER4, OUTER4_TEXT " out"},
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [P.], seq 1000:1005, ack 2000, win 502, length 5
     */
    {"Juniper Cisco HDLC", 181, 0, 0, "4d4743000f000800" OUTER4, OUTER4_TEXT " out"},
    /* [|usb_linux_48_byte] */
    {"USB", 189, 0, 0,
     "00000000000000000000000000000000000000000000000000000000000000000000000000000000",
     "unsupported-link"},
    {"a link type that no registry has", 999999, 0, 0,
     "00000000000000000000000000000000000000000000000000000000000000000000000000000000",
     "unsupported-link"},
};

static void test_wlan(void **state)
{
  (void)state;
  packet_cases_check(wlan_cases, sizeof wlan_cases / sizeof wlan_cases[0]);
}

static void test_lan(void **state)
{
  (void)state;
  packet_cases_check(lan_cases, sizeof lan_cases / sizeof lan_cases[0]);
}

static void test_host(void **state)
{
  (void)state;
  packet_cases_check(host_cases, sizeof host_cases / sizeof host_cases[0]);
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_wlan), cmocka_unit_test(test_lan),
                                     cmocka_unit_test(test_host)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
