#include "capture/foreign_format.h"

#include <string.h>

#define CONVERT ": convert it with \"editcap -F pcapng FILE OUT.pcapng\""

struct magic {
  uint8_t size;
  const char *bytes;
  const char *name;
};

/* The beginnings of other capture formats and of what else is given to an analyzer by mistake. */
static const struct magic magics[] = {
    {8, "snoop\0\0\0", "a Solaris snoop capture" CONVERT},
    {8, "btsnoop\0", "a Bluetooth btsnoop capture, which holds no TCP"},
    {16, "TRSNIFF data    ", "a Sniffer capture" CONVERT},
    {4, "XCP\0", "a NetXRay or Sniffer capture" CONVERT},
    {4, "RTSS", "a Microsoft Network Monitor 1 capture" CONVERT},
    {4, "GMBU", "a Microsoft Network Monitor 2 capture" CONVERT},
    {12, "iptrace 1.0\0", "an AIX iptrace capture" CONVERT},
    {11, "iptrace 2.0", "an AIX iptrace capture" CONVERT},
    {4, "\x7fver", "an OmniPeek capture" CONVERT},
    {16, "ObserverPktBuffe", "a Network Instruments Observer capture" CONVERT},
    {4, "\x05VNF", "a Visual Networks capture" CONVERT},
    {4, "\xaa\xaa\xaa\xaa", "a 5View capture" CONVERT},
    {4, "\x54\x52\x00\x64", "an HP-UX nettl capture" CONVERT},
    {4, "\x04\x22\x4d\x18",
     "compressed with lz4, which is not supported: decompress it first (lz4 -d)"},
    {6,
     "\xfd"
     "7zXZ\0",
     "compressed with xz, which is not supported: decompress it first (xz -d)"},
    {3, "BZh", "compressed with bzip2, which is not supported: decompress it first (bzip2 -d)"},
    {4, "PK\x03\x04", "a zip archive: unpack it first"},
    {4,
     "\x7f"
     "ELF",
     "a program (ELF), not a trace"},
    {5, "%PDF-", "a PDF document, not a trace"},
    {4, "\x89PNG", "a picture (PNG), not a trace"},
};

const char *foreign_format_name(const uint8_t *bytes, size_t size)
{
  for (size_t i = 0; i < sizeof magics / sizeof magics[0]; i++)
    if (size >= magics[i].size && memcmp(bytes, magics[i].bytes, magics[i].size) == 0)
      return magics[i].name;
  return NULL;
}
