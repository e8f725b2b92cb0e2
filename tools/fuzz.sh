#!/usr/bin/env bash
# Fuzzes the readers, the decoders, the text importer and the analyzer with libFuzzer, one after the other.
#
#   tools/fuzz.sh [SECONDS [TARGET...]]      default: 60 seconds for each of tests/fuzz/fuzz_TARGET.c
#
# What a run finds new grows in build/fuzz/found/TARGET, and the next run starts from there; an input that
# crashes, hangs or leaks is kept in build/fuzz/crashes/TARGET-*, and the exit status is 1.
# Run one input again with: build/fuzz/tests/fuzz/fuzz_TARGET FILE
set -u -o pipefail
cd "$(dirname "$0")/.." || exit 2

seconds=${1:-60}
[ $# -gt 0 ] && shift
if ! [[ $seconds =~ ^[0-9]+$ ]]; then
  echo "usage: tools/fuzz.sh [SECONDS [TARGET...]]" >&2
  exit 2
fi
targets=("$@")
if [ ${#targets[@]} -eq 0 ]; then
  for source in tests/fuzz/fuzz_*.c; do
    name=${source##*/fuzz_}
    targets+=("${name%.c}")
  done
fi

tools/install-deps.sh build fuzz || exit $?
tools/build.sh fuzz -DBUILD_TESTING=ON --target "${targets[@]/#/fuzz_}" || exit $?
mkdir -p build/fuzz/crashes build/fuzz/logs

failed=0
for name in "${targets[@]}"; do
  mkdir -p "build/fuzz/found/$name"
  log=build/fuzz/logs/$name.log
  options=(-max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 -max_len=65536 -print_final_stats=1
    -artifact_prefix="build/fuzz/crashes/$name-")
  dictionary=tests/fuzz/$name.dict
  [ -f "$dictionary" ] && options+=(-dict="$dictionary")
  corpora=("build/fuzz/found/$name")
  [ -d "tests/fuzz/corpus/$name" ] && corpora+=("tests/fuzz/corpus/$name")
  result="no crash"
  started=$SECONDS
  if ! "build/fuzz/tests/fuzz/fuzz_$name" "${options[@]}" "${corpora[@]}" </dev/null >"$log" 2>&1; then
    result="FAILED: $(grep -oE 'Test unit written to .*' "$log" | tail -n 1) ($log)"
    failed=1
  fi
  runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  covered=$(grep -oE 'cov: [0-9]+' "$log" | tail -n 1)
  printf '%-16s %12s runs in %4d s  %-12s %s\n' "$name" "${runs:-?}" "$((SECONDS - started))" "${covered:-}" "$result"
done
exit $failed
