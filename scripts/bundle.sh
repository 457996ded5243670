#!/usr/bin/env bash
# Writes a folder that runs on a machine without compilers or network.  Called by `./drtriton bundle DIR`, which has built
# the programs.  The folder is made beside DIR and renamed, so DIR is whole or not there.
set -euo pipefail
root=$(cd "${BASH_SOURCE[0]%/*}/.." && pwd -P)
target=$1

fail() { echo "drtriton: $1" >&2 && exit 2; }

parent=$(dirname -- "$target")
[[ -d $parent && -w $parent ]] || fail "cannot write $target: its folder is missing or not writable"
[[ ! -e $target || -f $target/.drtriton-bundle || -z $(ls -A "$target" 2>/dev/null || echo file) ]] ||
  fail "cannot write $target: it exists and is not a bundle"

draft=$(mktemp -d "$parent/.bundle-XXXXXX")
trap 'rm -rf "$draft"' EXIT
mkdir -p "$draft/bin" "$draft/lib" "$draft/python"

# Libraries that a program needs beside PyTorch's and the system's own (glibc, libstdc++: a target must not be older than
# the machine that built).
own_libraries() {
  ldd "$1" | awk '$2 == "=>" && $3 ~ /^\// { print $3 }' |
    grep -vE '/(torch|nvidia|triton)/|/(lib(c|m|mvec|dl|rt|util|pthread|resolv|nsl|anl|stdc\+\+|gcc_s)|ld-linux[^/]*)\.so' || true
}

for program in drtriton drtriton-runner drtriton-reference drtriton-policy; do
  strip -s -o "$draft/bin/$program" "$root/build/bin/$program"
  for library in $(own_libraries "$root/build/bin/$program"); do cp -Ln "$library" "$draft/lib/"; done
done
rmdir --ignore-fail-on-non-empty "$draft/lib"
shipped=(python/drtriton examples models)
[[ ! -d $root/weights ]] || shipped+=(weights)
(cd "$root" && find "${shipped[@]}" -type f ! -name '*.pyc' ! -name '*_triton.py' -print0) |
  tar -C "$root" --null -T - -cf - | tar -C "$draft" -xf -
cp "$root/LICENSE" "$root/VERSION" "$draft/"
install -m 755 "$root/scripts/bundle_launcher.sh" "$draft/drtriton"
cp "$root/VERSION" "$draft/.drtriton-bundle"
chmod 755 "$draft"

[[ ! -e $target ]] || rm -rf "$target"
mv -T "$draft" "$target"
trap - EXIT
echo "drtriton: wrote $target ($(du -sh "$target" | cut -f1)); run it with '$target/drtriton', Python by DRTRITON_PYTHON" >&2
