# A real OpenVPN tunnel (TAP mode, MSS 1000, as in the 2003 report) over the lab's link, and an upload through it as ftp
# does it. The captures are on the tunnel's devices; what is below them, the lab's link included, is the path.
# shellcheck shell=bash disable=SC2034,SC2154 # sourced by run.sh, which owns these variables
#
# Keys: at=BYTE hold=SECONDS of=a|b (whose tunnel process is stopped) ring=FRAMES (txqueuelen of A's device)

vpn_keys() { # HOST: its own certificate, made for this run
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "/CN=$1" \
    -keyout "$out/$1.vpn.key" -out "$out/$1.vpn.crt" 2>/dev/null
}

vpn_end() { # HOST PEER TUNNEL_ADDRESS PEER_TUNNEL_ADDRESS ROLE_OPTION...
  local h=$1 fingerprint options
  fingerprint=$(openssl x509 -in "$out/$2.vpn.crt" -noout -fingerprint -sha256 | cut -d= -f2)
  options=(--dev tap0 --dev-type tap --proto "udp$ip" --port 1194 --mssfix 1000 --disable-dco --verb 3
    --cert "$out/$h.vpn.crt" --key "$out/$h.vpn.key" --peer-fingerprint "$fingerprint" "${@:5}")
  if [ "$ip" = 4 ]; then options+=(--ifconfig "$3" 255.255.255.0); else options+=(--ifconfig-ipv6 "$3/64" "$4"); fi
  launch "$h" openvpn "${options[@]}" >"$out/$h.vpn.log" 2>&1
  pid_vpn[$h]=$!
}

# Sets up the tunnel; from then on the hosts' addresses and devices are those of the tunnel.
make_tunnel() {
  local h far=$addr_b
  declare -gA pid_vpn=()
  for h in openvpn openssl; do command -v $h >/dev/null || { echo "skipped: no $h" >&2; exit 77; }; done
  vpn_keys a; vpn_keys b
  for h in a b; do on $h sysctl -qw net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.default.dad_transmits=0 2>/dev/null; done
  if [ "$ip" = 4 ]; then addr_a=10.8.0.1 addr_b=10.8.0.2; else addr_a=fd00:8::1 addr_b=fd00:8::2; fi
  vpn_end b a $addr_b $addr_a --tls-server --dh none
  vpn_end a b $addr_a $addr_b --tls-client --remote "$far"
  for h in a b; do
    wait_for "$out/$h.vpn.log" "Initialization Sequence Completed" 10 || { tail -n 5 "$out/$h.vpn.log" >&2; exit 1; }
  done
  rm -f "$out"/[ab].vpn.{key,crt}
  nic=tap0
  if [ "$opener" = a ]; then server=$addr_b; else server=$addr_a; fi
  note "tunnel: $(sed -n 's/^.*\(OpenVPN [0-9.]*\) .*/\1/p;s/^.*\(Data Channel: .*\)/\1/p' "$out/a.vpn.log" | paste -sd ' ')"
}

tunnel_upload() {
  before() { make_tunnel; [ -z "$(opt ring)" ] || a ip link set $nic txqueuelen "$(opt ring)"; }
  # What is in flight fits into the buffers of the tunnel's own sockets, and into the receiver's.
  ftp_upload "$size" 8192 $((rtt / 2 + 1)) 32768
}

acked_bytes() { skmem | sed -n 's/.* bytes_acked:\([0-9]*\) .*/\1/p'; }
udp_drops() { "$1" nstat -asz UdpRcvbufErrors | awk '/UdpRcvbufErrors/ { print $2 }'; }

stop_tunnel() { # HOST SECONDS
  poll_until eval '[ "$(acked_bytes)" -ge "$(opt at 200000)" ] 2>/dev/null'
  kill -STOP "${pid_vpn[$1]}"; note "tunnel: the process of $1 is stopped"
  sleep 1
  sign_of_life
  sleep "$(($2 - 1))"
  note "tunnel: $(skmem)"
  kill -CONT "${pid_vpn[$1]}"; note "tunnel: the process of $1 goes on"
  sleep 0.5
  note "tunnel: datagrams dropped at a: $(udp_drops a), at b: $(udp_drops b)"
}

# The tunnel lowers the MSS of both SYNs on the way: each end announces 1460 (1440 in IPv6), the other one hears less.
scenario_openvpn_upload() {
  note="an upload through an OpenVPN TAP tunnel that lowers the MSS: a mismatch, and no stall"
  tunnel_upload
  healthy; no_hiccup; expected+=("notes Data.Channel -eq 1")
}

scenario_openvpn_stopped() {
  verdict forward-path path-hold
  note="the tunnel's process at one end stands still: what the sender's device took waits inside the tunnel"
  also=(ack-hold) # the process carries both directions: what was on its way back waits in it as well
  tunnel_upload
  during() { stop_tunnel "$(opt of b)" "$(opt hold 4)"; }
  expected=("a TcpExtTCPTimeouts -ge 2" "a TcpExtTCPSpuriousRtxHostQueues -eq 0" "a link_tx_dropped -eq 0"
    "notes dropped.at.a:.0,.at.b:.0 -eq 1" "b silence_ms -ge $(($(opt hold 4) * 1000 - 300))")
  told_by_dsack
}

scenario_openvpn_ring() {
  verdict forward-path tap-ring-drop; also=(path-hold segment-loss tail-loss rto-backoff path-outage ack-hold)
  meanwhile=(sender-tcp) # the backed-off timer outlives it
  note="the tunnel's process at A stands still and the ring of its device is small: the rest is dropped without a word"
  key[ring]=$(opt ring 8)
  tunnel_upload
  during() { stop_tunnel a "$(opt hold 3)"; }
  expected=("a link_tx_dropped -ge 3" "a TcpExtTCPSpuriousRtxHostQueues -eq 0" "a TcpRetransSegs -ge 3"
    "b silence_ms -ge $(($(opt hold 3) * 1000 - 300))")
}
