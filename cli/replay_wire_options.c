#include "cli/replay_wire.h"
#include "cli/values.h"
#include "wire/timestamp.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SPEED_MIN       1e-3
#define SPEED_MAX       1e6
#define LEAD_NS_DEFAULT (20 * NS_PER_MS)

enum option_key {
  KEY_END = 0x200, /* apart from those of the parser above */
  KEY_LOCAL,
  KEY_ORDINARY,
  KEY_SPEED,
  KEY_TAP,
  KEY_WAIT
};

static const struct argp_option option_table[] = {
    {"speed", KEY_SPEED, "FACTOR", 0,
     "so many times as fast as recorded; max: as fast as it goes; default 1", 0},
    {"tap", KEY_TAP, "NAME[@NETNS]", 0,
     "the TAP device for an end, which is made, or one of yours that nobody holds; once for each "
     "end. NETNS is a name of `ip netns`, the id of a process, or a path. Default: tap0 in a new "
     "namespace for each end",
     0},
    {"end", KEY_END, "A|B|...", 0, "only this end: trace, excerpt or interface; default: all", 0},
    {"local", KEY_LOCAL, "ADDR", 0,
     "where the trace does not tell directions: what this address sends leaves, all else arrives",
     0},
    {"wait", KEY_WAIT, "TIME", 0, "so long before the first frame, to look at the devices", 0},
    {"ordinary", KEY_ORDINARY, NULL, 0, "without real-time priority", 0},
    {0},
};

static bool parse_tap(char *text, struct replay_wire_tap *tap)
{
  char *at = strchr(text, '@');
  *tap = (struct replay_wire_tap){.name = text, .netns = at != NULL ? at + 1 : NULL};
  if (at != NULL)
    *at = '\0';
  return text[0] != '\0' && (at == NULL || at[1] != '\0');
}

static bool parse_speed(const char *text, double *speed)
{
  char *end = NULL;
  *speed = 0;
  if (strcmp(text, "max") == 0)
    return true;
  *speed = strtod(text, &end);
  return end != text && *end == '\0' && isfinite(*speed) && *speed >= SPEED_MIN &&
         *speed <= SPEED_MAX;
}

static bool parse_end(const char *text, int *end)
{
  *end = text[0] >= 'a' && text[0] <= 'z' ? text[0] - 'a' : text[0] - 'A';
  return text[0] != '\0' && text[1] == '\0' && *end >= 0 && *end < WIRE_REPLAY_LANES_MAX;
}

static bool add_local(struct replay_wire_options *options, const char *text)
{
  uint8_t ip_version = 0;
  if (options->feed.local_count == REPLAY_WIRE_LOCALS_MAX)
    return false;
  return parse_address(text, &options->feed.locals[options->feed.local_count++], &ip_version);
}

static error_t on_option(int key, char *text, struct argp_state *state)
{
  struct replay_wire_options *options = state->input;
  struct error error;
  switch (key) {
  case KEY_END:
    if (!parse_end(text, &options->end))
      argp_error(state, "--end: '%s' is no end, as A or B", text);
    break;
  case KEY_LOCAL:
    if (!add_local(options, text))
      argp_error(state, "--local: '%s' is no address, or there are too many", text);
    break;
  case KEY_ORDINARY: options->ordinary = true; break;
  case KEY_SPEED:
    if (!parse_speed(text, &options->speed))
      argp_error(state, "--speed: '%s' is no factor, as 2 or 0.5 or max", text);
    break;
  case KEY_TAP:
    if (options->tap_count == WIRE_REPLAY_LANES_MAX ||
        !parse_tap(text, &options->taps[options->tap_count++]))
      argp_error(state, "--tap: '%s': expected NAME or NAME@NETNS, at most %d of them", text,
                 WIRE_REPLAY_LANES_MAX);
    break;
  case KEY_WAIT:
    if (parse_duration(text, &options->lead_ns, &error) < 0)
      argp_error(state, "--wait: %s", error.text);
    break;
  default: return ARGP_ERR_UNKNOWN;
  }
  options->given = true;
  return 0;
}

const struct argp replay_wire_argp = {.options = option_table, .parser = on_option};

void replay_wire_default(struct replay_wire_options *options)
{
  *options = (struct replay_wire_options){.end = -1, .speed = 1, .lead_ns = LEAD_NS_DEFAULT};
}
