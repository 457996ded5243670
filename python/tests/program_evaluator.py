"""Evaluates a Program's JSON node by node with torch.ops: a second reading of docs/formats.md, for tests only."""

from __future__ import annotations

from typing import Any

import torch


def attribute(json: Any, values: dict[int, torch.Tensor]) -> Any:
    if isinstance(json, list):
        return [attribute(item, values) for item in json]
    if not isinstance(json, dict):
        return json
    ((kind, content),) = json.items()
    if kind == "v":
        return values[content]
    if kind == "float":
        return float(content)
    if kind == "str":
        return content
    if kind == "device":
        return torch.device(content)
    return getattr(torch, content)  # dtype, layout, memory_format


def run_node(node: dict, values: dict[int, torch.Tensor]) -> list:
    namespace, name, overload = node["op"].split(".")
    operator = getattr(getattr(getattr(torch.ops, namespace), name), overload)
    schema = operator._schema.arguments
    assert str(operator._schema) == node["schema"], node["op"]
    assert len(schema) == len(node["args"]), node["op"]
    given = [attribute(argument, values) for argument in node["args"]]
    positional = [value for value, argument in zip(given, schema) if not argument.kwarg_only]
    keywords = {argument.name: value for value, argument in zip(given, schema) if argument.kwarg_only}
    result = operator(*positional, **keywords)
    return list(result) if isinstance(result, (list, tuple)) else [result]


def evaluate(program: dict, tensors: dict[str, torch.Tensor]) -> dict[int, torch.Tensor]:
    """Every value of the Program by its index, from the leaves' tensors; strides are compared on the way."""
    values: dict[int, torch.Tensor] = {}
    for index, value in enumerate(program["values"]):
        if value["kind"] != "node":
            values[index] = tensors[value["name"]]
            check_value(value, values[index])
    for position, node in enumerate(program["nodes"]):
        results = run_node(node, values)
        assert len(results) == len(node["outputs"]), node["op"]
        for place, (index, tensor) in enumerate(zip(node["outputs"], results)):
            if index < 0:
                continue
            value = program["values"][index]
            assert (value["node"], value["output"]) == (position, place)
            check_value(value, tensor)
            values[index] = tensor
    return values


def check_value(value: dict, tensor: torch.Tensor) -> None:
    stated = (value["dtype"], value["shape"], value["strides"])
    found = (str(tensor.dtype).removeprefix("torch."), list(tensor.shape), list(tensor.stride()))
    assert stated == found, f"{value['name']}: {stated} is {found}"


def leaves(tree: dict) -> list[dict]:
    """Leaves of a tree with a tensor, left to right."""
    if "value" in tree:
        return [tree]
    children = tree.get("list", []) + tree.get("tuple", []) + [child for _, child in tree.get("dict", [])]
    return [leaf for child in children for leaf in leaves(child)]
