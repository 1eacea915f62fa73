"""ONNX beside `predict`: rows per second, the time of a single row, and the size of the file.

    taskset -c 1 python benchmarks/exported.py [--rows 100000] [--rounds 9]

Both have one thread, and the cells in memory as a caller has them: nnfit a DataFrame, onnxruntime an array for each
column. The rounds are interleaved, and the least time of each counts.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

from nnfit.workers.blas import set_blas_threads

set_blas_threads()

import numpy as np  # noqa: E402
import onnxruntime  # noqa: E402
import pandas as pd  # noqa: E402

import nnfit  # noqa: E402
from nnfit.data.frames import read_frame  # noqa: E402
from nnfit.export.onnx import to_onnx  # noqa: E402
from nnfit.export.onnx.check import check  # noqa: E402
from nnfit.export.onnx.rows import feed  # noqa: E402
from nnfit.model.model import Model  # noqa: E402

BENT = {"piecewise": 16, "periodic": 4, "scale": "robust"}  # as `init` proposes it for numbers
NETWORKS: dict[str, dict[str, Any]] = {
    "4 numbers, 16-3": {"numbers": 4, "layers": [(16, "relu")]},
    "20 numbers, 64-64-3": {"numbers": 20, "layers": [(64, "relu"), (64, "relu")]},
    "20 numbers bent, 8 × 128-128-3 of mish": {
        "numbers": 20,
        "column": BENT,
        "layers": [(128, "mish"), (128, "mish")],
        "members": 8,
    },
    "10 numbers, 10 texts, 64-64-3": {"numbers": 10, "texts": 10, "layers": [(64, "relu"), (64, "relu")]},
    "10 numbers, a date as text, 64-3": {"numbers": 10, "dates": 1, "layers": [(64, "relu")]},
    "500 numbers, 64-3": {"numbers": 500, "layers": [(64, "relu")]},
}


def frame(n: int, numbers: int, texts: int = 0, dates: int = 0, **_: Any) -> pd.DataFrame:
    """Rows of such columns, and a class that the first number tells."""
    rng = np.random.default_rng(0)
    columns: dict[str, Any] = {f"x{k}": rng.normal(size=n) for k in range(numbers)}
    columns |= {f"t{k}": rng.choice([f"word {j}" for j in range(12)], n) for k in range(texts)}
    day = pd.to_datetime("2020-01-01") + pd.to_timedelta(rng.integers(0, 2000, n), unit="D")
    columns |= {f"d{k}": day.strftime("%Y-%m-%d") for k in range(dates)}
    return pd.DataFrame(columns).assign(y=np.array(list("abc"))[np.digitize(columns["x0"], [-0.5, 0.5])])


def trained(layers: list[tuple[int, str]], members: int = 1, column: Any = None, **made_of: Any) -> Model:
    """A network of such a table, after one epoch."""
    hidden = [{"size": size, "activation": name} for size, name in layers]
    names = [f"x{k}" for k in range(made_of["numbers"])] if column else []
    spec = {
        "data": {"target": "y", "columns": {name: {"type": "numeric", **column} for name in names}},
        "network": {"layers": [*hidden, {"size": "auto", "activation": "softmax"}], "members": members},
        "training": {"epochs": 1, "baseline": False, "optimizer": {"name": "adam", "learning_rate": 0.01}},
    }
    return nnfit.train(spec, frame(2000, **made_of)).model


def least(rounds: int, *calls: Callable[[], Any]) -> list[float]:
    """The least seconds of each call; they take turns."""
    found = [np.inf] * len(calls)
    for _ in range(rounds):
        for k, call in enumerate(calls):
            start = time.perf_counter()
            call()
            found[k] = min(found[k], time.perf_counter() - start)
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=9)
    said = parser.parse_args()
    warnings.simplefilter("ignore", nnfit.NnfitWarning)
    print("| network | rows/s: predict | ONNX | ratio | a single row, µs: predict | ONNX | .npz, kB | .onnx, kB |")
    print("|---|---|---|---|---|---|---|---|")
    for name, network in NETWORKS.items():
        model = trained(**network)
        file = to_onnx(model)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
        rows = max(1000, said.rows // (1 + network["numbers"] // 100))
        whole = frame(rows, **network)
        one = whole[:1]
        tables = [read_frame(each, model.dialect, model.kinds, others=False) for each in (whole, one)]
        check(model, file, tables[0])
        many, single = (feed(model, table) for table in tables)
        a, b = least(said.rounds, partial(model.predict_proba, whole, "zero"), partial(session.run, None, many))
        c, d = least(20 * said.rounds, partial(model.predict_proba, one, "zero"), partial(session.run, None, single))
        figures = (f"{rows / a:,.0f}", f"{rows / b:,.0f}", f"{a / b:.2f}", f"{1e6 * c:,.0f}", f"{1e6 * d:,.0f}")
        sizes = (f"{len(model.to_bytes()) / 1000:,.0f}", f"{len(file) / 1000:,.0f}")
        print(f"| {' | '.join((name, *figures, *sizes))} |", flush=True)


if __name__ == "__main__":
    main()
