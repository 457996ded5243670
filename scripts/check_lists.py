"""Checks the build lists against the files: check_lists.py ROOT.

Fails when a source or test of src/ROOM stands in no list of that room's CMakeLists.txt (an entry in a comment counts as
missing), when a list names a file that is not there, or when a source has no test beside it.

A source `foo.cc` is covered by `foo_test.cc` in its folder or by a test there that includes "room/foo.h"; a part of it
without a header of its own (`foo_json.cc`) is covered with it.  Programs (`*main.cc`) and the rooms of WITHOUT_TEST_ROOMS need
no test.
"""

import pathlib
import re
import sys

# Wiring that only runs as a whole; what it does is tested where the command line is tested.
WITHOUT_TEST_ROOMS = {"cli"}


def listed_files(cmake: pathlib.Path) -> set[str]:
    text = re.sub(r"#.*", "", cmake.read_text(encoding="utf-8"))
    return set(re.findall(r"[\w./-]+\.cc\b", text))


def covered_stems(room: pathlib.Path, tests: list[pathlib.Path]) -> set[str]:
    covered = {test.name.removesuffix("_test.cc") for test in tests}
    for test in tests:
        covered.update(re.findall(rf'#include "{room.name}/(\w+)\.h"', test.read_text(encoding="utf-8")))
    return covered


def is_covered(source: pathlib.Path, covered: set[str]) -> bool:
    if source.stem in covered:
        return True
    has_header = source.with_suffix(".h").exists()
    return not has_header and any(source.stem.startswith(stem + "_") for stem in covered)


def problems_of_room(room: pathlib.Path) -> list[str]:
    sources = {path.name: path for path in room.glob("*.cc")}
    cmake = room / "CMakeLists.txt"
    if not sources:
        return []
    if not cmake.exists():
        return [f"{room.name}: has sources but no CMakeLists.txt"]
    listed = listed_files(cmake)
    problems = [f"{room.name}/{name}: in no list of CMakeLists.txt" for name in sorted(sources.keys() - listed)]
    problems += [f"{room.name}/{name}: listed, but not there" for name in sorted(listed) if not (room / name).exists()]
    if room.name not in WITHOUT_TEST_ROOMS:
        covered = covered_stems(room, [path for name, path in sources.items() if name.endswith("_test.cc")])
        needing = [path for name, path in sorted(sources.items()) if not name.endswith(("_test.cc", "main.cc"))]
        problems += [f"{room.name}/{path.name}: no test beside it" for path in needing if not is_covered(path, covered)]
    return problems


def main() -> int:
    source = pathlib.Path(sys.argv[1]) / "src"
    rooms = sorted({path.parent for path in source.rglob("*.cc")})
    problems = [problem for room in rooms for problem in problems_of_room(room)]
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
