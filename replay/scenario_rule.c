#include "replay/scenario_rule.h"

#include "replay/frame_view.h"
#include "replay/scenario_value.h"
#include "wire/timestamp.h"

#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define VERB(verb)      (1U << (verb))
#define ANY_VERB        (VERB(RULE_VERB_COUNT) - 1)
/* Verbs that set a field of the headers. */
#define CHANGE_VERBS                                                                               \
  (VERB(RULE_WSCALE) | VERB(RULE_MSS) | VERB(RULE_TIMESTAMPS) | VERB(RULE_SACK) |                  \
   VERB(RULE_WINDOW) | VERB(RULE_TTL) | VERB(RULE_DSCP) | VERB(RULE_ECN))
/* `seq` has to see the whole of a connection in both directions, or it breaks it. */
#define FRAME_VERBS (ANY_VERB & ~VERB(RULE_SEQ))

/* Longer than any scenario; keeps sums of times far from overflow. */
#define DURATION_MAX (INT64_C(10) * 24 * 3600 * NS_PER_S)
/* A frame that waits for others to overtake it leaves without them after so long. */
#define REORDER_WITHIN_DEFAULT (NS_PER_S)
#define REORDER_FRAMES_MAX     10000
/* A middlebox a few hops away, which counts down from 64: another distance than the real end's. */
#define FORGED_TTL           61
#define QUEUE_FRAMES_DEFAULT 1000 /* as Linux gives an Ethernet device */
#define QUEUE_FRAMES_MAX     65536
#define DUPLICATE_TIMES_MAX  100
#define TOO_BIG_MTU_MIN      68 /* RFC 791, 3.2 */
#define COPIES_STREAM_BYTES  (INT64_C(1) << 31)
#define WORD_SHOWN           "%.60s"

static const char *const verb_names[RULE_VERB_COUNT] = {
    [RULE_DELAY] = "delay",     [RULE_RATE] = "rate",       [RULE_DROP] = "drop",
    [RULE_HOLD] = "hold",       [RULE_REORDER] = "reorder", [RULE_DUPLICATE] = "duplicate",
    [RULE_CORRUPT] = "corrupt", [RULE_WSCALE] = "wscale",   [RULE_MSS] = "mss",
    [RULE_SACK] = "sack",       [RULE_SEQ] = "seq",         [RULE_TIMESTAMPS] = "timestamps",
    [RULE_WINDOW] = "window",   [RULE_TTL] = "ttl",         [RULE_DSCP] = "dscp",
    [RULE_ECN] = "ecn",         [RULE_RESET] = "reset",     [RULE_TOO_BIG] = "too-big",
};

const char *rule_verb_name(enum rule_verb verb)
{
  return verb_names[verb];
}

/* ---- words with a value: conditions and parameters ---- */

static bool read_kinds(struct rule *rule, char *text)
{
  static const struct value_name kinds[] = {
      {"any", UINT32_MAX},      {"tcp", FRAME_TCP}, {"data", FRAME_DATA}, {"ack", FRAME_ACK},
      {"syn", FRAME_SYN},       {"fin", FRAME_FIN}, {"rst", FRAME_RST},   {"arp", FRAME_ARP},
      {"synack", FRAME_SYNACK}, {"udp", FRAME_UDP}, {"icmp", FRAME_ICMP}, {"other", FRAME_OTHER}};
  rule->kinds = 0;
  for (char *rest = text, *word = strsep(&rest, ","); word != NULL; word = strsep(&rest, ",")) {
    uint32_t kind = 0;
    if (!value_named(kinds, COUNT_OF(kinds), word, &kind))
      return false;
    rule->kinds |= kind;
  }
  return true;
}

static bool read_flags(struct rule *rule, char *text)
{
  static const struct value_name flags[] = {{"fin", TCP_FIN}, {"syn", TCP_SYN}, {"rst", TCP_RST},
                                            {"psh", TCP_PSH}, {"ack", TCP_ACK}, {"urg", TCP_URG},
                                            {"ece", TCP_ECE}, {"cwr", TCP_CWR}, {"ae", TCP_AE}};
  for (char *rest = text, *word = strsep(&rest, ","); word != NULL; word = strsep(&rest, ",")) {
    uint32_t flag = 0;
    const bool clear = *word == '!';
    if (!value_named(flags, COUNT_OF(flags), word + clear, &flag))
      return false;
    if (clear)
      rule->flags_clear |= (uint16_t)flag;
    else
      rule->flags_set |= (uint16_t)flag;
  }
  return true;
}

static bool read_port(struct rule *rule, char *text)
{
  int64_t port = 0;
  if (!value_count(text, 1, UINT16_MAX, &port))
    return false;
  rule->port = (uint16_t)port;
  return true;
}

static bool read_size(struct rule *rule, char *text)
{
  return value_bytes_range(text, &rule->frame_bytes);
}

static bool read_payload(struct rule *rule, char *text)
{
  return value_bytes_range(text, &rule->payload_bytes);
}

static bool read_bytes(struct rule *rule, char *text)
{
  rule->has_bytes = true;
  return value_bytes_range(text, &rule->bytes);
}

static bool read_copies(struct rule *rule, char *text)
{
  rule->has_copies = true;
  return value_range(text, &rule->copies) && rule->copies.first >= 1;
}

static bool read_nth(struct rule *rule, char *text)
{
  rule->has_nth = true;
  return value_range(text, &rule->nth);
}

static bool read_every(struct rule *rule, char *text)
{
  return value_count(text, 1, INT64_MAX, &rule->every);
}

static bool read_probability(struct rule *rule, char *text)
{
  return value_unit_interval(text, &rule->probability);
}

static bool read_count(struct rule *rule, char *text)
{
  return value_count(text, 1, INT64_MAX, &rule->count);
}

static bool read_duration(const char *text, int64_t *ns)
{
  return value_duration(text, ns) && *ns <= DURATION_MAX;
}

static bool read_from(struct rule *rule, char *text)
{
  return value_mark(text, &rule->from);
}

static bool read_until(struct rule *rule, char *text)
{
  if (strcmp(text, "next") != 0)
    return value_mark(text, &rule->until);
  rule->until.kind = MARK_NEXT;
  return rule->verb == RULE_HOLD;
}

static bool read_for(struct rule *rule, char *text)
{
  return read_duration(text, &rule->for_ns);
}

static bool read_log(struct rule *rule, char *text)
{
  static const struct value_name names[] = {
      {"all", RULE_LOG_ALL}, {"first", RULE_LOG_FIRST}, {"none", RULE_LOG_NONE}};
  uint32_t log = 0;
  if (!value_named(names, COUNT_OF(names), text, &log))
    return false;
  rule->log = (enum rule_log)log;
  return true;
}

static bool read_jitter(struct rule *rule, char *text)
{
  return read_duration(text, &rule->delay.jitter_ns);
}

static bool read_distribution(struct rule *rule, char *text)
{
  static const struct value_name names[] = {
      {"uniform", JITTER_UNIFORM}, {"normal", JITTER_NORMAL}, {"exponential", JITTER_EXPONENTIAL}};
  uint32_t distribution = 0;
  if (!value_named(names, COUNT_OF(names), text, &distribution))
    return false;
  rule->delay.distribution = (enum rule_distribution)distribution;
  return true;
}

/* Frames end in "p" (packets), all else is bytes. */
static bool read_queue(struct rule *rule, char *text)
{
  rule->rate.queue_bytes = rule->rate.queue_frames = INT64_MAX;
  const size_t length = strlen(text);
  if (length == 0 || text[length - 1] != 'p')
    return value_bytes(text, &rule->rate.queue_bytes);
  text[length - 1] = '\0';
  const bool ok = value_count(text, 1, QUEUE_FRAMES_MAX, &rule->rate.queue_frames);
  text[length - 1] = 'p';
  return ok;
}

static bool read_within(struct rule *rule, char *text)
{
  return read_duration(text, &rule->reorder.late_ns);
}

static bool read_after(struct rule *rule, char *text)
{
  return read_duration(text, &rule->duplicate.after_ns);
}

static bool read_times(struct rule *rule, char *text)
{
  int64_t times = 0;
  if (!value_count(text, 1, DUPLICATE_TIMES_MAX, &times))
    return false;
  rule->duplicate.times = (uint32_t)times;
  return true;
}

static bool read_at(struct rule *rule, char *text)
{
  return value_count(text, 0, UINT16_MAX, &rule->corrupt.at);
}

static bool read_add(struct rule *rule, char *text)
{
  if (rule->verb == RULE_SEQ)
    return value_signed(text, &rule->seq.offset);
  rule->change.change = CHANGE_ADD;
  return value_signed(text, &rule->change.value);
}

static bool read_clamp(struct rule *rule, char *text)
{
  rule->change.change = CHANGE_CLAMP;
  return value_count(text, 0, UINT16_MAX, &rule->change.value);
}

static bool read_ttl(struct rule *rule, char *text)
{
  int64_t ttl = RULE_TTL_SAME;
  if (strcmp(text, "same") != 0 && !value_count(text, 1, UINT8_MAX, &ttl))
    return false;
  rule->reset.ttl = (uint8_t)ttl;
  return true;
}

static bool read_router(struct rule *rule, char *text)
{
  rule->too_big.has_router = true;
  return value_address(text, &rule->too_big.router, &rule->too_big.router_version);
}

static const struct key {
  const char *name;
  uint32_t verbs;
  bool (*read)(struct rule *rule, char *text);
  const char *wanted;
} keys[] = {
    {"kind", FRAME_VERBS, read_kinds,
     "kinds: any tcp data ack syn synack fin rst udp icmp arp other"},
    {"flags", FRAME_VERBS, read_flags, "flags, as in syn,!ack"},
    {"port", ANY_VERB, read_port, "a port, 1 to 65535"},
    {"size", FRAME_VERBS, read_size, "a range of frame lengths, as in 1200.. or 60..100"},
    {"payload", FRAME_VERBS, read_payload, "a range of payload lengths, as in 1.."},
    {"bytes", FRAME_VERBS, read_bytes, "a range of the stream's bytes, as in 5000..5999"},
    {"byte", FRAME_VERBS, read_bytes, "a byte of the stream, from 0"},
    {"copies", FRAME_VERBS, read_copies, "which transmissions, as in 1..2"},
    {"nth", FRAME_VERBS, read_nth, "a range of numbers from 1, as in 5 or 5..9"},
    {"every", FRAME_VERBS, read_every, "a number from 1"},
    {"prob", FRAME_VERBS, read_probability, "a probability, as in 0.01 or 1%"},
    {"count", FRAME_VERBS, read_count, "a number from 1"},
    {"from", ANY_VERB, read_from,
     "a moment: 2s, syn:2s, byte:ab:5000, frame:ab:5, idle:500ms or signal"},
    {"until", ANY_VERB, read_until, "a moment, as for `from`; for hold also next"},
    {"for", ANY_VERB, read_for, "a duration, as in 3s"},
    {"log", ANY_VERB, read_log, "all, first or none"},
    {"jitter", VERB(RULE_DELAY), read_jitter, "a duration, as in 5ms"},
    {"dist", VERB(RULE_DELAY), read_distribution, "uniform, normal or exponential"},
    {"queue", VERB(RULE_RATE), read_queue, "bytes or frames, as in 64kB or 100p"},
    {"within", VERB(RULE_REORDER), read_within, "a duration, as in 100ms"},
    {"after", VERB(RULE_DUPLICATE), read_after, "a duration, as in 2ms"},
    {"times", VERB(RULE_DUPLICATE), read_times, "a number, 1 to 100"},
    {"at", VERB(RULE_CORRUPT), read_at, "a byte of the payload, from 0"},
    {"add", VERB(RULE_SEQ) | VERB(RULE_TIMESTAMPS) | VERB(RULE_TTL), read_add,
     "a number, perhaps negative"},
    {"clamp", VERB(RULE_MSS) | VERB(RULE_WINDOW) | VERB(RULE_WSCALE), read_clamp, "a number"},
    {"ttl", VERB(RULE_RESET), read_ttl, "1 to 255, or same"},
    {"router", VERB(RULE_TOO_BIG), read_router, "an IP address"},
};

static int parse_pair(struct rule *rule, char *word, char *value, uint32_t *seen,
                      struct error *error)
{
  const char *verb = rule_verb_name(rule->verb);
  for (size_t i = 0; i < COUNT_OF(keys); i++) {
    if (strcmp(keys[i].name, word) != 0)
      continue;
    if (!(keys[i].verbs & VERB(rule->verb)))
      return error_set(error, ERROR_FORMAT, "%s takes no %s=", verb, word);
    if (*seen & 1U << i)
      return error_set(error, ERROR_FORMAT, "%s= is there twice", word);
    *seen |= 1U << i;
    char original[SCENARIO_LINE_MAX];
    memcpy(original, value, strlen(value) + 1);
    if (!keys[i].read(rule, value))
      return error_set(error, ERROR_FORMAT, "%s=" WORD_SHOWN ": expected %s", word, original,
                       keys[i].wanted);
    return 0;
  }
  return error_set(error, ERROR_FORMAT, "%s knows no " WORD_SHOWN "=", verb, word);
}

/* ---- words without a value ---- */

static bool set_change(struct rule *rule, const char *word, int64_t max)
{
  if (strcmp(word, "strip") == 0) {
    rule->change.change = CHANGE_STRIP;
    return max >= 0;
  }
  rule->change.change = CHANGE_SET;
  return value_count(word, 0, max < 0 ? -max : max, &rule->change.value);
}

static bool set_ecn(struct rule *rule, const char *word)
{
  static const struct value_name names[] = {{"none", 0}, {"ect1", 1}, {"ect0", 2}, {"ce", 3}};
  uint32_t bits = 0;
  rule->change.change = CHANGE_SET;
  if (!value_named(names, COUNT_OF(names), word, &bits)) /* RFC 3168, 5 */
    return false;
  rule->change.value = bits;
  return true;
}

static bool strip_only(struct rule *rule, const char *word)
{
  rule->change.change = CHANGE_STRIP;
  return strcmp(word, "strip") == 0;
}

static bool set_timestamps(struct rule *rule, const char *word)
{
  if (strcmp(word, "translate") != 0)
    return strip_only(rule, word);
  rule->change.translate = true;
  return true;
}

static bool set_reorder(struct rule *rule, const char *word)
{
  int64_t frames = 0;
  if (value_count(word, 1, REORDER_FRAMES_MAX, &frames)) {
    rule->reorder.frames = (uint32_t)frames;
    return true;
  }
  return read_duration(word, &rule->reorder.late_ns);
}

static bool set_reset(struct rule *rule, const char *word)
{
  static const struct value_name names[] = {{"sender", RESET_TO_SENDER},
                                            {"receiver", RESET_TO_RECEIVER},
                                            {"both", RESET_TO_SENDER | RESET_TO_RECEIVER}};
  uint32_t to = 0;
  if (strcmp(word, "drop") == 0) {
    rule->reset.drop = true;
    return true;
  }
  if (!value_named(names, COUNT_OF(names), word, &to))
    return false;
  rule->reset.to = (uint8_t)to;
  return true;
}

static bool set_too_big(struct rule *rule, const char *word)
{
  int64_t mtu = 0;
  if (strcmp(word, "silent") == 0) {
    rule->too_big.silent = true;
    return true;
  }
  if (!value_count(word, TOO_BIG_MTU_MIN, UINT16_MAX, &mtu))
    return false;
  rule->too_big.mtu = (uint32_t)mtu;
  return true;
}

static bool set_flag(bool *flag, const char *word, const char *name)
{
  *flag = true;
  return strcmp(word, name) == 0;
}

static bool parse_word(struct rule *rule, const char *word)
{
  switch (rule->verb) {
  case RULE_DELAY:
    return strcmp(word, "overtake") == 0 ? set_flag(&rule->delay.overtake, word, "overtake")
                                         : read_duration(word, &rule->delay.delay_ns);
  case RULE_RATE: return value_rate(word, &rule->rate.bits_per_s);
  case RULE_REORDER: return set_reorder(rule, word);
  case RULE_CORRUPT: return set_flag(&rule->corrupt.checksum_fixed, word, "fixed");
  case RULE_WSCALE: return set_change(rule, word, UINT8_MAX);
  case RULE_MSS: return set_change(rule, word, UINT16_MAX);
  case RULE_WINDOW: return set_change(rule, word, -UINT16_MAX);
  case RULE_TTL: return set_change(rule, word, -UINT8_MAX);
  case RULE_DSCP: return set_change(rule, word, -63);
  case RULE_ECN: return set_ecn(rule, word);
  case RULE_TIMESTAMPS: return set_timestamps(rule, word);
  case RULE_SACK: return strip_only(rule, word);
  case RULE_SEQ: return set_flag(&rule->seq.keep_sack, word, "keep-sack");
  case RULE_RESET: return set_reset(rule, word);
  case RULE_TOO_BIG: return set_too_big(rule, word);
  case RULE_DROP:
  case RULE_HOLD:
  case RULE_DUPLICATE:
  case RULE_VERB_COUNT: break;
  }
  return false;
}

/* ---- a whole rule ---- */

static void set_defaults(struct rule *rule)
{
  const struct rule_range all = {0, INT64_MAX};
  rule->kinds = UINT32_MAX;
  rule->frame_bytes = rule->payload_bytes = rule->bytes = rule->nth = all;
  rule->probability = 1;
  rule->count = INT64_MAX;
  rule->for_ns = INT64_MAX;
  rule->from.kind = MARK_START;
  rule->until.kind = MARK_NEVER;
  switch (rule->verb) {
  case RULE_RATE:
    rule->rate.queue_bytes = INT64_MAX;
    rule->rate.queue_frames = QUEUE_FRAMES_DEFAULT;
    break;
  case RULE_REORDER: rule->reorder.late_ns = -1; break;
  case RULE_DUPLICATE: rule->duplicate.times = 1; break;
  case RULE_CORRUPT: rule->corrupt.at = -1; break;
  case RULE_RESET: rule->reset.ttl = FORGED_TTL; break;
  default: break;
  }
}

/* Whether it may pass a frame over for anything but its port and the time. */
static bool chooses(uint32_t seen)
{
  for (size_t i = 0; i < COUNT_OF(keys); i++)
    if (seen & 1U << i && keys[i].verbs == FRAME_VERBS)
      return true;
  return false;
}

/* What is missing or does not go together; NULL: nothing. */
static const char *complaint(const struct rule *rule, uint32_t seen)
{
  const bool ends = rule->for_ns != INT64_MAX || rule->until.kind != MARK_NEVER;
  if (rule->until.kind == MARK_NEXT ? rule->for_ns == INT64_MAX
                                    : rule->for_ns != INT64_MAX && rule->until.kind != MARK_NEVER)
    return rule->until.kind == MARK_NEXT ? "until=next needs for=, how long frames are taken in"
                                         : "for= and until= exclude each other";
  if (rule->has_copies && (!rule->has_bytes || rule->bytes.last >= COPIES_STREAM_BYTES))
    return "copies= needs bytes= with an end below 2 GiB";
  if (VERB(rule->verb) & CHANGE_VERBS && rule->change.change == CHANGE_NONE)
    return "says not what to change, as in ttl 61, wscale strip or timestamps add=-5";
  switch (rule->verb) {
  case RULE_TIMESTAMPS:
    return rule->change.translate && (rule->change.change != CHANGE_ADD || chooses(seen))
               ? "translate goes with add=, port and time only"
               : NULL;
  case RULE_HOLD: return ends ? NULL : "hold needs for= or until=";
  case RULE_RATE: return rule->rate.bits_per_s > 0 ? NULL : "rate needs a rate, as in 10mbit";
  case RULE_REORDER:
    return rule->reorder.late_ns >= 0 || rule->reorder.frames > 0
               ? NULL
               : "reorder needs a duration or a number of frames";
  case RULE_SEQ: return rule->seq.offset != 0 ? NULL : "seq needs add=";
  case RULE_RESET: return rule->reset.to != 0 ? NULL : "reset needs sender, receiver or both";
  case RULE_TOO_BIG: return rule->too_big.mtu > 0 ? NULL : "too-big needs an MTU, as in 1400";
  default: return NULL;
  }
}

static int parse_head(struct rule *rule, char **words, size_t count, struct error *error)
{
  static const struct value_name directions[] = {
      {"ab", PATH_BIT(PATH_AB)}, {"ba", PATH_BIT(PATH_BA)}, {"both", PATH_BOTH}};
  uint32_t bits = 0;
  if (!value_named(directions, COUNT_OF(directions), words[0], &bits))
    return error_set(error, ERROR_FORMAT,
                     WORD_SHOWN ": expected ab, ba or both (or seed, offload, memory, ring)",
                     words[0]);
  rule->directions = (uint8_t)bits;
  for (int verb = 0; count > 1 && verb < RULE_VERB_COUNT; verb++)
    if (strcmp(verb_names[verb], words[1]) == 0) {
      rule->verb = (enum rule_verb)verb;
      return 0;
    }
  return error_set(error, ERROR_FORMAT, WORD_SHOWN ": expected a verb, as in drop or delay",
                   count > 1 ? words[1] : words[0]);
}

int scenario_rule_parse(struct rule *rule, char **words, size_t count, struct error *error)
{
  *rule = (struct rule){0};
  int result = parse_head(rule, words, count, error);
  if (result != 0)
    return result;
  set_defaults(rule);
  uint32_t seen = 0;
  for (size_t i = 2; i < count && result == 0; i++) {
    char *value = strchr(words[i], '=');
    if (value != NULL) {
      *value++ = '\0';
      result = parse_pair(rule, words[i], value, &seen, error);
    } else if (!parse_word(rule, words[i])) {
      result = error_set(error, ERROR_FORMAT, "%s does not take the word " WORD_SHOWN, words[1],
                         words[i]);
    }
  }
  if (result != 0)
    return result;
  if (rule->verb == RULE_REORDER && rule->reorder.late_ns < 0 && rule->reorder.frames > 0)
    rule->reorder.late_ns = REORDER_WITHIN_DEFAULT;
  const char *wrong = complaint(rule, seen);
  return wrong == NULL ? 0 : error_set(error, ERROR_FORMAT, "%s", wrong);
}
