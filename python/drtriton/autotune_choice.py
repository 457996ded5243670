"""`triton.autotune` without timing: a chosen configuration, and a record of what there was to choose from.

A launcher is run once for each alternative; with several autotuned kernels (or several keys of one) one is varied at a
time. The launch recorded is the steady one: `reset_to_zero`, `restore_value` and `pre_hook` of the tuner belong to
benchmarking and are left out, a configuration's own `pre_hook` runs.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from triton.compiler.errors import CompileTimeAssertionFailure
from triton.runtime.autotuner import Autotuner, Config
from triton.runtime.errors import OutOfResources, PTXASError

UNUSABLE = (OutOfResources, CompileTimeAssertionFailure, PTXASError)  # what Triton skips a configuration for


class Choices:
    """Which configuration each autotuned kernel takes in this run of the launcher."""

    def __init__(self) -> None:
        self._numbers: dict[int, int] = {}           # tuner, by identity -> order of first use
        self._tuners: list[Autotuner] = []           # keeps identities taken
        self.found: dict[tuple, list[Config]] = {}   # (tuner, key) -> configurations after pruning
        self.first: dict[tuple, int] = {}            # the first usable of them
        self.forced: dict[tuple, int] = {}           # set for an alternative

    def alternatives(self) -> Iterator[dict[tuple, int]]:
        """What to force for each further run."""
        for place, configs in self.found.items():
            for index in range(len(configs)):
                if index != self.first[place]:
                    yield {place: index}

    def run(self, tuner: Autotuner, args: tuple, kwargs: dict[str, Any]) -> Any:
        """In place of Autotuner.run."""
        tuner.nargs = dict(zip(tuner.arg_names, args))
        place = self._place(tuner, kwargs)
        if place not in self.found:
            self.found[place] = tuner.configs if len(tuner.configs) == 1 else tuner.prune_configs(kwargs)
        configs = self.found[place]
        if place in self.forced or place in self.first:
            return self._launch(tuner, configs[self.forced.get(place, self.first.get(place, 0))], args, kwargs)
        for index, config in enumerate(configs):
            try:
                result = self._launch(tuner, config, args, kwargs)
            except UNUSABLE:
                if index + 1 == len(configs):
                    raise
                continue
            self.first[place] = index
            return result
        return None

    def _place(self, tuner: Autotuner, kwargs: dict[str, Any]) -> tuple:
        if id(tuner) not in self._numbers:
            self._numbers[id(tuner)] = len(self._numbers)
            self._tuners.append(tuner)
        known = {**tuner.nargs, **kwargs}
        key = [str(known[name]) for name in tuner.keys if name in known]
        key += [str(value.dtype) for name, value in known.items() if name in tuner.arg_names and hasattr(value, "dtype")]
        return (self._numbers[id(tuner)], *key)

    @staticmethod
    def _launch(tuner: Autotuner, config: Config, args: tuple, kwargs: dict[str, Any]) -> Any:
        conflicts = kwargs.keys() & config.kwargs.keys()
        if conflicts:
            raise ValueError(f"Conflicting meta-parameters: {', '.join(conflicts)}.")
        tuner.best_config = config
        if config.pre_hook is not None:
            config.pre_hook({**tuner.nargs, **kwargs, **config.all_kwargs()})
        options = config.all_kwargs()
        if not _takes_options(tuner.fn):
            options = config.kwargs
        return tuner.fn.run(*args, **kwargs, **options)


def _takes_options(function: Any) -> bool:
    """Whether the next layer understands num_warps and the like; every layer of Triton's does."""
    return "kwargs" in inspect.signature(function.run).parameters


def install(choices: Choices) -> None:
    Autotuner.run = lambda tuner, *args, **kwargs: choices.run(tuner, args, kwargs)
