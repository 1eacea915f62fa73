"""What a compiled Adam would save: one pass in C beside the ten passes of NumPy, on the parameters of 784-512-256-10.

It needs a C compiler, cc. Both give the same bytes, which is checked.
"""

from __future__ import annotations

import ctypes
import subprocess
import tempfile
from pathlib import Path
from statistics import median

from nnfit.workers.blas import set_blas_threads

set_blas_threads()

import numpy as np  # noqa: E402
from rounds import lap_of  # noqa: E402

from nnfit.core.optimizers import Adam  # noqa: E402
from nnfit.core.training import updating  # noqa: E402

SOURCE = """
#include <math.h>
void adam(float *restrict theta, const float *restrict g, float *restrict m, float *restrict v, long n,
          float beta1, float beta2, float shift, float step) {
    for (long i = 0; i < n; i++) {
        m[i] = m[i] * beta1 + g[i];
        v[i] = v[i] * beta2 + g[i] * g[i];
        theta[i] = theta[i] - m[i] / (sqrtf(v[i]) + shift) * step;
    }
}
"""
P = 784 * 512 + 512 + 512 * 256 + 256 + 256 * 10 + 10
ROUNDS = 200
FLAGS = {
    "any x86": ("-O3", "-ffp-contract=off", "-fno-math-errno"),
    "this processor": ("-O3", "-march=native", "-ffp-contract=off", "-fno-math-errno"),
}
POINTER = np.ctypeslib.ndpointer(np.float32, flags="C")


def compiled(folder: Path, flags: tuple[str, ...]) -> ctypes._CFuncPtr:
    (folder / "adam.c").write_text(SOURCE)
    library = folder / f"adam{len(flags)}.so"
    subprocess.run(["cc", *flags, "-shared", "-fPIC", "-o", library, folder / "adam.c", "-lm"], check=True)
    function = ctypes.CDLL(str(library)).adam
    function.argtypes = [POINTER] * 4 + [ctypes.c_long] + [ctypes.c_float] * 4
    return function


def start() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    theta, gradient = (rng.standard_normal((1, P), np.float32) for _ in range(2))
    return theta, gradient, np.zeros((2, 1, P), np.float32)


def main() -> None:
    adam, t = Adam(), 10
    scale = ((1 - adam.beta2**t) / (1 - adam.beta2)) ** 0.5
    step = 0.001 * scale * (1 - adam.beta1) / (1 - adam.beta1**t)
    theta, gradient, slots = start()
    blocks = updating(theta, gradient, slots, np.empty(0, np.float32), adam)

    def in_numpy() -> None:
        for block in blocks:
            block(t, 0.001)

    seconds = {"NumPy": median(lap_of(in_numpy).seconds for _ in range(ROUNDS))}
    with tempfile.TemporaryDirectory() as folder:
        for name, flags in FLAGS.items():
            function = compiled(Path(folder), flags)
            own, gradient, memory = start()

            def in_c(function=function, own=own, gradient=gradient, memory=memory) -> None:
                function(
                    own[0],
                    gradient[0],
                    memory[0, 0],
                    memory[1, 0],
                    P,
                    adam.beta1,
                    adam.beta2,
                    adam.epsilon * scale,
                    step,
                )

            seconds[f"C for {name}"] = median(lap_of(in_c).seconds for _ in range(ROUNDS))
            print(
                f"C for {name}: the bytes of NumPy {'came' if own.tobytes() == theta.tobytes() else 'did not come'} out"
            )
    for name, each in seconds.items():
        print(f"{name:20} {each * 1e6:6.0f} µs   {each / seconds['NumPy']:.2f}")


if __name__ == "__main__":
    main()
