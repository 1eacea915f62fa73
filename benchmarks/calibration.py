"""Are the probabilities true? The calibration error on held-out rows of nnfit's proposed spec and of its peers.

    python benchmarks/calibration.py FOLDER [--target target] [--seeds 3]

Every CSV in FOLDER that has the target column, with classes, is split at random, a fifth of the rows kept for the
score, once for each seed. The peers are scikit-learn's and LightGBM with their defaults, on standardised numbers and
one-hot categories. The calibration error is that of Guo et al. 2017 with 15 bins (nnfit.scoring.metrics); the lower,
the better.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import warnings
from pathlib import Path
from typing import Any

from nnfit.workers.blas import set_blas_threads

set_blas_threads()

import lightgbm  # noqa: E402
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from sklearn.compose import make_column_selector, make_column_transformer  # noqa: E402
from sklearn.dummy import DummyClassifier  # noqa: E402
from sklearn.ensemble import BaggingClassifier  # noqa: E402
from sklearn.impute import SimpleImputer  # noqa: E402
from sklearn.linear_model import LogisticRegression  # noqa: E402
from sklearn.neural_network import MLPClassifier  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import OneHotEncoder, StandardScaler  # noqa: E402

import nnfit  # noqa: E402
from nnfit.config.proposal import propose  # noqa: E402
from nnfit.data.table import read_table  # noqa: E402
from nnfit.model.model import Model  # noqa: E402
from nnfit.scoring.metrics import calibration_error, log_loss  # noqa: E402

PEERS: dict[str, Any] = {
    "trivial": lambda seed: DummyClassifier(strategy="prior"),
    "logistic regression": lambda seed: LogisticRegression(max_iter=1000),
    "MLP": lambda seed: MLPClassifier(max_iter=200, random_state=seed),
    "MLP, alpha 1": lambda seed: MLPClassifier(alpha=1, max_iter=200, random_state=seed),
    "5 bagged MLPs": lambda seed: BaggingClassifier(MLPClassifier(max_iter=200), n_estimators=5, random_state=seed),
    "LightGBM": lambda seed: lightgbm.LGBMClassifier(random_state=seed, n_jobs=1, verbose=-1),
}


def inputs() -> Any:
    """Numbers standardised, with the median where one is missing; texts one-hot."""
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    return make_column_transformer(
        (numbers, make_column_selector(dtype_include="number")),
        (OneHotEncoder(handle_unknown="ignore"), make_column_selector(dtype_exclude="number")),
        sparse_threshold=0,
    )


def of_nnfit(train: Path, test: Path, target: str, temperature: bool) -> tuple[Model, np.ndarray] | None:
    """The model of the proposed spec, and its probabilities (n, K); None where the target is a real number."""
    spec = propose(train, target, train.parent).text
    if "loss: mse" in spec:
        return None
    if temperature:
        spec = spec.replace("\ntraining:\n", "\ntraining:\n  calibration: temperature\n")
    path = train.with_suffix(".yaml")
    path.write_text(spec.replace("\ntraining:\n", "\ntraining:\n  baseline: false\n"))
    model = nnfit.train(path).model
    columns = model.predictions(read_table(str(test), model.dialect, model.kinds, others=False), True, "zero")
    return model, np.column_stack([columns[f"probability_{name}"] for name in model.target.classes])


def compare(table: pd.DataFrame, target: str, seed: int) -> dict[str, tuple[float, float]]:
    """Calibration error and log-loss of each system on a fifth of the rows."""
    held_out = table.sample(frac=0.2, random_state=seed).index
    parts = table.drop(held_out), table.loc[held_out]
    probabilities: dict[str, np.ndarray] = {}
    with tempfile.TemporaryDirectory() as name:
        paths = Path(name, "train.csv"), Path(name, "test.csv")
        for path, part in zip(paths, parts, strict=True):
            part.to_csv(path, index=False)
        for system, temperature in (("nnfit", False), ("nnfit, calibrated", True)):
            found = of_nnfit(*paths, target, temperature)
            if found is None:
                return {}
            model, probabilities[system] = found
        train, test = (pd.read_csv(path, dtype={target: str}) for path in paths)
    classes = list(model.target.classes)
    for system, make in PEERS.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            peer = make_pipeline(inputs(), make(seed)).fit(train.drop(columns=target), train[target])
            found = peer.predict_proba(test.drop(columns=target))
        probabilities[system] = found[:, [list(peer.classes_).index(name) for name in classes]]
    known = test[target].isin(classes).to_numpy()
    truth = test[target][known].map(classes.index).to_numpy(np.intp)
    scores = {}
    for system, p in probabilities.items():
        label = p[known].argmax(axis=1)
        scores[system] = tuple(float(metric(truth, label, p[known])) for metric in (calibration_error, log_loss))
    return scores


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--target", default="target")
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    means: dict[str, dict[str, tuple[float, ...]]] = {}
    for path in sorted(options.folder.glob("*.csv")):
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        if options.target not in table:
            continue
        runs = [compare(table, options.target, seed) for seed in range(options.seeds)]
        if runs[0]:
            means[path.stem] = {
                system: tuple(map(statistics.mean, zip(*(run[system] for run in runs), strict=True)))
                for system in runs[0]
            }
    systems = list(next(iter(means.values())))
    print(f"{len(means)} tables, {options.seeds} splits of each; the calibration error, and the mean log-loss\n")
    print(f"| table | {' | '.join(systems)} |\n|{'---|' * (len(systems) + 1)}")
    for name, scores in means.items():
        print(f"| {name} | {' | '.join(f'{scores[system][0]:.4f}' for system in systems)} |")
    for title, i in (("mean", 0), ("log-loss", 1)):
        values = [statistics.mean(scores[system][i] for scores in means.values()) for system in systems]
        print(f"| {title} | {' | '.join(f'{value:.4f}' for value in values)} |")


if __name__ == "__main__":
    main()
