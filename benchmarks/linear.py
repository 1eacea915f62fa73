"""The linear model that stands beside a network, against scikit-learn's Ridge and LogisticRegression.

    python benchmarks/linear.py FOLDER [--target target] [--only NAME,...]

Of every CSV in FOLDER that has the target column the spec of `nnfit init` is taken, without what it does to predictions
afterwards (clamp, temperature). The members of nnfit and those of scikit-learn learn from the same encoded inputs and
rows with the same penalty (alpha = 1, C = 1), and predict the rows that each leaves out. Printed is the out-of-fold
metric as `nnfit train` prints it, the same of scikit-learn, how far they are apart, and the seconds, of nnfit without
and with the scoring.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from nnfit.workers.blas import set_blas_threads

set_blas_threads()

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from sklearn.linear_model import LogisticRegression, Ridge  # noqa: E402

from nnfit.config.loader import load_spec  # noqa: E402
from nnfit.config.proposal import propose  # noqa: E402
from nnfit.core.linear import minimised  # noqa: E402
from nnfit.fit.baseline import linear, reduced, straight  # noqa: E402
from nnfit.fit.prepare import Prepared, prepare  # noqa: E402
from nnfit.fit.run import Run, start  # noqa: E402

T = TypeVar("T")


def main() -> None:
    """Print a line for every table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--target", default="target")
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    print("| table | rows | inputs | metric | linear | scikit-learn | apart | seconds | with scores | scikit-learn |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for path in sorted(options.folder.glob("*.csv")):
        if options.only and path.stem not in options.only.split(","):
            continue
        if options.target in pd.read_csv(path, nrows=0):
            print(f"| {path.stem} | {compared(path, options.target)} |", flush=True)


def compared(path: Path, target: str) -> str:
    """What is printed of one table."""
    with tempfile.TemporaryDirectory() as folder:
        spec = Path(folder, "spec.yaml")
        spec.write_text(propose(path.resolve(), target, Path(folder)).text)
        prepared = prepare(load_spec(spec, {"training.calibration": "none", "training.clamp": False}))
    run, less = start(prepared), reduced(prepared)
    assert less is not None
    assert run.kept, "init proposes folds"
    (metric, other), of_sklearn = timed(lambda: of_scikit_learn(prepared, run))
    examples = prepared.sets["train"].examples
    _, alone = timed(lambda: minimised(less.network, examples, run.rows, straight(prepared)))
    found, whole = timed(lambda: linear(run))
    assert found is not None
    own = found.metrics["out_of_fold"][metric]
    apart = f"{abs(own / other - 1):.4%}"
    n, width = examples.X.shape
    figures = f"{own:.5g} | {other:.5g} | {apart} | {alone:.3f} | {whole:.3f} | {of_sklearn:.3f}"
    return f"{n:,} | {width - 1} | {metric} | {figures}"


def timed(function: Callable[[], T]) -> tuple[T, float]:
    """What a function gives, and the seconds it takes."""
    began = time.perf_counter()
    found = function()
    return found, time.perf_counter() - began


def of_scikit_learn(prepared: Prepared, run: Run) -> tuple[str, float]:
    """The metric of its members' predictions for the rows that each leaves out."""
    X, Y, w = prepared.sets["train"].examples
    X, Y, w = (each.astype(np.float64) for each in (X[:, 1:], Y, w[0, 0]))
    real = prepared.target.task == "regression"
    y = Y.T if real else Y.argmax(axis=0) if len(Y) > 1 else Y[0].astype(int)
    p = np.empty(Y.shape)
    for rows, kept in zip(run.rows, run.kept, strict=True):
        if real:
            p[:, kept] = Ridge(alpha=1).fit(X[rows], y[rows], w[rows]).predict(X[kept]).reshape(len(kept), -1).T
        else:
            model = LogisticRegression(C=1, tol=1e-8, max_iter=10_000).fit(X[rows], y[rows], w[rows])
            p[:, kept] = model.predict_proba(X[kept]).T[-len(Y) :]
    if real:
        return "rmse", float(np.sqrt(np.mean((Y - p) ** 2)) * prepared.target.sd[0])
    return "log_loss", -float(np.mean(np.log(p[y, range(len(y))] if len(p) > 1 else np.where(y == 1, p[0], 1 - p[0]))))


if __name__ == "__main__":
    main()
