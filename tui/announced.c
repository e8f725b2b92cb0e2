#include "tui/announced.h"

#include <stdio.h>
#include <string.h>

enum field {
  FIELD_WINDOW_SCALE,
  FIELD_MSS,
  FIELD_SACK,
  FIELD_TIMESTAMPS,
  FIELD_SEQUENCE_NUMBERS,
  FIELD_COUNT
};

static const char *const names[FIELD_COUNT] = {"window scale", "MSS", "SACK", "timestamps",
                                               "sequence numbers"};

static void write_scale(const struct model_announced *by, char *out)
{
  switch (by->wscale_state) {
  case WSCALE_KNOWN: snprintf(out, ANNOUNCED_TEXT_SIZE, "%u", by->wscale_min); break;
  /* both have to announce one (RFC 7323, 2.2): whose was missing is not said */
  case WSCALE_ABSENT: snprintf(out, ANNOUNCED_TEXT_SIZE, "not in use"); break;
  case WSCALE_INFERRED:
    snprintf(out, ANNOUNCED_TEXT_SIZE, "at least %u (inferred)", by->wscale_min);
    break;
  case WSCALE_UNKNOWN: snprintf(out, ANNOUNCED_TEXT_SIZE, "not seen"); break;
  }
}

/* "" is never written. */
static void write_field(enum field field, const struct model_announced *by, bool first, char *out)
{
  const int32_t shift = (int32_t)by->seq_shift;
  snprintf(out, ANNOUNCED_TEXT_SIZE, "not seen");
  switch (field) {
  case FIELD_WINDOW_SCALE: write_scale(by, out); break;
  case FIELD_MSS:
    if (by->mss > 0)
      snprintf(out, ANNOUNCED_TEXT_SIZE, "%u", by->mss);
    else if (by->syn)
      snprintf(out, ANNOUNCED_TEXT_SIZE, "none");
    break;
  case FIELD_SACK:
    if (by->syn)
      snprintf(out, ANNOUNCED_TEXT_SIZE, by->sack_permitted ? "yes" : "no");
    break;
  case FIELD_TIMESTAMPS:
    if (by->syn || by->timestamps)
      snprintf(out, ANNOUNCED_TEXT_SIZE, by->timestamps ? "yes" : "no");
    break;
  case FIELD_SEQUENCE_NUMBERS:
    if (first || shift == 0)
      snprintf(out, ANNOUNCED_TEXT_SIZE, "as sent");
    else /* what has to be added to come back is what was taken away */
      snprintf(out, ANNOUNCED_TEXT_SIZE, "moved by %+lld", -(long long)shift);
    break;
  case FIELD_COUNT: break;
  }
}

/* What was not seen contradicts nothing. */
static bool differ(const char *a, const char *b)
{
  return strcmp(a, b) != 0 && strcmp(a, "not seen") != 0 && strcmp(b, "not seen") != 0 &&
         strstr(a, "inferred") == NULL && strstr(b, "inferred") == NULL;
}

int announced_rows(const struct model_connection *connection,
                   struct announced_row rows[ANNOUNCED_ROWS])
{
  int count = 0;
  if (connection->view_count == 0)
    return 0;
  for (int side = 0; side < 2; side++)
    for (int field = 0; field < FIELD_COUNT; field++) {
      struct announced_row *row = &rows[count++];
      *row = (struct announced_row){.side = (enum stream_side)side, .what = names[field]};
      for (uint32_t i = 0; i < connection->view_count; i++) {
        const struct model_announced *by = &connection->views[i].by[side];
        write_field((enum field)field, by, i == 0, row->at[i]);
        for (uint32_t k = 0; k < i; k++)
          row->differs |= differ(row->at[i], row->at[k]);
      }
    }
  return count;
}

const char *announced_disagreement(const struct model_connection *connection, char *out,
                                   size_t size)
{
  struct announced_row rows[ANNOUNCED_ROWS];
  const int count = announced_rows(connection, rows);
  size_t used = 0;
  out[0] = '\0';
  for (int r = 0; r < count; r++) {
    if (!rows[r].differs)
      continue;
    used += (size_t)snprintf(out + used, size - used, "%s%s's %s ",
                             used == 0 ? "The ends disagree about the " : "; the ",
                             stream_side_name(rows[r].side), rows[r].what);
    for (uint32_t i = 0; i < connection->view_count && used < size; i++)
      used += (size_t)snprintf(out + used, size - used, "%s%s at %c", i > 0 ? ", " : "(",
                               rows[r].at[i], 'A' + connection->views[i].end);
    if (used < size)
      used += (size_t)snprintf(out + used, size - used, ")");
    if (used >= size)
      return out;
  }
  if (used > 0)
    snprintf(out + used, size - used, ".");
  return out;
}
