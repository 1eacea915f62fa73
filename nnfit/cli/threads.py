"""How many threads NumPy's matrix products use: settled before NumPy is loaded, since it asks only once.

The default is one: small networks are faster so, and the same command gives the same bytes on any number of cores.
"""

from __future__ import annotations

import os

DEFAULT = 1
VARIABLES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


def set_threads(count: int = DEFAULT) -> None:
    """Set the number of threads for the NumPy that this process will load."""
    for variable in VARIABLES:
        os.environ[variable] = str(count)
