#!/usr/bin/env bash
# What `cmake --install` puts where, that it works there, and that nothing else is left when its list is removed.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
: "${BUILD_DIR:?}"

DESTDIR=$dir/stage cmake --install "$BUILD_DIR" --prefix /usr >"$dir/out" 2>&1 || fail "cmake --install: $(tail -n 3 "$dir/out")"
(cd "$dir/stage" && find . -type f | sed 's/^\.//' | sort) >"$dir/installed"
{
  echo /usr/bin/tcpstall
  echo /usr/share/bash-completion/completions/tcpstall
  echo /usr/share/fish/vendor_completions.d/tcpstall.fish
  echo /usr/share/zsh/site-functions/_tcpstall
  for page in "$SOURCE_DIR"/docs/man/*.1; do
    echo "/usr/share/man/man1/${page##*/}"
  done
} | sort >"$dir/wanted"
diff "$dir/wanted" "$dir/installed" >&2 || fail "wanted (<) and installed (>) differ"
"$dir/stage/usr/bin/tcpstall" --version >"$dir/version" || fail "the installed program does not run"
cmp -s "$dir/version" <("$TCPSTALL" --version) || fail "the installed program is another"
mapfile -t manifest <"$BUILD_DIR/install_manifest.txt"
for file in "${manifest[@]}"; do
  rm "$dir/stage$file" || fail "$file is in the manifest, but was not installed"
done
[ -z "$(find "$dir/stage" -type f)" ] || fail "not in the manifest: $(find "$dir/stage" -type f)"
finish
