#ifndef CLI_ANALYSIS_H
#define CLI_ANALYSIS_H

/* What the ways of analysing have in common: the named traces, their capture points, and where the
 * findings go. */

#include "cli/analyze_options.h"
#include "cli/points.h"
#include "cli/source.h"
#include "report/collect.h"

struct analysis {
  const struct analyze_options *options;
  struct trace_options trace_options;
  struct source sources[ANALYZER_ENDS_MAX];
  uint32_t source_count;
  /* Of all sources, once the first reading of several captures is over; as long as
   * trace_options.stop does not matter any more. */
  bool interrupted;
  struct points points;
  struct collect *collect;
};

/* Analyses the traces that analysis->options (all else zero) name, and collects what is found; the
 * signals that end a reading are installed. Returns 0 or EXIT_TROUBLE, with a message;
 * analysis_clear() is due in either case. */
int analysis_run(struct analysis *analysis);
void analysis_clear(struct analysis *analysis);

/* Where capture point `end` stands, by what the user says or else by what the trace says. */
struct vantage_known {
  enum { VANTAGE_KNOWN_NOT, VANTAGE_KNOWN_ROLE, VANTAGE_KNOWN_HOST } kind;
  enum vantage role;
  struct ip_address address;
};
/* Returns 0 or EXIT_TROUBLE, with a message. */
int analysis_vantage(const struct analysis *analysis, uint8_t end, const char *captured_on,
                     struct vantage_known *vantage);

/* source->damage goes into *capture, and to stderr, once. nothing_read: nothing came before it.
 * Returns 0, or EXIT_TROUBLE, with a message, if there is nothing to go on with. */
int analysis_damage(struct source *source, struct report_capture *capture, bool nothing_read);

/* Each capture point by itself (analyze_apart.c). Returns 0 or EXIT_TROUBLE, with a message. */
int analyze_apart(struct analysis *analysis);

/* All capture points together (analyze_together.c): reads everything to see whether they saw the
 * same connections, and if so, again for the diagnosis. *done is false if they did not: nothing was
 * collected then, and the traces stand at their beginnings again. Returns as above. */
int analyze_together(struct analysis *analysis, bool *done);

#endif
