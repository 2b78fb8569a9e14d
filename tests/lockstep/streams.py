"""Recorded runs, to be compared again and again with one record changed."""

from collections.abc import Callable
from functools import cache

from cosim.build import Variant, build
from cosim.elf import read_elf
from cosim.job import Job
from cosim.lockstep.records import Event, Retired
from cosim.lockstep.run import compare_job, lockstep_of
from tests.isa.build import build_program, build_source

__all__ = ["compare_stream", "first", "recorded", "recorded_source"]

Stream = tuple[Job, list[Event]]


@cache
def recorded(name: str) -> Stream:
    """The records of an ISA program."""
    return _record(Job(read_elf(build_program(name)), max_cycles=2_000_000))


@cache
def recorded_source(name: str, source: str) -> Stream:
    """The records of an assembly text."""
    return _record(Job(read_elf(build_source(name, source)), max_cycles=2_000_000))


def _record(job: Job) -> Stream:
    events: list[Event] = []

    def keep(_, event: Event) -> Event:
        events.append(event)
        return event

    compare_job(build(Variant.OBSERVE), job, tamper=keep)
    return job, events


def compare_stream(stream: Stream, at: int = -1, instead: Event | None = None) -> int:
    """Compare the records, one of them replaced; instructions compared. Raises Mismatch."""
    job, events = stream
    lockstep = lockstep_of(job)
    for n, event in enumerate(events):
        lockstep.feed(instead if n == at and instead is not None else event)
    return lockstep.compared


def first(stream: Stream, wanted: Callable[[Retired], object]) -> tuple[int, Retired] | None:
    """The first record that is ``wanted``, with its place; None if there is none."""
    for n, event in enumerate(stream[1]):
        if isinstance(event, Retired) and wanted(event):
            return n, event
    return None
