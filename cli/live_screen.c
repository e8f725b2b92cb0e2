#include "cli/live_screen.h"

#include "cli/connection_filter.h"
#include "cli/monitor.h"
#include "cli/packet_strip.h"
#include "tui/screen.h"
#include "tui/ui.h"
#include "wire/timestamp.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SHOWN_NS       (60 * NS_PER_S) /* of the past */
#define BUCKET_NS      (SHOWN_NS / MODEL_BUCKETS)
#define REFRESH_NS     (INT64_C(250) * NS_PER_MS)
#define PACKETS_NS     NS_PER_S        /* how old the plots may be */
#define GONE_AFTER_NS  (30 * NS_PER_S) /* so long a connection that is over stays in the list */
#define STUDY_PACKETS  100000u
#define TABLE_SIZE     65536u /* a power of two, above MODEL_CONNECTIONS_MAX */
#define EVENTS_AT_ONCE 16

/* A connection by its names, at whichever end. */
struct known {
  uint64_t id; /* 0: free */
  struct endpoint client, server;
  uint8_t end; /* where its numbers are taken from: the first that saw it */
  int64_t seen_ns;
  uint64_t bytes[2]; /* at the last look */
};

struct live_screen {
  struct live_screen_options options;
  struct flight_screen hooks;
  struct flight *flight;
  struct monitor *monitor; /* while a hook is called */
  struct model *model;
  struct ui ui;
  struct grid grid;
  struct known *table;
  uint64_t next_id;
  uint8_t looking_at; /* end */
  int64_t refreshed_ns, loaded_ns, bucket_ns;
  int stderr_fd, said_fd; /* the true one; what is said instead */
  bool dirty;
};

/* ---- connections by name ---- */

static bool same_endpoint(const struct endpoint *a, const struct endpoint *b)
{
  return a->port == b->port && memcmp(&a->address, &b->address, sizeof a->address) == 0;
}

static uint32_t slot_of(const struct endpoint *client, const struct endpoint *server)
{
  uint32_t hash = UINT32_C(2166136261) ^ client->port ^ (uint32_t)server->port << 16;
  for (size_t i = 0; i < sizeof client->address.bytes; i++)
    hash = (hash ^ client->address.bytes[i] ^ (uint32_t)server->address.bytes[i] << 8) *
           UINT32_C(16777619);
  return (hash ^ hash >> 15) & (TABLE_SIZE - 1);
}

/* Its place, or a free one; NULL: the table is full. */
static struct known *look_up(struct live_screen *screen, const struct endpoint *client,
                             const struct endpoint *server)
{
  uint32_t slot = slot_of(client, server);
  for (uint32_t i = 0; i < TABLE_SIZE; i++, slot = (slot + 1) & (TABLE_SIZE - 1)) {
    struct known *known = &screen->table[slot];
    if (known->id == 0 ||
        (same_endpoint(&known->client, client) && same_endpoint(&known->server, server)))
      return known;
  }
  return NULL;
}

static void name_endpoint(const struct endpoint *endpoint, char out[MODEL_NAME_SIZE])
{
  char text[INET6_ADDRSTRLEN] = "?";
  const bool four = endpoint->ip_version == 4;
  inet_ntop(four ? AF_INET : AF_INET6,
            four ? endpoint->address.bytes + 12 : endpoint->address.bytes, text, sizeof text);
  snprintf(out, MODEL_NAME_SIZE, four ? "%s:%u" : "[%s]:%u", text, endpoint->port);
}

static struct known *make_known(struct live_screen *screen, struct known *place,
                                const struct connection_summary *summary)
{
  if (place == NULL || screen->model->count >= MODEL_CONNECTIONS_MAX) {
    screen->model->left_out++;
    return NULL;
  }
  struct model_connection *connection = model_take(screen->model, screen->next_id);
  if (connection == NULL)
    return NULL;
  *place = (struct known){.id = screen->next_id++,
                          .client = summary->client,
                          .server = summary->server,
                          .end = summary->end,
                          .bytes = {summary->streams[0].bytes, summary->streams[1].bytes}};
  name_endpoint(&summary->client, connection->client);
  name_endpoint(&summary->server, connection->server);
  return place;
}

/* ---- what the model shows ---- */

/* The owner that matters: a wait before an idle stream, and of two waits the longer one. */
static void take_owner(struct model_connection *connection, const struct stream_now now[2])
{
  struct model_owner owner = {.kind = OWNER_IDLE, .since_ns = TIME_INVALID};
  for (int side = 0; side < 2; side++) {
    if (now[side].state == STREAM_MOVING && owner.kind == OWNER_IDLE)
      owner.kind = OWNER_MOVING;
    if (now[side].state != STREAM_WAITING ||
        (owner.kind == OWNER_LOCATION && owner.since_ns <= now[side].since_ns))
      continue;
    owner = (struct model_owner){.kind = OWNER_LOCATION,
                                 .location = now[side].owner,
                                 .since_ns = now[side].since_ns,
                                 .sender = (enum stream_side)side};
  }
  /* what was studied with both ends counts for more than what one end guesses */
  for (uint32_t i = 0; i < connection->finding_count; i++) {
    const struct finding *finding = connection->findings[i];
    if (finding->state == FINDING_CLOSED || finding->location == LOCATION_NONE)
      continue;
    owner = (struct model_owner){.kind = OWNER_LOCATION,
                                 .location = finding->location,
                                 .since_ns = finding->start_ns,
                                 .sender = finding->sender};
    break;
  }
  if (connection->summary.closed)
    owner.kind = OWNER_CLOSED;
  connection->has_owner = true;
  connection->owner = owner;
}

static void on_now(void *context, const struct connection_summary *summary,
                   const struct stream_now now[2])
{
  struct live_screen *screen = context;
  struct known *known = look_up(screen, &summary->client, &summary->server);
  if (known == NULL || known->id == 0)
    known = make_known(screen, known, summary);
  struct model_connection *connection = known != NULL ? model_find(screen->model, known->id) : NULL;
  if (connection == NULL)
    return;
  model_set_view(connection, summary, NULL);
  if ((connection->ends & (connection->ends - 1)) != 0 && connection->level == EVIDENCE_ONE_END)
    connection->level = EVIDENCE_BOTH_ENDS;
  if (known->end != screen->looking_at)
    return;
  for (int side = 0; side < 2; side++) {
    const uint64_t bytes = summary->streams[side].bytes;
    if (bytes > known->bytes[side])
      connection->sent_bytes[side][MODEL_BUCKETS - 1] += (uint32_t)(bytes - known->bytes[side]);
    known->bytes[side] = bytes;
  }
  known->seen_ns = screen->refreshed_ns;
  connection->summary = *summary;
  take_owner(connection, now);
}

/* The activity moves to the left as time goes on. */
static void shift_buckets(struct live_screen *screen, int64_t now_ns)
{
  struct model *model = screen->model;
  int64_t steps = (now_ns - screen->bucket_ns) / BUCKET_NS;
  if (screen->bucket_ns == 0 || steps > MODEL_BUCKETS) {
    screen->bucket_ns = now_ns;
    steps = MODEL_BUCKETS;
  }
  if (steps <= 0)
    return;
  if (steps < MODEL_BUCKETS)
    screen->bucket_ns += steps * BUCKET_NS;
  for (uint32_t i = 0; i < model->count; i++)
    for (int side = 0; side < 2; side++) {
      uint32_t *sent = model->connections[i]->sent_bytes[side];
      memmove(sent, sent + steps, (size_t)(MODEL_BUCKETS - steps) * sizeof *sent);
      memset(sent + MODEL_BUCKETS - steps, 0, (size_t)steps * sizeof *sent);
    }
}

/* The table is made anew without them, since removing from it one by one would break its chains. */
static void forget_gone(struct live_screen *screen)
{
  uint32_t gone = 0;
  for (uint32_t i = 0; i < TABLE_SIZE; i++)
    gone +=
        screen->table[i].id != 0 && screen->refreshed_ns - screen->table[i].seen_ns > GONE_AFTER_NS;
  if (gone == 0)
    return;
  struct known *before = screen->table;
  screen->table = calloc(TABLE_SIZE, sizeof *screen->table);
  if (screen->table == NULL) {
    screen->table = before;
    return;
  }
  for (uint32_t i = 0; i < TABLE_SIZE; i++) {
    if (before[i].id == 0)
      continue;
    if (screen->refreshed_ns - before[i].seen_ns > GONE_AFTER_NS)
      model_remove(screen->model, before[i].id);
    else
      *look_up(screen, &before[i].client, &before[i].server) = before[i];
  }
  free(before);
}

static void refresh(struct live_screen *screen, int64_t now_ns)
{
  screen->refreshed_ns = now_ns;
  screen->model->start_ns = now_ns - SHOWN_NS;
  screen->model->end_ns = screen->model->now_ns = now_ns;
  shift_buckets(screen, now_ns);
  for (uint32_t end = 0; end < screen->options.end_count; end++) {
    screen->looking_at = (uint8_t)end;
    monitor_each_now(screen->monitor, end, on_now, screen);
  }
  forget_gone(screen);
  if (now_ns - screen->loaded_ns >= PACKETS_NS) {
    screen->loaded_ns = now_ns;
    screen->model->packets_of = 0; /* drawn anew from what has come meanwhile */
  }
  screen->dirty = true;
}

/* ---- packets ---- */

static int load(void *context, const struct model_connection *connection,
                struct model_packets *packets)
{
  struct live_screen *screen = context;
  const struct connection_summary *summary = &connection->summary;
  const struct window_wish wish = {.ends = screen->options.end_count,
                                   .a = summary->client,
                                   .b = summary->server,
                                   .from_ns = screen->model->start_ns,
                                   .start_ns = screen->model->start_ns,
                                   .end_ns = screen->model->start_ns,
                                   .packets_max = STUDY_PACKETS};
  struct window_part part;
  struct packet_strip strip;
  if (screen->monitor == NULL || monitor_take(screen->monitor, &wish, &part) < 0)
    return -1;
  packet_strip_begin(&strip, packets);
  for (uint32_t end = 0; end < screen->options.end_count; end++) {
    struct connection_summary view = *summary;
    view.end = (uint8_t)end;
    packet_strip_view(&strip, &view, NULL);
    for (uint32_t i = 0; i < part.counts[end]; i++) {
      const struct packet *packet = part.packets[end][i];
      const struct endpoint src = {.address = packet->src, .port = packet->src_port};
      const struct endpoint dst = {.address = packet->dst, .port = packet->dst_port};
      if (packet->kind != PACKET_TCP)
        packet_strip_foreign(&strip, packet);
      else if (same_endpoint(&src, &summary->client) && same_endpoint(&dst, &summary->server))
        packet_strip_add(&strip, packet, SIDE_CLIENT);
      else if (same_endpoint(&src, &summary->server) && same_endpoint(&dst, &summary->client))
        packet_strip_add(&strip, packet, SIDE_SERVER);
    }
  }
  window_part_free(&part);
  return packet_strip_finish(&strip);
}

/* ---- hooks ---- */

static void on_event(void *context, const struct monitor_event *event)
{
  struct live_screen *screen = context;
  const struct finding *finding = event->finding;
  struct known *known = look_up(screen, &event->summary->client, &event->summary->server);
  if (known != NULL && known->id == 0)
    known = make_known(screen, known, event->summary);
  struct model_connection *connection = known != NULL ? model_find(screen->model, known->id) : NULL;
  if (connection == NULL)
    return;
  known->seen_ns = screen->refreshed_ns;
  if (event->level > connection->level)
    connection->level = event->level;
  model_add_finding(connection, finding);
  screen->dirty = true;
  if (finding->state == FINDING_OPEN && finding->severity == SEVERITY_PROBLEM) {
    screen_bell();
    ui_say(&screen->ui, "%s: %.120s", connection->client, finding->summary);
  }
}

static void draw(struct live_screen *screen)
{
  int rows, columns;
  screen->dirty = false;
  screen_size(&rows, &columns);
  if ((rows != screen->grid.rows || columns != screen->grid.columns) &&
      !grid_resize(&screen->grid, rows, columns))
    return;
  ui_draw(&screen->ui, &screen->grid);
  screen_show(&screen->grid);
}

static void on_tick(void *context, struct monitor *monitor, int64_t now_ns)
{
  struct live_screen *screen = context;
  struct event event;
  screen->monitor = monitor;
  for (int i = 0; i < EVENTS_AT_ONCE; i++) {
    screen_wait(0, &event);
    if (event.kind == EVENT_NONE)
      break;
    ui_handle(&screen->ui, &event);
    screen->dirty = true;
  }
  if (now_ns - screen->refreshed_ns >= REFRESH_NS && !screen->ui.paused)
    refresh(screen, now_ns);
  if (screen->ui.quit)
    flight_finish(screen->flight);
  else if (screen->dirty)
    draw(screen);
  screen->monitor = NULL;
}

/* ---- what the user asks for ---- */

static const char *on_kick(void *context, const struct model_connection *connection)
{
  struct live_screen *screen = context;
  const struct stream_summary *streams = connection->summary.streams;
  enum stream_side sender = streams[1].bytes > streams[0].bytes ? SIDE_SERVER : SIDE_CLIENT;
  if (connection->has_owner && connection->owner.kind == OWNER_LOCATION)
    sender = connection->owner.sender;
  const bool client = sender == SIDE_CLIENT;
  const struct endpoint *from = client ? &connection->summary.client : &connection->summary.server;
  const struct endpoint *to = client ? &connection->summary.server : &connection->summary.client;
  return flight_kick(screen->flight, from, to)
             ? "a ping is on its way through the sender's interface"
             : "no interface of the sender is known here";
}

static const char *on_record(void *context)
{
  struct live_screen *screen = context;
  if (!screen->options.can_write)
    return "there is no file to write to: start with -w FILE";
  return flight_record(screen->flight) ? "the last seconds and the next ones are being written"
                                       : "no more is written";
}

static const char *on_write(void *context, const struct model_connection *connection)
{
  (void)connection;
  return on_record(context);
}

/* What was said meanwhile would have spoilt the picture. */
static void on_over(void *context)
{
  struct live_screen *screen = context;
  char buffer[4096];
  ssize_t got;
  screen_close();
  if (screen->said_fd < 0)
    return;
  fflush(stderr);
  dup2(screen->stderr_fd, STDERR_FILENO);
  lseek(screen->said_fd, 0, SEEK_SET);
  while ((got = read(screen->said_fd, buffer, sizeof buffer)) > 0)
    fwrite(buffer, 1, (size_t)got, stderr);
  close(screen->said_fd);
  close(screen->stderr_fd);
  screen->said_fd = screen->stderr_fd = -1;
}

static void put_stderr_aside(struct live_screen *screen)
{
  screen->stderr_fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  screen->said_fd = screen->stderr_fd < 0 ? -1 : memfd_create("messages", MFD_CLOEXEC);
  if (screen->said_fd >= 0)
    dup2(screen->said_fd, STDERR_FILENO);
}

/* ---- */

struct live_screen *live_screen_new(const struct live_screen_options *options)
{
  struct live_screen *screen = calloc(1, sizeof *screen);
  if (screen == NULL)
    return NULL;
  screen->options = *options;
  screen->next_id = 1;
  screen->model = model_new();
  screen->table = calloc(TABLE_SIZE, sizeof *screen->table);
  screen->hooks = (struct flight_screen){
      .context = screen, .event = on_event, .tick = on_tick, .over = on_over};
  const struct ui_actions actions = {.context = screen,
                                     .write = on_write,
                                     .kick = on_kick,
                                     .recorder = on_record,
                                     .language = connection_filter_language()};
  if (screen->model == NULL || screen->table == NULL ||
      !ui_init(&screen->ui, screen->model, &actions)) {
    live_screen_free(screen);
    return NULL;
  }
  put_stderr_aside(screen);
  screen->model->live = true;
  screen->model->load = load;
  screen->model->load_context = screen;
  for (uint32_t i = 0; i < options->end_count; i++) {
    const size_t used = strlen(screen->model->title);
    snprintf(screen->model->title + used, sizeof screen->model->title - used, "%s%s",
             i > 0 ? " + " : "", options->ends[i].interface);
  }
  return screen;
}

void live_screen_free(struct live_screen *screen)
{
  if (screen == NULL)
    return;
  ui_free(&screen->ui);
  model_free(screen->model);
  grid_free(&screen->grid);
  free(screen->table);
  free(screen);
}

const struct flight_screen *live_screen_hooks(struct live_screen *screen)
{
  return &screen->hooks;
}

void live_screen_attach(void *context, struct flight *flight)
{
  struct live_screen *screen = context;
  screen->flight = flight;
}
