#!/usr/bin/env bash
# 0 nothing found, 1 a problem, 2 trouble; and every error says what, where and what to do.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
analyze=("$TCPSTALL" analyze)

healthy_text >"$dir/healthy.txt"
stalled_text >"$dir/stalled.txt"
expect 0 "${analyze[@]}" "$dir/healthy.txt"
says out 'No problem found in 1 TCP connection'
silent err
expect 1 "${analyze[@]}" "$dir/stalled.txt"
says out 'sender-queue'
says out 'tx-queue-hold'
silent err
expect 1 "${analyze[@]}" "$dir/healthy.txt" "$dir/stalled.txt"
says out 'end B'
expect 0 "${analyze[@]}" --connection 1 "$dir/healthy.txt" "$dir/stalled.txt"
expect 1 "${analyze[@]}" --connection test-local:33133 "$dir/healthy.txt" "$dir/stalled.txt"
expect 1 "${analyze[@]}" "$dir/stalled.txt" port 33133
expect 0 "${analyze[@]}" "$dir/stalled.txt" icmp
says out 'No TCP connections'

expect 2 "${analyze[@]}" -o "$dir/same" --html "$dir/same" "$dir/healthy.txt"
says err 'two of them name the same'

# nothing readable
expect 2 "${analyze[@]}" "$dir/absent.pcap"
says err 'absent.pcap: No such file or directory'
silent out
: >"$dir/empty"
expect 2 "${analyze[@]}" "$dir/empty"
says err empty
printf '\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00' >"$dir/foreign"
expect 2 "${analyze[@]}" "$dir/foreign"
says err foreign
expect 2 "${analyze[@]}" "$dir/healthy.txt" "$dir/absent.pcap"
expect 2 "${analyze[@]}" "$dir"

# readable, without TCP; and a link type that nobody decodes
pcap 1 '\xff\xff\xff\xff\xff\xff\x02\x00\x00\x00\x00\x01\x88\xcc\x00\x00' >"$dir/lldp.pcap"
expect 0 "${analyze[@]}" "$dir/lldp.pcap"
says out 'No TCP connections'
pcap 1 >"$dir/none.pcap"
expect 0 "${analyze[@]}" "$dir/none.pcap"
pcap 147 'abcd' 'efgh' >"$dir/user0.pcap"
expect 2 "${analyze[@]}" "$dir/user0.pcap"
says err 'link type 147'

# cut off: what comes before counts, and both sides hear of it
pcap 1 '\xff\xff\xff\xff\xff\xff\x02\x00\x00\x00\x00\x01\x88\xcc\x00\x00' 'second' |
  head -c -3 >"$dir/cut.pcap"
expect 0 "${analyze[@]}" "$dir/cut.pcap"
says err 'warning'
says err 'cut.pcap'
says out 'cut-off'
head -c 30 "$dir/cut.pcap" >"$dir/short.pcap"
expect 2 "${analyze[@]}" "$dir/short.pcap"

# bad usage
expect 2 "$TCPSTALL"
expect 2 "$TCPSTALL" nonsense
says err "no command 'nonsense'"
expect 2 "${analyze[@]}"
expect 2 "${analyze[@]}" --nonsense "$dir/healthy.txt"
for bad in --min-stall=fast --min-stall=-1 --min-stall=3d --min-stall=nan --connection=: --connection=0:70000 \
  --connection=a,b,c "--at=," --at=A= --limits=nonsense=1 --limits=connections=0 --limits=connections \
  --color=perhaps; do
  expect 2 "${analyze[@]}" "$bad" "$dir/healthy.txt"
  says err "tcpstall analyze: "
  silent out
done
expect 2 "${analyze[@]}" --connection 99 "$dir/healthy.txt"
says err 'no such one'
expect 2 "${analyze[@]}" --connection elsewhere:80 "$dir/healthy.txt"
says err elsewhere
expect 2 "${analyze[@]}" --at elsewhere "$dir/healthy.txt"
says err elsewhere
expect 2 "${analyze[@]}" "$dir/healthy.txt" no such filter
says err 'filter'
expect 2 "${analyze[@]}" -f tcp "$dir/healthy.txt" port 80
expect 2 "${analyze[@]}" -o "$dir/absent/report" "$dir/healthy.txt"
says err 'absent/report'
expect 2 "${analyze[@]}" - -
if [ -e /dev/full ]; then
  "${analyze[@]}" "$dir/healthy.txt" >/dev/full 2>"$dir/err"
  [ $? -eq 2 ] || fail 'a full disk is trouble'
fi
finish
