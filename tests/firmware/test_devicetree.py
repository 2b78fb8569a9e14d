"""The device-tree writer, read back by a reader written from the specification (chapter 5)."""

import struct

import pytest

from firmware.devicetree import Node, guest_tree, host_tree


def parse(blob: bytes) -> dict:
    """A node as {"name", properties…, "children"}."""
    magic, total, struct_at, strings_at, _, version, last, _, strings_size, struct_size = struct.unpack_from(
        ">10I", blob
    )
    assert (magic, version, last, total) == (0xD00DFEED, 17, 16, len(blob))
    assert strings_at + strings_size <= total and struct_at + struct_size <= total
    at = struct_at

    def word() -> int:
        nonlocal at
        (value,) = struct.unpack_from(">I", blob, at)
        at += 4
        return value

    def node() -> dict:
        nonlocal at
        end = blob.index(b"\0", at)
        made = {"name": blob[at:end].decode(), "children": {}}
        at = (end + 4) & ~3
        while True:
            token = word()
            if token == 3:
                size, offset = word(), word()
                name_end = blob.index(b"\0", strings_at + offset)
                made[blob[strings_at + offset : name_end].decode()] = blob[at : at + size]
                at += (size + 3) & ~3
            elif token == 1:
                child = node()
                made["children"][child["name"]] = child
            else:
                assert token == 2
                return made

    assert word() == 1
    root = node()
    assert word() == 9
    return root


def test_property_kinds():
    root = Node("")
    other = root.add("target")
    root.add("a", text="x", texts=["y", "z"], cell=7, cells=[1, 2], empty=None, link=[other, 5])
    tree = parse(root.to_blob())["children"]
    handle = tree["target"]["phandle"]
    assert tree["a"] == {
        "name": "a",
        "children": {},
        "text": b"x\0",
        "texts": b"y\0z\0",
        "cell": b"\0\0\0\7",
        "cells": b"\0\0\0\1\0\0\0\2",
        "empty": b"",
        "link": handle + b"\0\0\0\5",
    }


def test_guest_tree_says_what_the_guest_has():
    tree = parse(guest_tree(32 << 20, "console=hvc0", (0x81000000, 0x81001234)).to_blob())["children"]
    assert tree["memory@80000000"]["reg"] == struct.pack(">QQ", 0x8000_0000, 32 << 20)
    assert tree["memory@80000000"]["device_type"] == b"memory\0"
    assert tree["chosen"]["bootargs"] == b"console=hvc0\0"
    assert struct.unpack(">Q", tree["chosen"]["linux,initrd-end"]) == (0x81001234,)
    cpu = tree["cpus"]["children"]["cpu@0"]
    names = cpu["riscv,isa-extensions"].split(b"\0")[:-1]
    assert cpu["riscv,isa-base"] == b"rv64i\0" and b"sstc" in names and b"h" not in names
    assert tree["cpus"]["timebase-frequency"] == struct.pack(">I", 10_000_000)
    plic = tree["soc"]["children"]["plic@c000000"]
    hart = cpu["children"]["interrupt-controller"]["phandle"]
    assert plic["interrupts-extended"] == hart + b"\0\0\0\x0b" + hart + b"\0\0\0\x09"


def test_host_tree_has_hypervisor_extension_and_virtio():
    tree = parse(host_tree(64 << 20, reserved=2 << 20).to_blob())["children"]
    assert tree["memory@80200000"]["reg"] == struct.pack(">QQ", 0x8020_0000, 62 << 20)
    assert b"\0h\0" in tree["cpus"]["children"]["cpu@0"]["riscv,isa-extensions"]
    assert sum(name.startswith("virtio_mmio@") for name in tree["soc"]["children"]) == 8


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5])
def test_padding(size):
    root = Node("", {"raw": b"\xaa" * size, "after": "end"})
    tree = parse(root.to_blob())
    assert tree["raw"] == b"\xaa" * size and tree["after"] == b"end\0"
