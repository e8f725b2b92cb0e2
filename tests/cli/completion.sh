#!/usr/bin/env bash
# What shells complete: in bash, and in fish and zsh where they are installed, asked as a person at the keyboard asks.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

for shell in bash zsh fish; do
  expect 0 "$TCPSTALL" completion "$shell"
  silent err
  cp "$dir/out" "$dir/$shell"
  # every long option of every command is in it
  for command in $("$TCPSTALL" --help | sed -nE 's/^  ([a-z]+)  .*/\1/p'); do
    for option in $("$TCPSTALL" "$command" --help | grep -oE '^ +(-., +)?--[a-z-]+' | grep -oE -- '[a-z][a-z-]+'); do
      [[ $option == usage ]] || grep -qE -- "(--|-l )$option\b" "$dir/$shell" || fail "$shell: --$option of $command is missing"
    done
  done
done
expect 2 "$TCPSTALL" completion
expect 2 "$TCPSTALL" completion tcsh
expect 2 "$TCPSTALL" completion bash zsh

touch "$dir/one trace.pcap"
mkdir -p "$dir/empty"

# has SHELL WANTED GOT...: the wanted word is among those offered
has()
{
  local shell=$1 wanted=$2 word
  shift 2
  for word; do
    [ "$word" = "$wanted" ] && return
  done
  fail "$shell offers no '$wanted', but: $*"
}

# in_bash WORD...: what is offered for the last word
in_bash()
{
  # shellcheck disable=SC2034 # bash's own names
  (cd "$dir" && bash -c '. "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _tcpstall 2>/dev/null; printf "%s\n" "${COMPREPLY[@]}"' "$dir/bash" "$@")
}
bash_has()
{
  local wanted=$1
  shift
  mapfile -t got < <(in_bash "$@")
  has "bash ($*)" "$wanted" "${got[@]}"
}
bash_has analyze tcpstall a
bash_has --connection tcpstall analyze --c
bash_has always tcpstall analyze --color a
bash_has always tcpstall analyze --color = a
bash_has lo tcpstall capture -i l
bash_has lo tcpstall capture --interface = l
bash_has "one trace.pcap" tcpstall analyze one
bash_has echo tcpstall capture --kick = e
bash_has replay tcpstall help r
bash_has fish tcpstall completion f
[ -z "$(in_bash tcpstall analyze --min-stall '')" ] || fail "bash offers words where a time stands"
[ -z "$(in_bash tcpstall capture --kick '')" ] || fail "bash takes the word behind --kick for its kind"

if command -v fish >/dev/null; then
  in_fish() { (cd "$dir" && fish --no-config -c 'source $argv[1]; complete -C $argv[2]' "$dir/fish" "$1" | cut -f 1); }
  fish_has()
  {
    mapfile -t got < <(in_fish "$2")
    has "fish ($2)" "$1" "${got[@]}"
  }
  fish_has analyze 'tcpstall a'
  fish_has --connection 'tcpstall analyze --c'
  fish_has always 'tcpstall analyze --color '
  fish_has lo 'tcpstall capture -i '
  fish_has "one trace.pcap" 'tcpstall analyze on'
  fish_has zsh 'tcpstall completion '
fi

if command -v zsh >/dev/null; then
  # A zsh on a pseudo-terminal of its own: TAB, TAB, and what the screen shows.
  in_zsh()
  {
    (cd "$dir" && TERM=dumb COLUMNS=200 timeout 20 zsh -f -c '
      zmodload zsh/zpty
      zpty -b shell "zsh -f -i"
      zpty -w shell "PROMPT=; unsetopt beep; setopt auto_list; LISTMAX=10000; fpath=($PWD/functions \$fpath); autoload -Uz compinit; compinit -u -D; echo rea\"\"dy"
      zpty -r -m shell text "*ready*"
      zpty -w -n shell "$1"$'"'\\t'"'
      for ((i = 0; i < 30; i++)); do
        sleep 0.1
        zpty -r -t shell text && print -r -- "$text"
      done
      zpty -d shell' zsh "$1")
  }
  mkdir -p "$dir/functions"
  cp "$dir/zsh" "$dir/functions/_tcpstall"
  zsh -n "$dir/zsh" || fail "zsh does not read it"
  zsh_has()
  {
    in_zsh "$2" >"$dir/screen" 2>&1
    grep -qF -- "$1" "$dir/screen" || fail "zsh ($2) shows no '$1': $(head -c 600 "$dir/screen")"
  }
  zsh_has "who holds each stalled stream up" 'tcpstall '
  zsh_has --connection 'tcpstall analyze --co'
  zsh_has always 'tcpstall analyze --color '
  zsh_has "one\\ trace.pcap" 'tcpstall analyze one'
fi
finish
