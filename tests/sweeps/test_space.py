"""The points of a sweep: a grid in its order, and random ones that are the same whatever their number."""

from __future__ import annotations

import numpy as np

from nnfit.sweeps.keys import Range, Search
from nnfit.sweeps.space import TRIES, count, points

GRID, RANDOM = Search(), Search(method="random", trials=200, seed=5)


def test_a_grid_has_every_combination_the_last_parameter_changing_first() -> None:
    found = points({"a": [1, 2], "b": ["x", None, [1]]}, GRID)
    assert [(each["a"], each["b"]) for each in found] == [
        *((1, "x"), (1, None), (1, [1])),
        *((2, "x"), (2, None), (2, [1])),
    ]
    assert count({"a": [1, 2], "b": ["x", None, [1]]}, GRID) == 6


def test_without_parameters_there_is_one_point() -> None:
    assert points({}, GRID) == [{}]


def test_a_range_with_steps_includes_its_ends() -> None:
    found = points({"a": Range(min=0.1, max=0.5, step=0.1)}, GRID)
    assert [each["a"] for each in found] == [0.1, 0.2, 0.3, 0.4, 0.5]
    found = points({"a": Range(min=16, max=64, step=16, type="integer")}, GRID)
    assert [each["a"] for each in found] == [16, 32, 48, 64]
    assert all(type(each["a"]) is int for each in found)


def test_steps_are_the_numbers_that_their_digits_say() -> None:
    found = points({"a": Range(min=20260101, max=20260104, step=1, type="integer")}, GRID)
    assert [each["a"] for each in found] == [20260101, 20260102, 20260103, 20260104]
    found = points({"a": Range(min=-0.3, max=0.3, step=0.1)}, GRID)
    assert [each["a"] for each in found] == [-0.3, -0.2, -0.1, 0.0, 0.1, 0.2, 0.3]
    found = points({"a": Range(min=1.0000001, max=1.0000003, step=1e-7)}, RANDOM)
    assert {each["a"] for each in found} == {1.0000001, 1.0000002, 1.0000003}


def test_steps_without_number_are_counted_all_the_same() -> None:
    assert count({"a": Range(min=-1e308, max=1e308, step=1e-300)}, GRID) > 1e15


def test_a_point_that_cannot_be_found_is_looked_for_once() -> None:
    asked: list[object] = []
    assert points({"a": Range(min=0, max=1)}, RANDOM, lambda point: bool(asked.append(point))) == []
    assert len(asked) == TRIES


def test_more_trials_and_more_parameters_behind_leave_the_first_as_they_are() -> None:
    space = {"a": Range(min=1e-4, max=1e-1, scale="log"), "b": ["x", "y", "z"]}
    many = points(space, RANDOM)
    assert points(space, Search(method="random", trials=7, seed=5)) == many[:7]
    assert points(space, Search(method="random", trials=7, seed=6)) != many[:7]
    wider = points(space | {"c": [0, 1]}, RANDOM)
    assert [{"a": each["a"], "b": each["b"]} for each in wider] == many


def test_drawn_numbers_lie_within_their_bounds_evenly_on_their_scale() -> None:
    space = {
        "log": Range(min=1e-4, max=1e-1, scale="log"),
        "linear": Range(min=-1, max=3),
        "whole": Range(min=1, max=4, type="integer"),
        "stepped": Range(min=0, max=1, step=0.25),
        "both": Range(min=1, max=1000, scale="log", type="integer"),
    }
    found = points(space, RANDOM)
    log = np.log10([each["log"] for each in found])
    assert log.min() >= -4
    assert log.max() <= -1
    assert abs(log.mean() + 2.5) < 0.2  # the middle of the exponents
    linear = np.array([each["linear"] for each in found])
    assert -1 <= linear.min() < -0.9
    assert 2.9 < linear.max() <= 3
    assert {each["whole"] for each in found} == {1, 2, 3, 4}
    assert {each["stepped"] for each in found} == {0, 0.25, 0.5, 0.75, 1}
    assert all(type(each["both"]) is int for each in found)
    assert 10 < np.median([each["both"] for each in found]) < 100
