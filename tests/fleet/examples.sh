#!/usr/bin/env bash
# The examples beside docs/metrics.md: rules and their tests, the dashboard, the service. What tool is missing is said; none: exit 77.
set -u
: "${SOURCE_DIR:?the source tree}"
examples=$SOURCE_DIR/docs/examples
failures=0 checked=0
fail() { echo "FAILED: $*"; failures=$((failures + 1)); }

if command -v promtool >/dev/null; then
  checked=1
  for check in "check config $examples/prometheus/prometheus.yml" "check rules $examples/prometheus/tcpstall.rules.yml" \
    "test rules $examples/prometheus/tcpstall.rules.test.yml"; do
    # shellcheck disable=SC2086 # words
    promtool $check >/tmp/promtool.$$ 2>&1 || fail "promtool $check: $(cat /tmp/promtool.$$)"
    rm -f /tmp/promtool.$$
  done
else
  echo "note: promtool (Debian's prometheus) is not installed: the rules were not tried"
fi

if command -v python3 >/dev/null; then
  checked=1
  python3 - "$SOURCE_DIR" <<'PY' || failures=$((failures + 1))
import json, re, sys
source = sys.argv[1]
documented = set(re.findall(r"^\| `(tcpstall_\w+)` \|", open(f"{source}/docs/metrics.md").read(), re.M))
dashboard = json.load(open(f"{source}/docs/examples/grafana/tcpstall.json"))
expressions = [t["expr"] for p in dashboard["panels"] for t in p["targets"]]
expressions += [v["query"]["query"] for v in dashboard["templating"]["list"] if isinstance(v["query"], dict)]
rules = open(f"{source}/docs/examples/prometheus/tcpstall.rules.yml").read()
tests = open(f"{source}/docs/examples/prometheus/tcpstall.rules.test.yml").read()
wrong = []
for where, text in (("dashboard", " ".join(expressions)), ("rules", rules), ("rules' tests", tests)):
    names = set(re.findall(r"\btcpstall_\w+", text))
    wrong += [f"{where}: there is no {name}" for name in sorted(names - documented)]
    wrong += [f"{where}: names no metric"] if not names else []
alerts = re.findall(r"- alert: (\w+)", rules)
wrong += [f"{alert} has no test" for alert in alerts if alert not in tests]
ids = [p["id"] for p in dashboard["panels"]]
places = [p["gridPos"] for p in dashboard["panels"]]
wrong += ["dashboard: two panels have one id"] if len(ids) != len(set(ids)) else []
for i, a in enumerate(places):
    for b in places[:i]:
        if a["x"] < b["x"] + b["w"] and b["x"] < a["x"] + a["w"] and a["y"] < b["y"] + b["h"] and b["y"] < a["y"] + a["h"]:
            wrong.append(f"dashboard: panels overlap: {a}, {b}")
for text in wrong:
    print(f"FAILED: {text}")
sys.exit(bool(wrong))
PY
fi

if command -v systemd-analyze >/dev/null; then
  checked=1
  # the program and its manual page need not be installed here
  said=$(SYSTEMD_LOG_LEVEL=warning systemd-analyze verify "$examples/systemd/tcpstall@.service" 2>&1 |
    grep '^tcpstall@' | grep -vE "Command /usr/bin/tcpstall is not executable|Command 'man ")
  [ -z "$said" ] || fail "systemd-analyze verify: $said"
else
  echo "note: systemd-analyze is not installed: the service was not tried"
fi
# what the service starts is understood
if [ -n "${TCPSTALL:-}" ]; then
  options=$(sed -n 's/^ExecStart=[^ ]* capture //p' "$examples/systemd/tcpstall@.service" | tr ' ' '\n' | grep -oE '^--?[a-z-]+' | sort -u)
  for option in $options; do
    case $option in
      --*) "$TCPSTALL" capture --help | grep -qE -- "^ .*$option\b" || fail "the service uses $option, which capture does not know" ;;
    esac
  done
fi
[ "$checked" -eq 1 ] || exit 77
[ "$failures" -eq 0 ]
