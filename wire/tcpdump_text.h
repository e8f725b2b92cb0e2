#ifndef WIRE_TCPDUMP_TEXT_H
#define WIRE_TCPDUMP_TEXT_H

/* tcpdump's text output as a trace: what people paste into reports and mails.
 *
 * Understood: the old style ("host.port > host.port: . 1:913(912) ack 1 win 5792 <...>") and
 * today's ("IP a.1 > b.2: Flags [P.], seq 1:913, ack 1, win 502, options [...], length 912"),
 * IPv4 and IPv6, -n or names, -t -tt -ttt -tttt -ttttt or time of day, -v's IP line, -e's link
 * header, -i any's interface and In/Out, ICMP and ARP lines, lines wrapped by mail programs or
 * folded anywhere, quote marks ("> "), prose in between (passed over). Relative sequence numbers
 * are brought back to the wire's where the text has a connection's first, absolute ones, and are
 * kept as they are printed where it has not (so that 1 is the first byte's number). Names become
 * addresses from 192.0.2.0/24 and beyond, stable within a file (RFC 5737), service names become
 * ports by a built-in table.
 *
 * Each packet becomes a real frame (link type RAW, or Ethernet for ARP and where -e printed link
 * addresses: IPv4 or IPv6 header, TCP header with its options), cut behind its headers, whose
 * original length includes the payload. What is not printed is zero: a TTL of 0 means that the
 * text has none. A pure ACK's sequence number, which only -vv prints, is where its direction
 * stands. */

#include "wire/error.h"
#include "wire/packet.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* opaque; bounded: what has a limit is counted when that is reached (limits_reached below) */
struct tcpdump_text;

/* Bytes of a packet's text with its wrapped lines joined; the rest is dropped. */
#define TCPDUMP_TEXT_LINE_MAX 4096
/* Further excerpts are counted into the last. */
#define TCPDUMP_TEXT_EXCERPTS_MAX 64
/* Names that -i any prints; further ones share the last index. */
#define TCPDUMP_TEXT_INTERFACES_MAX 64
/* Packets that wait at most for what later ones tell about them. */
#define TCPDUMP_TEXT_HOLD_MAX 1024

struct tcpdump_text *tcpdump_text_new(void); /* NULL: no memory */
void tcpdump_text_free(struct tcpdump_text *text);

/* true if the first bytes of a file look like tcpdump's text (used to sniff the format). */
bool tcpdump_text_probe(const char *bytes, size_t size);

/* Feeds one line without its newline. Lines are collected until a packet is complete (a wrapped
 * line ends when the next packet, an empty line or prose begins). */
void tcpdump_text_line(struct tcpdump_text *text, const char *line, size_t size);

/* No more lines: the last packet is complete. */
void tcpdump_text_end(struct tcpdump_text *text);

/* Takes the next complete packet: true and *frame (bytes borrowed until the next call on text),
 * *excerpt (0-based: a new one begins where the time steps back, within the same day, behind
 * prose or an empty line, and behind a line "# captured on: HOST" or "# interface: NAME").
 * frame->interface is an index for tcpdump_text_interface_name(); frame->number starts at 1 in
 * each excerpt; frame->time_ns is TIME_INVALID where no time is printed (-t).
 *
 * Take until it says false before feeding the next line: what does not fit into the queue is
 * lost, and counted. Some packets wait for later ones: where it does not show yet what printed
 * times are relative to, and a pure ACK until the other end tells where its direction stands. */
bool tcpdump_text_take(struct tcpdump_text *text, struct frame *frame, unsigned *excerpt);

struct tcpdump_text_info {
  /* enum trace_time_base's values: 0 epoch, 1 time of day, 2 relative */
  int time_base;
  uint64_t packets, lines, lines_not_understood;
  /* excerpt's "# captured on: HOST" or "HOST is us"; "" if neither */
  char captured_on[64];
  char interface[64]; /* excerpt's "# interface: NAME"; "" without it */
  /* whole text: packets whose sequence numbers fit nowhere and are kept as they are printed */
  uint64_t numbers_unresolved;
  /* whole text: how often a limit above, or that of names or connections, was reached */
  uint64_t limits_reached;
};
void tcpdump_text_get_info(const struct tcpdump_text *text, unsigned excerpt,
                           struct tcpdump_text_info *info);

/* The name that was printed for an address, "" if it was a number. Valid until
 * tcpdump_text_free(). */
const char *tcpdump_text_host_name(const struct tcpdump_text *text,
                                   const struct ip_address *address);

/* The index-th name with its address, in order of appearance; NULL behind the last one. */
const char *tcpdump_text_host(const struct tcpdump_text *text, size_t index, uint8_t *ip_version,
                              struct ip_address *address);

/* The name that -i any prints before each packet, for frame->interface; "" if none is printed. */
const char *tcpdump_text_interface_name(const struct tcpdump_text *text, uint32_t interface);

/* Excerpts seen so far; 0 before the first packet. */
unsigned tcpdump_text_excerpt_count(const struct tcpdump_text *text);

#endif
