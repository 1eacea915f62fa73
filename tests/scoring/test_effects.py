"""Which parameters matter: known answers on full grids, and on noise no more than chance gives."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from nnfit.scoring.effects import effects, interaction, parts

GRID = np.array([*product(range(4), range(3), range(5))])  # 60 trials
A, B, C = GRID.T


def test_on_a_full_grid_the_shares_are_those_of_the_analysis_of_variance() -> None:
    y = 10.0 * A + 3.0 * B
    found = effects(y, [A, B, C])
    assert [each.of for each in found] == [0, 1]
    total = y.var(ddof=1)
    left = ((y - 10.0 * A - 3.0) ** 2).sum() / (60 - 4)  # within the levels of A
    assert found[0].share == pytest.approx(1 - left / total)
    assert sum(each.share for each in found) == pytest.approx(1)
    assert all(each.clear for each in found)


def test_an_interaction_is_what_no_sum_of_parameters_explains() -> None:
    y = np.where(A < 2, 1.0, -1.0) * (B - 1.0) + 0.01 * C
    assert effects(y, [A, B])[:1] == () or effects(y, [A, B])[0].share < 0.05
    found = interaction(y, [A, B, C], (0, 1))
    assert found is not None and found.clear and found.share > 0.95
    plain = interaction(1.0 * A + B, [A, B, C], (0, 1))
    assert plain is not None and abs(plain.share) < 1e-9


def test_on_noise_a_parameter_is_called_clear_no_more_often_than_said() -> None:
    rng = np.random.default_rng(0)
    first, pairs, shares = [], [], []
    for k in range(200):
        codes = [rng.integers(0, size, 40) for size in (2, 3, 5, 4)]
        y = rng.permutation(40).astype(float)
        found = effects(y, codes, seed=k)
        first.append(bool(found) and found[0].clear)
        shares.append(sum(each.share for each in effects(y, codes[:1], seed=k)))
        both = interaction(y, codes, (0, 2), seed=k)
        assert both is not None
        pairs.append(both.clear)
    assert 0.01 <= np.mean(first) <= 0.09  # of the largest of four, not of each of them
    assert 0.01 <= np.mean(pairs) <= 0.1
    assert np.mean(shares) < 0.02


def test_on_noise_no_parameter_that_enters_later_is_called_clear_either() -> None:
    rng = np.random.default_rng(3)
    later = []
    for k in range(300):
        codes = [rng.integers(0, size, 10) for size in (2, 3, 4, 2)]
        found = effects(rng.permutation(10).astype(float), codes, seed=k)
        later.append(any(each.clear for each in found))
        chances = [each.chance for each in found]
        assert chances == sorted(chances)  # behind one that may be chance, all may be
    assert np.mean(later) <= 0.07


def test_of_few_trials_nothing_is_claimed() -> None:
    y = np.array([1.0, 2, 3])
    assert effects(y, [np.array([0, 1, 2])]) == ()
    assert interaction(y, [np.array([0, 1, 2]), np.array([0, 1, 0])], (0, 1)) is None
    assert effects(np.ones(20), [np.arange(20) % 2]) == ()
    assert effects(np.arange(20.0), [np.arange(20)]) == ()  # a level for each trial explains all, and says nothing
    assert effects(np.arange(20.0), [np.zeros(20, int)]) == ()


def test_a_parameter_that_says_the_same_as_another_adds_nothing() -> None:
    found = effects(1.0 * A, [A, A, C])
    assert [each.of for each in found] == [0] and found[0].share == pytest.approx(1)


def test_a_range_is_cut_into_parts_of_as_many_trials() -> None:
    values = np.random.default_rng(0).uniform(size=100)
    codes, edges = parts(values)
    assert np.bincount(codes).tolist() == [20] * 5 and len(edges) == 6
    assert (np.diff(codes[np.argsort(values)]) >= 0).all()
    assert len(parts(values[:9])[1]) == 3
    assert parts(np.zeros(9))[0].tolist() == [0] * 9
