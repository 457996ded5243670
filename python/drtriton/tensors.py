"""Reads and writes `.tensors` files: raw tensors with their strides, behind a one-line JSON header (docs/formats.md).

`write_tensors` and `TensorWriter` keep at most one tensor's bytes in memory beside the tensors themselves;
`read_tensors` maps the file, so that reading costs no memory until a tensor is touched.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import os
from collections.abc import Mapping

import torch

FORMAT = "drtriton.tensors/1"
_HEADER_ALIGNMENT = 4096
_TENSOR_ALIGNMENT = 256


def storage_extent(shape: tuple[int, ...], strides: tuple[int, ...]) -> int:
    """Elements between the first and one past the last that a view touches; 0 when it is empty."""
    if 0 in shape:
        return 0
    return 1 + sum((size - 1) * stride for size, stride in zip(shape, strides))


def _round_up(value: int, multiple: int) -> int:
    return -(-value // multiple) * multiple


def value_bytes(tensor: torch.Tensor) -> torch.Tensor:
    """The values in row-major order as a vector of bytes, for any rank."""
    return tensor.detach().contiguous().reshape(-1).view(torch.uint8)


def value_digest(tensor: torch.Tensor) -> str:
    """SHA-256 of the values in row-major order."""
    return hashlib.sha256(memoryview(value_bytes(tensor.cpu()).numpy()) if tensor.numel() else b"").hexdigest()


class TensorWriter:
    """Writes tensors one after the other, then the header; the file appears under its name only in `close`.

    The header's place is reserved before the data, by the number of tensors and the bytes of their names; what is left
    of it is blank. Use as a context manager: leaving it by an exception removes the unfinished file.
    """

    def __init__(self, path: str | os.PathLike, names: list[str]):
        self._path = os.fspath(path)
        self._unfinished = f"{self._path}.{os.getpid()}.unfinished"
        self._entries: list[dict] = []
        reserved = 256 + sum(768 + 6 * len(name) for name in names)
        self._data_start = _round_up(reserved, _HEADER_ALIGNMENT)
        self._end = 0
        self._file = open(self._unfinished, "wb")

    def __enter__(self) -> TensorWriter:
        return self

    def __exit__(self, kind, *_) -> None:
        if kind is None:
            self.close()
        else:
            self.abandon()

    def add(self, name: str, tensor: torch.Tensor) -> None:
        """Appends a dense strided tensor (any device)."""
        tensor = tensor.detach().resolve_conj().resolve_neg()
        shape, strides = tuple(tensor.shape), tuple(tensor.stride())
        count = storage_extent(shape, strides)
        offset = _round_up(self._end, _TENSOR_ALIGNMENT)
        byte_count = count * tensor.element_size()
        self._entries.append(
            {
                "name": name,
                "dtype": str(tensor.dtype).removeprefix("torch."),
                "shape": list(shape),
                "strides": list(strides),
                "offset": offset,
                "bytes": byte_count,
            }
        )
        if byte_count:
            flat = tensor.as_strided((count,), (1,)).cpu().view(torch.uint8)
            self._file.seek(self._data_start + offset)
            self._file.write(memoryview(flat.numpy()))
        self._end = offset + byte_count

    def close(self) -> None:
        header = json.dumps({"format": FORMAT, "tensors": self._entries}).encode()
        if len(header) >= self._data_start:
            self.abandon()
            raise ValueError(f"{self._path}: more tensors were added than announced")
        self._file.truncate(self._data_start + self._end)
        self._file.seek(0)
        # Blanks end the line in the last 4096 bytes before the data, so that a reader finds the data behind it.
        self._file.write(header.ljust(self._data_start - _HEADER_ALIGNMENT) + b"\n")
        self._file.close()
        os.replace(self._unfinished, self._path)

    def abandon(self) -> None:
        self._file.close()
        if os.path.exists(self._unfinished):
            os.unlink(self._unfinished)


def write_tensors(path: str | os.PathLike, tensors: Mapping[str, torch.Tensor]) -> None:
    """Replaces `path` by a file that holds `tensors` in their order."""
    with TensorWriter(path, list(tensors)) as writer:
        for name, tensor in tensors.items():
            writer.add(name, tensor)


def read_tensors(path: str | os.PathLike) -> dict[str, torch.Tensor]:
    """The tensors of a file by name, on the CPU, with the strides they were written with.

    They share one private mapping of the file: writing to one of them changes neither the file nor another reader.
    """
    with open(path, "rb") as file:
        line = file.readline()
        header = json.loads(line)
        if header.get("format") != FORMAT:
            raise ValueError(f"{path} is not a {FORMAT} file")
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    start = _round_up(len(line), _HEADER_ALIGNMENT)
    return {entry["name"]: _view(data, start, entry) for entry in header["tensors"]}


def _view(data: mmap.mmap, start: int, entry: dict) -> torch.Tensor:
    dtype = getattr(torch, entry["dtype"])
    shape, strides = tuple(entry["shape"]), tuple(entry["strides"])
    count = storage_extent(shape, strides)
    if count == 0:
        return torch.empty_strided(shape, strides, dtype=dtype, device="cpu")
    if entry["bytes"] != count * torch.empty((), dtype=dtype).element_size():
        raise ValueError(f"tensor {entry['name']}: {entry['bytes']} bytes do not fit its shape and strides")
    flat = torch.frombuffer(data, dtype=dtype, count=count, offset=start + entry["offset"])
    return flat.as_strided(shape, strides)
