#!/usr/bin/env bash
# schema.sh samples|cases|captures: what the program writes keeps to the schemas in docs/schema, and has no member that is not there.
set -u
: "${TCPSTALL:?the program}" "${SOURCE_DIR:?the source tree}"
schemas=$SOURCE_DIR/docs/schema
python3 -c 'import jsonschema' 2>/dev/null || { echo "skipped: python3-jsonschema is not installed"; exit 77; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failures=0 documents=0

# validate NAME FILE [lines]
validate()
{
  documents=$((documents + 1))
  python3 "$SOURCE_DIR/tests/fleet/validate.py" "$schemas" "$1" "${@:3}" <"$2" >"$dir/said" 2>&1 && return
  echo "FAILED: $1: $trace: $(head -c 1000 "$dir/said")"
  failures=$((failures + 1))
}

# One document a line, so that a few processes check them all.
gather()
{
  "$TCPSTALL" analyze --json "$@" 2>/dev/null >"$dir/report"
  [ $? -le 1 ] && tr -d '\n' <"$dir/report" >>"$dir/reports" && echo >>"$dir/reports"
}

case $1 in
  samples) traces=("$SOURCE_DIR"/samples/*.pcapng "$SOURCE_DIR"/samples/*/*.txt) ;;
  cases) traces=("$SOURCE_DIR"/tests/cases/*.txt) ;;
  captures)
    folder=${TCPSTALL_CAPTURES:-$SOURCE_DIR/../shared/captures}
    if [ ! -f "$folder/LIST.jsonl" ]; then
      echo "skipped: no capture collection at $folder (set TCPSTALL_CAPTURES to the folder that holds LIST.jsonl)"
      exit 77
    fi
    mapfile -t traces < <(find "$folder" -type f ! -name LIST.jsonl | sort)
    ;;
  *) echo "schema.sh: there is no $1" >&2; exit 2 ;;
esac
for trace in "${traces[@]}"; do
  gather "$trace"
done
trace="each of ${#traces[@]} traces"
validate tcpstall-1 "$dir/reports" lines
"$TCPSTALL" analyze --json-lines --each "${traces[@]}" 2>/dev/null >"$dir/lines"
validate tcpstall-1-lines "$dir/lines" lines
echo "$(wc -l <"$dir/reports") reports and $(wc -l <"$dir/lines") lines of ${#traces[@]} traces"

if [ "$1" = samples ]; then # the checker can fail
  head -n 1 "$dir/lines" | sed 's/"end":"A"/"end":"Z"/' >"$dir/wrong"
  python3 "$SOURCE_DIR/tests/fleet/validate.py" "$schemas" tcpstall-1-lines lines <"$dir/wrong" >/dev/null 2>&1 &&
    echo "FAILED: a wrong value passes" && failures=1
  head -n 1 "$dir/lines" | sed 's/"end":"A"/"end":"A","undocumented":1/' >"$dir/wrong"
  python3 "$SOURCE_DIR/tests/fleet/validate.py" "$schemas" tcpstall-1-lines lines <"$dir/wrong" >/dev/null 2>&1 &&
    echo "FAILED: a member that is not in the schema passes" && failures=1
fi
[ "$failures" -eq 0 ]
