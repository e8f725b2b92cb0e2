#include "analyzer/engine.h"

void analyzer_declare_drops(struct analyzer *analyzer, uint8_t end)
{
  if (end < ANALYZER_ENDS_MAX)
    analyzer->paths.drops[end] = DROPS_SOME;
}

void analyzer_declare_complete(struct analyzer *analyzer, uint8_t end)
{
  if (end < ANALYZER_ENDS_MAX)
    analyzer->paths.drops[end] = DROPS_NONE;
}
