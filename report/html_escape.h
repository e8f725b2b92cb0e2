#ifndef REPORT_HTML_ESCAPE_H
#define REPORT_HTML_ESCAPE_H

/* Text of unknown origin within HTML. What a terminal would have to fear is made visible as in the
 * text report (clean.h). Only html*.c include this. */

#include <stdio.h>

/* As text or within a quoted attribute. */
void html_text(FILE *stream, const char *text);

/* The same; what stands in `backquotes` becomes <code>. Not for attributes. */
void html_prose(FILE *stream, const char *text);

/* As a JSON string with its quotes, within <script type="application/json">: no '<', '>' or '&' is
 * left that could end the script (HTML, 4.12.1.3). */
void html_json_text(FILE *stream, const char *text);

#endif
