/* tcpstall-pathemu: a path between two TAP devices that misbehaves as a scenario says
 * (docs/scenario.md). For the lab; not installed.
 *
 *   tcpstall-pathemu [OPTION]... [SCENARIO-FILE]
 *
 *   --a NETNS, --b NETNS   where the devices belong: the id of a process there, a path, or fd:N;
 *                          without them in two new namespaces, which "ready" tells
 *   --if-a, --if-b NAME    of the devices (tap0)
 *   --rule TEXT            one more line of the scenario; may be repeated
 *   --seed N               instead of the scenario's
 *   --log FILE             what was done, as JSON lines (standard error)
 *   --ordinary             no real-time priority
 *   --check                only read the scenario
 *
 * Prints "ready" and what it made when frames can pass; ends with SIGTERM or SIGINT. SIGUSR1 is for
 * rules with from=signal or until=signal. Exit status 0, 2 for wrong usage, 77 where it is not
 * possible to make the devices. */
#include "replay/emulator.h"
#include "replay/netns.h"

#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define EXIT_USAGE      2
#define EXIT_IMPOSSIBLE 77
/* Where it is allowed, no ordinary process makes us late; else at least few do. */
#define REALTIME_PRIORITY 1
#define NICE              (-10)

struct options {
  const char *netns[PATH_DIRECTIONS], *names[PATH_DIRECTIONS];
  const char *log_file, *seed;
  bool check, ordinary;
  char text[SCENARIO_TEXT_MAX + 1];
  size_t text_bytes;
};

static int fail(int status, const char *text)
{
  fprintf(stderr, "tcpstall-pathemu: %s\n", text);
  return status;
}

static bool add_text(struct options *options, const char *text, size_t size)
{
  if (size + 1 > SCENARIO_TEXT_MAX - options->text_bytes)
    return false;
  memcpy(options->text + options->text_bytes, text, size);
  options->text_bytes += size;
  options->text[options->text_bytes++] = '\n';
  return true;
}

static bool add_file(struct options *options, const char *name)
{
  FILE *file = strcmp(name, "-") == 0 ? stdin : fopen(name, "r");
  if (file == NULL)
    return false;
  static char text[SCENARIO_TEXT_MAX];
  const size_t size = fread(text, 1, sizeof text, file);
  const bool ok = !ferror(file) && add_text(options, text, size);
  if (file != stdin)
    fclose(file);
  return ok;
}

static int read_options(struct options *options, int argc, char **argv)
{
  static const struct option names[] = {
      {"a", required_argument, NULL, 'a'},    {"b", required_argument, NULL, 'b'},
      {"if-a", required_argument, NULL, 'A'}, {"if-b", required_argument, NULL, 'B'},
      {"rule", required_argument, NULL, 'r'}, {"seed", required_argument, NULL, 's'},
      {"log", required_argument, NULL, 'l'},  {"check", no_argument, NULL, 'c'},
      {"ordinary", no_argument, NULL, 'o'},   {NULL, 0, NULL, 0}};
  for (int option; (option = getopt_long(argc, argv, "", names, NULL)) >= 0;)
    switch (option) {
    case 'a': options->netns[PATH_AB] = optarg; break;
    case 'b': options->netns[PATH_BA] = optarg; break;
    case 'A': options->names[PATH_AB] = optarg; break;
    case 'B': options->names[PATH_BA] = optarg; break;
    case 's': options->seed = optarg; break;
    case 'l': options->log_file = optarg; break;
    case 'c': options->check = true; break;
    case 'o': options->ordinary = true; break;
    case 'r':
      if (!add_text(options, optarg, strlen(optarg)))
        return fail(EXIT_USAGE, "the scenario is too long");
      break;
    default: return EXIT_USAGE;
    }
  if (argc - optind > 1)
    return fail(EXIT_USAGE, "usage: tcpstall-pathemu [OPTION]... [SCENARIO-FILE]");
  if (argc - optind == 1 && !add_file(options, argv[optind])) {
    fprintf(stderr, "tcpstall-pathemu: %s: %s\n", argv[optind], strerror(errno));
    return EXIT_USAGE;
  }
  return 0;
}

static int read_scenario(const struct options *options, struct scenario *scenario)
{
  struct error error;
  if (scenario_parse(scenario, options->text, options->text_bytes, &error) != 0)
    return fail(EXIT_USAGE, error.text);
  if (options->seed != NULL)
    scenario->seed = strtoull(options->seed, NULL, 10);
  return 0;
}

/* Both namespaces: those named, new ones for the rest. */
static int open_namespaces(const struct options *options, int *netns, struct error *error)
{
  uint32_t missing = 0;
  int made[PATH_DIRECTIONS] = {-1, -1};
  for (int i = 0; i < PATH_DIRECTIONS; i++)
    missing += options->netns[i] == NULL;
  if (missing > 0 && netns_make(made, missing, error) != 0)
    return ERROR_IO;
  for (int i = PATH_DIRECTIONS - 1; i >= 0; i--) {
    netns[i] = options->netns[i] == NULL ? made[--missing] : netns_open(options->netns[i], error);
    if (netns[i] < 0)
      return ERROR_IO;
  }
  return 0;
}

static int open_signals(void)
{
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGUSR1);
  if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
    return -1;
  return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int run(const struct options *options, const struct scenario *scenario, FILE *stream)
{
  struct error error;
  struct tap taps[PATH_DIRECTIONS];
  int netns[PATH_DIRECTIONS] = {-1, -1};
  if (open_namespaces(options, netns, &error) != 0)
    return fail(EXIT_IMPOSSIBLE, error.text);
  for (int i = 0; i < PATH_DIRECTIONS; i++)
    if (tap_open(&taps[i], netns[i], options->names[i], scenario->offload, scenario->ring_frames,
                 &error) != 0)
      return fail(EXIT_IMPOSSIBLE, error.text);
  struct truth_log *log = truth_log_new(stream);
  const struct emulator_options emulator = {.scenario = scenario,
                                            .taps = {&taps[PATH_AB], &taps[PATH_BA]},
                                            .log = log,
                                            .signals = open_signals()};
  if (log == NULL || emulator.signals < 0)
    return fail(EXIT_IMPOSSIBLE, strerror(errno));
  const struct sched_param priority = {.sched_priority = REALTIME_PRIORITY};
  if (options->ordinary || sched_setscheduler(0, SCHED_RR, &priority) != 0)
    setpriority(PRIO_PROCESS, 0, NICE);
  signal(SIGPIPE, SIG_IGN);
  printf("ready a=/proc/%d/fd/%d b=/proc/%d/fd/%d\n", getpid(), netns[PATH_AB], getpid(),
         netns[PATH_BA]);
  fflush(stdout);
  const int result = emulator_run(&emulator, &error);
  const bool whole = truth_log_is_whole(log);
  truth_log_free(log);
  if (result != 0)
    return fail(EXIT_FAILURE, error.text);
  return whole ? EXIT_SUCCESS : fail(EXIT_FAILURE, "the log is not complete");
}

int main(int argc, char **argv)
{
  static struct options options = {.names = {"tap0", "tap0"}};
  static struct scenario scenario;
  int status = read_options(&options, argc, argv);
  if (status == 0)
    status = read_scenario(&options, &scenario);
  if (status != 0 || options.check)
    return status;
  FILE *stream = options.log_file == NULL ? stderr : fopen(options.log_file, "w");
  if (stream == NULL)
    return fail(EXIT_USAGE, strerror(errno));
  static char buffer[1 << 16];
  setvbuf(stream, buffer, _IOFBF, sizeof buffer);
  status = run(&options, &scenario, stream);
  if (stream != stderr && fclose(stream) != 0)
    status = fail(EXIT_FAILURE, "the log is not complete");
  return status;
}
