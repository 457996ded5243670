"""Facts about a compiled kernel, read from what the compiler left: registers, stack, atomics, assembly, written pointers."""

from __future__ import annotations

import re
import struct

_ATOMIC = re.compile(r"^\s*(?:@!?%p\d+\s+)?(?:atom|red)\.", re.MULTILINE)
_REGISTER_COUNT, _FRAME_SIZE = 0x2F, 0x11   # EIATTR_REGCOUNT, EIATTR_FRAME_SIZE of .nv.info
_SIZED_VALUE = 4                            # EIFMT_SVAL
_SSA = re.compile(r"%[\w$.\-]+(?:#\d+)?")
_RESULT = re.compile(r"^\s*(%[\w$.\-]+(?::\d+)?(?:, %[\w$.\-]+(?::\d+)?)*) = ")
_WRITERS = ("tt.store", "tt.atomic_rmw", "tt.atomic_cas", "tt.descriptor_store", "tt.descriptor_reduce", "tt.descriptor_scatter",
            "tt.experimental_descriptor_store")
_REGIONS = ("scf.for", "scf.while", "scf.if", "tt.call")


def has_atomics(ptx: str) -> bool:
    return _ATOMIC.search(ptx) is not None


def has_inline_assembly(ttir: str) -> bool:
    return "tt.elementwise_inline_asm" in ttir


def registers_and_spills(cubin: bytes) -> tuple[int, int]:
    """Registers of a thread and 4-byte words of its stack in local memory, from the ELF's `.nv.info`; zeros where unknown.

    Triton's driver calls the same figures n_regs and n_spills.
    """
    try:
        data = _section(cubin, b".nv.info")
    except (struct.error, ValueError, IndexError):
        return 0, 0
    registers = frame = 0
    place = 0
    while place + 4 <= len(data):
        form, attribute, size = struct.unpack_from("<BBH", data, place)
        place += 4
        if form != _SIZED_VALUE:
            continue
        if attribute in (_REGISTER_COUNT, _FRAME_SIZE) and size >= 8 and place + 8 <= len(data):
            value = struct.unpack_from("<I", data, place + 4)[0]
            if attribute == _REGISTER_COUNT:
                registers = max(registers, value)
            else:
                frame = max(frame, value)
        place += size
    return registers, frame // 4


def _section(elf: bytes, wanted: bytes) -> bytes:
    """A section of a 64-bit ELF file by name; empty when it has none."""
    if elf[:5] != b"\x7fELF\x02":
        raise ValueError("no 64-bit ELF file")
    headers = struct.unpack_from("<Q", elf, 0x28)[0]
    size, count, names = struct.unpack_from("<HHH", elf, 0x3A)
    fields = [struct.unpack_from("<IIQQQQ", elf, headers + i * size) for i in range(count)]
    names_start = fields[names][4]
    for name, _, _, _, start, length in fields:
        begin = names_start + name
        if elf[begin:elf.index(b"\0", begin)] == wanted:
            return elf[start:start + length]
    return b""


def written_parameters(ttir: str) -> set[int]:
    """Parameters of the entry function, by position, through which the kernel may write.

    Follows values from parameters to stores through straight-line operations. Where pointers pass through loops,
    conditions or calls every pointer parameter counts: too many, never too few.
    """
    lines = ttir.splitlines()
    start = next((i for i, line in enumerate(lines) if "tt.func public" in line), None)
    if start is None:
        return set()
    names, is_pointer = _parameters(lines[start])
    sources: dict[str, set[int]] = {name: {index} for index, name in enumerate(names)}
    pointers = {index for index, pointer in enumerate(is_pointer) if pointer}
    written: set[int] = set()
    for line in lines[start + 1:]:
        body = line.split(" loc(", 1)[0]
        if "tt.func" in body:
            break
        result = _RESULT.match(body)
        used = set().union(*(sources.get(value.split("#")[0], set()) for value in _SSA.findall(body[result.end():] if result else body)))
        if any(f"{writer} " in body for writer in _WRITERS):
            first = _SSA.findall(body[result.end():] if result else body)
            written |= sources.get(first[0].split("#")[0], set()) & pointers if first else pointers
        if any(region in body for region in _REGIONS) and used & pointers:
            for value in _SSA.findall(body):   # iteration arguments and results
                sources.setdefault(value.split("#")[0], set()).update(used)
        elif result:
            for value in result.group(1).split(", "):
                sources[value.split(":")[0]] = used
    if "tt.call" in ttir or "scf.while" in ttir or "cf.br" in ttir:
        return pointers
    return written


def _parameters(line: str) -> tuple[list[str], list[bool]]:
    text = line[line.index("(") + 1:]
    found = re.findall(r"(%[\w$.\-]+): (!tt\.(?:ptr|tensordesc)|[\w!])", text)
    return [name for name, _ in found], [kind.startswith("!tt.") for _, kind in found]
