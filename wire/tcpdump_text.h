#ifndef WIRE_TCPDUMP_TEXT_H
#define WIRE_TCPDUMP_TEXT_H

/* tcpdump's text output as a trace: what people paste into reports and mails.
 *
 * Understood: the old style ("host.port > host.port: . 1:913(912) ack 1 win 5792 <...>") and
 * today's ("IP a.1 > b.2: Flags [P.], seq 1:913, ack 1, win 502, options [...], length 912"),
 * IPv4 and IPv6, -n or names, -t -tt -ttt -tttt -ttttt or time of day, -v's IP line, -e's link
 * header, -i any's interface and In/Out, ICMP and ARP lines, lines wrapped by mail programs,
 * quote marks ("> "), prose in between (passed over). Relative sequence numbers are kept as they
 * are printed (a connection's ISN is taken as 0, so that 1 is the first byte's number; an
 * absolute number in a SYN rebases what follows). Names become addresses from 192.0.2.0/24 and
 * beyond, stable within a file (RFC 5737), service names become ports by a built-in table.
 *
 * Each packet becomes a real frame (link type RAW: IPv4 or IPv6 header, TCP header with its
 * options), cut behind its headers, whose original length includes the payload. */

#include "wire/error.h"
#include "wire/packet.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* opaque; bounded: names, excerpts and line length have limits, counted when reached */
struct tcpdump_text;

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
 * prose or an empty line). */
bool tcpdump_text_take(struct tcpdump_text *text, struct frame *frame, unsigned *excerpt);

struct tcpdump_text_info {
  /* enum trace_time_base's values: 0 epoch, 1 time of day, 2 relative */
  int time_base;
  uint64_t packets, lines, lines_not_understood;
  /* excerpt's "# captured on: HOST" or "HOST is us"; "" if neither */
  char captured_on[64];
};
void tcpdump_text_get_info(const struct tcpdump_text *text, unsigned excerpt,
                           struct tcpdump_text_info *info);

/* The name that was printed for an address, "" if it was a number. Valid until
 * tcpdump_text_free(). */
const char *tcpdump_text_host_name(const struct tcpdump_text *text,
                                   const struct ip_address *address);

#endif
