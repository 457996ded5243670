#!/usr/bin/env bash
# Keeps scripts/help/ equal to what the program prints: update_help.sh PROGRAM [--check].  The launcher shows these texts, and
# finds usage errors by them, before the program is built.  With --check nothing is written; a difference is a failure.
set -euo pipefail
help=$(cd "${BASH_SOURCE[0]%/*}" && pwd -P)/help

# The options of `bench` belong to its own subcommands.
text_of() {
  "$1" "$2" --help
  [[ $2 != bench ]] || { echo && "$1" bench examples --help && echo && "$1" bench synth --help && echo && "$1" bench trust --help; }
}

for command in convert verify synth bench; do
  if [[ ${2:-} == --check ]]; then
    diff -u "$help/$command.txt" <(text_of "$1" $command) || { echo "run scripts/update_help.sh $1" && exit 1; }
  else
    text_of "$1" $command >"$help/$command.txt"
  fi
done
