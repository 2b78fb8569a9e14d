# Crossing between guest and hypervisor under Xvmx: the halves and the whole of a null exit, and the switch between
# two VMCSs. Both stages are in use, translations are tagged with VPIDs.
#include "bench.inc"
results_of 5

# Rows of results:
#   0 two rdcycle back to back (in the guest)      1 exit half      2 entry half
#   3 vmcall, handler of four instructions, vmresume      4 vmptrld of the other VMCS

.equ MVIRT, 0x7c0
.equ SVMXCAP, 0xdc0
.equ VMXON_REGION, DATA
.equ VMCS_A, DATA + 0x1000
.equ VMCS_B, DATA + 0x2000
.equ PROC_CTLS, 0x001
.equ EPTP, 0x007
.equ G_PC, 0x200
.equ G_PRIV, 0x202
.equ G_SATP, 0x20a
.equ H_PC, 0x300
.equ EPT_VPID, 3 << 10
.equ EPTP_VALUE, SATP_SV39 | (1 << 44) | (G_ROOT >> 12)

.macro vmx funct7, rd, rs1, rs2
    .insn r 0x7b, 0, \funct7, \rd, \rs1, \rs2
.endm
.macro vmxon rs1
    vmx 0x00, a0, \rs1, x0
    bnez a0, failed
.endm
.macro vmptrld rs1
    vmx 0x03, a0, \rs1, x0
.endm
.macro vmread rd, rs1
    vmx 0x05, \rd, \rs1, x0
.endm
.macro vmwrite rs1, rs2
    vmx 0x06, x0, \rs1, \rs2
.endm
.macro vmlaunch
    vmx 0x07, a0, x0, x0
.endm
.macro vmresume
    vmx 0x08, x0, x0, x0
.endm
.macro vmcall
    vmx 0x09, x0, x0, x0
.endm
.macro set_field number, value:vararg
    li t0, \number
    li t1, \value
    vmwrite t0, t1
.endm
.macro set_label number, label
    li t0, \number
    la t1, \label
    vmwrite t0, t1
.endm
.macro region address
    li t0, \address
    sw t2, 0(t0)
.endm

.text
.balign 64
main:
    mv s11, ra
    li t0, 2
    csrw MVIRT, t0
    phase prepare, 1, 0, failed
    phase halves, 1, 0, failed
    phase whole, 1, 0, failed
    phase switching, 1, 0, failed
    mv ra, s11
    ret

.balign 4
failed:                                 # a0 is an error number, or something trapped
    csrr a1, scause
    .word 0                             # illegal: its cause becomes the exit code

# ---- root S
prepare:
    csrr t2, SVMXCAP
    region VMXON_REGION
    region VMCS_A
    region VMCS_B
    li t0, VMXON_REGION
    vmxon t0
    li s3, VMCS_B
    vmptrld s3
    bnez a0, failed
    li s2, VMCS_A
    vmptrld s2
    bnez a0, failed
    set_field PROC_CTLS, EPT_VPID
    set_field EPTP, EPTP_VALUE
    set_field G_PRIV, 1
    set_field G_SATP, SATP_SV39 | (VS_ROOT >> 12)
    ebreak

halves:
    set_label H_PC, half_handler
    set_label G_PC, half_guest
    li s2, G_PC
    vmlaunch
    j failed

whole:
    set_label H_PC, null_handler
    set_label G_PC, whole_guest
    li s2, G_PC
    vmresume
    j failed

.balign 64
null_handler:
    vmread t2, s2
    addi t2, t2, 4
    vmwrite s2, t2
    vmresume

.balign 64
half_handler:
    rdcycle t3
    vmread t2, s2
    addi t2, t2, 4
    vmwrite s2, t2
    rdcycle t4
    vmresume

switching:
    samples_begin 4
    li s2, VMCS_A
    li s3, VMCS_B
.balign 64
1:  mv t2, s2                           # s2 is current: go to the other
    mv s2, s3
    mv s3, t2
    rdcycle t0
    vmptrld s2
    rdcycle t1
    bnez a0, failed
    sub a0, t1, t0
    sample 1b
    ebreak

# ---- the guest
.balign 64
half_guest:                             # half_handler's first rdcycle is in t3, its last in t4
    samples_begin 0
.balign 64
1:  rdcycle t0
    rdcycle t1
    sub a0, t1, t0
    sample 1b
    samples_begin 1
.balign 64
1:  rdcycle t0
    vmcall
    rdcycle t1
    sub a0, t3, t0
    sample 1b
    samples_begin 2
.balign 64
1:  rdcycle t0
    vmcall
    rdcycle t1
    sub a0, t1, t4
    sample 1b
    ebreak

.balign 64
whole_guest:
    samples_begin 3
.balign 64
1:  rdcycle t0
    vmcall
    rdcycle t1
    sub a0, t1, t0
    sample 1b
    ebreak
