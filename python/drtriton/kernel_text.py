"""Kernels as text: what a `@triton.jit` function is made of, without the process that defined it.

`pack` is called where the candidate runs: it turns a JITFunction and whatever it refers to (device functions, functions
evaluated while compiling, constants, names of the language) into JSON. `unpack` is called where the candidate never
ran: it makes functions of that JSON again, for Triton's interpreter. The JSON is not trusted. A kernel may use nothing
but the language: no imports, no names or attributes that begin with an underscore, no objects but numbers, dtypes and
Triton's own functions. So a kernel that is interpreted has no more means than one that is compiled.
"""

from __future__ import annotations

import ast
import functools
import importlib
import math
import types
from collections.abc import Callable
from typing import Any

import triton
import triton.language as tl
import triton.runtime.interpreter as ti
from triton.runtime.jit import JITCallable, JITFunction

from drtriton.candidate_failure import CandidateFailure

_BUILTINS = {"abs": abs, "bool": bool, "float": float, "int": int, "isinstance": isinstance, "len": len, "list": list, "max": max,
             "min": min, "print": print, "range": range, "round": round, "slice": slice, "str": str, "tuple": tuple, "zip": zip,
             "enumerate": enumerate, "sum": sum, "pow": pow, "any": any, "all": all, "ValueError": ValueError}
# What the interpreter's tensors have beside what the language gives them.
_HIDDEN_ATTRIBUTES = {"handle", "data", "fn", "format", "format_map", "ctypes", "gi_frame", "f_globals", "mro"}
_REFUSED = (ast.Import, ast.ImportFrom, ast.ClassDef, ast.Lambda, ast.Try, ast.Global, ast.Nonlocal, ast.Yield, ast.YieldFrom,
            ast.Await, ast.AsyncFunctionDef, ast.AsyncFor, ast.AsyncWith, ast.Delete, ast.NamedExpr, ast.Raise)
_LANGUAGE = "triton.language"
_OWN_MODULES = ("triton.language", "triton.runtime.interpreter", "drtriton.")
_MAX_FUNCTIONS = 200


# ---- in the candidate's process --------------------------------------------------------------------------------------


class _Packer:
    def __init__(self) -> None:
        self.functions: list[dict[str, Any]] = []
        self._numbers: dict[int, int] = {}
        self._held: list[Any] = []

    def function(self, callable_: JITCallable) -> int:
        if id(callable_) in self._numbers:
            return self._numbers[id(callable_)]
        number = self._numbers[id(callable_)] = len(self.functions)
        self._held.append(callable_)
        entry: dict[str, Any] = {"source": callable_.src, "jit": isinstance(callable_, JITFunction), "names": {}}
        if entry["jit"]:
            entry["constexprs"] = [parameter.name for parameter in callable_.params if parameter.is_constexpr]
        self.functions.append(entry)
        scope = callable_.get_capture_scope()
        for name in _free_names(ast.parse(callable_.src)):
            if name in scope and name not in _BUILTINS:
                entry["names"][name] = self.value(scope[name], name)
        return number

    def value(self, value: Any, name: str) -> dict[str, Any]:
        if isinstance(value, JITCallable) and not str(value.__module__).startswith("triton."):
            return {"function": self.function(value)}
        if isinstance(value, tl.constexpr):
            return {"constexpr": self.value(value.value, name)}
        if isinstance(value, tl.dtype) and not isinstance(value, (tl.pointer_type, tl.block_type)):
            return {"dtype": str(value)}
        if value is None or isinstance(value, (bool, int, str)):
            return {"value": value}
        if isinstance(value, float):
            return {"float": value.hex()}
        if isinstance(value, types.ModuleType):
            return {"module": value.__name__}
        if isinstance(value, (tuple, list)):
            return {"tuple": [self.value(item, name) for item in value]}
        module, qualname = str(getattr(value, "__module__", "")), getattr(value, "__qualname__", getattr(value, "__name__", ""))
        if module.startswith("triton."):
            return {"module": module, "name": str(qualname)}
        return {"unknown": type(value).__name__}


def pack(function: JITFunction, arguments: dict[str, Any]) -> dict[str, Any]:
    """`arguments` maps parameters to values where they are compiled in, else to the parameter's type (tuples: a list)."""
    packer = _Packer()
    packer.function(function)

    def describe(argument: Any, name: str) -> Any:
        if isinstance(argument, list):
            return {"items": [describe(item, name) for item in argument]}
        return {"type": argument} if isinstance(argument, str) else packer.value(argument[0], name)

    return {"arguments": {name: describe(argument, name) for name, argument in arguments.items()}, "functions": packer.functions}


def _free_names(tree: ast.AST) -> list[str]:
    """Names that are read and that no statement of the function binds."""
    bound, read = set(), []
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            if isinstance(node.ctx, ast.Store):
                bound.add(node.id)
            else:
                read.append(node.id)
        elif isinstance(node, ast.arg):
            bound.add(node.arg)
    return sorted(set(read) - bound)


# ---- where kernels are interpreted -------------------------------------------------------------------------------------


def unsupported(reason: str) -> CandidateFailure:
    return CandidateFailure("unsupported", f"a kernel cannot be interpreted: {reason}")


class Kernel:
    """One unpacked kernel: `function.run(*arguments, grid=, warmup=False)` interprets it; `arguments` as they were packed."""

    def __init__(self, packed: dict[str, Any]):
        self._functions = packed["functions"]
        if not 0 < len(self._functions) <= _MAX_FUNCTIONS:
            raise unsupported("it has no functions, or too many")
        self._made: dict[int, Any] = {}
        self.arguments = {str(name): value for name, value in packed["arguments"].items()}
        self.function = self._function(0)

    def value(self, packed: dict[str, Any]) -> Any:
        """A constant, or what a name of a kernel's text stands for."""
        if "function" in packed:
            return self._function(int(packed["function"]))
        if "constexpr" in packed:
            return tl.constexpr(self.value(packed["constexpr"]))
        if "dtype" in packed:
            return _dtype(packed["dtype"])
        if "float" in packed:
            return float.fromhex(packed["float"])
        if "tuple" in packed:
            return tuple(self.value(item) for item in packed["tuple"])
        if "module" in packed:
            return _named(packed["module"], packed.get("name", ""))
        if "unknown" in packed:
            raise unsupported(f"it refers to an object of type {packed['unknown']}")
        return packed["value"]

    def _function(self, number: int) -> Any:
        if number not in self._made:
            if not 0 <= number < len(self._functions):
                raise unsupported("it refers to a function that is not there")
            self._made[number] = self._make(self._functions[number])
        return self._made[number]

    def _make(self, packed: dict[str, Any]) -> Any:
        tree = ast.parse(packed["source"])
        if len(tree.body) != 1 or not isinstance(tree.body[0], ast.FunctionDef):
            raise unsupported("its text is no function")
        definition = tree.body[0]
        names = {name: self.value(value) for name, value in packed["names"].items()}
        _require_language(tree, names)
        definition.decorator_list, definition.returns = [], None
        constexprs = set(packed.get("constexprs", ()))
        for argument in [*definition.args.posonlyargs, *definition.args.args, *definition.args.kwonlyargs]:
            argument.annotation = ast.Constant("constexpr") if argument.arg in constexprs else None
        namespace = {**names, "__builtins__": _BUILTINS}
        if not packed["jit"]:
            ast.fix_missing_locations(tree)
            exec(compile(tree, "<kernel>", "exec", dont_inherit=True), namespace)
            return _compile_time(namespace[definition.name])
        namespace["interpreter_semantic"] = ti.interpreter_semantic   # what the interpreter's own rewriting needs
        tree = ast.fix_missing_locations(ti.FunctionRewriter.ast_transformer.visit(tree))
        exec(compile(tree, "<kernel>", "exec", dont_inherit=True), namespace)
        return ti.InterpretedFunction(namespace[definition.name])


def _compile_time(function: Callable) -> Callable:
    def call(*args: Any, **kwargs: Any) -> Any:
        return function(*map(_plain, args), **{name: _plain(arg) for name, arg in kwargs.items()})

    return call


def _require_language(tree: ast.AST, names: dict[str, Any]) -> None:
    """Refuses text that is more than the language: see the module's docstring."""
    for node in ast.walk(tree):
        if isinstance(node, _REFUSED) or isinstance(node, ast.FunctionDef) and node is not tree.body[0]:   # type: ignore[attr-defined]
            raise unsupported(f"it holds a statement that is not Triton's ({type(node).__name__})")
        if isinstance(node, ast.Name) and (node.id.startswith("__") or node.id == "interpreter_semantic"):
            raise unsupported(f"it uses the name {node.id}")
        if isinstance(node, ast.Attribute):
            if node.attr.startswith("_") or node.attr in _HIDDEN_ATTRIBUTES:
                raise unsupported(f"it uses the attribute {node.attr}")
            _require_language_attribute(node, names)


def _require_language_attribute(node: ast.Attribute, names: dict[str, Any]) -> None:
    path, root = [node.attr], node.value
    while isinstance(root, ast.Attribute):
        path.append(root.attr)
        root = root.value
    if not isinstance(root, ast.Name) or not isinstance(names.get(root.id), types.ModuleType):
        return
    value: Any = names[root.id]
    for name in reversed(path):
        if not isinstance(value, types.ModuleType):
            return   # an attribute of a dtype or the like
        value = getattr(value, name, None)
        _require_language_value(value, f"{root.id}.{name}")


def _require_language_value(value: Any, name: str) -> None:
    while isinstance(value, functools.partial):
        value = value.func
    if isinstance(value, types.ModuleType):
        if value.__name__ == "math" or value.__name__ == _LANGUAGE or value.__name__.startswith(_LANGUAGE + "."):
            return
    elif value is None or isinstance(value, (bool, int, float, str, tl.dtype, tl.constexpr, JITCallable)):
        return
    elif isinstance(value, type):
        if value in (range, tl.constexpr, tl.dtype) or issubclass(value, (tl.core.base_value, tl.core.base_type)):
            return
        if value is tl.PropagateNan:   # an enumeration of the compiler's
            return
    elif value is print or value in vars(math).values() or str(getattr(value, "__module__", "")).startswith(_OWN_MODULES):
        if getattr(value, "__name__", "") not in ("jit", "builtin", "constexpr_function"):
            return
    raise unsupported(f"it uses {name}, which is not Triton's language")


# What a kernel may name of the package itself, evaluated while compiling.
_PACKAGE = types.ModuleType("triton.language.package")
_PACKAGE.language, _PACKAGE.cdiv = tl, lambda x, y: -(-_plain(x) // _plain(y))   # type: ignore[attr-defined]
_PACKAGE.next_power_of_2 = lambda n: triton.next_power_of_2(_plain(n))   # type: ignore[attr-defined]


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, tl.constexpr) else value


def _named(module: str, name: str) -> Any:
    """A module that a kernel refers to, or something in one by its dotted name."""
    if module == "math":
        value: Any = math
    elif module == "triton" or module.startswith("triton.") and name in ("cdiv", "next_power_of_2"):
        value = _PACKAGE
    elif module == _LANGUAGE or module.startswith(_LANGUAGE + "."):
        value = importlib.import_module(module)
    else:
        raise unsupported(f"it refers to {module}{'.' + name if name else ''}")
    for part in name.split(".") if name else ():
        if part.startswith("_"):
            raise unsupported(f"it refers to {module}.{name}")
        value = getattr(value, part, None)
    _require_language_value(value, f"{module}.{name}")
    return value


_DTYPES = {str(value): value for value in vars(tl).values() if isinstance(value, tl.dtype)}


def _dtype(name: str) -> tl.dtype:
    if name not in _DTYPES:
        raise unsupported(f"it refers to the dtype {name}")
    return _DTYPES[name]

