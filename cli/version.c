#include "cli/version.h"

#include "capture/libraries.h"

#include <jansson.h>

void version_print(FILE *stream)
{
  char libraries[256];
  capture_libraries(libraries, sizeof libraries);
  fprintf(stream, "tcpstall %s\n%sjansson %s\n", TCPSTALL_VERSION, libraries,
          jansson_version_str());
}
