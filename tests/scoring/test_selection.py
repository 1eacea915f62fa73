"""The best of many: on trials that differ by nothing, what the choice gains is found; on others, that it gains less."""

from __future__ import annotations

import math

import numpy as np
import pytest

from nnfit.data.target import Target
from nnfit.scoring.evaluation import evaluate
from nnfit.scoring.selection import Scores, Selection, by_noise, expected_best, grouped, noise, of_rows, selection
from scoring.test_comparison import TARGETS
from scoring.test_comparison import drawn as compared


def drawn(
    T: int, n: int, rng: np.random.Generator, spread: float = 0.0, common: float = 0.0
) -> tuple[Scores, np.ndarray]:
    """The scores of T trials on n rows with errors of standard deviation 1, and the true scores."""
    true = spread * rng.normal(size=T)
    values = true[:, None] + rng.normal(size=(T, n)) + common * rng.normal(size=n)
    return Scores(values, np.ones(n)), true


def found(scores: Scores, higher: bool = False, resamples: int = 100) -> Selection:
    """The selection, which there is."""
    answer = selection(scores, higher, resamples)
    assert answer is not None
    return answer


@pytest.mark.parametrize(
    ("n", "value"),
    [(1, 0.0), (2, 1 / math.sqrt(math.pi)), (3, 0.84628), (10, 1.53875), (100, 2.50759), (1000, 3.24144)],
)
def test_the_expected_largest_of_normal_numbers_is_that_of_the_tables(n: int, value: float) -> None:
    assert expected_best(n) == pytest.approx(value, abs=1e-5)


@pytest.mark.parametrize("common", [0.0, 3.0])
@pytest.mark.parametrize("higher", [False, True])
def test_on_pure_noise_the_optimism_is_what_the_choice_has_gained(common: float, higher: bool) -> None:
    T, n = 40, 60
    rng = np.random.default_rng(7)
    each = [found(drawn(T, n, rng, common=common)[0], higher) for _ in range(150)]
    expected = expected_best(T) / math.sqrt(n)  # 0.279
    assert np.mean([one.optimism for one in each]) == pytest.approx(expected, rel=0.06)
    # What is left out says what the trials are, 0, as far as the rows all have in common let it.
    assert abs(np.mean([one.corrected for one in each])) < 4 * math.hypot(1, common) / math.sqrt(n * 150)


def test_where_one_trial_is_clearly_the_best_there_is_no_optimism_to_speak_of() -> None:
    rng = np.random.default_rng(1)
    scores, _ = drawn(30, 200, rng)
    scores.values[4] -= 2
    answer = found(scores)
    assert answer.best == 4 and answer.chosen[4] == 1
    assert abs(answer.optimism) < 0.02
    assert answer.error[4] == 0


def test_the_corrected_score_is_nearer_to_the_truth_than_the_score_of_the_best() -> None:
    rng = np.random.default_rng(3)
    seen, corrected = [], []
    for _ in range(100):
        scores, true = drawn(40, 60, rng, spread=0.1)
        answer = found(scores)
        seen.append(answer.score - true[answer.best])
        corrected.append(answer.corrected - true[answer.best])
    assert np.mean(seen) < -0.1  # too good
    assert abs(np.mean(corrected)) < 0.3 * abs(np.mean(seen))


def test_groups_of_rows_say_what_the_rows_say() -> None:
    rng = np.random.default_rng(2)
    scores, _ = drawn(20, 3000, rng)
    w = rng.uniform(0.5, 2, 3000)
    few = grouped(scores.values, w, most=150)
    assert few.values.shape == (20, 150) and few.sizes.sum() == pytest.approx(w.sum())
    assert few.of(np.ones((1, 150))) == pytest.approx(Scores(scores.values, w).of(np.ones((1, 3000))))
    assert noise(few) == pytest.approx(noise(Scores(scores.values, w)), rel=0.05)
    assert found(few, resamples=400).optimism == pytest.approx(found(Scores(scores.values, w)).optimism, rel=0.25)
    assert grouped(scores.values[:, :4], w[:4]).values.shape == (20, 4)


def test_the_noise_of_a_trial_leaves_out_what_is_hard_for_all() -> None:
    rng = np.random.default_rng(4)
    assert noise(drawn(200, 400, rng)[0]) == pytest.approx(0.05, rel=0.02)
    assert noise(drawn(200, 400, rng, common=5)[0]) == pytest.approx(0.05, rel=0.02)
    squares = Scores(rng.normal(size=(300, 400)) ** 2, np.ones(400), root=True)
    roots = squares.of(np.ones((1, 400)))[0]
    assert noise(squares) == pytest.approx(roots.std(), rel=0.1)
    assert math.isnan(noise(Scores(np.ones((1, 9)), np.ones(9))))


def test_a_root_is_taken_of_the_mean_and_rows_count_by_their_weights() -> None:
    scores = Scores(np.array([[1.0, 4, 9, 16, 25]] * 2), np.array([1.0, 1, 1, 1, 0]), root=True)
    assert scores.of(np.ones((1, 5)))[0] == pytest.approx([math.sqrt(7.5)] * 2)
    assert scores.of(np.array([[0.0, 2, 0, 0, 7]]))[0] == pytest.approx([2.0] * 2)


def test_of_a_root_the_optimism_is_in_its_unit() -> None:
    rng = np.random.default_rng(8)
    roots = []
    for _ in range(100):
        squares = Scores(100 * rng.normal(size=(20, 80)) ** 2, np.ones(80), root=True)
        roots.append(found(squares).corrected)
    assert np.mean(roots) == pytest.approx(10, rel=0.02)  # and not 100, nor what is left of it


def test_by_noise_of_equal_trials_it_is_that_of_the_largest_and_trials_far_away_do_not_count() -> None:
    rng = np.random.default_rng(5)
    values = 0.3 + 0.01 * rng.normal(size=200)
    bias, k = by_noise(values, 0.01, higher=False)
    assert 140 < k <= 200
    assert bias == pytest.approx(0.01 * expected_best(200), rel=0.05)
    bias, k = by_noise(np.r_[values[:10], np.full(190, 2.0), np.nan], 0.01, higher=False)
    assert k == 10 and bias == pytest.approx(0.0153875, rel=1e-4)
    assert by_noise(np.array([np.nan]), 0.1, higher=True)[1] == 0


def test_of_too_few_groups_or_no_trial_nothing_is_said() -> None:
    assert selection(Scores(np.zeros((3, 4)), np.ones(4)), higher=False) is None
    assert selection(Scores(np.zeros((0, 9)), np.ones(9)), higher=False) is None
    alone = found(Scores(np.arange(9.0)[None], np.ones(9)))
    assert alone.chosen == pytest.approx([1]) and abs(alone.optimism) < 0.3


def test_the_same_scores_give_the_same_answer_however_many_are_held_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    scores, _ = drawn(12, 30, np.random.default_rng(6))
    whole = found(scores)
    monkeypatch.setattr("nnfit.scoring.selection.AT_ONCE", 42 * 7)
    few = found(scores)
    assert few.corrected == pytest.approx(whole.corrected, rel=1e-12) and (few.chosen == whole.chosen).all()


NUMBER = (Target("regression", ("y",), mean=(3.0,), sd=(2.0,)), "mse")


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kind", [*TARGETS, "a number"])
def test_the_scores_of_rows_come_to_the_metric(kind: str, weighted: bool) -> None:
    target, loss, (outcome, _), truth, w = compared("regression" if kind == "a number" else kind)
    if kind == "a number":
        (target, loss), truth = NUMBER, truth[:, :1]
        outcome = outcome._replace(y_hat=outcome.y_hat[:1], prediction=outcome.prediction[:, :1])
    metrics = evaluate(target, loss, outcome.y_hat[None], truth, w if weighted else np.ones(40), weighted)
    means = {"regression": ("mae",), "a number": ("mae", "rmse")}.get(kind, ("log_loss", "brier", "accuracy"))
    for metric in means:
        for most in (7, 100):
            found = of_rows(metric, target, outcome, truth, w if weighted else None, most=most)
            assert found is not None and found.values.shape == (1, min(most, 40))
            assert found.of(np.ones((1, min(most, 40))))[0, 0] == pytest.approx(metrics[metric])
    others = {"rmse", "r2", "mape"} if target.task == "regression" else {"roc_auc", "f1_macro", "calibration_error"}
    for metric in others - set(means):
        assert of_rows(metric, target, outcome, truth) is None
