#!/usr/bin/env bash
# Makes a whole set of captures with known truth: every line of the matrix that matches PATTERN, or, with a seed, runs
# drawn from space.txt (draw.sh): a new seed is a new lab.
#
#   lab.sh [--seed N [--draws K]] OUTDIR [PATTERN [JOBS]]      K runs (default 1) of each line; MATRIX names another list
# OUTDIR/INDEX.txt tells what each folder holds, line by line as it comes. What did not happen as intended is tried
# again twice and then does not count.
set -u
here=$(cd "$(dirname "$0")" && pwd)
seed='' draws=1
while :; do
  case ${1:-} in
    --seed) seed=$2; shift 2;;
    --draws) draws=$2; shift 2;;
    *) break;;
  esac
done
out=${1:?usage: lab.sh [--seed N [--draws K]] OUTDIR [PATTERN [JOBS]]} pattern=${2:-.} jobs=${3:-3}
mkdir -p "$out"

one() { # NAME SCENARIO [KEY=VALUE]...
  local name=$1 scenario=$2 dir=$out/$1 status; shift 2
  for _ in 1 2 3; do
    timeout 60 "$here/run.sh" "$scenario" "$dir" "$@" >"$dir.out" 2>&1; status=$?
    [ $status = 1 ] || break
  done
  if [ $status != 0 ] && [ $status != 1 ] || ! [ -s "$dir/truth.json" ]; then
    echo "$name  NO-RUN $(tail -n 1 "$dir.out")" >>"$out/INDEX.txt"
    return
  fi
  rm -f "$dir.out"
  jq -r --arg dir "$name" '[$dir, (if .confirmed then "ok" else "NOT-CONFIRMED(" + (.failures | join("; ")) + ")" end),
    .expect.location + "/" + .expect.cause, .expect.kind, .expect.severity, "sender=" + .expect.sender,
    (if (.expect.also | length) > 0 then "also=" + (.expect.also | join(",")) else empty end), .note] | join("  ")' \
    "$dir/truth.json" >>"$out/INDEX.txt"
}

list() {
  if [ -n "$seed" ]; then "$here/draw.sh" "$seed" "$draws"
  elif [ -n "${MATRIX:-}" ]; then cat "$MATRIX"
  else cat "$here"/*matrix.txt; fi
}

while read -r name scenario keys; do
  case $name in ''|'#'*) continue;; esac
  [[ "$name $scenario $keys" =~ $pattern ]] || continue
  while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do wait -n; done
  # shellcheck disable=SC2086
  one "$name" "$scenario" $keys </dev/null &
done < <(list)
wait
