# Sourced by every check here. Usage of each: NAME.sh SOURCE_DIR BUILD_DIR.
# A check prints "FILE:LINE: what is wrong" per finding and ends with finish.
set -u -o pipefail
source_dir=${1:?usage: NAME.sh SOURCE_DIR BUILD_DIR}
build_dir=${2:-}
cd "$source_dir" || exit 2

rooms=(wire capture analyzer replay report tui cli)
findings=0

# c_files [FOLDER...]: our own C files, the rooms' and the tests' unless folders are named.
c_files() {
  local folder
  [ $# -gt 0 ] || set -- "${rooms[@]}" tests
  for folder in "$@"; do
    [ -d "$folder" ] && find "$folder" -name '*.[ch]' -type f
  done | sort
}

# report: counts and prints the findings on its standard input.
report() {
  local line
  while IFS= read -r line; do
    printf '%s\n' "$line"
    findings=$((findings + 1))
  done
}

skip() {
  echo "skipped: $1"
  exit 77
}

finish() {
  if [ "$findings" -gt 0 ]; then
    echo "$findings findings"
    exit 1
  fi
  echo "no findings"
}
