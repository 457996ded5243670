#!/usr/bin/env bash
# Fuzzes each parser in turn: run.sh BUILD_FOLDER SECONDS_EACH.  New inputs and findings go to BUILD_FOLDER/fuzz/<target>.
set -euo pipefail
build=$1 seconds=$2
here=$(cd "${BASH_SOURCE[0]%/*}" && pwd -P)
for binary in "$build"/bin/fuzz_*; do
  target=${binary##*/fuzz_}
  mkdir -p "$build/fuzz/$target"
  echo "== $target"
  (cd "$build/fuzz/$target" && nice "$binary" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
    -artifact_prefix="$build/fuzz/$target/finding-" . "$here/corpus/$target" 2>&1 | tail -n 12)
done
