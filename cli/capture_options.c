#include "cli/capture_options.h"

#include "capture/remote_target.h"
#include "cli/commands.h"
#include "cli/kick_orders.h"
#include "cli/values.h"
#include "wire/error.h"
#include "wire/timestamp.h"

#include <argp.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SNAPLEN_BYTES_MAX    262144u
#define BUFFER_BYTES_DEFAULT (UINT64_C(64) << 20)
#define BUFFER_BYTES_MIN     (UINT64_C(1) << 20)
#define BUFFER_BYTES_MAX     (UINT64_C(1) << 30)

#define RING_BYTES_MIN UINT64_C(4096) /* some packets and the interfaces */
#define RING_NS_MIN    NS_PER_S       /* names differ by it */
#define RING_COUNT_MAX 100000u

#define SAMPLE_INTERVAL_NS     (INT64_C(100) * NS_PER_MS)
#define SAMPLE_INTERVAL_NS_MIN NS_PER_MS

enum option_key {
  KEY_BUFFER = 'B',
  KEY_FILTER = 'f',
  KEY_INTERFACE = 'i',
  KEY_NO_PROMISCUOUS_MODE = 'p',
  KEY_PACKETS = 'c',
  KEY_QUIET = 'q',
  KEY_VERBOSE = 'v',
  KEY_SNAPLEN = 's',
  KEY_WRITE = 'w',
  KEY_DURATION = 0x100,
  KEY_KICK_ORDERS,
  KEY_LIST,
  KEY_METRICS,
  KEY_NO_SAMPLES,
  KEY_RING_COUNT,
  KEY_RING_SIZE,
  KEY_RING_TIME,
  KEY_SAMPLE_INTERVAL,
  KEY_SIZE,
  KEY_SSH,
  KEY_USER
};

static const struct argp_option option_table[] = {
    {.doc = "What is recorded:"},
    {"interface", KEY_INTERFACE, "IF[@NETNS]", 0,
     "an interface, of this network namespace or of another one: IF@NAME (as `ip netns` lists "
     "them), IF@PID (of a process in it); or of another host: ssh:[USER@]HOST[:PORT]/IF[@NETNS]; "
     "once for each end",
     0},
    {"list", KEY_LIST, NULL, 0,
     "record nothing: list the interfaces of all network namespaces, what they are and who holds "
     "the TAPs; with --json for programs",
     0},
    {"ssh", KEY_SSH, "COMMAND", 0,
     "the program that reaches other hosts, and options for it; default ssh", 0},
    {"filter", KEY_FILTER, "EXPR", 0,
     "only packets that match, in tcpdump's language; the words behind the options say the same",
     0},
    {"snaplen", KEY_SNAPLEN, "BYTES", 0, "of each packet at most; default 262144: all of it", 0},
    {"no-promiscuous-mode", KEY_NO_PROMISCUOUS_MODE, NULL, 0,
     "only what the interface takes anyhow", 0},
    {"buffer", KEY_BUFFER, "SIZE", 0, "the kernel's buffer for each interface; default 64M", 0},
    {"sample-interval", KEY_SAMPLE_INTERVAL, "TIME", 0,
     "how often this host's sockets and queues are sampled while all is well; default 100ms", 0},
    {"no-samples", KEY_NO_SAMPLES, NULL, 0, "packets only", 0},
    {.doc = "Where to:"},
    {"write", KEY_WRITE, "FILE", 0, "the pcapng file to write; - is standard output", 0},
    {"ring-size", KEY_RING_SIZE, "SIZE", 0,
     "several files, NAME_00001_TIME.pcapng and so on: the next one when one has that size", 0},
    {"ring-time", KEY_RING_TIME, "TIME", 0, "the same, or when it is so old", 0},
    {"ring-count", KEY_RING_COUNT, "N", 0,
     "of the files of --ring-size or --ring-time, only the last N stay", 0},
    {"user", KEY_USER, "NAME", 0,
     "whom the parts that need no rights become, if root started it; default nobody", 0},
    {"metrics", KEY_METRICS, "ADDR[:PORT]", 0,
     "serve counters for Prometheus at http://ADDR:PORT/metrics, and tell findings as they come; "
     ":PORT alone is the loopback's; default port 9958. Without -w nothing is recorded",
     0},
    {"verbose", KEY_VERBOSE, NULL, 0, "say also which rights were given up", 0},
    {"quiet", KEY_QUIET, NULL, 0, "say only what went wrong", 0},
    {.doc = "Until when (or SIGINT, SIGTERM, SIGHUP):"},
    {"duration", KEY_DURATION, "TIME", 0, "so long: 30s, 10min, 500 (milliseconds)", 0},
    {"packets", KEY_PACKETS, "N", 0, "until so many packets are written", 0},
    {"size", KEY_SIZE, "SIZE", 0, "until the file is so large: 100M, 2G", 0},
    /* What `capture -i ssh:...` says to the program over there. */
    {"kick-orders", KEY_KICK_ORDERS, "KIND:INTERVAL", OPTION_HIDDEN, NULL, 0},
    {0},
};

static uint64_t parse_number(const char *text, uint64_t min, uint64_t max, const char *name,
                             struct argp_state *state)
{
  char *end;
  unsigned long long number = strtoull(text, &end, 10);
  if (text[0] < '0' || text[0] > '9' || *end != '\0' || number < min || number > max)
    argp_error(state, "--%s: '%s' is no number from %" PRIu64 " to %" PRIu64, name, text, min, max);
  return number;
}

static uint64_t take_size(const char *text, uint64_t min, uint64_t max, const char *name,
                          struct argp_state *state)
{
  struct error error;
  uint64_t bytes = 0;
  if (parse_size(text, &bytes, &error) < 0)
    argp_error(state, "--%s: %s", name, error.text);
  if (bytes < min || bytes > max)
    argp_error(state, "--%s: %s is not between %" PRIu64 " and %" PRIu64 " bytes", name, text, min,
               max);
  return bytes;
}

void capture_options_interface(struct capture_options *options, char *text,
                               struct argp_state *state)
{
  if (options->end_count == RECORDER_ENDS_MAX)
    argp_error(state, "at most %d interfaces", RECORDER_ENDS_MAX);
  bool remote = remote_target_is(text);
  struct remote_target target;
  struct error error;
  if (remote && remote_target_parse(&target, text, &error) < 0)
    argp_error(state, "--interface: %s", error.text);
  char *at = remote ? NULL : strrchr(text, '@');
  if (text[0] == '\0' || at == text || (at != NULL && at[1] == '\0'))
    argp_error(state, "--interface: '%s': expected IF, IF@NETNS or IF@PID", text);
  if (at != NULL)
    *at = '\0';
  const struct recorder_end_options end = {.interface = text,
                                           .network_namespace = at != NULL ? at + 1 : NULL};
  for (uint32_t i = 0; i < options->end_count; i++) {
    const struct recorder_end_options *other = &options->ends[i];
    const char *here = end.network_namespace != NULL ? end.network_namespace : "";
    const char *there = other->network_namespace != NULL ? other->network_namespace : "";
    if (strcmp(other->interface, text) == 0 && strcmp(here, there) == 0)
      argp_error(state, "--interface %s: twice the same", text);
  }
  options->ends[options->end_count++] = end;
}

static void add_filter(struct capture_options *options, const char *word, struct argp_state *state)
{
  if (!append_word(&options->filter, word))
    argp_failure(state, EXIT_TROUBLE, 0, "out of memory");
}

static void take_filter(struct capture_options *options, const char *text, bool is_word,
                        struct argp_state *state)
{
  if (options->filter != NULL && !(is_word && options->filter_from_words))
    argp_error(state, "one filter only: either --filter or the words behind the options");
  options->filter_from_words = is_word;
  add_filter(options, text, state);
}

static void check(const struct capture_options *options, const struct argp_state *state)
{
  if (options->list)
    return;
  if (options->flight.json && !options->flight.on && options->metrics == NULL)
    argp_error(state, "--json: of what? Say --until-stall, --metrics or --list as well");
  if (options->end_count == 0)
    argp_error(state, "which interface? Say -i IF, once for each end");
  if (options->output == NULL && options->metrics != NULL && !options->flight.on)
    return;
  if (options->output == NULL) {
    argp_error(state, "where to? Say -w FILE");
    return;
  }
  if (options->orders != KICK_NONE &&
      (options->end_count != 1 || remote_target_is(options->ends[0].interface)))
    argp_error(state, "--kick-orders: for one interface of this host");
  if (strcmp(options->output, "-") == 0 &&
      (options->flight.json || (options->flight.on && options->flight.rearm)))
    argp_error(state, "-w -: standard output cannot be for that as well");
  bool ring = options->ring_bytes > 0 || options->ring_ns > 0;
  if (ring && strcmp(options->output, "-") == 0)
    argp_error(state, "-w -: standard output is one file, not several");
  if (options->ring_count > 0 && !ring && !options->flight.rearm)
    argp_error(state,
               "--ring-count: when does the next file begin? Say --ring-size or --ring-time");
}

static error_t on_option(int key, char *text, struct argp_state *state)
{
  struct capture_options *options = state->input;
  struct error error;
  switch (key) {
  case ARGP_KEY_INIT: state->child_inputs[0] = &options->flight; break;
  case KEY_BUFFER:
    options->buffer_bytes = take_size(text, BUFFER_BYTES_MIN, BUFFER_BYTES_MAX, "buffer", state);
    break;
  case KEY_DURATION:
    if (parse_duration(text, &options->duration_ns, &error) < 0)
      argp_error(state, "--duration: %s", error.text);
    if (options->duration_ns == 0)
      argp_error(state, "--duration: that is no time at all");
    break;
  case KEY_FILTER: take_filter(options, text, false, state); break;
  case KEY_INTERFACE: capture_options_interface(options, text, state); break;
  case KEY_KICK_ORDERS:
    if (!kick_orders_parse(text, &options->orders, &options->orders_interval_ns))
      argp_error(state, "--kick-orders: '%s': expected KIND:INTERVAL", text);
    break;
  case KEY_LIST: options->list = true; break;
  case KEY_METRICS: options->metrics = text; break;
  case KEY_NO_PROMISCUOUS_MODE: options->no_promiscuous_mode = true; break;
  case KEY_NO_SAMPLES: options->no_samples = true; break;
  case KEY_PACKETS:
    options->packets_max = parse_number(text, 1, UINT64_MAX / 2, "packets", state);
    break;
  case KEY_QUIET: options->quiet = true; break;
  case KEY_SAMPLE_INTERVAL:
    if (parse_duration(text, &options->sample_interval_ns, &error) < 0)
      argp_error(state, "--sample-interval: %s", error.text);
    if (options->sample_interval_ns < SAMPLE_INTERVAL_NS_MIN)
      argp_error(state, "--sample-interval: less than a millisecond");
    break;
  case KEY_SIZE: options->file_bytes_max = take_size(text, 1, UINT64_MAX / 2, "size", state); break;
  case KEY_SNAPLEN:
    options->snaplen_bytes = parse_number(text, 1, SNAPLEN_BYTES_MAX, "snaplen", state);
    break;
  case KEY_RING_COUNT:
    options->ring_count = parse_number(text, 1, RING_COUNT_MAX, "ring-count", state);
    break;
  case KEY_RING_SIZE:
    options->ring_bytes = take_size(text, RING_BYTES_MIN, UINT64_MAX / 2, "ring-size", state);
    break;
  case KEY_RING_TIME:
    if (parse_duration(text, &options->ring_ns, &error) < 0)
      argp_error(state, "--ring-time: %s", error.text);
    if (options->ring_ns < RING_NS_MIN)
      argp_error(state, "--ring-time: %s is less than a second", text);
    break;
  case KEY_USER: options->user = text; break;
  case KEY_VERBOSE: options->verbose = true; break;
  case KEY_SSH: options->ssh = text; break;
  case KEY_WRITE: options->output = text; break;
  case ARGP_KEY_ARG: take_filter(options, text, true, state); break;
  case ARGP_KEY_END: check(options, state); break;
  default: return ARGP_ERR_UNKNOWN;
  }
  return 0;
}

void capture_options_default(struct capture_options *options)
{
  *options = (struct capture_options){.snaplen_bytes = SNAPLEN_BYTES_MAX,
                                      .buffer_bytes = BUFFER_BYTES_DEFAULT,
                                      .sample_interval_ns = SAMPLE_INTERVAL_NS};
}

static const struct argp_child option_children[] = {{.argp = &flight_argp}, {0}};
const struct argp capture_argp = {
    .children = option_children,
    .options = option_table,
    .parser = on_option,
    .args_doc = "-i IF [-i IF...] -w FILE [FILTER]\n--list",
    .doc = "Records interfaces, both ends of a tunnel for example, into one pcapng file: each "
           "packet with its interface, its direction and its time in nanoseconds, what was lost, "
           "and samples of what this host's kernel knew about the sockets and queues."
           "\vThe ends are called A, B, ... in the order of -i. The file is for `tcpstall "
           "analyze`, tcpdump and Wireshark, and readable whatever ends the recording. A new "
           "file is its owner's only (0600): captures hold what others wrote. Capturing needs "
           "root (sudo), or the capabilities cap_net_raw,cap_net_admin (setcap); other network "
           "namespaces need CAP_SYS_ADMIN as well. What parses packets has given up these rights "
           "(--verbose). On another "
           "host it is recorded by tcpstall, or by tcpdump where there is no tcpstall, as the "
           "user that ssh logs in as.\n\n"
           "Exit status: 0 recorded as asked, 2 trouble: nothing could be recorded, an "
           "interface was lost, or the file could not be written on."};

void capture_options_parse(struct capture_options *options, int argc, char **argv)
{
  capture_options_default(options);
  if (argp_parse(&capture_argp, argc, argv, 0, NULL, options) != 0)
    exit(EXIT_TROUBLE);
}

void capture_options_free(struct capture_options *options)
{
  free(options->filter);
}
