"""All groups of bins."""

from functools import cache

from cosim.coverage.architectures import architecture_groups
from cosim.coverage.csrs import absent_csr_group, csr_group
from cosim.coverage.group import Group
from cosim.coverage.instructions import instruction_group
from cosim.coverage.permissions import permission_groups
from cosim.coverage.traps import return_group, trap_group
from cosim.coverage.walks import walk_groups
from cosim.coverage.xvmx import xvmx_groups

__all__ = ["groups"]


@cache
def groups() -> dict[str, Group]:
    """By name. Do not change the result."""
    found = [trap_group(), return_group(), instruction_group(), csr_group(), absent_csr_group()]
    found += [*walk_groups(), *permission_groups(), *xvmx_groups(), *architecture_groups()]
    return {group.name: group for group in found}
