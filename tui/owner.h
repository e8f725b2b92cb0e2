#ifndef TUI_OWNER_H
#define TUI_OWNER_H

#include "tui/model.h"
#include "tui/style.h"

/* "sender-queue 10.9s", "moving", ...; its style in *style. */
const char *owner_text(const struct model_owner *owner, int64_t now_ns, char *out, size_t size,
                       enum style *style);

#endif
