#include "capture/interface_table.h"

#include "capture/clean_text.h"
#include "wire/sample_format.h"

#include <stdlib.h>
#include <string.h>

void interface_table_clear(struct interface_table *table)
{
  for (uint32_t i = 0; i < table->count; i++) {
    free(table->entries[i].name);
    free(table->entries[i].description);
    free(table->entries[i].gap);
    filter_free(table->entries[i].filter);
  }
  free(table->entries);
  *table = (struct interface_table){0};
}

static int make_room(struct interface_table *table, struct error *error)
{
  if (table->count >= INTERFACE_TABLE_MAX)
    return error_set(error, ERROR_LIMIT, "more than %d interfaces in one file",
                     INTERFACE_TABLE_MAX);
  if (table->count < table->capacity)
    return 0;
  uint32_t capacity = table->capacity == 0 ? 4 : table->capacity * 2;
  struct interface_entry *entries = realloc(table->entries, capacity * sizeof *entries);
  if (entries == NULL)
    return error_set(error, ERROR_MEMORY, "no memory for %u interfaces", capacity);
  table->entries = entries;
  table->capacity = capacity;
  return 0;
}

static int copy_text(char **to, struct pcapng_text text, struct error *error)
{
  if (text.size == 0)
    return 0;
  *to = clean_text_dup(text.bytes, text.size, INTERFACE_TEXT_BYTES_MAX);
  return *to != NULL ? 0 : error_set(error, ERROR_MEMORY, "no memory for an interface's name");
}

static int compile_filter(struct interface_entry *interface, const char *filter_text,
                          struct error *error)
{
  if (filter_text == NULL || filter_text[0] == '\0')
    return 0;
  struct error why;
  int rc = filter_compile(&interface->filter, filter_text, interface->linktype,
                          interface->snaplen_bytes, &why);
  if (rc == ERROR_USAGE && !packet_linktype_supported(interface->linktype)) {
    interface->matches_nothing = true;
    return 0;
  }
  return rc < 0 ? error_set(error, rc, "%s (link type %u)", why.text, interface->linktype) : 0;
}

static bool announces_samples(struct pcapng_text comment)
{
  static const char words[] = SAMPLE_INTERFACE_COMMENT;
  return comment.size >= sizeof words - 1 && memcmp(comment.bytes, words, sizeof words - 1) == 0;
}

int interface_table_add(struct interface_table *table, const struct pcapng_interface_record *record,
                        const char *filter_text, struct error *error)
{
  int rc = make_room(table, error);
  if (rc < 0)
    return rc;
  struct interface_entry *interface = &table->entries[table->count++];
  *interface = (struct interface_entry){
      .linktype = record->linktype,
      .snaplen_bytes = record->snaplen_bytes,
      .tsresol = record->tsresol,
      .fcs_bytes = record->fcs_bytes,
      .tsoffset_s = record->tsoffset_s,
      .samples_announced = announces_samples(record->comment),
  };
  rc = copy_text(&interface->name, record->name, error);
  if (rc == 0)
    rc = copy_text(&interface->description, record->description, error);
  return rc < 0 ? rc : compile_filter(interface, filter_text, error);
}

bool interface_matches(const struct interface_entry *interface, const struct frame *frame)
{
  if (interface->matches_nothing)
    return false;
  return interface->filter == NULL || filter_matches(interface->filter, frame);
}
