"""Areas under curves from one sort: against every pair of rows, with ties, weights and resamples."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nnfit.data.target import Target
from nnfit.scoring import metrics
from nnfit.scoring.evaluation import metrics as all_metrics
from nnfit.scoring.ranking import Ranking

Case = tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], np.ndarray[Any, Any]]


def case(seed: int, levels: int) -> Case:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 40))
    return (
        rng.random(n) < rng.uniform(0.1, 0.9),
        rng.integers(0, levels, n) / levels,
        rng.random((5, n)) * (rng.random((5, n)) < 0.7),
    )


@pytest.mark.parametrize("levels", [1, 3, 10**6])
@pytest.mark.parametrize("seed", range(20))
def test_the_area_under_the_roc_counts_every_pair_and_a_tie_half(seed: int, levels: int) -> None:
    positive, score, w = case(seed, levels)
    ranking, ones = Ranking(positive, score), np.ones(len(score))
    wins = (score[positive][:, None] > score[~positive]) + 0.5 * (score[positive][:, None] == score[~positive])
    for weights in (ones, *w):
        area, pairs = ranking.roc_area(weights)
        assert area == pytest.approx(weights[positive] @ wins @ weights[~positive])
        assert pairs == pytest.approx(weights[positive].sum() * weights[~positive].sum())
    assert ranking.roc_area() == ranking.roc_area(ones), "without weights each row counts once, to the last bit"
    for together, alone in zip(ranking.roc_area(w), zip(*map(ranking.roc_area, w), strict=True), strict=True):
        np.testing.assert_allclose(together, alone, rtol=1e-12)


@pytest.mark.parametrize("levels", [1, 3, 10**6])
@pytest.mark.parametrize("seed", range(20))
def test_the_area_under_precision_and_recall_adds_the_gain_at_every_score(seed: int, levels: int) -> None:
    positive, score, w = case(seed, levels)
    ranking, ones = Ranking(positive, score), np.ones(len(score))
    for weights in (ones, *w):
        expected, above = 0.0, 0.0
        for level in np.unique(score)[::-1]:
            tp, fp = (weights[rows & (score >= level)].sum() for rows in (positive, ~positive))
            expected += (tp - above) * (tp / (tp + fp)) if tp else 0.0
            above = tp
        assert ranking.precision_area(weights)[0] == pytest.approx(expected)
    assert ranking.precision_area()[0] == pytest.approx(ranking.precision_area(ones)[0], rel=1e-14)
    for together, alone in zip(
        ranking.precision_area(w), zip(*map(ranking.precision_area, w), strict=True), strict=True
    ):
        np.testing.assert_allclose(together, alone, rtol=1e-12)


def test_all_metrics_of_a_prediction_sort_its_rows_once(monkeypatch: pytest.MonkeyPatch) -> None:
    sorts: list[int] = []

    class Counted(Ranking):
        def __init__(self, positive: Any, score: Any) -> None:
            sorts.append(len(score))
            super().__init__(positive, score)

    monkeypatch.setattr(metrics, "Ranking", Counted)
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.ones(3), 60)
    all_metrics(Target("multinomial", ("y",), ("a", "b", "c")), rng.integers(0, 3, 60), p)
    assert sorts == [60] * 3, "once for each class"
