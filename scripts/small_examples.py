"""Writes examples/small/ from examples/: small_examples.py [--check].

A size in an example stands on a line of its own with its small value, `TOKENS = 1024  # small: 16`.  The small file is the
same file with the small values, for tests on a CPU.  --check writes nothing and fails when a file is not up to date.
"""

import pathlib
import re
import sys

SIZE = re.compile(r"^([A-Z_]+) = .*?  # small: (.*)$", re.MULTILINE)


def main() -> int:
    examples = pathlib.Path(__file__).parent.parent / "examples"
    stale = []
    for source in sorted(examples.glob("*.py")):
        if source.stem.endswith("_triton"):
            continue
        small = SIZE.sub(r"\1 = \2", source.read_text(encoding="utf-8"))
        target = examples / "small" / source.name
        if "--check" not in sys.argv:
            target.write_text(small, encoding="utf-8")
        elif not target.exists() or target.read_text(encoding="utf-8") != small:
            stale.append(target.name)
    for name in stale:
        print(f"examples/small/{name} differs from examples/{name}; run scripts/small_examples.py")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
