#!/usr/bin/env bash
# A check that cannot fail is none: plants one violation of each rule in a copy of the tree, and
# demands that the check for it fails there.
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh" "$@"

copy=$(mktemp -d) || exit 2
trap 'rm -rf "$copy"' EXIT
fresh_copy() {
  rm -rf "${copy:?}/tree"
  mkdir "$copy/tree"
  cp .clang-format .clang-tidy "$copy/tree/"
  cp -r wire capture analyzer report cli "$copy/tree/"
  mkdir "$copy/tree/tests"
  cp -r tests/style "$copy/tree/tests/"
}

# planted CHECK TEXT FILE WHAT: appends TEXT to FILE (of the copy) and runs CHECK there.
planted() {
  local check=$1 text=$2 file=$3 what=$4 output status
  fresh_copy
  printf '%s\n' "$text" >>"$copy/tree/$file"
  output=$(bash "$copy/tree/tests/style/$check.sh" "$copy/tree" "$copy/tree/build" 2>&1)
  status=$?
  if [ $status -eq 77 ]; then
    echo "$check: $what: ${output##*$'\n'}"
  elif [ $status -ne 1 ] || ! grep -q "${file}" <<<"$output"; then
    echo "$check.sh does not see: $what" | tee -a "$copy/unseen"
  else
    echo "$check: $what: seen"
  fi
}

planted arrows '#include "analyzer/finding.h"' wire/planted.c "wire/ includes analyzer/"
planted arrows '#include "report/report.h"' analyzer/planted.c "analyzer/ includes report/"
planted arrows '#include "capture/trace.h"' report/planted.c "report/ includes capture/"
planted arrows '#include "error.h"' wire/planted.c "an include without its room"
planted arrows '#include <pcap.h>' analyzer/planted.c "pcap.h outside capture/"
planted arrows '#include <pcap/pcap.h>' cli/planted.c "pcap/pcap.h outside capture/"
planted arrows '#include <curses.h>' cli/planted.c "curses.h outside tui/"
planted arrows 'int f(void) { return printf("x"); }' analyzer/planted.c "analyzer/ prints"
planted arrows 'void f(void) { exit(1); }' wire/planted.c "wire/ exits"
planted format 'int   f(void) { return 1; }' wire/planted.c "unformatted code"
planted headers 'uint32_t f(void);' wire/planted.h "a header that lacks stdint.h"
planted headers 'struct twice { int x; };' wire/planted.h "a header without an include guard"
planted names "/* see /wo""rk/main/x.c */" cli/planted.c "a path of one machine"
planted names "# TO""DO: later" cli/planted.sh "an unfinished place"
planted names "get it from deb.deb""ian.org" README.md "a package host"
planted links "see [there](nowhere.md)" tests/planted.md "a link that leads nowhere"
planted sizes "$(echo 'void f(void)'; echo '{'; for _ in {1..90}; do echo '  g();'; done; echo '}')" \
  wire/planted.c "a function of 93 lines"
planted sizes "$(for _ in {1..800}; do echo '/* line */'; done)" wire/planted.c "a file of 800 lines"
planted shell "#!/bin/bash
cd \$1; rm -rf \$unset/*" tests/planted.sh "an unchecked cd"

# These two look at a build: a small one is made for them.
fresh_copy
mkdir "$copy/tree/build"
printf 'int counter;\nstatic int calls = 7;\nstatic const char *const names[] = {"a"};\nint f(int i);\nint f(int i)\n{\n  return names[i & 0][0] + calls++;\n}\n' \
  >"$copy/tree/wire/planted.c"
(cd "$copy/tree/build" && "${CC:-cc}" -fPIC -c ../wire/planted.c -o planted.o && ar rc libroom_wire.a planted.o)
output=$(bash "$copy/tree/tests/style/globals.sh" "$copy/tree" "$copy/tree/build")
for name in counter calls; do
  grep -q "$name is mutable" <<<"$output" || echo "globals.sh does not see $name" | tee -a "$copy/unseen"
done
grep -q names <<<"$output" && echo "globals.sh takes a constant table for a variable" | tee -a "$copy/unseen"
echo "globals: variables: seen, constants: passed"

# A program of a few lines stands for tcpstall, with a manual page and a README that agree with it.
fresh_copy
mkdir -p "$copy/tree/docs/man" "$copy/tree/build"
cat >"$copy/tree/build/tcpstall" <<'PROGRAM'
#!/bin/sh
case $1 in
  --help) echo "  look  at a trace" ;;
  --version) echo "tcpstall 1.2" ;;
  look) echo "  -j, --json   for programs" ;;
esac
PROGRAM
chmod +x "$copy/tree/build/tcpstall"
manuals() { bash "$copy/tree/tests/style/manuals.sh" "$copy/tree" "$copy/tree/build"; }
good='.TH LOOK 1 "" "tcpstall 1.2" ""
.SH NAME
.B \-\-json'
echo "run tcpstall look --json" >"$copy/tree/README.md"
echo "$good" >"$copy/tree/docs/man/tcpstall-look.1"
manuals >/dev/null || echo "manuals.sh finds fault with what agrees" | tee -a "$copy/unseen"
# disagrees FILE TEXT WHAT
disagrees() {
  cp "$copy/tree/$1" "$copy/saved"
  printf '%s\n' "$2" >"$copy/tree/$1"
  if manuals >/dev/null; then
    echo "manuals.sh does not see: $3" | tee -a "$copy/unseen"
  else
    echo "manuals: $3: seen"
  fi
  mv "$copy/saved" "$copy/tree/$1"
}
disagrees docs/man/tcpstall-look.1 "${good//json/xml}" "an option that the page calls by another name"
disagrees docs/man/tcpstall-look.1 "${good//1.2/1.1}" "a page of another version"
disagrees README.md "run tcpstall look --xml" "an option in README.md that is none"
disagrees README.md "run it" "a command that README.md leaves out"

if command -v clang-tidy >/dev/null; then
  rm -rf "$copy/tree/wire" "$copy/tree/capture" "$copy/tree/analyzer" "$copy/tree/report" "$copy/tree/cli"
  mkdir "$copy/tree/wire"
  printf '#include <string.h>\nint f(const char *a);\nint f(const char *a)\n{\n  char *p = 0;\n  if (strcmp(a, "x"))\n    return *p;\n  return 0;\n}\n' \
    >"$copy/tree/wire/planted.c"
  printf '[{"directory":"%s","command":"cc -c wire/planted.c","file":"wire/planted.c"}]\n' "$copy/tree" \
    >"$copy/tree/build/compile_commands.json"
  output=$(bash "$copy/tree/tests/style/tidy.sh" "$copy/tree" "$copy/tree/build")
  if grep -q 'wire/planted.c.*core.NullDereference' <<<"$output"; then
    echo "tidy: a null dereference: seen"
  else
    echo "tidy.sh does not see a null dereference" | tee -a "$copy/unseen"
  fi
fi

[ -f "$copy/unseen" ] && report <"$copy/unseen"
finish
