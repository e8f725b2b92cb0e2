#ifndef REPORT_QUALITY_H
#define REPORT_QUALITY_H

/* What a capture's flaws mean to somebody who reads the verdicts. */

#include "analyzer/analyzer.h"
#include "report/report.h"

#include <stddef.h>
#include <stdint.h>

/* One sentence: what was seen and what it costs. Static. */
const char *quality_meaning(enum quality bit);
/* True if it costs no verdict anything. */
bool quality_is_harmless(enum quality bit);

/* Flaws of the capture as a whole, beyond those of its connections. */
enum capture_flaw {
  CAPTURE_CUT_OFF,          /* reading ended early: damage or a cut-off file */
  CAPTURE_INTERRUPTED,      /* by the user */
  CAPTURE_DROPPED,          /* the capturing program lost frames, and says so */
  CAPTURE_GAPS,             /* nothing was captured for some time, or from some time on */
  CAPTURE_SAMPLES_MISSING,  /* samples that it says it has, or had */
  CAPTURE_LIMITS,           /* the analysis forgot something to stay within its memory */
  CAPTURE_UNSUPPORTED_LINK, /* frames of a link type that is not decoded */
  CAPTURE_FLAW_COUNT
};

/* True if the capture has the flaw. */
bool capture_has_flaw(const struct report_capture *capture, enum capture_flaw flaw);
/* JSON's word for it, "cut-off", ... Static. */
const char *capture_flaw_name(enum capture_flaw flaw);

/* Calls each(context, name) for every flaw of the capture, connections' ones first. */
void quality_each_name(const struct report_capture *capture,
                       void (*each)(void *context, const char *name), void *context);

#endif
