"""What the tests leave out of a product of parameters is only what other cases hold too."""

from __future__ import annotations

from itertools import combinations, product
from typing import Any

import pytest
from covering import all_pairs

CASES: list[tuple[list[tuple[Any, ...]], int]] = [
    (list(product("abcdef", range(6), [1, 2])), 36),
    ([(a, b, *rest) for a, b in ("xp", "xq", "yq", "zr") for rest in product(range(4), [1, 3])], 14),
    (list(product("ab", range(3))), 6),
    ([("a", 1, 2)], 1),
]


def pairs(cases: list[tuple[Any, ...]]) -> set[Any]:
    return {pair for case in cases for pair in combinations(enumerate(case), 2)}


@pytest.mark.parametrize(("cases", "number"), CASES)
def test_every_two_values_that_meet_still_do_in_few_cases(cases: list[tuple[Any, ...]], number: int) -> None:
    chosen = all_pairs(cases)
    assert set(chosen) <= set(cases)
    assert pairs(chosen) == pairs(cases)
    assert len(chosen) == len(set(chosen)) <= number
