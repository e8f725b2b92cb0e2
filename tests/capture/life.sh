#!/usr/bin/env bash
# What ends `tcpstall capture`, or a part of it, at a bad moment: kill -9 of any of its processes, a ring of files, files that
# cannot be opened. Whatever happens every file opens in tshark, and no process stays.
#
#   life.sh TCPSTALL      KILLS is how often something is killed; exit status 0, 1, 77 not possible here (said why)
set -u
program=${1:?usage: life.sh TCPSTALL}
here=$(cd "$(dirname "$0")" && pwd)
PATH=$PATH:/usr/sbin:/sbin
# shellcheck source=space_lib.sh
. "$here/space_lib.sh"

[ "${2:-}" = inside ] || enter "$here/life.sh" ping jq tshark pgrep

cd "$3" || exit 2
capture=
ip link set lo up
ip link add near type veth peer name far 2>/dev/null || skip "no veth"
for device in near far; do sysctl -qw net.ipv6.conf.$device.disable_ipv6=1 2>/dev/null; done
ip addr add 10.9.0.1/24 dev near && ip link set near up && ip link set far up
ip neigh replace 10.9.0.9 lladdr 02:00:00:00:00:09 dev near nud permanent
trap '[ -z "$capture" ] || kill -9 $capture $(pgrep -P $capture) 2>/dev/null; kill $load 2>/dev/null' EXIT

start() {
  : >err
  "$program" capture "$@" 2>err &
  capture=$!
  until grep -q Ctrl-C err; do
    kill -0 $capture 2>/dev/null || { wrong "did not start: $(cat err)"; return 1; }
    sleep 0.01
  done
}
ended() { # PID...: within three seconds
  local pid
  for pid in "$@"; do
    for ((i = 0; i < 150; i++)); do
      kill -0 "$pid" 2>/dev/null || continue 2
      grep -q "^State:.Z" "/proc/$pid/status" 2>/dev/null && continue 2
      sleep 0.02
    done
    return 1
  done
}
sent() { ip -s -j link show near | jq '.[0].stats64.tx.packets'; }

ping -q -i 0.002 10.9.0.9 >/dev/null &
load=$!

# 1. Killed at any moment: the keeper, the reader of either end, the writer. What was sent before the last tenth of a second is there.
for ((round = 0; round < ${KILLS:-12}; round++)); do
  start -i near -i far -w killed.pcapng || break
  before=$(sent)
  sleep "0.$((RANDOM % 4))$((RANDOM % 10))"
  mapfile -t parts < <(pgrep -P $capture)
  [ ${#parts[@]} = 3 ] || wrong "1: ${#parts[@]} processes beside the keeper"
  victim=$((round % 4)) # 0, 1: readers; 2: the writer; 3: the keeper
  after=$(sent)
  kill -KILL "${parts[$victim]:-$capture}"
  sleep "0.0$((RANDOM % 10))"
  [ $victim = 3 ] || [ $victim = 2 ] || kill -INT $capture
  { wait $capture; } 2>/dev/null # bash tells what was killed
  got=$?
  ended "${parts[@]}" || { wrong "1: processes stay when $victim was killed"; kill -9 "${parts[@]}" 2>/dev/null; }
  case $victim in
    0) expected=2 text="end A: near is lost: the process that reads it was ended by signal 9" ;;
    1) expected=2 text="end B: far is lost: the process that reads it was ended by signal 9" ;;
    2) expected=2 text="the process that writes was ended by signal 9" ;;
    3) expected=137 text= ;;
  esac
  { [ $got = "$expected" ] && grep -q "$text" err; } || wrong "1: status $got: $(cat err)"
  tshark -r killed.pcapng >frames 2>complaints || [ $victim = 2 ] || wrong "1: tshark: $(cat complaints)"
  [ -s complaints ] && ! grep -qE "cut short|Running as user" complaints && wrong "1: tshark: $(cat complaints)"
  found=$(tshark -r killed.pcapng -Y "frame.interface_id == 0 && icmp" 2>/dev/null | wc -l)
  other=$(tshark -r killed.pcapng -Y "frame.interface_id == 1 && icmp" 2>/dev/null | wc -l)
  case $victim in 0) found=$other ;; 2) found=$((found + 60)) ;; esac # 60 ms of merging, and as much for a busy machine
  [ "$found" -ge $((after - before - 2)) ] || wrong "1: $found of $((after - before)) packets when $victim was killed"
  capture=
done

# 2. A ring of files: as many as are to stay, no packet missing between them, each readable by itself.
start -i near -w ring.pcapng --ring-size 10K --ring-count 3 -v || exit 1
sleep 2.5
kill -INT $capture
wait $capture || wrong "2: status $?: $(cat err)"
capture=
made=$(grep -oE "written to [0-9]+ files" err | grep -oE "[0-9]+")
[ "${made:-0}" -gt 5 ] || wrong "2: $made files: $(cat err)"
files=(ring_*.pcapng)
[ ${#files[@]} = 3 ] || wrong "2: files that stay: ${files[*]}"
last=
for file in "${files[@]}"; do
  [[ $file =~ ^ring_[0-9]{5}_[0-9]{14}\.pcapng$ ]] || wrong "2: a name: $file"
  [ "$(stat -c %a "$file")" = 600 ] || wrong "2: $file: mode $(stat -c %a "$file")"
  tshark -r "$file" -T fields -e icmp.seq >sequence 2>/dev/null || wrong "2: tshark cannot read $file"
  [ -z "$last" ] || [ $(((last + 1) % 65536)) = "$(head -n 1 sequence)" ] || wrong "2: $file begins with $(head -n 1 sequence) after $last"
  last=$(tail -n 1 sequence)
  "$program" analyze --json "$file" | jq -e '.captures[0].dropped == 0' >/dev/null || wrong "2: analyze $file"
done
"$program" --version >version
grep -q "libseccomp [0-9]" version && ! grep -q "with few system calls" err && wrong "2: rights: $(cat err)"
start -i near -w timed.pcapng --ring-time 1s --duration 2500ms || exit 1
wait $capture || wrong "2: status $?: $(cat err)"
capture=
files=(timed_*.pcapng)
[ ${#files[@]} = 3 ] || wrong "2: files of 2.5 s: ${files[*]}"

# 3. The next file cannot be opened: said, and the files before are whole.
mkdir gone
start -i near -w gone/ring.pcapng --ring-size 20K || exit 1
sleep 0.5
mv gone away
wait $capture && wrong "3: status 0"
capture=
grep -q "cannot go on in a new file: gone/ring_.*No such file" err || wrong "3: $(cat err)"
for file in away/*; do
  tshark -r "$file" >frames 2>complaints || wrong "3: $file: $(cat complaints)"
done

# 4. The disk is full in a ring: said, and the files are whole.
mkdir full
if mount -t tmpfs -o size=128k none full 2>/dev/null; then
  start -i near -w full/ring.pcapng --ring-size 40K || exit 1
  wait $capture && wrong "4: status 0"
  capture=
  grep -q "No space left" err || wrong "4: $(cat err)"
  for file in full/*; do
    tshark -r "$file" 2>&1 >frames | grep -q "cut short" && wrong "4: $file is cut"
  done
  umount full
fi

# 5. Words that do not fit.
for arguments in "-w - --ring-size 1M" "-w x --ring-count 3" "-w x --ring-size 1" "-w x --ring-time 1ms" "-w x --user root" "-w x --user nobody-at-all"; do
  # shellcheck disable=SC2086 # words
  "$program" capture -i near $arguments >out 2>err && wrong "5: $arguments: status 0"
  [ -s err ] || wrong "5: $arguments: nothing said"
done
for option in --before=5s --memory=16m --on=crawl --rearm --kick; do
  "$program" capture -i near -w x.pcapng $option 2>err && wrong "5: $option: status 0"
  grep -q -- "${option%%=*} belongs to the flight recorder" err || wrong "5: $option: $(cat err)"
done
"$program" capture -q -i near -w x.pcapng --buffer 8m --size 1k 2>err || wrong "5: small letters: $(cat err)"
"$program" capture -i near -w x.pcapng --buffer 8mb 2>err && wrong "5: 8mb: status 0"
exit $status
