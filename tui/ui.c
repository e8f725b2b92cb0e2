#include "tui/ui.h"

#include "tui/screen.h"
#include "tui/words.h"
#include "wire/timestamp.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FRAME_MS     100 /* between two drawings while something moves */
#define IDLE_MS      60000
#define SPEED_NORMAL 1.0
#define SPEED_MIN    (1.0 / 64)
#define SPEED_MAX    1024.0
#define WHEEL_STEPS  3
#define CONTROL_U    0x15
#define BELOW_ROWS   2 /* time and keys */

static const struct view *const views[VIEW_COUNT] = {
    [VIEW_CONNECTIONS] = &view_connections,
    [VIEW_CONNECTION] = &view_connection,
    [VIEW_LADDER] = &view_ladder,
    [VIEW_FINDING] = &view_finding,
    [VIEW_HELP] = &view_help,
};

bool ui_init(struct ui *ui, struct model *model, const struct ui_actions *actions)
{
  *ui = (struct ui){.model = model, .actions = *actions, .depth = 1, .speed = SPEED_NORMAL};
  ui->views[0] = VIEW_CONNECTIONS;
  return model != NULL;
}

/* Where a trace is opened: in the midst of what is worst in it. */
void ui_open_worst(struct ui *ui)
{
  const struct finding *worst = NULL;
  for (uint32_t i = 0; i < ui->model->count; i++) {
    const struct model_connection *connection = ui->model->connections[i];
    const struct finding *finding = model_worst(connection);
    if (finding == NULL || finding->severity != SEVERITY_PROBLEM ||
        (worst != NULL && finding->waited_ns <= worst->waited_ns))
      continue;
    worst = finding;
    ui_choose(ui, connection->id);
  }
  if (worst != NULL)
    ui->model->now_ns = worst->start_ns + (worst->end_ns - worst->start_ns) / 2;
}

void ui_free(struct ui *ui)
{
  free(ui->list.order);
  ui->list.order = NULL;
  selection_free(ui->list.selection);
  ui->list.selection = NULL;
  rungs_free(&ui->ladder.rungs);
}

struct model_connection *ui_connection(const struct ui *ui)
{
  return ui->connection_id != 0 ? model_find(ui->model, ui->connection_id) : NULL;
}

const struct finding *ui_finding(const struct ui *ui)
{
  const struct model_connection *connection = ui_connection(ui);
  return connection != NULL && ui->finding < connection->finding_count
             ? connection->findings[ui->finding]
             : NULL;
}

void ui_choose(struct ui *ui, uint64_t connection_id)
{
  if (ui->connection_id == connection_id)
    return;
  ui->connection_id = connection_id;
  ui->finding = 0;
  ui->findings_version = 0;
  ui->plot.from_ns = ui->plot.to_ns = 0;
  ui->plot.other_side = false;
  ui->ladder.top = ui->ladder.cursor = 0;
  ui->ladder.frame = 0;
  ui->ladder.count = 0;
  ui->ladder.shown_ns = TIME_INVALID;
  ui->verdict.cursor = 0;
  ui->verdict.scroll = 0;
}

void ui_say(struct ui *ui, const char *format, ...)
{
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(ui->message, sizeof ui->message, format, arguments);
  va_end(arguments);
}

void ui_enter(struct ui *ui, enum view_name view)
{
  for (int i = 0; i < ui->depth; i++)
    if (ui->views[i] == view) { /* it is on the way here */
      ui->depth = i + 1;
      return;
    }
  if (ui->depth < UI_DEPTH_MAX)
    ui->views[ui->depth++] = view;
}

void ui_back(struct ui *ui)
{
  ui->depth -= ui->depth > 1;
}

/* ---- drawing ---- */

static void draw_title(const struct ui *ui, const struct area *area)
{
  uint32_t stalled = 0, problems = 0;
  char text[200], clock[WORD_SIZE], moving[32] = "";
  for (uint32_t i = 0; i < ui->model->count; i++) {
    const struct model_connection *connection = ui->model->connections[i];
    stalled += model_is_held(ui->model, connection, ui->model->now_ns);
    problems += model_problems(connection);
  }
  if (ui->playing)
    snprintf(moving, sizeof moving, "playing %gx  ", ui->speed);
  else if (ui->paused)
    snprintf(moving, sizeof moving, "PAUSED  ");
  area_fill(area, STYLE_TITLE);
  const int at = area_format(area, 0, 1, STYLE_TITLE, "tcpstall %s  %s",
                             views[ui->views[ui->depth - 1]]->title, ui->model->title);
  word_clock(clock, ui->model->now_ns);
  snprintf(text, sizeof text, "%s%u connection%s%s, %u stalled now, %u problem%s  %s ", moving,
           ui->model->count, ui->model->count == 1 ? "" : "s",
           ui->model->left_out > 0 ? " (more left out)" : "", stalled, problems,
           problems == 1 ? "" : "s", clock);
  if (at + text_columns(text) + 3 > area->columns)
    snprintf(text, sizeof text, "  %s%u stalled  %s ", moving, stalled, clock);
  area_right(area, 0, area->columns, STYLE_TITLE, text);
}

static void draw_prompt(const struct ui *ui, const struct area *area)
{
  if (ui->prompt == PROMPT_KICK) {
    area_text(area, 0, 1, STYLE_STRONG, "send one ping through the sender's interface? (y/n)");
    return;
  }
  /* the end of a long line is what is being typed */
  const int room = area->columns - 12;
  const int hidden = (int)strlen(ui->typed) - room;
  const int at = area_format(area, 0, 1, STYLE_STRONG, "filter: %s_",
                             hidden > 0 ? ui->typed + hidden : ui->typed);
  if (ui->wrong[0] != '\0')
    area_text(area, 0, at + 3, STYLE_BAD, ui->wrong);
  else if (ui->typed[0] == '\0')
    area_text(area, 0, at + 3, STYLE_DIM, "port 443 and stalled, 10.0.0.1, sender-queue, not idle");
}

/* Where in the trace: problems are marked. */
static void draw_time(const struct ui *ui, const struct area *area)
{
  const struct model *model = ui->model;
  const double span = (double)(model->end_ns - model->start_ns) + 1;
  const int width = area->columns - 2;
  if (ui->prompt != PROMPT_NONE) {
    draw_prompt(ui, area);
    return;
  }
  if (ui->message[0] != '\0') {
    area_text(area, 0, 1, STYLE_STRONG, ui->message);
    return;
  }
  area_line(area, 0, 1, width, STYLE_FRAME, 0x2500);
  for (uint32_t i = 0; i < model->count; i++)
    for (uint32_t f = 0; f < model_problems(model->connections[i]); f++) {
      const struct finding *finding = model->connections[i]->findings[f];
      const int from = (int)((double)(finding->start_ns - model->start_ns) / span * width);
      const int64_t end_ns = model_finding_end_ns(model, finding);
      const int to = (int)((double)(end_ns - model->start_ns) / span * width);
      area_line(area, 0, 1 + from, to - from + 1, (enum style)style_of_location(finding->location),
                0x2584);
    }
  area_glyph(area, 0, 1 + (int)((double)(model->now_ns - model->start_ns) / span * (width - 1)),
             STYLE_STRONG, 0x25bc);
}

static bool is_offered(const struct ui *ui, const struct key_help *help)
{
  if (help->function == 0 || (help->live && !ui->model->live))
    return false;
  if (help->same == 'w')
    return ui->actions.write != NULL;
  return help->same != 'K' || ui->actions.kick != NULL;
}

static const char *bar_word(uint32_t same, bool live)
{
  switch (same) {
  case '?': return "Help";
  case '/': return "Filter";
  case 'n': return "Next";
  case 'N': return "Prev";
  case ' ': return live ? "Pause" : "Play";
  case 'w': return "Write";
  case 'K': return "Kick";
  default: return "Quit";
  }
}

static void draw_keys(const struct ui *ui, const struct area *area)
{
  int at = 0;
  for (int i = 0; i < key_table_count; i++) {
    const struct key_help *help = &key_table[i];
    if (!is_offered(ui, help))
      continue;
    at += area_format(area, 0, at, STYLE_KEY, "F%d", help->function);
    at += area_format(area, 0, at, STYLE_KEY_TEXT, "%-6s", bar_word(help->same, ui->model->live));
    at++;
  }
}

static void keep_finding(struct ui *ui)
{
  const struct model_connection *connection = ui_connection(ui);
  if (connection == NULL || connection->finding_count == 0)
    return;
  if (ui->findings_version != 0 && ui->findings_version != connection->findings_version)
    for (uint32_t i = 0; i < connection->finding_count; i++)
      if (connection->findings[i]->id == ui->finding_id)
        ui->finding = i;
  if (ui->finding >= connection->finding_count)
    ui->finding = connection->finding_count - 1;
  ui->finding_id = connection->findings[ui->finding]->id;
  ui->findings_version = connection->findings_version;
}

void ui_draw(struct ui *ui, struct grid *grid)
{
  const struct area whole = area_of(grid);
  const struct area title = area_part(&whole, 0, 0, 1, whole.columns);
  const struct area body = area_part(&whole, 1, 0, whole.rows - 1 - BELOW_ROWS, whole.columns);
  const struct area times = area_part(&whole, whole.rows - 2, 0, 1, whole.columns);
  const struct area keys = area_part(&whole, whole.rows - 1, 0, 1, whole.columns);
  grid_clear(grid);
  ui->body_rows = body.rows;
  ui->body_columns = body.columns;
  keep_finding(ui);
  views[ui->views[ui->depth - 1]]->draw(ui, &body);
  draw_title(ui, &title);
  draw_time(ui, &times);
  draw_keys(ui, &keys);
}

/* ---- keys ---- */

void ui_look_at(struct ui *ui, int64_t time_ns)
{
  struct model *model = ui->model;
  if (model->live && !ui->paused) {
    ui_say(ui, "this is now; Space stops the screen, then the time can be moved");
    return;
  }
  model->now_ns = time_ns < model->start_ns ? model->start_ns
                  : time_ns > model->end_ns ? model->end_ns
                                            : time_ns;
  /* a plot that shows a part goes along */
  const int64_t span_ns = ui->plot.to_ns - ui->plot.from_ns;
  if (span_ns > 0 && (model->now_ns < ui->plot.from_ns || model->now_ns > ui->plot.to_ns)) {
    ui->plot.from_ns = model->now_ns - span_ns / 2;
    ui->plot.to_ns = ui->plot.from_ns + span_ns;
  }
}

static void step_time(struct ui *ui, int steps)
{
  ui_look_at(ui, ui->model->now_ns + (ui->model->end_ns - ui->model->start_ns) / 100 * steps);
}

static bool is_shown(const void *context, const struct model_connection *connection)
{
  const struct ui *ui = context;
  return selection_matches(ui->list.selection, ui->model, connection);
}

/* To the midst of the next problem: there somebody holds the stream up. */
static void jump(struct ui *ui, bool forward)
{
  struct model_connection *connection = NULL;
  const struct finding *current = ui_finding(ui);
  const bool inside = current != NULL && ui->model->now_ns >= current->start_ns &&
                      ui->model->now_ns <= model_finding_end_ns(ui->model, current);
  struct model_place from = {.start_ns = ui->model->now_ns, .connection = 0};
  if (inside)
    from = (struct model_place){current->start_ns, ui->connection_id, current->id};
  const struct finding *next =
      model_next_problem(ui->model, &from, forward, is_shown, ui, &connection);
  from = (struct model_place){.start_ns = forward ? INT64_MIN : INT64_MAX};
  if (next == NULL) /* round again */
    next = model_next_problem(ui->model, &from, forward, is_shown, ui, &connection);
  if (next == NULL) {
    ui_say(ui, "there is no problem");
    return;
  }
  ui_choose(ui, connection->id);
  for (uint32_t i = 0; i < connection->finding_count; i++)
    if (connection->findings[i] == next)
      ui->finding = i;
  if (!ui->model->live || ui->paused)
    ui_look_at(ui, next->start_ns + (model_finding_end_ns(ui->model, next) - next->start_ns) / 2);
}

/* What is on the screen is kept while the capture goes on: the packets, too. */
static void toggle_pause(struct ui *ui)
{
  ui->paused = !ui->paused;
  if (ui->paused && ui_connection(ui) != NULL)
    model_packets_of(ui->model, ui_connection(ui));
  ui_say(ui, ui->paused ? "the screen stands, the capture goes on: [ ] move in time, Space goes on"
                        : "");
}

static void toggle_play(struct ui *ui)
{
  if (ui->model->live) {
    toggle_pause(ui);
    return;
  }
  ui->playing = !ui->playing;
  if (ui->playing && ui->model->now_ns >= ui->model->end_ns)
    ui->model->now_ns = ui->model->start_ns;
}

static void change_speed(struct ui *ui, double factor)
{
  const double speed = ui->speed * factor;
  ui->speed = speed < SPEED_MIN ? SPEED_MIN : speed > SPEED_MAX ? SPEED_MAX : speed;
  ui_say(ui, "plays at %g times the speed of then", ui->speed);
}

static void write_connection(struct ui *ui)
{
  const struct model_connection *connection = ui_connection(ui);
  if (ui->actions.write != NULL && connection != NULL)
    ui_say(ui, "%s", ui->actions.write(ui->actions.context, connection));
}

static bool handle_everywhere(struct ui *ui, uint32_t pressed)
{
  static const enum view_name numbered[] = {VIEW_CONNECTIONS, VIEW_CONNECTION, VIEW_LADDER,
                                            VIEW_FINDING};
  if (pressed >= '1' && pressed <= '4') {
    if (pressed == '1' || ui_connection(ui) != NULL)
      ui_enter(ui, numbered[pressed - '1']);
    return true;
  }
  switch (pressed) {
  case 'q': ui->quit = true; return true;
  case KEY_ESCAPE:
  case KEY_ERASE: ui_back(ui); return true;
  case '?': ui_enter(ui, VIEW_HELP); return true;
  case '[': step_time(ui, -1); return true;
  case ']': step_time(ui, 1); return true;
  case '{': step_time(ui, -10); return true;
  case '}': step_time(ui, 10); return true;
  case 'n': jump(ui, true); return true;
  case 'N': jump(ui, false); return true;
  case ' ': toggle_play(ui); return true;
  case 'w': write_connection(ui); return true;
  case '/': ui_ask_filter(ui); return true;
  case ',': change_speed(ui, 0.5); return true;
  case '.': change_speed(ui, 2); return true;
  case 'k':
  case 'K':
    if (ui->actions.kick != NULL && ui->model->live && ui_connection(ui) != NULL)
      ui->prompt = PROMPT_KICK;
    return true;
  case 'R':
    if (ui->actions.recorder != NULL)
      ui_say(ui, "%s", ui->actions.recorder(ui->actions.context));
    return true;
  default: return false;
  }
}

void ui_ask_filter(struct ui *ui)
{
  ui_enter(ui, VIEW_CONNECTIONS);
  ui->prompt = PROMPT_FILTER;
  ui->wrong[0] = '\0';
  snprintf(ui->typed, sizeof ui->typed, "%s", ui->list.filter);
}

/* What was typed stays until it is right, or given up. */
static void take_filter(struct ui *ui)
{
  struct selection *made = selection_parse(ui->typed, &ui->actions.language, ui->wrong);
  if (ui->wrong[0] != '\0')
    return;
  selection_free(ui->list.selection);
  ui->list.selection = made;
  ui->list.top = ui->list.cursor = 0;
  ui->connection_id = 0;
  snprintf(ui->list.filter, sizeof ui->list.filter, "%s", made != NULL ? ui->typed : "");
  ui->prompt = PROMPT_NONE;
}

static void handle_prompt(struct ui *ui, uint32_t pressed)
{
  const size_t length = strlen(ui->typed);
  if (ui->prompt == PROMPT_KICK) {
    ui->prompt = PROMPT_NONE;
    if ((pressed == 'y' || pressed == 'Y') && ui_connection(ui) != NULL)
      ui_say(ui, "%s", ui->actions.kick(ui->actions.context, ui_connection(ui)));
    return;
  }
  if (pressed == KEY_RETURN) {
    take_filter(ui);
    return;
  }
  ui->wrong[0] = '\0';
  if (pressed == KEY_ESCAPE) {
    ui->prompt = PROMPT_NONE;
  } else if (pressed == KEY_ERASE && length > 0) {
    ui->typed[length - 1] = '\0';
  } else if (pressed == CONTROL_U) {
    ui->typed[0] = '\0';
  } else if (pressed >= ' ' && pressed < 0x7f && length + 1 < sizeof ui->typed) {
    ui->typed[length] = (char)pressed;
    ui->typed[length + 1] = '\0';
  }
}

static void handle_key(struct ui *ui, uint32_t pressed)
{
  if (ui->prompt != PROMPT_NONE) {
    handle_prompt(ui, pressed);
    return;
  }
  ui->message[0] = '\0';
  for (int i = 0; i < key_table_count; i++)
    if (key_table[i].function > 0 && pressed == KEY_FUNCTION + (uint32_t)key_table[i].function)
      pressed = key_table[i].same;
  if (!views[ui->views[ui->depth - 1]]->key(ui, pressed))
    handle_everywhere(ui, pressed);
}

static void click_keys(struct ui *ui, int column)
{
  int at = 0;
  for (int i = 0; i < key_table_count; i++) {
    if (!is_offered(ui, &key_table[i]))
      continue;
    const int width = (key_table[i].function > 9 ? 3 : 2) + 7;
    if (column >= at && column < at + width) {
      handle_key(ui, key_table[i].same);
      return;
    }
    at += width;
  }
}

static void handle_mouse(struct ui *ui, const struct event *event)
{
  const struct view *view = views[ui->views[ui->depth - 1]];
  const struct model *model = ui->model;
  const int row = event->row - 1;
  const bool in_body = row >= 0 && row < ui->body_rows;
  const bool up = event->mouse == MOUSE_WHEEL_UP;
  ui->message[0] = '\0';
  if (up || event->mouse == MOUSE_WHEEL_DOWN) {
    if (view->wheel != NULL && in_body)
      view->wheel(ui, row, event->column, up);
    else
      for (int i = 0; i < WHEEL_STEPS; i++)
        view->key(ui, up ? KEY_UP_ : KEY_DOWN_);
  } else if (in_body && view->click != NULL) {
    view->click(ui, row, event->column, event->mouse == MOUSE_DOUBLE);
  } else if (row == ui->body_rows && ui->body_columns > 2) {
    ui_look_at(ui, model->start_ns + (int64_t)((double)(model->end_ns - model->start_ns) *
                                               (event->column - 1) / (ui->body_columns - 2)));
  } else if (row == ui->body_rows + 1) {
    click_keys(ui, event->column);
  }
}

void ui_handle(struct ui *ui, const struct event *event)
{
  switch (event->kind) {
  case EVENT_KEY: handle_key(ui, event->key); break;
  case EVENT_MOUSE: handle_mouse(ui, event); break;
  case EVENT_END: ui->quit = true; break;
  case EVENT_RESIZE:
  case EVENT_NONE: break;
  }
}

void ui_pass(struct ui *ui, int64_t passed_ns)
{
  if (!ui->playing || ui->model->live)
    return;
  ui_look_at(ui, ui->model->now_ns + (int64_t)((double)passed_ns * ui->speed));
  ui->playing = ui->model->now_ns < ui->model->end_ns;
}

/* ---- the loop ---- */

static int64_t clock_ns(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

/* A large trace takes a while to be read again: that is said where the screen would only stand. */
static void tell_loading(const struct ui *ui, struct grid *grid)
{
  const enum view_name view = ui->views[ui->depth - 1];
  const struct area whole = area_of(grid);
  const struct area line = area_part(&whole, whole.rows - BELOW_ROWS, 0, 1, whole.columns);
  if ((view != VIEW_CONNECTION && view != VIEW_LADDER) || ui_connection(ui) == NULL ||
      ui->model->packets_of == ui->connection_id)
    return;
  area_fill(&line, STYLE_NORMAL);
  area_text(&line, 0, 1, STYLE_STRONG, "reading its packets...");
  screen_show(grid);
}

void ui_run(struct ui *ui)
{
  struct grid grid = {0};
  struct event event;
  int rows, columns;
  int64_t before_ns = clock_ns();
  while (!ui->quit) {
    screen_size(&rows, &columns);
    if ((rows != grid.rows || columns != grid.columns) && !grid_resize(&grid, rows, columns))
      break;
    tell_loading(ui, &grid);
    ui_draw(ui, &grid);
    screen_show(&grid);
    screen_wait(ui->playing ? FRAME_MS : IDLE_MS, &event);
    /* keys that come faster than the screen is drawn are all taken before it is drawn again */
    for (int i = 0; i < 32 && event.kind != EVENT_NONE && !ui->quit; i++) {
      ui_handle(ui, &event);
      screen_wait(0, &event);
    }
    const int64_t now_ns = clock_ns();
    ui_pass(ui, now_ns - before_ns);
    before_ns = now_ns;
  }
  grid_free(&grid);
}
