#!/usr/bin/env bash
# Starts DRTriton from a bundle with the PyTorch found here: the Python named by --python or DRTRITON_PYTHON, else python3.
set -euo pipefail
self=$(readlink -f "${BASH_SOURCE[0]}")
here=${self%/*}

fail() { echo "drtriton: $1" >&2 && exit 4; }

python=${DRTRITON_PYTHON:-python3}
arguments=()
while (($#)); do
  case $1 in
    --yes | -y) ;;  # nothing is installed here
    --python=*) python=${1#*=} ;;
    --python) (($# > 1)) || { echo "drtriton: --python needs the path of a Python interpreter" >&2 && exit 2; }
      python=$2 && shift ;;
    *) arguments+=("$1") ;;
  esac
  shift
done
set -- ${arguments[@]+"${arguments[@]}"}
(($#)) || set -- --help

wants_answer_only() { [[ " $* " == *" --help "* || " $* " == *" -h "* || " $* " == *" --version "* ]]; }

found=$(type -P -- "$python" || true)
if [[ -n $found ]]; then
  [[ $found == /* ]] || found=$PWD/$found
  # First line: why it does not fit, or empty.  Second: the folders of PyTorch's libraries.
  mapfile -t answer < <("$found" -I - <<'END'
import pathlib, sys
from importlib import metadata

def version(name):
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "missing"

torch, triton = version("torch"), version("triton")
fits = (3, 11) <= sys.version_info[:2] <= (3, 13) and torch.startswith("2.11.") and triton.startswith("3.6.")
print("" if fits else f"DRTriton needs Python 3.11 to 3.13 with PyTorch 2.11 and Triton 3.6; {sys.executable} has "
      f"Python {sys.version.split()[0]}, PyTorch {torch}, Triton {triton}; name another with DRTRITON_PYTHON")
if torch != "missing":
    site = pathlib.Path(metadata.distribution("torch").locate_file(""))
    print(":".join(str(p) for p in [site / "torch/lib", *sorted(site.glob("nvidia/*/lib"))]))
END
  )
  misfit=${answer[0]-"$found cannot run Python code"}
else
  misfit="the Python '$python' cannot be run; name one with DRTRITON_PYTHON"
fi
if [[ -n $misfit ]]; then
  wants_answer_only "$@" || fail "$misfit"
else
  export DRTRITON_PYTHON=$found
  export LD_LIBRARY_PATH=${answer[1]}:$here/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
fi
exec "$here/bin/drtriton" "$@"
