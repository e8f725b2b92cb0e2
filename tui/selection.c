#include "tui/selection.h"

#include "tui/owner.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NODES_MAX  64
#define DEPTH_MAX  16
#define TOKENS_MAX 64
#define TOKEN_SIZE 100
#define TEXT_MAX   256

struct node {
  enum { NODE_WORD, NODE_EXPRESSION, NODE_NOT, NODE_AND, NODE_OR } kind;
  char word[TOKEN_SIZE];
  void *program;   /* of an expression */
  int left, right; /* nodes */
};

struct selection {
  struct selection_language language;
  int root, count;
  struct node nodes[NODES_MAX];
};

struct parser {
  struct selection *selection;
  char tokens[TOKENS_MAX][TOKEN_SIZE];
  int count, at, depth;
  char qualifiers[TEXT_MAX]; /* of the last expression: "tcp port" of "tcp port 80 or 81" */
  char *why;
};

/* ---- tokens ---- */

static bool add_token(struct parser *parser, const char *text, size_t length)
{
  if (parser->count == TOKENS_MAX || length >= TOKEN_SIZE) {
    snprintf(parser->why, SELECTION_ERROR_SIZE, "too long");
    return false;
  }
  memcpy(parser->tokens[parser->count], text, length);
  parser->tokens[parser->count++][length] = '\0';
  return true;
}

/* Parentheses and ! stand for themselves, but not within [ ], and not where ! begins !=. */
static size_t token_bytes(const char *text)
{
  size_t length = 0;
  int brackets = 0;
  if (*text == '(' || *text == ')' || (*text == '!' && text[1] != '='))
    return 1;
  for (; text[length] != '\0'; length++) {
    const char c = text[length];
    brackets += c == '[' ? 1 : c == ']' ? -1 : 0;
    if (brackets <= 0 && (isspace((unsigned char)c) || c == '(' || c == ')'))
      break;
  }
  return length;
}

static bool split(struct parser *parser, const char *text)
{
  while (*text != '\0') {
    if (isspace((unsigned char)*text)) {
      text++;
      continue;
    }
    const size_t length = token_bytes(text);
    if (!add_token(parser, text, length))
      return false;
    text += length;
  }
  return true;
}

static bool is_one_of(const char *token, const char *const *words)
{
  for (; *words != NULL; words++)
    if (strcmp(token, *words) == 0)
      return true;
  return false;
}

static bool is_operator(const char *token)
{
  static const char *const operators[] = {"and", "&&", "or", "||", "not", "!", "(", ")", NULL};
  return is_one_of(token, operators);
}

/* A word of tcpdump's language with which a primitive begins, or an expression of packet bytes. */
static bool begins_expression(const char *token)
{
  static const char *const words[] = {
      "host",    "net",     "port",     "portrange", "src",       "dst",     "tcp",
      "udp",     "sctp",    "icmp",     "icmp6",     "ip",        "ip6",     "ether",
      "vlan",    "mpls",    "proto",    "arp",       "less",      "greater", "len",
      "gateway", "inbound", "outbound", "broadcast", "multicast", "wlan",    NULL};
  return is_one_of(token, words) || strpbrk(token, "[]<>=&|") != NULL;
}

/* Written with digits: an address, a port, a net. Names would have to be looked up, which might
 * take longer than anybody wants to wait for a screen. */
static bool is_number(const char *token)
{
  return strspn(token, "0123456789abcdefABCDEFx.:/-") == strlen(token) &&
         strpbrk(token, "0123456789:") != NULL;
}

/* ---- nodes ---- */

static int add_node(struct parser *parser, int kind, int left, int right)
{
  struct selection *selection = parser->selection;
  if (selection->count == NODES_MAX) {
    snprintf(parser->why, SELECTION_ERROR_SIZE, "too long");
    return -1;
  }
  selection->nodes[selection->count].kind = (unsigned)kind;
  selection->nodes[selection->count].left = left;
  selection->nodes[selection->count].right = right;
  return selection->count++;
}

static int add_word(struct parser *parser, const char *word)
{
  const int node = add_node(parser, NODE_WORD, -1, -1);
  if (node >= 0)
    snprintf(parser->selection->nodes[node].word, TOKEN_SIZE, "%s", word);
  return node;
}

static int add_expression(struct parser *parser, const char *text)
{
  const struct selection_language *language = &parser->selection->language;
  if (language->compile == NULL) {
    snprintf(parser->why, SELECTION_ERROR_SIZE, "tcpdump's language is not known here");
    return -1;
  }
  const int node = add_node(parser, NODE_EXPRESSION, -1, -1);
  if (node < 0)
    return node;
  parser->selection->nodes[node].program = language->compile(language->context, text, parser->why);
  if (parser->selection->nodes[node].program != NULL)
    return node;
  if (parser->why[0] == '\0')
    snprintf(parser->why, SELECTION_ERROR_SIZE, "not understood: %.100s", text);
  return -1;
}

/* "host NAME" is a word: the names are those that the trace has. */
static const char *named_host(const struct parser *parser, int from, int to)
{
  static const char *const before[] = {"tcp", "ip", "ip6", "src", "dst", "host", NULL};
  const char *last = parser->tokens[to - 1];
  if (to - from < 2 || is_number(last) || begins_expression(last))
    return NULL;
  for (int i = from; i < to - 1; i++)
    if (!is_one_of(parser->tokens[i], before))
      return NULL;
  return last;
}

/* A primitive of tcpdump's language: up to the next operator. */
static int parse_expression(struct parser *parser)
{
  char text[TEXT_MAX] = "";
  size_t used = 0;
  const int from = parser->at;
  while (parser->at < parser->count && !is_operator(parser->tokens[parser->at])) {
    if (parser->at > from && is_number(parser->tokens[parser->at]))
      snprintf(parser->qualifiers, sizeof parser->qualifiers, "%s", text);
    used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", parser->at > from ? " " : "",
                             parser->tokens[parser->at]);
    if (used >= sizeof text) {
      snprintf(parser->why, SELECTION_ERROR_SIZE, "too long");
      return -1;
    }
    parser->at++;
  }
  const char *name = named_host(parser, from, parser->at);
  return name != NULL ? add_word(parser, name) : add_expression(parser, text);
}

static int parse_any(struct parser *parser);

static int parse_one(struct parser *parser)
{
  if (parser->at >= parser->count) {
    snprintf(parser->why, SELECTION_ERROR_SIZE, "something is missing at the end");
    return -1;
  }
  const char *token = parser->tokens[parser->at];
  if (begins_expression(token))
    return parse_expression(parser);
  parser->at++;
  if (strcmp(token, "(") == 0) {
    parser->qualifiers[0] = '\0';
    const int node = parse_any(parser);
    if (node < 0)
      return node;
    if (parser->at < parser->count && strcmp(parser->tokens[parser->at], ")") == 0) {
      parser->at++;
      return node;
    }
    snprintf(parser->why, SELECTION_ERROR_SIZE, "a ) is missing");
    return -1;
  }
  if (is_operator(token)) {
    snprintf(parser->why, SELECTION_ERROR_SIZE, "\"%s\" has nothing before it", token);
    return -1;
  }
  /* "port 80 or 81"; but in "port 80 and 10.0.0.1" it is a word */
  if (is_number(token) && parser->qualifiers[0] != '\0') {
    char text[TEXT_MAX + TOKEN_SIZE];
    snprintf(text, sizeof text, "%s %s", parser->qualifiers, token);
    const int node = add_expression(parser, text);
    if (node >= 0)
      return node;
    parser->why[0] = '\0';
  }
  parser->qualifiers[0] = '\0';
  return add_word(parser, token);
}

static int parse_not(struct parser *parser)
{
  bool negated = false;
  while (parser->at < parser->count && (strcmp(parser->tokens[parser->at], "not") == 0 ||
                                        strcmp(parser->tokens[parser->at], "!") == 0)) {
    negated = !negated;
    parser->at++;
  }
  const int node = parse_one(parser);
  return node >= 0 && negated ? add_node(parser, NODE_NOT, node, -1) : node;
}

/* As in tcpdump's language, "and" and "or" bind alike, from left to right. */
static int parse_any(struct parser *parser)
{
  if (++parser->depth > DEPTH_MAX) {
    snprintf(parser->why, SELECTION_ERROR_SIZE, "too many parentheses");
    return -1;
  }
  int node = parse_not(parser);
  while (node >= 0 && parser->at < parser->count && strcmp(parser->tokens[parser->at], ")") != 0) {
    const char *token = parser->tokens[parser->at];
    const bool or = strcmp(token, "or") == 0 || strcmp(token, "||") == 0;
    if (or || strcmp(token, "and") == 0 || strcmp(token, "&&") == 0)
      parser->at++;
    const int right = parse_not(parser);
    node = right < 0 ? -1 : add_node(parser, or ? NODE_OR : NODE_AND, node, right);
  }
  parser->depth--;
  return node;
}

struct selection *selection_parse(const char *text, const struct selection_language *language,
                                  char why[SELECTION_ERROR_SIZE])
{
  struct parser *parser = calloc(1, sizeof *parser);
  struct selection *selection = calloc(1, sizeof *selection);
  why[0] = '\0';
  if (parser == NULL || selection == NULL) {
    snprintf(why, SELECTION_ERROR_SIZE, "out of memory");
    free(parser);
    free(selection);
    return NULL;
  }
  parser->selection = selection;
  parser->why = why;
  selection->language = *language;
  selection->root = -1;
  if (split(parser, text) && parser->count > 0)
    selection->root = parse_any(parser);
  if (why[0] == '\0' && parser->at < parser->count)
    snprintf(why, SELECTION_ERROR_SIZE, "there is a ) too many");
  if (why[0] != '\0' || selection->root < 0) {
    selection_free(selection);
    selection = NULL;
  }
  free(parser);
  return selection;
}

void selection_free(struct selection *selection)
{
  if (selection == NULL)
    return;
  for (int i = 0; i < selection->count; i++)
    if (selection->nodes[i].program != NULL)
      selection->language.release(selection->nodes[i].program);
  free(selection);
}

/* ---- which match ---- */

static bool has(const char *text, const char *word)
{
  return strcasestr(text, word) != NULL;
}

static bool word_matches(const struct model *model, const struct model_connection *connection,
                         const char *word)
{
  char holder[64];
  enum style style;
  if (strcasecmp(word, "problem") == 0 || strcasecmp(word, "problems") == 0)
    return model_problems(connection) > 0;
  if (has(connection->client, word) || has(connection->server, word))
    return true;
  const struct model_owner owner = model_owner_at(model, connection, model->now_ns);
  if (strcasecmp(word, "stalled") == 0)
    return owner.kind == OWNER_LOCATION;
  if (has(owner_text(&owner, model->now_ns, holder, sizeof holder, &style), word))
    return true;
  for (uint32_t i = 0; i < connection->finding_count; i++)
    if (has(cause_info(connection->findings[i]->cause)->code, word) ||
        has(location_name(connection->findings[i]->location), word))
      return true;
  return false;
}

static bool node_matches(const struct selection *selection, int at, const struct model *model,
                         const struct model_connection *connection)
{
  const struct node *node = &selection->nodes[at];
  switch (node->kind) {
  case NODE_WORD: return word_matches(model, connection, node->word);
  case NODE_EXPRESSION: return selection->language.matches(node->program, &connection->summary);
  case NODE_NOT: return !node_matches(selection, node->left, model, connection);
  case NODE_AND:
    return node_matches(selection, node->left, model, connection) &&
           node_matches(selection, node->right, model, connection);
  case NODE_OR:
    return node_matches(selection, node->left, model, connection) ||
           node_matches(selection, node->right, model, connection);
  }
  return false;
}

bool selection_matches(const struct selection *selection, const struct model *model,
                       const struct model_connection *connection)
{
  return selection == NULL || node_matches(selection, selection->root, model, connection);
}
