"""An exported program as `drtriton.program/1` JSON (docs/formats.md).

What torch.export keeps apart is folded: `getitem` nodes become the results of their operator, assertions and dead nodes
go, keyword and default arguments take their place in the schema's order, unused parameters and buffers are left out.
"""

from __future__ import annotations

import dataclasses
import enum
import math
import operator
from typing import Any

import torch
from torch.export.graph_signature import ConstantArgument, InputKind, OutputKind
from torch.utils import _pytree as pytree

from drtriton.importer_cost import estimate_flops
from drtriton.importer_errors import ModuleProblem, UserFile, first_line

FORMAT = "drtriton.program/1"

_DTYPES = (
    "bool",
    "uint8",
    "int8",
    "int16",
    "int32",
    "int64",
    "float16",
    "bfloat16",
    "float32",
    "float64",
    "complex64",
    "complex128",
)
_KINDS = {
    InputKind.USER_INPUT: "input",
    InputKind.PARAMETER: "parameter",
    InputKind.BUFFER: "buffer",
    InputKind.CONSTANT_TENSOR: "constant",
}
_MUTATIONS = (OutputKind.BUFFER_MUTATION, OutputKind.PARAMETER_MUTATION, OutputKind.USER_INPUT_MUTATION)
# Operators that read a tensor's value into Python.
_VALUE_READS = ("aten._local_scalar_dense", "aten.item", "aten.is_nonzero")


@dataclasses.dataclass
class Imported:
    """A Program as JSON with what the importer needs to fill its tensor file."""

    json: dict
    input_ids: list[int]  # the value of each tensor among the arguments, in pytree order
    result_ids: list[int]  # the value of each tensor of the result, in pytree order (repeats kept)
    in_spec: pytree.TreeSpec
    out_spec: pytree.TreeSpec
    constants: dict[str, torch.Tensor]  # by target; fake where only the module made for real has the data
    flops: float  # estimate of one call (importer_cost.py)


def attribute(value: Any, device: str) -> Any:
    """An operator's argument that is no tensor, as docs/formats.md writes it."""
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return (
            value if math.isfinite(value) else {"float": "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"}
        )
    if isinstance(value, str):
        return {"str": value}
    if isinstance(value, torch.dtype):
        return {"dtype": str(value).removeprefix("torch.")}
    if isinstance(value, torch.device):
        # A Program lives on one device: what the module makes on the host and moves over is made there at once.
        return {"device": device if value.type in ("cpu", "cuda") else value.type}
    if isinstance(value, torch.layout):
        return {"layout": str(value).removeprefix("torch.")}
    if isinstance(value, torch.memory_format):
        return {"memory_format": str(value).removeprefix("torch.")}
    if isinstance(value, (list, tuple)):
        return [attribute(item, device) for item in value]
    raise TypeError(f"an argument of type {type(value).__name__}")


class ProgramBuilder:
    """Turns one functional, decomposed ExportedProgram into JSON. Use once: `ProgramBuilder(...).build()`."""

    def __init__(
        self, exported: torch.export.ExportedProgram, file: UserFile, module_name: str, device: str, context: dict
    ):
        self._exported = exported
        self._file = file
        self._module_name = module_name
        self._device = device
        self._context = context
        self._values: list[dict] = []
        self._nodes: list[dict] = []
        self._ids: dict[torch.fx.Node, int] = {}  # tensors by what made them
        self._parts: dict[torch.fx.Node, list] = {}  # for nodes with several results: an id, a literal or None each
        self._producers: dict[torch.fx.Node, int] = {}  # likewise: their place among the Program's nodes
        self._alive = self._find_alive()

    def build(self) -> Imported:
        graph = self._exported.graph
        specs = {spec.arg.name: spec for spec in self._exported.graph_signature.input_specs}
        for node in graph.nodes:
            if node.op == "placeholder":
                self._add_leaf(node, specs[node.name])
            elif node.op == "call_function" and node in self._alive:
                self._add_call(node)
            elif node.op == "get_attr":
                self._refuse(node, "uses a subgraph (control flow inside the graph)")
        call = self._exported.call_spec
        arguments, input_ids = self._arguments(call.in_spec)
        result, result_ids = self._result(call.out_spec)
        if not result_ids and not self._mutations():
            raise ModuleProblem(f"{self._file.shown}: forward() returns no tensor, so there is nothing to convert")
        json = {
            "format": FORMAT,
            "name": self._program_name(),
            "device": self._device,
            "values": self._values,
            "nodes": self._nodes,
            "inputs": input_ids,
            "arguments": arguments,
            "result": result,
            "mutations": self._mutations(),
            "context": self._context,
        }
        return Imported(
            json,
            input_ids,
            result_ids,
            call.in_spec,
            call.out_spec,
            dict(self._exported.constants),
            estimate_flops(graph),
        )

    # Nodes.

    def _find_alive(self) -> set[torch.fx.Node]:
        """Nodes that a result or a mutation comes from; what only assertions read is not among them."""
        alive: set[torch.fx.Node] = set()
        for node in reversed(self._exported.graph.nodes):
            if node.op == "output" or node in alive:
                alive.add(node)
                alive.update(node.all_input_nodes)
        return alive

    def _add_leaf(self, node: torch.fx.Node, spec: Any) -> None:
        if isinstance(spec.arg, ConstantArgument):
            return
        if spec.kind not in _KINDS:
            raise ModuleProblem(
                f"{self._file.shown}: the argument {node.name} of forward() is of a kind that cannot be imported"
            )
        if spec.kind is not InputKind.USER_INPUT and node not in self._alive:
            return
        extra = {} if spec.kind is InputKind.USER_INPUT else {"target": spec.target}
        self._ids[node] = self._add_value(node, node.name, node.meta["val"], {"kind": _KINDS[spec.kind], **extra})

    def _add_call(self, node: torch.fx.Node) -> None:
        if node.target is operator.getitem:
            self._add_part(node)
            return
        if self._broadcasts_nothing(node):
            self._parts[node] = [("value", self._ids[part]) for part in node.args[0]]
            return
        if str(node.target).startswith(_VALUE_READS):
            self._refuse(node, "reads a value of a tensor into Python (.item(), float(), int(), if)")
        if not isinstance(node.target, torch._ops.OpOverload):
            name = getattr(node.target, "__name__", str(node.target))
            self._refuse(node, f"uses {name}, which is no operator that a Program can carry")
        index = len(self._nodes)
        schema = node.target._schema
        entry = {
            "op": str(node.target),
            "args": self._schema_arguments(node, schema),
            "outputs": [],
            "schema": str(schema),
        }
        value = node.meta.get("val")
        if isinstance(value, torch.Tensor):
            self._ids[node] = self._add_value(node, node.name, value, {"kind": "node", "node": index, "output": 0})
            entry["outputs"] = [self._ids[node]]
        elif isinstance(value, (list, tuple)):
            self._parts[node] = [None if isinstance(part, torch.Tensor) else ("literal", part) for part in value]
            self._producers[node] = index
            entry["outputs"] = [-1] * len(value)
        else:
            self._refuse(node, f"uses {entry['op']}, whose result is no tensor")
        self._nodes.append(entry)

    def _broadcasts_nothing(self, node: torch.fx.Node) -> bool:
        """`broadcast_tensors` of tensors that have one shape: what PyTorch's losses do first. It gives them back."""
        if node.target is not torch.ops.aten.broadcast_tensors.default:
            return False
        tensors = node.args[0]
        return all(part in self._ids for part in tensors) and len({part.meta["val"].shape for part in tensors}) == 1

    def _add_part(self, node: torch.fx.Node) -> None:
        """A `getitem`: names one result of an operator that has several."""
        source, index = node.args
        parts = self._parts[source]
        if parts[index] is None:
            producer = self._producers[source]
            where = {"kind": "node", "node": producer, "output": index}
            parts[index] = ("value", self._add_value(node, node.name, source.meta["val"][index], where))
            self._nodes[producer]["outputs"][index] = parts[index][1]
        kind, content = parts[index]
        if kind == "value":
            self._ids[node] = content
        else:
            self._parts[node] = [(kind, content)]

    def _schema_arguments(self, node: torch.fx.Node, schema: Any) -> list:
        arguments = []
        for position, argument in enumerate(schema.arguments):
            if position < len(node.args):
                given = node.args[position]
            elif argument.name in node.kwargs:
                given = node.kwargs[argument.name]
            else:
                given = argument.default_value
            if (
                isinstance(given, int)
                and not isinstance(given, bool)
                and str(argument.type) in ("float", "Optional[float]")
            ):
                given = float(given)
            try:
                arguments.append(self._argument(given))
            except TypeError as error:
                self._refuse(node, f"passes {first_line(error)} to {node.target}")
        return arguments

    def _argument(self, given: Any) -> Any:
        if isinstance(given, torch.fx.Node):
            if given in self._ids:
                return {"v": self._ids[given]}
            if isinstance(given.meta.get("val"), (list, tuple)):
                raise TypeError("a whole list of results")
            parts = self._parts.get(given)
            literal = parts[0][1] if parts else given.meta.get("val")
            return attribute(literal, self._device)
        if isinstance(given, (list, tuple)):
            return [self._argument(item) for item in given]
        return attribute(given, self._device)

    def _add_value(self, node: torch.fx.Node, name: str, tensor: torch.Tensor, where: dict) -> int:
        for size in (*tensor.shape, *tensor.stride()):
            if not isinstance(size, int):
                self._refuse(node, "has a shape that depends on values of a tensor")
        if tensor.layout is not torch.strided or tensor.is_quantized:
            self._refuse(node, f"gives a tensor of layout {tensor.layout}, which a Program cannot carry")
        dtype = str(tensor.dtype).removeprefix("torch.")
        if dtype not in _DTYPES:
            self._refuse(node, f"has a tensor of dtype {dtype}, which a Program cannot carry")
        self._values.append(
            {"name": name, "dtype": dtype, "shape": list(tensor.shape), "strides": list(tensor.stride()), **where}
        )
        return len(self._values) - 1

    def _refuse(self, node: torch.fx.Node, what: str) -> None:
        line = self._file.line_in_stack(node.meta.get("stack_trace"))
        where = self._file.shown if line is None else f"{self._file.shown}, line {line}"
        raise ModuleProblem(f"{where}: forward() {what}")

    # Trees.

    def _arguments(self, spec: pytree.TreeSpec) -> tuple[dict, list[int]]:
        placeholders = {node.name: node for node in self._exported.graph.nodes if node.op == "placeholder"}
        leaves = []
        for entry in self._exported.graph_signature.input_specs:
            if entry.kind is InputKind.USER_INPUT:
                constant = isinstance(entry.arg, ConstantArgument)
                leaves.append(
                    ("literal", entry.arg.value) if constant else ("value", self._ids[placeholders[entry.arg.name]])
                )
        positional, keywords = self._unflatten(spec, leaves)["tuple"]
        ids = [content for kind, content in leaves if kind == "value"]
        tree = positional
        if keywords["dict"]:
            if positional["tuple"]:
                raise ModuleProblem(f"{self._file.shown}: positional and keyword arguments at once cannot be carried")
            tree = keywords
        return tree, ids

    def _result(self, spec: pytree.TreeSpec) -> tuple[dict, list[int]]:
        output = next(node for node in self._exported.graph.nodes if node.op == "output")
        leaves = []
        for entry, given in zip(self._exported.graph_signature.output_specs, output.args[0]):
            if entry.kind is OutputKind.USER_OUTPUT:
                leaves.append(self._leaf(given))
        if len(leaves) != spec.num_leaves:
            raise ModuleProblem(f"{self._file.shown}: the result of forward() could not be followed")
        return self._unflatten(spec, leaves), [content for kind, content in leaves if kind == "value"]

    def _leaf(self, given: Any) -> tuple[str, Any]:
        if isinstance(given, torch.fx.Node):
            if given in self._ids:
                return "value", self._ids[given]
            parts = self._parts.get(given)
            given = parts[0][1] if parts and len(parts) == 1 else given.meta.get("val")
        if given is not None and not isinstance(given, (bool, int, float, str)):
            raise ModuleProblem(f"{self._file.shown}: forward() returns a value of type {type(given).__name__}")
        return "literal", given

    def _unflatten(self, spec: pytree.TreeSpec, leaves: list[tuple[str, Any]]) -> Any:
        """The containers of `spec` as tree JSON; a tensor without data stands for each leaf on the way."""
        marks = [torch.empty(0, device="meta") for _ in leaves]
        by_mark = {id(mark): leaf for mark, leaf in zip(marks, leaves)}
        return TreePrinter(by_mark, self._device, self._file, self._module_name).print(
            pytree.tree_unflatten(marks, spec)
        )

    def _mutations(self) -> list[dict]:
        targets = {}
        for entry in self._exported.graph_signature.input_specs:
            if not isinstance(entry.arg, ConstantArgument):
                targets[entry.target or entry.arg.name] = entry.arg.name
        names = {node.name: node for node in self._exported.graph.nodes}
        output = names["output"]
        return [
            {"target": self._ids[names[targets[entry.target]]], "value": self._ids[given]}
            for entry, given in zip(self._exported.graph_signature.output_specs, output.args[0])
            if entry.kind in _MUTATIONS
        ]

    def _program_name(self) -> str:
        name = "".join(letter if letter.isalnum() and letter.isascii() else "_" for letter in self._module_name)
        return name if name.isidentifier() else "model"


class TreePrinter:
    """Prints lists, tuples, named tuples, dicts, ModelOutputs and dataclasses over known leaves as tree JSON."""

    def __init__(self, leaves: dict[int, tuple[str, Any]], device: str, file: UserFile, module_name: str):
        self._leaves = leaves
        self._device = device
        self._file = file
        self._module_name = module_name

    def print(self, value: Any) -> dict:
        if id(value) in self._leaves:
            kind, content = self._leaves[id(value)]
            return {"value": content} if kind == "value" else {"literal": attribute(content, self._device)}
        if value is None:
            return {"literal": None}
        if isinstance(value, tuple):
            named = {"class": self._class(value)} if hasattr(value, "_fields") or type(value) is not tuple else {}
            return {"tuple": [self.print(item) for item in value], **named}
        if isinstance(value, list):
            return {"list": [self.print(item) for item in value]}
        if isinstance(value, dict):
            named = {} if type(value) is dict else {"class": self._class(value)}
            return {"dict": [[str(key), self.print(item)] for key, item in value.items()], **named}
        if dataclasses.is_dataclass(value):
            fields = [(field.name, getattr(value, field.name)) for field in dataclasses.fields(value)]
            return {"dict": [[name, self.print(item)] for name, item in fields], "class": self._class(value)}
        if isinstance(value, (bool, int, float, str)) and not isinstance(value, enum.Enum):
            return {"literal": attribute(value, self._device)}
        raise ModuleProblem(
            f"{self._file.shown}: forward() takes or returns a {type(value).__name__}; only lists, tuples, "
            "dicts, named tuples and dataclasses of tensors and numbers can be carried"
        )

    def _class(self, value: Any) -> str:
        """`module:Name`; the module is left empty where the class is defined in the user's own file."""
        kind = type(value)
        module = "" if kind.__module__ == self._module_name else kind.__module__
        return f"{module}:{kind.__qualname__}"
