#ifndef REPLAY_RECORDING_H
#define REPLAY_RECORDING_H

/* One connection of a saved trace, as plain data: what each capture point saw of it, in order, what
 * is known of its two hosts, and what the analysis found. Everything that replays a connection
 * starts from this; cli/replay_load.h fills it from any trace that can be analysed. */

#include "wire/packet.h"
#include "wire/timestamp.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RECORDING_POINTS_MAX      8
#define RECORDING_ASSUMPTIONS_MAX 16

/* The two ends of the connection; also who sent a packet. */
enum recording_side { RECORDING_CLIENT, RECORDING_SERVER, RECORDING_SIDES };
/* recorded_packet.from: not of this connection (a ping, ARP, an ICMP error about it). */
#define RECORDING_FOREIGN RECORDING_SIDES

enum recording_place {
  RECORDED_SOMEWHERE,
  RECORDED_AT_CLIENT,
  RECORDED_AT_SERVER,
  RECORDED_BETWEEN
};

struct recorded_packet {
  struct packet packet; /* time_ns: on the clock of point 0, put right; .end: index of the point */
  int64_t captured_ns;  /* as the capture has it */
  uint8_t from;         /* enum recording_side or RECORDING_FOREIGN */
  uint32_t linktype;    /* LINKTYPE_* of the frame */
  uint32_t frame_bytes; /* captured, in recording.bytes from frame_at on; 0: not kept */
  size_t frame_at;
};

/* The address of one side as one capture point saw it. */
struct recorded_endpoint {
  struct ip_address address;
  uint16_t port;
  uint8_t ip_version;
};

/* A SYN or SYN-ACK as one capture point saw it. */
struct recorded_syn {
  bool seen;
  uint16_t window; /* raw, never scaled (RFC 7323, 2.2) */
  uint16_t mss;    /* 0: without the option */
  bool has_wscale;
  uint8_t wscale;
  bool sack_permitted, timestamps;
};

struct recording_point {
  char name[80]; /* file, excerpt or interface, for messages */
  enum recording_place place;
  bool place_declared; /* else inferred */
  bool has_drops;      /* the capture says that it lost packets */
  struct recorded_endpoint endpoints[RECORDING_SIDES];
  /* Added to a sequence number that the side uses here, gives the one at point 0 (mod 2^32). */
  uint32_t seq_shift[RECORDING_SIDES];
  struct recorded_syn syns[RECORDING_SIDES]; /* of each side's first SYN */
  struct recorded_packet *packets;           /* owned by the recording; in order of capture */
  size_t packet_count;
};

/* What is known, or has to be assumed, of the TCP of one side. */
struct recorded_host {
  bool from_handshake;   /* its SYN was seen; else all of this is assumed, see assumptions */
  uint16_t mss;          /* that it announces, or the largest segment sent to it */
  bool window_scaling;   /* it offers a scale, and the other side does as well */
  uint8_t wscale;        /* as it sent it */
  bool sack, timestamps; /* in use on the connection */
  uint16_t syn_window;   /* 0: not known */
  uint64_t window_max;   /* bytes; largest it announced */
  uint8_t tos;           /* of its data */
};

struct recorded_finding {
  uint32_t id;  /* 1-based, in the order in which they are told */
  bool problem; /* else it is harmless */
  enum recording_side sender;
  /* Static strings, the words of JSON. */
  const char *kind, *location, *cause, *confidence, *ended_by;
  int64_t start_ns, end_ns;         /* on the clock of point 0 */
  int64_t waited_ns;                /* a crawl: the sum of its waits; else end - start */
  int64_t hold_min_ns, hold_max_ns; /* TIME_INVALID: none */
  uint32_t waits;
  char summary[400];
  /* also possible, as location/cause */
  const char *other_locations[6], *other_causes[6];
  uint32_t other_count;
};

struct recording {
  uint64_t connection_id;
  bool roles_known;         /* by a SYN; else guessed by the ports */
  bool whole;               /* begins with the handshake */
  int64_t start_ns, end_ns; /* of the connection, on the clock of point 0 */
  uint32_t point_count;     /* 1 .. RECORDING_POINTS_MAX; in the order of the command line */
  struct recording_point points[RECORDING_POINTS_MAX];
  struct recorded_host hosts[RECORDING_SIDES];
  struct recorded_finding *findings; /* owned; of this connection, worst first */
  uint32_t finding_count;
  uint32_t target; /* index of the finding that is to be reproduced; finding_count: none */
  uint32_t assumption_count;
  char assumptions[RECORDING_ASSUMPTIONS_MAX][160]; /* clauses: what had to be assumed, and why */
  uint8_t *bytes;                                   /* owned; the frames, if they were asked for */
  size_t bytes_size;
};

void recording_clear(struct recording *recording); /* frees what it owns */

/* Forgets what is far from the target, so that a replay does not take as long as the trace: the
 * connection then begins in mid-stream. What is known of the handshake stays. */
void recording_trim(struct recording *recording);

/* Forgets what was before: the connection then begins in mid-stream. And what came later. */
void recording_begin_at(struct recording *recording, int64_t from_ns);
void recording_end_at(struct recording *recording, int64_t to_ns);

/* printf-like; beyond the limit silently full. */
void recording_assume(struct recording *recording, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The point that stands closest to a side: at it, or else the first one. NULL only if there are no
 * points. *at_it tells which. */
const struct recording_point *recording_nearest(const struct recording *recording,
                                                enum recording_side side, bool *at_it);

#endif
