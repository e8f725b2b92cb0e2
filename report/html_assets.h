#ifndef REPORT_HTML_ASSETS_H
#define REPORT_HTML_ASSETS_H

/* The files of report/html/, which the build turns into C (cmake/embed.cmake). Each ends with a
 * NUL. */

extern const char html_page_css[];
extern const char html_page_js[]; /* page.js and chart.js, one behind the other */
/* For the page's content security policy: base64 of what is between the tags. */
extern const char html_page_css_sha256[];
extern const char html_page_js_sha256[];

#endif
