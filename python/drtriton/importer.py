"""The import worker: `python -m drtriton.importer`, one process for a user's module (src/import/importer.cc drives it).

Reads one request as a JSON line from standard input:

    {"module": path, "shown": path as the user wrote it, "device": "cuda"|"cpu", "training": bool, "seed": int,
     "timeout_s": float, "max_cpu_flops": float, "folder": where to write}

and answers with lines `{"stage": name}` as it goes, then one of

    {"done": {"program": file, "tensors": file|null, "reduced_program": file|null, "reduced_tensors": file|null}}
    {"problem": one sentence for the user}
    {"bug": a traceback of ours}

The conversation has a file descriptor of its own: whatever the module prints goes to standard error.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from typing import IO, Any

_WORKER = os.getpid()


class Conversation:
    """Our side of the protocol. A process that the module forks inherits it and may not speak."""

    def __init__(self) -> None:
        self.stage = "importing"
        self._in: IO[str] = os.fdopen(os.dup(0))
        self._out: IO[str] = os.fdopen(os.dup(1), "w")
        os.dup2(2, 1)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.register_at_fork(after_in_child=self._fall_silent)

    def _fall_silent(self) -> None:
        os.close(self._out.fileno())

    def next(self) -> dict[str, Any] | None:
        """The next request; None when there are no more."""
        line = self._in.readline()
        return json.loads(line) if line else None

    def send(self, **message: Any) -> None:
        if os.getpid() != _WORKER:
            os._exit(0)
        self._out.write(json.dumps(message) + "\n")
        self._out.flush()

    def enter(self, stage: str) -> None:
        self.stage = stage
        self.send(stage=stage)


def main() -> None:
    talk = Conversation()
    # Behind the redirection, and before the module's time begins: importing PyTorch takes seconds and may print.
    from drtriton.importer_errors import TimeLimit, UserFile, sentence
    from drtriton.importer_steps import import_module

    request = talk.next()
    if request is None:
        return
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
        if os.getpid() == _WORKER:
            caller = sys._getframe(1)
            where = f"{file.shown}, line {caller.f_lineno}" if caller.f_code.co_filename == file.path else file.shown
            from drtriton.importer_errors import STAGES

            if caller.f_globals.get("__name__") != __name__:
                talk.send(problem=f"{where}: {STAGES[talk.stage]} called os._exit({status!r})")
        leave(status)

    os._exit = told


if __name__ == "__main__":
    main()
