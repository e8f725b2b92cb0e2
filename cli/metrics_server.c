#include "cli/metrics_server.h"

#ifdef HAVE_MICROHTTPD

#include "capture/recorder_rights.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Scrapes come from one or two servers; who holds connections open gets no more of them. */
#define CONNECTIONS_MAX      16u
#define CONNECTIONS_FROM_ONE 8u
#define CONNECTION_TIMEOUT_S 10u
#define CONNECTION_BYTES     (size_t)16384 /* a request's line and headers */
#define LOOK_MS              1000
#define BACKLOG              16
#define ADDRESS_BYTES        128

struct metrics_server {
  struct metrics *metrics;
  int socket;    /* -1: none */
  pid_t process; /* 0: none */
  char url[ADDRESS_BYTES + 32];
};

/* ---- the process that answers ---- */

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned status, const char *type,
                              char *text, size_t size, enum MHD_ResponseMemoryMode mode)
{
  struct MHD_Response *response = MHD_create_response_from_buffer(size, text, mode);
  if (response == NULL)
    return MHD_NO;
  MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
  const enum MHD_Result result = MHD_queue_response(connection, status, response);
  MHD_destroy_response(response);
  return result;
}

static enum MHD_Result answer_text(struct MHD_Connection *connection, unsigned status,
                                   const char *text)
{
  char *copy = strdup(text);
  if (copy == NULL)
    return MHD_NO;
  return answer(connection, status, "text/plain; charset=utf-8", copy, strlen(copy),
                MHD_RESPMEM_MUST_FREE);
}

static enum MHD_Result answer_metrics(struct MHD_Connection *connection,
                                      const struct metrics *metrics)
{
  const char *accept =
      MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT);
  const bool openmetrics = accept != NULL && strstr(accept, "application/openmetrics-text") != NULL;
  size_t size = 0;
  char *text = metrics_text(metrics, openmetrics, &size);
  if (text == NULL)
    return MHD_NO;
  return answer(connection, MHD_HTTP_OK, openmetrics ? METRICS_TYPE_OPENMETRICS : METRICS_TYPE_TEXT,
                text, size, MHD_RESPMEM_MUST_FREE);
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *body,
                                  size_t *body_size, void **request)
{
  (void)version, (void)body;
  if (*request == NULL) { /* its headers are there; a body may follow */
    *request = connection;
    return MHD_YES;
  }
  if (*body_size != 0) { /* which nobody wants */
    *body_size = 0;
    return MHD_YES;
  }
  if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
    return answer_text(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "There is nothing but GET.\n");
  if (strcmp(url, "/metrics") != 0)
    return answer_text(connection, MHD_HTTP_NOT_FOUND, "The metrics are at /metrics.\n");
  return answer_metrics(connection, context);
}

static int give_up_rights(const struct recorder_identity *identity)
{
  const struct recorder_calls calls = {
      .serves = true, .write_fds = {-1, -1}, .netlink_fds = {-1, -1}, .channel = -1};
  struct error error;
  if (recorder_rights_drop(identity, &error) < 0)
    return -1;
  recorder_rights_confine(&calls); /* as far as it can be had */
  return 0;
}

_Noreturn static void serve(const struct metrics_server *server,
                            const struct recorder_identity *identity, pid_t parent)
{
  const int kept[] = {server->socket};
  recorder_close_others(kept, 1);
  signal(SIGINT, SIG_IGN); /* the parent's matter */
  signal(SIGHUP, SIG_IGN);
  signal(SIGTERM, SIG_DFL);
  signal(SIGPIPE, SIG_IGN);
  prctl(PR_SET_NAME, (unsigned long)"tcpstall-http", 0UL, 0UL, 0UL);
  struct MHD_Daemon *daemon = MHD_start_daemon(
      MHD_NO_FLAG, 0, NULL, NULL, on_request, server->metrics, MHD_OPTION_LISTEN_SOCKET,
      server->socket, MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX,
      MHD_OPTION_PER_IP_CONNECTION_LIMIT, CONNECTIONS_FROM_ONE, MHD_OPTION_CONNECTION_TIMEOUT,
      CONNECTION_TIMEOUT_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_BYTES, MHD_OPTION_END);
  if (daemon == NULL || give_up_rights(identity) < 0) /* nothing has been accepted yet */
    _exit(1);
  prctl(PR_SET_PDEATHSIG, (unsigned long)SIGTERM, 0UL, 0UL, 0UL);
  while (getppid() == parent)
    MHD_run_wait(daemon, LOOK_MS);
  _exit(0);
}

/* ---- the process that was started ---- */

/* "[::1]:9958", "127.0.0.1", ":0": cut in two. false: it is none of them. */
static bool cut_address(char *text, const char **host, const char **port)
{
  char *colon = strrchr(text, ':');
  *port = NULL;
  if (text[0] == '[') {
    char *bracket = strchr(text, ']');
    if (bracket == NULL || (bracket[1] != ':' && bracket[1] != '\0'))
      return false;
    *port = bracket[1] == ':' ? bracket + 2 : NULL;
    *bracket = '\0';
    *host = text + 1;
  } else if (colon != NULL && strchr(text, ':') == colon) {
    *colon = '\0';
    *port = colon + 1;
    *host = text;
  } else {
    *host = text; /* without a port, or an IPv6 address without brackets */
  }
  if (**host == '\0' || strcmp(*host, "localhost") == 0)
    *host = "127.0.0.1";
  return *port == NULL || (**port >= '0' && **port <= '9');
}

static int find_address(const char *text, struct addrinfo **found, struct error *error)
{
  const struct addrinfo hints = {.ai_family = AF_UNSPEC,
                                 .ai_socktype = SOCK_STREAM,
                                 .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE};
  char copy[ADDRESS_BYTES], fallback[8];
  const char *host, *port;
  char *end;
  snprintf(copy, sizeof copy, "%s", text);
  snprintf(fallback, sizeof fallback, "%d", METRICS_PORT_DEFAULT);
  if (strlen(text) < sizeof copy && cut_address(copy, &host, &port) &&
      (port == NULL || (strtoul(port, &end, 10) <= UINT16_MAX && *end == '\0')) &&
      getaddrinfo(host, port != NULL ? port : fallback, &hints, found) == 0)
    return 0;
  return error_set(error, ERROR_USAGE,
                   "--metrics: '%.100s': expected ADDR, ADDR:PORT, [ADDR]:PORT or :PORT", text);
}

static void note_url(struct metrics_server *server)
{
  struct sockaddr_storage bound;
  socklen_t size = sizeof bound;
  char host[64] = "?", port[8] = "?";
  getsockname(server->socket, (struct sockaddr *)&bound, &size);
  getnameinfo((struct sockaddr *)&bound, size, host, sizeof host, port, sizeof port,
              NI_NUMERICHOST | NI_NUMERICSERV);
  const bool six = strchr(host, ':') != NULL;
  snprintf(server->url, sizeof server->url, "http://%s%s%s:%s/metrics", six ? "[" : "", host,
           six ? "]" : "", port);
}

static int bind_to(struct metrics_server *server, const char *text, struct error *error)
{
  struct addrinfo *address = NULL;
  const int on = 1;
  int rc = find_address(text, &address, error);
  if (rc < 0 || address == NULL)
    return rc;
  server->socket =
      socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
  if (server->socket >= 0)
    setsockopt(server->socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (server->socket < 0 || bind(server->socket, address->ai_addr, address->ai_addrlen) != 0 ||
      listen(server->socket, BACKLOG) != 0)
    rc = error_set(error, ERROR_IO, "--metrics %.100s: %s", text, strerror(errno));
  freeaddrinfo(address);
  if (rc == 0)
    note_url(server);
  return rc;
}

int metrics_server_open(struct metrics_server **server_out, const char *address,
                        struct error *error)
{
  struct metrics_server *server = calloc(1, sizeof *server);
  *server_out = server;
  if (server == NULL)
    return error_set(error, ERROR_MEMORY, "no memory for the metrics");
  server->socket = -1;
  void *shared = mmap(NULL, sizeof *server->metrics, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  server->metrics = shared != MAP_FAILED ? shared : NULL;
  const int rc = server->metrics != NULL
                     ? bind_to(server, address, error)
                     : error_set(error, ERROR_MEMORY, "no memory for the metrics");
  if (rc < 0) {
    metrics_server_close(server);
    *server_out = NULL;
  }
  return rc;
}

const char *metrics_server_url(const struct metrics_server *server)
{
  return server->url;
}

struct metrics *metrics_server_metrics(struct metrics_server *server)
{
  return server->metrics;
}

int metrics_server_start(struct metrics_server *server, const char *user, struct error *error)
{
  struct recorder_identity identity;
  const pid_t parent = getpid();
  const int rc = recorder_identity_find(&identity, user, error);
  if (rc < 0)
    return rc;
  fflush(NULL);
  server->process = fork();
  if (server->process == 0)
    serve(server, &identity, parent);
  close(server->socket);
  server->socket = -1;
  if (server->process > 0)
    return 0;
  server->process = 0;
  return error_set(error, ERROR_IO, "no process for the metrics: %s", strerror(errno));
}

void metrics_server_close(struct metrics_server *server)
{
  if (server == NULL)
    return;
  if (server->process > 0) {
    kill(server->process, SIGTERM);
    while (waitpid(server->process, NULL, 0) < 0 && errno == EINTR)
      ;
  }
  if (server->socket >= 0)
    close(server->socket);
  if (server->metrics != NULL)
    munmap(server->metrics, sizeof *server->metrics);
  free(server);
}

#else

int metrics_server_open(struct metrics_server **server, const char *address, struct error *error)
{
  (void)address;
  *server = NULL;
  return error_set(error, ERROR_UNSUPPORTED,
                   "--metrics: this tcpstall was built without libmicrohttpd; install "
                   "libmicrohttpd-dev and build it anew");
}

const char *metrics_server_url(const struct metrics_server *server)
{
  (void)server;
  return "";
}

struct metrics *metrics_server_metrics(struct metrics_server *server)
{
  (void)server;
  return NULL;
}

int metrics_server_start(struct metrics_server *server, const char *user, struct error *error)
{
  (void)server, (void)user;
  return error_set(error, ERROR_UNSUPPORTED, "no HTTP library");
}

void metrics_server_close(struct metrics_server *server)
{
  (void)server;
}

#endif
