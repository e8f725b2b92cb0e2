#!/usr/bin/env bash
# Scripts for packetdrill: packetdrill.sh CASE TCPSTALL [--write]
#   golden  three samples' scripts are those of tests/replay/golden (--write makes these anew)
#   grammar the scripts of all samples, for either role, are packetdrill's language (pkt_grammar.awk)
#   run     packetdrill (in PATH, or PACKETDRILL=) runs some of them against this kernel
#   bites   a host whose transmit queue keeps what TCP sends does not pass
# Exit status 77: not possible here (said why).
set -u
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
case=$1 tcpstall=$2 samples=$root/samples
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() { echo "$case: $*" >&2; exit 1; }
skip() { echo "skipped: $*" >&2; exit 77; }

trace() { # NAME
  if [ -f "$samples/$1.pcapng" ]; then echo "$samples/$1.pcapng"; else echo "$samples/$1/report.txt"; fi
}

export_script() { # NAME [OPTION]...
  local name=$1; shift
  "$tcpstall" replay "$(trace "$name")" --export-packetdrill "$work/$name.pkt" "$@" >"$work/said" 2>&1 ||
    fail "$name: $(cat "$work/said")"
}

packetdrill=${PACKETDRILL:-$(command -v packetdrill)}
needs_packetdrill() {
  [ -x "${packetdrill:-}" ] || skip "no packetdrill (in PATH, or PACKETDRILL=)"
  unshare -n true 2>/dev/null || skip "network namespaces are not allowed here"
  [ -w /dev/net/tun ] || skip "/dev/net/tun is not accessible"
}

drill() { # FILE
  # shellcheck disable=SC2016 # the inner shell's
  timeout 60 unshare -n bash -c 'ip link set lo up; exec "$@"' _ "$packetdrill" "$1" >"$work/log" 2>&1
}

# packetdrill's times are real ones: a busy machine gets up to four tries.
passes() { # NAME
  local try
  export_script "$1"
  for try in 1 2 3 4; do
    drill "$work/$1.pkt" && return 0
    echo "try $try: $(head -n 1 "$work/log")" >&2
  done
  fail "$1: $(cat "$work/log")"
}

case $case in
  golden)
    for name in rto-backoff zero-window 2003-tap-stall; do
      export_script "$name"
      if [ "${3:-}" = --write ]; then cp "$work/$name.pkt" "$here/golden/$name.pkt"; continue; fi
      diff -u "$here/golden/$name.pkt" "$work/$name.pkt" || fail "$name: another script than tests/replay/golden/$name.pkt"
    done;;
  grammar)
    for trace in "$samples"/*.pcapng "$samples/2003-tap-stall/report.txt"; do
      for role in client server; do
        name=$(basename "$trace" .pcapng)
        "$tcpstall" replay "$trace" --role $role --export-packetdrill "$work/$name.pkt" >"$work/said" 2>&1 ||
          fail "$name: $(cat "$work/said")"
        awk -v kinds=1 -f "$here/pkt_grammar.awk" "$work/$name.pkt" >"$work/kinds" || fail "$(cat "$work/kinds")"
        told=$(sed -n 's/.*; \([0-9]*\) packets arrive, \([0-9]* are expected, [0-9]* calls\)$/\1 arrive, \2/p' "$work/said")
        [ "$told" = "$(cat "$work/kinds")" ] || fail "$name: it says $told, but it has $(cat "$work/kinds")"
      done
    done
    # the checker itself is no nodder
    for wrong in 's/ win [0-9]*//' 's/(1448)/(1447)/' 's/,nop,wscale/,wscale/' 's/^0.05/0.15/' 's/ = 3$/ = /' 's/^\(0.0[0-9]* \)> /\1/'; do
      sed "$wrong" "$here/golden/rto-backoff.pkt" >"$work/wrong.pkt"
      awk -f "$here/pkt_grammar.awk" "$work/wrong.pkt" >/dev/null && fail "the checker takes '$wrong'"
    done
    :;;
  run)
    needs_packetdrill
    for name in 2003-tap-stall rto-backoff zero-window ack-ignored local-drop-input; do passes $name; done;;
  bites)
    needs_packetdrill
    command -v tc >/dev/null || skip "no tc"
    passes tx-queue-hold
    # from when everything is acknowledged on, the queue lets nothing pass
    awk '{ line[NR] = $0 } $2 == "<" { last = NR; time = $1 }
      END { for (i = 1; i <= NR; i++) { print line[i]; if (i == last) print time " `tc qdisc add dev tun0 root pfifo limit 0`" } }' \
      "$work/tx-queue-hold.pkt" >"$work/held.pkt"
    drill "$work/held.pkt" && fail "a queue that holds is not noticed"
    grep -qi 'timed out\|timing error\|timestamp' "$work/log" || fail "$(cat "$work/log")";;
  *) fail "unknown case";;
esac
