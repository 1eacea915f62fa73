"""Few cases instead of a whole product of parameters."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations
from typing import Any


def all_pairs(cases: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Some of the cases: any two values that stand together in one of all still do in one of these.

    A fault that shows for some value of one parameter, or for some values of two, is found as it is by all.
    """
    left = {case: set(combinations(enumerate(case), 2)) for case in cases}
    chosen = []
    while any(left.values()):
        case = max(left, key=lambda case: len(left[case]))
        covered = left.pop(case)
        chosen.append(case)
        for pairs in left.values():
            pairs -= covered
    return chosen
