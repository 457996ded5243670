"""Runs a folder of unittest files and writes the counts: run_unittests.py FOLDER COUNTS.json.

A file that cannot be imported counts as a failed case, as unittest reports it.
"""

import json
import os
import sys
import unittest


def main() -> None:
    folder, counts_path = sys.argv[1:3]
    sys.path.insert(0, os.getcwd())
    os.environ["PYTHONPATH"] = os.getcwd()  # for the workers that tests start
    suite = unittest.defaultTestLoader.discover(folder) if os.path.isdir(folder) else None
    result = unittest.TextTestRunner(verbosity=1).run(suite or unittest.TestSuite())
    failed = len(result.failures) + len(result.errors) + len(result.unexpectedSuccesses)
    counts = {"passed": max(result.testsRun - failed - len(result.skipped), 0), "failed": failed,
              "skipped": len(result.skipped)}
    with open(counts_path, "w", encoding="utf-8") as file:
        json.dump(counts, file)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
