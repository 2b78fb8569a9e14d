"""The VMCS fields that the hypervisor uses, by name."""

from rtl.isa.xvmx import FIELDS

__all__ = [
    "ENTRY_EVENT",
    "ENTRY_TVAL",
    "EPTP",
    "EXCEPTION_BITMAP",
    "EXIT_CTLS",
    "EXIT_INSTR",
    "EXIT_QUAL",
    "EXIT_REASON",
    "EXIT_TVAL",
    "GUEST_LINEAR",
    "GUEST_PHYS",
    "G_PC",
    "G_PRIV",
    "G_SATP",
    "G_SCOUNTEREN",
    "G_SIE",
    "G_SP",
    "G_SSTATUS",
    "G_STIMECMP",
    "G_STVEC",
    "H_PC",
    "H_SIE",
    "H_SP",
    "H_STIMECMP",
    "H_STVEC",
    "INSTR_ERROR",
    "PIN_CTLS",
    "PREEMPT_TIMER",
    "PROC_CTLS",
    "TIME_OFFSET",
    "VIRQ",
]

ENTRY_EVENT = FIELDS["ENTRY_EVENT"].number
ENTRY_TVAL = FIELDS["ENTRY_TVAL"].number
EPTP = FIELDS["EPTP"].number
EXCEPTION_BITMAP = FIELDS["EXCEPTION_BITMAP"].number
EXIT_CTLS = FIELDS["EXIT_CTLS"].number
EXIT_INSTR = FIELDS["EXIT_INSTR"].number
EXIT_QUAL = FIELDS["EXIT_QUAL"].number
EXIT_REASON = FIELDS["EXIT_REASON"].number
EXIT_TVAL = FIELDS["EXIT_TVAL"].number
GUEST_LINEAR = FIELDS["GUEST_LINEAR"].number
GUEST_PHYS = FIELDS["GUEST_PHYS"].number
G_PC = FIELDS["G_PC"].number
G_PRIV = FIELDS["G_PRIV"].number
G_SATP = FIELDS["G_SATP"].number
G_SCOUNTEREN = FIELDS["G_SCOUNTEREN"].number
G_SIE = FIELDS["G_SIE"].number
G_SP = FIELDS["G_SP"].number
G_SSTATUS = FIELDS["G_SSTATUS"].number
G_STIMECMP = FIELDS["G_STIMECMP"].number
G_STVEC = FIELDS["G_STVEC"].number
H_PC = FIELDS["H_PC"].number
H_SIE = FIELDS["H_SIE"].number
H_SP = FIELDS["H_SP"].number
H_STIMECMP = FIELDS["H_STIMECMP"].number
H_STVEC = FIELDS["H_STVEC"].number
INSTR_ERROR = FIELDS["INSTR_ERROR"].number
PIN_CTLS = FIELDS["PIN_CTLS"].number
PREEMPT_TIMER = FIELDS["PREEMPT_TIMER"].number
PROC_CTLS = FIELDS["PROC_CTLS"].number
TIME_OFFSET = FIELDS["TIME_OFFSET"].number
VIRQ = FIELDS["VIRQ"].number
