# Sourced by tests that capture over ssh: a real sshd in another network namespace, with a host key and a user key of its
# own. Everything is made in $work, nothing of the user's is read or written. Needs root: sshd does.

# ssh_skip_reason: prints why it cannot be had here, if so.
ssh_skip_reason() {
  local tool
  [ "$(id -u)" = 0 ] || { echo "no root, which sshd needs"; return; }
  for tool in ssh sshd ssh-keygen unshare nsenter ip tcpdump; do
    command -v $tool >/dev/null || { echo "no $tool"; return; }
  done
  grep -qE '^ *0 +0 ' /proc/self/uid_map || { echo "not root of this host, which sshd needs"; return; }
  unshare -nm true 2>/dev/null || { echo "no right to make namespaces"; return; }
  getent passwd sshd >/dev/null || echo "no user sshd"
}

# ssh_make_keys: host key, user key, and the configurations of both sides; $1: the address of the host, $2: PATH there.
ssh_make_keys() {
  ssh-keygen -q -t ed25519 -N '' -f "$work/host_key" && ssh-keygen -q -t ed25519 -N '' -f "$work/user_key" || return 1
  cp "$work/user_key.pub" "$work/authorized"
  echo "[$1]:2222 $(cat "$work/host_key.pub")" >"$work/known_hosts"
  cat >"$work/sshd_config" <<CONFIG
ListenAddress $1:2222
HostKey $work/host_key
AuthorizedKeysFile $work/authorized
PermitRootLogin prohibit-password
PasswordAuthentication no
UsePAM no
StrictModes no
PidFile none
PrintMotd no
SetEnv PATH=$2
CONFIG
  cat >"$work/ssh_config" <<CONFIG
Host far
  HostName $1
  Port 2222
  User root
  IdentityFile $work/user_key
  IdentitiesOnly yes
  IdentityAgent none
  UserKnownHostsFile $work/known_hosts
  GlobalKnownHostsFile none
  StrictHostKeyChecking yes
CONFIG
}

# ssh_start_server NAMESPACE-PROCESS: sshd in there, with a /run of its own; its process id in $sshd.
ssh_start_server() {
  : >"$work/sshd.log"
  # shellcheck disable=SC2016 # expanded inside
  nsenter -t "$1" -n unshare -m sh -c 'mount -t tmpfs none /run && mkdir -p /run/sshd && exec "$(command -v sshd)" -D -e -f "$0"' \
    "$work/sshd_config" 2>"$work/sshd.log" &
  sshd=$!
  local i
  for ((i = 0; i < 250; i++)); do
    grep -q "Server listening" "$work/sshd.log" && return 0
    kill -0 $sshd 2>/dev/null || return 1
    sleep 0.02
  done
  return 1
}
