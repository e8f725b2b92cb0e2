/* Prints what the samples of a trace say, a line for each record: for tests/capture/samples.sh. */
#include "capture/trace.h"
#include "wire/sample_netlink.h"

#include <inttypes.h>
#include <stdio.h>

static void print_address(const char *name, const struct ip_address *address, uint8_t ip_version,
                          uint16_t port)
{
  const uint8_t *bytes = address->bytes;
  if (ip_version == 4)
    printf(" %s=%u.%u.%u.%u", name, bytes[12], bytes[13], bytes[14], bytes[15]);
  else
    printf(" %s=%02x%02x:...:%02x%02x", name, bytes[0], bytes[1], bytes[14], bytes[15]);
  if (port != 0)
    printf(":%u", port);
}

static void print_socket(const struct sample_record *record, bool big_endian)
{
  struct sample_socket socket;
  if (!sample_read_socket(&socket, record, big_endian)) {
    puts(" unreadable");
    return;
  }
  print_address("src", &socket.source, socket.ip_version, socket.source_port);
  print_address("dst", &socket.destination, socket.ip_version, socket.destination_port);
  printf(" state=%u timer=%u backoff=%u wqueue=%u rqueue=%u notsent=%u unacked=%u wmem_alloc=%u"
         " snd_wnd=%u total_retrans=%u bytes_acked=%" PRIu64 " bytes_sent=%" PRIu64 "\n",
         socket.state, socket.timer, socket.tcpi_backoff, socket.wqueue_bytes, socket.rqueue_bytes,
         socket.tcpi_notsent_bytes, socket.tcpi_unacked_pkts, socket.wmem_alloc_bytes,
         socket.tcpi_snd_wnd_bytes, socket.tcpi_total_retrans_pkts, socket.tcpi_bytes_acked,
         socket.tcpi_bytes_sent);
}

static void print_other(const struct sample_record *record, bool big_endian)
{
  struct sample_qdisc qdisc;
  struct sample_link_statistics link;
  struct sample_neighbour neighbour;
  if (sample_read_qdisc(&qdisc, record, big_endian))
    printf(" kind=%s qlen=%u backlog=%u drops=%u", qdisc.kind, qdisc.qlen_pkts, qdisc.backlog_bytes,
           qdisc.drops_pkts);
  if (sample_read_link_statistics(&link, record, big_endian))
    printf(" rx=%" PRIu64 " tx=%" PRIu64 " tx_dropped=%" PRIu64, link.rx_packets, link.tx_packets,
           link.tx_dropped);
  if (sample_read_neighbour(&neighbour, record, big_endian)) {
    print_address("dst", &neighbour.address, neighbour.ip_version, 0);
    printf(" state=0x%02x", neighbour.state);
  }
  if (record->type == SAMPLE_HEADER || record->type == SAMPLE_NETSTAT)
    for (uint16_t i = 0; i < record->length_bytes; i++)
      putchar(record->bytes[i] == '\n' ? ' ' : record->bytes[i]);
  putchar('\n');
}

static void print_sample(void *context, const struct trace_sample *sample)
{
  static const char *const names[] = {"?",         "header", "socket",    "socket-gone", "link",
                                      "link-stat", "qdisc",  "neighbour", "netstat"};
  struct sample_records records = sample->records;
  struct sample_record record;
  (void)context;
  while (sample_next(&records, &record)) {
    printf("%u %" PRId64 " after=%" PRIu64 " %s", sample->interface,
           sample->time_ns + record.delay_ns, sample->frames_before,
           record.type < sizeof names / sizeof *names ? names[record.type] : "?");
    if (record.type == SAMPLE_SOCKET)
      print_socket(&record, sample->big_endian);
    else
      print_other(&record, sample->big_endian);
  }
}

int main(int argc, char **argv)
{
  const struct trace_options options = {.on_sample = print_sample};
  struct trace *trace;
  struct error error;
  struct frame frames[64];
  int count;
  if (argc != 2 || trace_open(&trace, argv[1], &options, &error) < 0)
    return 2;
  while ((count = trace_next(trace, frames, 64, &error)) > 0)
    ;
  struct trace_info info;
  trace_get_info(trace, &info);
  for (uint32_t i = 0; i < info.interface_count; i++) {
    struct trace_interface interface;
    trace_get_interface(trace, i, &interface);
    printf("%u total frames=%" PRIu64 " samples=%" PRIu64 " damaged=%" PRIu64 " missing=%" PRIu64
           " announced=%d ended=%d\n",
           i, interface.frames, interface.samples, interface.samples_damaged,
           interface.samples_missing, interface.samples_announced, interface.samples_ended);
  }
  trace_close(trace);
  return count < 0 ? 2 : 0;
}
