"""The exception for a candidate at fault. Imports nothing: workers load it before they enter their sandbox."""

from __future__ import annotations

# The stage at which each code is given, as core/verdict.cc lists them.
_STAGES = {
    "syntax": "parse", "no_entry": "parse", "params_unmatched": "parse",
    "torch_compute": "rules", "no_kernel": "rules", "value_dependent": "rules", "forbidden": "rules",
    "unused_kernel": "rules", "call_state": "rules", "deferred": "rules",
    "import_error": "compile", "launcher_error": "compile", "triton_error": "compile", "out_of_resources": "compile",
    "out_of_memory": "compile", "timeout": "compile", "crashed": "compile", "bad_plan": "compile", "unsupported": "compile",
    "wrong_result_count": "run", "wrong_result_shape": "run", "wrong_result_dtype": "run", "wrong_result_strides": "run",
    "illegal_access": "run", "unwritten": "numerics", "wrong_mutation": "numerics",
    "internal": "done",
}


class CandidateFailure(Exception):
    """A candidate is rejected: a code of the closed list, and one sentence."""

    def __init__(self, code: str, reason: str):
        super().__init__(reason)
        self.code = code if code in _STAGES else "launcher_error"   # a candidate may raise this class itself
        self.reason = str(reason)

    def to_json(self) -> dict[str, str]:
        return {"stage": _STAGES[self.code], "code": self.code, "reason": self.reason}
