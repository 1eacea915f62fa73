"""What a user may set: fields of frozen dataclasses, whose default, check and text stand side by side.

An entry of a table (of activations, initializations, optimizers, schedules, averages) is such a class: its field `name`
is what a spec calls it, each further field one of its parameters. A `bool` is a switch, an `int` a count (at least 1
unless the bounds say otherwise), a `Literal` a choice of words, a `str` a text that is not empty, a `float` a finite
number within the bounds. The spec's own mappings are declared in the same way, in nnfit/config/spec.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, field
from types import MappingProxyType
from typing import Any, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]

REQUIRED: Any = MISSING  # the default of what must be given
NOTHING: Mapping[str, Any] = MappingProxyType({})


class Parameter(NamedTuple):
    """What a field says beside its type and default: its text, and what a value must be.

    A number lies `above` <, `least` ≤, < `below` and ≤ `most`. With `words` a text is one of the keys of a table; with
    `entries` the value is an entry of a table, by its name or as a mapping; `aliases` are further spellings of either.
    """

    text: str
    above: float | None = None
    least: float | None = None
    below: float | None = None
    most: float | None = None
    words: Mapping[str, Any] = NOTHING
    entries: Mapping[str, Any] = NOTHING
    aliases: Mapping[str, str] = NOTHING
    pattern: str = ""
    characters: int | None = None  # the most of a text
    items: int = 0  # the least of a list or mapping
    most_items: int | None = None
    distinct: bool = False  # no item of a list stands there twice
    otherwise: Any = None  # what holds where the default, None, says nothing
    nothing: str = ""  # a word that means nothing, as null does
    inferred: bool = False  # nothing may be given; the spec fills in what follows from its other keys


def parameter(default: Any, text: str, **checks: Any) -> Any:
    """A field that a user may set: its default (or REQUIRED), its text, and the checks of Parameter."""
    return field(default=default, metadata={"parameter": Parameter(text, **checks)})


def named(name: str) -> Any:
    """The field `name` of an entry, which nobody sets."""
    return field(default=name, init=False, metadata={"parameter": Parameter("its name")})


def table(union: Any) -> dict[str, Any]:
    """The classes of a union by their names."""
    return {entry.name: entry for entry in get_args(union)}
