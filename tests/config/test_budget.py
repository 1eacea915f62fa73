"""A proposal is cut to fit a time, by a table of costs: more time never gives less, and the least there is is said."""

from __future__ import annotations

import pytest

from nnfit.config.budget import MOST, Size, fitted
from nnfit.config.recipe import Recipe, recipe

SIZES = {
    "two rows": Size(2, 3, 3, 1),
    "four rows": Size(4, 3, 3, 1),
    "a small table": Size(1000, 10, 10, 1),
    "many classes": Size(3000, 10, 10, 500),
    "300 numbers": Size(20_000, 300, 300, 2),
    "100 numbers": Size(30_000, 100, 100, 1),
    "categories": Size(100_000, 1000, 2, 1),
    "a long table": Size(5_000_000, 8, 8, 1),
}
BUDGETS = [0.01 * 1.5**k for k in range(40)]


def proposed(size: Size) -> Recipe:
    return recipe(size.rows, size.numbers, classes=False)


@pytest.mark.parametrize("name", SIZES)
def test_more_time_never_gives_less(name: str) -> None:
    size = SIZES[name]
    found = [fitted(proposed(size), size, budget) for budget in BUDGETS]
    taken = [each.seconds for each in found]
    assert taken == sorted(taken)
    assert all(each.seconds <= budget for each, budget in zip(found, BUDGETS, strict=True) if each.met)
    assert not found[0].met
    assert found[-1].met
    assert found[-1].cuts == ()
    assert len({each.recipe for each in found}) == len({each.seconds for each in found}) > 1


@pytest.mark.parametrize("name", SIZES)
def test_a_budget_that_fits_the_proposal_cuts_nothing(name: str) -> None:
    size = SIZES[name]
    whole = fitted(proposed(size), size, 1e9)
    assert fitted(proposed(size), size, whole.seconds) == whole._replace(most=whole.seconds)
    less = fitted(proposed(size), size, 0.999 * whole.seconds)
    assert less.seconds < whole.seconds
    assert less.cuts


def kept(size: Size) -> list[tuple[int, int, bool, int]]:
    """What is left of a proposal as the time gets less: units, members, whether numbers bend, epochs."""
    whole = fitted(proposed(size), size, 1e9)
    found = [fitted(proposed(size), size, whole.seconds * k / 2000).recipe for k in range(2000, 0, -1)]
    return list(dict.fromkeys((each.width, each.members, each.bend is not None, each.epochs) for each in found))


def test_layers_are_cut_first_then_epochs_then_members_and_then_all_epochs_but_one() -> None:
    found = kept(Size(6000, 10, 10, 1))
    assert found[:2] == [(64, 8, True, 30), (32, 8, True, 30)]
    assert found[2:14] == [(32, 8, True, epochs) for epochs in range(29, 17, -1)]
    assert found[14:44] == [(32, 4, True, epochs) for epochs in range(30, 0, -1)]
    assert found[44:] == [(32, 4, False, epochs) for epochs in range(found[44][3], 0, -1)]


def test_many_numbers_do_not_bend_where_all_epochs_then_take_less_than_an_eighth_of_them() -> None:
    found = kept(Size(6000, 100, 100, 1))
    bent = [each for each in found if each[2]]
    assert bent[-1] == (32, 4, True, 4)
    assert found[len(bent) :] == [(32, 4, False, epochs) for epochs in range(30, 0, -1)]


@pytest.mark.parametrize("name", SIZES)
def test_without_a_budget_it_is_minutes_at_most(name: str) -> None:
    size = SIZES[name]
    found = fitted(proposed(size), size)
    assert found.seconds <= MOST == 120
    assert found.recipe.members >= min(4, size.rows)


def test_the_patience_is_that_of_the_epochs_that_are_left() -> None:
    size = SIZES["a small table"]
    for budget in (0.6, 0.7, 0.8, 1.0, 1e9):
        found = fitted(proposed(size), size, budget).recipe
        assert 1 <= found.patience <= found.epochs
