/* TCP header, options and checksum: each frame with the line that tcpdump prints for it. */
#include "packet_case.h"

static const struct packet_case tcp_cases[] = {
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [S], seq 100, win 64240, options [mss
       1460,sackOK,TS val 1 ecr 0,nop,wscale 7], length 0 */
    {"SYN with all that Linux sends", 1, 0, 0,
     ETHERNET "08004500003c1234400040063c51c0000201c63364029c4000500000006400000000a002faf0c3e2"
              "0000020405b40402080a000000010000000001030307",
     "tcp 192.0.2.1.40000 > 198.51.100.2.80 flags 002 seq 100 ack 0 win 64240 mss 1460 wscale 7 TS "
     "1/0 sackOK len 0 sum good"},
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [P.], seq 1000:1005, ack 2000, win 502, options
       [nop,nop,TS val 123456 ecr 246912], length 5 */
    {"data with aligned timestamps", 1, 0, 0,
     ETHERNET "0800450000391234400040063c54c0000201c63364029c400050000003e8000007d0801801f6f5a2"
              "00000101080a0001e2400003c48068656c6c6f",
     "tcp 192.0.2.1.40000 > 198.51.100.2.80 flags 018 seq 1000 ack 2000 win 502 TS 123456/246912 "
     "len 5 sum good"},
    /* IP6 2001:db8::1.40000 > 2001:db8::2.80: Flags [P.], seq 1000:1005, ack 2000, win 502, options
       [nop,nop,TS val 123456 ecr 246912], length 5 */
    {"the same over IPv6", 1, 0, 0,
     ETHERNET "86dd600000000025064020010db800000000000000000000000120010db800000000000000000000"
              "00029c400050000003e8000007d0801801f6866500000101080a0001e2400003c48068656c6c6f",
     "tcp 2001:db8::1.40000 > 2001:db8::2.80 flags 018 seq 1000 ack 2000 win 502 TS 123456/246912 "
     "len 5 sum good"},
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [.], ack 2000, win 502, options [TS val 123456
       ecr 246912,nop,nop], length 0 */
    {"timestamps not aligned", 1, 0, 0,
     ETHERNET "0800450000341234400040063c59c0000201c63364029c400050000003e8000007d0801001f63982"
              "0000080a0001e2400003c4800101",
     "tcp 192.0.2.1.40000 > 198.51.100.2.80 flags 010 seq 1000 ack 2000 win 502 TS 123456/246912 "
     "len 0 sum good"},
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [.], ack 2000, win 502, options [nop,nop,TS val
       123456 ecr 246912,nop,nop,sack 3 {4294965298:4294965299}{4294965300:4294965301 */
    {"three SACK blocks behind timestamps", 1, 0, 0,
     ETHERNET "0800450000501234400040063c3dc0000201c63364029c400050000003e8000007d0f01001f6c335"
              "00000101080a0001e2400003c4800101051a00000001000000020000000300000004000000050000"
              "0006",
     "tcp 192.0.2.1.40000 > 198.51.100.2.80 flags 010 seq 1000 ack 2000 win 502 TS 123456/246912 "
     "sack 1:2 3:4 5:6 len 0 sum good"},
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [.], ack 2000, win 502, options [nop,nop,sack 4
       {4294965298:4294965299}{4294965300:4294965301}{4294965302:4294965303}{42949653 */
    {"four SACK blocks", 1, 0, 0,
     ETHERNET "08004500004c1234400040063c41c0000201c63364029c400050000003e8000007d0e01001f682f3"
              "0000010105220000000100000002000000030000000400000005000000060000000700000008",
     "tcp 192.0.2.1.40000 > 198.51.100.2.80 flags 010 seq 1000 ack 2000 win 502 sack 1:2 3:4 5:6 "
     "7:8 len 0 sum good"},
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [.], ack 2000, win 502, options [sack 2
       {4294965298:4294965299}{4294965300:4294965301},sack 2 {4294965302:4294965303}{42949653 */
    {"two SACK options: no more than four blocks", 1, 0, 0,
     ETHERNET "08004500004c1234400040063c41c0000201c63364029c400050000003e8000007d0e01001f67ef2"
              "0000051200000001000000020000000300000004051200000005000000060000000700000008",
     "tcp 192.0.2.1.40000 > 198.51.100.2.80 flags 010 seq 1000 ack 2000 win 502 sack 1:2 3:4 5:6 "
     "7:8 len 0 sum good"},
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [.], ack 2000, win 502, options [sack invalid
       sack,nop,nop,nop], length 0 */
    {"SACK of 5 bytes", 1, 0, 0,
     ETHERNET "0800450000301234400040063c5dc0000201c63364029c400050000003e8000007d0701001f6f34f"
              "00000505000000010101",
     "tcp 192.0.2.1.40000 > 198.51.100.2.80 flags 010 seq 1000 ack 2000 win 502 bad len 0 sum "
     "good"},
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [S], seq 1000, win 502, options [tfo cookie
       0102030405060708,nop,nop], length 0 */
    {"fast open cookie", 1, 0, 0,
     ETHERNET "0800450000341234400040063c59c0000201c63364029c400050000003e8000007d0800201f6b641"
              "0000220a01020304050607080101",
     "tcp 192.0.2.1.40000 > 198.51.100.2.80 flags 002 seq 1000 ack 2000 win 502 tfo len 0 sum "
     "good"},
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [S], seq 1000, win 502, options [exp-tfo
       cookiereq], length 0 */
    {"fast open in the experimental option", 1, 0, 0,
     ETHERNET "08004500002c1234400040063c61c0000201c63364029c400050000003e8000007d0600201f611da"
              "0000fe04f989",
     "tcp 192.0.2.1.40000 > 198.51.100.2.80 flags 002 seq 1000 ack 2000 win 502 tfo len 0 sum "
     "good"},
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [S], seq 1000, win 502, options [exp-1234],
       length 0 */
    {"another experiment", 1, 0, 0,
     ETHERNET "08004500002c1234400040063c61c0000201c63364029c400050000003e8000007d0600201f6f92f"
              "0000fe041234",
     "tcp 192.0.2.1.40000 > 198.51.100.2.80 flags 002 seq 1000 ack 2000 win 502 other len 0 sum "
     "good"},
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [S], seq 1000, win 502, options [mptcp 12 capable
       v0 csum {0x102030405060708}], length 0 */
    {"MPTCP capable", 1, 0, 0,
     ETHERNET "0800450000341234400040063c59c0000201c63364029c400050000003e8000007d0800201f6babf"
              "00001e0c00810102030405060708",
     "tcp 192.0.2.1.40000 > 198.51.100.2.80 flags 002 seq 1000 ack 2000 win 502 mptcp len 0 sum "
     "good"},
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [.], ack 2000, win 502, options [md5 shared
       secret not supplied with -M, can't check - 11111111111111111111111111111111,nop,no */
    {"MD5 signature", 1, 0, 0,
     ETHERNET "08004500003c1234400040063c51c0000201c63364029c400050000003e8000007d0a01001f62caf"
              "00001312111111111111111111111111111111110101",
     "tcp 192.0.2.1.40000 > 198.51.100.2.80 flags 010 seq 1000 ack 2000 win 502 md5 len 0 sum "
     "good"},
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [.], ack 2000, win 502, options [tcp-ao keyid 1
       rnextkeyid 1 mac 0x222222222222222222222222], length 0 */
    {"TCP-AO", 1, 0, 0,
     ETHERNET "0800450000381234400040063c55c0000201c63364029c400050000003e8000007d0901001f6ee70"
              "00001d100101222222222222222222222222",
     "tcp 192.0.2.1.40000 > 198.51.100.2.80 flags 010 seq 1000 ack 2000 win 502 ao len 0 sum good"},
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [.EW], ack 2000, win 502, options [unknown-172
       0x000001000002000003,nop], length 0 */
    {"AccECN with its option; AE, CWR and ECE are set", 1, 0, 0,
     ETHERNET "0800450000341234400040063c59c0000201c63364029c400050000003e8000007d081d001f63784"
              "0000ac0b00000100000200000301",
     "tcp 192.0.2.1.40000 > 198.51.100.2.80 flags 1d0 seq 1000 ack 2000 win 502 accecn len 0 sum "
     "good"},
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [S], seq 1000, win 502, options [nop,wscale 15],
       length 0 */
    {"window scale 15, as on the wire", 1, 0, 0,
     ETHERNET "08004500002c1234400040063c61c0000201c63364029c400050000003e8000007d0600201f60557"
              "00000103030f",
     "tcp 192.0.2.1.40000 > 198.51.100.2.80 flags 002 seq 1000 ack 2000 win 502 wscale 15 len 0 "
     "sum good"},
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [S], seq 1000, win 502, options [mss 1281[len
       3]], length 0 */
    {"MSS of length 3", 1, 0, 0,
     ETHERNET "08004500002c1234400040063c61c0000201c63364029c400050000003e8000007d0600201f60265"
              "000002030501",
     "tcp 192.0.2.1.40000 > 198.51.100.2.80 flags 002 seq 1000 ack 2000 win 502 bad len 0 sum "
     "good"},
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [.], ack 2000, win 502, options [nop,nop,[bad
       opt]] */
    {"option of length 0", 1, 0, 0,
     ETHERNET "08004500002c1234400040063c61c0000201c63364029c400050000003e8000007d0601001f6005a"
              "000001010800",
     "tcp 192.0.2.1.40000 > 198.51.100.2.80 flags 010 seq 1000 ack 2000 win 502 bad len 0 sum "
     "good"},
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [.], ack 2000, win 502, options [nop,nop,[bad
       opt]] */
    {"option longer than the header", 1, 0, 0,
     ETHERNET "08004500002c1234400040063c61c0000201c63364029c400050000003e8000007d0601001f60050"
              "00000101080a",
     "tcp 192.0.2.1.40000 > 198.51.100.2.80 flags 010 seq 1000 ack 2000 win 502 bad len 0 sum "
     "good"},
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [.], ack 2000, win 502, options [nop,nop,nop,
       [|tcp] */
    {"kind at the very end, without its length", 1, 0, 0,
     ETHERNET "08004500002c1234400040063c61c0000201c63364029c400050000003e8000007d0601001f60752"
              "000001010108",
     "tcp 192.0.2.1.40000 > 198.51.100.2.80 flags 010 seq 1000 ack 2000 win 502 bad len 0 sum "
     "good"},
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [.], ack 2000, win 502, options [eol], length 0
     */
    {"end of options, then rubbish", 1, 0, 0,
     ETHERNET "08004500002c1234400040063c61c0000201c63364029c400050000003e8000007d0601001f6ff52"
              "000000080a00",
     "tcp 192.0.2.1.40000 > 198.51.100.2.80 flags 010 seq 1000 ack 2000 win 502 len 0 sum good"},
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [.], ack 2000, win 502, options [nop,nop,TS
       [|tcp]> */
    {"options cut by the snap length", 1, 66, 0,
     ETHERNET "0800450000341234400040063c59c0000201c63364029c400050000003e8000007d0801001f63982"
              "00000101080a0001",
     "tcp 192.0.2.1.40000 > 198.51.100.2.80 flags 010 seq 1000 ack 2000 win 502 cut len 0 sum "
     "unknown"},
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [.], ack 2000, win 502, options [nop, [|tcp] */
    {"options cut inside the four bytes of NOPs", 1, 66, 0,
     ETHERNET "0800450000341234400040063c59c0000201c63364029c400050000003e8000007d0801001f63982"
              "000001",
     "tcp 192.0.2.1.40000 > 198.51.100.2.80 flags 010 seq 1000 ack 2000 win 502 cut len 0 sum "
     "unknown"},
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [.], ack 2000, win 502, options [ [|tcp] */
    {"no options captured at all", 1, 66, 0,
     ETHERNET "0800450000341234400040063c59c0000201c63364029c400050000003e8000007d0801001f63982"
              "0000",
     "tcp 192.0.2.1.40000 > 198.51.100.2.80 flags 010 seq 1000 ack 2000 win 502 cut len 0 sum "
     "unknown"},
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [P.U], seq 1000:1001, ack 2000, win 502, urg 1,
       length 1: HTTP */
    {"urgent pointer", 1, 0, 0,
     ETHERNET "0800450000291234400040063c64c0000201c63364029c400050000003e8000007d0503801f6a134"
              "000178",
     "tcp 192.0.2.1.40000 > 198.51.100.2.80 flags 038 seq 1000 ack 2000 win 502 urg 1 len 1 sum "
     "good"},
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: tcp 4 [bad hdr length 16 - too short, < 20] */
    {"data offset below 5", 1, 0, 0,
     ETHERNET "0800450000281234400040063c65c0000201c63364029c400050000003e8000007d0401001f6295f"
              "0000",
     "malformed 192.0.2.1 > 198.51.100.2"},
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [.] [bad hdr length 60 - too long, > 20] */
    {"data offset beyond the segment", 1, 0, 0,
     ETHERNET "0800450000281234400040063c65c0000201c63364029c400050000003e8000007d0f01001f6795e"
              "0000",
     "malformed 192.0.2.1 > 198.51.100.2"},
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [R], seq 1000, win 0, length 0 */
    {"RST", 1, 0, 0,
     ETHERNET "0800450000281234400040063c65c0000201c63364029c400050000003e800000000500400002331"
              "0000",
     "tcp 192.0.2.1.40000 > 198.51.100.2.80 flags 004 seq 1000 ack 0 win 0 len 0 sum good"},
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [.], seq 1000:2000, ack 2000, win 502, options
       [nop,nop,TS val 123456 ecr 246912], length 1000: HTTP */
    {"payload cut: as long as the IP header says", 1, 1066, 0,
     ETHERNET "08004500041c1234400040063871c0000201c63364029c400050000003e8000007d0801001f62186"
              "00000101080a0001e2400003c4806464646464646464646464646464646464646464646464646464"
              "64646464",
     "tcp 192.0.2.1.40000 > 198.51.100.2.80 flags 010 seq 1000 ack 2000 win 502 TS 123456/246912 "
     "len 1000(30) sum unknown snapped"},
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [.], seq 1000:2000, ack 2000, win 502, options
       [nop,nop,TS val 123456 ecr 246912], length 1000: HTTP */
    {"payload cut, checksum never filled in", 1, 1066, 0,
     ETHERNET "08004500041c1234400040063871c0000201c63364029c400050000003e8000007d0801001f6f045"
              "00000101080a0001e2400003c4806464646464646464646464646464646464646464646464646464"
              "64646464",
     "tcp 192.0.2.1.40000 > 198.51.100.2.80 flags 010 seq 1000 ack 2000 win 502 TS 123456/246912 "
     "len 1000(30) sum offloaded snapped"},
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [.], seq 1000:1005, ack 2000, win 502, length 5
     */
    {"checksum wrong", 1, 0, 0,
     ETHERNET "08004500002d1234400040063c60c0000201c63364029c400050000003e8000007d0501001f61234"
              "000068656c6c6f",
     "tcp 192.0.2.1.40000 > 198.51.100.2.80 flags 010 seq 1000 ack 2000 win 502 len 5 sum bad"},
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [.], seq 1000:1005, ack 2000, win 502, length 5
     */
    {"checksum left to the hardware (CHECKSUM_PARTIAL)", 1, 0, 0,
     ETHERNET "08004500002d1234400040063c60c0000201c63364029c400050000003e8000007d0501001f6ec56"
              "000068656c6c6f",
     "tcp 192.0.2.1.40000 > 198.51.100.2.80 flags 010 seq 1000 ack 2000 win 502 len 5 sum "
     "offloaded"},
    /* IP6 2001:db8::1.40000 > 2001:db8::2.80: Flags [.], seq 1000:1005, ack 2000, win 502, length 5
     */
    {"checksum left to the hardware, IPv6", 1, 0, 0,
     ETHERNET "86dd600000000019064020010db800000000000000000000000120010db800000000000000000000"
              "00029c400050000003e8000007d0501001f65b94000068656c6c6f",
     "tcp 2001:db8::1.40000 > 2001:db8::2.80 flags 010 seq 1000 ack 2000 win 502 len 5 sum "
     "offloaded"},
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [.], seq 1000:1005, ack 2000, win 502, length 5
     */
    {"pseudo-header without the length", 1, 0, 0,
     ETHERNET "08004500002d1234400040063c60c0000201c63364029c400050000003e8000007d0501001f6ec3d"
              "000068656c6c6f",
     "tcp 192.0.2.1.40000 > 198.51.100.2.80 flags 010 seq 1000 ack 2000 win 502 len 5 sum "
     "offloaded"},
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [.], seq 1000:1005, ack 2000, win 502, length 5
     */
    {"pseudo-header, complemented", 1, 0, 0,
     ETHERNET "08004500002d1234400040063c60c0000201c63364029c400050000003e8000007d0501001f613a9"
              "000068656c6c6f",
     "tcp 192.0.2.1.40000 > 198.51.100.2.80 flags 010 seq 1000 ack 2000 win 502 len 5 sum "
     "offloaded"},
    /* IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [.], seq 1000:1003, ack 2000, win 502, length 3:
       HTTP */
    {"odd length", 1, 0, 0,
     ETHERNET "08004500002b1234400040063c62c0000201c63364029c400050000003e8000007d0501001f645f7"
              "00006f6464",
     "tcp 192.0.2.1.40000 > 198.51.100.2.80 flags 010 seq 1000 ack 2000 win 502 len 3 sum good"},
};

static void test_tcp(void **state)
{
  (void)state;
  packet_cases_check(tcp_cases, sizeof tcp_cases / sizeof tcp_cases[0]);
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_tcp)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
