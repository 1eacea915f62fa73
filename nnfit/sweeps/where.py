"""What points of a sweep have to keep: two values compared, as in `network.layers.0.size >= network.layers.1.size`."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from nnfit.config.document import parse, parts
from nnfit.errors import SpecError

COMPARED: dict[str, Callable[[Any, Any], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
}
CONDITION = re.compile(r"\s*(.+?)\s*(>=|<=|==|!=|>|<)\s*(.+?)\s*")
NUMBER = re.compile(r"[-+]?[0-9.]+([eE][-+]?[0-9]+)?")


class Unknown(Exception):  # noqa: N818
    """A condition that cannot be read, or asked of these values; the message says why."""


def keeps(conditions: Sequence[str], values: Mapping[str, Any], base: Any) -> bool:
    """Whether a point keeps all conditions; a key that is no parameter has the value of the spec."""
    return all(kept(condition, values, base) for condition in conditions)


def kept(condition: str, values: Mapping[str, Any], base: Any) -> bool:
    """Whether a point keeps one; an Unknown where that cannot be said."""
    found = CONDITION.fullmatch(condition)
    if found is None:
        raise Unknown("expected two keys or numbers, and one of >=, <=, ==, !=, > and < between")
    left, right = value(found[1], values, base), value(found[3], values, base)
    try:
        return COMPARED[found[2]](left, right)
    except TypeError:
        raise Unknown(f"{found[1]} and {found[3]} are not compared by {found[2]}") from None


def value(word: str, values: Mapping[str, Any], base: Any) -> Any:
    """What a side of a condition is worth: as the last of the parameters says that it is or is a part of, else as the
    spec does.
    """
    if NUMBER.fullmatch(word):
        return parse(word.encode(), "").value
    try:
        place, path = base, path_of(word)
        for key, own in values.items():
            above = path_of(key)
            if path_of(word)[: len(above)] == above:
                place, path = own, path_of(word)[len(above) :]
        for part in path:
            place = place[int(part)] if isinstance(place, list) else place[part]
    except (SpecError, LookupError, TypeError, ValueError):
        raise Unknown(f"{word} is neither a number, nor a parameter, nor a key that the spec has") from None
    return place


@cache
def path_of(key: str) -> tuple[str, ...]:
    """The parts of a key, however it is spelled."""
    return tuple(parts(key, ""))
