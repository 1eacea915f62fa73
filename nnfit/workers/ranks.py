"""Which of several processes of one training this is, as what has started them says it; nothing is loaded for it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextvars import ContextVar
from typing import NamedTuple

# The rank, and of how many: Open MPI; MPICH, Intel MPI and Slurm's PMI-2; Slurm's PMIx, which says the number for every
# step and the rank for those alone that it started with PMIx.
VARIABLES = (
    ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),
    ("PMI_RANK", "PMI_SIZE"),
    ("PMIX_RANK", "SLURM_STEP_NUM_TASKS"),
)

together: ContextVar[int] = ContextVar("together", default=1)  # ranks on this machine, which share its memory


class Rank(NamedTuple):
    """One of so many processes, from 0."""

    number: int
    size: int


class Failure(NamedTuple):
    """What ended the rank with this number: the exit code, and what it says of it."""

    number: int
    code: int
    lines: list[str]


def started(environment: Mapping[str, str] = os.environ) -> Rank | None:
    """Which of several processes this is, as the environment says; None where it is the only one."""
    known = variables(environment)
    return Rank(*(int(environment[name]) for name in known)) if known else None


def variables(environment: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """Those that say which of several processes this is; none where it is the only one."""
    for names in VARIABLES:
        number, count = (environment.get(name, "") for name in names)
        if number.isdecimal() and count.isdecimal() and int(number) < int(count) > 1:
            return names
    return ()


def cut_off(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether this is no rank, but what a rank has started: it has the variables, and not the descriptor PMI_FD.

    By that a rank of MPICH, Intel MPI or PMI-2 speaks with what has started it; most programs close it for others.
    """
    descriptor = environment.get("PMI_FD", "")
    if not descriptor.isdecimal() or VARIABLES[0][0] in environment:
        return False
    try:
        os.fstat(int(descriptor))
    except (OSError, OverflowError):
        return True
    return False
