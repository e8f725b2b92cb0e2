typedef int capture_room_is_empty;
