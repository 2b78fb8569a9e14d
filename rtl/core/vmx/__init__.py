"""The VMX unit: the VMCS on chip, VMX instructions, exits and entries (docs/xvmx.md)."""
