#include "capture/libraries.h"

#include <pcap/pcap.h>
#include <stdio.h>
#ifdef HAVE_SECCOMP
#include <seccomp.h>
#endif
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
#ifdef HAVE_SECCOMP
  const struct scmp_version *version = seccomp_version();
  char seccomp[40];
  snprintf(seccomp, sizeof seccomp, "%u.%u.%u", version->major, version->minor, version->micro);
#else
  const char *seccomp = "not built in";
#endif
  snprintf(text, size, "%s\nlibmnl %s\nlibseccomp %s\nzlib %s\nzstd %s\n", pcap_lib_version(),
           MNL_VERSION, seccomp, zlibVersion(), zstd);
}
