# What tests in namespaces of their own begin with. Sourced; needs $program. After `enter` the script runs inside, as root of
# a user namespace, with its own network and mounts, in an empty folder.
# shellcheck shell=bash
[ -z "${space_lib:-}" ] || return 0
space_lib=1

skip() { echo "skipped: $*"; exit 77; }
status=0
wrong() { echo "$*"; status=1; }

# enter SCRIPT [TOOL...]: runs the script anew, with "inside" and a folder of its own, in namespaces of its own; and ends
enter()
{
  local script=$1 tool; shift
  for tool in unshare nsenter ip "$@"; do
    command -v "$tool" >/dev/null || skip "no $tool"
  done
  unshare -Urnm true 2>/dev/null || skip "no user namespaces"
  work=$(mktemp -d) || exit 2
  trap 'rm -rf "$work"' EXIT
  unshare -Urnm bash "$script" "$program" inside "$work"
  exit
}

# What `end_all` ends.
processes=()
end_all() { for p in "${processes[@]}"; do kill "$p" 2>/dev/null; done; }

await_space() { # PID: until it has a network namespace of its own
  for ((i = 0; i < 200; i++)); do
    [ "$(readlink "/proc/$1/ns/net")" != "$(readlink /proc/self/ns/net)" ] && return
    sleep 0.02
  done
}
host() { # NAME of the variable for its process: another host, a network namespace
  unshare -n sleep 1000 &
  local pid=$!
  processes+=("$pid")
  await_space $pid
  printf -v "$1" %s $pid
}
# shellcheck disable=SC2154 # set by `host far`
there() { nsenter -t "$far" -n "$@"; }
