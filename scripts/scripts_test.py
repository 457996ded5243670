"""The scripts beside the launcher: counting tests, checking build lists, writing a bundle."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent


class ScriptTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="scripts-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def run_script(self, name, *arguments):
        return subprocess.run([sys.executable, str(ROOT / "scripts" / name), *map(str, arguments)], text=True,
                              capture_output=True, timeout=60)


class CountTests(ScriptTest):
    def count(self, programs, cases, python):
        tests = "".join(f'<testcase name="{name}" status="{status}"/>' for name, status in programs.items())
        self.write("ctest.xml", f"<testsuite>{tests}</testsuite>")
        for name, inner in cases.items():
            self.write(f"cases/{name}.xml", f"<testsuites><testsuite>{inner}</testsuite></testsuites>")
        if python:
            self.write("unittest.json", json.dumps(python))
        run = self.run_script("count_tests.py", self.folder)
        return run.returncode, run.stdout.splitlines()[-1]

    def test_counts_cases_programs_and_python(self):
        case = '<testcase name="a" classname="S" status="run"/>'
        skipped = '<testcase name="b" classname="S" status="run"><skipped message="no GPU"/></testcase>'
        failed = '<testcase name="c" classname="S" status="run"><failure message="x"/></testcase>'
        none = {"passed": 0, "failed": 0, "skipped": 0}
        table = [
            ({"p": "run"}, {"p": case * 3}, none, (0, "3 passed, 0 failed")),
            ({"p": "run", "script": "run"}, {"p": case}, none, (0, "2 passed, 0 failed")),
            ({"p": "run"}, {"p": case + skipped}, none, (0, "1 passed, 0 failed")),
            ({"p": "fail"}, {"p": case + failed}, none, (1, "1 passed, 1 failed")),
            ({"p": "fail"}, {"p": case}, none, (1, "1 passed, 1 failed")),
            ({"crashed": "fail"}, {}, none, (1, "0 passed, 1 failed")),
            ({"p": "run"}, {"p": case}, {"passed": 4, "failed": 2, "skipped": 1}, (1, "5 passed, 2 failed")),
            ({"p": "run"}, {"p": case}, None, (1, "1 passed, 1 failed")),
            ({}, {}, none, (1, "0 passed, 0 failed")),
        ]
        for programs, cases, python, expected in table:
            for path in self.folder.rglob("*.*"):
                path.unlink()
            self.assertEqual(self.count(programs, cases, python), expected, (programs, cases, python))


class CheckLists(ScriptTest):
    def problems(self, cmake, *files):
        room = self.folder / "src" / "room"
        shutil.rmtree(room, ignore_errors=True)
        for name in files:
            self.write(f"src/room/{name}", '#include "room/covered.h"\n' if name in ("a_test.cc", "part.cc") else "")
        self.write("src/room/CMakeLists.txt", cmake)
        run = self.run_script("check_lists.py", self.folder)
        self.assertEqual(run.returncode, 1 if run.stdout else 0)
        return run.stdout.splitlines()

    def test_table(self):
        table = [
            ("FILES a.cc\ntest(a_test.cc)", ["a.cc", "a_test.cc"], []),
            ("FILES a.cc", ["a.cc", "a_test.cc"], ["room/a_test.cc: in no list of CMakeLists.txt"]),
            ("FILES a.cc\n# test(a_test.cc)", ["a.cc", "a_test.cc"], ["room/a_test.cc: in no list of CMakeLists.txt"]),
            ("FILES a.cc gone.cc\ntest(a_test.cc)", ["a.cc", "a_test.cc"], ["room/gone.cc: listed, but not there"]),
            ("FILES a.cc", ["a.cc"], ["room/a.cc: no test reaches it"]),
            ("FILES covered.cc test(a_test.cc)", ["covered.cc", "a_test.cc"], []),
            ("FILES part.cc test(a_test.cc)", ["part.cc", "covered.h", "a_test.cc"], []),
            ("FILES a.cc\nforeach(test a_test)\ntest(${test}.cc)\nendforeach()", ["a.cc", "a_test.cc"], []),
            ("configure_file(t.cc.in ${CMAKE_CURRENT_BINARY_DIR}/t.cc)\nFILES some_main.cc", ["some_main.cc"], []),
        ]
        for cmake, files, expected in table:
            self.assertEqual(self.problems(cmake, *files), expected, cmake)

    def test_a_room_that_uses_what_it_may_not(self):
        self.write("src/graph/CMakeLists.txt", "FILES a.cc a_test.cc")
        self.write("src/graph/a_test.cc", '#include "graph/a.h"\n#include "base/file.h"\n')
        self.write("src/graph/a.h", "")
        self.write("src/graph/a.cc", '#include "graph/a.h"\n#include "core/verdict.h"\n')
        self.assertEqual(self.run_script("check_lists.py", self.folder).stdout, "graph/a.cc: may not use core\n")


class Bundle(ScriptTest):
    def setUp(self):
        super().setUp()
        self.root = self.folder / "checkout"
        for name in ["scripts", "examples", "models"]:
            shutil.copytree(ROOT / name, self.root / name, ignore=shutil.ignore_patterns("*_triton.py"))
        for name in ["LICENSE", "VERSION"]:
            shutil.copy(ROOT / name, self.root / name)
        self.write("checkout/python/drtriton/__init__.py", "")
        self.write("checkout/examples/left_triton.py", "")
        for name in ["drtriton", "drtriton-runner", "drtriton-reference", "drtriton-policy"]:
            program = self.root / "build" / "bin" / name
            program.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy("/usr/bin/env", program)

    def bundle(self, target):
        return subprocess.run([str(self.root / "scripts" / "bundle.sh"), str(target)], text=True, capture_output=True,
                              timeout=60)

    def test_holds_what_is_needed_and_no_more(self):
        target = self.folder / "bundle"
        for _ in range(2):  # the second replaces the first
            run = self.bundle(target)
            self.assertEqual(run.returncode, 0, run.stderr)
        for name in ["drtriton", "bin/drtriton-runner", "python/drtriton/__init__.py", "examples/swiglu_mlp.py", "models/vit_block.py", "LICENSE"]:
            self.assertTrue((target / name).exists(), name)
        self.assertFalse((target / "examples" / "left_triton.py").exists())
        self.assertEqual(list(self.folder.glob(".bundle-*")), [])

    def test_a_folder_of_somebody_else_is_left_alone(self):
        keep = self.write("mine/file", "x")
        run = self.bundle(keep.parent)
        self.assertEqual(run.returncode, 2)
        self.assertIn("not a bundle", run.stderr)
        self.assertTrue(keep.exists())

    def test_the_launcher_gives_the_program_its_python_and_libraries(self):
        # The program of this bundle is `env`, which prints its environment.
        target = self.folder / "bundle"
        self.bundle(target)
        python = self.write("python3", '#!/bin/sh\ncat >/dev/null\nprintf "\\n/site/torch/lib\\n"\n')
        python.chmod(0o755)
        run = subprocess.run([str(target / "drtriton"), "--python", str(python), "-u", "HOME"], text=True,
                             capture_output=True, env={"PATH": os.environ["PATH"], "HOME": "/"}, timeout=60)
        self.assertIn(f"DRTRITON_PYTHON={python}\n", run.stdout, run.stderr)
        self.assertIn(f"LD_LIBRARY_PATH=/site/torch/lib:{target}/lib\n", run.stdout)

    def test_the_launcher_refuses_a_python_that_does_not_fit(self):
        target = self.folder / "bundle"
        self.bundle(target)
        for python, sentence in [("/no/python", "cannot be run"), ("/usr/bin/python3", "PyTorch 2.11 and Triton 3.6")]:
            run = subprocess.run([str(target / "drtriton"), "--python", python, "convert", "x.py"], text=True,
                                 capture_output=True, env={"PATH": os.environ["PATH"]}, timeout=60)
            self.assertEqual((run.returncode, run.stderr.count("\n")), (4, 1), run.stderr)
            self.assertIn(sentence, run.stderr)


if __name__ == "__main__":
    unittest.main()
