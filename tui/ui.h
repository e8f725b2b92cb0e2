#ifndef TUI_UI_H
#define TUI_UI_H

/* The dashboard: its views, what each of them stands on, and the loop around them. Views are
 * structs of operations (view_*.c); all state is here, so that a test can draw any of them into a
 * grid without a terminal. */

#include "tui/event.h"
#include "tui/grid.h"
#include "tui/model.h"
#include "tui/rungs.h"
#include "tui/selection.h"

#include <stdbool.h>

#define UI_TEXT_SIZE 200
#define UI_DEPTH_MAX 8

struct ui;

enum view_name {
  VIEW_CONNECTIONS,
  VIEW_CONNECTION,
  VIEW_LADDER,
  VIEW_FINDING,
  VIEW_HELP,
  VIEW_COUNT
};

struct view {
  const char *title;
  /* Draws the body, an empty area. */
  void (*draw)(struct ui *ui, const struct area *area);
  /* true: the key had a meaning here. */
  bool (*key)(struct ui *ui, uint32_t key);
  /* NULL, or a click at that place of the body. */
  void (*click)(struct ui *ui, int row, int column, bool twice);
  /* NULL (then it is the arrow keys), or the wheel at that place of the body. */
  void (*wheel)(struct ui *ui, int row, int column, bool up);
};

extern const struct view view_connections, view_connection, view_ladder, view_finding, view_help;

/* What only the program around can do; a function that is NULL is not offered. Each returns a
 * sentence for the user, valid until the next call. */
struct ui_actions {
  void *context;
  const char *(*write)(void *context, const struct model_connection *connection);
  const char *(*kick)(void *context, const struct model_connection *connection);
  const char *(*recorder)(void *context); /* starts it, or stops it */
  struct selection_language language;     /* of filters */
};

enum ui_sort { SORT_STALLED, SORT_ID, SORT_RATE, SORT_AGE, SORT_RTT, SORT_AGAIN, SORT_COUNT };

struct ui {
  struct model *model;
  struct ui_actions actions;
  enum view_name views[UI_DEPTH_MAX]; /* the last one is shown; Escape goes back */
  int depth;
  int body_rows, body_columns; /* as drawn last */
  bool quit, playing;
  bool paused; /* live: the screen stands, the capture goes on; whoever fills the model leaves it */
  double speed; /* of playing: seconds of the trace in a second */
  char message[UI_TEXT_SIZE * 2];
  /* a line that is being typed: for the filter, or a question */
  enum { PROMPT_NONE, PROMPT_FILTER, PROMPT_KICK } prompt;
  char typed[UI_TEXT_SIZE];
  char wrong[SELECTION_ERROR_SIZE]; /* with what was typed */

  uint64_t connection_id; /* chosen; 0: none */
  uint32_t finding;       /* of it: the position */
  /* the finding that is looked at keeps its place in the eye while others come and go */
  uint32_t finding_id, findings_version;

  struct {
    enum ui_sort sort;
    bool reversed;
    char filter[UI_TEXT_SIZE];
    struct selection *selection; /* the same, compiled; NULL: everything */
    uint32_t *order;             /* positions in the model, as shown */
    uint32_t count, capacity;
    uint32_t top, cursor;
    int longest; /* columns of the longest name that is shown */
  } list;
  struct {
    int64_t from_ns, to_ns; /* equal: the whole connection */
    bool other_side;        /* the stream with fewer bytes */
    bool far_end;           /* as the receiver's end saw it */
    bool announced;         /* what the ends announced, in place of the plots */
    /* where the plot was drawn last, within the body, and what it showed */
    int row, column, rows, columns;
    int64_t shown_from_ns, shown_to_ns;
  } plot;
  struct {
    struct rungs rungs;
    uint32_t top, cursor, count;
    bool moved;            /* the cursor, by the user: the time goes with it */
    int64_t shown_ns;      /* the time that was looked at when it was drawn */
    uint64_t frame;        /* where the cursor is; 0: not on a packet */
    uint64_t wanted_frame; /* to be gone to; 0: none */
    uint8_t end, wanted_end;
  } ladder;
  struct {
    uint32_t cursor;            /* evidence */
    int scroll, last;           /* rows above the screen; at most */
    int rows[EVIDENCE_MAX + 1]; /* of the body, where each piece of evidence begins */
    bool follow;                /* the cursor was moved: show where it is */
  } verdict;
  int help_top, help_last; /* rows of the help above the screen; at most */
};

/* false: no memory. */
bool ui_init(struct ui *ui, struct model *model, const struct ui_actions *actions);
void ui_free(struct ui *ui);
/* Goes to the worst problem of a trace. */
void ui_open_worst(struct ui *ui);

/* Draws everything. */
void ui_draw(struct ui *ui, struct grid *grid);
void ui_handle(struct ui *ui, const struct event *event);
/* So much time has passed (playing). */
void ui_pass(struct ui *ui, int64_t passed_ns);

/* With the terminal that is open (screen.h), until the user has enough. */
void ui_run(struct ui *ui);

/* For views. */
void ui_enter(struct ui *ui, enum view_name view);
void ui_back(struct ui *ui);
struct model_connection *ui_connection(const struct ui *ui); /* the chosen one; NULL: none */
const struct finding *ui_finding(const struct ui *ui);       /* the chosen one of it */
void ui_choose(struct ui *ui, uint64_t connection_id);
/* The time that is looked at, kept within what is shown. Live it moves only while paused. */
void ui_look_at(struct ui *ui, int64_t time_ns);
void ui_ask_filter(struct ui *ui);
void ui_say(struct ui *ui, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The table behind the help, the key bar and the manual. */
struct key_help {
  const char *keys, *what;
  int function;  /* in the key bar as F1 and so on; 0: not there */
  uint32_t same; /* the key that F stands for */
  bool live;     /* where something is captured */
};
extern const struct key_help key_table[];
extern const int key_table_count;

#endif
