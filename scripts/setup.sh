# Set-up: Debian packages, the Python environment, the build.  Sourced by the launcher, which defines `root`, `fail`,
# `assume_yes`, `python` (a Python that the user named, or empty) and `chosen_python`.
#
# Every step looks at what is there and does only what is missing, so an interrupted set-up is continued by the next start.
# One set-up runs at a time (flock); a second start waits, then finds everything done.

setup_log=$root/build/setup.log

# Compiler and tools, libraries of our C++, the sandbox of the workers.
packages=(g++ cmake ninja-build ccache mold python3-venv python3-dev
  nlohmann-json3-dev libcli11-dev libtomlplusplus-dev libsqlite3-dev libssl-dev libseccomp-dev libzstd-dev libgtest-dev
  bubblewrap)
test_packages=(chromium sentencepiece)

# set_up GOAL  with GOAL `programs`, `bundle` or `test` (which needs more packages).  Returns when all is there.
set_up() {
  local goal=$1 wanted=("${packages[@]}")
  [[ $goal != test ]] || wanted+=("${test_packages[@]}")
  mkdir -p "$root/build" 2>/dev/null && [[ -w $root/build ]] ||
    fail 4 "cannot write in $root, so nothing can be set up there; clone the repository to a folder of your own"
  exec 9>"$root/build/setup.lock"
  if ! flock -n 9; then
    say "another set-up is running here; waiting for it"
    flock 9
  fi
  [[ $goal == test ]] || ! is_set_up || return 0
  touch "$root/build/setup.began"  # what changes from here on is newer than the stamp
  [[ -z $python ]] || check_python
  install_packages "${wanted[@]}"
  [[ -n $python ]] || make_environment
  build_programs
  write_stamp
  exec 9>&-
}

say() { echo "drtriton: $1" >&2; }

duration() {
  if (($1 < 60)); then echo "$1 s"; else echo "$(($1 / 60)) min $(($1 % 60)) s"; fi
}

# run_step TITLE COMMAND...  runs it with its output in the log; shows title and elapsed time; a failure ends the launcher.
run_step() {
  local title=$1 started=$SECONDS status=0 job
  shift
  echo "== $title: $*" >>"$setup_log"
  [[ -t 2 ]] || say "$title ..."
  set -m  # a process group of its own, so that an interrupt ends all of it
  "$@" >>"$setup_log" 2>&1 </dev/null &
  job=$!
  set +m
  trap 'kill -TERM -- -$job 2>/dev/null; wait $job || true; fail 130 "interrupted; the next start continues"' INT TERM HUP
  if [[ -t 2 ]]; then
    while kill -0 $job 2>/dev/null; do
      printf '\r\033[2Kdrtriton: %s ... %s' "$title" "$(duration $((SECONDS - started)))" >&2
      sleep 0.5 9>&-
    done
    printf '\r\033[2K' >&2
  fi
  wait $job || status=$?
  trap - INT TERM HUP
  if ((status)); then
    tail -n 20 "$setup_log" >&2
    fail 4 "$title: failed with status $status; the whole log is $setup_log"
  fi
  say "$title: $(duration $((SECONDS - started)))"
}

# --- Debian packages ---

missing_packages() {
  local name
  for name; do
    [[ $(dpkg-query -W -f='${db:Status-Status}' "$name" 2>/dev/null) == installed ]] || echo "$name"
  done
}

install_packages() {
  if [[ -z $(type -P dpkg-query) ]]; then
    say "not a Debian system; these packages must be there under their names here: $*"
    return 0
  fi
  local missing
  mapfile -t missing < <(missing_packages "$@")
  ((${#missing[@]})) || return 0
  local line="apt-get update && apt-get install -y --no-install-recommends ${missing[*]}"
  local as_root=()
  if ((EUID != 0)); then
    [[ -n $(type -P sudo) ]] || refuse_packages "$line"
    as_root=(sudo)
    # Without a terminal nobody can type a password.
    [[ -t 0 ]] || as_root=(sudo -n)
    "${as_root[@]}" true 2>/dev/null || [[ -t 0 ]] || refuse_packages "$line"
  fi
  if [[ -z $assume_yes && -t 0 && -t 2 ]]; then
    local answer
    read -r -p "drtriton: install these Debian packages${as_root[0]:+ with sudo}: ${missing[*]}? [Y/n] " answer
    [[ ${answer:-y} == [Yy]* ]] || refuse_packages "$line"
  fi
  run_step "Debian packages (${#missing[@]})" apt_install "${missing[@]}"
}

refuse_packages() {
  say "these commands, run as root, install what is missing:"
  echo "  $1" >&2
  fail 4 "Debian packages are missing; run the line above, then start again"
}

# Daemons that a package starts must not inherit the lock.
apt_install() {
  local run=(${as_root[@]+"${as_root[@]}"} env DEBIAN_FRONTEND=noninteractive)
  local options=(-o DPkg::Lock::Timeout=600 -o Acquire::Retries=3)
  "${run[@]}" dpkg --configure -a 9>&- &&  # finishes what an interrupted set-up left half installed
    "${run[@]}" apt-get "${options[@]}" update 9>&- &&
    "${run[@]}" apt-get "${options[@]}" install -y --no-install-recommends "$@" 9>&-
}

# --- Python ---

# Prints the sentence why a Python does not fit; nothing when it does.
python_misfit() {
  "$1" -I - 2>/dev/null <<'END' || echo "$1 cannot run Python code"
import sys
from importlib import metadata

wanted = "DRTriton needs Python 3.11 to 3.13 with PyTorch 2.11 and Triton 3.6"

def version(name):
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "missing"

found = {"Python": sys.version.split()[0], "PyTorch": version("torch"), "Triton": version("triton")}
fits = ((3, 11) <= sys.version_info[:2] <= (3, 13)
        and found["PyTorch"].startswith("2.11.") and found["Triton"].startswith("3.6."))
if not fits:
    print(f"{wanted}; {sys.executable} has " + ", ".join(f"{name} {value}" for name, value in found.items()))
END
}

check_python() {
  local misfit
  misfit=$(python_misfit "$python")
  [[ -z $misfit ]] || fail 4 "$misfit"
}

# The folder .venv, complete when its stamp equals requirements.txt.  A folder without a stamp was interrupted (pip leaves
# packages behind that look whole), so it is made anew; pip's cache spares the download.
make_environment() {
  local folder=$root/.venv
  if cmp -s "$root/requirements.txt" "$folder/drtriton.stamp"; then return 0; fi
  if [[ -x $folder/bin/python && ! -e $folder/drtriton.stamp && ! -e $folder/drtriton.unfinished ]]; then
    # Somebody else's environment, put or linked here: used as it is when it fits.
    local misfit
    misfit=$(python_misfit "$folder/bin/python")
    [[ -z $misfit ]] || fail 4 "$misfit; move .venv away and start again"
    return 0
  fi
  [[ ! -L $folder ]] || fail 4 ".venv is a link that leads to no usable Python environment; remove it and start again"
  run_step "Python environment" new_environment "$folder"
  run_step "PyTorch, Triton and what they need (about 3 GB to download at first)" install_requirements "$folder"
}

new_environment() {
  local candidate
  [[ ! -e $1 ]] || rm -rf "$1"
  for candidate in python3 python3.13 python3.12 python3.11; do
    [[ -n $(type -P $candidate) ]] || continue
    "$candidate" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || continue
    mkdir -p "$1" && touch "$1/drtriton.unfinished" && "$candidate" -m venv "$1"
    return
  done
  echo "no Python from 3.11 to 3.13 with its venv module was found; name one with --python"
  return 1
}

install_requirements() {
  "$1/bin/python" -m pip install --disable-pip-version-check --progress-bar off -r "$root/requirements.txt" &&
    cp "$root/requirements.txt" "$1/drtriton.stamp" && rm "$1/drtriton.unfinished"
}

# --- Build ---

build_programs() {
  run_step "configuring the build" configure
  run_step "building" ninja -C "$root/build" programs
}

configure() {
  local arguments=(-G Ninja -S "$root" -B "$root/build" "-DDRTRITON_PYTHON=$chosen_python")
  # A start that was killed while configuring may leave a cache that cannot be read.
  cmake "${arguments[@]}" || { rm -rf "$root/build/CMakeCache.txt" "$root/build/CMakeFiles" && cmake "${arguments[@]}"; }
}

# The stamp carries the time when this set-up began, so that a file saved during the build is built by the next start.
write_stamp() {
  local torch
  torch=$("$chosen_python" -I -c \
    'from importlib import metadata as m; print(m.distribution("torch").locate_file("torch/version.py"))')
  printf '%s\n%s\n' "$chosen_python" "$torch" >"$root/build/setup.stamp.draft"
  touch -r "$root/build/setup.began" "$root/build/setup.stamp.draft"
  mv "$root/build/setup.stamp.draft" "$root/build/setup.stamp"
}
