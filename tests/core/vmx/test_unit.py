"""The VMX unit alone, with and without the registers of ``Cuts.vmx``: what it does is the same."""

import random

import pytest
from amaranth.sim import Simulator

from rtl.core.stages import AmoOp, MemoryKind
from rtl.core.vmx.interface import VmxOp
from rtl.core.vmx.unit import VmxUnit
from rtl.isa.causes import Interrupt
from rtl.isa.privilege import Privilege
from rtl.isa.xvmx import (
    FIELDS,
    REVISION,
    ExitControl,
    ExitReason,
    PinControl,
    PostedDescriptor,
)

REGION, FIRST, SECOND, DESCRIPTOR = 0x8000_0000, 0x8000_1000, 0x8000_2000, 0x8000_3040
PATIENCE = 2000


class World:
    """Plays execute, memory and the CSR unit for a VMX unit."""

    def __init__(self, cut: bool, seed: int) -> None:
        self.dut = VmxUnit(cut)
        self.rng = random.Random(seed)
        self.memory = {REGION: REVISION, FIRST: REVISION, SECOND: REVISION}
        self.registers: dict[int, int] = {}
        self.access: tuple | None = None
        self.left = 0
        self.log: list = []

    async def tick(self, ctx) -> None:
        """A cycle of memory and CSR unit."""
        dut, csr, micro = self.dut, self.dut.csr, self.dut.execute.micro
        for pulse in ("micro_done", "micro_fault"):
            ctx.set(getattr(dut, pulse), 0)
        ends = False
        if self.access is not None:
            self.left -= 1
            ends = self.left <= 0
            if ends:
                self._serve(ctx)
        ready = self.access is None or ends
        ctx.set(micro.ready, ready)
        ctx.set(dut.execute.clear, ready)
        if ctx.get(csr.read):
            ctx.set(csr.value, self.registers.get(ctx.get(csr.number), 0))
        if ends:
            self.access = None
        if ready and ctx.get(micro.valid):
            names = ("kind", "size", "amo", "address", "data")
            self.access = tuple(ctx.get(getattr(micro.p, name)) for name in names)
            self.left = self.rng.choice((1, 1, 3, 10))
        ctx.set(csr.root_write, ctx.get(csr.write))  # the CSR unit does not distinguish
        ctx.set(csr.root_number, ctx.get(csr.number))
        if ctx.get(csr.write):
            self.registers[ctx.get(csr.number)] = ctx.get(csr.data)
        if ctx.get(csr.acknowledge):
            self.log.append("acknowledge")
            ctx.set(csr.physical, 0)
            ctx.set(dut.execute.interrupted, 0)
        await ctx.tick()

    def _serve(self, ctx) -> None:
        kind, _, amo, address, data = self.access
        old = self.memory.get(address, 0)
        self.log.append((kind, address, data if kind != MemoryKind.LOAD else 0))
        if kind == MemoryKind.STORE:
            self.memory[address] = data
        elif kind == MemoryKind.AMO:
            self.memory[address] = old & data if amo == AmoOp.AND else data
        ctx.set(self.dut.micro_data, old)
        ctx.set(self.dut.micro_done, 1)

    async def instruction(self, ctx, op: VmxOp, a: int = 0, b: int = 0) -> int:
        """Executes it; returns what it writes to rd."""
        execute = self.dut.execute
        ctx.set(execute.op, op)
        ctx.set(execute.a, a)
        ctx.set(execute.b, b)
        ctx.set(execute.instruction, 1)
        ctx.set(execute.valid, 1)
        for _ in range(PATIENCE):
            if ctx.get(execute.done) and not ctx.get(execute.wait):
                break
            await self.tick(ctx)
        else:
            pytest.fail(f"{op} does not end")
        result = ctx.get(execute.result)
        entered = ctx.get(execute.enter)
        ctx.set(execute.leaves, 1)
        ctx.set(execute.completes, 1)
        await self.tick(ctx)
        for member in (execute.leaves, execute.completes, execute.valid, execute.instruction):
            ctx.set(member, 0)
        if entered:
            ctx.set(self.dut.csr.mode, {"privilege": Privilege.S, "virt": 1})
        ctx.set(self.dut.sp_write, entered)  # the memory stage writes x2
        ctx.set(self.dut.sp, result)
        await self.tick(ctx)
        ctx.set(self.dut.sp_write, 0)
        return result

    async def write(self, ctx, **fields: int) -> None:
        for name, value in fields.items():
            assert await self.instruction(ctx, VmxOp.VMWRITE, FIELDS[name].number, value) == 0

    async def read(self, ctx, name: str) -> int:
        return await self.instruction(ctx, VmxOp.VMREAD, FIELDS[name].number)

    async def start(self, ctx) -> None:
        """VMX operation, with a current VMCS."""
        ctx.set(self.dut.csr.active, 1)
        ctx.set(self.dut.csr.mode, {"privilege": Privilege.S, "virt": 0})
        assert await self.instruction(ctx, VmxOp.VMXON, REGION) == 0
        assert await self.instruction(ctx, VmxOp.VMPTRLD, FIRST) == 0

    async def post(self, ctx) -> None:
        """A notification comes before an instruction of the guest."""
        execute, csr = self.dut.execute, self.dut.csr
        ctx.set(csr.physical, 1)
        ctx.set(csr.code, Interrupt.SSI)
        ctx.set(execute.interrupted, 1)
        assert ctx.get(execute.wait)
        for _ in range(PATIENCE):
            await self.tick(ctx)
            if not ctx.get(execute.wait):
                return
        pytest.fail("the notification is never processed")

    async def leave(self, ctx, cause: int, pc: int) -> int:
        """An exit; returns where the host goes on."""
        dut, execute = self.dut, self.dut.execute
        ctx.set(dut.trap, {"exit": 1, "cause": cause, "pc": pc, "tval": 0x123, "instruction": 0x1200_007B})
        ctx.set(dut.exits, 1)
        await self.tick(ctx)
        ctx.set(dut.exits, 0)
        ctx.set(dut.trap, {})
        for _ in range(PATIENCE):
            assert ctx.get(execute.busy)
            ctx.set(dut.fence.ready, self.rng.random() < 0.3)
            arrives, target = ctx.get(execute.arrive), ctx.get(execute.target)
            if arrives:
                assert ctx.get(dut.csr.leave) and ctx.get(execute.pc) == pc
                ctx.set(dut.csr.mode, {"privilege": Privilege.S, "virt": 0})
            await self.tick(ctx)
            if arrives:
                ctx.set(dut.fence.ready, 1)
                return target
        pytest.fail("the exit never ends")


def run(cut: bool, seed: int, story) -> World:
    """``story`` is told with one unit; the fences of entries are answered in the background."""
    world = World(cut, seed)
    simulator = Simulator(world.dut)
    simulator.add_clock(1e-6)

    async def bench(ctx) -> None:
        ctx.set(world.dut.fence.ready, 1)
        await world.start(ctx)
        await story(world, ctx)

    simulator.add_testbench(bench)
    simulator.run()
    return world


def told(story, seed: int = 0) -> None:
    """The same accesses, registers and memory with the cut and without it."""
    plain, cut = (run(cut, seed, story) for cut in (False, True))
    assert plain.log == cut.log
    assert plain.memory == cut.memory
    assert plain.registers == cut.registers
    assert plain.log


@pytest.mark.parametrize("seed", range(2))
def test_fields_go_to_memory_and_back(seed: int) -> None:
    async def story(world: World, ctx) -> None:
        rng = random.Random(seed)
        values = {name: rng.getrandbits(64) for name in FIELDS if FIELDS[name].number & 0x300 != 0x100}
        await world.write(ctx, **values)
        kept = {name: await world.read(ctx, name) for name in values}
        assert await world.instruction(ctx, VmxOp.VMPTRLD, SECOND) == 0
        assert await world.read(ctx, "H_PC") == 0
        assert await world.instruction(ctx, VmxOp.VMPTRLD, FIRST) == 0
        assert {name: await world.read(ctx, name) for name in values} == kept
        assert kept["H_PC"] == values["H_PC"]

    told(story, seed)


@pytest.mark.parametrize("seed", range(4))
def test_entries_notifications_and_exits(seed: int) -> None:
    async def story(world: World, ctx) -> None:
        pins = PinControl.EXTINT | PinControl.POSTED
        await world.write(ctx, PIN_CTLS=pins, EXIT_CTLS=ExitControl.ACK, PI_DESC=DESCRIPTOR, PI_VECTOR=1)
        await world.write(ctx, G_PC=0x4000, G_SP=0x5000, G_PRIV=1, H_PC=0x6000, H_SP=0x7000, H_STVEC=0x8000)
        assert await world.instruction(ctx, VmxOp.VMRESUME) == 5
        assert await world.read(ctx, "INSTR_ERROR") == 5
        assert await world.instruction(ctx, VmxOp.VMWRITE, FIELDS["EXIT_REASON"].number) == 13
        assert await world.instruction(ctx, VmxOp.VMWRITE, 0x3FF) == 12
        assert await world.read(ctx, "INSTR_ERROR") == 12
        assert await world.instruction(ctx, VmxOp.VMLAUNCH) == 0x5000
        for turn in range(3):
            requests = [1 << (8 * n + turn) for n in range(PostedDescriptor.PIR_WORDS)]
            for n, word in enumerate(requests):
                world.memory[DESCRIPTOR + 8 * n] = word
            world.memory[DESCRIPTOR + PostedDescriptor.CONTROL] = PostedDescriptor.ON | 2
            await world.post(ctx)
            assert world.memory[DESCRIPTOR + PostedDescriptor.CONTROL] == 2
            assert ctx.get(world.dut.csr.external)
            pc = 0x4444 + 4 * turn
            assert await world.leave(ctx, ExitReason.VMCALL, pc) == 0x6000
            assert ctx.get(world.dut.execute.result) == 0x7000
            assert await world.read(ctx, "EXIT_REASON") == ExitReason.VMCALL
            assert await world.read(ctx, "EXIT_QUAL") == 0x123
            assert await world.read(ctx, "G_PC") == pc
            for n in range(PostedDescriptor.PIR_WORDS):
                seen = sum(1 << (8 * n + before) for before in range(turn + 1))
                assert await world.read(ctx, f"G_EIP{n}") == seen & ~(n == 0)
            await world.write(ctx, H_STVEC=0x8000 + 16 * turn)
            assert await world.instruction(ctx, VmxOp.VMRESUME) == 0x5000

    told(story, seed)
