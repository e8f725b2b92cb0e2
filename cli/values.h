#ifndef CLI_VALUES_H
#define CLI_VALUES_H

/* The values that options take. Each parser returns 0, or ERROR_USAGE with a text that says what
 * was expected. */

#include "analyzer/analyzer.h"
#include "report/collect.h"
#include "wire/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* "200", "200ms", "0.5s", "500us": milliseconds without a unit. At most a day. */
int parse_duration(const char *text, int64_t *duration_ns, struct error *error);

/* "500M", "8g", "1048576": bytes without a unit; K, M, G, T, or small, are powers of 1024. */
int parse_size(const char *text, uint64_t *bytes, struct error *error);

/* A word more, behind a blank, of a text such as a filter: *text is NULL or malloc()ed. false: no
 * memory, nothing has changed. */
bool append_word(char **text, const char *word);

/* Where one end stands, as --at says it. */
struct vantage_choice {
  enum { VANTAGE_NOT_SAID, VANTAGE_ROLE, VANTAGE_HOST } kind;
  enum vantage role; /* VANTAGE_ROLE */
  char host[256];    /* VANTAGE_HOST: address or name */
};

/* "client", "192.0.2.1", "A=server,B=test-local": fills the ends that are named, or all. */
int parse_vantage(const char *text, struct vantage_choice choices[ANALYZER_ENDS_MAX],
                  struct error *error);

/* A numeric IPv4 or IPv6 address. */
bool parse_address(const char *text, struct ip_address *address, uint8_t *ip_version);

/* One end of --connection before names are looked up. */
struct endpoint_choice {
  char host[256]; /* address or name */
  uint16_t port;  /* 0 = any */
};

struct connection_choice {
  uint64_t id; /* 0 = not by id */
  uint32_t endpoint_count;
  struct endpoint_choice endpoints[2];
};

/* "7", "192.0.2.1:80", "192.0.2.1:1234,[2001:db8::1]:80". */
int parse_connection(const char *text, struct connection_choice *choice, struct error *error);

/* Every limit has a name, a default and a use. */
struct limit_values {
  struct analyzer_limits analyzer;
  struct collect_limits collect;
  uint32_t details;              /* findings told in full by the text report */
  uint32_t compared_connections; /* struct survey_limits */
  uint32_t ledger_records;       /* struct joint_options */
};

/* "connections=1000,details=5". "help" is not handled here. */
int parse_limits(const char *text, struct limit_values *limits, struct error *error);
/* Prints names, values and meanings, one a line. */
void print_limits(const struct limit_values *limits, FILE *stream);

#endif
