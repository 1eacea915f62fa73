"""One thread for NumPy's matrix products, as nnfit has it; to be imported before NumPy, which asks only once."""

import sys

from nnfit.workers.blas import set_blas_threads

if "numpy" in sys.modules:
    raise RuntimeError("NumPy was loaded before the tests could say how many threads it gets")
set_blas_threads()
