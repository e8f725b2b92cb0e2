typedef int report_room_is_empty;
