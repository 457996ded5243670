"""Sentences for what goes wrong in a user's module: which file, which line, what.

Every refusal of the importer is a `ModuleProblem` whose text is one complete sentence for the user.
"""

from __future__ import annotations

import os
import traceback

# The stages of an import, as the user knows them.
STAGES = {
    "importing": "importing the file",
    "constructing": "the constructor of Model",
    "get_inputs": "get_inputs()",
    "exporting": "forward() under torch.export",
    "running": "forward()",
}


class ModuleProblem(Exception):
    """The user's module is at fault; the text says how."""


class TimeLimit(BaseException):
    """The time for the import is used up. Not an Exception, so that no `except Exception` of a module hides it."""


class UserFile:
    """The user's file: `path` to open it, `shown` as the user wrote it."""

    def __init__(self, path: str, shown: str):
        self.path = os.path.abspath(path)
        self.shown = shown
        self.folder = os.path.dirname(self.path)

    def at(self, error: BaseException | None) -> str:
        """`model.py, line 12` where the deepest frame of the user's file is on the error's way, else `model.py`."""
        line = self.line_of(error)
        return self.shown if line is None else f"{self.shown}, line {line}"

    def line_of(self, error: BaseException | None) -> int | None:
        """Searches the error and what it was raised from, the original cause first."""
        chain = []
        while error is not None and error not in chain:
            chain.append(error)
            error = error.__cause__ or error.__context__
        for link in reversed(chain):
            for frame in reversed(traceback.extract_tb(link.__traceback__)):
                if frame.filename == self.path:
                    return frame.lineno
        return None

    def line_in_stack(self, stack_text: str | None) -> int | None:
        """The deepest line of the user's file in a printed stack, as torch.fx keeps one with every node."""
        line = None
        for part in (stack_text or "").splitlines():
            words = part.strip().split('"')
            if len(words) == 3 and words[0] == "File " and words[1] == self.path:
                line = int(words[2].split("line ")[1].split(",")[0])
        return line


def first_line(error: BaseException, limit: int = 300) -> str:
    """The first line of an error's text, shortened."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = lines[0] if lines else ""
    return text if len(text) <= limit else text[: limit - 3] + "..."


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an allocation failed, on the host (Python's, or PyTorch's CPU allocator) or on the GPU."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    if isinstance(error, OSError) and error.errno == 12:
        return True
    return isinstance(error, RuntimeError) and (
        "DefaultCPUAllocator" in str(error) or "Cannot allocate memory" in str(error)
    )


def sentence(file: UserFile, stage: str, error: BaseException) -> str:
    """One sentence for an exception that came out of the user's module in `stage`."""
    doing = STAGES[stage]
    if isinstance(error, ModuleProblem):
        return str(error)
    if isinstance(error, TimeLimit):
        return f"{file.at(error)}: {doing} ran past the limit of {error.args[0]:g} s"
    if isinstance(error, SyntaxError) and stage == "importing":
        where = file.shown if error.filename == file.path else (error.filename or file.shown)
        return f"{where}, line {error.lineno}: syntax error: {error.msg}"
    if isinstance(error, ModuleNotFoundError) and stage == "importing":
        return f"{file.at(error)}: no module named '{error.name}' is installed in this Python"
    if isinstance(error, SystemExit):
        return f"{file.at(error)}: {doing} called sys.exit({error.code!r})"
    if is_out_of_memory(error):
        kind = "GPU memory" if type(error).__name__ == "OutOfMemoryError" else "memory"
        return f"{file.at(error)}: {doing} ran out of {kind} ({first_line(error) or type(error).__name__})"
    text = first_line(error)
    return f"{file.at(error)}: {doing} raised {type(error).__name__}" + (f": {text}" if text else "")
