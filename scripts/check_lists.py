"""Checks the build lists against the files: check_lists.py ROOT.

Fails when a source or test of src/ROOM stands in no list of that room's CMakeLists.txt (an entry in a comment counts as
missing), when a list names a file that is not there, when no test reaches a source, or when a room includes a header of a
room that it may not use (ROOM_USES, as docs/architecture.md has it).

A source is covered when a test of its room reaches it: `foo_test.cc` reaches `foo.cc` and the sources of what it includes, a
source those of what it includes in turn, and whoever names a program of the room in quotes (or a Python test that names it)
reaches the program's sources.  A source belongs to its own header and to those it includes that have no source of their
name; one without a header of its own also to the header whose name begins its own.
The rooms of WITHOUT_TEST_ROOMS need no test.
"""

import pathlib
import re
import sys

# Wiring that only runs as a whole; what it does is tested where the command line is tested.
WITHOUT_TEST_ROOMS = {"cli"}

# Every room may use `base`; `cli` may use all.
ROOM_USES = {
    "base": set(), "graph": set(), "core": {"graph"}, "store": set(), "synth": {"graph"}, "import": {"graph"},
    "templates": {"graph", "core"}, "rewrite": {"graph", "core"}, "language": {"graph", "core"}, "policy": set(), "compile": {"graph", "core"},
    "execute": {"graph", "core", "compile"}, "verify": {"graph", "core", "store", "compile", "execute"},
    "search": {"graph", "core", "store"}, "emit": {"graph", "core"}, "train": {"synth", "policy"},
    "pairs": {"graph", "core", "store", "synth", "templates", "language", "policy", "bench"},
    "bench": {"graph", "synth", "core", "store", "import", "templates", "compile", "execute", "verify", "emit", "report"}, "report": {"graph", "core"},
}


def expand_loop(loop: re.Match) -> str:
    variable, values, body = loop.groups()
    return "".join(body.replace("${" + variable + "}", value) for value in values.split())


def listed_files(cmake: pathlib.Path) -> set[str]:
    text = re.sub(r"#.*", "", cmake.read_text(encoding="utf-8"))
    text = re.sub(r"foreach\((\w+)([^)]*)\)(.*?)endforeach\(\)", expand_loop, text, flags=re.DOTALL)
    text = re.sub(r"\$\{CMAKE_CURRENT_BINARY_DIR\}/\w+\.cc", "", text)  # made by the build
    text = re.sub(r"\S+\.cc\.in\b", "", text)
    return set(re.findall(r"[\w./-]+\.cc\b", text))


def included_stems(file: pathlib.Path) -> list[str]:
    """The headers of the file's own room that it includes, without their suffix, in order."""
    room = file.parent.name
    return re.findall(rf'^#include "{room}/(\w+)\.h"', file.read_text(encoding="utf-8"), re.MULTILINE)


def headers_of(source: pathlib.Path) -> list[str]:
    """The headers, by stem, whose declarations this source may carry out."""
    included = included_stems(source)
    headers = [stem for stem in included if not (source.parent / f"{stem}.cc").exists()]
    if source.with_suffix(".h").exists():
        return [source.stem, *headers]
    namesakes = [stem for stem in included if source.stem.startswith(stem + "_")]
    return [*namesakes, *headers] or included[:1]


def programs_of(room: pathlib.Path) -> dict[str, str]:
    """Name of each program of the room -> stem of its main source."""
    text = re.sub(r"#.*", "", (room / "CMakeLists.txt").read_text(encoding="utf-8"))
    return dict(re.findall(r"add_executable\(([\w-]+)\s+(\w+)\.cc", text))


def reached_sources(room: pathlib.Path) -> set[str]:
    owned: dict[str, list[pathlib.Path]] = {}  # header's stem -> the sources that belong to it
    for source in room.glob("*.cc"):
        for stem in headers_of(source):
            owned.setdefault(stem, []).append(source)
    programs = programs_of(room)
    python_tests = "".join(path.read_text(encoding="utf-8") for path in room.parent.parent.glob("python/tests/*.py"))
    waiting = [test.stem for test in room.glob("*test.cc")]
    waiting += [test.name.removesuffix("_test.cc") for test in room.glob("*_test.cc")]
    waiting += [main for name, main in programs.items() if f'"{name}"' in python_tests]
    reached: set[str] = set()
    seen: set[str] = set()
    while waiting:
        stem = waiting.pop()
        if stem in seen:
            continue
        seen.add(stem)
        for file in {room / f"{stem}.h", room / f"{stem}.cc", *owned.get(stem, [])}:
            if file.exists():
                reached.add(file.name)
                text = file.read_text(encoding="utf-8")
                waiting += included_stems(file) + [main for name, main in programs.items() if f'"{name}"' in text]
    return reached


def problems_of_names(sources: pathlib.Path) -> list[str]:
    """Two headers that define a type of one name: linked into one program, one of them would stand for both."""
    owners: dict[str, pathlib.Path] = {}
    problems = []
    for header in sorted(sources.glob("*/*.h")):
        for name in re.findall(r"^(?:struct|class) (\w+)(?: final)?(?: :[^:].*)? \{", header.read_text(encoding="utf-8"), re.MULTILINE):
            owner = owners.setdefault(name, header)
            if owner != header:
                problems.append(f"{header.parent.name}/{header.name} and {owner.parent.name}/{owner.name} both define {name}")
    return problems


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
        needing = {name for name in sources if not name.endswith(("_test.cc", "_bench.cc", "main.cc"))}
        problems += [f"{room.name}/{name}: no test reaches it" for name in sorted(needing - reached_sources(room))]
    return problems


def forbidden_includes(room: pathlib.Path) -> list[str]:
    if room.name == "cli":
        return []
    allowed = ROOM_USES.get(room.name, set()) | {"base", room.name}
    problems = []
    for file in sorted([*room.glob("*.h"), *room.glob("*.cc")]):
        used = re.findall(r'^#include "(\w+)/', file.read_text(encoding="utf-8"), re.MULTILINE)
        problems += [f"{room.name}/{file.name}: may not use {other}" for other in sorted(set(used) - allowed)]
    return problems


def main() -> int:
    source = pathlib.Path(sys.argv[1]) / "src"
    rooms = sorted({path.parent for path in source.rglob("*.cc")})
    problems = [problem for room in rooms for problem in problems_of_room(room) + forbidden_includes(room)]
    problems += problems_of_names(source)
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
