#include "capture/libraries.h"

#include <pcap/pcap.h>
#include <stdio.h>
#include <zlib.h>
#ifdef HAVE_ZSTD
#include <zstd.h>
#endif

void capture_libraries(char *text, size_t size)
{
#ifdef HAVE_ZSTD
  const char *zstd = ZSTD_versionString();
#else
  const char *zstd = "not built in";
#endif
  snprintf(text, size, "%s\nzlib %s\nzstd %s\n", pcap_lib_version(), zlibVersion(), zstd);
}
