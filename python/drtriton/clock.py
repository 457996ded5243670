"""The clock: `python -m drtriton.clock`, a process that runs emitted modules as a user would (src/bench/clock.cc).

Reads requests as JSON lines from standard input:

    {"do": "check", "module": path, "emitted": path, "results": path, "device": "cuda"|"cpu", "training": bool, "seed": int}
    {"do": "prepare", "module": path, "compile": bool, "device": "cuda", "training": bool, "seed": int}
    {"do": "time", "module": path, "variants": [path, ...], "eager": bool, "compile": bool, "max_autotune": bool, "wall": bool, "budget_s": float,
     "ready_s": float, "device": "cuda", "training": bool, "seed": int}

and answers each with one line, `{"done": {"fast_path": bool, "why": text or null}}`, `{"done": {}}`, `{"done": {"timings":
[{"name", "device_ms", "device_ci_ms", "wall_us", "failure"}, ...]}}` or `{"problem": one sentence}`.  All requests of a process are about
one module.  On the CPU the environment holds TRITON_INTERPRET=1.  What the modules print goes to standard error.
"""

from __future__ import annotations

import os
import sys
import traceback

from drtriton.importer import Conversation


def main() -> None:
    talk = Conversation()
    # Behind the redirection: importing PyTorch takes seconds and may print.  Before the first request: the process may
    # have been started ahead of it.
    from drtriton import clock_check, clock_timing
    from drtriton.importer_errors import first_line, is_out_of_memory

    verbs = {"check": clock_check.check, "prepare": clock_timing.prepare, "time": clock_timing.time_all}
    while (request := talk.next()) is not None:
        try:
            talk.send(done=verbs[request["do"]](request))
        except BaseException as error:  # a module may raise anything, SystemExit among them
            traceback.print_exc()
            what = "out of memory" if is_out_of_memory(error) else f"{type(error).__name__}: {first_line(error)}"
            talk.send(problem=what)
    sys.stderr.flush()
    os._exit(0)  # neither threads nor exit handlers of a module may hold us up


if __name__ == "__main__":
    main()
