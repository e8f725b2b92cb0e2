/* json_schema_check SCHEMA < DOCUMENT: 0 if the document keeps to the schema. */

#include "json_schema.h"

int main(int argc, char **argv)
{
  json_error_t error;
  json_t *schema = argc == 2 ? json_load_file(argv[1], 0, &error) : NULL;
  if (schema == NULL) {
    fputs("usage: json_schema_check SCHEMA < DOCUMENT\n", stderr);
    return 2;
  }
  json_t *document = json_loadf(stdin, JSON_REJECT_DUPLICATES, &error);
  unsigned errors = 1;
  if (document == NULL)
    fprintf(stderr, "line %d: %s\n", error.line, error.text);
  else
    errors = json_schema_errors(schema, document);
  json_decref(document);
  json_decref(schema);
  return errors == 0 ? 0 : 1;
}
