#ifndef WIRE_TCPDUMP_TEXT_SEQ_H
#define WIRE_TCPDUMP_TEXT_SEQ_H

/* From printed sequence numbers back to those on the wire, as far as the text allows.
 *
 * Without -S, tcpdump prints the first segment of a connection that carries an ACK in full, and
 * every SYN; what follows is relative: a sequence number to that first segment's own, an
 * acknowledgment to its acknowledgment minus one. Segments without ACK are always printed in full.
 * With -S, and in an extract from the middle of a text, all numbers are on one scale already. Which
 * of the two a connection is, shows at the first number that could be either: the reading wins that
 * fits better to where the stream is.
 *
 * A pure ACK's sequence number is not printed at all (but with -vv): it is where its direction
 * stands. Until that is known, from what the other end acknowledges, the frame has to wait (struct
 * text_seq_result.seq_pending). */

#include "wire/packet.h"
#include "wire/tcpdump_text_fields.h"

#include <stdbool.h>
#include <stdint.h>

#define TEXT_FLOWS_MAX 65536 /* connections followed at a time in one excerpt */

struct text_flows; /* opaque */

struct text_flow_key {
  struct ip_address src, dst;
  uint16_t src_port, dst_port;
};

struct text_seq_result {
  uint32_t seq, ack;
  bool seq_pending;     /* seq is not known yet: ask text_flows_origin() later */
  uint32_t sack_offset; /* to be added to the SACK blocks' numbers */
};

struct text_flows *text_flows_new(void); /* NULL: no memory */
void text_flows_free(struct text_flows *flows);
void text_flows_clear(struct text_flows *flows); /* a new excerpt */

/* One segment, in the order of the text. Always fills *result. */
void text_flows_segment(struct text_flows *flows, const struct text_flow_key *key,
                        const struct text_tcp *tcp, struct text_seq_result *result);

/* Where this direction stood when that first showed; false if nothing shows it yet. */
bool text_flows_origin(const struct text_flows *flows, const struct text_flow_key *key,
                       uint32_t *seq);

/* The only connection between these hosts, data in this direction: its ports, and the first
 * sequence number of the last segment with data. False if there is none or more than one. A port of
 * 0 in *key matches any. */
bool text_flows_only(const struct text_flows *flows, struct text_flow_key *key, uint32_t *seq);

/* Segments whose numbers fit neither reading, or whose connection did not fit into the table: kept
 * as printed. */
uint64_t text_flows_unresolved(const struct text_flows *flows);

#endif
