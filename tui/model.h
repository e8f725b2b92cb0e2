#ifndef TUI_MODEL_H
#define TUI_MODEL_H

/* What the dashboard shows, and how it is known: connections, their findings, their packets. It
 * knows neither terminal nor trace: cli fills it, from a trace or while a capture goes on. Times
 * are nanoseconds since 1970 on end A's clock. */

#include "analyzer/joint.h"

#include <stdbool.h>
#include <stdint.h>

#define MODEL_NAME_SIZE       72
#define MODEL_BUCKETS         240u     /* of time, over the whole of what is shown */
#define MODEL_CONNECTIONS_MAX 50000u   /* shown; the others are counted */
#define MODEL_FINDINGS_MAX    64u      /* of one connection, the worst first */
#define MODEL_PACKETS_MAX     2000000u /* of the connection that is looked at */

enum model_packet_kind { MODEL_TCP, MODEL_FOREIGN };

/* A packet of the connection that is looked at, or one of the findings' foreign ones. */
struct model_packet {
  int64_t time_ns;
  uint64_t frame;
  /* Bytes of the sender's stream before this packet's first one, and of the other stream that it
   * acknowledges; the first byte behind the SYN is 0. */
  int64_t seq, ack;
  uint32_t payload_bytes;
  uint32_t window_bytes; /* scaled, where the scale is known */
  uint16_t flags;        /* enum tcp_flag */
  uint8_t end;
  uint8_t side; /* enum stream_side of its sender */
  uint8_t kind; /* enum model_packet_kind */
  bool again;   /* all of its bytes have been here before */
  uint8_t sack_count;
  int64_t sack[2]; /* the first block of it */
  /* what tells a packet from a later copy with the same bytes; 0: not known */
  uint32_t ts_val;
  uint16_t ip_id;
};

struct model_packets {
  struct model_packet *list; /* in order of time */
  uint32_t count;
  uint64_t left_out; /* by MODEL_PACKETS_MAX, or forgotten meanwhile */
};

/* Who has to act. */
struct model_owner {
  enum model_owner_kind {
    OWNER_MOVING,
    OWNER_IDLE,
    OWNER_LOCATION,
    OWNER_CLOSED,
    OWNER_UNBORN
  } kind;
  enum location location; /* if OWNER_LOCATION */
  int64_t since_ns;       /* TIME_INVALID: not known */
  enum stream_side sender;
};

struct model_connection {
  uint64_t id;
  char client[MODEL_NAME_SIZE], server[MODEL_NAME_SIZE]; /* printable: "192.0.2.1:80" */
  enum evidence_level level;
  uint8_t ends; /* a bit for each that saw it */
  struct connection_summary summary;
  /* bytes sent by each side, by bucket of the model's time */
  uint32_t sent_bytes[2][MODEL_BUCKETS];
  struct finding **findings; /* owned; problems first */
  uint32_t finding_count;
  bool has_owner; /* live: */
  struct model_owner owner;
  uint32_t findings_version; /* another number whenever they have changed */
  struct model_view *views;  /* owned; one for each end that saw it, the client's end first */
  uint32_t view_count;       /* 0: not known */
};

/* What one end saw of what the hosts announced. */
struct model_view {
  uint8_t end;
  enum vantage vantage;
  char client[MODEL_NAME_SIZE], server[MODEL_NAME_SIZE]; /* as they are called there */
  struct model_announced {
    bool syn; /* its SYN was seen here: what follows is of it */
    enum window_scale_state wscale_state;
    uint8_t wscale_min, wscale_max; /* equal where it is known */
    uint32_t mss;                   /* bytes; 0: not seen */
    bool sack_permitted, timestamps;
    /* to be added to its sequence numbers here, to have those at the first end */
    uint32_t seq_shift;
  } by[2]; /* enum stream_side */
};

struct model_end {
  char name[96];
  uint64_t dropped;
  bool has_dropped;
  int64_t first_ns, last_ns; /* of its capture; equal: not known */
};

/* Gets the packets of a connection: fills *packets, whose list the model frees by free(). Returns 0
 * or -1. */
typedef int model_load(void *context, const struct model_connection *connection,
                       struct model_packets *packets);

struct model {
  char title[128]; /* the trace's name, or the interfaces */
  bool live;
  int64_t start_ns, end_ns;
  int64_t now_ns; /* the moment that is looked at: the end, unless the time slider was moved */
  struct model_end ends[ANALYZER_ENDS_MAX];
  uint32_t end_count;
  struct model_connection **connections; /* in order of id */
  uint32_t count;
  uint64_t left_out;
  model_load *load;
  void *load_context;
  struct model_packets packets; /* of packets_of */
  uint64_t packets_of;          /* 0: of none */
  uint32_t packets_version;     /* another number whenever they have changed */
};

struct model *model_new(void); /* NULL: no memory */
void model_free(struct model *model);

/* The connection with that id, made if it is new. NULL: no memory, or there are too many (counted).
 */
struct model_connection *model_take(struct model *model, uint64_t id);
void model_remove(struct model *model, uint64_t id);
struct model_connection *model_find(const struct model *model, uint64_t id);

/* Copies a finding; one with the same id takes the place of the earlier one. */
void model_add_finding(struct model_connection *connection, const struct finding *finding);

/* How an end saw it, in place of what was known of that end before; seq_shift: as struct
 * pair_member has it, NULL for none. false: no memory. */
bool model_set_view(struct model_connection *connection, const struct connection_summary *summary,
                    const uint32_t seq_shift[2]);
/* The ends nearest to the client and to the server; equal where only one saw it. */
void model_ends_of(const struct model_connection *connection, uint8_t *client, uint8_t *server);

/* The bucket of a time, MODEL_BUCKETS at most - 1; false: outside. */
bool model_bucket(const struct model *model, int64_t time_ns, uint32_t *bucket);
int64_t model_bucket_ns(const struct model *model, uint32_t bucket); /* where it begins */

struct model_owner model_owner_at(const struct model *model,
                                  const struct model_connection *connection, int64_t time_ns);
/* When what was found ended; now, if it goes on. */
int64_t model_finding_end_ns(const struct model *model, const struct finding *finding);
/* Somebody holds it up then: what model_owner_at() says, for less. */
bool model_is_held(const struct model *model, const struct model_connection *connection,
                   int64_t time_ns);
/* The worst finding, NULL: none. */
const struct finding *model_worst(const struct model_connection *connection);
uint32_t model_problems(const struct model_connection *connection);
/* Bytes a second around that time, both directions. */
double model_rate(const struct model *model, const struct model_connection *connection,
                  int64_t time_ns);

/* Its packets, loaded if need be; NULL: cannot be had. Valid until the next call. */
const struct model_packets *model_packets_of(struct model *model,
                                             const struct model_connection *connection);

/* Where a problem stands in the order in which one goes from one to the next: by its beginning,
 * then by connection and id. */
struct model_place {
  int64_t start_ns;
  uint64_t connection;
  uint32_t finding;
};

/* Which connections count; NULL: all. */
typedef bool model_wanted(const void *context, const struct model_connection *connection);

/* The problem behind that place (forward) or before it; NULL: none. */
const struct finding *model_next_problem(const struct model *model, const struct model_place *from,
                                         bool forward, model_wanted *wanted, const void *context,
                                         struct model_connection **connection);

#endif
