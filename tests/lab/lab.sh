#!/usr/bin/env bash
# Makes a whole set of captures with known truth: every line of matrix.txt that matches PATTERN.
#
#   lab.sh OUTDIR [PATTERN [JOBS]]      OUTDIR/INDEX.txt tells what each folder holds, line by line as it comes;
#                                       MATRIX names another list than matrix.txt
set -u
here=$(cd "$(dirname "$0")" && pwd)
out=${1:?usage: lab.sh OUTDIR [PATTERN [JOBS]]} pattern=${2:-.} jobs=${3:-3}
mkdir -p "$out"

one() { # NAME SCENARIO [KEY=VALUE]...
  local name=$1 scenario=$2 dir=$out/$1; shift 2
  for _ in 1 2 3; do # what did not happen as intended does not count
    timeout 60 "$here/run.sh" "$scenario" "$dir" "$@" >"$dir.out" 2>&1 && break
  done
  if ! [ -s "$dir/truth.json" ]; then
    echo "$name  NO-RUN $(tail -n 1 "$dir.out")" >>"$out/INDEX.txt"
    return
  fi
  rm -f "$dir.out"
  jq -r --arg dir "$name" '[$dir, (if .confirmed then "ok" else "NOT-CONFIRMED(" + (.failures | join("; ")) + ")" end),
    .expect.location + "/" + .expect.cause, .expect.kind, .expect.severity, "sender=" + .expect.sender,
    (if (.expect.also | length) > 0 then "also=" + (.expect.also | join(",")) else empty end), .note] | join("  ")' \
    "$dir/truth.json" >>"$out/INDEX.txt"
}

while read -r name scenario keys; do
  case $name in ''|'#'*) continue;; esac
  [[ "$name $scenario $keys" =~ $pattern ]] || continue
  while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do wait -n; done
  # shellcheck disable=SC2086
  one "$name" "$scenario" $keys </dev/null &
done < <(if [ -n "${MATRIX:-}" ]; then cat "$MATRIX"; else cat "$here"/*matrix.txt; fi)
wait
