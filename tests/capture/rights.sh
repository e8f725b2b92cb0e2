#!/usr/bin/env bash
# Who may do what while `tcpstall capture` records: as root, with capabilities on the file, in a user namespace, and without rights.
#
#   rights.sh TCPSTALL      exit status 0, 1, 77 not possible here (said why)
set -u
program=${1:?usage: rights.sh TCPSTALL}
here=$(cd "$(dirname "$0")" && pwd)
PATH=$PATH:/usr/sbin:/sbin
# shellcheck source=space_lib.sh
. "$here/space_lib.sh"
for tool in unshare setpriv setcap pgrep ip ping tshark; do
  command -v $tool >/dev/null || skip "no $tool"
done

if [ "${2:-}" != inside ]; then
  [ "$(id -u)" = 0 ] || skip "root is needed: who else could give rights up?"
  setpriv --reuid nobody --clear-groups true 2>/dev/null || skip "this root cannot become another user"
  work=$(mktemp -d) || exit 2
  trap 'rm -rf "$work"' EXIT
  unshare -np --fork --kill-child --mount-proc bash "$0" "$program" inside "$work"
  exit
fi

cd "$3" || exit 2
chmod 755 .
capture=
ip link set lo up
ping -q -i 0.05 127.0.0.1 >/dev/null &
nobody=$(id -u nobody)
seccomp=0
"$program" --version | grep -q "libseccomp [0-9]" && seccomp=2

start() { # COMMAND...
  : >err
  "$@" 2>err &
  capture=$!
  until grep -q Ctrl-C err; do
    kill -0 $capture 2>/dev/null || { wrong "did not start: $(cat err)"; return 1; }
    sleep 0.01
  done
  mapfile -t parts < <(pgrep -P $capture)
  [ ${#parts[@]} = 2 ] || wrong "${#parts[@]} processes beside the keeper"
}
state() { # PID NAME
  sed -n "s/^$2:[[:space:]]*\([0-9a-f]*\).*/\1/p" "/proc/$1/status"
}
none() { [ -z "${1//0/}" ]; }
# has_none PID UID: it is that user, has no capabilities, can get none, and may make few calls
has_none() {
  local name
  [ "$(state "$1" Uid)" = "$2" ] || wrong "a process without rights is user $(state "$1" Uid), not $2"
  for name in CapPrm CapEff CapAmb; do none "$(state "$1" $name)" || wrong "$name: $(state "$1" $name)"; done
  [ "$(state "$1" NoNewPrivs)" = 1 ] || wrong "it can get rights again"
  [ "$(state "$1" Seccomp)" = $seccomp ] || wrong "seccomp is $(state "$1" Seccomp)"
}
stop() {
  sleep 0.4
  kill -INT $capture
  wait $capture || wrong "status $?: $(cat err)"
  [ "$(tshark -r lo.pcapng 2>/dev/null | wc -l)" -gt 2 ] || wrong "hardly any packets: $(cat err)"
}

# 1. Root: the keeper stays it, the others become nobody, or who is named.
start "$program" capture -v -i lo -w lo.pcapng || exit 1
sleep 0.2
[ "$(state $capture Uid)" = 0 ] || wrong "1: the keeper is user $(state $capture Uid)"
for part in "${parts[@]}"; do
  has_none "$part" "$nobody"
  none "$(state "$part" CapBnd)" || wrong "1: the bounding set is $(state "$part" CapBnd)"
  for descriptor in /proc/"$part"/fd/*; do
    [[ $(readlink "$descriptor") == */ns/* ]] && wrong "1: a namespace is open in a process without rights"
  done
done
grep -q "end A: its packets are read as another user, without capabilities" err || wrong "1: $(cat err)"
stop
start "$program" capture -i lo -w lo.pcapng --user daemon || exit 1
sleep 0.2
for part in "${parts[@]}"; do has_none "$part" "$(id -u daemon)"; done
stop

# 2. A file with capabilities, started by nobody.
cp "$program" ./tcpstall && chmod 755 tcpstall
if setcap cap_net_raw,cap_net_admin+ep tcpstall 2>/dev/null; then
  install -d -o nobody mine
  cd mine || exit 2
  start setpriv --reuid nobody --regid "$(id -g nobody)" --clear-groups ../tcpstall capture -i lo -w lo.pcapng || exit 1
  sleep 0.2
  none "$(state $capture CapEff)" && wrong "2: the keeper has no rights"
  for part in "${parts[@]}"; do has_none "$part" "$nobody"; done
  stop
  cd .. || exit 2
  setcap -r tcpstall
fi

# 3. Nobody without rights: told what would give them.
setpriv --reuid nobody --clear-groups ./tcpstall capture -i lo -w mine/none.pcapng 2>err && wrong "3: status 0"
{ grep -q "sudo" err && grep -q "setcap cap_net_raw,cap_net_admin+ep" err && [ "$(wc -l <err)" = 1 ]; } || wrong "3: $(cat err)"
[ -e mine/none.pcapng ] && wrong "3: a file was made"
setpriv --reuid nobody --clear-groups ./tcpstall capture -i lo -w mine/none.pcapng --user daemon 2>err && wrong "3: --user: status 0"
exit $status
