/* IPv4, IPv6, extension headers, fragments; ICMP, ICMPv6, neighbour discovery, ARP: each frame with
 * the line that tcpdump prints for it. */
#include "packet_case.h"

static const struct packet_case ip_cases[] = {
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [.], ack 2000, win 502, length 0 */
    {"Ethernet padding is no payload", 1, 0, 0,
     ETHERNET "0800450000281234400040063c65c0000201c63364029c400050000003e8000007d0501001f6195f"
              "0000000000000000",
     "tcp 192.0.2.1.40000 > 198.51.100.2.80 flags 010 seq 1000 ack 2000 win 502 len 0 sum good"},
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [.], ack 2000, win 502, length 0 */
    {"padding and a frame check sequence nobody announced", 1, 0, 0,
     ETHERNET "0800450000281234400040063c65c0000201c63364029c400050000003e8000007d0501001f6195f"
              "0000000000000000deadbeef",
     "tcp 192.0.2.1.40000 > 198.51.100.2.80 flags 010 seq 1000 ack 2000 win 502 len 0 sum good"},
    /* IP bad-len 0 */
    {"frame check sequence that the container announces; length 0 (offload): payload by the frame",
     1, 0, 4,
     ETHERNET "0800450000001234400040063c8dc0000201c63364029c400050000003e8000007d0501001f6d587"
              "000068656c6c6fdeadbeef",
     "tcp 192.0.2.1.40000 > 198.51.100.2.80 flags 010 seq 1000 ack 2000 win 502 len 5 sum good "
     "length-guessed"},
    /* IP bad-len 0 */
    {"IPv4 length 0: BIG TCP or TSO", 1, 0, 0,
     ETHERNET "0800450000001234400040063c8dc0000201c63364029c400050000003e8000007d0501001f6ec56"
              "000068656c6c6f",
     "tcp 192.0.2.1.40000 > 198.51.100.2.80 flags 010 seq 1000 ack 2000 win 502 len 5 sum "
     "offloaded length-guessed"},
    /* IP6 2001:db8::1 > 2001:db8::2: [|tcp] */
    {"IPv6 payload length 0 without a jumbo option", 1, 0, 0,
     ETHERNET "86dd600000000000064020010db800000000000000000000000120010db800000000000000000000"
              "00029c400050000003e8000007d0501001f6664a000068656c6c6f",
     "tcp 2001:db8::1.40000 > 2001:db8::2.80 flags 010 seq 1000 ack 2000 win 502 len 5 sum good "
     "length-guessed"},
    /* IP6 2001:db8::1 > 2001:db8::2: HBH 40000 > 80: Flags [.], seq 1000:70980, ack 2000, win 502,
       length 69980: HTTP */
    {"IPv6 jumbogram of 70,000 bytes", 1, 70062, 0,
     ETHERNET "86dd600000000000004020010db800000000000000000000000120010db800000000000000000000"
              "00020600c204000111789c400050000003e8000007d0501001f6000000006a6a6a6a6a6a6a6a6a6a"
              "6a6a6a6a6a6a6a6a6a6a6a6a6a6a6a6a6a6a6a6a6a6a6a6a6a6a6a6a6a6a",
     "tcp 2001:db8::1.40000 > 2001:db8::2.80 flags 010 seq 1000 ack 2000 win 502 len 69980(40) sum "
     "unknown snapped"},
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [.], seq 1000:1005, ack 2000, win 502, length 5
     */
    {"IPv4 options: router alert", 1, 0, 0,
     ETHERNET "080046000031123440004006a757c0000201c6336402940400009c400050000003e8000007d05010"
              "01f6d587000068656c6c6f",
     "tcp 192.0.2.1.40000 > 198.51.100.2.80 flags 010 seq 1000 ack 2000 win 502 len 5 sum good"},
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [.], seq 1000:1005, ack 2000, win 502, length 5
     */
    {"source route with hops to go: the checksum is about another address", 1, 0, 0,
     ETHERNET "0800470000351234400040066fc7c0000201c633640201830704c00002099c400050000003e80000"
              "07d0501001f6d587000068656c6c6f",
     "tcp 192.0.2.1.40000 > 198.51.100.2.80 flags 010 seq 1000 ack 2000 win 502 len 5 sum unknown"},
    /* IP bad-hlen 16 */
    {"IPv4 header length below 20", 1, 0, 0,
     ETHERNET "0800440000391234400040063c54c0000201c63364029c400050000003e8000007d0801801f6f5a2"
              "00000101080a0001e2400003c48068656c6c6f",
     "malformed"},
    /* IP bad-len 19 */
    {"IPv4 total length below the header", 1, 0, 0,
     ETHERNET "0800450000131234400040063c7ac0000201c63364029c400050000003e8000007d0501001f6195f"
              "0000",
     "malformed"},
    /* IP5 (invalid) */
    {"IPv4 version 5", 1, 0, 0,
     ETHERNET "0800550000391234400040063c54c0000201c63364029c400050000003e8000007d0801801f6f5a2"
              "00000101080a0001e2400003c48068656c6c6f",
     "malformed"},
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: [|tcp] */
    {"TCP segment below 20 bytes", 1, 0, 0,
     ETHERNET "0800450000201234400040063c6dc0000201c63364029c400050000003e8000007d0",
     "malformed 192.0.2.1 > 198.51.100.2"},
    /* IP truncated-ip - 1455 bytes missing! 192.0.2.1.40000 > 198.51.100.2.80: Flags [.], seq
       1000:2460, ack 2000, win 502, length 1460: HTTP */
    {"total length beyond the frame: believed", 1, 0, 0,
     ETHERNET "0800450005dc12344000400636b1c0000201c63364029c400050000003e8000007d0501001f6d587"
              "000068656c6c6f",
     "tcp 192.0.2.1.40000 > 198.51.100.2.80 flags 010 seq 1000 ack 2000 win 502 len 1460(5) sum "
     "unknown snapped"},
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [.], ack 2000, win 502, length 0 */
    {"CE mark and low TTL", 1, 0, 0,
     ETHERNET "080045030028123400000106bb62c0000201c63364029c400050000003e8000007d0501001f6195f"
              "0000",
     "tcp 192.0.2.1.40000 > 198.51.100.2.80 flags 010 seq 1000 ack 2000 win 502 len 0 sum good ttl "
     "1 tos 3 no-DF"},
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [.], seq 1000:1004, ack 2000, win 502, length 4:
       HTTP */
    {"first fragment", 1, 0, 0,
     ETHERNET "08004500002c1234200040065c61c0000201c63364029c400050000003e8000007d0501001f64c8e"
              "000066666666",
     "tcp 192.0.2.1.40000 > 198.51.100.2.80 flags 010 seq 1000 ack 2000 win 502 len 4 sum unknown "
     "no-DF first-fragment"},
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: [|tcp] */
    {"first fragment, too small for a TCP header", 1, 0, 0,
     ETHERNET "08004500001c1234200040065c71c0000201c63364029c400050000003e8",
     "fragment 192.0.2.1 > 198.51.100.2 proto 6 no-DF first-fragment"},
    /* IP 192.0.2.1 > 198.51.100.2: ip-proto-6 */
    {"later fragment", 1, 0, 0,
     ETHERNET "08004500002c1234000340067c5ec0000201c6336402666666666666666666666666666666666666"
              "666666666666",
     "fragment 192.0.2.1 > 198.51.100.2 proto 6 no-DF"},
    /* IP 192.0.2.1 > 198.51.100.2: ip-proto-6 */
    {"last fragment with more coming: middle", 1, 0, 0,
     ETHERNET "08004500002c1234200340065c5ec0000201c6336402666666666666666666666666666666666666"
              "666666666666",
     "fragment 192.0.2.1 > 198.51.100.2 proto 6 no-DF"},
    /* IP6 2001:db8::1 > 2001:db8::2: HBH DSTOPT 40000 > 80: Flags [.], seq 1000:1005, ack 2000, win
       502, length 5 */
    {"hop-by-hop, destination options", 1, 0, 0,
     ETHERNET "86dd600000000029004020010db800000000000000000000000120010db800000000000000000000"
              "00023c0005020000000006000104000000009c400050000003e8000007d0501001f6664a00006865"
              "6c6c6f",
     "tcp 2001:db8::1.40000 > 2001:db8::2.80 flags 010 seq 1000 ack 2000 win 502 len 5 sum good"},
    /* IP6 2001:db8::1 > 2001:db8::2: RT6 (len=2, type=0 [Deprecated], segleft=1, [0]2001::) 40000 >
       80: Flags [.], seq 1000:1005, ack 2000, win 502, length 5 */
    {"routing header with segments left", 1, 0, 0,
     ETHERNET "86dd6000000000312b4020010db800000000000000000000000120010db800000000000000000000"
              "00020602000100000000200100000000000000000000000000009c400050000003e8000007d05010"
              "01f6664a000068656c6c6f",
     "tcp 2001:db8::1.40000 > 2001:db8::2.80 flags 010 seq 1000 ack 2000 win 502 len 5 sum "
     "unknown"},
    /* IP6 2001:db8::1 > 2001:db8::2: RT6 (len=2, type=0 [Deprecated], segleft=0, [0]2001::) 40000 >
       80: Flags [.], seq 1000:1005, ack 2000, win 502, length 5 */
    {"routing header, done", 1, 0, 0,
     ETHERNET "86dd6000000000312b4020010db800000000000000000000000120010db800000000000000000000"
              "00020602000000000000200100000000000000000000000000009c400050000003e8000007d05010"
              "01f6664a000068656c6c6f",
     "tcp 2001:db8::1.40000 > 2001:db8::2.80 flags 010 seq 1000 ack 2000 win 502 len 5 sum good"},
    /* IP6 2001:db8::1 > 2001:db8::2: frag (0|23) 40000 > 80: Flags [.], seq 1000:1003, ack 2000,
       win 502, length 3: HTTP */
    {"IPv6 first fragment", 1, 0, 0,
     ETHERNET "86dd60000000001f2c4020010db800000000000000000000000120010db800000000000000000000"
              "000206000001000000079c400050000003e8000007d0501001f6d5b8000068656c",
     "tcp 2001:db8::1.40000 > 2001:db8::2.80 flags 010 seq 1000 ack 2000 win 502 len 3 sum unknown "
     "first-fragment"},
    /* IP6 2001:db8::1 > 2001:db8::2: frag (1480|16) */
    {"IPv6 later fragment", 1, 0, 0,
     ETHERNET "86dd6000000000182c4020010db800000000000000000000000120010db800000000000000000000"
              "0002060005c80000000766666666666666666666666666666666",
     "fragment 2001:db8::1 > 2001:db8::2 proto 6"},
    /* IP6 2001:db8::1 > 2001:db8::2: frag (0|25) 40000 > 80: Flags [.], seq 1000:1005, ack 2000,
       win 502, length 5 */
    {"IPv6 atomic fragment is whole", 1, 0, 0,
     ETHERNET "86dd6000000000212c4020010db800000000000000000000000120010db800000000000000000000"
              "000206000000000000079c400050000003e8000007d0501001f6664a000068656c6c6f",
     "tcp 2001:db8::1.40000 > 2001:db8::2.80 flags 010 seq 1000 ack 2000 win 502 len 5 sum good"},
    /* IP 192.0.2.1 > 198.51.100.2: AH(spi=0x00000001,seq=0x2,icv=0xaaaaaaaaaaaaaaaaaaaaaaaa): 40000
       > 80: Flags [.], seq 1000:1005, ack 2000, win 502, length 5 */
    {"authentication header, IPv4", 1, 0, 0,
     ETHERNET "0800450000451234400040333c1bc0000201c6336402060400000000000100000002aaaaaaaaaaaa"
              "aaaaaaaaaaaa9c400050000003e8000007d0501001f6d587000068656c6c6f",
     "tcp 192.0.2.1.40000 > 198.51.100.2.80 flags 010 seq 1000 ack 2000 win 502 len 5 sum good"},
    /* IP6 2001:db8::1 > 2001:db8::2: AH(spi=0x00000001,seq=0x2,icv=0xaaaaaaaaaaaaaaaaaaaaaaaa):
       40000 > 80: Flags [.], seq 1000:1005, ack 2000, win 502, length 5 */
    {"authentication header, IPv6", 1, 0, 0,
     ETHERNET "86dd600000000031334020010db800000000000000000000000120010db800000000000000000000"
              "0002060400000000000100000002aaaaaaaaaaaaaaaaaaaaaaaa9c400050000003e8000007d05010"
              "01f6664a000068656c6c6f",
     "tcp 2001:db8::1.40000 > 2001:db8::2.80 flags 010 seq 1000 ack 2000 win 502 len 5 sum good"},
    /* IP 192.0.2.1 > 198.51.100.2: ESP(spi=0x00000001,seq=0x2), length 24 */
    {"ESP: no way in", 1, 0, 0,
     ETHERNET "08004500002c1234400040323c35c0000201c6336402000000010000000265656565656565656565"
              "656565656565",
     "ip-other 192.0.2.1 > 198.51.100.2 proto 50"},
    /* IP6 2001:db8::1 > 2001:db8::2: no next header */
    {"no next header", 1, 0, 0,
     ETHERNET "86dd6000000000003b4020010db800000000000000000000000120010db800000000000000000000"
              "0002",
     "ip-other 2001:db8::1 > 2001:db8::2 proto 59"},
    /* IP 192.0.2.1 > 198.51.100.2: [ICMPv6 requires IPv6] (invalid) */
    {"ICMPv6 over IPv4 is nothing", 1, 0, 0,
     ETHERNET "08004500001c12344000403a3c3dc0000201c63364028000000000000000",
     "ip-other 192.0.2.1 > 198.51.100.2 proto 58"},
    /* IP 192.0.2.1.5353 > 198.51.100.2.53: domain [length 10 < 12] (invalid) */
    {"UDP", 1, 0, 0,
     ETHERNET "0800450000261234400040113c5cc0000201c633640214e900350012000078787878787878787878",
     "udp 192.0.2.1.5353 > 198.51.100.2.53 len 10"},
    /* IP 192.0.2.1.5353 > 198.51.100.2.53: truncated-udplength 7 */
    {"UDP length below 8", 1, 0, 0,
     ETHERNET "0800450000261234400040113c5cc0000201c633640214e900350007000078787878787878787878",
     "malformed 192.0.2.1 > 198.51.100.2"},
    /* IP 192.0.2.1 > 198.51.100.2: OSPFv2, Hello, length 24 */
    {"OSPF", 1, 0, 0,
     ETHERNET "08004500002c1234400040593c0ec0000201c6336402020100180000000000000000000000000000"
              "000000000000",
     "ip-other 192.0.2.1 > 198.51.100.2 proto 89"},
};

static const struct packet_case icmp_cases[] = {
    /* IP 192.0.2.1 > 198.51.100.2: ICMP echo request, id 1, seq 2, length 12 */
    {"echo request", 1, 0, 0,
     ETHERNET "0800450000201234400040013c72c0000201c63364020800192c0001000270696e67",
     "icmp 192.0.2.1 > 198.51.100.2 type 8 code 0"},
    /* IP 203.0.113.9 > 192.0.2.1: ICMP 198.51.100.2 unreachable - need to frag (mtu 1400), length
       36 */
    {"fragmentation needed, MTU 1400", 1, 0, 0,
     ETHERNET "0800450000381234400040012a86cb007109c0000201030457ea0000057845000028123440004006"
              "3c65c0000201c63364029c40005000000309",
     "icmp-error 203.0.113.9 > 192.0.2.1 type 3 code 4 mtu 1400 quotes 192.0.2.1.40000 > "
     "198.51.100.2.80 seq 777"},
    /* IP 203.0.113.9 > 192.0.2.1: ICMP 198.51.100.2 unreachable - need to frag, length 36 */
    {"fragmentation needed from an old router: no MTU", 1, 0, 0,
     ETHERNET "0800450000381234400040012a86cb007109c000020103045d620000000045000028123440004006"
              "3c65c0000201c63364029c40005000000309",
     "icmp-error 203.0.113.9 > 192.0.2.1 type 3 code 4 mtu 0 quotes 192.0.2.1.40000 > "
     "198.51.100.2.80 seq 777"},
    /* IP 192.0.2.1 > 198.51.100.2: ICMP 198.51.100.2 tcp port 80 unreachable, length 36 */
    {"port unreachable", 1, 0, 0,
     ETHERNET "0800450000381234400040013c5ac0000201c633640203035d630000000045000028123440004006"
              "3c65c0000201c63364029c40005000000309",
     "icmp-error 192.0.2.1 > 198.51.100.2 type 3 code 3 mtu 0 quotes 192.0.2.1.40000 > "
     "198.51.100.2.80 seq 777"},
    /* IP 192.0.2.1 > 198.51.100.2: ICMP source quench, length 36 */
    {"source quench", 1, 0, 0,
     ETHERNET "0800450000381234400040013c5ac0000201c633640204005c660000000045000028123440004006"
              "3c65c0000201c63364029c40005000000309",
     "icmp-error 192.0.2.1 > 198.51.100.2 type 4 code 0 mtu 0 quotes 192.0.2.1.40000 > "
     "198.51.100.2.80 seq 777"},
    /* IP 192.0.2.1 > 198.51.100.2: ICMP redirect 198.51.100.2 to host 192.0.2.254, length 36 */
    {"redirect", 1, 0, 0,
     ETHERNET "0800450000381234400040013c5ac0000201c633640205019866c00002fe45000028123440004006"
              "3c65c0000201c63364029c40005000000309",
     "icmp-error 192.0.2.1 > 198.51.100.2 type 5 code 1 mtu 0 quotes 192.0.2.1.40000 > "
     "198.51.100.2.80 seq 777"},
    /* IP 192.0.2.1 > 198.51.100.2: ICMP time exceeded in-transit, length 36 */
    {"time exceeded", 1, 0, 0,
     ETHERNET "0800450000381234400040013c5ac0000201c63364020b0055660000000045000028123440004006"
              "3c65c0000201c63364029c40005000000309",
     "icmp-error 192.0.2.1 > 198.51.100.2 type 11 code 0 mtu 0 quotes 192.0.2.1.40000 > "
     "198.51.100.2.80 seq 777"},
    /* IP 192.0.2.1 > 198.51.100.2: ICMP parameter problem - octet 0, length 36 */
    {"parameter problem", 1, 0, 0,
     ETHERNET "0800450000381234400040013c5ac0000201c63364020c0054660000000045000028123440004006"
              "3c65c0000201c63364029c40005000000309",
     "icmp-error 192.0.2.1 > 198.51.100.2 type 12 code 0 mtu 0 quotes 192.0.2.1.40000 > "
     "198.51.100.2.80 seq 777"},
    /* IP 192.0.2.1 > 198.51.100.2: ICMP 198.51.100.2 udp port 2 unreachable, length 36 */
    {"unreachable that quotes UDP", 1, 0, 0,
     ETHERNET "0800450000381234400040013c5ac0000201c63364020303fcf1000000004500001c123440004011"
              "3c66c0000201c63364020001000200080000",
     "icmp 192.0.2.1 > 198.51.100.2 type 3 code 3"},
    /* IP 192.0.2.1 > 198.51.100.2: ICMP host 198.51.100.2 unreachable, length 36 */
    {"unreachable that quotes a later fragment", 1, 0, 0,
     ETHERNET "0800450000381234400040013c5ac0000201c633640203016365000000004500001c123400034006"
              "7c6ec0000201c63364026666666666666666",
     "icmp 192.0.2.1 > 198.51.100.2 type 3 code 1"},
    /* IP 192.0.2.1 > 198.51.100.2: ICMP host 198.51.100.2 unreachable, length 30 */
    {"quotation cut before the ports", 1, 0, 0,
     ETHERNET "0800450000321234400040013c60c0000201c6336402030160be0000000045000028123440004006"
              "3c65c0000201c63364029c40",
     "icmp 192.0.2.1 > 198.51.100.2 type 3 code 1"},
    /* IP6 2001:db8::1 > 2001:db8::2: ICMP6, packet too big, mtu 1280, length 68 */
    {"packet too big, MTU 1280", 1, 0, 0,
     ETHERNET "86dd6000000000443a4020010db800000000000000000000000120010db800000000000000000000"
              "0002020036d200000500600000000014064020010db800000000000000000000000120010db80000"
              "000000000000000000029c40005000000309000007d0501001f6ab000000",
     "icmp-error 2001:db8::1 > 2001:db8::2 type 2 code 0 mtu 1280 quotes 2001:db8::1.40000 > "
     "2001:db8::2.80 seq 777"},
    /* IP6 2001:db8::1 > 2001:db8::2: ICMP6, packet too big, mtu 1280, length 84 */
    {"packet too big, quoting extension headers", 1, 0, 0,
     ETHERNET "86dd6000000000543a4020010db800000000000000000000000120010db800000000000000000000"
              "00020200cda6000005006000000000243c4020010db800000000000000000000000120010db80000"
              "000000000000000000022c0001040000000006000000000000079c4000500000030a000007d05010"
              "01f6aaff0000",
     "icmp-error 2001:db8::1 > 2001:db8::2 type 2 code 0 mtu 1280 quotes 2001:db8::1.40000 > "
     "2001:db8::2.80 seq 778"},
    /* IP6 2001:db8::1 > 2001:db8::2: ICMP6, destination unreachable, unreachable route 2001:db8::2,
       length 68 */
    {"no route", 1, 0, 0,
     ETHERNET "86dd6000000000443a4020010db800000000000000000000000120010db800000000000000000000"
              "000201003cd200000000600000000014064020010db800000000000000000000000120010db80000"
              "000000000000000000029c40005000000309000007d0501001f6ab000000",
     "icmp-error 2001:db8::1 > 2001:db8::2 type 1 code 0 mtu 0 quotes 2001:db8::1.40000 > "
     "2001:db8::2.80 seq 777"},
    /* IP6 2001:db8::1 > 2001:db8::2: ICMP6, time exceeded in-transit for 2001:db8::2, length 68 */
    {"hop limit exceeded", 1, 0, 0,
     ETHERNET "86dd6000000000443a4020010db800000000000000000000000120010db800000000000000000000"
              "000203003ad200000000600000000014064020010db800000000000000000000000120010db80000"
              "000000000000000000029c40005000000309000007d0501001f6ab000000",
     "icmp-error 2001:db8::1 > 2001:db8::2 type 3 code 0 mtu 0 quotes 2001:db8::1.40000 > "
     "2001:db8::2.80 seq 777"},
    /* IP6 2001:db8::1 > 2001:db8::2: ICMP6, parameter problem, next header - octet 6, length 68 */
    {"ICMPv6 parameter problem", 1, 0, 0,
     ETHERNET "86dd6000000000443a4020010db800000000000000000000000120010db800000000000000000000"
              "0002040139cb00000006600000000014064020010db800000000000000000000000120010db80000"
              "000000000000000000029c40005000000309000007d0501001f6ab000000",
     "icmp-error 2001:db8::1 > 2001:db8::2 type 4 code 1 mtu 0 quotes 2001:db8::1.40000 > "
     "2001:db8::2.80 seq 777"},
    /* IP6 2001:db8::1 > 2001:db8::2: ICMP6, packet too big, mtu 1280, length 56 */
    {"too big for UDP", 1, 0, 0,
     ETHERNET "86dd6000000000383a4020010db800000000000000000000000120010db800000000000000000000"
              "00020200d04f00000500600000000008114020010db800000000000000000000000120010db80000"
              "000000000000000000020001000200080000",
     "icmp 2001:db8::1 > 2001:db8::2 type 2 code 0"},
    /* IP6 2001:db8::1 > ff02::1:ff00:9: ICMP6, neighbor solicitation, who has 2001:db8::9, length
       32 */
    {"neighbour solicitation", 1, 0, 0,
     ETHERNET "86dd6000000000203aff20010db8000000000000000000000001ff0200000000000000000001ff00"
              "00098700ec6b0000000020010db80000000000000000000000090101020000000001",
     "neighbour-discovery 2001:db8::1 > 2001:db8::9 type 135 code 0 ttl 255"},
    /* IP6 2001:db8::1 > 2001:db8::2: ICMP6, neighbor advertisement, tgt is 2001:db8::9, length 24
     */
    {"neighbour advertisement", 1, 0, 0,
     ETHERNET "86dd6000000000183aff20010db800000000000000000000000120010db800000000000000000000"
              "000288008e756000000020010db8000000000000000000000009",
     "neighbour-discovery 2001:db8::1 > 2001:db8::9 type 136 code 0 ttl 255"},
    /* IP6 2001:db8::1 > ff02::1: ICMP6, router advertisement, length 16 */
    {"router advertisement", 1, 0, 0,
     ETHERNET "86dd6000000000103aff20010db8000000000000000000000001ff02000000000000000000000000"
              "00018600d737400007080000000000000000",
     "icmp 2001:db8::1 > ff02::1 type 134 code 0 ttl 255"},
    /* ARP, Request who-has 192.0.2.2 tell 192.0.2.1, length 46 */
    {"ARP request", 1, 0, 0,
     ETHERNET "08060001080006040001020000000001c0000201000000000000c000020200000000000000000000"
              "0000000000000000",
     "arp 192.0.2.1 > 192.0.2.2 operation 1"},
    /* ARP, Reply 192.0.2.1 is-at 02:00:00:00:00:01, length 28 */
    {"ARP reply", 1, 0, 0, ETHERNET "08060001080006040002020000000001c0000201000000000000c0000202",
     "arp 192.0.2.1 > 192.0.2.2 operation 2"},
    /* ARP, Ethernet (len 6), IPv4 (len 6), length 40 */
    {"ARP with protocol addresses of 6 bytes", 1, 0, 0,
     ETHERNET "08060001080006060001000000000000000000000000000000000000000000000000000000000000"
              "0000",
     "malformed"},
};

static void test_ip(void **state)
{
  (void)state;
  packet_cases_check(ip_cases, sizeof ip_cases / sizeof ip_cases[0]);
}

static void test_icmp(void **state)
{
  (void)state;
  packet_cases_check(icmp_cases, sizeof icmp_cases / sizeof icmp_cases[0]);
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_ip), cmocka_unit_test(test_icmp)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
