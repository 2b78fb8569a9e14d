"""Every proof holds, and every claim that guards something notices when it is broken."""

import pytest

from cosim.formal.prove import Verdict, emit, prove
from cosim.mutation.faults import fault
from cosim.mutation.tree import faulty_import

_PROOFS = "tests.formal.proofs"

PROOFS = [
    "tlb:TlbProof",
    "second_level:SecondLevelProof",
    "permissions:PermissionsProof",
    "pmp:PmpVerdictProof",
    "pmp:PmpUniformProof",
    "pmp:PmpRegistersProof",
    "reservation:ReservationProof",
    "reservation:SteppedReservationProof",
    "arbiter:RoundRobinProof",
    "arbiter:ArbiterProof",
]

SEEDED = {
    "tlb_vmid": ("tlb:TlbProof", "hit_is_legitimate"),
    "tlb_asid": ("tlb:TlbProof", "hit_is_legitimate"),
    "tlb_v": ("tlb:TlbProof", "hit_is_legitimate"),
    "tlb_overlap": ("tlb:TlbProof", ""),
    "fence_address_size": ("tlb:TlbProof", "hit_is_legitimate"),
    "hfence_gvma_vmid": ("tlb:TlbProof", "hit_is_legitimate"),
    "hfence_vvma_dropped": ("tlb:TlbProof", "hit_is_legitimate"),
    "sfence_global": ("tlb:TlbProof", "hit_is_legitimate"),
    "second_asid": ("second_level:SecondLevelProof", "asid_matches"),
    "second_coarse": ("second_level:SecondLevelProof", "hit_is_legitimate"),
    "second_gvma": ("second_level:SecondLevelProof", "hit_is_legitimate"),
    "mxr": ("permissions:PermissionsProof", "rights_of_an_entry"),
    "vs_mxr_both": ("permissions:PermissionsProof", "rights_of_an_entry"),
    "sum_fetch": ("permissions:PermissionsProof", "walk_of_first_stage"),
    "user_bit": ("permissions:PermissionsProof", "walk_of_first_stage"),
    "guest_dirty": ("permissions:PermissionsProof", "rights_of_an_entry"),
    "hlvx_reads": ("permissions:PermissionsProof", "rights_of_an_entry"),
    "pmp_lock_m": ("pmp:PmpVerdictProof", "verdict"),
    "pmp_tor_bottom": ("pmp:PmpVerdictProof", "verdict"),
    "pmp_uniform": ("pmp:PmpUniformProof", "uniform_mega"),
    "pmp_lock_write": ("pmp:PmpRegistersProof", "locked_configuration_stays"),
    "pmp_lock_below": ("pmp:PmpRegistersProof", "locked_address_stays"),
    "pmp_w_without_r": ("pmp:PmpRegistersProof", "written_configuration"),
    "reservation_snoop": ("reservation:ReservationProof", "no_write_without_reservation"),
    "reservation_kept": ("reservation:ReservationProof", "no_write_without_reservation"),
    "reservation_line": ("reservation:ReservationProof", "no_write_without_reservation"),
    "turn_moves": ("arbiter:RoundRobinProof", "grant_stays"),
    "turn_unfair": ("arbiter:RoundRobinProof", "fair_to_"),
    "arbiter_answers": ("arbiter:ArbiterProof", "r_"),
    "arbiter_data_twice": ("arbiter:ArbiterProof", "one_write_at_a_time"),
    "arbiter_writer": ("arbiter:ArbiterProof", ""),
}
"""Fault, the proof that must fail with it, and the beginning of the name of a claim that does."""


def _verdict(name: str, seeded: str | None = None, more: int = 0) -> Verdict:
    module, _, proof = name.partition(":")
    chosen = fault(seeded) if seeded else None
    with faulty_import(f"{_PROOFS}.{module}", chosen, anew=(_PROOFS,)) as loaded:
        wanted = getattr(loaded, proof)()
        text = emit(wanted)
    return prove(text, wanted.depth + more)


@pytest.mark.parametrize("name", PROOFS)
def test_proof_holds(name: str) -> None:
    verdict = _verdict(name)
    assert verdict, f"{verdict.violated} broken in cycle {verdict.step}\n{verdict.log}"


@pytest.mark.parametrize("seeded", SEEDED)
def test_seeded_fault_is_found(seeded: str) -> None:
    proof, claim = SEEDED[seeded]
    verdict = _verdict(proof, seeded)
    assert not verdict, f"{proof} holds although: {fault(seeded).what}"
    assert any(name.startswith(claim) for name in verdict.violated), verdict.violated


@pytest.mark.nightly
@pytest.mark.parametrize(
    "name", [name for name in PROOFS if "Permissions" not in name and "Stepped" not in name]
)
def test_proof_holds_for_longer(name: str) -> None:
    """Two cycles more than usual."""
    assert _verdict(name, more=2)
