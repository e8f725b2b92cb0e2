#include "cli/html_report.h"

#include "cli/commands.h"
#include "cli/complain.h"
#include "cli/packets_again.h"
#include "report/html.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static bool take_packet(void *context, const struct packet *packet)
{
  html_packet(context, packet);
  return true;
}

/* A pipe that was not kept cannot be read again: the page then goes without drawings. */
static bool can_be_read_again(const struct analysis *analysis)
{
  for (uint32_t i = 0; i < analysis->source_count; i++)
    if (analysis->sources[i].once)
      return false;
  return true;
}

static int fill(const struct analysis *analysis, struct html *html, FILE *stream,
                struct error *error)
{
  int rc = html_choose(html, analysis->collect, error);
  if (rc == 0 && can_be_read_again(analysis))
    rc = packets_again(analysis, take_packet, html, error);
  return rc == 0 ? html_write(html, analysis->collect, stream, error) : rc;
}

static int write_page(const struct analysis *analysis, struct html *html, const char *path)
{
  const bool standard = strcmp(path, "-") == 0;
  struct error error = {.code = ERROR_NONE};
  FILE *stream = standard ? stdout : fopen(path, "we");
  if (stream == NULL) {
    complain("%s: %s", path, strerror(errno));
    return EXIT_TROUBLE;
  }
  int rc = fill(analysis, html, stream, &error);
  const int problem = errno;
  if ((standard ? fflush(stream) : fclose(stream)) != 0 && rc == 0)
    rc = ERROR_IO;
  if (rc == 0)
    return 0;
  if (rc == ERROR_IO && error.code == ERROR_NONE)
    complain("%s: %s", path, strerror(problem != 0 ? problem : errno));
  else
    complain("%s", error.text);
  return EXIT_TROUBLE;
}

int html_report_write(const struct analysis *analysis, const struct report_names *names)
{
  const struct html_options options = {
      .local_time = analysis->options->local_time, .version = TCPSTALL_VERSION, .names = *names};
  struct html *html = html_new(&options);
  if (html == NULL) {
    complain("out of memory");
    return EXIT_TROUBLE;
  }
  const int status = write_page(analysis, html, analysis->options->html);
  html_free(html);
  return status;
}
