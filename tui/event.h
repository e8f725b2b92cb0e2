#ifndef TUI_EVENT_H
#define TUI_EVENT_H

/* What the user did. */

#include <stdint.h>

enum event_kind {
  EVENT_NONE, /* the time was up */
  EVENT_KEY,
  EVENT_MOUSE,
  EVENT_RESIZE,
  EVENT_END /* the terminal is gone, or a signal wants an end */
};

/* Keys that are no characters. */
enum key {
  KEY_UP_ = 0x110000,
  KEY_DOWN_,
  KEY_LEFT_,
  KEY_RIGHT_,
  KEY_PAGE_UP,
  KEY_PAGE_DOWN,
  KEY_FIRST,
  KEY_LAST,
  KEY_RETURN,
  KEY_ESCAPE,
  KEY_ERASE,
  KEY_TABULATOR,
  KEY_FUNCTION /* F1 is one more, F2 two */
};

enum mouse { MOUSE_CLICK, MOUSE_DOUBLE, MOUSE_WHEEL_UP, MOUSE_WHEEL_DOWN };

struct event {
  enum event_kind kind;
  uint32_t key; /* a character, or enum key */
  enum mouse mouse;
  int row, column; /* of the mouse */
};

#endif
