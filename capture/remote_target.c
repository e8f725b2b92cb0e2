#include "capture/remote_target.h"

#include <net/if.h>
#include <stdlib.h>
#include <string.h>

static const char scheme[] = "ssh:";

bool remote_target_is(const char *text)
{
  return strncmp(text, scheme, sizeof scheme - 1) == 0;
}

/* Copies text up to `end`; false: it is empty, too long, or begins with '-' or holds a byte beside
 * letters, digits and `more`. */
static bool take_word(char *to, size_t to_size, const char *text, const char *end, const char *more)
{
  static const char usual[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
  size_t size = (size_t)(end - text);
  if (size == 0 || size >= to_size || text[0] == '-')
    return false;
  for (size_t i = 0; i < size; i++)
    if (strchr(usual, text[i]) == NULL && strchr(more, text[i]) == NULL)
      return false;
  memcpy(to, text, size);
  to[size] = '\0';
  return true;
}

static bool take_port(struct remote_target *target, const char *text, const char *end)
{
  char digits[6], *rest;
  if (!take_word(digits, sizeof digits, text, end, ""))
    return false;
  long port = strtol(digits, &rest, 10);
  if (*rest != '\0' || port < 1 || port > UINT16_MAX)
    return false;
  target->port = (uint16_t)port;
  return true;
}

/* HOST[:PORT] */
static bool take_host(struct remote_target *target, const char *text, const char *end)
{
  const char *host_end;
  if (*text == '[') {
    const char *bracket = memchr(text, ']', (size_t)(end - text));
    if (bracket == NULL || (bracket + 1 != end && bracket[1] != ':'))
      return false;
    if (!take_word(target->host, sizeof target->host, text + 1, bracket, ".:%_-"))
      return false;
    host_end = bracket + 1;
  } else {
    const char *colon = memchr(text, ':', (size_t)(end - text));
    host_end = colon != NULL ? colon : end;
    if (!take_word(target->host, sizeof target->host, text, host_end, "._-"))
      return false;
  }
  return host_end == end || take_port(target, host_end + 1, end);
}

/* [USER@]HOST[:PORT]; a user may have an @ of his own. */
static bool take_destination(struct remote_target *target, const char *text, const char *end)
{
  const char *host = text;
  size_t used = 0;
  for (const char *c = text; c < end; c++)
    if (*c == '@')
      host = c + 1;
  if (host > text) {
    if (!take_word(target->destination, sizeof target->destination - sizeof target->host, text,
                   host - 1, "._@+-"))
      return false;
    used = strlen(target->destination);
    target->destination[used++] = '@';
  }
  if (!take_host(target, host, end))
    return false;
  memcpy(target->destination + used, target->host, strlen(target->host) + 1);
  return true;
}

/* IF[@NETNS] */
static bool take_interface(struct remote_target *target, const char *text)
{
  const char *end = text + strlen(text), *at = strchr(text, '@');
  if (!take_word(target->interface, IFNAMSIZ, text, at != NULL ? at : end, "._:+%#~-"))
    return false;
  return at == NULL || take_word(target->network_namespace, sizeof target->network_namespace,
                                 at + 1, end, "./:_+%#~-");
}

int remote_target_parse(struct remote_target *target, const char *text, struct error *error)
{
  memset(target, 0, sizeof *target);
  const char *begin = remote_target_is(text) ? text + sizeof scheme - 1 : NULL;
  const char *slash = begin != NULL ? strchr(begin, '/') : NULL;
  if (slash != NULL && take_destination(target, begin, slash) && take_interface(target, slash + 1))
    return 0;
  return error_set(error, ERROR_USAGE,
                   "'%.120s': expected ssh:[USER@]HOST[:PORT]/IF[@NETNS], as "
                   "ssh:root@vpn.example/tap0",
                   text);
}
