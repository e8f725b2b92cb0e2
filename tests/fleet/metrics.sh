#!/usr/bin/env bash
# The counters of a running capture, over HTTP: what docs/metrics.md says, in the format that Prometheus wants, whoever asks.
# In a network namespace of its own. Exit 77: cannot be tested here.
set -u
: "${TCPSTALL:?the program}" "${SOURCE_DIR:?the source tree}"
if [ "${1:-}" != inside ]; then
  unshare -n true 2>/dev/null && exec unshare -n bash "$0" inside
  unshare -rn true 2>/dev/null && exec unshare -rn bash "$0" inside
  echo "skipped: no network namespace can be made here"
  exit 77
fi
command -v python3 >/dev/null || { echo "skipped: python3 is not installed"; exit 77; }
ip link set lo up || exit 77
dir=$(mktemp -d)
chmod 755 "$dir"
failures=0
pids=()
trap 'kill "${pids[@]}" 2>/dev/null; rm -rf "$dir"' EXIT
fail() { echo "FAILED: $*"; failures=$((failures + 1)); }
# get URL [HEADER]: the body goes to standard output
get()
{
  python3 - "$@" <<'PY'
import sys, urllib.request
headers = dict([sys.argv[2].split(": ", 1)]) if len(sys.argv) > 2 else {}
with urllib.request.urlopen(urllib.request.Request(sys.argv[1], headers=headers), timeout=10) as answer:
    sys.stdout.write("".join(f"# {k}: {v}\n" for k, v in answer.headers.items() if k == "Content-Type"))
    sys.stdout.write(answer.read().decode())
PY
}
# await FILE PATTERN
await()
{
  for _ in $(seq 150); do
    grep -qE "$2" "$1" && return
    sleep 0.1
  done
  fail "no '$2' in ${1##*/}: $(head -c 500 "$1")"
}
value() { sed -n "s/^$1 //p" "$2"; }

# bad usage
for address in nowhere 127.0.0.1:99999 '[::1' 1.2.3.4.5 127.0.0.1:x; do
  "$TCPSTALL" capture -i lo --metrics "$address" --duration 1s >"$dir/out" 2>"$dir/err"
  [ $? -eq 2 ] || fail "--metrics $address is taken"
  if grep -q 'built without' "$dir/err"; then
    echo "skipped: built without libmicrohttpd"
    exit 77
  fi
  grep -q 'expected ADDR' "$dir/err" || fail "--metrics $address: $(cat "$dir/err")"
done

"$TCPSTALL" capture -i lo --metrics :0 --json tcp port 5001 >"$dir/json" 2>"$dir/err" &
pids+=($!)
program=$!
await "$dir/err" 'metrics at .*127\.0\.0\.1'
await "$dir/err" 'recording lo'
url=$(sed -n 's/.*metrics at //p' "$dir/err")
port=${url##*:} port=${port%/metrics}
"$TCPSTALL" capture -i lo --metrics "127.0.0.1:$port" --duration 1s >"$dir/out" 2>&1
[ $? -eq 2 ] && grep -q 'in use' "$dir/out" || fail "a port that is taken: $(cat "$dir/out")"

# a receiver that does not read for three seconds
python3 - <<'PY' &
import socket, threading, time
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
listener.bind(("127.0.0.1", 5001))
listener.listen()
def serve():
    other, _ = listener.accept()
    time.sleep(3)
    while other.recv(65536):
        pass
threading.Thread(target=serve).start()
sender = socket.create_connection(("127.0.0.1", 5001))
sender.sendall(b"x" * 6000000)
sender.close()
PY
await "$dir/json" '"state":"open"'
get "$url" >"$dir/during" || fail "no answer"
[ "$(value 'tcpstall_stalled_connections{location="receiver-app"}' "$dir/during")" = 1 ] ||
  fail "the stall is not seen while it lasts: $(grep stalled "$dir/during")"
await "$dir/json" '"state":"closed"'
wait "${pids[-1]}" 2>/dev/null &
sleep 0.5
get "$url" >"$dir/after" || fail "no answer"
get "$url" 'Accept: application/openmetrics-text; version=1.0.0' >"$dir/openmetrics" || fail "no answer"
[ "$(value 'tcpstall_stalled_connections{location="receiver-app"}' "$dir/after")" = 0 ] || fail "the stall does not end"
grep -q '^tcpstall_findings_total{kind="stall",severity="problem",location="receiver-app",cause="zero-window"} 1$' "$dir/after" ||
  fail "the finding is not counted: $(grep findings "$dir/after")"
# the same time as the finding tells, and never less than before
python3 - "$dir" <<'PY' || failures=$((failures + 1))
import json, sys
directory = sys.argv[1]
closed = [json.loads(line) for line in open(f"{directory}/json")][-1]["connection"]["findings"][0]
def seconds(name):
    return sum(float(line.split()[1]) for line in open(f"{directory}/{name}") if line.startswith("tcpstall_stall_seconds_total"))
if not abs(seconds("after") - closed["waited_s"]) < 0.3 or seconds("during") > seconds("after"):
    sys.exit(f"FAILED: {seconds('during')} and then {seconds('after')} seconds of stall are counted, {closed['waited_s']} are told")
PY
python3 "$SOURCE_DIR/tests/fleet/validate.py" "$SOURCE_DIR/docs/schema" tcpstall-1-event lines <"$dir/json" >"$dir/said" 2>&1
[ $? -eq 0 ] || [ $? -eq 77 ] || grep -q skipped "$dir/said" || fail "the lines of JSON: $(cat "$dir/said")"

# the format
grep -q '^# Content-Type: text/plain; version=0.0.4' "$dir/after" || fail "not said to be text: $(head -n 1 "$dir/after")"
grep -q '^# Content-Type: application/openmetrics-text; version=1.0.0' "$dir/openmetrics" || fail "not said to be OpenMetrics"
[ "$(tail -n 1 "$dir/openmetrics")" = '# EOF' ] || fail "OpenMetrics without its end"
python3 "$SOURCE_DIR/tests/fleet/exposition.py" <(tail -n +2 "$dir/after") || fail "not in the text format"
python3 "$SOURCE_DIR/tests/fleet/exposition.py" --openmetrics <(tail -n +2 "$dir/openmetrics") || fail "not OpenMetrics"
if command -v promtool >/dev/null; then
  tail -n +2 "$dir/after" | promtool check metrics >"$dir/out" 2>&1 || fail "promtool: $(cat "$dir/out")"
fi
# what there is, and what is documented
diff <(sed -n 's/^# TYPE \([a-z_]*\) .*/\1/p' "$dir/after" | sort) \
  <(sed -n 's/^| `\(tcpstall_[a-z_]*\)` |.*/\1/p' "$SOURCE_DIR/docs/metrics.md" | sort) || fail "docs/metrics.md has other metrics (>)"

# who answers has no rights
server=$(pgrep -P "$program" tcpstall-http) || fail "no process of its own answers"
grep -q '^CapEff:.0*$' "/proc/$server/status" || fail "it has capabilities: $(grep CapEff "/proc/$server/status")"

# strange clients: nothing, garbage, too much, too slow, too many
python3 - "$port" <<'PY' || failures=$((failures + 1))
import socket, sys
address = ("127.0.0.1", int(sys.argv[1]))
def send(data):
    client = socket.create_connection(address, timeout=5)
    try:
        client.sendall(data)
        return client.recv(100)
    except OSError:
        return b""
    finally:
        client.close()
for data in (b"\r\n\r\n", b"\x16\x03\x01\x02\x00\x01", b"GET " + b"/" * 100000 + b" HTTP/1.1\r\n\r\n",
             b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello", b"GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n",
             b"GET /metrics HTTP/1.1\r\n" + b"A: b\r\n" * 10000 + b"\r\n"):
    if b" 200 " in send(data):
        sys.exit(f"FAILED: an answer to {data[:30]}")
slow = [socket.create_connection(address, timeout=5) for _ in range(40)]
for client in slow:
    try:
        client.sendall(b"GET /met")
    except OSError:
        pass
PY
for _ in 1 2 3 4 5 6; do
  get "$url" >"$dir/again" 2>/dev/null && break
  sleep 3
done
grep -q '^tcpstall_build_info' "$dir/again" || fail "strange clients have stopped it"

# Prometheus itself
if command -v prometheus >/dev/null; then
  mkdir "$dir/prometheus"
  sed "s/localhost:9958/127.0.0.1:$port/; s/15s/1s/; /^rule_files/,\$d" "$SOURCE_DIR/docs/examples/prometheus/prometheus.yml" >"$dir/prometheus.yml"
  prometheus --config.file="$dir/prometheus.yml" --storage.tsdb.path="$dir/prometheus" --web.listen-address=127.0.0.1:9099 \
    >"$dir/prometheus.log" 2>&1 &
  pids+=($!)
  for _ in $(seq 60); do
    get 'http://127.0.0.1:9099/api/v1/query?query=tcpstall_findings_total' >"$dir/scraped" 2>/dev/null &&
      grep -q zero-window "$dir/scraped" && break
    sleep 0.5
  done
  grep -q '"cause":"zero-window"' "$dir/scraped" || fail "Prometheus has not got it: $(tail -n 3 "$dir/prometheus.log")"
  kill "${pids[-1]}"
  wait "${pids[-1]}" 2>/dev/null
else
  echo "note: prometheus is not installed; the format was checked by promtool ($(command -v promtool || echo not installed)) and by this test"
fi

# it ends with the program, however that ends
kill -KILL "$program"
for _ in $(seq 30); do
  [ -d "/proc/$server" ] || break
  sleep 0.1
done
[ -d "/proc/$server" ] && fail "the server outlives the program"
[ "$failures" -eq 0 ]
