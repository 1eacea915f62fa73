"""The linear model beside a network against scikit-learn's, of the same inputs, rows and penalty."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from builders import group, network

from nnfit.config.loader import load_spec
from nnfit.core.batches import Examples
from nnfit.core.linear import minimised
from nnfit.core.network import predict
from nnfit.fit.baseline import linear
from nnfit.fit.prepare import Prepared, prepare
from nnfit.fit.run import Run, start

pytestmark = pytest.mark.oracle

TABLES = Path(__file__).parents[2] / "datasets"
ENDS = {  # the target, and the activation of the outputs
    "diabetes.csv": ("progression", "linear"),
    "iris.csv": ("species", "softmax"),
    "penguins.csv": ("species", "softmax"),
    "breast_cancer.csv": ("diagnosis", "logistic"),
    "digits.csv": ("digit", "softmax"),
}
MORE: dict[str, dict[str, Any]] = {
    "folds": {"resample": "folds"},
    "bootstrap": {"resample": "bootstrap"},
    "class weights": {"resample": "folds", "class_weight": "balanced"},
}


def ready(name: str, training: dict[str, Any]) -> tuple[Prepared, Run]:
    target, activation = ENDS[name]
    spec = {
        "data": {"train": str(TABLES / name), "target": target},
        "network": {
            "layers": [{"size": 4, "activation": "tanh"}, {"size": "auto", "activation": activation}],
            "members": 4,
        },
        "training": {"epochs": 1, "l2": 0.5, "dropout": 0.3, **training},
    }
    prepared = prepare(load_spec(spec))
    return prepared, start(prepared)


def of_scikit_learn(prepared: Prepared, rows: Any, asked: Any) -> Any:
    """What it predicts for some rows from others: (K, n), in the units of the network's outputs."""
    from sklearn.linear_model import LogisticRegression, Ridge

    X, Y, w = prepared.sets["train"].examples
    X, Y, w = (each.astype(np.float64) for each in (X[:, 1:], Y, w[0, 0]))
    if prepared.target.task == "regression":
        return Ridge(alpha=1).fit(X[rows], Y[:, rows].T, w[rows]).predict(X[asked]).T.reshape(len(Y), -1)
    y = Y.argmax(axis=0) if len(Y) > 1 else Y[0].astype(int)
    model = LogisticRegression(C=1, tol=1e-10, max_iter=10_000).fit(X[rows], y[rows], w[rows])
    return model.predict_proba(X[asked]).T[-len(Y) :]


@pytest.mark.parametrize("more", MORE)
@pytest.mark.parametrize("name", ENDS)
def test_the_figures_that_are_printed_are_scikit_learn_s(name: str, more: str) -> None:
    if more == "class weights" and name == "diabetes.csv":
        pytest.skip("no classes")
    prepared, run = ready(name, MORE[more])
    scores = linear(run)
    assert scores is not None
    held_out = "out_of_bag" if more == "bootstrap" else "out_of_fold"
    truth = prepared.sets["train"].examples.Y.astype(np.float64)
    total, count = np.zeros(truth.shape), np.zeros(truth.shape[1])
    for rows, kept in zip(run.rows, run.kept, strict=True):
        total[:, kept] += of_scikit_learn(prepared, rows, kept)
        count[kept] += 1
    y, p = truth[:, count > 0], (total / np.maximum(count, 1))[:, count > 0]
    if prepared.target.task == "regression":
        metric, expected = "rmse", float(np.sqrt(np.mean((y - p) ** 2)) * prepared.target.sd[0])
    else:
        likely = (y * np.log(p)).sum(axis=0) if len(y) > 1 else np.log(np.where(y == 1, p, 1 - p))
        metric, expected = "log_loss", -float(likely.mean())
    assert scores.metrics[held_out][metric] == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("task", ["real", "binary", "several"])
@pytest.mark.parametrize(("n", "N"), [(30, 4), (400, 12), (25, 60), (3000, 100)])
def test_on_tables_of_any_form(task: str, n: int, N: int) -> None:
    """Columns of any scale that depend on each other, constant ones, weights, some of them 0."""
    from sklearn.linear_model import LogisticRegression, Ridge

    rng = np.random.default_rng([n, N])
    X = rng.normal(size=(n, N)) @ (np.eye(N) + 0.5 * rng.normal(size=(N, N)) / np.sqrt(N))
    X[:, 0] = 1.5
    X[:, 1] *= 1e3
    w = rng.uniform(0, 2, n)
    w[: n // 10] = 0
    w /= w.mean()
    score = X[:, 1:] @ rng.normal(size=(N - 1, 3)) / np.abs(X[:, 1:]).max() * 9 + rng.gumbel(size=(n, 3))
    new = X * rng.uniform(0.5, 1.5, X.shape)
    ones = np.ones((n, 1))
    if task == "real":
        net, Y = network(N, group(3, "linear"), loss="mse"), score.T
        expected = Ridge(alpha=1).fit(X, score, w).predict(new).T
    else:
        y = score.argmax(axis=1) if task == "several" else (score[:, 0] > 0).astype(int)
        model = LogisticRegression(C=1, tol=1e-10, max_iter=10_000, solver="newton-cholesky").fit(X, y, w)
        expected = model.predict_proba(new).T[-3 if task == "several" else -1 :]
        Y = np.eye(3)[y].T if task == "several" else y[None].astype(float)
        sigma, loss = ("softmax", "cross_entropy") if task == "several" else ("logistic", "bce")
        net = network(N, group(len(Y), sigma), loss=loss)
    found = predict(net, minimised(net, Examples(np.hstack([ones, X]), Y, w[None, None])).theta, np.hstack([ones, new]))
    assert np.sqrt(np.mean((found[0] - expected) ** 2)) < 1e-3 * expected.std()


def test_absolute_errors_are_those_of_quantile_regression() -> None:
    from sklearn.linear_model import QuantileRegressor

    rng = np.random.default_rng(3)
    X = rng.normal(size=(2000, 8))
    y = X @ rng.normal(size=8) + rng.standard_cauchy(2000)
    net = network(8, group(1, "linear"), loss="mae")
    data = Examples(np.column_stack([np.ones(2000), X]), y[None], np.ones((1, 1, 2000)))
    found = predict(net, minimised(net, data).theta, data.X)[0, 0]
    least = QuantileRegressor(alpha=0, solver="highs").fit(X, y).predict(X)
    assert np.abs(y - found).mean() <= np.abs(y - least).mean() * 1.001
