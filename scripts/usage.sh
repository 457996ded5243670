# Usage errors found without the program, for the time before it is built.  Sourced by the launcher.
#
# scripts/help/COMMAND.txt is what the program prints for `COMMAND --help` (a test keeps the two equal), so it says which
# options exist; the first line of "Usage:" says how many files a command needs.

# check_usage COMMAND ARGUMENT...  exits with status 2 and one sentence, or returns.
check_usage() {
  local command=$1 help argument option files=()
  help=$(<"$root/scripts/help/$command.txt")
  shift
  while (($#)); do
    argument=$1
    shift
    case $argument in
      --) files+=("$@") && break ;;
      -?*)
        option=${argument%%=*}
        [[ $help =~ (^|[[:space:],])"$option"([[:space:],=]|$) ]] ||
          fail 2 "'$command' has no option '$option'; see ./drtriton $command --help"
        # An option that takes a value shows its type in the help: `--seed UINT=0`, `-o,--output TEXT`.
        [[ $argument == *=* || ! $help =~ (^|[[:space:],])"$option"(,--[a-z-]+)?" "[A-Z]+[:=[:space:]] ]] && continue
        (($#)) || fail 2 "'$option' needs a value; see ./drtriton $command --help"
        shift
        ;;
      *) files+=("$argument") ;;
    esac
  done
  check_files "$command" ${files[@]+"${files[@]}"}
}

# Commands that read module files: they must be there.
check_files() {
  local command=$1 file
  shift
  case $command in
    convert) (($# == 1)) || fail 2 "'convert' needs one module file; see ./drtriton convert --help" ;;
    bundle) (($# == 1)) || fail 2 "'bundle' needs the folder to write; see ./drtriton bundle --help" ;;
    synth) (($# == 0)) || fail 2 "'synth' takes no files; see ./drtriton synth --help" ;;
    test) (($# == 0)) || fail 2 "'test' takes no files; see ./drtriton test --help" ;;
  esac
  [[ $command == convert ]] || return 0
  for file; do
    [[ -e $file ]] || fail 2 "cannot read $file: No such file or directory"
    [[ ! -d $file ]] || fail 2 "cannot read $file: Is a directory"
  done
}
