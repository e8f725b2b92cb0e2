/* Ethernet, cooked captures, raw IP, loopback and serial links: each frame with the line that
 * tcpdump prints for it. */
#include "packet_case.h"

static const struct packet_case link_cases[] = {
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [P.], seq 1000:1005, ack 2000, win 502, length 5
     */
    {"802.1Q", 1, 0, 0, ETHERNET "810000640800" OUTER4, OUTER4_TEXT " vlan 100"},
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [P.], seq 1000:1005, ack 2000, win 502, length 5
     */
    {"802.1ad and 802.1Q: the inner id", 1, 0, 0, ETHERNET "88a80005810020640800" OUTER4,
     OUTER4_TEXT " vlan 100"},
    /* IP6 2001:db8::1.40000 > 2001:db8::2.80: Flags [P.], seq 1000:1005, ack 2000, win 502, length
       5 */
    {"old QinQ", 1, 0, 0, ETHERNET "910000058100000786dd" OUTER6, OUTER6_TEXT " vlan 7"},
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [P.], seq 1000:1005, ack 2000, win 502, length 5
     */
    {"802.3 with SNAP, padded", 1, 0, 0, ETHERNET "0035aaaa030000000800" OUTER4 "0000000000",
     OUTER4_TEXT},
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [P.], seq 1000:1005, ack 2000, win 502, length 5
     */
    {"802.3 with IP over LLC", 1, 0, 0, ETHERNET "0030060603" OUTER4, OUTER4_TEXT},
    /* STP 802.1d, Config, Flags [none], bridge-id 0000.00:00:00:00:00:00.0000, length 35 */
    {"spanning tree", 1, 0, 0,
     "0180c200000002000000000100264242030000000000000000000000000000000000000000000000"
     "000000000000000000000000",
     "non-ip"},
    /* LLDP, length 24 */
    {"LLDP", 1, 0, 0, ETHERNET "88cc020704020000000001040703020000000001060200780000", "non-ip"},
    /* 02:00:00:00:00:01 > 02:00:00:00:00:02, ethertype Unknown (0x88e7), length 77: */
    {"provider backbone bridge (802.1ah)", 1, 0, 0, ETHERNET "88e700001234" ETHERNET "0800" OUTER4,
     OUTER4_TEXT},
    /* 02:00:00:00:00:01 > 02:00:00:00:00:02, ethertype Unknown (0x8926), length 65: */
    {"Cisco VN-Tag", 1, 0, 0, ETHERNET "8926000100020800" OUTER4, OUTER4_TEXT},
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [P.], seq 1000:1005, ack 2000, win 502, length 5
     */
    {"cooked, received", 113, 0, 0, "00000001000602000000000100000800" OUTER4, OUTER4_TEXT " in"},
    /* IP6 2001:db8::1.40000 > 2001:db8::2.80: Flags [P.], seq 1000:1005, ack 2000, win 502, length
       5 */
    {"cooked, sent", 113, 0, 0, "000400010006020000000001000086dd" OUTER6, OUTER6_TEXT " out"},
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [P.], seq 1000:1005, ack 2000, win 502, length 5
     */
    {"cooked, to another host", 113, 0, 0, "00030001000602000000000100000800" OUTER4, OUTER4_TEXT},
    /* ethertype IPv4, IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [P.], seq 1000:1005, ack 2000,
       win 502, length 5 */
    {"cooked, tagged", 113, 0, 0, "00040001000602000000000100008100002a0800" OUTER4,
     OUTER4_TEXT " vlan 42 out"},
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [P.], seq 1000:1005, ack 2000, win 502, length 5
     */
    {"cooked, 802.2", 113, 0, 0, "00010001000602000000000100000004aaaa030000000800" OUTER4,
     OUTER4_TEXT " in"},
    /* ifb1 Out IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [P.], seq 1000:1005, ack 2000, win 502,
       length 5 */
    {"cooked version 2, sent", 276, 0, 0, "0800000000000003000104060200000000010000" OUTER4,
     OUTER4_TEXT " out"},
    /* ifb1 In IP6 2001:db8::1.40000 > 2001:db8::2.80: Flags [P.], seq 1000:1005, ack 2000, win 502,
       length 5 */
    {"cooked version 2, received", 276, 0, 0, "86dd000000000003000100060200000000010000" OUTER6,
     OUTER6_TEXT " in"},
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [P.], seq 1000:1005, ack 2000, win 502, length 5
     */
    {"raw IP, link type 101", 101, 0, 0, OUTER4, OUTER4_TEXT},
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [P.], seq 1000:1005, ack 2000, win 502, length 5
     */
    {"raw IP, link type 12", 12, 0, 0, OUTER4, OUTER4_TEXT},
    {"raw IP, link type 14", 14, 0, 0, OUTER4, OUTER4_TEXT},
    /* IP6 2001:db8::1.40000 > 2001:db8::2.80: Flags [P.], seq 1000:1005, ack 2000, win 502, length
       5 */
    {"raw IP, version 6", 101, 0, 0, OUTER6, OUTER6_TEXT},
    /* unknown ip 7 */
    {"raw IP of version 7", 101, 0, 0,
     "7000002d1234400040063c60c0000201c63364029c400050000003e8000007d0501801f6d57f0000"
     "68656c6c6f",
     "malformed"},
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [P.], seq 1000:1005, ack 2000, win 502, length 5
     */
    {"raw IPv4", 228, 0, 0, OUTER4, OUTER4_TEXT},
    /* IP6 2001:db8::1.40000 > 2001:db8::2.80: Flags [P.], seq 1000:1005, ack 2000, win 502, length
       5 */
    {"raw IPv6", 229, 0, 0, OUTER6, OUTER6_TEXT},
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [P.], seq 1000:1005, ack 2000, win 502, length 5
     */
    {"raw IPv6 that is not", 229, 0, 0, OUTER4 "0000000000000000000000000000000000000000",
     "malformed"},
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [P.], seq 1000:1005, ack 2000, win 502, length 5
     */
    {"BSD loopback, little-endian", 0, 0, 0, "02000000" OUTER4, OUTER4_TEXT},
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [P.], seq 1000:1005, ack 2000, win 502, length 5
     */
    {"BSD loopback, big-endian", 0, 0, 0, "00000002" OUTER4, OUTER4_TEXT},
    /* IP6 2001:db8::1.40000 > 2001:db8::2.80: Flags [P.], seq 1000:1005, ack 2000, win 502, length
       5 */
    {"BSD loopback, IPv6 on NetBSD", 0, 0, 0, "18000000" OUTER6, OUTER6_TEXT},
    /* IP6 2001:db8::1.40000 > 2001:db8::2.80: Flags [P.], seq 1000:1005, ack 2000, win 502, length
       5 */
    {"BSD loopback, IPv6 on FreeBSD", 0, 0, 0, "1c000000" OUTER6, OUTER6_TEXT},
    /* IP6 2001:db8::1.40000 > 2001:db8::2.80: Flags [P.], seq 1000:1005, ack 2000, win 502, length
       5 */
    {"BSD loopback, IPv6 on Darwin", 0, 0, 0, "1e000000" OUTER6, OUTER6_TEXT},
    /* AF Unknown (10), length 69: */
    {"BSD loopback, IPv6 on Linux", 0, 0, 0, "0a000000" OUTER6, OUTER6_TEXT},
    /* IP6 2001:db8::1.40000 > 2001:db8::2.80: Flags [P.], seq 1000:1005, ack 2000, win 502, length
       5 */
    {"OpenBSD loopback", 108, 0, 0, "00000018" OUTER6, OUTER6_TEXT},
    /* AF Unknown (99), length 49: */
    {"loopback, unknown family", 0, 0, 0, "63000000" OUTER4, "non-ip"},
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [P.], seq 1000:1005, ack 2000, win 502, length 5
     */
    {"PPP with address and control", 9, 0, 0, "ff030021" OUTER4, OUTER4_TEXT},
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [P.], seq 1000:1005, ack 2000, win 502, length 5
     */
    {"PPP, both compressed away", 9, 0, 0, "21" OUTER4, OUTER4_TEXT},
    /* IP6 2001:db8::1.40000 > 2001:db8::2.80: Flags [P.], seq 1000:1005, ack 2000, win 502, length
       5 */
    {"PPP, IPv6", 9, 0, 0, "0057" OUTER6, OUTER6_TEXT},
    /* LCP, Conf-Request (0x01), id 1, length 6 */
    {"PPP LCP", 9, 0, 0, "ff03c02101010004", "non-ip"},
    /* IP: IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [P.], seq 1000:1005, ack 2000, win 502,
       length 5 */
    {"PPP in HDLC framing", 50, 0, 0, "ff030021" OUTER4, OUTER4_TEXT},
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [P.], seq 1000:1005, ack 2000, win 502, length 5
     */
    {"Cisco HDLC under the PPP link type", 50, 0, 0, "0f000800" OUTER4, OUTER4_TEXT},
    /* UNSUPPORTED */
    {"PPP with a direction byte, sent", 204, 0, 0, "01ff030021" OUTER4, OUTER4_TEXT " out"},
    /* unknown PPP protocol (0x00ff) */
    {"PPP of pppd, received", 166, 0, 0, "00ff030021" OUTER4, OUTER4_TEXT " in"},
    /* PPPoE [ses 0x1] IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [P.], seq 1000:1005, ack 2000,
       win 502, length 5 */
    {"PPPoE", 1, 0, 0, ETHERNET "886411000001002f0021" OUTER4 "000000", OUTER4_TEXT},
    /* PPPoE [ses 0x1] IP6 2001:db8::1.40000 > 2001:db8::2.80: Flags [P.], seq 1000:1005, ack 2000,
       win 502, length 5 */
    {"PPPoE, link type of its own", 51, 0, 0, "1100000100430057" OUTER6, OUTER6_TEXT},
    /* [ver 2]PPPoE [ses 0x1] IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [P.], seq 1000:1005, ack
       2000, win 502, length 5 */
    {"PPPoE of version 2", 1, 0, 0, ETHERNET "886421000001002f0021" OUTER4, "malformed"},
    /* PPPoE PADI [ses 0x1] [|pppoe] */
    {"PPPoE discovery code in a session frame", 1, 0, 0, ETHERNET "886411090001002f0021" OUTER4,
     "non-ip"},
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [P.], seq 1000:1005, ack 2000, win 502, length 5
     */
    {"Cisco HDLC", 104, 0, 0, "0f000800" OUTER4, OUTER4_TEXT},
    /* UNSUPPORTED */
    {"Cisco HDLC with a direction byte, received", 205, 0, 0, "000f000800" OUTER4,
     OUTER4_TEXT " in"},
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [P.], seq 1000:1005, ack 2000, win 502, length 5
     */
    {"frame relay, NLPID", 107, 0, 0, "184103cc" OUTER4, OUTER4_TEXT},
    /* Pad! IP6 2001:db8::1.40000 > 2001:db8::2.80: Flags [P.], seq 1000:1005, ack 2000, win 502,
       length 5 */
    {"frame relay, SNAP with padding", 107, 0, 0, "184103008000000086dd" OUTER6, OUTER6_TEXT},
    /* Pad! IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [P.], seq 1000:1005, ack 2000, win 502,
       length 5 */
    {"frame relay, bridged Ethernet", 107, 0, 0, "18410300800080c20007" ETHERNET "0800" OUTER4,
     OUTER4_TEXT},
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [P.], seq 1000:1005, ack 2000, win 502, length 5
     */
    {"frame relay, Cisco encapsulation", 107, 0, 0, "18410800" OUTER4, OUTER4_TEXT},
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [P.], seq 1000:1005, ack 2000, win 502, length 5
     */
    {"frame relay, address of 4 bytes", 107, 0, 0, "1840400103cc" OUTER4, OUTER4_TEXT},
    /* Q.933, CCITT, codeset 0, Status Enquiry, length 2 */
    {"frame relay, LMI", 107, 0, 0, "000103080075", "non-ip"},
    /* UNSUPPORTED */
    {"frame relay with a direction byte, sent", 206, 0, 0, "01184103cc" OUTER4, OUTER4_TEXT " out"},
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [P.], seq 1000:1005, ack 2000, win 502, length 5
     */
    {"SLIP, sent", 8, 0, 0, "01000000000000000000000000000000" OUTER4, OUTER4_TEXT " out"},
};

static void test_link(void **state)
{
  (void)state;
  packet_cases_check(link_cases, sizeof link_cases / sizeof link_cases[0]);
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_link)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
