"""What points of a sweep have to keep: two values compared, as in `network.layers.0.size >= network.layers.1.size`."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

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


class Condition(NamedTuple):
    """Two words, and how what they stand for is compared."""

    left: str
    sign: str
    right: str


def read(condition: str) -> Condition:
    """A condition in its parts; an Unknown for a text that is none."""
    found = CONDITION.fullmatch(condition)
    if found is None:
        raise Unknown("expected two keys or numbers, and one of >=, <=, ==, !=, > and < between")
    return Condition(*found.groups())


def keeps(conditions: Sequence[str], values: Mapping[str, Any], base: Any) -> bool:
    """Whether a point keeps all conditions; a key that is no parameter has the value of the spec."""
    return all(kept(condition, values, base) for condition in conditions)


def kept(condition: str, values: Mapping[str, Any], base: Any) -> bool:
    """Whether a point keeps one; an Unknown where that cannot be said."""
    found = read(condition)
    return compared(found, value(found.left, values, base), value(found.right, values, base))


def compared(found: Condition, left: Any, right: Any) -> bool:
    """How two values compare; an Unknown where they do not."""
    try:
        return COMPARED[found.sign](left, right)
    except TypeError:
        raise Unknown(f"{found.left} and {found.right} are not compared by {found.sign}") from None


def wrong(condition: str, lists: Mapping[str, Sequence[Any]], base: Any) -> list[str]:
    """All that is wrong with a condition, whatever values of these lists the parameters have."""
    try:
        found = read(condition)
    except Unknown as error:
        return [str(error)]
    told, sides = [], []
    for word in (found.left, found.right):
        try:
            above = [key for key in lists if not NUMBER.fullmatch(word) and is_part(word, key)]
            points = [{above[-1]: own} for own in lists[above[-1]]] if above else [{}]
            sides.append([value(word, point, base) for point in points])
        except Unknown as error:
            told.append(str(error))
    if told:
        return told
    kinds = [list({type(each): each for each in side}.values()) for side in sides]  # one of each that compares alike
    try:
        for left in kinds[0]:
            for right in kinds[1]:
                compared(found, left, right)
    except Unknown as error:
        return [str(error)]
    return []


def value(word: str, values: Mapping[str, Any], base: Any) -> Any:
    """What a side of a condition is worth: as the last of the parameters says that it is or is a part of, else as the
    spec does.
    """
    if NUMBER.fullmatch(word):
        return parse(word.encode(), "").value
    try:
        place, path = base, path_of(word)
        for key, own in values.items():
            if is_part(word, key):
                place, path = own, path_of(word)[len(path_of(key)) :]
        for part in path:
            place = place[int(part)] if isinstance(place, list) else place[part]
    except (SpecError, LookupError, TypeError, ValueError):
        raise Unknown(f"{word} is neither a number, nor a parameter, nor a key that the spec has") from None
    return place


def is_part(word: str, key: str) -> bool:
    """Whether a key names the value of another, or a part of it."""
    try:
        above = path_of(key)
        return path_of(word)[: len(above)] == above
    except SpecError:
        return False


@cache
def path_of(key: str) -> tuple[str, ...]:
    """The parts of a key, however it is spelled."""
    return tuple(parts(key, ""))
