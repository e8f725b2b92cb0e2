typedef int analyzer_room_is_empty;
