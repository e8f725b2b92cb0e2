#!/usr/bin/env bash
# Compares what tcpstall, tshark and tcptrace count in the same captures, per direction of each connection:
# retransmitted segments, zero windows, segments out of order, and the smallest round-trip time (ms).
#
#   compare.sh FILE...        TCPSTALL names the program
# Beside a truth.json (lab.sh), what host A sent again is compared with its kernel's own counter as well (a.pcap).
# Prints FILE DIRECTION MEASURE TCPSTALL TSHARK TCPTRACE and = or DIFF. docs/comparison.md explains the differences.
# Exit status: 0, also with differences; 77 if a tool is missing.
set -u
tcpstall=${TCPSTALL:-tcpstall}
[ $# -ge 1 ] || { sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 2; }
for tool in tshark tcptrace jq; do
  command -v $tool >/dev/null || { echo "skipped: no $tool" >&2; exit 77; }
done

# Each collector prints DIRECTION<tab>MEASURE<tab>VALUE, where DIRECTION is the ports "sender>receiver" of the data,
# and zero windows are those that the receiver of that direction announces.
from_tcpstall() {
  "$tcpstall" analyze --json "$1" 2>/dev/null | jq -r '.connections[]
    | [.client.port, .server.port] as [$c, $s] | .streams[]
    | (if .sender == "client" then "\($c)>\($s)" else "\($s)>\($c)" end) as $key
    | [$key, "retransmitted", .retransmitted_segments], [$key, "zero-windows", .zero_windows],
      [$key, "out-of-order", .out_of_order],
      [$key, "rtt-min", (if .rtt_min_s then (.rtt_min_s * 100000 | round / 100) else "-" end)] | @tsv'
}

from_tshark() {
  tshark -r "$1" -Y tcp -T fields -e tcp.srcport -e tcp.dstport -e tcp.analysis.retransmission \
    -e tcp.analysis.zero_window -e tcp.analysis.out_of_order -e tcp.analysis.ack_rtt 2>/dev/null |
    awk -F '\t' '
      { sent = $1 ">" $2; received = $2 ">" $1; seen[sent]; seen[received] }
      $3 != "" { again[sent]++ }
      $4 != "" { zero[received]++ }
      $5 != "" { disordered[sent]++ }
      $6 != "" && (!(received in rtt) || $6 < rtt[received]) { rtt[received] = $6 }
      END {
        for (key in seen) {
          printf "%s\tretransmitted\t%d\n%s\tzero-windows\t%d\n%s\tout-of-order\t%d\n", key, again[key], key, zero[key],
            key, disordered[key]
          printf "%s\trtt-min\t%s\n", key, key in rtt ? sprintf("%.2f", rtt[key] * 1000) : "-"
        }
      }'
}

from_tcptrace() {
  tcptrace --csv -nlr "$1" 2>/dev/null | awk -F ' *, *' '
    function put(key, measure, value) { printf "%s\t%s\t%s\n", key, measure, value }
    function rtt(value, samples) { return samples > 0 ? value : "-" }
    /^conn_#/ { for (i = 1; i <= NF; i++) column[$i] = i; next }
    !("host_a" in column) || NF < 50 { next }
    {
      a = $column["port_a"]; b = $column["port_b"]
      put(a ">" b, "retransmitted", $column["rexmt_data_pkts_a2b"]); put(b ">" a, "retransmitted", $column["rexmt_data_pkts_b2a"])
      put(a ">" b, "zero-windows", $column["zero_win_adv_b2a"]); put(b ">" a, "zero-windows", $column["zero_win_adv_a2b"])
      put(a ">" b, "out-of-order", $column["outoforder_pkts_a2b"]); put(b ">" a, "out-of-order", $column["outoforder_pkts_b2a"])
      put(a ">" b, "rtt-min", rtt($column["RTT_min_a2b"], $column["RTT_samples_a2b"]))
      put(b ">" a, "rtt-min", rtt($column["RTT_min_b2a"], $column["RTT_samples_b2a"]))
    }'
}

compare() { # FILE
  { from_tcpstall "$1" | sed 's/^/0\t/'; from_tshark "$1" | sed 's/^/1\t/'; from_tcptrace "$1" | sed 's/^/2\t/'; } |
    awk -F '\t' -v file="$1" '
      function near(x, y) { return x == y || (x != "-" && y != "-" && (x - y) ^ 2 < 0.0121) } # tcptrace rounds to 0.1 ms
      { key = $2 "\t" $3; value[key, $1] = $4; keys[key] }
      END {
        for (key in keys) {
          for (i = 0; i < 3; i++) if (!((key, i) in value)) value[key, i] = "-"
          same = near(value[key, 0], value[key, 1]) && near(value[key, 0], value[key, 2])
          printf "%s\t%s\t%s\t%s\t%s\t%s\n", file, key, value[key, 0], value[key, 1], value[key, 2], same ? "=" : "DIFF"
        }
      }' | sort
}

by_kernel() { # FILE
  local truth; truth=$(dirname "$1")/truth.json
  [ "$(basename "$1")" = a.pcap ] && [ -s "$truth" ] || return 0
  "$tcpstall" analyze --json "$1" 2>/dev/null | jq -r --arg file "$1" --slurpfile truth "$truth" '
    (if $truth[0].opener == "a" then "client" else "server" end) as $sender
    | ([.connections[].streams[] | select(.sender == $sender) | .retransmitted_segments] | add // 0) as $here
    | ($truth[0].counters.a.TcpRetransSegs // 0) as $there
    | [$file, "A>B", "retransmitted-kernel", $here, $there, "-", (if $here == $there then "=" else "DIFF" end)] | @tsv'
}

for file in "$@"; do
  compare "$file"
  by_kernel "$file"
done
