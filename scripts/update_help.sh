#!/usr/bin/env bash
# Keeps scripts/help/ equal to what the program prints: update_help.sh PROGRAM [--check].  The launcher shows these texts, and
# finds usage errors by them, before the program is built.  With --check nothing is written; a difference is a failure.
set -euo pipefail
help=$(cd "${BASH_SOURCE[0]%/*}" && pwd -P)/help
for command in convert verify bench; do
  if [[ ${2:-} == --check ]]; then
    diff -u "$help/$command.txt" <("$1" "$command" --help) ||
      { echo "run scripts/update_help.sh $1" && exit 1; }
  else
    "$1" "$command" --help >"$help/$command.txt"
  fi
done
