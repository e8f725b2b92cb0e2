#!/usr/bin/env bash
# queries.sh check|duckdb|clickhouse: the worked example of docs/fleet.md (queries.py). Exit 77: the engine, or python3 or jq, is not here.
set -u
: "${TCPSTALL:?the program}" "${SOURCE_DIR:?the source tree}"
for tool in python3 jq; do
  command -v "$tool" >/dev/null || { echo "skipped: $tool is not installed"; exit 77; }
done
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 "$SOURCE_DIR/tests/fleet/queries.py" "$1" "$SOURCE_DIR" "$TCPSTALL" "$dir"
