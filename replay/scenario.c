#include "replay/scenario.h"

#include "replay/scenario_rule.h"
#include "replay/scenario_value.h"

#include <string.h>

#define WORDS_MAX 48
#define BLANKS    " \t\r"

static int parse_setting(struct scenario *scenario, char **words, size_t count, bool *known,
                         struct error *error)
{
  const char *name = words[0], *value = count == 2 ? words[1] : "";
  int64_t number = 0;
  bool ok = false;
  *known = true;
  if (strcmp(name, "seed") == 0) {
    ok = value_count(value, 0, INT64_MAX, &number);
    scenario->seed = (uint64_t)number;
  } else if (strcmp(name, "offload") == 0) {
    scenario->offload = strcmp(value, "on") == 0;
    ok = scenario->offload || strcmp(value, "off") == 0;
  } else if (strcmp(name, "memory") == 0) {
    ok = value_bytes(value, &number) && number >= (int64_t)SCENARIO_MEMORY_MIN &&
         number <= (int64_t)SCENARIO_MEMORY_MAX;
    scenario->memory_bytes = (uint64_t)number;
  } else if (strcmp(name, "ring") == 0) {
    ok = value_count(value, 1, SCENARIO_RING_MAX, &number);
    scenario->ring_frames = (uint32_t)number;
  } else {
    *known = false;
    return 0;
  }
  if (ok)
    return 0;
  return error_set(error, ERROR_FORMAT,
                   "expected seed NUMBER, offload on|off, memory 1MiB..8GiB or ring 1..%d",
                   SCENARIO_RING_MAX);
}

static int add_rule(struct scenario *scenario, uint32_t line, const char *text, char **words,
                    size_t count, struct error *error)
{
  if (scenario->rule_count == SCENARIO_RULES_MAX)
    return error_set(error, ERROR_LIMIT, "more than %d rules", SCENARIO_RULES_MAX);
  struct rule *rule = &scenario->rules[scenario->rule_count];
  const int result = scenario_rule_parse(rule, words, count, error);
  if (result != 0)
    return result;
  rule->line = line;
  memcpy(rule->text, text, strlen(text) + 1);
  scenario->rule_count++;
  return 0;
}

/* Cuts comment and blanks off the end; returns the first character that is no blank. */
static char *trim(char *line)
{
  line += strspn(line, BLANKS);
  for (char *hash = strchr(line, '#'); hash != NULL; hash = strchr(hash + 1, '#'))
    if (hash == line || strchr(BLANKS, hash[-1]) != NULL) {
      *hash = '\0';
      break;
    }
  size_t length = strlen(line);
  while (length > 0 && strchr(BLANKS, line[length - 1]) != NULL)
    line[--length] = '\0';
  return line;
}

static int parse_line(struct scenario *scenario, uint32_t number, char *line, struct error *error)
{
  char *text = trim(line), cut[SCENARIO_LINE_MAX], *words[WORDS_MAX], *rest = cut;
  size_t count = 0;
  memcpy(cut, text, strlen(text) + 1);
  for (char *word = strsep(&rest, BLANKS); word != NULL; word = strsep(&rest, BLANKS)) {
    if (*word == '\0')
      continue;
    if (count == WORDS_MAX)
      return error_set(error, ERROR_LIMIT, "more than %d words", WORDS_MAX);
    words[count++] = word;
  }
  if (count == 0)
    return 0;
  bool known = false;
  const int result = parse_setting(scenario, words, count, &known, error);
  if (known || result != 0)
    return result;
  return add_rule(scenario, number, text, words, count, error);
}

static bool is_text(const char *line, size_t length)
{
  for (size_t i = 0; i < length; i++)
    if ((unsigned char)line[i] < ' ' && strchr(BLANKS, line[i]) == NULL)
      return false;
  return memchr(line, '\0', length) == NULL;
}

int scenario_parse(struct scenario *scenario, const char *text, size_t size, struct error *error)
{
  *scenario = (struct scenario){.seed = SCENARIO_SEED_DEFAULT,
                                .memory_bytes = SCENARIO_MEMORY_DEFAULT,
                                .ring_frames = SCENARIO_RING_DEFAULT};
  if (size > SCENARIO_TEXT_MAX)
    return error_set(error, ERROR_LIMIT, "a scenario of more than %d bytes", SCENARIO_TEXT_MAX);
  uint32_t number = 0;
  for (size_t at = 0; at < size;) {
    number++;
    const char *end = memchr(text + at, '\n', size - at);
    const size_t length = end == NULL ? size - at : (size_t)(end - text) - at;
    char line[SCENARIO_LINE_MAX];
    if (length >= sizeof line || !is_text(text + at, length))
      return error_set(error, ERROR_FORMAT, "line %u: not text, or longer than %d bytes", number,
                       SCENARIO_LINE_MAX - 1);
    memcpy(line, text + at, length);
    line[length] = '\0';
    struct error inner = {0};
    const int result = parse_line(scenario, number, line, &inner);
    if (result != 0)
      return error_set(error, inner.code, "line %u: %.380s", number, inner.text);
    at += length + 1;
  }
  return 0;
}
