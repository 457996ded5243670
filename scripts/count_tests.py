"""Counts test cases: count_tests.py RESULTS.

RESULTS holds ctest.xml (JUnit, one entry a test program), cases/*.xml (GoogleTest, one entry a case) and unittest.json.
A program that wrote its cases is counted by them; one that did not (it crashed, or is no GoogleTest program) counts as one.
A program that failed although none of its cases did counts as one failure more.  Prints what failed, then, as the last
line, 'N passed, N failed'.
"""

import json
import pathlib
import sys
import xml.etree.ElementTree as xml


class Counts:
    def __init__(self) -> None:
        self.passed = 0
        self.skipped = 0
        self.failures: list[str] = []

    def add_case(self, name: str, status: str) -> None:
        if status == "failed":
            self.failures.append(name)
        elif status == "skipped":
            self.skipped += 1
        else:
            self.passed += 1


def case_status(case: xml.Element) -> str:
    if case.find("failure") is not None or case.find("error") is not None:
        return "failed"
    left_out = case.find("skipped") is not None or case.get("status") in ("notrun", "disabled", "skipped")
    return "skipped" if left_out else "passed"


def program_status(test: xml.Element) -> str:
    return {"run": "passed", "fail": "failed"}.get(test.get("status", ""), case_status(test))


def count_programs(results: pathlib.Path, counts: Counts) -> None:
    listing = results / "ctest.xml"
    if not listing.exists():
        counts.failures.append("ctest wrote no results")
        return
    for test in xml.parse(listing).iter("testcase"):
        name = test.get("name", "?")
        status = program_status(test)
        try:
            cases = list(xml.parse(results / "cases" / f"{name}.xml").iter("testcase"))
        except (FileNotFoundError, xml.ParseError):
            counts.add_case(name, status)
            continue
        statuses = [case_status(case) for case in cases]
        for case, of_case in zip(cases, statuses):
            counts.add_case(f"{name}: {case.get('classname')}.{case.get('name')}", of_case)
        if status == "failed" and "failed" not in statuses:
            counts.failures.append(name)


def count_python(results: pathlib.Path, counts: Counts) -> None:
    try:
        found = json.loads((results / "unittest.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        counts.failures.append("the Python tests did not end")
        return
    counts.passed += found["passed"]
    counts.skipped += found["skipped"]
    counts.failures += ["a Python test, named above"] * found["failed"]


def main() -> int:
    results = pathlib.Path(sys.argv[1])
    counts = Counts()
    count_programs(results, counts)
    count_python(results, counts)
    for name in counts.failures:
        print("failed:", name)
    if counts.skipped:
        print(f"skipped: {counts.skipped} (what this machine cannot run)")
    print(f"{counts.passed} passed, {len(counts.failures)} failed")
    return 1 if counts.failures or not counts.passed else 0


if __name__ == "__main__":
    sys.exit(main())
