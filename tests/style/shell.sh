#!/usr/bin/env bash
# The shell scripts hold what shellcheck knows about shells.
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh" "$@"

command -v shellcheck >/dev/null || skip "shellcheck is not installed"
scripts=$(grep -lrIE '^#!/(usr/)?bin/(env )?(ba)?sh' check demo .ci tools tests 2>/dev/null | sort)
# SC1007: "NAME= command" is meant.
# shellcheck disable=SC2086 # no path here has a blank
report < <(shellcheck -x -P SCRIPTDIR -f gcc -S warning -e SC1007 $scripts)
finish
