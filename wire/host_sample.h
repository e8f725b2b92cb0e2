#ifndef WIRE_HOST_SAMPLE_H
#define WIRE_HOST_SAMPLE_H

/* One thing that a kernel said at one moment (sample_netlink.h), as plain data: copied between
 * threads, fed to an analysis in the order of time with the packets of the same capture point. */

#include "wire/sample_netlink.h"

enum host_sample_kind {
  HOST_SAMPLE_HEADER,
  HOST_SAMPLE_SOCKET,
  HOST_SAMPLE_QDISC,
  HOST_SAMPLE_LINK,
  HOST_SAMPLE_NEIGHBOUR,
  HOST_SAMPLE_NETSTAT
};

struct host_sample {
  int64_t time_ns;    /* when the kernel answered */
  uint32_t number;    /* of the sample in its interface's row: from 0 */
  uint32_t interface; /* as a packet's */
  uint8_t end;        /* capture point, as a packet's */
  enum host_sample_kind kind;
  union {
    int64_t interval_ns; /* header: at which it is sampled while all is well; 0: not told */
    struct sample_socket socket;
    struct sample_qdisc qdisc;
    struct sample_link_statistics link;
    struct sample_neighbour neighbour;
    struct sample_netstat netstat;
  } of;
};

/* The sampler writes down when it had an answer, and asks for one thing after the other. If it was
 * kept waiting for so long in between, the answer may be as old: it would stand behind packets that
 * came after it. */
#define HOST_SAMPLE_ANSWER_MAX_NS 5000000u

/* true: so late. *before_ns: 0 ahead of a sample's first record; of all, in their order. */
bool host_sample_is_late(const struct sample_record *record, uint32_t *before_ns);

/* Fills kind, of and time_ns (begun_ns is the sample's own time). false: a record that says nothing
 * of these kinds, or is damaged. */
bool host_sample_read(struct host_sample *sample, const struct sample_record *record,
                      bool big_endian, int64_t begun_ns);

#endif
