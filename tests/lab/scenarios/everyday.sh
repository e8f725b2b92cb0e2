# What people really run.
# shellcheck shell=bash disable=SC2034,SC2154 # sourced by run.sh, which owns these variables

scenario_healthy_iperf3() {
  no_hiccup; note="iperf3, one control and one data connection"; listener=0
  traffic() {
    command -v iperf3 >/dev/null || { echo "no iperf3" >&2; exit 77; }
    b iperf3 -s -1 -p "$port" >"$out/b.log" 2>&1 & local server_pid=$!
    sleep 0.5
    iperf3 -c "$addr_b" -p "$port" -n "$size" -C $cc >"$out/a.log" 2>&1
    wait $server_pid
  }
  expected+=("a TcpActiveOpens -eq 2")
}
scenario_healthy_curl() {
  opener=b server=$addr_a no_hiccup; note="curl fetches a file from python's http.server"; listener=0
  traffic() {
    command -v curl >/dev/null && command -v python3 >/dev/null || { echo "no curl or python3" >&2; exit 77; }
    local folder; folder=$(mktemp -d); head -c "$size" /dev/zero >"$folder/file"
    python3 -m http.server --bind "$addr_a" -d "$folder" "$port" >"$out/a.log" 2>&1 & local server_pid=$!
    local host=$addr_a; [ "$ip" = 6 ] && host="[$addr_a]"
    sleep 1
    b curl -sS -o /dev/null --retry 20 --retry-connrefused --retry-delay 1 "http://$host:$port/file" 2>"$out/b.log"
    kill $server_pid; rm -rf "$folder"
  }
  expected+=("b TcpActiveOpens -eq 1")
}
scenario_healthy_ssh() {
  verdict sender-app app-idle stall info; also=(app-turnaround app-trickle none keepalive-idle)
  note="a remote shell with somebody typing now and then (stream of the client), then a copy of a file"; listener=0
  traffic() {
    command -v sshd >/dev/null && [ "$(id -u)" = 0 ] || { echo "no sshd, or not root" >&2; exit 77; }
    mount -t tmpfs none /run && mount -t tmpfs none /var/log || exit 77 # ours alone: no trace in the host's login records
    local d; d=$(mktemp -d); mkdir -p /run/sshd
    ssh-keygen -q -t ed25519 -N '' -f "$d/host" && ssh-keygen -q -t ed25519 -N '' -f "$d/user"
    cp "$d/user.pub" "$d/authorized"; chmod 700 "$d"
    b "$(command -v sshd)" -D -e -p "$port" -h "$d/host" -f /dev/null -o UsePAM=no -o StrictModes=no \
      -o "Subsystem=sftp internal-sftp" \
      -o AuthorizedKeysFile="$d/authorized" 2>"$out/b.log" & local server_pid=$!
    sleep 0.7
    local options=(-F /dev/null -i "$d/user" -o StrictHostKeyChecking=no -o UserKnownHostsFile="$d/known" -o LogLevel=ERROR)
    { for word in true date 'sleep 1; date' exit; do sleep 0.6; echo "$word"; done; } |
      ssh "${options[@]}" -tt -p "$port" "root@$addr_b" >"$out/a.log" 2>&1
    head -c "$size" /dev/urandom >"$d/file"
    scp "${options[@]}" -P "$port" "$d/file" "root@[$addr_b]:/dev/null" >>"$out/a.log" 2>&1
    kill $server_pid; rm -rf "$d"
  }
  expected=("a TcpActiveOpens -eq 2" "a TcpExtTCPTimeouts -eq 0" "a TcpOutSegs -ge 100")
}
