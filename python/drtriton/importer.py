"""The import worker: `python -m drtriton.importer`, one fork for each user's module (src/import/importer.cc drives it).

Imports PyTorch and its exporter once, then reads requests, one at a time, as JSON lines from standard input:

    {"module": path, "shown": path as the user wrote it, "device": "cuda"|"cpu", "training": bool, "seed": int,
     "timeout_s": float, "max_cpu_flops": float, "folder": where to write, "digests": bool}

and answers with lines `{"stage": name}` as it goes, then one of

    {"done": {"program": file, "tensors": file|null, "reduced_program": file|null, "reduced_tensors": file|null,
              "digests": {name: of the value of each parameter and buffer}, when it was run and they were asked for}}
    {"problem": one sentence for the user}
    {"bug": a traceback of ours}

and when the fork is gone, `{"ended": {"exit_code": int, "signal": int}}`.

The conversation has a file descriptor of its own: whatever the module prints goes to standard error.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import signal
import sys
import traceback
from typing import IO, Any

_PR_SET_PDEATHSIG = 1


class Conversation:
    """Our side of the protocol. A process that the module forks inherits it and may not speak."""

    def __init__(self) -> None:
        self.stage = "importing"
        self.speaker = os.getpid()
        self._handing_over = False
        self._in: IO[str] = os.fdopen(os.dup(0))
        self._out: IO[str] = os.fdopen(os.dup(1), "w")
        os.dup2(2, 1)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.register_at_fork(after_in_child=self._fall_silent)

    def _fall_silent(self) -> None:
        if self._handing_over:
            self.speaker, self._handing_over = os.getpid(), False
        else:
            os.close(self._out.fileno())

    def fork(self) -> int:
        """A fork that speaks in this process's place and ends when it does. Gives its pid, and 0 in the fork."""
        worker = os.getpid()
        self._handing_over = True
        pid = os.fork()
        self._handing_over = False
        if pid == 0:
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != worker:
                os._exit(1)
        return pid

    def next(self) -> dict[str, Any] | None:
        """The next request; None when there are no more."""
        line = self._in.readline()
        return json.loads(line) if line else None

    def send(self, **message: Any) -> None:
        if os.getpid() != self.speaker:
            os._exit(0)
        self._out.write(json.dumps(message) + "\n")
        self._out.flush()

    def enter(self, stage: str) -> None:
        self.stage = stage
        self.send(stage=stage)


def main() -> None:
    talk = Conversation()
    # Behind the redirection, and before the module's time begins: importing PyTorch takes seconds and may print.
    # Asked by the driver's library instead of a context, which no fork could use.
    os.environ.setdefault("PYTORCH_NVML_BASED_CUDA_CHECK", "1")
    from drtriton.importer_export import warm_up

    warm_up()
    gc.collect()
    gc.freeze()  # keeps the pages of long-lived objects shared with the forks
    while (request := talk.next()) is not None:
        pid = talk.fork()
        if pid == 0:
            _import(talk, request)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        talk.send(ended={"exit_code": max(status, 0), "signal": max(-status, 0)})


def _import(talk: Conversation, request: dict[str, Any]) -> None:
    """Never returns: the life of a fork."""
    from drtriton.importer_errors import TimeLimit, UserFile, sentence
    from drtriton.importer_steps import import_module

    file = UserFile(request["module"], request["shown"])
    _catch_exits(talk, file)
    limit = request["timeout_s"]

    def stop(*_: Any) -> None:
        raise TimeLimit(limit)

    signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, limit, 1)  # again each second, should a library swallow the first
    try:
        done = import_module(file, request, talk.enter)
        signal.setitimer(signal.ITIMER_REAL, 0)
        talk.send(done=done)
    except BaseException as error:  # SystemExit of the module among them
        signal.setitimer(signal.ITIMER_REAL, 0)
        traceback.print_exc()
        if _is_ours(error, file):
            talk.send(bug=traceback.format_exc())
        else:
            talk.send(problem=sentence(file, talk.stage, error))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # neither threads nor exit handlers of the module may hold us up


def _is_ours(error: BaseException, file: Any) -> bool:
    """An error that no frame of the user's file, nor a refusal, stands behind: raised in our own code."""
    from drtriton.importer_errors import ModuleProblem, TimeLimit, is_out_of_memory

    if isinstance(error, (ModuleProblem, TimeLimit, SyntaxError, OSError)) or is_out_of_memory(error):
        return False
    if file.line_of(error) is not None or not isinstance(error, Exception):
        return False
    own = os.path.dirname(os.path.abspath(__file__))
    frames = traceback.extract_tb(error.__traceback__)
    return bool(frames) and os.path.dirname(frames[-1].filename) == own


def _catch_exits(talk: Conversation, file: Any) -> None:
    """`os._exit` in the module ends this process without a word; say where it was called."""
    leave = os._exit

    def told(status: int) -> None:
        if os.getpid() == talk.speaker:
            caller = sys._getframe(1)
            where = f"{file.shown}, line {caller.f_lineno}" if caller.f_code.co_filename == file.path else file.shown
            from drtriton.importer_errors import STAGES

            if caller.f_globals.get("__name__") != __name__:
                talk.send(problem=f"{where}: {STAGES[talk.stage]} called os._exit({status!r})")
        leave(status)

    os._exit = told


if __name__ == "__main__":
    main()
