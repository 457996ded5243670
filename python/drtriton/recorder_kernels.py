"""Facts about a compiled kernel, read from what the compiler left: registers, stack, atomics, assembly, written pointers."""

from __future__ import annotations

import re
import struct

_ATOMIC = re.compile(r"^\s*(?:@!?%p\d+\s+)?(?:atom|red)\.", re.MULTILINE)
_REGISTER_COUNT, _FRAME_SIZE = 0x2F, 0x11   # EIATTR_REGCOUNT, EIATTR_FRAME_SIZE of .nv.info
_SIZED_VALUE = 4                            # EIFMT_SVAL
_DOT_PRECISION = re.compile(r"inputPrecision = (\w+)")
_APPROXIMATE = re.compile(r"\b(ex2|lg2|sin|cos|rcp|rsqrt|sqrt|tanh|div)\.(approx|full)\b")
_SSA = re.compile(r"%[\w$.\-]+(?:#\d+)?")
_RESULT = re.compile(r"^\s*(%[\w$.\-]+(?::\d+)?(?:, %[\w$.\-]+(?::\d+)?)*) = ")
_WRITERS = ("tt.store", "tt.atomic_rmw", "tt.atomic_cas", "tt.descriptor_store", "tt.descriptor_reduce", "tt.descriptor_scatter",
            "tt.experimental_descriptor_store")
_READERS = ("tt.load", "tt.atomic_rmw", "tt.atomic_cas", "tt.descriptor_load", "tt.descriptor_gather", "tt.experimental_descriptor_load")
_REGIONS = ("scf.for", "scf.while", "scf.if", "scf.yield", "scf.condition")
_OPAQUE = ("tt.call", "cf.br", "cf.cond_br", "tt.int_to_ptr")
_POINTER_TYPE = re.compile(r"!tt\.(?:ptr|tensordesc)")


def has_atomics(ptx: str) -> bool:
    return _ATOMIC.search(ptx) is not None


def has_inline_assembly(ttir: str) -> bool:
    return "tt.elementwise_inline_asm" in ttir


def approximations(ttir: str, ptx: str) -> list[str]:
    """What of the code is less than exactly rounded, by name: dots of split or shortened operands, approximate instructions."""
    dots = {f"{name} dot" for name in _DOT_PRECISION.findall(ttir)}
    return sorted(dots) + sorted({".".join(found) for found in _APPROXIMATE.findall(ptx)})


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


def accessed_parameters(ttir: str) -> tuple[set[int], set[int]]:
    """Parameters of the entry function, by position in the compiler's first form, through which the kernel may read, and
    through which it may write.

    Follows values from parameters to loads and stores through straight-line operations. Where pointers pass through
    loops, conditions, calls or integers every pointer parameter counts as both: too many, never too few.
    """
    start = ttir.find("tt.func public")
    if start < 0:
        return set(), set()
    header, *body = ttir[start:].splitlines()
    names, is_pointer = _parameters(header)
    pointers = {index for index, pointer in enumerate(is_pointer) if pointer}
    sources: dict[str, set[int]] = {name: {index} for index, name in enumerate(names)}
    read: set[int] = set()
    written: set[int] = set()
    for line in body:
        line = line.split(" loc(", 1)[0]
        if any(name in line for name in _OPAQUE) or any(name in line for name in _REGIONS) and _POINTER_TYPE.search(line):
            return pointers, pointers
        result = _RESULT.match(line)
        operands = [value.split("#")[0] for value in _SSA.findall(line[result.end():] if result else line)]
        for accessors, accessed in ((_READERS, read), (_WRITERS, written)):
            if any(f"{name} " in line for name in accessors) and operands:
                accessed |= sources.get(operands[0], pointers) & pointers
        if result:
            used = set().union(*(sources.get(operand, set()) for operand in operands))
            for value in result.group(1).split(", "):
                sources[value.split(":")[0]] = used
    return read, written


def _parameters(line: str) -> tuple[list[str], list[bool]]:
    text = line[line.index("(") + 1:]
    found = re.findall(r"(%[\w$.\-]+): (!tt\.(?:ptr|tensordesc)|[\w!])", text)
    return [name for name, _ in found], [kind.startswith("!tt.") for _, kind in found]
