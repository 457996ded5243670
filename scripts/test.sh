#!/usr/bin/env bash
# All tests: C++ (ctest), then Python (unittest).  Called by `./drtriton test`, which has set everything up.
# The last line is 'N passed, N failed'; the exit status is 0 only when something passed and nothing failed.
set -uo pipefail
root=$(cd "${BASH_SOURCE[0]%/*}/.." && pwd -P)
seed=0
fast=()
while (($#)); do
  case $1 in
    --seed=*) seed=${1#*=} ;;
    --seed) seed=$2 && shift ;;
    --fast) fast=(--label-exclude slow) && export DRTRITON_FAST=1 ;;
  esac
  shift
done
[[ $seed =~ ^[0-9]+$ ]] || { echo "drtriton: --seed needs a whole number, not '$seed'" >&2 && exit 2; }

results=$root/build/test-results
rm -rf "$results"
mkdir -p "$results/cases"
export DRTRITON_SEED=$seed DRTRITON_SOURCE=$root DRTRITON_PROGRAMS=$root/build/bin
echo "drtriton: building the tests" >&2
ninja -C "$root/build" >"$results/build.log" 2>&1 || {
  tail -n 40 "$results/build.log" >&2
  echo "drtriton: the tests do not build; the whole log is $results/build.log" >&2
  echo "0 passed, 1 failed"
  exit 1
}

# Each GoogleTest program writes one XML file of its cases; ctest's own file covers the rest and what crashed.
GTEST_OUTPUT="xml:$results/cases/" ctest --test-dir "$root/build" --parallel "$(nproc)" --output-on-failure \
  --output-junit "$results/ctest.xml" ${fast[@]+"${fast[@]}"} >&2
(cd "$root/python" && exec "$DRTRITON_PYTHON" "$root/scripts/run_unittests.py" tests "$results/unittest.json") >&2
exec "$DRTRITON_PYTHON" "$root/scripts/count_tests.py" "$results"
