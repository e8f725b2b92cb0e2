#include "capture/remote_command.h"

#include "wire/timestamp.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCRIPT_BYTES_MAX (REMOTE_COMMAND_BYTES_MAX / 2)
#define ENCODED_BYTES    5u /* of one byte at most: \0ddd */
#define KIB              1024u

/* A text that grows up to a limit; `overrun` once it does not fit. */
struct text {
  char *bytes;
  size_t used, capacity;
  bool overrun;
};

static void add(struct text *text, const char *bytes, size_t size)
{
  if (text->overrun || size >= text->capacity - text->used) {
    text->overrun = true;
    return;
  }
  memcpy(text->bytes + text->used, bytes, size);
  text->used += size;
  text->bytes[text->used] = '\0';
}

static void add_string(struct text *text, const char *string)
{
  add(text, string, strlen(string));
}

/* NAME='VALUE': a quote in it ends the quoting, is itself quoted, and begins it again. */
static void add_assignment(struct text *text, const char *name, const char *value)
{
  add_string(text, name);
  add_string(text, "='");
  for (; *value != '\0'; value++) {
    if (*value == '\'')
      add_string(text, "'\\''");
    else
      add(text, value, 1);
  }
  add_string(text, "'\n");
}

static void add_number(struct text *text, const char *name, uint64_t value)
{
  char line[64];
  snprintf(line, sizeof line, "%s=%" PRIu64 "\n", name, value);
  add_string(text, line);
}

/* tcpdump sees a frame up to a second after it came (its block timeout), tcpstall drains by itself:
 * `late` is how long the end is put off. A line is as good as the end of the input: who else has
 * that open may keep it so. A process in the background has SIGINT ignored, and reads from nowhere.
 */
static const char script[] =
    "PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"
    "set -- $SSH_CONNECTION\n"
    "if [ $# = 4 ]; then\n"
    "  own=\"not (tcp and host ${1%%%*} and host ${3%%%*} and port $2 and port $4)\"\n"
    "  filter=\"${filter:+($filter) and }$own\"\n"
    "fi\n"
    "exec 3<&0\n"
    "late=0\n"
    "if command -v tcpstall >/dev/null; then\n"
    "  set -- --interface=\"$interface${space:+@$space}\" --snaplen=$snaplen --buffer=$buffer\n"
    "  if [ $interval = 0 ]; then set -- \"$@\" --no-samples\n"
    "  else set -- \"$@\" --sample-interval=${interval}us; fi\n"
    "  if [ -z \"$orders\" ]; then :\n"
    "  elif tcpstall capture --kick-orders=$orders --help </dev/null >/dev/null 2>&1; then\n"
    "    exec tcpstall capture --quiet --write=- $promiscuous \"$@\" "
    "${filter:+--filter=\"$filter\"} "
    "--kick-orders=$orders 3<&-\n"
    "  else echo 'the tcpstall on that host is too old to send kicks: this end is not kicked' >&2; "
    "fi\n"
    "  tcpstall capture --quiet --write=- $promiscuous \"$@\" ${filter:+--filter=\"$filter\"} 3<&- "
    "&\n"
    "elif command -v tcpdump >/dev/null; then\n"
    "  echo 'there is no tcpstall on that host: tcpdump records, without samples' >&2\n"
    "  [ -z \"$orders\" ] || echo 'tcpdump cannot kick: this end is not kicked' >&2\n"
    "  late=2\n"
    "  case $space in\n"
    "    '') set -- ;;\n"
    "    */*) set -- nsenter --net=\"$space\" ;;\n"
    "    *[!0-9]*) set -- ip netns exec \"$space\" ;;\n"
    "    *) set -- nsenter -t $space -n ;;\n"
    "  esac\n"
    "  set -- \"$@\" tcpdump -i \"$interface\" -s $snaplen -B $((buffer / 1024)) -n -U -w - "
    "--time-stamp-precision=nano $promiscuous\n"
    "  \"$@\" -- ${filter:+\"$filter\"} 3<&- &\n"
    "else\n"
    "  echo 'there is neither tcpstall nor tcpdump on that host' >&2\n"
    "  exit 127\n"
    "fi\n"
    "capture=$!\n"
    "(read -r line <&3; sleep $late; kill -TERM $capture) >/dev/null 2>&1 &\n"
    "end=$!\n"
    "exec 3<&-\n"
    "wait $capture\n"
    "status=$?\n"
    "kill $end 2>/dev/null\n"
    "exit $status\n";

static void add_script(struct text *text, const struct remote_target *target,
                       const struct remote_capture *capture)
{
  add_assignment(text, "interface", target->interface);
  add_assignment(text, "space", target->network_namespace);
  add_assignment(text, "filter", capture->filter != NULL ? capture->filter : "");
  add_assignment(text, "orders", capture->kick_orders != NULL ? capture->kick_orders : "");
  add_assignment(text, "promiscuous", capture->promiscuous ? "" : "-p");
  add_number(text, "snaplen", capture->snaplen_bytes);
  add_number(text, "buffer", capture->buffer_bytes);
  add_number(text, "interval", (uint64_t)(capture->sample_interval_ns / NS_PER_US));
  add_string(text, script);
}

/* Letters, digits and what is nothing special to any shell, in quotes. */
static bool is_plain(char c)
{
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         (c != '\0' && strchr(" ,./:=@_+-", c) != NULL);
}

static void add_encoded(struct text *text, const char *plain)
{
  for (; *plain != '\0'; plain++) {
    char number[8];
    if (is_plain(*plain)) {
      add(text, plain, 1);
      continue;
    }
    snprintf(number, sizeof number, "\\0%03o", (unsigned)(unsigned char)*plain);
    add(text, number, ENCODED_BYTES);
  }
}

int remote_command_build(char **command, const struct remote_target *target,
                         const struct remote_capture *capture, struct error *error)
{
  struct text plain = {malloc(SCRIPT_BYTES_MAX), 0, SCRIPT_BYTES_MAX, false};
  struct text encoded = {malloc(REMOTE_COMMAND_BYTES_MAX), 0, REMOTE_COMMAND_BYTES_MAX, false};
  int rc = 0;
  *command = NULL;
  if (plain.bytes == NULL || encoded.bytes == NULL) {
    free(plain.bytes);
    free(encoded.bytes);
    return error_set(error, ERROR_MEMORY, "no memory for a command");
  }
  add_script(&plain, target, capture);
  add_string(&encoded, "exec sh -c 'eval \"$(printf %b \"$0\")\"' '");
  add_encoded(&encoded, plain.bytes);
  add_string(&encoded, "'");
  if (plain.overrun || encoded.overrun)
    rc = error_set(error, ERROR_LIMIT, "the filter is too long to be sent to %s", target->host);
  free(plain.bytes);
  if (rc < 0)
    free(encoded.bytes);
  *command = rc < 0 ? NULL : encoded.bytes;
  return rc;
}
