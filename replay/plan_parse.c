#include "replay/plan_text.h"

#include "replay/scenario_value.h"
#include "wire/timestamp.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX     24
#define LIMIT_DEFAULT (60 * NS_PER_S)
#define LIMIT_MAX     (3600 * NS_PER_S)
#define NUMBER_MAX    INT64_C(1000000000000)
/* setsockopt(2), TCP_KEEPIDLE and the others */
#define KEEP_ALIVE_MAX_S      32767
#define KEEP_ALIVE_PROBES_MAX 127

struct parsing {
  struct plan *plan;
  struct error *error;
  uint32_t line;
};

/* A line in hand: its words, and what stood behind " #". */
struct words {
  char text[SCENARIO_LINE_MAX];
  char *words[WORDS_MAX];
  uint32_t count;
  const char *remark; /* "" if there is none */
};

static int refuse(const struct parsing *parsing, const char *what, const char *word)
{
  return error_set(parsing->error, ERROR_FORMAT, "line %u: %s: '%.60s'", parsing->line, what, word);
}

/* The value of a word "key=value", or NULL. */
static const char *value_of(const char *word, const char *key)
{
  const size_t length = strlen(key);
  return strncmp(word, key, length) == 0 && word[length] == '=' ? word + length + 1 : NULL;
}

static void copy_word(char to[PLAN_WORD_BYTES], const char *from)
{
  snprintf(to, PLAN_WORD_BYTES, "%.31s", from);
}

/* ---- remarks ---- */

static void take_remark(struct plan *plan, uint32_t condition, const char *remark)
{
  static const char suspected[] = "suspected";
  if (condition >= plan->condition_count)
    return;
  if (strncmp(remark, suspected, strlen(suspected)) == 0) {
    plan->conditions[condition].suspected = true;
    remark += strlen(suspected);
    remark += strspn(remark, ": ");
  }
  plan_condition_why(plan, condition, "%s", remark);
}

static uint32_t new_condition(struct parsing *parsing, enum plan_condition_kind kind,
                              enum plan_host host, const struct words *words)
{
  const uint32_t condition =
      plan_add_condition(parsing->plan, kind, host, TIME_INVALID, TIME_INVALID);
  take_remark(parsing->plan, condition, words->remark);
  return condition;
}

/* ---- lines for the hosts ---- */

static int parse_expect(struct parsing *parsing, const struct words *words)
{
  struct plan_target *target = &parsing->plan->target;
  if (words->count < 7 || !value_duration(words->words[6], &target->waited_ns))
    return refuse(parsing, "expected: expect SEVERITY KIND LOCATION CAUSE DURATION", "expect");
  target->there = true;
  target->problem = strcmp(words->words[2], "problem") == 0;
  copy_word(target->kind, words->words[3]);
  copy_word(target->location, words->words[4]);
  copy_word(target->cause, words->words[5]);
  copy_word(target->ended_by, "unknown");
  for (uint32_t i = 7; i < words->count; i++) {
    const char *sender = value_of(words->words[i], "sender");
    const char *ended = value_of(words->words[i], "ended");
    if (sender != NULL)
      target->sender = strcmp(sender, "server") == 0 ? RECORDING_SERVER : RECORDING_CLIENT;
    else if (ended != NULL)
      copy_word(target->ended_by, ended);
    else
      return refuse(parsing, "unknown word", words->words[i]);
  }
  return 0;
}

static int parse_ip(struct parsing *parsing, const struct words *words)
{
  struct plan *plan = parsing->plan;
  if (words->count < 3 || (strcmp(words->words[2], "4") != 0 && strcmp(words->words[2], "6") != 0))
    return refuse(parsing, "expected: ip 4 or ip 6", words->words[1]);
  plan->ip_version = words->words[2][0] == '4' ? 4 : 6;
  for (uint32_t i = 3; i < words->count; i++) {
    const char *limit = value_of(words->words[i], "limit");
    if (limit != NULL && value_duration(limit, &plan->limit_ns) && plan->limit_ns <= LIMIT_MAX)
      continue;
    if (value_of(words->words[i], "old-pacing") == NULL)
      return refuse(parsing, "unknown word", words->words[i]);
    plan->old_pacing = strcmp(value_of(words->words[i], "old-pacing"), "1") == 0;
  }
  return 0;
}

/* One word "key=number" of a host. */
static bool set_host_number(struct plan_side *side, const char *word)
{
  static const struct {
    const char *key;
    int64_t max;
  } keys[] = {{"port", 65535},
              {"mss", 65535},
              {"scale", 14},
              {"timestamps", 1},
              {"sack", 1},
              {"nodelay", 1},
              {"tos", 255},
              {"send-buffer", 1 << 30},
              {"receive-buffer", 1 << 30}};
  int64_t value = 0;
  size_t i = 0;
  while (i < sizeof keys / sizeof *keys && value_of(word, keys[i].key) == NULL)
    i++;
  if (i == sizeof keys / sizeof *keys ||
      !value_count(value_of(word, keys[i].key), 0, keys[i].max, &value))
    return false;
  switch (i) {
  case 0: side->port = (uint16_t)value; break;
  case 1: side->mss = (uint16_t)value; break;
  case 2:
    side->wscale = (uint8_t)value;
    side->window_scaling = true;
    break;
  case 3: side->timestamps = value != 0; break;
  case 4: side->sack = value != 0; break;
  case 5: side->nodelay = value != 0; break;
  case 6: side->tos = (uint8_t)value; break;
  case 7: side->send_buffer_bytes = (uint32_t)value; break;
  default: side->receive_buffer_bytes = (uint32_t)value; break;
  }
  return true;
}

static bool set_keep_alive(struct plan_side *side, const char *text);

static int parse_host(struct parsing *parsing, enum plan_host host, const struct words *words)
{
  struct plan_side *side = &parsing->plan->sides[host];
  side->window_scaling = false;
  for (uint32_t i = 3; i < words->count; i++) {
    const char *word = words->words[i], *control = value_of(word, "cc");
    const char *keep_alive = value_of(word, "keep-alive");
    if (strcmp(word, "opens") == 0 || strcmp(word, "listens") == 0)
      side->opens = word[0] == 'o';
    else if (control != NULL)
      snprintf(side->congestion_control, sizeof side->congestion_control, "%.15s", control);
    else if (!(keep_alive != NULL && set_keep_alive(side, keep_alive)) &&
             !set_host_number(side, word))
      return refuse(parsing, "not understood", word);
  }
  return 0;
}

static int parse_hold(struct parsing *parsing, enum plan_host host, const struct words *words)
{
  struct plan_queue_hold hold = {.byte = -1};
  for (uint32_t i = 3; i < words->count; i++) {
    const char *byte = value_of(words->words[i], "byte"), *time = value_of(words->words[i], "for");
    if (!(byte != NULL && value_count(byte, 0, NUMBER_MAX, &hold.byte)) &&
        !(time != NULL && value_duration(time, &hold.for_ns)))
      return refuse(parsing, "not understood", words->words[i]);
  }
  const uint32_t condition = new_condition(parsing, CONDITION_QUEUE_HOLD, host, words);
  if (hold.byte < 0 || hold.for_ns <= 0 || condition == PLAN_NO_CONDITION)
    return refuse(parsing, "expected: hold-queue byte=N for=TIME", "hold-queue");
  parsing->plan->conditions[condition].hold = hold;
  plan_condition_text(parsing->plan, condition, "the transmit queue holds");
  return 0;
}

static int parse_route(struct parsing *parsing, enum plan_host host, const struct words *words)
{
  struct plan_side *side = &parsing->plan->sides[host];
  const char *least = words->count > 3 ? value_of(words->words[3], "rto-min") : NULL;
  if (least == NULL || !value_duration(least, &side->route_rto_min_ns))
    return refuse(parsing, "expected: route rto-min=TIME", words->words[words->count - 1]);
  side->route_condition = new_condition(parsing, CONDITION_ROUTE, host, words);
  plan_condition_text(parsing->plan, side->route_condition, "%s's route", words->words[1]);
  return 0;
}

/* deaf, forget-neighbour */
static int parse_spell(struct parsing *parsing, enum plan_host host, const struct words *words,
                       enum plan_condition_kind kind)
{
  struct plan_spell spell = {.for_ns = 0};
  for (uint32_t i = 3; i < words->count; i++) {
    const char *from = value_of(words->words[i], "from"), *time = value_of(words->words[i], "for");
    if (from != NULL && strlen(from) < sizeof spell.from)
      snprintf(spell.from, sizeof spell.from, "%s", from);
    else if (time == NULL || !value_duration(time, &spell.for_ns))
      return refuse(parsing, "not understood", words->words[i]);
  }
  if (spell.from[0] == '\0' || spell.for_ns <= 0)
    return refuse(parsing, "expected: from=MOMENT for=TIME", words->words[2]);
  const uint32_t condition = new_condition(parsing, kind, host, words);
  if (condition == PLAN_NO_CONDITION)
    return refuse(parsing, "too many conditions", words->words[2]);
  parsing->plan->conditions[condition].spell = spell;
  plan_condition_text(parsing->plan, condition, "%s %s", words->words[1], words->words[2]);
  return 0;
}

static int parse_listen_full(struct parsing *parsing, enum plan_host host,
                             const struct words *words)
{
  struct plan_side *side = &parsing->plan->sides[host];
  if (words->count != 4 || !value_duration(words->words[3], &side->listen_full_ns) ||
      side->listen_full_ns > LIMIT_MAX)
    return refuse(parsing, "expected: listen-full TIME", words->words[words->count - 1]);
  side->listen_full_condition = new_condition(parsing, CONDITION_LISTEN_FULL, host, words);
  plan_condition_text(parsing->plan, side->listen_full_condition, "%s's accept queue is full",
                      words->words[1]);
  return 0;
}

/* keep-alive=IDLE,INTERVAL,PROBES, in whole seconds. */
static bool set_keep_alive(struct plan_side *side, const char *text)
{
  static const unsigned long most[3] = {KEEP_ALIVE_MAX_S, KEEP_ALIVE_MAX_S, KEEP_ALIVE_PROBES_MAX};
  for (int i = 0; i < 3; i++) {
    char *end;
    const unsigned long value = isdigit((unsigned char)text[0]) ? strtoul(text, &end, 10) : 0;
    if (value == 0 || value > most[i] || *end != (i < 2 ? ',' : '\0'))
      return false;
    side->keep_alive_s[i] = (uint32_t)value;
    text = end + 1;
  }
  return true;
}

struct step_word {
  const char *word;
  enum plan_step_kind kind;
  enum { TAKES_NOTHING, TAKES_NUMBER, TAKES_TIME } takes;
  bool reader;
};

static const struct step_word step_words[] = {
    {"write", STEP_WRITE, TAKES_NUMBER, false},
    {"wait", STEP_WAIT, TAKES_TIME, false},
    {"await-read", STEP_AWAIT_READ, TAKES_NUMBER, false},
    {"await-end", STEP_AWAIT_READ, TAKES_NOTHING, false},
    {"await-sent", STEP_AWAIT_SENT, TAKES_NOTHING, false},
    {"await-queue", STEP_AWAIT_QUEUE, TAKES_NOTHING, false},
    {"shut", STEP_SHUT, TAKES_NOTHING, false},
    {"abort", STEP_ABORT, TAKES_NOTHING, false},
    {"read", STEP_READ, TAKES_NUMBER, true},
    {"read-all", STEP_READ_ALL, TAKES_NOTHING, true},
    {"stop-reading", STEP_WAIT, TAKES_TIME, true},
};

static int parse_step(struct parsing *parsing, enum plan_host host, const struct words *words,
                      const struct step_word *word)
{
  struct plan_side *side = &parsing->plan->sides[host];
  int64_t value = word->kind == STEP_AWAIT_READ ? INT64_MAX : 0;
  uint32_t condition = PLAN_NO_CONDITION;
  if (word->takes != TAKES_NOTHING && words->count < 4)
    return refuse(parsing, "a value is missing", word->word);
  if (word->takes == TAKES_NUMBER && !value_count(words->words[3], 0, NUMBER_MAX, &value))
    return refuse(parsing, "not a number", words->words[3]);
  if (word->takes == TAKES_TIME && !value_duration(words->words[3], &value))
    return refuse(parsing, "not a time", words->words[3]);
  if (word->kind == STEP_WAIT || word->kind == STEP_ABORT) {
    condition = new_condition(
        parsing, word->reader ? CONDITION_READER_STOPS : CONDITION_WRITER_WAITS, host, words);
    plan_condition_text(parsing->plan, condition, "%c %s%s%s", host == PLAN_A ? 'a' : 'b',
                        word->word, words->count > 3 ? " " : "",
                        words->count > 3 ? words->words[3] : "");
  }
  if (plan_add_step(word->reader ? &side->reader : &side->writer, word->kind, value, condition))
    return 0;
  return refuse(parsing, "too many steps", word->word);
}

static int parse_side(struct parsing *parsing, enum plan_host host, const struct words *words)
{
  struct plan_side *side = &parsing->plan->sides[host];
  const char *verb = words->count > 2 ? words->words[2] : "";
  int64_t bytes = 0;
  if (strcmp(verb, "host") == 0)
    return parse_host(parsing, host, words);
  if (strcmp(verb, "hold-queue") == 0)
    return parse_hold(parsing, host, words);
  if (strcmp(verb, "route") == 0)
    return parse_route(parsing, host, words);
  if (strcmp(verb, "deaf") == 0)
    return parse_spell(parsing, host, words, CONDITION_DEAF);
  if (strcmp(verb, "forget-neighbour") == 0)
    return parse_spell(parsing, host, words, CONDITION_NEIGHBOUR);
  if (strcmp(verb, "listen-full") == 0)
    return parse_listen_full(parsing, host, words);
  if (strcmp(verb, "nagle") == 0) {
    side->nagle_condition = new_condition(parsing, CONDITION_NAGLE, host, words);
    plan_condition_text(parsing->plan, side->nagle_condition, "Nagle's algorithm");
    return 0;
  }
  if (strcmp(verb, "receive-buffer") == 0) {
    if (words->count < 4 || !value_count(words->words[3], 0, 1 << 30, &bytes))
      return refuse(parsing, "not a number of bytes", verb);
    side->receive_buffer_bytes = (uint32_t)bytes;
    side->buffer_condition = new_condition(parsing, CONDITION_SMALL_BUFFER, host, words);
    plan_condition_text(parsing->plan, side->buffer_condition, "a receive buffer of %s bytes",
                        words->words[3]);
    return 0;
  }
  for (size_t i = 0; i < sizeof step_words / sizeof *step_words; i++)
    if (strcmp(verb, step_words[i].word) == 0)
      return parse_step(parsing, host, words, &step_words[i]);
  return refuse(parsing, "not understood", verb);
}

/* ---- lines for the path ---- */

static int parse_rule(struct parsing *parsing, const struct words *words, const char *text)
{
  struct plan *plan = parsing->plan;
  int64_t delay_ns = 0;
  const char *first = words->words[0];
  const bool both = strcmp(first, "both") == 0;
  if (words->count == 3 && strcmp(words->words[1], "delay") == 0 &&
      (both || strcmp(first, "ab") == 0 || strcmp(first, "ba") == 0) &&
      value_duration(words->words[2], &delay_ns)) {
    if (both || first[0] == 'a')
      plan->delay_ns[PATH_AB] += delay_ns;
    if (both || first[0] == 'b')
      plan->delay_ns[PATH_BA] += delay_ns;
    return 0;
  }
  const uint32_t condition =
      new_condition(parsing, CONDITION_RULE, first[0] == 'a' ? PLAN_A : PLAN_B, words);
  if (condition == PLAN_NO_CONDITION)
    return refuse(parsing, "too many rules", text);
  plan_condition_text(plan, condition, "%s", text);
  return 0;
}

/* ---- all ---- */

/* Cuts off what stands behind " #", and blanks around the rest. */
static void cut_remark(char *text, const char **remark)
{
  *remark = "";
  char *mark = text[0] == '#' ? strstr(text + 2, " #") : strstr(text, " #");
  if (mark != NULL) {
    *remark = mark + 2 + strspn(mark + 2, " \t");
    *mark = '\0';
  }
  size_t length = strlen(text);
  while (length > 0 && isspace((unsigned char)text[length - 1]))
    text[--length] = '\0';
}

static void split(struct words *words)
{
  char *rest = NULL;
  words->count = 0;
  for (char *word = strtok_r(words->text, " \t", &rest); word != NULL && words->count < WORDS_MAX;
       word = strtok_r(NULL, " \t", &rest))
    words->words[words->count++] = word;
}

static int parse_line(struct parsing *parsing, const char *line, size_t length)
{
  struct words words;
  char whole[SCENARIO_LINE_MAX];
  while (length > 0 && isspace((unsigned char)*line)) {
    line++;
    length--;
  }
  const bool for_hosts = length >= 2 && line[0] == '#' && line[1] == '@';
  if (length == 0 || (line[0] == '#' && !for_hosts))
    return 0;
  if (length >= sizeof words.text || memchr(line, '\0', length) != NULL)
    return refuse(parsing, "too long, or no text", "");
  memcpy(words.text, line, length);
  words.text[length] = '\0';
  cut_remark(words.text, &words.remark);
  snprintf(whole, sizeof whole, "%s", words.text);
  split(&words);
  if (!for_hosts)
    return parse_rule(parsing, &words, whole);
  const char *about = words.count > 1 ? words.words[1] : "";
  if (strcmp(about, "expect") == 0)
    return parse_expect(parsing, &words);
  if (strcmp(about, "ip") == 0)
    return parse_ip(parsing, &words);
  if (strcmp(about, "a") == 0 || strcmp(about, "b") == 0)
    return parse_side(parsing, about[0] == 'a' ? PLAN_A : PLAN_B, &words);
  return refuse(parsing, "not understood", about);
}

/* The emulator's own parser says whether it understands the rules. */
static int check_rules(const struct plan *plan, struct error *error)
{
  struct scenario *scenario = malloc(sizeof *scenario);
  char *text = plan_scenario(plan);
  int result = scenario != NULL && text != NULL
                   ? scenario_parse(scenario, text, strlen(text), error)
                   : error_set(error, ERROR_MEMORY, "out of memory");
  free(scenario);
  free(text);
  if (result == 0 && plan->sides[PLAN_A].opens == plan->sides[PLAN_B].opens)
    result = error_set(error, ERROR_FORMAT,
                       "one host opens and one listens: '#@ a host opens', '#@ b host listens'");
  return result;
}

struct plan *plan_parse(const char *text, size_t size, struct error *error)
{
  struct parsing parsing = {.plan = plan_new(), .error = error};
  int result = 0;
  if (parsing.plan == NULL) {
    error_set(error, ERROR_MEMORY, "out of memory");
    return NULL;
  }
  parsing.plan->limit_ns = LIMIT_DEFAULT;
  for (size_t at = 0; at < size && result == 0;) {
    const char *end = memchr(text + at, '\n', size - at);
    const size_t length = end != NULL ? (size_t)(end - text) - at : size - at;
    parsing.line++;
    result = parse_line(&parsing, text + at, length);
    at += length + 1;
  }
  if (result == 0)
    result = check_rules(parsing.plan, error);
  if (result == 0)
    return parsing.plan;
  plan_free(parsing.plan);
  return NULL;
}
