#!/usr/bin/env python3
"""validate.py SCHEMA_DIR NAME [lines] < DOCUMENT: does it keep to SCHEMA_DIR/NAME.schema.json, and is every member documented?

With `lines`, every line is a document. Readers are to pass over members that they do not know; the program has none that the schema
does not know: here every object is closed."""
import json
import os
import sys
import warnings

warnings.filterwarnings("ignore", category=DeprecationWarning)
try:
    import jsonschema
except ImportError:
    print("skipped: python3-jsonschema is not installed")
    sys.exit(77)


def closed(schema):
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    result = {key: closed(value) for key, value in schema.items()}
    if result.get("type") == "object" and isinstance(result.get("properties"), dict):
        result.setdefault("additionalProperties", False)
    return result


def load(directory):
    return {name: closed(json.load(open(os.path.join(directory, name), encoding="utf-8")))
            for name in os.listdir(directory) if name.endswith(".schema.json")}


def by_type(schema, document):
    """Of a choice, the one that the document's type means: its errors are those that tell something."""
    wanted = document.get("type") if isinstance(document, dict) else None
    if "oneOf" in schema and wanted in schema["$defs"]:
        return {**schema, "oneOf": [{"$ref": f"#/$defs/{wanted}"}]}
    return schema


def main():
    directory, name, *rest = sys.argv[1:]
    schemas = load(directory)
    schema = schemas[f"{name}.schema.json"]
    jsonschema.Draft202012Validator.check_schema(schema)
    checked, validators = 0, {}
    for text in sys.stdin.buffer if rest else [sys.stdin.buffer.read()]:
        document = json.loads(text)
        kind = document.get("type") if isinstance(document, dict) else None
        if kind not in validators:
            own = by_type(schema, document)
            resolver = jsonschema.RefResolver(f"{name}.schema.json", own, store=schemas)
            validators[kind] = jsonschema.Draft202012Validator(own, resolver=resolver)
        for error in validators[kind].iter_errors(document):
            while error.context:
                error = error.context[0]
            sys.exit(f"{'/'.join(map(str, error.absolute_path))}: {error.message[:500]}")
        checked += 1
    if checked == 0:
        sys.exit("nothing to check")


main()
