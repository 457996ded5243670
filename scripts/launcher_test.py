"""The launcher and its set-up, with stand-ins for every program that would install or build something.

Each test has a copy of the launcher in a folder of its own and a PATH that begins with stand-ins; each of these writes a line
to a log, so a test sees what was called and how often.
"""

import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent

STAND_INS = {
    "dpkg-query": 'for name; do :; done; case " $MISSING " in *" $name "*) exit 1;; esac; printf installed',
    "dpkg": "exit 0",
    "apt-get": 'exit "${APT_STATUS:-0}"',
    "cmake": 'sleep "${CMAKE_SECONDS:-0}"; exit "${CMAKE_STATUS:-0}"',
    # Builds three programs; drtriton prints its arguments and its Python.
    "ninja": 'sleep "${NINJA_SECONDS:-0}"; mkdir -p "$2/bin"; for p in drtriton drtriton-runner drtriton-reference drtriton-policy; do '
             'printf \'#!/bin/sh\\necho "ran $DRTRITON_PYTHON: $*"\\n\' > "$2/bin/$p"; chmod +x "$2/bin/$p"; done',
    # A Python: misfit on request, a place of torch/version.py, an environment maker, a pip.
    "python3": 'case "$*" in "-I -") cat >/dev/null; printf "%s" "$MISFIT";; *"-I -c"*) echo "$TORCH_VERSION_FILE";; '
               '*"-m venv"*) mkdir -p "$3/bin"; cp "$0" "$3/bin/python";; '
               '*"-m pip"*) sleep "${PIP_SECONDS:-0}"; exit "${PIP_STATUS:-0}";; esac',
}


class LauncherTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="launcher-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.root = self.folder / "checkout"
        shutil.copytree(ROOT / "scripts", self.root / "scripts")
        for name in ["drtriton", "VERSION", "CMakeLists.txt", "requirements.txt"]:
            shutil.copy(ROOT / name, self.root / name)
        (self.root / "cmake").mkdir()
        (self.root / "src").mkdir()
        (self.root / "src" / "main.cc").touch()
        self.module = self.folder / "module.py"
        self.module.touch()
        self.make_stand_ins()

    def make_stand_ins(self):
        self.tools = self.folder / "tools"
        self.tools.mkdir()
        self.log = self.folder / "calls.log"
        self.log.touch()
        for name, body in STAND_INS.items():
            script = self.tools / name
            script.write_text(f'#!/bin/sh\necho "{name} $*" >> "{self.log}"\n{body}\n')
            script.chmod(0o755)
        torch = self.folder / "version.py"
        torch.touch()
        os.utime(torch, (1, 1))
        self.environment = {"PATH": f"{self.tools}:/usr/bin:/bin", "HOME": str(self.folder),
                            "TORCH_VERSION_FILE": str(torch), "LC_ALL": "C.UTF-8"}

    def start(self, *arguments, **variables):
        return subprocess.Popen([str(self.root / "drtriton"), *map(str, arguments)], text=True, cwd=self.folder,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                env={**self.environment, **variables}, start_new_session=True)

    def run_launcher(self, *arguments, **variables):
        process = self.start(*arguments, **variables)
        process.out, process.err = process.communicate(timeout=60)
        return process

    def calls(self, name):
        return [line for line in self.log.read_text().splitlines() if line.split()[0] == name]

    def assert_nothing_installed(self):
        self.assertEqual(self.log.read_text(), "")
        self.assertFalse((self.root / "build").exists())


def kill_session(leader: int) -> None:
    """Ends a start with everything it started, as a machine that goes down does."""
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if os.getsid(int(entry.name)) == leader:
                os.kill(int(entry.name), signal.SIGKILL)
        except ProcessLookupError:
            pass


class Answers(LauncherTest):
    """What is answered before anything is installed."""

    def test_help_and_version(self):
        for arguments in [[], ["--help"], ["-h"], ["convert", "--help"], ["test", "-h"], ["bundle", "--help"],
                          ["help"], ["help", "convert"]]:
            run = self.run_launcher(*arguments)
            self.assertEqual((run.returncode, run.err), (0, ""), arguments)
            self.assertIn("Usage:", run.out)
        self.assertEqual(self.run_launcher("help", "verify").out, self.run_launcher("verify", "--help").out)
        self.assertEqual(self.run_launcher("--version").out, f"drtriton {(ROOT / 'VERSION').read_text()}")
        self.assert_nothing_installed()

    def test_usage_errors_are_one_sentence_and_status_2(self):
        cases = [(["frobnicate"], "unknown command 'frobnicate'"), (["--frobnicate"], "unknown option '--frobnicate'"),
                 (["../drtriton"], "unknown command"), (["convert"], "needs one module file"),
                 (["convert", "a.py", "b.py"], "needs one module file"), (["convert", "none.py", "--strict"], "cannot read none.py"),
                 (["convert", self.folder], "Is a directory"), (["convert", "--frob", self.module], "no option '--frob'"),
                 (["convert", self.module, "--seed"], "'--seed' needs a value"), (["bundle"], "needs the folder"),
                 (["test", "file"], "takes no files"), (["convert", "x", "--python"], "--python needs")]
        for arguments, sentence in cases:
            run = self.run_launcher(*arguments)
            self.assertEqual((run.returncode, run.out), (2, ""), arguments)
            self.assertIn(sentence, run.err)
            self.assertEqual(run.err.count("\n"), 1, arguments)
        self.assert_nothing_installed()

    def test_good_usage_is_not_refused(self):
        table = [["convert", self.module, "--strict", "--budget", "5s"], ["convert", "--strict", self.module, "-o", "x.py"],
                 ["convert", self.module, "--mode=train", "--keep", "--json", "-"], ["bench", "examples", "--only", "a,b"],
                 ["verify", self.module, self.module, "--hybrid", "--timeout", "5"], ["verify", "--batch", "pairs.jsonl"]]
        script = (f'root={self.root}; fail() {{ echo "$2"; exit $1; }}; source "$root/scripts/usage.sh"; '
                  'check_usage "$@"')
        for arguments in table:
            run = subprocess.run(["bash", "-c", script, "bash", *map(str, arguments)], text=True, capture_output=True)
            self.assertEqual((run.returncode, run.stdout), (0, ""), arguments)

    def test_a_python_that_is_not_there_is_named(self):
        run = self.run_launcher("--python", "/no/python", "convert", self.module)
        self.assertEqual(run.returncode, 4)
        self.assertIn("/no/python", run.err)
        self.assert_nothing_installed()


class SetUp(LauncherTest):
    def test_the_first_use_sets_up_and_the_second_only_runs(self):
        run = self.run_launcher("convert", self.module, "--seed", "3")
        self.assertEqual(run.returncode, 0, run.err)
        self.assertEqual(run.out, f"ran {self.root}/.venv/bin/python: convert {self.module} --seed 3\n")
        self.assertIn("building: ", run.err)
        self.log.write_text("")
        again = self.run_launcher("convert", self.module)
        self.assertEqual((again.returncode, again.err), (0, ""))
        self.assertEqual(self.log.read_text(), "")

    def test_a_start_costs_under_50_ms_once_all_is_there(self):
        self.run_launcher("convert", self.module)
        times_ms = []
        for _ in range(10):
            started = time.perf_counter()
            self.run_launcher("convert", self.module)
            times_ms.append(1000 * (time.perf_counter() - started))
        self.assertLess(min(times_ms), 50)

    def test_a_newer_source_is_built(self):
        self.run_launcher("convert", self.module)
        time.sleep(0.02)
        (self.root / "src" / "main.cc").touch()
        self.run_launcher("convert", self.module)
        self.run_launcher("convert", self.module)
        self.assertEqual(len(self.calls("ninja")), 2)

    def test_two_starts_at_once_build_once(self):
        first = self.start("convert", self.module, NINJA_SECONDS="1")
        time.sleep(0.4)
        second = self.start("convert", self.module, NINJA_SECONDS="1")
        for process in (first, second):
            out, err = process.communicate(timeout=60)
            self.assertEqual((process.returncode, out.split(":")[0]), (0, f"ran {self.root}/.venv/bin/python"), err)
        self.assertIn("another set-up is running", err)
        self.assertEqual(len(self.calls("ninja")), 1)

    def test_killed_anywhere_the_next_start_finishes(self):
        for variable in ["PIP_SECONDS", "CMAKE_SECONDS", "NINJA_SECONDS"]:
            process = self.start("convert", self.module, **{variable: "30"})
            time.sleep(1)
            kill_session(process.pid)
            process.communicate()
            self.assertNotEqual(process.returncode, 0)
            run = self.run_launcher("convert", self.module)
            self.assertEqual(run.returncode, 0, run.err)
            (self.root / "build" / "setup.stamp").unlink()
            (self.root / ".venv" / "drtriton.stamp").unlink()
            (self.root / ".venv" / "drtriton.unfinished").touch()

    def test_what_a_killed_launcher_left_running_is_waited_for(self):
        process = self.start("convert", self.module, NINJA_SECONDS="2")
        time.sleep(1)
        process.kill()
        process.communicate()
        run = self.run_launcher("convert", self.module)
        self.assertEqual(run.returncode, 0, run.err)
        self.assertIn("another set-up is running", run.err)

    def test_an_interrupt_is_told_and_continued(self):
        process = self.start("convert", self.module, NINJA_SECONDS="30")
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=10)
        self.assertEqual(process.returncode, 130)
        self.assertIn("the next start continues", err)
        self.assertEqual(self.run_launcher("convert", self.module).returncode, 0)

    def test_a_step_that_fails_shows_its_end_and_where_the_log_is(self):
        for variable in ["CMAKE_STATUS", "PIP_STATUS"]:
            run = self.run_launcher("convert", self.module, **{variable: "7"})
            self.assertEqual(run.returncode, 4)
            self.assertIn("failed with status 7", run.err)
            self.assertIn("setup.log", run.err)
            shutil.rmtree(self.root / ".venv")


class Packages(LauncherTest):
    def test_missing_packages_are_installed_by_root(self):
        if os.geteuid() != 0:
            self.skipTest("needs root")
        run = self.run_launcher("convert", self.module, MISSING="cmake ccache")
        self.assertEqual(run.returncode, 0, run.err)
        self.assertTrue(self.calls("apt-get")[-1].endswith("install -y --no-install-recommends cmake ccache"))

    def test_others_are_told_the_line_to_run(self):
        if os.geteuid() != 0:
            self.skipTest("needs root to become somebody else")
        shutil.chown(self.folder, "nobody")
        for path in self.folder.rglob("*"):
            shutil.chown(path, "nobody")
        (self.tools / "sudo").write_text("#!/bin/sh\nexit 1\n")  # a sudo that wants a password
        (self.tools / "sudo").chmod(0o755)
        run = subprocess.run(["setpriv", "--reuid=nobody", "--clear-groups", str(self.root / "drtriton"), "convert",
                              str(self.module)], env={**self.environment, "MISSING": "mold"}, text=True,
                             stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
        self.assertEqual(run.returncode, 4, run.stderr)
        self.assertIn("  apt-get update && apt-get install -y --no-install-recommends mold\n", run.stderr)
        self.assertEqual(self.calls("apt-get"), [])


class NamedPython(LauncherTest):
    def test_it_is_used_and_nothing_is_installed_by_pip(self):
        python = self.tools / "python3"
        for arguments, variables in [(["--python", python], {}), ([f"--python={python}"], {}),
                                     ([], {"DRTRITON_PYTHON": "python3"})]:
            run = self.run_launcher("convert", self.module, *arguments, **variables)
            self.assertEqual((run.returncode, run.out), (0, f"ran {python}: convert {self.module}\n"), run.err)
        self.assertFalse((self.root / ".venv").exists())

    def test_one_that_does_not_fit_is_refused_with_what_would(self):
        run = self.run_launcher("convert", self.module, "--python", self.tools / "python3", MISFIT="this does not fit")
        self.assertEqual((run.returncode, run.err), (4, "drtriton: this does not fit\n"))
        self.assertEqual(self.calls("ninja"), [])

    def test_the_real_check_names_what_is_missing(self):
        with tempfile.TemporaryDirectory() as folder:
            script = f'source "{ROOT}/scripts/setup.sh"; python_misfit /usr/bin/python3'
            run = subprocess.run(["bash", "-c", script], env={"PATH": "/usr/bin:/bin", "root": folder, "HOME": folder},
                                 text=True, capture_output=True, timeout=60)
        self.assertIn("Python 3.11 to 3.13 with PyTorch 2.11 and Triton 3.6", run.stdout)
        self.assertIn("PyTorch missing", run.stdout)


if __name__ == "__main__":
    unittest.main()
