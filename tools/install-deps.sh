#!/usr/bin/env bash
# Looks for what tcpstall needs and installs what is missing, with Debian's package manager.
#
#   tools/install-deps.sh SET...      SET: build  test  lab  package  fuzz
#
# A thing counts as present if its command or its pkg-config module is there, wherever it came from. As root, or
# with a sudo that asks no password, the missing packages are installed; otherwise the one command that
# does it is printed and the exit status is 2. Nothing is fetched when nothing is missing.
set -u
PATH=$PATH:/usr/sbin:/sbin

# SET  PROBE (command NAME | module NAME | file GLOB)  PACKAGES
# lab: what only the whole of tests/lab and the bench use; it brings a server that starts by itself.
requirements() {
  cat <<'TABLE'
build command cc             gcc libc6-dev
build command cmake          cmake
build command ninja          ninja-build
build command pkg-config     pkg-config
build module  libpcap        libpcap-dev
build module  libmnl         libmnl-dev
build module  ncursesw       libncurses-dev
build module  jansson        libjansson-dev
build module  zlib           zlib1g-dev
build command libnet-config  libnet1-dev
build module  libseccomp     libseccomp-dev
build module  libmicrohttpd  libmicrohttpd-dev
test  module  libzstd        libzstd-dev
test  module  cmocka         libcmocka-dev
test  command tcpdump        tcpdump
test  command tshark         tshark
test  command ip             iproute2
test  command nft            nftables
test  command iperf3         iperf3
test  command ethtool        ethtool
test  command ping           iputils-ping
test  command jq             jq
test  file    /usr/lib/python3*/*-packages/jsonschema/__init__.py  python3-jsonschema
test  command tmux           tmux
test  command openvpn        openvpn
test  command openssl        openssl
test  command clang-format   clang-format
test  command clang-tidy     clang-tidy
test  command shellcheck     shellcheck
test  command groff          groff-base
test  command tidy           tidy
test  command chromium       chromium
test  command zsh            zsh
test  command fish           fish
lab   command curl           curl
lab   command ssh            openssh-client
lab   command sshd           openssh-server
lab   command tcptrace       tcptrace
lab   command linux.uml      user-mode-linux
package command dh          debhelper
package command dpkg-buildpackage dpkg-dev
package command lintian     lintian
package command debootstrap debootstrap
package module  libzstd     libzstd-dev
fuzz  command clang          clang
fuzz  module  cmocka         libcmocka-dev
fuzz  file    /usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.fuzzer-*.a  libclang-rt-dev
TABLE
}

present() {
  case $1 in
    command) command -v "$2" >/dev/null 2>&1 ;;
    module) command -v pkg-config >/dev/null 2>&1 && pkg-config --exists "$2" ;;
    file) compgen -G "$2" >/dev/null ;;
  esac
}

if [ $# -eq 0 ]; then
  echo "usage: tools/install-deps.sh build|test|lab|package|fuzz ..." >&2
  exit 2
fi

missing=()
while read -r set kind name packages; do
  case " $* " in *" $set "*) ;; *) continue ;; esac
  # shellcheck disable=SC2206 # a row may name several packages
  present "$kind" "$name" || missing+=($packages)
done < <(requirements)
[ ${#missing[@]} -gt 0 ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
  echo "tcpstall needs what Debian calls: ${missing[*]}" >&2
  echo "Install it with this system's package manager, then run this again." >&2
  exit 2
fi

install=(apt-get install -y --no-install-recommends "${missing[@]}")
as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! sudo -n true >/dev/null 2>&1; then
    echo "Some packages are missing. Run this once, then run this again:" >&2
    echo "  sudo apt-get update && sudo ${install[*]}" >&2
    exit 2
  fi
  as_root=(sudo -n)
fi

echo "Installing with apt-get: ${missing[*]}" >&2
log=$(mktemp) || exit 2
trap 'rm -f "$log"' EXIT
run() { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive "$@" </dev/null >>"$log" 2>&1; }
# A package source that cannot be reached is no reason to stop while the ones needed are.
run apt-get update -q || true
if ! run "${install[@]}"; then
  tail -n 30 "$log" >&2
  echo "apt-get could not install: ${missing[*]}" >&2
  exit 2
fi
