"""Flattened device trees in plain Python: a small writer, and the trees of the machine and of a guest.

The blob is version 17 of the Devicetree Specification (chapter 5). Nodes are plain objects; a property's
value is a string, a list of strings, a number (one 32-bit cell), a list of numbers (cells), bytes, or
None for an empty property. A `Node` inside a list of cells stands for its phandle.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from rtl.isa.memory_map import (
    CLINT,
    DRAM_BASE,
    FINISHER,
    FINISHER_PASS,
    FINISHER_RESET,
    PLIC,
    PLIC_SOURCES,
    TIMEBASE_HZ,
    UART,
    UART_IRQ,
    VIRTIO,
    VIRTIO_IRQ,
    VIRTIO_SLOTS,
    VIRTIO_STRIDE,
)

__all__ = ["EXTENSIONS", "GUEST_EXTENSIONS", "Node", "guest_tree", "host_tree"]

Value = str | int | bytes | None | Sequence["str | int | Node"]

EXTENSIONS = (
    "i",
    "m",
    "a",
    "c",
    "h",
    "zicntr",
    "zicsr",
    "zifencei",
    "zihintpause",
    "zihpm",
    "sstc",
    "svinval",
)
"""What the machine's tree says in `riscv,isa-extensions`."""
GUEST_EXTENSIONS = tuple(name for name in EXTENSIONS if name != "h")
"""The same for a guest: it has no hypervisor extension of its own."""

_MAGIC = 0xD00DFEED
_BEGIN_NODE, _END_NODE, _PROP, _END = 1, 2, 3, 9
_EXTERNAL, _MACHINE_EXTERNAL = 9, 11


@dataclass(eq=False)
class Node:
    """A device-tree node: ``name`` with its unit address, properties and children in order."""

    name: str
    properties: dict[str, Value] = field(default_factory=dict)
    children: list["Node"] = field(default_factory=list)

    def add(self, name: str, /, **properties: Value) -> "Node":
        """Append a child and return it. ``_`` in a keyword stands for ``-`` and ``__`` for ``,``."""
        child = Node(name, {_property_name(key): value for key, value in properties.items()})
        self.children.append(child)
        return child

    def walk(self) -> Iterator["Node"]:
        """This node and all below it, parents first."""
        yield self
        for child in self.children:
            yield from child.walk()

    def to_blob(self) -> bytes:
        """The flattened tree with this node as its root."""
        phandles = _phandles(self)
        strings: dict[str, int] = {}
        pool = bytearray()

        def offset(name: str) -> int:
            if name not in strings:
                strings[name] = len(pool)
                pool.extend(name.encode() + b"\0")
            return strings[name]

        def flatten(node: Node) -> bytes:
            out = bytearray(struct.pack(">I", _BEGIN_NODE) + _padded(node.name.encode() + b"\0"))
            properties = dict(node.properties)
            if node in phandles:
                properties["phandle"] = phandles[node]
            for name, value in properties.items():
                raw = _encode(value, phandles)
                out += struct.pack(">III", _PROP, len(raw), offset(name)) + _padded(raw)
            for child in node.children:
                out += flatten(child)
            return bytes(out + struct.pack(">I", _END_NODE))

        body = flatten(self) + struct.pack(">I", _END)
        reservations = bytes(16)
        struct_at = 40 + len(reservations)
        strings_at = struct_at + len(body)
        total = strings_at + len(pool)
        header = struct.pack(
            ">10I", _MAGIC, total, struct_at, strings_at, 40, 17, 16, 0, len(pool), len(body)
        )
        return header + reservations + body + bytes(pool)


def _property_name(keyword: str) -> str:
    if keyword == "device_type":  # the specification's one name with an underscore
        return keyword
    return keyword.replace("__", ",").replace("_", "-")


def _padded(raw: bytes) -> bytes:
    return raw + bytes(-len(raw) % 4)


def _phandles(root: Node) -> dict[Node, int]:
    """Numbers for every node that some property refers to."""
    found: dict[Node, int] = {}
    for node in root.walk():
        for value in node.properties.values():
            if isinstance(value, (list, tuple)):
                for item in value:
                    if isinstance(item, Node):
                        found.setdefault(item, len(found) + 1)
    return found


def _encode(value: Value, phandles: dict[Node, int]) -> bytes:
    if value is None:
        return b""
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode() + b"\0"
    if isinstance(value, int):
        return struct.pack(">I", value)
    out = bytearray()
    for item in value:
        if isinstance(item, str):
            out += item.encode() + b"\0"
        else:
            out += struct.pack(">I", phandles[item] if isinstance(item, Node) else item)
    return bytes(out)


def _cells(*numbers: int) -> list[int]:
    """Each number as two cells, most significant first."""
    return [half for number in numbers for half in (number >> 32, number & 0xFFFF_FFFF)]


def _machine(
    memory: tuple[int, int], extensions: Sequence[str], bootargs: str, initrd: tuple[int, int] | None
) -> tuple[Node, Node, Node]:
    """What both trees have: cpu, memory, chosen, PLIC, UART, power. Returns root, soc and interrupt nodes."""
    root = Node("", {"#address-cells": 2, "#size-cells": 2, "compatible": "bivisor,virt", "model": "bivisor"})
    chosen = root.add("chosen", bootargs=bootargs, stdout_path=f"/soc/serial@{UART.base:x}")
    if initrd is not None:
        chosen.properties["linux,initrd-start"] = _cells(initrd[0])
        chosen.properties["linux,initrd-end"] = _cells(initrd[1])
    base, size = memory
    root.add(f"memory@{base:x}", device_type="memory", reg=_cells(base, size))

    cpus = root.add("cpus", timebase_frequency=TIMEBASE_HZ)
    cpus.properties |= {"#address-cells": 1, "#size-cells": 0}
    cpu = cpus.add(
        "cpu@0",
        device_type="cpu",
        reg=0,
        status="okay",
        compatible="riscv",
        mmu_type="riscv,sv39",
        riscv__isa="rv64imac" + "".join("_" + name for name in extensions if len(name) > 1),
        riscv__isa_base="rv64i",
        riscv__isa_extensions=list(extensions),
    )
    hart = cpu.add("interrupt-controller", compatible="riscv,cpu-intc", interrupt_controller=None)
    hart.properties["#interrupt-cells"] = 1

    soc = root.add("soc", compatible="simple-bus", ranges=None)
    soc.properties |= {"#address-cells": 2, "#size-cells": 2}
    plic = soc.add(
        f"plic@{PLIC.base:x}",
        compatible=["sifive,plic-1.0.0", "riscv,plic0"],
        reg=_cells(PLIC.base, PLIC.size),
        interrupt_controller=None,
        interrupts_extended=[hart, _MACHINE_EXTERNAL, hart, _EXTERNAL],
        riscv__ndev=PLIC_SOURCES,
    )
    plic.properties |= {"#interrupt-cells": 1, "#address-cells": 0}
    soc.add(
        f"serial@{UART.base:x}",
        compatible="ns16550a",
        reg=_cells(UART.base, UART.size),
        clock_frequency=3_686_400,
        interrupts=UART_IRQ,
        interrupt_parent=[plic],
    )
    test = soc.add(
        f"test@{FINISHER.base:x}",
        compatible=["sifive,test1", "sifive,test0", "syscon"],
        reg=_cells(FINISHER.base, FINISHER.size),
    )
    root.add("poweroff", compatible="syscon-poweroff", regmap=[test], offset=0, value=FINISHER_PASS)
    root.add("reboot", compatible="syscon-reboot", regmap=[test], offset=0, value=FINISHER_RESET)
    return root, soc, hart


def guest_tree(size: int, bootargs: str = "", initrd: tuple[int, int] | None = None) -> Node:
    """The tree of a guest with ``size`` bytes of RAM at `DRAM_BASE`; ``initrd`` is (start, end)."""
    root, _, _ = _machine((DRAM_BASE, size), GUEST_EXTENSIONS, bootargs, initrd)
    return root


def host_tree(
    size: int,
    bootargs: str = "",
    initrd: tuple[int, int] | None = None,
    reserved: int = 0,
) -> Node:
    """The machine's own tree. The first ``reserved`` bytes of DRAM (the monitor's) are left out of memory."""
    memory = (DRAM_BASE + reserved, size - reserved)
    root, soc, hart = _machine(memory, EXTENSIONS, bootargs, initrd)
    soc.add(
        f"clint@{CLINT.base:x}",
        compatible=["sifive,clint0", "riscv,clint0"],
        reg=_cells(CLINT.base, CLINT.size),
        interrupts_extended=[hart, 3, hart, 7],
    )
    plic = next(node for node in soc.children if node.name.startswith("plic@"))
    for slot in range(VIRTIO_SLOTS):
        base = VIRTIO.base + slot * VIRTIO_STRIDE
        soc.add(
            f"virtio_mmio@{base:x}",
            compatible="virtio,mmio",
            reg=_cells(base, VIRTIO_STRIDE),
            interrupts=VIRTIO_IRQ + slot,
            interrupt_parent=[plic],
        )
    return root
