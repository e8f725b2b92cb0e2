#include "cli/version.h"

#include "capture/libraries.h"
#include "tui/screen.h"
#include "wire/frame_builder.h"

#include <jansson.h>

void version_print(FILE *stream)
{
  char libraries[400];
  capture_libraries(libraries, sizeof libraries);
  fprintf(stream, "tcpstall %s\n%s%s\njansson %s\n%s\n", TCPSTALL_VERSION, libraries,
          frame_builder_library(), jansson_version_str(), screen_library());
}
