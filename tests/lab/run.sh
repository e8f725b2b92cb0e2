#!/usr/bin/env bash
# Makes one scenario of real traffic with known truth, captured at both ends.
#
#   run.sh SCENARIO OUTDIR [KEY=VALUE]...        run.sh --list
#
# Two hosts (unnamed network namespaces; A sends the data, B receives it) are joined by a veth pair or by two TAP
# devices with the path emulator in between. OUTDIR gets a.pcap and b.pcap (the two ends), truth.json (what was done,
# when, what must be found, which kernel counters confirm it), the logs of the endpoints and of the wire,
# samples of the sockets (a.ss, b.ss), and recording.pcapng: both ends as the program itself records them.
# Keys: ip=4|6 opener=a|b link=tap|veth|router (tap to a router, whose far side has mtu=BYTES) rtt=MS offload=0|1 cc=cubic|bbr|reno size=BYTES ts=0|1 (timestamps) sack=0|1
# mss=BYTES snap=BYTES port=N clock=OFFSET_S,SKEW_PPM (B's clock is wrong by so much), and more per scenario.
# LAB_BIN names the folder of lab_endpoint and tcpstall-pathemu, TCPSTALL (default: beside it) the program that records.
# Exit status: 0 it happened as intended, 1 it did not (the run does not count), 77 not possible here (said why).
set -u
here=$(cd "$(dirname "$0")" && pwd)
LAB_BIN=${LAB_BIN:-$here/../../build/release/tests}
TCPSTALL=${TCPSTALL:-$LAB_BIN/../tcpstall}

skip() { echo "skipped: $*" >&2; exit 77; }

if [ "${1:-}" = --list ]; then
  cat "$here"/scenarios/*.sh "$here"/*.scenarios.sh 2>/dev/null | sed -n 's/^scenario_\([a-z0-9_]*\)() .*/\1/p' | tr _ -
  exit 0
fi
[ $# -ge 2 ] || { sed -n '2,15s/^# \{0,1\}//p' "$0" >&2; exit 2; }

# Everything happens in namespaces of our own; when this shell ends, the kernel ends all that ran in them.
if [ -z "${LAB_INSIDE:-}" ]; then
  for tool in unshare nsenter ip tc tcpdump jq nstat ss; do
    command -v $tool >/dev/null || PATH=$PATH:/usr/sbin:/sbin command -v $tool >/dev/null || skip "no $tool"
  done
  for tool in lab_endpoint lab_trace tcpstall-pathemu; do
    [ -x "$LAB_BIN/$tool" ] || skip "no $tool in $LAB_BIN"
  done
  # Not as root of the new namespace: tcpdump would try to become somebody else there, and cannot.
  mapping=; [ "$(id -u)" = 0 ] || mapping="-U --map-current-user --keep-caps"
  unshare $mapping -mnp --fork --mount-proc true 2>/dev/null || skip "namespaces are not allowed here"
  [ -r /dev/net/tun ] && [ -w /dev/net/tun ] || skip "/dev/net/tun is not accessible"
  export LAB_INSIDE=1 LAB_BIN TCPSTALL PATH=$PATH:/usr/sbin:/sbin
  exec unshare $mapping -mnp --fork --kill-child --mount-proc bash "$0" "$@"
fi

scenario=$1 out=$2; shift 2
mkdir -p "$out" && out=$(cd "$out" && pwd) || exit 2
rm -f "$out"/{a,b}.{pcap,ss,log,dump} "$out"/{truth.json,wire.log,notes.log} "$out"/recording.{pcapng,log,compared}

# --- the keys, with their defaults ---------------------------------------------------------------------------
# shellcheck disable=SC2034 # some are for the scenarios
ip=4 opener=a link=tap rtt=0 offload=0 cc=cubic size=1000000 snap= port=5001 ts=1 sack=1 mss=
declare -A key=()
for pair in "$@"; do
  name=${pair%%=*} value=${pair#*=}
  case $name in
    ip|opener|link|rtt|offload|cc|size|snap|port|ts|sack|mss) printf -v "$name" %s "$value";;
    *) key[$name]=$value;;
  esac
done
opt() { echo "${key[$1]:-${2:-}}"; }   # opt NAME DEFAULT

# --- what a scenario may set ---------------------------------------------------------------------------------
wire=()              # what the path does: lines of docs/scenario.md
a_script=() b_script=()   # options and steps for lab_endpoint
listener=1           # 0: nobody listens
stop_after=25        # seconds; then the captures end, whether the endpoints are done or not
location=none cause=none kind=none severity=none note= sender=
blind=()             # ends (a, b) where there is nothing to see of it
also=()              # further causes that describe the same thing rightly
one_end=()           # the same, but only for who sees one end alone
meanwhile=()         # locations that hold the stream up too, for a part of the time
expected=()          # what confirms it: "a|b COUNTER -ge|-eq|-le N" of the kernel, "a|b silence_ms ...", "wire
                     # ACTION ..." (frames treated), "notes PATTERN ..." (lines), "a.ss PATTERN ..." (lines of ss)
# shellcheck disable=SC2034 # for the scenarios
declare -A pid_app=() # the endpoints' processes, by host
before() { :; }      # runs when the link is up
during() { :; }      # runs beside the endpoints
traffic() { run_endpoints; }   # replaces the endpoints
. "$here/scenario_words.sh"
for file in "$here"/scenarios/*.sh "$here"/*.scenarios.sh; do
  # shellcheck source=/dev/null
  [ -e "$file" ] && . "$file"
done
declare -F "scenario_${scenario//-/_}" >/dev/null || { echo "no scenario $scenario (--list)" >&2; exit 2; }

if [ "$ip" = 4 ]; then addr_a=10.9.0.1 addr_b=10.9.0.2 bits=24 nodad=; else addr_a=fd00:9::1 addr_b=fd00:9::2 bits=64 nodad=1; fi
[ "$link" = router ] && addr_b=${addr_b/9/10}
if [ "$opener" = a ]; then server=$addr_b; else server=$addr_a; fi
nic=eth0 mac_a=02:00:00:00:00:0a mac_b=02:00:00:00:00:0b mac_r=02:00:00:00:00:0c

unshare -n sleep 1000 & pid_b=$!
a() { "$@"; }
b() { nsenter -t $pid_b -n "$@"; }
r() { nsenter -t $pid_r -n "$@"; }
on() { local h=$1; shift; "$h" "$@"; }
launch() { # HOST COMMAND...: in the background, as a direct child: $! is its own pid
  local h=$1; shift
  if [ "$h" = a ]; then "$@" & else nsenter -t $pid_b -n "$@" & fi
}
note() { printf '%s %s\n' "$(date +%s.%N)" "$*" >> "$out/notes.log"; }
in_own_namespace() { until [ "$(readlink "/proc/$1/ns/net")" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.01; done; }
in_own_namespace $pid_b
if [ "$link" = router ]; then
  unshare -n sleep 1000 & pid_r=$!
  in_own_namespace $pid_r
fi

wait_for() { # FILE PATTERN SECONDS
  local i
  for ((i = 0; i < $3 * 50; i++)); do grep -q "$2" "$1" 2>/dev/null && return 0; sleep 0.02; done
  echo "no '$2' in $1" >&2; return 1
}

make_link() {
  local far=$pid_b
  if [ "$link" = veth ]; then
    ip link add $nic type veth peer name $nic netns $pid_b || return 1
  else
    [ "$link" = router ] && far=$pid_r
    local rule rules=(--rule "both delay $((rtt / 2))ms")
    [ "$offload" = 1 ] && rules+=(--rule "offload on")
    for rule in "${wire[@]}"; do rules+=(--rule "$rule"); done
    "$LAB_BIN/tcpstall-pathemu" --a 1 --if-a $nic --b "$far" --if-b $nic --log "$out/wire.log" "${rules[@]}" \
      >"$out/wire.ready" 2>"$out/wire.err" &
    pid_wire=$!
    wait_for "$out/wire.ready" ready 5 || { cat "$out/wire.err" >&2; return 1; }
    rm -f "$out/wire.ready" "$out/wire.err"
  fi
}

make_router() { # between A's subnet and B's; what leaves it towards B must not be larger than `mtu`
  r ip link add far type veth peer name $nic netns $pid_b
  r ip link set $nic address $mac_r up
  r ip link set far address $mac_r mtu "$(opt mtu 1500)" up
  r sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
  if [ "$ip" = 4 ]; then r ip addr add 10.9.0.254/24 dev $nic; r ip addr add 10.10.0.254/24 dev far
  else r ip addr add fd00:9::254/64 dev $nic nodad; r ip addr add fd00:10::254/64 dev far nodad; fi
  r ip neigh replace "$addr_a" lladdr $mac_a dev $nic nud permanent
  r ip neigh replace "$addr_b" lladdr $mac_b dev far nud permanent
  r ethtool -K far tso off gso off gro off tx off >/dev/null 2>&1
}

route_via_router() { # HOST ROUTER_ADDRESS
  on "$1" ip neigh replace "$2" lladdr $mac_r dev $nic nud permanent
  on "$1" ip route add default via "$2" dev $nic
}

make_host() { # HOST ADDRESS MAC PEER_ADDRESS PEER_MAC
  local h=$1 v6_off=1
  [ "$ip" = 6 ] && v6_off=0
  on "$h" sysctl -qw net.ipv6.conf.all.disable_ipv6=$v6_off net.ipv6.conf.default.disable_ipv6=$v6_off 2>/dev/null
  on "$h" sysctl -qw net.ipv6.conf.$nic.router_solicitations=0 net.ipv6.conf.$nic.accept_ra=0 \
    net.ipv6.conf.$nic.addr_gen_mode=1 2>/dev/null
  on "$h" sysctl -qw net.ipv4.tcp_timestamps=$ts net.ipv4.tcp_sack=$sack
  on "$h" ip link set lo up
  on "$h" ip link set $nic address "$3" txqueuelen 5000 up
  on "$h" ip addr add "$2/$bits" dev $nic ${nodad:+nodad}
  on "$h" ip neigh replace "$4" lladdr "$5" dev $nic nud permanent
  if { [ "$link" = veth ] || [ "$link$h" = routerb ]; } && [ "$offload" = 0 ]; then
    on "$h" ethtool -K $nic tso off gso off gro off tx off rx off >/dev/null 2>&1
  fi
  [ "$link" != veth ] && [ "$offload" = 0 ] && on "$h" ip link set $nic gso_max_segs 1
  return 0
}

snap_length() { if [ "$offload" = 1 ]; then echo "${snap:-128}"; else echo "${snap:-2048}"; fi; }
as_root=; [ "$(id -u)" != 0 ] || as_root="-Z root"
pids_dump=()
start_capture() { # HOST
  if declare -F "capture_$1" >/dev/null; then "capture_$1"; return; fi
  launch "$1" tcpdump -i $nic -U -n $as_root --immediate-mode --time-stamp-precision=nano -B 65536 \
    -s "$(snap_length)" -w "$out/$1.pcap" 2>"$out/$1.dump"
  pids_dump+=($!)
  wait_for "$out/$1.dump" "listening on" 5
}

# Beside the captures that the truth rests on: both ends in one file, by the program itself, with its samples of the
# sockets in both namespaces. A guest's sockets are those of another kernel: nobody samples them from here.
start_recording() {
  declare -F capture_a >/dev/null && return
  "$TCPSTALL" capture -i $nic -i "$nic@$pid_b" -s "$(snap_length)" -w "$out/recording.pcapng" 2>"$out/recording.log" &
  pid_recording=$!
  wait_for "$out/recording.log" "Ctrl-C" 5
}
stop_recording() { # and what differs from what the other captures saw meanwhile
  [ -n "${pid_recording:-}" ] || return
  kill -INT $pid_recording
  wait $pid_recording || echo "the recorder's exit status is $?" >>"$out/recording.compared"
  "$LAB_BIN/lab_trace" compare "$out/recording.pcapng" "$out/a.pcap" "$out/b.pcap" >>"$out/recording.compared" 2>&1
}

sample_sockets() {
  while :; do
    for h in a b; do { date +%s.%N; on $h ss -tinemOHa; } >>"$out/$h.ss"; done
    sleep 0.2
  done
}

start_endpoint() { # HOST ROLE
  local h=$1 role=$2 script
  declare -n script=${h}_script
  launch "$h" "$LAB_BIN/lab_endpoint" "$role" "$server" "$port" cc=$cc ${mss:+maxseg=$mss} "${script[@]}" 2>"$out/$h.log"
}

run_endpoints() {
  local acceptor=b pids=() p limit
  [ "$opener" = a ] || acceptor=a
  if [ $listener = 1 ]; then
    start_endpoint $acceptor listen; pids+=($!); pid_app[$acceptor]=$!
    wait_for "$out/$acceptor.log" "listen done" 5
  fi
  start_endpoint "$opener" connect; pids+=($!)
  # shellcheck disable=SC2034 # for the scenarios
  pid_app[$opener]=$!
  during & local helper=$!
  limit=$((SECONDS + stop_after))
  for p in "${pids[@]}"; do
    while [ $SECONDS -lt $limit ] && kill -0 "$p" 2>/dev/null; do sleep 0.05; done
    if kill -0 "$p" 2>/dev/null; then note "an endpoint still runs after $stop_after s" # it ends unseen, with this shell
    else wait "$p"; fi
  done
  wait $helper
}

stop_path() { # its last line of the log tells what it lost
  [ -n "${pid_wire:-}" ] || return 0
  kill "$pid_wire" && wait "$pid_wire"
}

stop_capture() {
  sleep 0.4
  kill "${pids_dump[@]}"
  wait "${pids_dump[@]}"
}

counters() { # HOST: what is not zero; the namespace is new, so these are the run's own
  if declare -F "counters_$1" >/dev/null; then "counters_$1"; return; fi
  on "$1" nstat -asz --json | jq '.kernel | with_entries(select(.value != 0 and (.key | test("^(Tcp|Ip|Icmp)"))))'
}

span_ms() { # HOST: from the first frame of its capture to the last
  tcpdump -n -tt -r "$out/$1.pcap" tcp 2>/dev/null | awk 'NR == 1 { first = $1 } END { printf "%d\n", ($1 - first) * 1000 }'
}

edges_taken_back() { # HOST: ACKs that allow less than one before did
  tcpdump -n -r "$out/$1.pcap" tcp 2>/dev/null | awk -v host="${2//./\\.}\\." '
    $3 !~ "^" host { next }
    match($0, /wscale [0-9]+/) { scale = 2 ^ substr($0, RSTART + 7, RLENGTH - 7); next }
    match($0, /ack [0-9]+, win [0-9]+/) {
      split(substr($0, RSTART, RLENGTH), word, /[ ,]+/)
      edge = word[2] + word[4] * scale
      if (edge < highest) n++; else highest = edge
    }
    END { print n + 0 }'
}

longest_silence_ms() { # HOST: between two frames of its capture
  tcpdump -n -tt -r "$out/$1.pcap" tcp 2>/dev/null |
    awk 'NR > 1 && $1 - last > longest { longest = $1 - last } { last = $1 } END { printf "%d\n", longest * 1000 }'
}

# A busy machine holds frames by itself: where nothing was to hold any, the run does not count. The two captures tell;
# the path only knows how late it was once it had read a frame.
path_was_late() {
  local longest
  declare -F capture_a >/dev/null && return
  case "$cause ${wire[*]}" in
    tap-ring-drop*|path-hold*|ack-hold*|*" hold "*|*" rate "*|*" reorder "*) return;;
  esac
  longest=$("$LAB_BIN/lab_trace" delay "$out/a.pcap" "$out/b.pcap")
  [ "${longest:-0}" -le $((rtt / 2 + 60)) ] || echo "the path was late: a frame took $longest ms"
}

check_expectations() { # prints failures
  local line h name op value got
  grep -q '"ring_drops":[1-9]' "$out/wire.log" 2>/dev/null && [ "$cause" != tap-ring-drop ] && echo "the path was too slow and lost frames"
  cat "$out/late"; rm -f "$out/late"
  if [ "$cause" != tap-ring-drop ] && [ -s "$out/wire.log" ]; then
    jq -r 'select(.act == "stop" and .lateness.max_ns > 60e6) | "the path was late by \(.lateness.max_ns / 1e6 | round) ms"' "$out/wire.log" 2>/dev/null
  fi
  grep -h "dropped by kernel" "$out"/{a,b}.dump | grep -v "^0 " | sed 's/^/capture: /'
  for line in "${expected[@]}"; do
    read -r h name op value <<<"$line"
    if [ "$h" = wire ]; then got=$(grep -c "\"act\":\"$name\"" "$out/wire.log")
    elif [ "$h" = notes ]; then got=$(grep -c "$name" "$out/notes.log")
    elif [ "$name" = link_tx_dropped ]; then got=$(jq '.[0].stats64.tx.dropped' "$out/$h.link")
    elif [[ $h = [ab].ss ]]; then got=$(grep -c -e "$name" "$out/$h")
    elif [ "$name" = silence_ms ]; then got=$(longest_silence_ms "$h")
    elif [ "$name" = span_ms ]; then got=$(span_ms "$h")
    elif [ "$name" = edges_taken_back ]; then got=$(edges_taken_back b "$addr_b")
    else got=$(jq -r --arg n "$name" '.[$n] // 0' "$out/$h.counters"); fi
    test "$got" "$op" "$value" || echo "$h $name is $got, expected $op $value"
  done
}

write_truth() {
  local failures; failures=$(check_expectations)
  local role=client; [ "$opener" = b ] && role=server
  jq -n --arg scenario "$scenario" --arg location "$location" --arg cause "$cause" --arg kind "$kind" \
    --arg severity "$severity" --arg sender "${sender:-$role}" --arg note "$note" --arg failures "$failures" \
    --arg ip "$ip" --arg opener "$opener" --arg link "$link" --arg rtt "$rtt" --arg offload "$offload" --arg cc "$cc" --arg ts "$ts" --arg sack "$sack" --arg mss "$mss" \
    --arg also "${also[*]}" --arg one_end "${one_end[*]}" --arg meanwhile "${meanwhile[*]}" --arg blind "${blind[*]}" --arg expected "$(printf '%s\n' "${expected[@]}")" \
    --arg wire "$(printf '%s\n' "${wire[@]}")" --arg a_script "${a_script[*]}" --arg b_script "${b_script[*]}" \
    --rawfile wire_log <(cat "$out/wire.log" 2>/dev/null) --rawfile notes <(cat "$out/notes.log" 2>/dev/null) \
    --rawfile a_log <(cat "$out/a.log" 2>/dev/null) --rawfile b_log <(cat "$out/b.log" 2>/dev/null) \
    --rawfile compared <(cat "$out/recording.compared" 2>/dev/null) \
    --slurpfile a "$out/a.counters" --slurpfile b "$out/b.counters" '
    def lines: split("\n") | map(select(. != ""));
    def words: split(" ") | map(select(. != ""));
    {scenario: $scenario, confirmed: ($failures == ""), failures: ($failures | lines),
     expect: {location: $location, cause: $cause, also: ($also | words),
              kind: $kind, severity: $severity, sender: $sender},
     one_end: ($one_end | words), meanwhile: ($meanwhile | words), blind: ($blind | words),
    note: $note, data_sender_end: "a", opener: $opener, ip: ($ip | tonumber), link: $link,
     rtt_ms: ($rtt | tonumber), offload: ($offload == "1"), congestion_control: $cc,
     mss: ($mss | tonumber? // null), timestamps: ($ts == "1"), sack: ($sack == "1"),
     faults: ($wire | lines), confirmed_by: ($expected | lines),
     scripts: {a: $a_script, b: $b_script},
     recording: (if $compared == "" then null elif any($compared | lines[]; test(", 0 differ$") | not) then "differs" else "complete" end),
     done: {wire: ($wire_log | lines | map(fromjson? // .) | .[:100] + (.[100:] | .[-1:])), host: ($notes | lines), a: ($a_log | lines | .[:200]), b: ($b_log | lines | .[:200])},
     counters: {a: $a[0], b: $b[0]}}' >"$out/truth.json"
  rm -f "$out"/{a,b}.{counters,link}
  [ -z "$failures" ] || { echo "$scenario: not as intended: $failures" >&2; return 1; }
}

"scenario_${scenario//-/_}"
make_link || exit 1
[ "$link" = router ] && make_router
make_host a $addr_a $mac_a $addr_b $mac_b
make_host b $addr_b $mac_b $addr_a $mac_a
if [ "$link" = router ]; then
  if [ "$ip" = 4 ]; then route_via_router a 10.9.0.254; route_via_router b 10.10.0.254
  else route_via_router a fd00:9::254; route_via_router b fd00:10::254; fi
fi
before
start_recording
start_capture a && start_capture b || exit 1
sample_sockets & pid_samples=$!
traffic
stop_capture
stop_recording
kill $pid_samples
path_was_late >"$out/late"
[ "$(opt clock 0,0)" = 0,0 ] || "$LAB_BIN/lab_trace" shift "$out/b.pcap" "${key[clock]%,*}" "${key[clock]#*,}"
for h in a b; do
  counters $h >"$out/$h.counters"
  on $h ip -s -j link show $nic >"$out/$h.link" 2>/dev/null
done
stop_path
write_truth
