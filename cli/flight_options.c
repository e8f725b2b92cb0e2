#include "cli/flight_options.h"

#include "cli/values.h"
#include "wire/error.h"
#include "wire/timestamp.h"

#include <string.h>

#define BEFORE_NS_DEFAULT    (10 * NS_PER_S)
#define AFTER_NS_DEFAULT     (5 * NS_PER_S)
#define MIN_STALL_NS_DEFAULT (200 * NS_PER_MS)
#define MEMORY_BYTES_DEFAULT (UINT64_C(256) << 20)
#define MEMORY_BYTES_MIN     (UINT64_C(8) << 20)
#define MEMORY_BYTES_MAX     (UINT64_C(1) << 40)

#define HELP_GROUP 10 /* behind those of capture itself in --help */

enum option_key {
  KEY_UNTIL_STALL = 0x400,
  KEY_AFTER,
  KEY_BEFORE,
  KEY_JSON,
  KEY_KICK,
  KEY_KICK_INTERVAL,
  KEY_MEMORY,
  KEY_ON,
  KEY_ON_STALL,
  KEY_REARM
};

static const struct argp_option option_table[] = {
    {.doc = "The flight recorder, which waits for a stall:", .group = HELP_GROUP},
    {"until-stall", KEY_UNTIL_STALL, "TIME", OPTION_ARG_OPTIONAL,
     "keep the last packets in memory; write them, and what follows, when a stream that has "
     "something to send stands still for TIME (default 200ms), and say at once who holds it up",
     0},
    {"before", KEY_BEFORE, "TIME", 0, "so much of what came before the detection; default 10s", 0},
    {"after", KEY_AFTER, "TIME", 0,
     "so much of what follows the detection and the end of the stall (a stall that lasts is "
     "followed for two minutes at most); default 5s",
     0},
    {"memory", KEY_MEMORY, "SIZE", 0, "for what is kept; default 256M", 0},
    {"rearm", KEY_REARM, NULL, 0, "wait for the next stall afterwards; each has a file of its own",
     0},
    {"on", KEY_ON, "WORDS", 0,
     "record only findings of these locations, causes and kinds (stall, crawl, abort), with "
     "commas; default stall,crawl of any location and cause",
     0},
    {"on-stall", KEY_ON_STALL, "CMD", 0,
     "run this when a stall is detected and when it is saved; TCPSTALL_... in its environment tell "
     "about it",
     0},
    {"json", KEY_JSON, NULL, 0, "findings as lines of JSON on standard output", 0},
    {"kick", KEY_KICK, "KIND", OPTION_ARG_OPTIONAL,
     "ACTIVE: while a sender's host is suspected, send one packet through its interface, echo "
     "(ICMP; the default) or arp, and see whether the stream moves on",
     0},
    {"kick-interval", KEY_KICK_INTERVAL, "TIME", 0,
     "one connection is kicked once in that time at most; default 10s", 0},
    {0},
};

void flight_options_default(struct flight_options *options)
{
  *options = (struct flight_options){.min_stall_ns = MIN_STALL_NS_DEFAULT,
                                     .before_ns = BEFORE_NS_DEFAULT,
                                     .after_ns = AFTER_NS_DEFAULT,
                                     .memory_bytes = MEMORY_BYTES_DEFAULT,
                                     .kick_interval_ns = KICK_INTERVAL_NS_DEFAULT};
  options->filter.kinds[FINDING_STALL] = options->filter.kinds[FINDING_CRAWL] = true;
}

static int64_t take_duration(const char *text, const char *name, struct argp_state *state)
{
  struct error error;
  int64_t duration_ns = 0;
  if (parse_duration(text, &duration_ns, &error) < 0)
    argp_error(state, "--%s: %s", name, error.text);
  return duration_ns;
}

bool flight_filter_takes(const struct flight_filter *filter, const struct finding *finding)
{
  return filter->kinds[finding->kind] && (!filter->narrow || filter->locations[finding->location] ||
                                          filter->causes[finding->cause]);
}

static bool is_word(const char *name, const char *word, size_t size)
{
  return strlen(name) == size && memcmp(name, word, size) == 0;
}

/* The first kind that is named stands in the place of the usual ones. */
static bool take_kind(struct flight_filter *filter, const char *word, size_t size, bool *first)
{
  for (int i = 0; i < FLIGHT_KINDS; i++) {
    if (!is_word(finding_kind_name((enum finding_kind)i), word, size))
      continue;
    if (*first)
      memset(filter->kinds, 0, sizeof filter->kinds);
    *first = false;
    return filter->kinds[i] = true;
  }
  return false;
}

static bool take_place_or_cause(struct flight_filter *filter, const char *word, size_t size)
{
  for (int i = LOCATION_NONE + 1; i < LOCATION_COUNT; i++)
    if (is_word(location_name((enum location)i), word, size))
      return filter->narrow = filter->locations[i] = true;
  for (int i = 0; i < CAUSE_COUNT; i++)
    if (is_word(cause_info((enum cause)i)->code, word, size))
      return filter->narrow = filter->causes[i] = true;
  return false;
}

static void take_words(struct flight_options *options, const char *text, struct argp_state *state)
{
  bool first = true;
  while (true) {
    const size_t size = strcspn(text, ",");
    if (!take_kind(&options->filter, text, size, &first) &&
        !take_place_or_cause(&options->filter, text, size))
      argp_error(state, "--on: '%.*s' is no location, cause or kind of finding", (int)size, text);
    if (text[size] == '\0')
      return;
    text += size + 1;
  }
}

static enum kick_kind take_kick(const char *text, struct argp_state *state)
{
  if (text == NULL || strcmp(text, "echo") == 0)
    return KICK_ECHO;
  if (strcmp(text, "arp") != 0)
    argp_error(state, "--kick: '%s': expected echo or arp", text);
  return KICK_ARP;
}

static void take_kick_interval(struct flight_options *options, const char *text,
                               struct argp_state *state)
{
  options->kick_interval_ns = take_duration(text, "kick-interval", state);
  if (options->kick_interval_ns < KICK_INTERVAL_NS_MIN)
    argp_error(state, "--kick-interval: less than 100 milliseconds");
}

static void take_memory(struct flight_options *options, const char *text, struct argp_state *state)
{
  struct error error;
  if (parse_size(text, &options->memory_bytes, &error) < 0)
    argp_error(state, "--memory: %s", error.text);
  if (options->memory_bytes < MEMORY_BYTES_MIN || options->memory_bytes > MEMORY_BYTES_MAX)
    argp_error(state, "--memory: %s is not between 8M and 1T", text);
}

static const char *name_of(int key)
{
  const struct argp_option *option = option_table;
  while (option->key != key)
    option++;
  return option->name;
}

static error_t on_option(int key, char *text, struct argp_state *state)
{
  struct flight_options *options = state->input;
  if (key == ARGP_KEY_INIT) {
    flight_options_default(options);
    return 0;
  }
  if (key == ARGP_KEY_END && options->given != NULL && !options->on)
    argp_error(state, "--%s belongs to the flight recorder: say --until-stall as well",
               options->given);
  switch (key) {
  case KEY_UNTIL_STALL:
    options->on = true;
    if (text != NULL)
      options->min_stall_ns = take_duration(text, "until-stall", state);
    if (options->min_stall_ns == 0)
      argp_error(state, "--until-stall: that is no time at all");
    return 0;
  case KEY_AFTER: options->after_ns = take_duration(text, "after", state); break;
  case KEY_BEFORE: options->before_ns = take_duration(text, "before", state); break;
  case KEY_JSON: options->json = true; return 0; /* which --list takes as well */
  case KEY_KICK: options->kick = take_kick(text, state); break;
  case KEY_KICK_INTERVAL: take_kick_interval(options, text, state); break;
  case KEY_MEMORY: take_memory(options, text, state); break;
  case KEY_ON: take_words(options, text, state); break;
  case KEY_ON_STALL: options->command = text; break;
  case KEY_REARM: options->rearm = true; break;
  default: return ARGP_ERR_UNKNOWN;
  }
  options->given = name_of(key);
  return 0;
}

const struct argp flight_argp = {.options = option_table, .parser = on_option};
