#include "tui/owner.h"

#include "tui/words.h"
#include "wire/timestamp.h"

#include <stdio.h>

const char *owner_text(const struct model_owner *owner, int64_t now_ns, char *out, size_t size,
                       enum style *style)
{
  char since[WORD_SIZE] = "";
  if (time_is_valid(owner->since_ns))
    word_duration(since, now_ns - owner->since_ns);
  *style = STYLE_IDLE;
  switch (owner->kind) {
  case OWNER_MOVING:
    *style = STYLE_MOVING;
    snprintf(out, size, "moving");
    break;
  case OWNER_IDLE: snprintf(out, size, "idle"); break;
  case OWNER_CLOSED: snprintf(out, size, "closed"); break;
  case OWNER_UNBORN: snprintf(out, size, "not yet"); break;
  case OWNER_LOCATION:
    *style = (enum style)style_of_location(owner->location);
    snprintf(out, size, "%s %s", location_name(owner->location), since);
    break;
  }
  return out;
}
