"""Two models on the same rows: the difference is that of the metrics, and its error that of the rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nnfit.data.target import Target, decode
from nnfit.scoring.comparison import Difference, Outcome, difference, sure
from nnfit.scoring.evaluation import evaluate

TARGETS = {
    "binary": (Target("binary", ("y",), ("a", "b")), "bce"),
    "binary after tanh": (Target("binary", ("y",), ("a", "b"), low=-1.0), "mse"),
    "multinomial": (Target("multinomial", ("y",), ("a", "b", "c")), "cross_entropy"),
    "multilabel": (Target("multilabel", ("y", "z"), ("0", "1")), "bce"),
    "regression": (Target("regression", ("y", "z"), mean=(3.0, -1.0), sd=(2.0, 0.1)), "mse"),
}


def drawn(kind: str, n: int = 40) -> tuple[Target, str, list[Outcome], Any, Any]:
    """A target, its loss, two models' outcomes, the truth and weights."""
    target, loss = TARGETS[kind]
    rng = np.random.default_rng(3)
    K = target.outputs
    y_hat = rng.normal(size=(2, K, n)) if kind == "regression" else rng.uniform(0.05, 0.95, size=(2, K, n))
    if kind == "multinomial":
        y_hat /= y_hat.sum(axis=1, keepdims=True)
    truth: Any = rng.integers(3 if kind == "multinomial" else 2, size=n)
    if kind == "multilabel":
        truth = rng.integers(2, size=(n, 2))
    if kind == "regression":
        truth = rng.normal(size=(n, 2)) * [2.0, 0.1] + [3.0, -1.0]
    w = rng.uniform(0.5, 2, size=n)
    return target, loss, [Outcome(y, decode(target, y)) for y in y_hat], truth, w / w.mean()


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    ("kind", "measure"),
    [
        *((kind, measure) for kind in TARGETS if kind != "regression" for measure in ("log_loss", "brier", "loss")),
        *(("regression", measure) for measure in ("rmse", "mae", "loss")),
    ],
)
def test_the_difference_is_that_of_the_metrics(kind: str, measure: str, weighted: bool) -> None:
    target, loss, outcomes, truth, w = drawn(kind)
    values = [
        evaluate(target, loss, each.y_hat[None], truth, w if weighted else np.ones(40), weighted)[measure]
        for each in outcomes
    ]
    found = difference(measure, target, loss, *outcomes, truth, w if weighted else None)
    assert found is not None
    assert found.mean == pytest.approx(values[0] - values[1], rel=1e-9)
    assert found.error > 0


def test_the_error_is_that_of_a_mean_and_a_verdict_needs_two_of_it() -> None:
    target, loss, (own, other), truth, _ = drawn("regression")
    own, other = (Outcome(each.y_hat[:1], each.prediction[:, :1]) for each in (own, other))
    target, truth = target._replace(columns=("y",), mean=(3.0,), sd=(2.0,)), truth[:, :1]
    found = difference("mae", target, loss, own, other, truth, None)
    d = (np.abs(truth - own.prediction) - np.abs(truth - other.prediction))[:, 0]
    assert found is not None
    assert found[:2] == pytest.approx((d.mean(), d.std(ddof=1) / np.sqrt(40)))
    for mean, verdict in (
        (0.21, (True, False)),
        (0.19, (False, False)),
        (-0.19, (False, False)),
        (-0.21, (False, True)),
    ):
        one = Difference(mean, 0.1, 1000, 0.0)
        assert (one.worse, one.better) == verdict
    assert not Difference(1e-9, 0.0, 1000, 1e-4).worse, "a rounding error is no difference"
    assert Difference(1e-9, 0.0, 1000, 1e-4).equal


def test_of_few_rows_a_difference_must_be_larger() -> None:
    for n, t in ((4, 3.1824), (6, 2.5706), (11, 2.2281), (31, 2.0423), (1001, 1.9623)):  # scipy: t.ppf(0.975, n - 1)
        assert sure(n) == pytest.approx(t, rel=0.01)
    assert sure(2) > sure(3) > 3.5


def test_the_same_model_is_neither_better_nor_worse_and_one_row_tells_nothing() -> None:
    target, loss, (own, _), truth, _ = drawn("binary")
    found = difference("log_loss", target, loss, own, own, truth, None)
    assert found is not None
    assert not found.better
    assert not found.worse
    one = Outcome(own.y_hat[:, :1], own.prediction[:1])
    assert difference("log_loss", target, loss, one, one, truth[:1], None) is None
    gone = Outcome(own.y_hat * np.nan, own.prediction * np.nan)
    assert difference("log_loss", target, loss, gone, own, truth, None) is None


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("measure", ["rmse", "mae"])
def test_the_error_is_that_of_the_bootstrap_where_errors_are_skewed_and_far_apart(measure: str, weighted: bool) -> None:
    rng = np.random.default_rng(5)
    n = 400
    target = Target("regression", ("y",), mean=(0.0,), sd=(1.0,))
    own = rng.standard_t(5, size=n) * np.exp(0.5 * rng.normal(size=n)) * 900
    errors = np.array([own, 0.3 * own + rng.normal(size=n) * 100])
    w = rng.exponential(size=n) if weighted else np.ones(n)
    w /= w.mean()

    def metric(e: Any, by: Any) -> Any:
        return np.sqrt((by * e**2).sum(axis=-1) / by.sum(axis=-1)) if measure == "rmse" else by @ np.abs(e) / by.sum(-1)

    drawn_again = rng.multinomial(n, np.full(n, 1 / n), size=4000) * w
    expected = metric(errors[0], drawn_again) - metric(errors[1], drawn_again)
    outcomes = [Outcome(-e[None], -e[:, None]) for e in errors]
    found = difference(measure, target, "mse", *outcomes, np.zeros((n, 1)), w if weighted else None)
    assert found is not None
    assert found.mean == pytest.approx(metric(errors[0], w) - metric(errors[1], w))
    assert found.error == pytest.approx(expected.std(ddof=1), rel=0.1)
