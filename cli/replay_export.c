#include "cli/replay_export.h"

#include "cli/commands.h"
#include "cli/complain.h"
#include "replay/drill.h"
#include "replay/plan_text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Takes the text. NULL: there was no memory for it. */
static int write_file(const char *path, char *text)
{
  errno = ENOMEM;
  FILE *stream = text == NULL ? NULL : strcmp(path, "-") == 0 ? stdout : fopen(path, "we");
  bool ok = stream != NULL && fputs(text, stream) >= 0;
  if (stream != NULL)
    ok = (stream == stdout ? fflush(stream) : fclose(stream)) == 0 && ok;
  free(text);
  if (ok)
    return 0;
  complain("%s: %s", path, strerror(errno));
  return EXIT_TROUBLE;
}

int replay_export_plan(const struct plan *plan, const char *path)
{
  return write_file(path, plan_text(plan));
}

/* What is written to standard output is alone there. */
static FILE *telling(const char *path)
{
  return strcmp(path, "-") == 0 ? stderr : stdout;
}

static const char *file_name(const char *path)
{
  const char *slash = strrchr(path, '/');
  return slash != NULL ? slash + 1 : path;
}

static void name_source(const struct replay_options *options, char *text, size_t size)
{
  size_t used = 0;
  text[0] = '\0';
  for (uint32_t i = 0; i < options->analyze.trace_count && used < size; i++) {
    const int more = snprintf(text + used, size - used, "%s%s", i > 0 ? ", " : "",
                              file_name(options->analyze.traces[i]));
    used += more > 0 ? (size_t)more : 0;
  }
}

int replay_export_drill(const struct replay_options *options, struct recording *recording)
{
  char source[200];
  struct drill_summary summary;
  struct error error = {.code = ERROR_NONE};
  name_source(options, source, sizeof source);
  const struct drill_options drill = {.has_side = options->has_role,
                                      .side = options->role,
                                      .congestion_control = options->congestion_control,
                                      .source = source};
  char *text = drill_script(recording, &drill, &summary, &error);
  if (text == NULL) {
    complain("%s", error.text);
    return EXIT_TROUBLE;
  }
  const char *path = options->drill_output;
  if (write_file(path, text) != 0)
    return EXIT_TROUBLE;
  FILE *stream = telling(path);
  fprintf(stream,
          "%s: the %s is the kernel under test; %u packets arrive, %u are expected, %u calls\n",
          path, summary.side == RECORDING_CLIENT ? "client" : "server", summary.injected,
          summary.expected, summary.calls);
  for (uint32_t i = 0; i < summary.note_count; i++)
    fprintf(stream, "  note: %s\n", summary.notes[i]);
  return 0;
}
