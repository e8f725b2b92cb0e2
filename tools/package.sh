#!/usr/bin/env bash
# Makes the Debian package of the last commit, and tries it as a stranger would.
#
#   tools/package.sh [--test] [DIR]     DIR: where the packages go; default build/package
#
# --test: lintian, then (as root) a fresh Debian of this machine's release by debootstrap: installs there with nothing but
# its dependencies, reads a trace, shows a manual page, completes a word, is purged, and has left nothing behind.
# MIRROR says where debootstrap takes packages from; default: where this machine does.
set -eu -o pipefail
cd "$(dirname "$0")/.."
test=
if [ "${1:-}" = --test ]; then
  test=1
  shift
fi
mkdir -p "${1:-build/package}"
output=$(cd "${1:-build/package}" && pwd)
tools/install-deps.sh build package

scratch=$(mktemp -d)
chroot=$scratch/debian
# The chroot's own mounts first: what is below them is not ours to remove.
clean_up()
{
  for mounted in proc dev/null; do
    mountpoint -q "$chroot/$mounted" && umount "$chroot/$mounted"
  done
  rm -rf --one-file-system "$scratch"
}
trap clean_up EXIT

version=$(dpkg-parsechangelog -S Version)
tree=$scratch/tcpstall-$version
git archive --prefix="tcpstall-$version/" HEAD | tar -x -C "$scratch"
(cd "$tree" && dpkg-buildpackage -b -us -uc) >"$output/build.log" 2>&1 || {
  tail -n 30 "$output/build.log" >&2
  exit 2
}
cp "$scratch"/*.deb "$scratch"/*.changes "$scratch"/*.buildinfo "$output"
package=$(cd "$output" && ls tcpstall_"$version"_*.deb)
echo "made $output/$package"
[ -n "$test" ] || exit 0

lintian --allow-root --fail-on error,warning "$output"/tcpstall_"$version"_*.changes
echo "lintian: no error, no warning"

if [ "$(id -u)" -ne 0 ]; then
  echo "the fresh Debian needs root: not tried" >&2
  exit 2
fi
# shellcheck disable=SC1091 # the machine's own
release=$(. /etc/os-release && echo "$VERSION_CODENAME")
# shellcheck disable=SC2016 # apt's own variables
: "${MIRROR:=$(apt-get indextargets --format '$(SITE) $(CODENAME)' | awk -v release="$release" '$2 == release { print $1; exit }')}"
debootstrap --variant=minbase "$release" "$chroot" ${MIRROR:+"$MIRROR"} >"$output/debootstrap.log" 2>&1 || {
  tail -n 20 "$output/debootstrap.log" >&2
  exit 2
}
mount -t proc proc "$chroot/proc"
inside() { env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive chroot "$chroot" "$@"; }
# what apt is allowed to do on this machine, it is in there
cp /etc/apt/apt.conf.d/*proxy* "$chroot/etc/apt/apt.conf.d/" 2>/dev/null || true
cp "$output/$package" "$chroot/tmp/"
# minbase leaves out documentation of nothing, but a Debian image may: the manual page is looked at below
files() { (cd "$chroot" && find bin etc home lib opt root sbin srv usr var -not -path 'var/cache/*' -not -path 'var/log/*' \
  -not -path 'var/lib/apt/*' -not -path 'var/lib/dpkg/*' | sort); }

inside apt-get update -q >"$output/chroot.log" 2>&1
# The dependencies first, so that what is compared is the package alone.
dependencies=$(inside apt-get install -s --no-install-recommends "/tmp/$package" | awk '$1 == "Inst" && $2 != "tcpstall" { print $2 }')
# shellcheck disable=SC2086 # a list of packages
[ -z "$dependencies" ] || inside apt-get install -y --no-install-recommends $dependencies >>"$output/chroot.log" 2>&1
files >"$scratch/before"
inside apt-get install -y --no-install-recommends "/tmp/$package" >>"$output/chroot.log" 2>&1
echo "installed in a fresh $release with $(wc -w <<<"$dependencies") packages that it depends on"

inside tcpstall --version
status=0
inside tcpstall analyze /usr/share/doc/tcpstall/examples/2003-tap-stall/sender.txt >"$scratch/verdict" || status=$?
[ "$status" = 1 ] && grep -q 'tx-queue-hold' "$scratch/verdict"
echo "it reads the trace of 2003: $(grep -m 1 -oE 'stall of .*hold' "$scratch/verdict")"
# shellcheck disable=SC2016 # for the shell in there
inside bash -c '. /usr/share/bash-completion/completions/tcpstall; COMP_WORDS=(tcpstall an) COMP_CWORD=1; _tcpstall; [ "${COMPREPLY[*]}" = analyze ]'
for page in "$chroot"/usr/share/man/man1/tcpstall*.1.gz; do
  gzip -t "$page"
done

inside apt-get purge -y tcpstall >>"$output/chroot.log" 2>&1
files >"$scratch/after"
diff "$scratch/before" "$scratch/after"
echo "purged: no file is left"
