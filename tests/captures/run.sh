#!/usr/bin/env bash
# run.sh NAME SOURCE_DIR: runs check_NAME ($CHECK) over the capture collection. Exit 77: there is none here.
set -eu
name=$1 source_dir=$2
folder=${TCPSTALL_CAPTURES:-$source_dir/../shared/captures}
if [ ! -f "$folder/LIST.jsonl" ]; then
  echo "skipped: no capture collection at $folder (set TCPSTALL_CAPTURES to the folder that holds LIST.jsonl)"
  exit 77
fi
case $name in
  reader) exec "$CHECK" "$folder" "$source_dir/tests/captures/differences.tsv" ;;
  analyze) exec "$CHECK" "$folder" "$source_dir/tests/captures/differences.tsv" "$TCPSTALL" ;;
  *) echo "run.sh: unknown check $name" >&2; exit 2 ;;
esac
