#!/bin/bash
# The first process of the guest that guest.sh boots: host A with a kernel of its own. GUEST names the folder of the
# run, which holds guest.conf; the root file system is the host's.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
# shellcheck source=/dev/null
. "$GUEST/guest.conf"
: "${mac_a:?}" "${mac_b:?}" "${addr_a:?}" "${addr_b:?}" "${bits:?}" "${endpoint:?}"
exec >"$GUEST/guest.log" 2>&1 </dev/null
# shellcheck disable=SC2154 # from guest.conf
sysctl -qw net.ipv4.tcp_timestamps="$ts" net.ipv4.tcp_sack="$sack" net.ipv4.tcp_no_metrics_save=1
ip link set lo up
ip link set vec0 address "$mac_a" gso_max_segs 1 up
ethtool -K vec0 tso off gso off gro off >/dev/null 2>&1
ip addr add "$addr_a/$bits" dev vec0
ip neigh replace "$addr_b" lladdr "$mac_b" dev vec0 nud permanent
tcpdump -i vec0 -U -n -Z root --immediate-mode --time-stamp-precision=nano -B 16384 -s 2048 -w "$GUEST/a.pcap" 2>"$GUEST/a.dump" &
capture=$!
until [ -e "$GUEST/guest.go" ]; do sleep 0.05; done
eval "$endpoint" 2>"$GUEST/a.log"
sleep 0.5
kill $capture
wait $capture
nstat -asz --json >"$GUEST/guest.counters"
sync
echo "done" >"$GUEST/guest.done"
echo o >/proc/sysrq-trigger
sleep 10
