"""Models in pairs: the difference, its interval over rows drawn in pairs, and the word for it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nnfit.data.target import Target, decode
from nnfit.scoring import intervals, pairs
from nnfit.scoring.comparison import Outcome, difference, sure
from nnfit.scoring.evaluation import compared, evaluate, scores
from nnfit.scoring.pairs import Paired, Said, differences, scored, told

TARGETS = {
    "binary": Target("binary", ("y",), ("a", "b")),
    "multinomial": Target("multinomial", ("y",), ("a", "b", "c")),
    "multilabel": Target("multilabel", ("y", "z"), ("0", "1")),
    "regression": Target("regression", ("y", "z"), mean=(3.0, -1.0), sd=(2.0, 0.1)),
}


def drawn(kind: str, n: int = 200, noise: tuple[float, ...] = (0.3, 0.35), members: int = 1) -> list[Said]:
    """Models that see the truth through noise, each through its own."""
    target, rng = TARGETS[kind], np.random.default_rng(3)
    K = target.outputs
    signal = rng.normal(size=(K, n))
    if kind == "regression":
        truth: Any = (signal + 0.5 * rng.normal(size=(K, n))).T * target.sd + target.mean
    elif kind == "multinomial":
        truth = (signal + rng.gumbel(size=(K, n)) / 2).argmax(axis=0)
    else:
        truth = (signal + 0.5 * rng.normal(size=(K, n)) > 0).T.astype(int)
        truth = truth if kind == "multilabel" else truth[:, 0]
    found = []
    for each in noise:
        z = signal + each * rng.normal(size=(members, K, n))
        if kind == "multinomial":
            z = np.exp(2 * z) / np.exp(2 * z).sum(axis=1, keepdims=True)
        elif kind != "regression":
            z = 1 / (1 + np.exp(-2 * z))
        found.append(Said(target, z, truth))
    return found


def by_metric(each: list[Said], **settings: Any) -> dict[str, Paired]:
    return {pair.metric: pair for pair in differences(each, **settings) if pair.models == (0, 1)}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kind", TARGETS)
def test_the_difference_is_that_of_the_metrics(kind: str, weighted: bool) -> None:
    each = drawn(kind, members=3)
    w = np.random.default_rng(1).uniform(0.5, 2, 200)
    found = by_metric(each, w=w if weighted else None)
    loss = {"regression": "mse", "multinomial": "cross_entropy"}.get(kind, "bce")
    own, other = (evaluate(one.target, loss, one.y_hat, one.truth, w, weighted) for one in each)
    assert set(found) == set(scores(each[0].target))
    for name, pair in found.items():
        assert pair.difference == pytest.approx(own[name] - other[name], abs=1e-12)


@pytest.mark.parametrize("kind", TARGETS)
def test_the_interval_is_that_of_rows_drawn_in_pairs(kind: str) -> None:
    """Against resamples written out: the same rows for both models, row by row."""
    each = drawn(kind)
    rows = [compared(one.target, one.truth, decode(one.target, one.y_hat.mean(axis=0))) for one in each]
    index = np.random.default_rng(0).integers(200, size=(1000, 200))
    found = by_metric(each)
    metrics = scores(each[0].target)
    for name in {"log_loss", "f1_macro", "roc_auc", "rmse", "mae", "r2"} & set(metrics):
        metric = metrics[name]
        values = [[float(metric(*(part[chosen] for part in own))) for chosen in index] for own in rows]
        expected = np.quantile(np.subtract(*values), [0.025, 0.975])
        np.testing.assert_allclose((found[name].low, found[name].high), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("kind", "measure"),
    [("binary", "log_loss"), ("multinomial", "brier"), ("multilabel", "log_loss"), ("regression", "rmse")],
)
def test_of_a_mean_over_the_rows_it_is_students(kind: str, measure: str) -> None:
    each = drawn(kind, n=1000)
    outcomes = [Outcome(one.y_hat[0], decode(one.target, one.y_hat[0])) for one in each]
    t = difference(measure, each[0].target, "", *outcomes, each[0].truth, None)
    found = by_metric(each)[measure]
    assert t is not None
    half = sure(1000) * t.error
    assert (found.low, found.high) == pytest.approx((t.mean - half, t.mean + half), abs=0.15 * half)


def test_beyond_many_rows_the_interval_is_scaled_from_some_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    each = drawn("binary", n=3000)
    whole = by_metric(each)
    monkeypatch.setattr(intervals, "MOST", 1000)
    for name, pair in by_metric(each).items():
        width = whole[name].high - whole[name].low  # type: ignore[operator]
        assert pair.difference == whole[name].difference
        assert pair.low != whole[name].low
        assert (pair.low, pair.high) == pytest.approx((whole[name].low, whole[name].high), abs=0.3 * width)


# --- the word ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", TARGETS)
def test_a_model_against_itself_differs_by_nothing_and_is_not_told_apart(kind: str) -> None:
    (own, _) = drawn(kind, members=6)
    for each in (own, own._replace(apart=True)):
        for pair in differences([each, each]):
            assert pair[2:] == (0.0, None, None, "not told apart")
            assert str(pair.difference) == str(pair.of(1).difference) == "0.0"


@pytest.mark.parametrize("kind", TARGETS)
def test_a_model_that_is_better_is_found_whichever_stands_first(kind: str) -> None:
    better, worse = drawn(kind, n=300, noise=(0.0, 3.0))
    for name, pair in by_metric([better, worse]).items():
        turned = by_metric([worse, better])[name]
        if name not in ("calibration_error", "mape"):
            assert (pair.word, turned.word) == ("better", "worse"), name
        assert turned.difference == -pair.difference
        assert (turned.low, turned.high) == pytest.approx((-pair.high, -pair.low))  # type: ignore[operator]
        assert pair.of(1).word == turned.word
        assert pair.of(1)._replace(models=(0, 1), low=None, high=None) == turned._replace(low=None, high=None)
        assert pair.of(0) is pair


def test_what_the_rows_alone_tell_is_not_enough_where_another_seed_may_tell_otherwise() -> None:
    """The same outputs, with members that show that another seed changes nothing, and without."""
    rng = np.random.default_rng(0)
    y = rng.normal(size=(5000, 1))
    target = Target("regression", ("y",), mean=(0.0,), sd=(1.0,))
    outputs = [(y + scale * rng.normal(size=y.shape)).T for scale in (1.0, 1.05)]
    alone = [Said(target, each[None], y) for each in outputs]
    found = by_metric(alone)["rmse"]
    assert found.high is not None
    assert found.high < 0
    assert found.word == "not told apart"
    agreeing = [Said(target, np.repeat(each[None], 5, axis=0), y, apart=True) for each in outputs]
    assert by_metric(agreeing)["rmse"][2:5] == pytest.approx(found[2:5])
    assert by_metric(agreeing)["rmse"].word == "better"
    few = [each._replace(y_hat=each.y_hat[:4]) for each in agreeing]
    assert by_metric(few)["rmse"].word == "not told apart", "four members are too few to show a spread"
    together = [each._replace(apart=False) for each in agreeing]
    assert by_metric(together)["rmse"].word == "not told apart", "they share the order of their rows"
    spread = [each._replace(y_hat=each.y_hat * np.linspace(0.8, 1.2, 5)[:, None, None]) for each in agreeing]
    assert by_metric(spread)["rmse"].word == "not told apart", "another five may lie elsewhere"


def test_what_members_show_of_another_seed_is_the_jackknife() -> None:
    (own, _) = drawn("regression", members=6)
    found = pairs.over_members(own._replace(apart=True), None)
    without = [np.delete(own.y_hat, j, axis=0).mean(axis=0) for j in range(6)]
    for name, metric in scores(own.target).items():
        values = np.array([float(metric(own.truth, decode(own.target, y_hat))) for y_hat in without])
        assert found[name] == pytest.approx(5 / 6 * ((values - values.mean()) ** 2).sum(), rel=1e-9)


def test_the_more_pairs_there_are_the_more_is_asked_of_each() -> None:
    for n, tests, t in ((31, 10, 3.0298), (1001, 10, 2.8136), (101, 780, 4.1449)):  # scipy: t.ppf(1 - 0.025 / k, n - 1)
        assert sure(n, tests) == pytest.approx(t, rel=0.01)
    fewer = 0
    for noise in np.linspace(0.3, 2, 12):
        own, other = scored(drawn("binary", n=300, noise=(0.0, float(noise))))
        for alone, among in zip(told((0, 1), own, other), told((0, 1), own, other, 45), strict=True):
            assert among._replace(word="") == alone._replace(word="")
            assert among.word in (alone.word, "not told apart")
            fewer += among.word != alone.word
    assert fewer > 5
    three = drawn("regression", noise=(0.3, 0.6, 0.9))
    one, two, last = scored(three)
    every = (*told((0, 1), one, two, 3), *told((0, 2), one, last, 3), *told((1, 2), two, last, 3))
    assert differences(three) == every


def test_few_rows_and_rows_that_weigh_nothing_tell_nothing_apart() -> None:
    def some(each: Said, rows: slice) -> Said:
        return each._replace(y_hat=each.y_hat[:, :, rows], truth=each.truth[rows])

    each = drawn("binary", noise=(0.0, 3.0))
    for pair in differences([some(one, slice(9)) for one in each]):
        assert pair[3:] == (None, None, "not told apart")
    w = np.full(200, 1e-12)
    w[:3] = 1
    assert {pair.word for pair in differences(each, w=w)} == {"not told apart"}
    assert differences(each, w=np.zeros(200)) == ()


def test_four_rows_of_two_hundred_are_no_verdict() -> None:
    """Of four rows on which two models disagree, all go one way once in eight times."""
    truth = np.arange(200) % 2
    p = np.where(truth == 1, 0.9, 0.1)
    q = np.where(np.arange(200) < 4, 1 - p, p)
    own, other = (Said(TARGETS["binary"], each[None, None], truth) for each in (p, q))
    found = by_metric([own, other])["accuracy"]
    assert found.low is not None
    assert found.low > 0
    assert found.word == "not told apart"


def test_a_metric_that_a_model_does_not_have_is_left_out() -> None:
    each = [one._replace(truth=one.truth * 0) for one in drawn("binary")]
    found = by_metric(each)
    assert "roc_auc" not in found
    assert "accuracy" in found


@pytest.mark.parametrize("size", [1e-300, 1e-160, 1e150, 1e200])
def test_of_numbers_without_a_square_nothing_is_told_and_nothing_fails(size: float) -> None:
    each = [
        one._replace(target=one.target._replace(mean=(0.0, 0.0), sd=(size, size)), truth=one.truth * size)
        for one in drawn("regression", noise=(0.0, 3.0), members=5)
    ]
    for said in (each, [one._replace(apart=True) for one in each]):
        for pair in differences(said):
            assert np.isfinite(pair.difference)
            assert pair.word in ("better", "not told apart")
