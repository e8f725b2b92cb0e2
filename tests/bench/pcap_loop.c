/* The floor: libpcap reads every record of a file and nothing is done with it. */

#include <pcap.h>
#include <stdio.h>

int main(int argc, char **argv)
{
  char error[PCAP_ERRBUF_SIZE];
  if (argc != 2) {
    fputs("usage: pcap_loop FILE\n", stderr);
    return 2;
  }
  pcap_t *pcap = pcap_open_offline(argv[1], error);
  if (!pcap) {
    fprintf(stderr, "pcap_loop: %s\n", error);
    return 2;
  }
  struct pcap_pkthdr *header;
  const u_char *bytes;
  unsigned long packets = 0;
  int status;
  while ((status = pcap_next_ex(pcap, &header, &bytes)) == 1)
    packets++;
  if (status == PCAP_ERROR)
    fprintf(stderr, "pcap_loop: %s\n", pcap_geterr(pcap));
  pcap_close(pcap);
  printf("%lu packets\n", packets);
  return status == PCAP_ERROR ? 2 : 0;
}
