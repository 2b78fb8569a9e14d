"""Millions of cycles of random traffic on both caches, under Verilator."""

import os
import re
import subprocess
from pathlib import Path

import pytest
from amaranth import Module
from amaranth.back import verilog
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from cosim.toolchain import find_compiler, verilator_folder
from rtl.bus.arbiter import AxiArbiter
from rtl.bus.axi import AxiSignature
from rtl.cache.dcache import DataCache
from rtl.cache.icache import InstructionCache
from rtl.cache.interface import CoherentPort, DataPort, FetchPort
from rtl.cache.stepped import SteppedDataCache
from rtl.config import CacheConfig

CYCLES = 1_000_000


class Soak(wiring.Component):
    """Both caches on one bus, all other ports outside."""

    def __init__(self, config: CacheConfig, cache: type[DataCache]) -> None:
        self.config = config
        self.cache = cache
        super().__init__(
            {
                "fetch": In(FetchPort),
                "cpu": In(DataPort),
                "walker": In(CoherentPort),
                "dma": In(CoherentPort),
                "bus": Out(AxiSignature()),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.icache = icache = InstructionCache(self.config)
        m.submodules.dcache = dcache = self.cache(self.config)
        m.submodules.arbiter = arbiter = AxiArbiter(2)
        connect(m, flipped(self.fetch), icache.cpu)
        connect(m, flipped(self.cpu), dcache.cpu)
        connect(m, flipped(self.walker), dcache.walker)
        connect(m, flipped(self.dma), dcache.dma)
        connect(m, icache.clean, dcache.fetch_clean)
        connect(m, dcache.bus, arbiter.managers[0])
        connect(m, icache.bus, arbiter.managers[1])
        connect(m, arbiter.bus, flipped(self.bus))
        return m


def build(config: CacheConfig, cache: type[DataCache], folder: Path) -> Path:
    """Verilate the caches with the traffic generator; returns the program."""
    source = folder / "soak.v"
    source.write_text(verilog.convert(Soak(config, cache), name="soak", emit_src=False))
    command = [verilator_folder() / "bin" / "verilator", "--cc", "--exe", "--build", "-O3", "--assert"]
    command += [
        "-Wno-fatal",
        "-Wno-lint",
        "--top-module",
        "soak",
        "--Mdir",
        folder,
        "-CFLAGS",
        "-std=c++20 -O1",
    ]
    command += [source, Path(__file__).with_name("soak.cpp")]
    environment = {**os.environ, "OBJCACHE": " ".join(find_compiler()[:-1])}
    made = subprocess.run([str(part) for part in command], capture_output=True, text=True, env=environment)
    assert made.returncode == 0, made.stdout + made.stderr
    return folder / "Vsoak"


@pytest.mark.nightly
@pytest.mark.parametrize("cache", [DataCache, SteppedDataCache])
@pytest.mark.parametrize(
    "config",
    [
        CacheConfig(ways=1, way_bytes=128),
        CacheConfig(ways=2, way_bytes=256),
        CacheConfig(ways=4, way_bytes=256, line_bytes=32),
        CacheConfig(),
        CacheConfig(ways=8),
    ],
)
def test_soak(config, cache, tmp_path):
    program = build(config, cache, tmp_path)
    for seed in (1, 2):
        run = subprocess.run([program, str(seed), str(CYCLES)], capture_output=True, text=True)
        assert run.returncode == 0, f"seed {seed}: {run.stdout}"
        counts = [int(count) for count in re.findall(r"\d+", run.stdout)]
        assert len(counts) == 7 and min(counts) > 500, f"too little happened: {run.stdout}"
