#!/usr/bin/env bash
# Keeps scripts/help/ equal to what the program prints: update_help.sh PROGRAM [--check].  The launcher shows these texts, and
# finds usage errors by them, before the program is built.  With --check nothing is written; a difference is a failure.
set -euo pipefail
help=$(cd "${BASH_SOURCE[0]%/*}" && pwd -P)/help
program=$1

# The commands below `program WORD...`: what its help lists under "Subcommands:".
subcommands() {
  "$program" "$@" --help | awk '/^$/ { listed = 0 } listed && /^  [a-z]/ { print $1 } /^Subcommands:/ { listed = 1 }'
}

# The options of a command like `bench` belong to its own subcommands.
text_of() {
  local command=$1 word
  "$program" "$command" --help
  for word in $(subcommands "$command"); do
    echo && "$program" "$command" "$word" --help
  done
}

for command in $(subcommands); do
  if [[ ${2:-} == --check ]]; then
    diff -u "$help/$command.txt" <(text_of "$command") || { echo "run scripts/update_help.sh $program" && exit 1; }
  else
    text_of "$command" >"$help/$command.txt"
  fi
done
