#!/usr/bin/env bash
# parts.sh samples|cases|merged|ends|captures: what is found in the parts of a split trace is what is found in the whole.
# Of the many cases and captures every so-many-th is taken; PARTS_STEP=1 takes all.
set -u
: "${TCPSTALL:?the program}" "${SOURCE_DIR:?the source tree}"
here=$SOURCE_DIR/tests/fleet
command -v python3 >/dev/null || { echo "skipped: python3 is not installed"; exit 77; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failures=0 compared=0 skipped=0

# thinned STEP: of the lines of standard input, every STEP-th
thinned() { awk -v step="${PARTS_STEP:-$1}" 'NR % step == 0'; }

# compare PARTS TRACE...
compare()
{
  python3 "$here/compare_parts.py" "$TCPSTALL" "$1" "$dir" "${@:2}" >"$dir/out" 2>&1
  case $? in
    0) compared=$((compared + 1)) ;;
    77) skipped=$((skipped + 1)) ;;
    *)
      echo "FAILED: in $1 parts: ${*:2}: $(head -c 1500 "$dir/out")"
      failures=$((failures + 1))
      ;;
  esac
}

case $1 in
  samples)
    for trace in "$SOURCE_DIR"/samples/*.pcapng "$SOURCE_DIR"/samples/*/*.txt; do
      [ "${trace##*/}" = README.txt ] || compare 3 "$trace"
    done
    ;;
  cases)
    while read -r trace; do
      compare 2 "$trace"
    done < <(printf '%s\n' "$SOURCE_DIR"/tests/cases/*.txt | thinned 3)
    ;;
  merged) # connections that could be taken for each other's context
    python3 "$here/merge_samples.py" "$dir/a.pcap" 0 "$SOURCE_DIR"/samples/*.pcapng || exit 1
    for parts in 1 2 7 32; do
      compare "$parts" "$dir/a.pcap"
    done
    # a part of a part, and the other formats
    "$TCPSTALL" split -q -n 2 -o "$dir/half" "$dir/a.pcap" || failures=$((failures + 1))
    compare 3 "$dir/half-1.pcapng"
    compare 2 "$dir/half-2.pcapng"
    gzip -k "$dir/a.pcap"
    compare 3 "$dir/a.pcap.gz"
    # a pipe gives the same as a file
    "$TCPSTALL" split -q -n 3 -o "$dir/pipe" - <"$dir/a.pcap" || failures=$((failures + 1))
    "$TCPSTALL" split -q -n 3 -o "$dir/file" "$dir/a.pcap" || failures=$((failures + 1))
    for name in pipe file; do
      "$TCPSTALL" analyze --json-lines --each "$dir/$name"-?.pcapng | grep -o '"key":"[^"]*"' | sort >"$dir/$name.keys"
    done
    cmp "$dir/pipe.keys" "$dir/file.keys" || failures=$((failures + 1))
    ;;
  ends)
    for interface in 0 1; do
      python3 "$here/merge_samples.py" "$dir/end$interface.pcap" "$interface" "$SOURCE_DIR"/samples/*.pcapng || exit 1
    done
    for parts in 2 5; do
      compare "$parts" "$dir/end0.pcap" "$dir/end1.pcap"
    done
    ;;
  captures)
    folder=${TCPSTALL_CAPTURES:-$SOURCE_DIR/../shared/captures}
    if [ ! -f "$folder/LIST.jsonl" ]; then
      echo "skipped: no capture collection at $folder (set TCPSTALL_CAPTURES to the folder that holds LIST.jsonl)"
      exit 77
    fi
    while read -r trace; do
      compare 2 "$trace"
    done < <(find "$folder" -type f ! -name LIST.jsonl | sort | thinned 5)
    ;;
  *) echo "parts.sh: there is no $1" >&2; exit 2 ;;
esac
echo "$compared compared, $skipped skipped, $failures differ"
[ "$failures" -eq 0 ] && [ "$compared" -gt 0 ]
