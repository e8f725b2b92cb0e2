# Strict tests of single scenarios: the capture points are declared, and each claim about the reports must hold.
# Sourced by *.test.sh, which are called NAME TCPSTALL (a line of their own matrix, the program).
# shellcheck shell=bash
# LAB_BIN names the folder of lab_endpoint and tcpstall-pathemu; KEEP names a folder for the run to stay in (one that
# is there already is judged again); LEVELS tells which claims are looked at ("a b ab sockets").
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tcpstall=${2:?usage: ${0##*/} NAME TCPSTALL}
export TCPSTALL=$tcpstall # run.sh records with it
failed=0 # shellcheck disable=SC2034 # the scripts that source this exit with it
levels=${LEVELS:-a b ab sockets}
both='ab sockets' every='a b ab sockets' # shellcheck disable=SC2034 # for claims

# A script may look at the captures for what its claims take for granted.
run_counts() { true; }

# Makes the run of a line of a matrix, sets run (its folder), scenario and keys. Ends the script where that is not
# possible here (77, said why), or where a busy machine did not bring it about in three attempts.
make_run() { # NAME MATRIX
  local status attempt work
  command -v jq >/dev/null || { echo "skipped: no jq"; exit 77; }
  read -r _ scenario keys < <(grep "^$1 " "$2") || { echo "$1 is not in $2"; exit 2; }
  if [ -n "${KEEP:-}" ]; then work=$KEEP; else work=$(mktemp -d); trap "rm -rf '$work'" EXIT; fi
  run=$work/$1
  mkdir -p "$run"
  rm -f "$run"/{a,b,ab,sockets}.json
  if jq -e .confirmed "$run/truth.json" >/dev/null 2>&1 && run_counts; then return; fi
  for attempt in 1 2 3; do
    # shellcheck disable=SC2086 # keys are words
    "$here/run.sh" "$scenario" "$run" $keys
    status=$?
    if [ $status = 0 ]; then run_counts && return; status=1; fi
    case $status in
      1) echo "attempt $attempt: not as intended";;
      *) exit $status;;
    esac
  done
  echo "skipped: three times not brought about as intended"
  exit 77
}

# The recording by the program itself has what the captures beside it have, no more and no less.
recording_is_complete() { [ "$(truth .recording)" = complete ] || { cat "$run/recording.log" "$run/recording.compared"; false; }; }

truth() { jq -r "$1" "$run/truth.json"; } # FILTER

# The longest time without a TCP frame in the capture of END, by tcpdump's word, in seconds.
silence_s() { # END
  tcpdump -n -tt -r "$run/$1.pcap" tcp 2>/dev/null |
    awk 'NR > 1 && $1 - last > longest { longest = $1 - last } { last = $1 } END { printf "%.3f", longest }'
}

# Analyses the run from LEVEL (a, b, ab, sockets) with the capture points declared, into $run/LEVEL.json.
analyse() { # LEVEL
  local a=client b=server files=("$run/a.pcap" "$run/b.pcap") at status
  [ "$(truth .opener)" = a ] || { a=server b=client; }
  case $1 in
    a) files=("$run/a.pcap") at=$a;;
    b) files=("$run/b.pcap") at=$b;;
    ab) at=A=$a,B=$b;;
    sockets) files=("$run/recording.pcapng") at=A=$a,B=$b;;
  esac
  "$tcpstall" analyze --json --at "$at" "${files[@]}" >"$run/$1.json" 2>"$run/$1.err"
  status=$?
  [ $status -le 1 ] || { echo "analyze of $1: exit status $status: $(head -n 1 "$run/$1.err")"; failed=1; }
}

# One claim about the reports of LEVELS; JQ yields true or false, and may use what strict.jq defines.
claim() { # LEVELS TEXT JQ
  local level outcome
  for level in $1; do
    case " $levels " in *" $level "*) ;; *) continue;; esac
    [ -e "$run/$level.json" ] || analyse "$level"
    outcome=$(jq --slurpfile truth "$run/truth.json" "$(cat "$here/strict.jq") $3" "$run/$level.json" 2>&1)
    if [ "$outcome" = true ]; then
      echo "ok      $level: $2"
    else
      echo "FAILED  $level: $2"
      jq -r "$(cat "$here/strict.jq")"' findings | "          found: " + told' "$run/$level.json"
      failed=1
    fi
  done
}

# The same of a fact that is not in a report.
check() { # TEXT COMMAND...
  local text=$1; shift
  if "$@"; then echo "ok      $text"; else echo "FAILED  $text"; failed=1; fi
}
