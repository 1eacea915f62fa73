"""What numbers are expanded to is chosen by folds: carefully, the same on any number of cores, and told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from nnfit.config.loader import load_spec
from nnfit.config.proposal import fitted_to, looked_at
from nnfit.fit import choosing
from nnfit.workers.threads import working

RNG = np.random.default_rng(5)


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few rows are enough, so that a test does not take long."""
    monkeypatch.setattr(choosing, "LEAST", 200)


@pytest.fixture
def written_table(tmp_path: Path) -> Callable[..., Path]:
    def write(n: int, y: Callable[[np.ndarray], np.ndarray]) -> Path:
        x = np.random.default_rng(3).uniform(-1, 1, (n, 2))
        path = tmp_path / "table.csv"
        rows = [f"{a:.4f},{b:.4f},{c}" for (a, b), c in zip(x, y(x), strict=True)]
        path.write_text("\n".join(["a,b,y", *rows]) + "\n")
        return path

    return write


FOLD = np.arange(1000) % 4


def test_another_way_is_taken_only_where_it_is_better_by_more_than_chance() -> None:
    usual = RNG.exponential(size=1000)
    noise = usual + RNG.normal(0, 1, 1000)
    assert choosing.best(np.array([usual, noise - noise.mean() + usual.mean() - 0.02]), FOLD) == 0
    assert choosing.best(np.array([usual, usual - 0.02 + RNG.normal(0, 0.1, 1000)]), FOLD) == 1


def test_a_network_that_was_lucky_with_its_fold_is_not_another_way() -> None:
    """All rows of a fold are judged by one network: what is the same for all of them is its luck."""
    taken = 0
    for seed in range(400):
        rng = np.random.default_rng(seed)
        usual = rng.exponential(size=1000)
        luck = rng.normal(0, 0.1, 4)[FOLD]
        taken += choosing.best(np.array([usual, usual + luck + rng.normal(0, 0.1, 1000)]), FOLD)
    assert taken <= 40  # two standard errors of four folds leave a tenth to chance, at most; of rows alone a half


def test_of_several_that_are_better_the_best_is_taken() -> None:
    usual = RNG.exponential(size=1000)
    ways = [usual, usual - 0.1 + RNG.normal(0, 0.1, 1000), usual - 0.2 + RNG.normal(0, 0.1, 1000), usual + 1]
    assert choosing.best(np.array(ways), FOLD) == 2


@pytest.mark.parametrize("diverged", [0, 1])
def test_a_way_that_diverges_is_not_chosen(diverged: int) -> None:
    ways = np.array([RNG.exponential(size=100), RNG.exponential(size=100)])
    ways[diverged] = np.inf
    assert choosing.best(ways, FOLD[:100]) == 0
    assert choosing.optimism(ways, FOLD[:100]) == pytest.approx(0)


def test_choosing_among_luck_is_told_as_what_flatters() -> None:
    """Of many ways that are alike, the one that is best by luck is not as good as its score says."""
    apart = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        errors = rng.exponential(size=(1, 400)) + rng.normal(0, 0.5, (60, 400))
        fold = FOLD[:400]
        way = choosing.best(errors, fold)
        fresh = 1.0  # the mean of every way on new rows
        apart.append((fresh / errors[way].mean() - 1, choosing.optimism(errors, fold)))
    truly, told = np.mean(apart, axis=0)
    assert truly > 0.02
    assert told > truly / 2


def test_a_choice_is_the_same_for_any_number_of_workers(short: None, written_table: Callable[..., Path]) -> None:
    path = written_table(300, lambda x: np.sin(9 * x[:, 0]) + x[:, 1] + RNG.normal(0, 0.1, len(x)))
    found = looked_at(path, "y", None)
    fit = fitted_to(found)
    with working(1):
        alone = choosing.tuned(found, fit, path)
    with working(2):
        assert choosing.tuned(found, fit, path) == alone


def test_nothing_is_tried_where_there_is_no_time_to_try_and_to_train(
    short: None, written_table: Callable[..., Path]
) -> None:
    found = looked_at(written_table(300, lambda x: x[:, 0].round(4)), "y", None)
    fit = fitted_to(found)
    seconds = choosing.seconds_to_try(fit)
    assert seconds is not None
    assert choosing.time_to_try(fit, seconds, None)
    assert choosing.time_to_try(fit, seconds, 60)
    assert not choosing.time_to_try(fit, seconds, 1.01 * fit.seconds)


def test_of_few_rows_there_is_nothing_to_choose_by(written_table: Callable[..., Path]) -> None:
    found = looked_at(written_table(1999, lambda x: x[:, 0].round(4)), "y", None)
    assert choosing.seconds_to_try(fitted_to(found)) is None


def test_of_noise_the_usual_way_is_kept(short: None, written_table: Callable[..., Path]) -> None:
    path = written_table(300, lambda x: np.random.default_rng(1).normal(size=len(x)).round(4))
    found = looked_at(path, "y", None)
    fit = fitted_to(found)
    chosen, why = choosing.tuned(found, fit, path)
    assert chosen == fit
    assert why == (
        "of 4 ways none was better by more than chance on 300 rows, each by a network that did not learn from it"
    )


def test_every_row_is_judged_by_a_network_that_did_not_learn_from_it(written_table: Callable[..., Path]) -> None:
    """A target that is drawn can be learnt by heart and not foretold: its squared error stays above its variance."""
    path = written_table(120, lambda x: np.random.default_rng(2).normal(size=len(x)).round(4))
    spec = {
        "data": {"train": str(path), "target": "y"},
        "network": {
            "layers": [{"size": 64, "activation": "relu"}, {"size": 1, "activation": "linear"}],
            "members": 4,
        },
        "training": {"epochs": 60, "resample": "folds", "early_stopping": {"patience": 60}, "baseline": False},
    }
    errors, fold = choosing.tried(load_spec(spec), "way")
    assert sorted(np.bincount(fold.astype(int))) == [30, 30, 30, 30]
    assert errors.mean() > 0.9


def test_of_many_rows_some_are_drawn_the_same_for_every_way(
    monkeypatch: pytest.MonkeyPatch, written_table: Callable[..., Path]
) -> None:
    monkeypatch.setattr(choosing, "TRIED", 100)
    path = written_table(300, lambda x: x[:, 0].round(4))
    columns = {"a": {"piecewise": 4}}
    spec = {
        "data": {"train": str(path), "target": "y"},
        "network": {"layers": [{"size": 1, "activation": "linear"}], "members": 4},
        "training": {"epochs": 2, "resample": "folds"},
    }
    truths = [
        choosing.drawn(choosing.prepare(load_spec(spec, {"data.columns": each}))).sets["train"].truth
        for each in ({}, columns)
    ]
    assert len(truths[0]) == 100
    np.testing.assert_array_equal(*truths)
