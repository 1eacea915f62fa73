"""How many threads NumPy's matrix products take: said before NumPy is loaded, since its BLAS asks only once.

One, unless more are asked for: small networks are faster so, other workers have the cores, and the bytes of a training,
which depend on this number, are the same on any machine.
"""

from __future__ import annotations

import os

from nnfit.workers.cores import bound

DEFAULT = 1
VARIABLES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


def set_blas_threads(count: int = DEFAULT) -> None:
    """Say the number of threads to the NumPy that this process will load."""
    for variable in VARIABLES:
        os.environ[variable] = str(count)


def blas_threads() -> int:
    """How many threads matrix products have here, as far as can be known: as the environment says, else all cores."""
    for variable in VARIABLES:
        first = os.environ.get(variable, "").partition(",")[0].strip()  # OpenMP takes a list: of it the first counts
        if first.isdecimal() and 0 < int(first) < 2**31:
            return int(first)
    return bound()
