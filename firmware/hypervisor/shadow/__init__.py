"""Shadow page tables: a guest's first stage and its place in host memory, combined in software.

The hart translates a guest's virtual addresses with tables of the hypervisor's, made here from the guest's
own, page by page, as the guest touches them. What the guest's tables say is kept true as the privileged
specification wants it ("Supervisor Memory-Management Fence Instruction"): a translation may be remembered
until a fence orders the guest's stores to its tables before the next use.

`page`      what is known of each page of guest RAM
`tables`    the shadow tables: found by what they stand for, taken from a bounded store, given back
`walk`      the guest's own tables, as its hardware would walk them
`fill`      a translation put into the shadow
`sync`      guest tables that changed, and the fences that make the shadow follow
`space`     which shadow a vCPU runs on: its satp
`exits`     page faults and the instructions that a guest must not execute itself
"""
