#ifndef TESTS_CLI_JSON_SCHEMA_H
#define TESTS_CLI_JSON_SCHEMA_H

/* As much of JSON Schema as docs/schema/ uses: type, properties, required, items, minItems, enum,
 * minimum, maximum, pattern of one letter in a range, additionalProperties, $ref into $defs.
 * Stricter than a schema in one point: a member that the schema does not describe is an error, so
 * that the document keeps up with the program. */

#include <jansson.h>
#include <stdio.h>
#include <string.h>

struct json_schema {
  const json_t *root;
  unsigned errors;
};

static inline void json_schema_check(struct json_schema *schema, const json_t *rules, json_t *value,
                                     const char *path);

static inline void json_schema_error(struct json_schema *schema, const char *path, const char *what)
{
  fprintf(stderr, "%s: %s\n", path[0] != '\0' ? path : "(document)", what);
  schema->errors++;
}

static inline int json_schema_is(json_t *value, const char *type)
{
  if (strcmp(type, "object") == 0)
    return json_is_object(value);
  if (strcmp(type, "array") == 0)
    return json_is_array(value);
  if (strcmp(type, "string") == 0)
    return json_is_string(value);
  if (strcmp(type, "integer") == 0)
    return json_is_integer(value);
  if (strcmp(type, "number") == 0)
    return json_is_number(value);
  if (strcmp(type, "boolean") == 0)
    return json_is_boolean(value);
  return strcmp(type, "null") == 0 && json_is_null(value);
}

static inline void json_schema_type(struct json_schema *schema, const json_t *type, json_t *value,
                                    const char *path)
{
  size_t i;
  const json_t *one;
  if (json_is_string(type) && !json_schema_is(value, json_string_value(type)))
    json_schema_error(schema, path, json_string_value(type));
  if (!json_is_array(type))
    return;
  json_array_foreach(type, i, one) if (json_schema_is(value, json_string_value(one))) return;
  json_schema_error(schema, path, "none of the types fits");
}

static inline void json_schema_range(struct json_schema *schema, const json_t *rules, json_t *value,
                                     const char *path)
{
  const json_t *least = json_object_get(rules, "minimum"),
               *most = json_object_get(rules, "maximum");
  if (!json_is_number(value))
    return;
  if (least != NULL && json_number_value(value) < json_number_value(least))
    json_schema_error(schema, path, "below the minimum");
  if (most != NULL && json_number_value(value) > json_number_value(most))
    json_schema_error(schema, path, "above the maximum");
}

static inline void json_schema_enum(struct json_schema *schema, const json_t *allowed,
                                    json_t *value, const char *path)
{
  size_t i;
  const json_t *one;
  if (allowed == NULL)
    return;
  json_array_foreach(allowed, i, one) if (json_equal(one, value)) return;
  json_schema_error(schema, path, "not one of the allowed words");
}

static inline void json_schema_object(struct json_schema *schema, const json_t *rules,
                                      json_t *value, const char *path)
{
  const json_t *properties = json_object_get(rules, "properties");
  const json_t *additional = json_object_get(rules, "additionalProperties");
  const char *key;
  json_t *member;
  size_t i;
  const json_t *required;
  char below[512];
  json_array_foreach(json_object_get(rules, "required"), i, required)
  {
    if (json_object_get(value, json_string_value(required)) != NULL)
      continue;
    snprintf(below, sizeof below, "%s.%s", path, json_string_value(required));
    json_schema_error(schema, below, "missing");
  }
  json_object_foreach(value, key, member)
  {
    const json_t *member_rules = json_object_get(properties, key);
    snprintf(below, sizeof below, "%s.%s", path, key);
    if (member_rules == NULL)
      member_rules = additional;
    if (member_rules == NULL)
      json_schema_error(schema, below, "not described");
    else
      json_schema_check(schema, member_rules, member, below);
  }
}

static inline void json_schema_check(struct json_schema *schema, const json_t *rules, json_t *value,
                                     const char *path)
{
  const char *ref = json_string_value(json_object_get(rules, "$ref"));
  size_t i;
  json_t *item;
  if (ref != NULL) {
    rules = json_object_get(json_object_get(schema->root, "$defs"), strrchr(ref, '/') + 1);
    if (rules == NULL)
      json_schema_error(schema, ref, "no such definition");
  }
  json_schema_type(schema, json_object_get(rules, "type"), value, path);
  json_schema_enum(schema, json_object_get(rules, "enum"), value, path);
  json_schema_range(schema, rules, value, path);
  if (json_is_object(value))
    json_schema_object(schema, rules, value, path);
  const json_t *least = json_object_get(rules, "minItems");
  if (least != NULL && (json_int_t)json_array_size(value) < json_integer_value(least))
    json_schema_error(schema, path, "too few items");
  json_array_foreach(value, i, item)
  {
    char below[512];
    snprintf(below, sizeof below, "%s[%zu]", path, i);
    json_schema_check(schema, json_object_get(rules, "items"), item, below);
  }
}

/* The number of errors; each is told on stderr. */
static inline unsigned json_schema_errors(const json_t *root, json_t *document)
{
  struct json_schema schema = {root, 0};
  json_schema_check(&schema, root, document, "");
  return schema.errors;
}

#endif
